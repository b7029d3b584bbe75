//! Parquet, row by row.

use super::{FileRows, Packing, unpacked};
use crate::error::DatasetError;
use ::parquet::{
    file::{reader::FileReader, serialized_reader::SerializedFileReader},
    record::{Field, reader::RowIter},
    schema::types::Type,
};
use bytes::Bytes;
use mergelab_abi::task::Row;
use serde_json::{Number, Value};
use std::{collections::BTreeSet, fs::File, io::Read as _, path::Path, sync::Arc};

pub(super) fn rows(
    path: &Path,
    file: File,
    packing: Packing,
    columns: Option<&BTreeSet<String>>,
) -> Result<FileRows, DatasetError> {
    let problem = |message: String| DatasetError::File {
        file: path.to_owned(),
        message,
    };
    let told = |e: ::parquet::errors::ParquetError| problem(e.to_string());
    let reader: Box<dyn FileReader> = match packing {
        Packing::None => Box::new(SerializedFileReader::new(file).map_err(told)?),
        // The format is read from its end, so what is compressed as a whole is unpacked first.
        Packing::Gzip | Packing::Zstd => {
            let mut content = Vec::new();
            unpacked(file, packing)
                .and_then(|mut r| r.read_to_end(&mut content).map_err(|e| e.to_string()))
                .map_err(problem)?;
            Box::new(SerializedFileReader::new(Bytes::from(content)).map_err(told)?)
        }
    };
    let schema = reader.metadata().file_metadata().schema().clone();
    let projection = columns.map(|c| projection(&schema, c)).transpose();
    let rows = RowIter::from_file_into(reader)
        .project(projection.map_err(told)?)
        .map_err(told)?;
    let path = path.to_owned();
    let rows = (1..).zip(rows).map(move |(number, row)| {
        let row = row.map_err(|e| DatasetError::Line {
            file: path.clone(),
            line: number,
            message: e.to_string(),
        })?;
        let fields = row.into_columns();
        let values = fields.into_iter().map(|(name, field)| (name, value(field)));
        Ok((number, Row::from_iter(values)))
    });
    Ok(Box::new(rows))
}

/// The part of the schema that is wanted. A file that has none of it is read whole, so that the
/// error about the missing fields can say what it has.
fn projection(
    schema: &Type,
    columns: &BTreeSet<String>,
) -> Result<Type, ::parquet::errors::ParquetError> {
    let wanted: Vec<Arc<Type>> = schema
        .get_fields()
        .iter()
        .filter(|field| columns.contains(field.name()))
        .map(Arc::clone)
        .collect();
    if wanted.is_empty() {
        return Ok(schema.clone());
    }
    Type::group_type_builder(schema.name())
        .with_fields(wanted)
        .build()
}

/// A value as the same thing in JSON Lines would be.
fn value(field: Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => Value::Bool(flag),
        Field::Byte(n) => Value::from(n),
        Field::Short(n) => Value::from(n),
        Field::Int(n) => Value::from(n),
        Field::Long(n) => Value::from(n),
        Field::UByte(n) => Value::from(n),
        Field::UShort(n) => Value::from(n),
        Field::UInt(n) => Value::from(n),
        Field::ULong(n) => Value::from(n),
        Field::Float16(n) => float(f64::from(n)),
        // The shortest decimal of the 32-bit number, as JSON has it, and not its 64-bit image.
        Field::Float(n) => float(n.to_string().parse().unwrap_or(f64::from(n))),
        Field::Double(n) => float(n),
        Field::Str(text) => Value::String(text),
        Field::Bytes(bytes) => Value::String(String::from_utf8_lossy(bytes.data()).into_owned()),
        Field::Date(days) => Value::from(days),
        Field::TimeMillis(n) => Value::from(n),
        Field::TimeMicros(n) | Field::TimestampMillis(n) | Field::TimestampMicros(n) => {
            Value::from(n)
        }
        Field::Group(row) => Value::Object(
            row.into_columns()
                .into_iter()
                .map(|(name, field)| (name, value(field)))
                .collect(),
        ),
        Field::ListInternal(list) => {
            Value::Array(list.elements().iter().cloned().map(value).collect())
        }
        Field::MapInternal(map) => Value::Object(
            map.entries()
                .iter()
                .map(|(key, field)| (key.to_string(), value(field.clone())))
                .collect(),
        ),
        other @ Field::Decimal(_) => Value::String(other.to_string()),
    }
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}
