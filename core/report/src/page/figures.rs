//! Sections with figures and the tables behind them.

use crate::figure::{Figure, Grid, Section};
use maud::{Markup, PreEscaped, html};

/// Most rows of a table behind a figure; the CSV tables have all.
const ROWS: usize = 400;

/// Pixels from which a figure gets a page of paper for itself.
const LONG: u32 = 700;

pub(super) fn section(section: &Section) -> Markup {
    html! {
        section id=(section.id) {
            h2 { (section.title) }
            @if let Some(missing) = &section.missing {
                p.missing { (missing) }
            }
            @for line in &section.intro {
                p { (line) }
            }
            @for figure in &section.figures {
                (drawn(figure))
            }
            @for (title, figures) in &section.more {
                details.more {
                    summary { (title) }
                    @for figure in figures {
                        (drawn(figure))
                    }
                }
            }
        }
    }
}

fn drawn(figure: &Figure) -> Markup {
    html! {
        // Two figures fit on a page of paper unless they are long.
        figure id=(figure.name) .tall[figure.drawing.size.1 > LONG] {
            // What is wider than a phone scrolls, by keyboard too.
            div.scroll tabindex="0" role="region" aria-label=(figure.heading) {
                (PreEscaped(figure.drawing.inline(&figure.name)))
            }
            figcaption {
                @for note in &figure.notes {
                    p { (note) }
                }
            }
            details.numbers {
                summary { "The numbers" }
                (table(&figure.table, &figure.heading))
            }
        }
    }
}

pub(super) fn table(grid: &Grid, caption: &str) -> Markup {
    let left_out = grid.rows.len().saturating_sub(ROWS);
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "Table: " (caption) } {
            table {
                caption { (caption) }
                thead {
                    tr {
                        @for name in &grid.header {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for row in grid.rows.iter().take(ROWS) {
                        tr {
                            @for (place, field) in row.iter().enumerate() {
                                @if place == 0 {
                                    th scope="row" { (field) }
                                } @else {
                                    td { (field) }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if left_out > 0 {
            p.missing { (left_out) " more rows are left out here; the run's CSV tables have them." }
        }
    }
}
