//! Writing results to standard output.

use crate::failure::Failure;
use serde::Serialize;
use std::{
    io::{ErrorKind, Write, stdout},
    path::Path,
};

/// Writes text. A reader that closed the pipe, such as `head`, has what it wanted.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::internal(format!(
            "standard output cannot be written: {e}"
        ))),
        _ => Ok(()),
    }
}

/// Writes text to a file, under a temporary name until all of it is on disk.
pub(crate) fn file(path: &Path, text: &str) -> Result<(), Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp-{}", std::process::id()));
    let write = || {
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|e| {
        // The error to report is the one that stopped the write.
        let _ = std::fs::remove_file(&temporary);
        Failure::refused(format!("{} cannot be written: {e}", path.display()))
    })
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_string_pretty(value)
        .map_err(|e| Failure::internal(format!("the result cannot be written as JSON: {e}")))?;
    line.push('\n');
    text(&line)
}

/// A value as JSON that can be added to.
pub(crate) fn value(value: &impl Serialize) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(value)
        .map_err(|e| Failure::internal(format!("the result cannot be written as JSON: {e}")))
}

/// Rows with their columns aligned by spaces, the last column as it is. The first row is the head.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["A", "B", "C"], ["longer", "é", ""], ["x", "yy", "z"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(
            super::table(&rows),
            "A       B   C\nlonger  é\nx       yy  z\n"
        );
    }
}
