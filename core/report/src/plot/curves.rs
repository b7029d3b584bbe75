//! Values over a parameter, with intervals, beside models that have no such parameter.

use super::{
    axis::Axis,
    drawing::Drawing,
    label, palette,
    shape::Shape,
    svg::{Anchor, Svg},
};

/// Panels of curves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Curves {
    pub(crate) title: String,
    pub(crate) description: String,
    /// The parameter.
    pub(crate) below: String,
    pub(crate) panels: Vec<Panel>,
    /// Names of the series of all panels: their places are colours and marks.
    pub(crate) series: Vec<String>,
}

/// One field.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panel {
    pub(crate) name: String,
    /// What goes up.
    pub(crate) measure: String,
    pub(crate) series: Vec<Series>,
    /// Models that lie across.
    pub(crate) references: Vec<(String, f64)>,
}

/// A method.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

/// A setting of a method.
#[derive(Debug, Clone, Default)]
pub(crate) struct Point {
    pub(crate) at: f64,
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) title: String,
}

const FIELD: (f64, f64) = (290.0, 210.0);
const LEFT: f64 = 70.0;
const TOP: f64 = 36.0;
const BELOW: f64 = 52.0;
const LINE: f64 = 13.5;

impl Curves {
    pub(crate) fn draw(&self) -> Drawing {
        let mut svg = Svg::default();
        let names = self.panels.iter().flat_map(|p| {
            let own = p.series.iter().map(|s| s.name.as_str());
            own.chain(p.references.iter().map(|r| r.0.as_str()))
        });
        let right = names
            .map(|n| label::width(n, 12.0))
            .fold(40.0, f64::max)
            .min(190.0)
            + 30.0;
        let (wide, high) = (LEFT + FIELD.0 + right, TOP + FIELD.1 + BELOW);
        let across = self.panels.len().clamp(1, 2);
        svg.text("title", Anchor::Start, (12.0, 22.0), &self.title);
        for (number, panel) in self.panels.iter().enumerate() {
            let left = LEFT + (number % across) as f64 * wide;
            let top = 32.0 + (number / across) as f64 * high + TOP;
            self.panel(&mut svg, panel, (left, top), right);
        }
        let rows = self.panels.len().div_ceil(across) as f64;
        let width = (across as f64 * wide).max(label::heading(&self.title));
        svg.finish(
            width,
            32.0 + rows * high + 8.0,
            &self.title,
            &self.description,
        )
    }

    fn panel(&self, svg: &mut Svg, panel: &Panel, (left, top): (f64, f64), room: f64) {
        let (right, bottom) = (left + FIELD.0, top + FIELD.1);
        let points = || panel.series.iter().flat_map(|s| &s.points);
        let across = Axis::new(points().map(|p| p.at), (left, right));
        let values = points().flat_map(|p| {
            let (low, high) = p.interval.unwrap_or((p.value, p.value));
            [p.value, low, high]
        });
        let up = Axis::new(
            values.chain(panel.references.iter().map(|r| r.1)),
            (bottom, top),
        );
        svg.label(
            "strong",
            Anchor::Start,
            (left, top - 12.0),
            &panel.name,
            FIELD.0 + room,
        );
        for &tick in &up.ticks {
            let y = up.place(tick);
            svg.line("grid", (left, y), (right, y));
            svg.text(
                "small soft",
                Anchor::End,
                (left - 6.0, y + 4.0),
                &up.number(tick),
            );
        }
        // The settings that were tried are the ticks, unless they are too many.
        let mut tried: Vec<f64> = points().map(|p| p.at).collect();
        tried.sort_by(f64::total_cmp);
        tried.dedup();
        let close = tried
            .windows(2)
            .any(|p| across.place(p[1]) - across.place(p[0]) < 26.0);
        let ticks = if close { across.ticks.clone() } else { tried };
        for tick in ticks {
            let x = across.place(tick);
            svg.line("axis", (x, bottom), (x, bottom + 4.0));
            let text = match close {
                true => across.number(tick),
                false => format!("{tick}").replace('-', "\u{2212}"),
            };
            svg.text("small soft", Anchor::Middle, (x, bottom + 17.0), &text);
        }
        svg.line("axis", (left, bottom), (right, bottom));
        svg.text(
            "",
            Anchor::Middle,
            ((left + right) / 2.0, bottom + 36.0),
            &self.below,
        );
        svg.upwards((left - 44.0, (top + bottom) / 2.0), &panel.measure);
        // What is to be named at the right, with the height that it belongs to.
        let mut names: Vec<(f64, &str, Option<usize>)> = Vec::new();
        for (name, value) in &panel.references {
            let y = up.place(*value);
            svg.line("zero d2", (left, y), (right, y));
            names.push((y, name, None));
        }
        for series in &panel.series {
            let place = self
                .series
                .iter()
                .position(|s| *s == series.name)
                .unwrap_or(0);
            let colour = place % palette::SERIES;
            let at = |p: &Point, value: f64| (across.place(p.at), up.place(value));
            let ends = |p: &Point| p.interval.unwrap_or((p.value, p.value));
            let low = series.points.iter().map(|p| at(p, ends(p).0));
            let high = series.points.iter().rev().map(|p| at(p, ends(p).1));
            let ribbon: Vec<_> = low.chain(high).collect();
            svg.area(&format!("ribbon s{colour}"), &ribbon);
            let line: Vec<_> = series.points.iter().map(|p| at(p, p.value)).collect();
            svg.path(&format!("line l{colour} {}", dash(place)), &line);
            if let Some(last) = line.last() {
                names.push((last.1, &series.name, Some(place)));
            }
        }
        // Marks lie above all lines.
        for series in &panel.series {
            let place = self
                .series
                .iter()
                .position(|s| *s == series.name)
                .unwrap_or(0);
            let class = format!("s{}", place % palette::SERIES);
            for p in &series.points {
                let at = (across.place(p.at), up.place(p.value));
                svg.mark(Shape::of(place), &class, at, 3.8, &p.title);
            }
        }
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        let heights: Vec<f64> = names.iter().map(|n| n.0).collect();
        let spread = spread(&heights, LINE, (top, bottom));
        for ((y, name, series), place) in names.iter().zip(spread) {
            svg.line("axis", (right + 2.0, *y), (right + 10.0, place));
            let x = right + 14.0;
            match series {
                Some(number) => {
                    let class = format!("s{}", number % palette::SERIES);
                    svg.sign(Shape::of(*number), &class, (x + 3.0, place), 3.8);
                    let at = (x + 12.0, place + 4.0);
                    svg.label("small", Anchor::Start, at, name, room - 28.0);
                }
                None => svg.label(
                    "small soft",
                    Anchor::Start,
                    (x, place + 4.0),
                    name,
                    room - 16.0,
                ),
            }
        }
    }
}

