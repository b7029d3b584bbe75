//! A grid of text as aligned columns or as Markdown.

/// How a summary is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Aligned columns for a terminal.
    #[default]
    Text,
    /// Tables of GitHub Markdown.
    Markdown,
}

/// Sets rows under a header: the first column to the left, the others to the right.
pub(super) fn set(header: &[String], rows: &[Vec<String>], format: Format) -> String {
    let escape = |cell: &String| match format {
        Format::Text => cell.clone(),
        Format::Markdown => cell.replace('|', "\\|"),
    };
    let grid: Vec<Vec<String>> = std::iter::once(header)
        .chain(rows.iter().map(Vec::as_slice))
        .map(|row| row.iter().map(escape).collect())
        .collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|column| {
            let cells = grid.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .max(3)
        })
        .collect();
    let mut text = String::new();
    for (number, row) in grid.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text.push_str(&line(&cells, format));
        if number == 0 && format == Format::Markdown {
            let rule = |(column, &width): (usize, &usize)| match column {
                0 => "-".repeat(width),
                _ => format!("{}:", "-".repeat(width - 1)),
            };
            let rules: Vec<String> = widths.iter().enumerate().map(rule).collect();
            text.push_str(&line(&rules, format));
        }
    }
    text
}

fn line(cells: &[String], format: Format) -> String {
    match format {
        Format::Text => format!("{}\n", cells.join("  ").trim_end()),
        Format::Markdown => format!("| {} |\n", cells.join(" | ")),
    }
}
