//! A view as a page of its own: no script, nothing from elsewhere, light and dark.

use super::{Cell, View, markdown::marks};
use std::fmt::Write as _;

const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { caption-side: bottom; text-align: left; padding-top: .8rem; max-width: 60rem; }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap; }
th.name { text-align: left; font-weight: 400; }
thead th { font-weight: 600; }
thead th.group { text-align: center; border-bottom: 1px solid; }
thead tr:last-child th { border-bottom: 1px solid; }
thead tr:first-child th { border-top: 2px solid; }
tbody tr.begins > * { border-top: 1px solid; }
tbody tr:last-child > * { border-bottom: 2px solid; }
sup { line-height: 0; }";

pub(super) fn write(view: &View) -> String {
    let title = escape(&view.experiment);
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<div class=\"wide\">\n\
         <table>\n<caption>{}</caption>\n<thead>\n",
        escape(&view.caption.join(" "))
    );
    let depth = view.columns.first().map_or(0, |column| column.levels.len());
    for level in 0..depth {
        text.push_str("<tr>");
        let last = level + 1 == depth;
        for name in &view.names {
            let name = if last { escape(name) } else { String::new() };
            let _ = write!(text, "<th class=\"name\">{name}</th>");
        }
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
            if last {
                let _ = write!(text, "<th scope=\"col\">{name}</th>");
            } else {
                let _ = write!(
                    text,
                    "<th class=\"group\" scope=\"colgroup\" colspan=\"{wide}\">{name}</th>"
                );
            }
            column += wide;
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</thead>\n<tbody>\n");
    for row in &view.rows {
        let class = if row.begins { " class=\"begins\"" } else { "" };
        let _ = write!(text, "<tr{class}>");
        for name in &row.names {
            let _ = write!(
                text,
                "<th class=\"name\" scope=\"row\">{}</th>",
                escape(name)
            );
        }
        for own in &row.cells {
            let _ = write!(text, "<td>{}</td>", cell(own));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table>\n</div>\n</body>\n</html>\n");
    text
}

fn cell(cell: &Cell) -> String {
    let number = escape(&cell.text);
    let mut text = match cell.bold() {
        true => format!("<strong>{number}</strong>"),
        false => number,
    };
    let marks = marks(cell);
    if !marks.is_empty() {
        let _ = write!(text, "<sup>{marks}</sup>");
    }
    if let Some(language) = &cell.language {
        let _ = write!(text, " ({})", escape(language));
    }
    text
}

/// Text that HTML shows as it is.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
