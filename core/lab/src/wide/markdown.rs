//! A view as a table of GitHub Markdown.

use super::{Cell, View};

pub(super) fn write(view: &View) -> String {
    let mut header: Vec<String> = view.names.iter().map(|name| escape(name)).collect();
    let left = header.len();
    let heads = view
        .columns
        .iter()
        .map(|column| escape(&column.levels.join(" ")));
    header.extend(heads);
    let mut grid = vec![header];
    for row in &view.rows {
        let mut line: Vec<String> = row.names.iter().map(|name| escape(name)).collect();
        line.extend(row.cells.iter().map(cell));
        grid.push(line);
    }
    let widths: Vec<usize> = (0..grid[0].len())
        .map(|i| {
            grid.iter()
                .map(|row| row[i].chars().count())
                .max()
                .unwrap_or(0)
                .max(3)
        })
        .collect();
    let mut text = String::new();
    for (number, row) in grid.iter().enumerate() {
        let fields: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(i, (field, &width))| match i < left {
                true => format!("{field:<width$}"),
                false => format!("{field:>width$}"),
            })
            .collect();
        text.push_str(&format!("| {} |\n", fields.join(" | ")));
        if number == 0 {
            let rules: Vec<String> = widths
                .iter()
                .enumerate()
                .map(|(i, &width)| match i < left {
                    true => "-".repeat(width),
                    false => format!("{}:", "-".repeat(width - 1)),
                })
                .collect();
            text.push_str(&format!("| {} |\n", rules.join(" | ")));
        }
    }
    let caption: Vec<String> = view.caption.iter().map(|line| escape(line)).collect();
    format!("{text}\n{}\n", caption.join(" "))
}

fn cell(cell: &Cell) -> String {
    let number = match cell.bold() {
        true => format!("**{}**", cell.text),
        false => cell.text.clone(),
    };
    let mut text = format!("{number}{}", marks(cell));
    if let Some(language) = &cell.language {
        text.push_str(&format!(" ({})", escape(language)));
    }
    text
}

/// The signs behind a number.
pub(super) fn marks(cell: &Cell) -> String {
    let mut marks = String::new();
    if cell.significant {
        marks.push('\u{2020}');
    }
    if cell.equivalent {
        marks.push('\u{2248}');
    }
    marks
}

/// Text that Markdown takes as it is. An underscore between letters means nothing to it.
fn escape(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let word = |i: Option<usize>| {
        i.and_then(|i| letters.get(i))
            .is_some_and(|c| c.is_alphanumeric())
    };
    let mut escaped = String::with_capacity(text.len());
    for (i, &c) in letters.iter().enumerate() {
        let inside = c == '_' && word(i.checked_sub(1)) && word(Some(i + 1));
        if "\\|*_`<[".contains(c) && !inside {
            escaped.push('\\');
        }
        escaped.push(if c == '\n' { ' ' } else { c });
    }
    escaped
}
