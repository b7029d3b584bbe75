//! Average ranks with groups: the critical-difference diagram of Demšar, "Statistical comparisons of
//! classifiers over multiple data sets" (JMLR 2006).

use super::{
    drawing::Drawing,
    label,
    number::fixed,
    shape::Shape,
    svg::{Anchor, Svg},
};

/// A diagram of ranks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ranks {
    pub(crate) title: String,
    pub(crate) description: String,
    /// Models with their average ranks, the best first.
    pub(crate) models: Vec<(String, f64)>,
    /// Groups of models that were not told apart: first and last place in `models`.
    pub(crate) groups: Vec<(usize, usize)>,
    /// A difference of average ranks that is drawn as a measure, with its name.
    pub(crate) difference: Option<(f64, String)>,
    /// A line of explanation.
    pub(crate) below: String,
}

const LINE: f64 = 20.0;
const FIELD: f64 = 440.0;
const LABELS: f64 = 220.0;

impl Ranks {
    pub(crate) fn draw(&self) -> Drawing {
        let mut svg = Svg::default();
        let widest = self.models.iter().map(|m| label::width(&m.0, 12.0));
        let side = widest.fold(60.0, f64::max).min(LABELS) + 66.0;
        let worst = self.models.last().map_or(2.0, |m| m.1.ceil());
        let most = worst.max(self.models.len() as f64).max(2.0);
        // Ranks of all models, of which the last may be left out.
        let (left, right) = (side, side + FIELD);
        let x = |rank: f64| left + (rank - 1.0) / (most - 1.0) * FIELD;
        svg.text("title", Anchor::Start, (12.0, 22.0), &self.title);
        let mut top = 62.0;
        if let Some((difference, name)) = &self.difference {
            let end = (left + difference / (most - 1.0) * FIELD).min(right);
            svg.line("thick inkline", (left, top), (end, top));
            for x in [left, end] {
                svg.line("thick inkline", (x, top - 4.0), (x, top + 4.0));
            }
            let text = format!("{name} = {}", fixed(*difference, 2));
            svg.text("small", Anchor::Start, (end + 8.0, top + 4.0), &text);
            top += 38.0;
        }
        svg.line("zero", (left, top), (right, top));
        let every = (most / 12.0).ceil().max(1.0) as usize;
        for rank in (1..=most as usize).step_by(every) {
            let at = x(rank as f64);
            svg.line("zero", (at, top - 5.0), (at, top));
            let text = rank.to_string();
            svg.text("small soft", Anchor::Middle, (at, top - 9.0), &text);
        }
        svg.text(
            "small soft",
            Anchor::End,
            (left - 12.0, top - 9.0),
            "best rank",
        );
        svg.text(
            "small soft",
            Anchor::Start,
            (right + 12.0, top - 9.0),
            "worst",
        );
        // Groups hang below the axis, each on the first line where it has room.
        let mut lines: Vec<f64> = Vec::new();
        for (first, last) in &self.groups {
            let (Some(first), Some(last)) = (self.models.get(*first), self.models.get(*last))
            else {
                continue;
            };
            let (from, to) = (x(first.1) - 4.0, x(last.1) + 4.0);
            let line = match lines.iter().position(|end| *end + 6.0 < from) {
                Some(line) => line,
                None => {
                    lines.push(f64::NEG_INFINITY);
                    lines.len() - 1
                }
            };
            lines[line] = to;
            let y = top + 12.0 + 9.0 * line as f64;
            svg.line("heavy inkline", (from, y), (to, y));
        }
        let start = top + 24.0 + 9.0 * lines.len() as f64;
        let half = self.models.len().div_ceil(2);
        for (place, (name, rank)) in self.models.iter().enumerate() {
            let at = x(*rank);
            let number = fixed(*rank, 2);
            let (line, left_side) = match place < half {
                true => (place, true),
                false => (self.models.len() - 1 - place, false),
            };
            let y = start + LINE * line as f64;
            let end = if left_side { left - 4.0 } else { right + 4.0 };
            svg.path("axis", &[(at, top), (at, y), (end, y)]);
            svg.mark(
                Shape::Circle,
                "ink",
                (at, top),
                3.0,
                &format!("{name}: {number}"),
            );
            let (anchor, text, number_at) = match left_side {
                true => (Anchor::End, left - 50.0, left - 8.0),
                false => (Anchor::Start, right + 50.0, right + 8.0),
            };
            svg.label("", anchor, (text, y + 4.0), name, LABELS);
            svg.text("small soft", anchor, (number_at, y + 4.0), &number);
        }
        let bottom = start + LINE * half as f64 + if self.below.is_empty() { 0.0 } else { 10.0 };
        if !self.below.is_empty() {
            svg.text(
                "small soft",
                Anchor::Start,
                (12.0, bottom + 8.0),
                &self.below,
            );
        }
        let width = (right + side).max(label::width(&self.below, 11.0) + 24.0);
        let width = width.max(label::heading(&self.title));
        svg.finish(width, bottom + 22.0, &self.title, &self.description)
    }
}
