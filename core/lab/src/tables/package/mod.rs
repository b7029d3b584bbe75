//! A description of the tables for programs: a JSON Schema for the rows of each, and one data package
//! for all of them.
//!
//! `datapackage.json` follows Frictionless' Tabular Data Package (specs.frictionlessdata.io);
//! `schemas/TABLE.json` is JSON Schema of the draft 2020-12 for a row as an object, in which an empty
//! field is null.

mod catalogue;
mod frictionless;
mod row_schema;

pub use catalogue::{Described, Reference, TABLES};
pub use row_schema::row_schema;

use super::{Table, TableError};
use crate::dataset::card::Record;
use serde_json::Value;
use std::{fs, io, path::Path};

/// Name of the data package's file.
pub const PACKAGE: &str = "datapackage.json";
/// Name of the folder with a JSON Schema for each table.
pub const SCHEMAS: &str = "schemas";

/// Writes the schemas of these tables, which lie in `folder` already, and the data package.
///
/// # Errors
/// What the file system refuses.
pub fn write_package(
    folder: &Path,
    experiment: &str,
    tables: &[(&str, Table)],
    sources: &[Record],
) -> Result<(), TableError> {
    let schemas = folder.join(SCHEMAS);
    // One of a table that this run has not would describe nothing.
    match fs::remove_dir_all(&schemas) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(at(&schemas)(e)),
        _ => {}
    }
    fs::create_dir_all(&schemas).map_err(at(&schemas))?;
    let mut resources = Vec::new();
    for described in TABLES {
        let found = tables.iter().find(|(name, _)| *name == described.file);
        let Some((_, table)) = found else { continue };
        let path = schemas.join(format!("{}.json", described.name()));
        write_value(&path, &row_schema(described, &table.header))?;
        let path = folder.join(described.file);
        let bytes = fs::read(&path).map_err(at(&path))?;
        resources.push(frictionless::resource(described, &table.header, &bytes));
    }
    let package = frictionless::package(experiment, resources, sources);
    write_value(&folder.join(PACKAGE), &package)
}

fn write_value(path: &Path, value: &Value) -> Result<(), TableError> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(io::Error::other)
        .map_err(at(path))?;
    text.push('\n');
    fs::write(path, text).map_err(at(path))
}

fn at(path: &Path) -> impl Fn(io::Error) -> TableError {
    move |source| TableError::Io {
        path: path.to_owned(),
        source,
    }
}
