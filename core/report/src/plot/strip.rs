//! Replicates beside each other, with their mean.

use super::{
    axis::Axis,
    drawing::Drawing,
    label,
    shape::Shape,
    svg::{Anchor, Svg},
};

/// A strip for each model, in panels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strips {
    pub(crate) title: String,
    pub(crate) description: String,
    /// Names of the panels, with what their axes show.
    pub(crate) panels: Vec<(String, String)>,
    pub(crate) rows: Vec<Row>,
}

/// A model.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) apart: bool,
    /// One for each panel: each replicate's value with a text, and their mean.
    pub(crate) strips: Vec<Option<Strip>>,
}

/// The replicates of a model.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strip {
    pub(crate) values: Vec<(f64, String)>,
    pub(crate) mean: f64,
}

const ROW: f64 = 22.0;
const GAP: f64 = 10.0;
const TOP: f64 = 58.0;
const LABELS: f64 = 230.0;
const BETWEEN: f64 = 22.0;

impl Strips {
    pub(crate) fn draw(&self) -> Drawing {
        let mut svg = Svg::default();
        let widest = self.rows.iter().map(|r| label::width(&r.label, 12.0));
        let left = widest.fold(60.0, f64::max).min(LABELS) + 26.0;
        let panels = self.panels.len().max(1) as f64;
        let field = ((960.0 - left) / panels - BETWEEN).clamp(150.0, 430.0);
        let gaps = self.rows.iter().filter(|r| r.apart).count() as f64;
        let bottom = TOP + ROW * self.rows.len() as f64 + GAP * gaps;
        svg.text("title", Anchor::Start, (12.0, 22.0), &self.title);
        for (number, (name, below)) in self.panels.iter().enumerate() {
            let start = left + number as f64 * (field + BETWEEN);
            let strips = || {
                let own = self.rows.iter().map(move |row| row.strips.get(number));
                own.map(|strip| strip.and_then(Option::as_ref))
            };
            let values = strips().flatten();
            let values = values.flat_map(|s| s.values.iter().map(|v| v.0).chain([s.mean]));
            let axis = Axis::new(values, (start, start + field));
            for &tick in &axis.ticks {
                let x = axis.place(tick);
                svg.line("grid", (x, TOP), (x, bottom));
                svg.text(
                    "small soft",
                    Anchor::Middle,
                    (x, bottom + 16.0),
                    &axis.number(tick),
                );
            }
            svg.line("axis", (start, bottom), (start + field, bottom));
            let middle = start + field / 2.0;
            svg.label("strong", Anchor::Middle, (middle, TOP - 10.0), name, field);
            svg.label("", Anchor::Middle, (middle, bottom + 36.0), below, field);
            let mut y = TOP;
            for (row, strip) in self.rows.iter().zip(strips()) {
                y += if row.apart { GAP } else { 0.0 };
                let middle = y + ROW / 2.0;
                y += ROW;
                svg.line("grid", (start, middle), (start + field, middle));
                let Some(strip) = strip else { continue };
                let places = strip.values.iter().map(|v| axis.place(v.0));
                let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |ends, x| {
                    (ends.0.min(x), ends.1.max(x))
                });
                svg.line("thick l0", (low, middle), (high, middle));
                for (value, title) in &strip.values {
                    svg.mark(
                        Shape::Circle,
                        "point s0",
                        (axis.place(*value), middle),
                        4.0,
                        title,
                    );
                }
                let x = axis.place(strip.mean);
                svg.line("thick inkline", (x, middle - 7.0), (x, middle + 7.0));
            }
        }
        let mut y = TOP;
        for row in &self.rows {
            y += if row.apart { GAP } else { 0.0 };
            let at = (left - 12.0, y + ROW / 2.0 + 4.0);
            svg.label("", Anchor::End, at, &row.label, LABELS);
            y += ROW;
        }
        let key = bottom + 56.0;
        svg.sign(Shape::Circle, "point s0", (left + 4.0, key - 4.0), 4.0);
        svg.text("small", Anchor::Start, (left + 14.0, key), "one replicate");
        svg.line(
            "thick inkline",
            (left + 110.0, key - 10.0),
            (left + 110.0, key + 2.0),
        );
        svg.text("small", Anchor::Start, (left + 118.0, key), "their mean");
        let width = left + panels * (field + BETWEEN);
        let width = width.max(label::heading(&self.title));
        svg.finish(width, key + 14.0, &self.title, &self.description)
    }
}
