//! Differences with intervals and the band of those too small to matter.

use super::{
    axis::Axis,
    drawing::Drawing,
    label,
    shape::Shape,
    svg::{Anchor, Svg},
};
use crate::run::Verdict;

/// A forest plot: a row for each model, one panel or one for each language.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forest {
    pub(crate) title: String,
    pub(crate) description: String,
    /// Names of the panels.
    pub(crate) panels: Vec<String>,
    pub(crate) rows: Vec<Row>,
    /// Half the width of the band.
    pub(crate) margin: Option<f64>,
    /// What the axis shows.
    pub(crate) below: String,
    /// Words for the left and for the right side of 0.
    pub(crate) sides: [String; 2],
}

/// A model.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) label: String,
    /// Whether a gap sets it off from the row above.
    pub(crate) apart: bool,
    /// One for each panel.
    pub(crate) estimates: Vec<Option<Estimate>>,
}

/// A difference.
#[derive(Debug, Clone)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) verdict: Verdict,
    /// The number in words, which stands beside it where there is one panel.
    pub(crate) text: String,
    /// What shows where it is pointed at.
    pub(crate) title: String,
}

const ROW: f64 = 22.0;
const GAP: f64 = 10.0;
const TOP: f64 = 62.0;
const LABELS: f64 = 260.0;

/// Class and shape of a verdict's mark.
pub(crate) fn mark(verdict: Verdict) -> (&'static str, &'static str, Shape, f64) {
    match verdict {
        Verdict::Better => ("t0", "o0", Shape::Up, 5.0),
        Verdict::Worse => ("t1", "o1", Shape::Down, 5.0),
        Verdict::Equivalent => ("t2", "o2", Shape::Square, 4.8),
        Verdict::Inconclusive => ("hollow o3", "o3", Shape::Circle, 4.0),
    }
}

impl Forest {
    pub(crate) fn draw(&self) -> Drawing {
        let mut svg = Svg::default();
        let widest = self.rows.iter().map(|r| label::width(&r.label, 12.0));
        let left = widest.fold(60.0, f64::max).min(LABELS) + 26.0;
        let single = self.panels.len() == 1;
        let texts = self.rows.iter().flat_map(|r| r.estimates.iter().flatten());
        let room = match single {
            true => {
                texts
                    .map(|e| label::width(&e.text, 11.0))
                    .fold(0.0, f64::max)
                    + 14.0
            }
            false => 12.0,
        };
        let panels = self.panels.len().max(1) as f64;
        let between = 16.0;
        let field = match single {
            true => 430.0,
            false => ((960.0 - left - room) / panels - between).clamp(96.0, 220.0),
        };
        let tops: Vec<f64> = self
            .rows
            .iter()
            .scan(TOP, |y, row| {
                *y += if row.apart { GAP } else { 0.0 };
                let own = *y;
                *y += ROW;
                Some(own)
            })
            .collect();
        let bottom = tops.last().map_or(TOP, |y| y + ROW);
        let all = self.rows.iter().flat_map(|r| r.estimates.iter().flatten());
        let ends = all.flat_map(|e| {
            let (low, high) = e.interval.unwrap_or((e.value, e.value));
            [e.value, low, high]
        });
        let margin = self.margin.unwrap_or(0.0);
        let values: Vec<f64> = ends.chain([0.0, -margin, margin]).collect();
        svg.text("title", Anchor::Start, (12.0, 22.0), &self.title);
        for (number, panel) in self.panels.iter().enumerate() {
            let start = left + number as f64 * (field + between);
            let axis = Axis::new(values.iter().copied(), (start, start + field));
            self.ground(&mut svg, &axis, panel, (start, field, bottom));
            for (row, top) in self.rows.iter().zip(&tops) {
                let Some(Some(estimate)) = row.estimates.get(number) else {
                    continue;
                };
                let y = top + ROW / 2.0;
                let (fill, stroke, shape, size) = mark(estimate.verdict);
                if let Some((low, high)) = estimate.interval {
                    let (from, to) = (axis.place(low), axis.place(high));
                    svg.line(&format!("thick {stroke}"), (from, y), (to, y));
                    for x in [from, to] {
                        svg.line(&format!("thick {stroke}"), (x, y - 3.0), (x, y + 3.0));
                    }
                }
                let at = (axis.place(estimate.value), y);
                if fill.starts_with("hollow") {
                    svg.sign(shape, "back", at, size);
                }
                svg.mark(shape, fill, at, size, &estimate.title);
                if single {
                    let x = start + field + 14.0;
                    svg.text("small", Anchor::Start, (x, y + 4.0), &estimate.text);
                }
            }
        }
        for (row, top) in self.rows.iter().zip(&tops) {
            let at = (left - 12.0, top + ROW / 2.0 + 4.0);
            svg.label("", Anchor::End, at, &row.label, LABELS);
        }
        let end = left + panels * (field + between) - between;
        svg.text(
            "",
            Anchor::Middle,
            ((left + end) / 2.0, bottom + 40.0),
            &self.below,
        );
        key(&mut svg, (left, bottom + 62.0), self.margin.is_some());
        let width = (end + room).max(left + 470.0);
        let title = label::heading(&self.title);
        svg.finish(
            width.max(title),
            bottom + 76.0,
            &self.title,
            &self.description,
        )
    }

    /// Band, lines, numbers and names of a panel.
    fn ground(&self, svg: &mut Svg, axis: &Axis, name: &str, place: (f64, f64, f64)) {
        let (start, field, bottom) = place;
        if let Some(margin) = self.margin {
            let (low, high) = (axis.place(-margin), axis.place(margin));
            svg.rectangle("band", (low, TOP), (high - low, bottom - TOP));
            for x in [low, high] {
                svg.line("edge", (x, TOP), (x, bottom));
            }
        }
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
        svg.line(
            "zero",
            (axis.place(0.0), TOP - 4.0),
            (axis.place(0.0), bottom),
        );
        svg.line("axis", (start, bottom), (start + field, bottom));
        if self.panels.len() == 1 {
            let zero = axis.place(0.0);
            let [worse, better] = &self.sides;
            let half = |side: &str| label::width(side, 11.0) + 10.0;
            // A side that is too narrow for its words is spoken for by the other.
            if zero - half(worse) > 4.0 {
                svg.text("small soft", Anchor::End, (zero - 8.0, TOP - 8.0), worse);
            }
            svg.text("small soft", Anchor::Start, (zero + 8.0, TOP - 8.0), better);
        } else {
            let at = (start + field / 2.0, TOP - 10.0);
            svg.label("strong", Anchor::Middle, at, name, field);
        }
    }
}

/// What the marks mean.
pub(crate) fn key(svg: &mut Svg, (left, y): (f64, f64), margin: bool) {
    let mut x = left;
    let known = [
        (Verdict::Better, "better"),
        (Verdict::Worse, "worse"),
        (Verdict::Equivalent, "equivalent"),
        (Verdict::Inconclusive, "undecided"),
    ];
    for (verdict, word) in known {
        if verdict == Verdict::Equivalent && !margin {
            continue;
        }
        let (fill, _, shape, size) = mark(verdict);
        svg.sign(shape, fill, (x + 6.0, y - 4.0), size);
        svg.text("small", Anchor::Start, (x + 16.0, y), word);
        x += 34.0 + label::width(word, 11.0);
    }
    if margin {
        svg.rectangle("band", (x, y - 9.0), (14.0, 10.0));
        for side in [x, x + 14.0] {
            svg.line("edge", (side, y - 9.0), (side, y + 1.0));
        }
        svg.text("small", Anchor::Start, (x + 20.0, y), "declared margin");
    }
}
