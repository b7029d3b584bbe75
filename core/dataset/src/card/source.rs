//! `[source]`: where the files are from.

use mergelab_toml::{reader::Reader, source::ManifestError};
use serde::Serialize;

/// Where the files are from.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Origin {
    /// `hf://datasets/org/name@revision`, or the start of an `https://` address.
    pub from: Option<String>,
    /// Whether terms must be accepted before the files can be had.
    pub gated: bool,
    /// Script beside the card that fetches or makes the files.
    pub fetch: Option<String>,
    /// A page about the set.
    pub url: Option<String>,
}

impl Origin {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ManifestError> {
        let Some(table) = reader.table("source")? else {
            return Ok(Self::default());
        };
        let from = table.text("from")?;
        let word = |key: &str| -> Result<Option<String>, ManifestError> {
            Ok(table.text(key)?.map(|t| t.value))
        };
        let origin = Self {
            gated: table.flag("gated")?.unwrap_or(false),
            fetch: word("fetch")?,
            url: word("url")?,
            from: from.as_ref().map(|f| f.value.clone()),
        };
        // Whatever else is known about the source is for people.
        table.rest()?;
        if let Some(from) = from {
            crate::fetch::Source::parse(&from.value)
                .map_err(|message| table.error(from.span, message))?;
        }
        Ok(origin)
    }
}
