//! A TOML file with positions, and errors that point into it.

use super::reader::Reader;
use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};
use toml::de::DeTable;

/// A part of a file, in bytes.
pub type Span = Range<usize>;

/// A file and its text.
#[derive(Debug)]
pub struct SourceFile {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// Line and column of a byte, both counted from 1.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(byte.min(self.text.len()))];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(1, |l| l.chars().count() + 1);
        (line, column)
    }

    /// A path in the file, which is relative to the file's folder.
    pub fn resolve(&self, path: &str) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        folder.join(path)
    }
}

/// What is wrong with a manifest or a card, and where. The display has file, line and column.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.display())]
pub struct ManifestError {
    /// The file.
    pub file: Arc<SourceFile>,
    /// The place.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl ManifestError {
    fn display(&self) -> String {
        let (line, column) = self.file.position(self.span.start);
        let help = self.help.as_deref().map(|h| format!(" {h}"));
        format!(
            "{}:{line}:{column}: {}{}",
            self.file.path.display(),
            self.message,
            help.unwrap_or_default()
        )
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// Reads a file and hands its root table to `read`.
///
/// # Errors
/// A file that cannot be read, TOML that does not parse, and what `read` finds.
pub fn read_toml<T>(
    path: &Path,
    read: impl FnOnce(&Reader<'_>) -> Result<T, ManifestError>,
) -> Result<T, ManifestError> {
    let problem = |text: String, message: String, span: Span| ManifestError {
        file: Arc::new(SourceFile {
            path: path.to_owned(),
            text,
        }),
        span,
        message,
        help: None,
    };
    let text = std::fs::read_to_string(path)
        .map_err(|e| problem(String::new(), format!("cannot be read: {e}"), 0..0))?;
    let file = Arc::new(SourceFile {
        path: path.to_owned(),
        text,
    });
    let root = DeTable::parse(&file.text).map_err(|e| {
        let message = e.message().trim().replace('\n', ", ");
        problem(file.text.clone(), message, e.span().unwrap_or(0..0))
    })?;
    let span = root.span();
    let reader = Reader::new(&file, root.get_ref(), span, String::new());
    let value = read(&reader)?;
    reader.finish()?;
    Ok(value)
}
