//! Fields as the card writes them.

use super::{Among, Field, From, Kind, Name, Names};
use mergelab_toml::{
    reader::{Reader, TextOrTable},
    source::{Located, ManifestError},
};
use std::collections::BTreeMap;

/// Names that paths with `@` may have.
const PLACES: [&str; 4] = ["@split", "@row", "@language", "@code"];

impl Field {
    /// Reads a field: a path, or a table.
    pub(crate) fn read(reader: &Reader<'_>, key: &str) -> Result<Option<Self>, ManifestError> {
        let found = reader.text_or_table(key)?;
        found.map(|item| item_field(reader, &item)).transpose()
    }
}

/// Every field of a table.
pub(crate) fn read_all(
    reader: &Reader<'_>,
    key: &str,
) -> Result<BTreeMap<String, Field>, ManifestError> {
    let mut fields = BTreeMap::new();
    if let Some(table) = reader.table(key)? {
        for key in table.keys() {
            if let Some(field) = Field::read(&table, &key.value)? {
                fields.insert(key.value, field);
            }
        }
        table.finish()?;
    }
    Ok(fields)
}

fn item_field(reader: &Reader<'_>, item: &TextOrTable<'_>) -> Result<Field, ManifestError> {
    match item {
        TextOrTable::Text(path) => field_at(reader, path),
        TextOrTable::Table(table) => table_field(table),
    }
}

fn field_at(reader: &Reader<'_>, path: &Located<String>) -> Result<Field, ManifestError> {
    if path.value.starts_with('@') && !PLACES.contains(&path.value.as_str()) {
        let known = PLACES.join(", ");
        return Err(reader.error(
            path.span.clone(),
            format!("`{}` is no place of a row. There are: {known}.", path.value),
        ));
    }
    Ok(Field::path(&path.value))
}

fn table_field(table: &Reader<'_>) -> Result<Field, ManifestError> {
    let several = |key: &str| -> Result<Option<Vec<Field>>, ManifestError> {
        if !table.keys().iter().any(|k| k.value == key) {
            return Ok(None);
        }
        let items = table.texts_or_tables(key)?;
        if items.is_empty() {
            return Err(table.error(table.span_of(key), format!("`{key}` is an empty list.")));
        }
        let fields = items.iter().map(|item| item_field(table, item));
        fields.collect::<Result<Vec<Field>, _>>().map(Some)
    };
    let path = table.text("path")?;
    let path = path.map(|p| field_at(table, &p)).transpose()?;
    let (list, join, first) = (several("list")?, several("join")?, several("first")?);
    let with = table.text("with")?;
    if let (Some(with), None) = (&with, &join) {
        return Err(table.error(
            with.span.clone(),
            "`with` is for `join`, which is not there.",
        ));
    }
    let with = with.map_or_else(|| " ".to_owned(), |w| w.value);
    let from = match (path, list, join, first) {
        (Some(path), None, None, None) => path.from,
        (None, Some(list), None, None) => From::List(list),
        (None, None, Some(join), None) => From::Join(join, with),
        (None, None, None, Some(first)) => From::First(first),
        _ => {
            return Err(table.error(
                table.span(),
                "a field has one of `path`, `list`, `join` and `first`.",
            ));
        }
    };
    let field = Field {
        from,
        trim_end: table
            .text("trim_end")?
            .map_or_else(String::new, |t| t.value),
        names: names(table)?,
        among: among(table)?,
        kind: kind(table)?,
    };
    table.finish()?;
    Ok(field)
}

fn names(table: &Reader<'_>) -> Result<Option<Names>, ManifestError> {
    let Some(table) = table.table("names")? else {
        return Ok(None);
    };
    let mut names = Names::new();
    for key in table.keys() {
        let name = match table.text_or_table(&key.value)? {
            Some(TextOrTable::Text(name)) => Name::Same(name.value),
            Some(TextOrTable::Table(inner)) => {
                let mut by_language = BTreeMap::new();
                for language in inner.keys() {
                    if let Some(name) = inner.text(&language.value)? {
                        by_language.insert(language.value, name.value);
                    }
                }
                inner.finish()?;
                Name::ByLanguage(by_language)
            }
            None => continue,
        };
        names.insert(key.value, name);
    }
    table.finish()?;
    Ok(Some(names))
}

fn among(table: &Reader<'_>) -> Result<Option<Among>, ManifestError> {
    let is_list = table.is_list("among");
    let Some(texts) = table.texts("among")? else {
        return Ok(None);
    };
    let texts: Vec<String> = texts.into_iter().map(|t| t.value).collect();
    Ok(Some(match is_list {
        true => Among::Texts(texts),
        false => Among::Path(texts.concat()),
    }))
}

fn kind(table: &Reader<'_>) -> Result<Option<Kind>, ManifestError> {
    let Some(kind) = table.text("as")? else {
        return Ok(None);
    };
    match kind.value.as_str() {
        "number" => Ok(Some(Kind::Number)),
        "text" => Ok(Some(Kind::Text)),
        other => Err(table.error(
            kind.span,
            format!("`as` is `number` or `text`, not `{other}`."),
        )),
    }
}