fn dash(series: usize) -> &'static str {
    ["", "d1", "d3", "d2"][series % 4]
}

/// Places for labels that keep a distance and stay as near as they can to where they belong. `wanted`
/// goes up.
pub(crate) fn spread(wanted: &[f64], distance: f64, within: (f64, f64)) -> Vec<f64> {
    // Runs of labels that touch move together, to the mean of what their members want.
    let mut runs: Vec<(f64, usize)> = Vec::new();
    for &place in wanted {
        runs.push((place, 1));
        while let [.., (above, n), (below, m)] = runs[..] {
            let span = distance * (n + m) as f64 / 2.0;
            if below - above >= span {
                break;
            }
            // A run's centre lies half of the other run's length from the joined run's.
            let (first, second) = (n as f64, m as f64);
            let above = (above + distance * second / 2.0) * first;
            let below = (below - distance * first / 2.0) * second;
            let joined = (above + below) / (first + second);
            runs.truncate(runs.len() - 2);
            runs.push((joined, n + m));
        }
    }
    let mut places = Vec::new();
    for (centre, count) in runs {
        let half = distance * (count as f64 - 1.0) / 2.0;
        let centre = centre.min(within.1 - half).max(within.0 + half);
        places.extend((0..count).map(|i| centre - half + distance * i as f64));
    }
    // Runs that were kept within may have come to touch.
    for i in 1..places.len() {
        places[i] = places[i].max(places[i - 1] + distance);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_that_would_touch_move_apart_evenly() {
        assert_eq!(spread(&[10.0, 50.0], 10.0, (0.0, 100.0)), [10.0, 50.0]);
        assert_eq!(spread(&[50.0, 50.0], 10.0, (0.0, 100.0)), [45.0, 55.0]);
        assert_eq!(
            spread(&[50.0, 50.0, 50.0], 10.0, (0.0, 100.0)),
            [40.0, 50.0, 60.0]
        );
        assert_eq!(spread(&[0.0, 0.0], 10.0, (0.0, 100.0)), [0.0, 10.0]);
        assert_eq!(spread(&[], 10.0, (0.0, 1.0)), [0.0; 0]);
    }

    proptest! {
        #[test]
        fn labels_never_overlap(mut wanted in prop::collection::vec(0.0f64..200.0, 0..14)) {
            wanted.sort_by(f64::total_cmp);
            let places = spread(&wanted, 13.0, (0.0, 200.0));
            prop_assert_eq!(places.len(), wanted.len());
            for pair in places.windows(2) {
                prop_assert!(pair[1] - pair[0] >= 13.0 - 1e-9);
            }
        }
    }
}
