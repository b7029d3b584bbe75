//! A view as a LaTeX table with the rules of booktabs.

use super::{Cell, View};
use std::fmt::Write as _;

pub(super) fn write(view: &View) -> String {
    let left = view.names.len();
    let caption: Vec<String> = view.caption.iter().map(|line| escape(line)).collect();
    let mut text = format!(
        "% Needs \\usepackage{{booktabs}}. Letters outside Latin scripts need a font that has them.\n\
         \\begin{{table}}\n\\centering\n\\caption{{{}}}\n\\label{{tab:{}}}\n\
         \\begin{{tabular}}{{{}{}}}\n\\toprule\n",
        caption.join(" "),
        view.experiment
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        "l".repeat(left),
        "r".repeat(view.columns.len())
    );
    text.push_str(&heads(view, left));
    text.push_str("\\midrule\n");
    for row in &view.rows {
        if row.begins {
            text.push_str("\\midrule\n");
        }
        let mut fields: Vec<String> = row.names.iter().map(|name| escape(name)).collect();
        fields.extend(row.cells.iter().map(cell));
        let _ = writeln!(text, "{} \\\\", fields.join(" & "));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n");
    text
}

/// One line a level; a head that covers several columns has a rule under it.
fn heads(view: &View, left: usize) -> String {
    let depth = view.columns.first().map_or(0, |column| column.levels.len());
    let mut text = String::new();
    for level in 0..depth {
        let last = level + 1 == depth;
        let mut fields: Vec<String> = view
            .names
            .iter()
            .map(|name| if last { escape(name) } else { String::new() })
            .collect();
        let mut rules = String::new();
        let mut column = 0;
        while column < view.columns.len() {
            let head = &view.columns[column].levels;
            let wide = match last {
                true => 1,
                false => view.columns[column..]
                    .iter()
                    .take_while(|other| other.levels[..=level] == head[..=level])
                    .count(),
            };
            let name = escape(&head[level]);
            if wide == 1 {
                fields.push(name);
            } else {
                fields.push(format!("\\multicolumn{{{wide}}}{{c}}{{{name}}}"));
                let (from, to) = (left + column + 1, left + column + wide);
                let _ = write!(rules, "\\cmidrule(lr){{{from}-{to}}}");
            }
            column += wide;
        }
        let _ = writeln!(text, "{} \\\\", fields.join(" & "));
        if !rules.is_empty() {
            let _ = writeln!(text, "{rules}");
        }
    }
    text
}

fn cell(cell: &Cell) -> String {
    let number = escape(&cell.text);
    let mut text = match cell.bold() {
        true => format!("\\textbf{{{number}}}"),
        false => number,
    };
    let signs = [
        (cell.significant, "\\dagger"),
        (cell.equivalent, "\\approx"),
    ];
    let said: String = signs
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, s)| *s)
        .collect();
    if !said.is_empty() {
        let _ = write!(text, "$^{{{said}}}$");
    }
    if let Some(language) = &cell.language {
        let _ = write!(text, " ({})", escape(language));
    }
    text
}

/// Text that LaTeX sets as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '{' | '}' | '$' | '&' | '#' | '%' | '_' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '^' => escaped.push_str("\\textasciicircum{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '<' => escaped.push_str("$<$"),
            '>' => escaped.push_str("$>$"),
            '|' => escaped.push_str("$|$"),
            '"' => escaped.push_str("''"),
            '\u{2020}' => escaped.push_str("$^{\\dagger}$"),
            '\u{2248}' => escaped.push_str("$\\approx$"),
            '\u{2264}' => escaped.push_str("$\\le$"),
            '\u{2212}' => escaped.push_str("$-$"),
            '\u{394}' => escaped.push_str("$\\Delta$"),
            '\u{2013}' => escaped.push_str("--"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
