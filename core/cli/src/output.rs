//! Writing results to standard output.

use crate::failure::Failure;
use serde::Serialize;
use std::io::{ErrorKind, Write, stdout};

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
