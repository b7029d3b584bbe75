//! Shapes of marks.

use super::palette;
use std::fmt::Write as _;

/// Shapes of marks, so that series and verdicts are told apart without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Up,
    Down,
    Diamond,
    Cross,
    Plus,
    Star,
}

impl Shape {
    /// The shape of a series.
    pub(crate) fn of(series: usize) -> Self {
        const ALL: [Shape; 8] = [
            Shape::Circle,
            Shape::Square,
            Shape::Up,
            Shape::Diamond,
            Shape::Down,
            Shape::Cross,
            Shape::Plus,
            Shape::Star,
        ];
        ALL[(series + series / palette::SERIES) % ALL.len()]
    }

    /// Its path around a place.
    pub(super) fn outline(self, (x, y): (f64, f64), size: f64) -> String {
        let star = |i: i32| {
            let turn = std::f64::consts::PI * f64::from(i) / 5.0;
            let reach = if i % 2 == 0 { 1.3 } else { 0.55 };
            (reach * turn.sin(), -reach * turn.cos())
        };
        let points: Vec<(f64, f64)> = match self {
            Self::Circle => {
                let (left, right) = (x - size, x + size);
                return format!(
                    "M{left:.1} {y:.1}A{size:.1} {size:.1} 0 1 1 {right:.1} {y:.1}\
                     A{size:.1} {size:.1} 0 1 1 {left:.1} {y:.1}Z"
                );
            }
            Self::Square => vec![(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
            Self::Up => vec![(0.0, -1.15), (1.1, 0.8), (-1.1, 0.8)],
            Self::Down => vec![(0.0, 1.15), (1.1, -0.8), (-1.1, -0.8)],
            Self::Diamond => vec![(0.0, -1.25), (1.1, 0.0), (0.0, 1.25), (-1.1, 0.0)],
            Self::Plus => PLUS.to_vec(),
            Self::Cross => PLUS
                .iter()
                .map(|(a, b)| ((a - b) * 0.75, (a + b) * 0.75))
                .collect(),
            Self::Star => (0..10).map(star).collect(),
        };
        polygon(x, y, &points, size)
    }
}

const PLUS: [(f64, f64); 12] = [
    (-0.35, -1.15),
    (0.35, -1.15),
    (0.35, -0.35),
    (1.15, -0.35),
    (1.15, 0.35),
    (0.35, 0.35),
    (0.35, 1.15),
    (-0.35, 1.15),
    (-0.35, 0.35),
    (-1.15, 0.35),
    (-1.15, -0.35),
    (-0.35, -0.35),
];

fn polygon(x: f64, y: f64, points: &[(f64, f64)], size: f64) -> String {
    let mut out = String::new();
    for (place, (dx, dy)) in points.iter().enumerate() {
        let letter = if place == 0 { 'M' } else { 'L' };
        let _ = write!(out, "{letter}{:.1} {:.1}", x + dx * size, y + dy * size);
    }
    out.push('Z');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_that_share_a_colour_differ_in_shape() {
        for series in 0..56 {
            assert_ne!(Shape::of(series), Shape::of(series + palette::SERIES));
        }
    }
}
