//! Numbers in a coloured grid.

use super::{
    drawing::Drawing,
    label, palette,
    shape::Shape,
    svg::{Anchor, Svg},
};
use crate::run::Verdict;

/// A grid of cells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heat {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
    /// What the colours mean: words at both ends of the scale, and in its middle.
    pub(crate) scale: Option<[String; 3]>,
    /// Whether the last column is set apart, as a mean is.
    pub(crate) last_apart: bool,
    /// A line of explanation below.
    pub(crate) below: String,
}

/// A row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) label: String,
    /// Whether a gap sets it off from the row above.
    pub(crate) apart: bool,
    /// Whether it is what the others are compared with.
    pub(crate) outlined: bool,
    pub(crate) cells: Vec<Option<Cell>>,
}

/// A cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// What a test says of it, which is drawn behind the number.
    pub(crate) verdict: Option<Verdict>,
    /// Whether a test shows it to be within the margin.
    pub(crate) within: bool,
    /// Place on the colour scale, from -1 to 1; none where there is no colour.
    pub(crate) share: Option<f64>,
    pub(crate) title: String,
}

/// Room for the signs of verdicts.
const MARK: f64 = 18.0;
const HIGH: f64 = 24.0;
const TOP: f64 = 58.0;
const LABELS: f64 = 250.0;
const APART: f64 = 8.0;

impl Heat {
    pub(crate) fn draw(&self) -> Drawing {
        let mut svg = Svg::default();
        let widest = self.rows.iter().map(|r| label::width(&r.label, 12.0));
        let left = widest.fold(60.0, f64::max).min(LABELS) + 26.0;
        let texts = self.rows.iter().flat_map(|r| r.cells.iter().flatten());
        let texts = texts.map(|c| label::width(&c.text, 12.0));
        let names = self.columns.iter().map(|c| label::width(c, 12.0).min(90.0));
        let mut cells = self.rows.iter().flat_map(|r| r.cells.iter().flatten());
        let marked = cells.any(|c| c.verdict.is_some());
        let wide =
            texts.chain(names).fold(36.0, f64::max) + if marked { MARK + 10.0 } else { 14.0 };
        let columns = self.columns.len();
        let x = |column: usize| {
            let gap = if self.last_apart && column + 1 == columns {
                APART
            } else {
                0.0
            };
            left + column as f64 * wide + gap
        };
        svg.text("title", Anchor::Start, (12.0, 22.0), &self.title);
        for (column, name) in self.columns.iter().enumerate() {
            let at = (x(column) + wide / 2.0, TOP - 8.0);
            svg.label("strong", Anchor::Middle, at, name, wide - 4.0);
        }
        let mut y = TOP;
        for row in &self.rows {
            y += if row.apart { APART } else { 0.0 };
            let at = (left - 10.0, y + HIGH / 2.0 + 4.0);
            let class = if row.outlined { "strong" } else { "" };
            svg.label(class, Anchor::End, at, &row.label, LABELS);
            for (column, cell) in row.cells.iter().enumerate() {
                let (at, size) = ((x(column) + 1.0, y + 1.0), (wide - 2.0, HIGH - 2.0));
                let middle = (x(column) + wide / 2.0, y + HIGH / 2.0 + 4.0);
                let Some(cell) = cell else {
                    svg.text("soft", Anchor::Middle, middle, "–");
                    continue;
                };
                let (class, strong) = match cell.share {
                    Some(share) => palette::step(share),
                    None => ("hm", false),
                };
                svg.cell(class, at, size, &cell.title);
                let class = if strong { "dark" } else { "" };
                let room = if marked { MARK } else { 0.0 };
                let number = (middle.0 - room / 2.0, middle.1);
                svg.text(class, Anchor::Middle, number, &cell.text);
                let place = (x(column) + wide - room - 1.0, middle.1);
                mark(&mut svg, cell, class, place);
            }
            if row.outlined {
                let end = x(columns.saturating_sub(1)) + wide;
                svg.rectangle("outline inkline", (left, y), (end - left, HIGH));
            }
            y += HIGH;
        }
        let end = x(columns.saturating_sub(1)) + wide;
        let mut scale_width = 0.0;
        if let Some(words) = &self.scale {
            y += 16.0;
            scale_width = scale(&mut svg, (left, y), words) + 12.0;
            y += 26.0;
        }
        if !self.below.is_empty() {
            y += 18.0;
            svg.text("small soft", Anchor::Start, (12.0, y), &self.below);
        }
        let texts = [
            label::heading(&self.title),
            label::width(&self.below, 11.0) + 24.0,
            left + scale_width,
        ];
        let width = texts.into_iter().fold(end + 12.0, f64::max);
        svg.finish(width, y + 14.0, &self.title, &self.description)
    }
}

/// The sign of a verdict: a triangle up or down, and ≈ for what is within the margin.
fn mark(svg: &mut Svg, cell: &Cell, class: &str, (x, y): (f64, f64)) {
    let ink = if class == "dark" { "light" } else { "ink" };
    let decided = match cell.verdict {
        Some(Verdict::Better) => Some(Shape::Up),
        Some(Verdict::Worse) => Some(Shape::Down),
        _ => None,
    };
    if let Some(shape) = decided {
        svg.sign(shape, ink, (x + 4.0, y - 4.0), 3.6);
    }
    if cell.within || cell.verdict == Some(Verdict::Equivalent) {
        let from = if decided.is_some() { 9.0 } else { 0.0 };
        svg.text(&format!("small {class}"), Anchor::Start, (x + from, y), "≈");
    }
}

/// The steps of the colours with their words. Returns their width.
fn scale(svg: &mut Svg, (left, y): (f64, f64), [low, middle, high]: &[String; 3]) -> f64 {
    let steps = 2 * palette::STEPS + 1;
    let words = [low, middle, high].map(|text| label::width(text, 11.0));
    // The middle word stands in the middle, whatever the others are.
    let needed = 2.0 * words[0].max(words[2]) + words[1] + 32.0;
    let wide = (needed / f64::from(steps)).max(26.0);
    for place in 0..steps {
        let share = f64::from(place - palette::STEPS) / f64::from(palette::STEPS);
        let x = left + f64::from(place) * wide;
        svg.rectangle(palette::step(share).0, (x, y), (wide, 10.0));
    }
    let end = left + f64::from(steps) * wide;
    svg.text("small soft", Anchor::Start, (left, y + 23.0), low);
    svg.text(
        "small soft",
        Anchor::Middle,
        ((left + end) / 2.0, y + 23.0),
        middle,
    );
    svg.text("small soft", Anchor::End, (end, y + 23.0), high);
    end - left
}
