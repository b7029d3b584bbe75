//! What merges gain or lose beside experts, over how orthogonal the experts are.

use super::{
    axis::Axis,
    drawing::Drawing,
    label, palette,
    shape::Shape,
    svg::{Anchor, Svg},
};
use crate::run::Point;

/// Size of a panel's field, and room around it.
const FIELD: (f64, f64) = (330.0, 220.0);
const LEFT: f64 = 74.0;
const TOP: f64 = 44.0;
const BELOW: f64 = 54.0;
const BETWEEN: f64 = 24.0;
const LEGEND_LINE: f64 = 18.0;

/// How an expert lies to the others.
#[derive(Debug, Clone, Copy)]
enum Predictor {
    MeanCosine,
    MeanSignConflict,
}

impl Predictor {
    fn of(self, point: &Point) -> Option<f64> {
        match self {
            Self::MeanCosine => point.mean_cosine,
            Self::MeanSignConflict => point.mean_sign_conflict,
        }
    }
}

/// One row of panels for each task, by its first measure: the gain over the language's expert, over
/// the mean cosine on the left and the mean sign conflict on the right. A colour and a shape are a
/// merge method. `None` where no point has both numbers.
pub(crate) fn orthogonality(experiment: &str, points: &[Point]) -> Option<Drawing> {
    let usable: Vec<&Point> = points
        .iter()
        .filter(|p| p.versus_expert.is_some() && p.mean_cosine.is_some())
        .collect();
    // The first measure of each task, in the order of the points.
    let mut panels: Vec<Vec<&Point>> = Vec::new();
    for &point in &usable {
        match panels.iter_mut().find(|panel| panel[0].task == point.task) {
            None => panels.push(vec![point]),
            Some(panel) => {
                let first = panel[0];
                let same = (&first.metric, &first.parameters, &first.measure)
                    == (&point.metric, &point.parameters, &point.measure);
                if same {
                    panel.push(point);
                }
            }
        }
    }
    if panels.is_empty() {
        return None;
    }
    let mut methods: Vec<&str> = Vec::new();
    for point in &usable {
        if !methods.contains(&point.method.as_str()) {
            methods.push(&point.method);
        }
    }
    let width = 2.0 * (LEFT + FIELD.0) + BETWEEN;
    let row = TOP + FIELD.1 + BELOW;
    let legend = 30.0 + LEGEND_LINE * methods.len().div_ceil(3) as f64;
    let height = 40.0 + row * panels.len() as f64 + legend;
    let mut svg = Svg::default();
    let title =
        format!("{experiment}: what merging gains or loses, and how orthogonal experts are");
    svg.label("title", Anchor::Start, (12.0, 24.0), &title, width - 130.0);
    for (number, panel) in panels.iter().enumerate() {
        let top = 40.0 + row * number as f64 + TOP;
        for (side, predictor) in [Predictor::MeanCosine, Predictor::MeanSignConflict]
            .into_iter()
            .enumerate()
        {
            let left = LEFT + side as f64 * (LEFT + FIELD.0 + BETWEEN / 2.0);
            draw(&mut svg, panel, predictor, &methods, (left, top));
        }
    }
    let top = 40.0 + row * panels.len() as f64 + 18.0;
    for (number, method) in methods.iter().enumerate() {
        let x = LEFT + (number % 3) as f64 * (width - LEFT) / 3.0;
        let y = top + LEGEND_LINE * (number / 3) as f64;
        let class = format!("s{}", number % palette::SERIES);
        svg.sign(Shape::of(number), &class, (x, y - 4.0), 4.0);
        svg.label("", Anchor::Start, (x + 10.0, y), method, 220.0);
    }
    let description = "Each point is a merge in the language of one of its experts. Above 0 the merge \
                       is better than the expert.";
    Some(svg.finish(width, height, &title, description))
}

fn draw(
    svg: &mut Svg,
    panel: &[&Point],
    predictor: Predictor,
    methods: &[&str],
    (left, top): (f64, f64),
) {
    let (right, bottom) = (left + FIELD.0, top + FIELD.1);
    let placed: Vec<(f64, f64, &Point)> = panel
        .iter()
        .filter_map(|point| Some((predictor.of(point)?, point.versus_expert?, *point)))
        .collect();
    let across = Axis::new(placed.iter().map(|p| p.0), (left, right));
    // 0 is always shown: above it the merge is better than the expert.
    let gains = placed.iter().map(|p| p.1).chain([0.0]);
    let up = Axis::new(gains, (bottom, top));
    for &tick in &across.ticks {
        let x = across.place(tick);
        svg.line("grid", (x, top), (x, bottom));
        let number = across.number(tick);
        svg.text("small soft", Anchor::Middle, (x, bottom + 16.0), &number);
    }
    for &tick in &up.ticks {
        let y = up.place(tick);
        let class = if tick == 0.0 { "zero" } else { "grid" };
        svg.line(class, (left, y), (right, y));
        svg.text(
            "small soft",
            Anchor::End,
            (left - 6.0, y + 4.0),
            &up.number(tick),
        );
    }
    let Some(first) = panel.first() else { return };
    let measure = &first.measure;
    let below = match predictor {
        Predictor::MeanCosine => "mean cosine with the other experts",
        Predictor::MeanSignConflict => "mean sign conflict with the other experts",
    };
    let middle = (left + right) / 2.0;
    svg.text("", Anchor::Middle, (middle, bottom + 36.0), below);
    svg.upwards(
        (left - 52.0, (top + bottom) / 2.0),
        &label::fitted(&format!("{measure}: merge \u{2212} expert"), 12.0, FIELD.1),
    );
    let name = format!("{}: {measure}", first.task);
    svg.label("", Anchor::Start, (left, top - 28.0), &name, FIELD.0);
    // The language's place is that of its expert; merges of other experts may have others.
    let mut named: Vec<(f64, &str)> = Vec::new();
    for &(x, gain, point) in &placed {
        let series = methods.iter().position(|m| *m == point.method).unwrap_or(0);
        let title = format!("{}, {}: {gain:+.4} at {x:.4}", point.merge, point.language);
        let at = (across.place(x), up.place(gain));
        let class = format!("point s{}", series % palette::SERIES);
        svg.mark(Shape::of(series), &class, at, 4.0, &title);
        let known = named
            .iter()
            .any(|(place, name)| *name == point.language && (place - at.0).abs() < 6.0);
        if !known {
            named.push((at.0, &point.language));
        }
    }
    // Names that would lie on each other go into two rows.
    named.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut last = [f64::NEG_INFINITY; 2];
    for (x, name) in named {
        let line = usize::from(x - last[0] < 24.0 && x - last[1] >= x - last[0]);
        last[line] = x;
        let y = top - 3.0 - 10.0 * line as f64;
        svg.text("small", Anchor::Middle, (x, y), name);
    }
}
