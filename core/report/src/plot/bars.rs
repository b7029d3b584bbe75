//! Amounts as bars, with intervals where there are any.

use super::{
    axis::Axis,
    drawing::Drawing,
    label,
    svg::{Anchor, Svg},
};

/// A chart of bars that lie.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bars {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) rows: Vec<Row>,
    /// What the axis shows.
    pub(crate) below: String,
    /// A value that a line is drawn at, with its name.
    pub(crate) reference: Option<(f64, String)>,
}

/// A bar.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) apart: bool,
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) text: String,
    pub(crate) title: String,
    /// Whether the bar is drawn in the second colour.
    pub(crate) second: bool,
}

const ROW: f64 = 24.0;
const GAP: f64 = 10.0;
const FIELD: f64 = 430.0;
const LABELS: f64 = 330.0;

impl Bars {
    pub(crate) fn draw(&self) -> Drawing {
        let mut svg = Svg::default();
        let widest = self.rows.iter().map(|r| label::width(&r.label, 12.0));
        let left = widest.fold(60.0, f64::max).min(LABELS) + 26.0;
        let right = left + FIELD;
        let texts = self.rows.iter().map(|r| label::width(&r.text, 11.0));
        let room = texts.fold(0.0, f64::max) + 16.0;
        let top = if self.reference.is_some() { 60.0 } else { 40.0 };
        let most = self.rows.iter().map(|r| match r.interval {
            // An interval that is far wider than its bar is cut, and its number tells it.
            Some((_, high)) => high.min(r.value.max(0.0) * 3.0).max(r.value),
            None => r.value,
        });
        let reference = self.reference.as_ref().map(|r| r.0);
        let axis = Axis::from_zero(most.chain(reference).fold(0.0, f64::max), (left, right));
        let gaps = self.rows.iter().filter(|r| r.apart).count() as f64;
        let bottom = top + ROW * self.rows.len() as f64 + GAP * gaps;
        svg.text("title", Anchor::Start, (12.0, 22.0), &self.title);
        for &tick in &axis.ticks {
            let x = axis.place(tick);
            svg.line("grid", (x, top), (x, bottom));
            svg.text(
                "small soft",
                Anchor::Middle,
                (x, bottom + 16.0),
                &axis.number(tick),
            );
        }
        let mut y = top;
        for row in &self.rows {
            y += if row.apart { GAP } else { 0.0 };
            let middle = y + ROW / 2.0;
            let class = if row.second { "bar" } else { "t0" };
            let width = axis.place_within(row.value) - left;
            svg.cell(class, (left, middle - 7.0), (width, 14.0), &row.title);
            if let Some((low, high)) = row.interval {
                let (from, to) = (axis.place_within(low), axis.place_within(high));
                svg.line("zero thick", (from, middle), (to, middle));
                svg.line("zero thick", (from, middle - 4.0), (from, middle + 4.0));
                if high <= axis.range.1 {
                    svg.line("zero thick", (to, middle - 4.0), (to, middle + 4.0));
                }
            }
            svg.label(
                "",
                Anchor::End,
                (left - 10.0, middle + 4.0),
                &row.label,
                LABELS,
            );
            svg.text(
                "small",
                Anchor::Start,
                (right + 12.0, middle + 4.0),
                &row.text,
            );
            y += ROW;
        }
        svg.line("zero", (left, top), (left, bottom));
        if let Some((value, name)) = &self.reference {
            let x = axis.place(*value);
            svg.line("zero d1", (x, top - 6.0), (x, bottom));
            let half = label::width(name, 11.0) / 2.0;
            let x = x.min(right + room - half);
            svg.text("small soft", Anchor::Middle, (x, top - 10.0), name);
        }
        svg.text(
            "",
            Anchor::Middle,
            ((left + right) / 2.0, bottom + 38.0),
            &self.below,
        );
        let width = (right + room).max(label::heading(&self.title));
        svg.finish(width, bottom + 50.0, &self.title, &self.description)
    }
}
