//! SVG text.

use super::palette::{self, Schemes};
use std::fmt::Write as _;

/// A drawing that grows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Svg {
    body: String,
    /// Number of marks for data: points, bars and cells.
    marks: usize,
}

/// Where a text is held.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A finished drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawing {
    body: String,
    /// Number of marks for data.
    pub(crate) marks: usize,
    /// Size in pixels.
    pub(crate) size: (u32, u32),
    title: String,
    description: String,
}

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
    fn outline(self, (x, y): (f64, f64), size: f64) -> String {
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

impl Svg {
    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let _ = writeln!(
            self.body,
            r#"<line class="{class}" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#,
            from.0, from.1, to.0, to.1
        );
    }

    /// A line through points.
    pub(crate) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        self.trace(class, points, "");
    }

    /// A field between points.
    pub(crate) fn area(&mut self, class: &str, points: &[(f64, f64)]) {
        self.trace(class, points, "Z");
    }

    fn trace(&mut self, class: &str, points: &[(f64, f64)], end: &str) {
        let _ = write!(self.body, r#"<path class="{class}" d=""#);
        for (place, (x, y)) in points.iter().enumerate() {
            let letter = if place == 0 { 'M' } else { 'L' };
            let _ = write!(self.body, "{letter}{x:.1} {y:.1}");
        }
        let _ = writeln!(self.body, "{end}\"/>");
    }

    pub(crate) fn rectangle(&mut self, class: &str, at: (f64, f64), size: (f64, f64)) {
        let _ = writeln!(
            self.body,
            r#"<rect class="{class}" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}"/>"#,
            at.0,
            at.1,
            size.0.max(0.0),
            size.1.max(0.0)
        );
    }

    /// A rectangle that stands for a number, with a text that shows when it is pointed at.
    pub(crate) fn cell(&mut self, class: &str, at: (f64, f64), size: (f64, f64), title: &str) {
        self.marks += 1;
        let _ = writeln!(
            self.body,
            r#"<rect class="{class}" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}"><title>{}</title></rect>"#,
            at.0,
            at.1,
            size.0.max(0.0),
            size.1.max(0.0),
            escaped(title)
        );
    }

    /// A mark that stands for a number, with a text that shows when it is pointed at.
    pub(crate) fn mark(
        &mut self,
        shape: Shape,
        class: &str,
        at: (f64, f64),
        size: f64,
        title: &str,
    ) {
        self.marks += 1;
        let _ = writeln!(
            self.body,
            r#"<path class="{class}" d="{}"><title>{}</title></path>"#,
            shape.outline(at, size),
            escaped(title)
        );
    }

    /// A mark that stands for itself, as in a key.
    pub(crate) fn sign(&mut self, shape: Shape, class: &str, at: (f64, f64), size: f64) {
        let outline = shape.outline(at, size);
        let _ = writeln!(self.body, r#"<path class="{class}" d="{outline}"/>"#);
    }

    pub(crate) fn text(&mut self, class: &str, anchor: Anchor, at: (f64, f64), text: &str) {
        self.put(class, anchor, at, text, None);
    }

    /// A text that was cut to fit, with the whole of it where it is pointed at.
    pub(crate) fn label(
        &mut self,
        class: &str,
        anchor: Anchor,
        at: (f64, f64),
        text: &str,
        most: f64,
    ) {
        let cut = super::label::fitted(text, 12.0, most);
        let whole = (cut != text).then_some(text);
        self.put(class, anchor, at, &cut, whole);
    }

    fn put(
        &mut self,
        class: &str,
        anchor: Anchor,
        at: (f64, f64),
        text: &str,
        whole: Option<&str>,
    ) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let class = match class {
            "" => String::new(),
            class => format!(r#" class="{class}""#),
        };
        let whole = whole.map(|text| format!("<title>{}</title>", escaped(text)));
        let _ = writeln!(
            self.body,
            r#"<text{class}{anchor} x="{:.1}" y="{:.1}">{}{}</text>"#,
            at.0,
            at.1,
            whole.unwrap_or_default(),
            escaped(text)
        );
    }

    /// A text that reads upwards.
    pub(crate) fn upwards(&mut self, at: (f64, f64), text: &str) {
        let _ = writeln!(
            self.body,
            r#"<text text-anchor="middle" transform="translate({:.1} {:.1}) rotate(-90)">{}</text>"#,
            at.0,
            at.1,
            escaped(text)
        );
    }

    /// The whole drawing. The description says in words what is to be seen.
    pub(crate) fn finish(self, width: f64, height: f64, title: &str, description: &str) -> Drawing {
        Drawing {
            body: self.body,
            marks: self.marks,
            size: (width.ceil() as u32, height.ceil() as u32),
            title: title.to_owned(),
            description: description.to_owned(),
        }
    }
}

/// Room at the left of every drawing.
const MARGIN: u32 = 12;

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

impl Drawing {
    /// The drawing as a file of its own, with its style sheet.
    pub(crate) fn file(&self, schemes: Schemes) -> String {
        let (width, height) = self.size;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{}</title>\n\
             <desc>{}</desc>\n<style>{}</style>\n\
             <rect class=\"back\" width=\"{width}\" height=\"{height}\"/>\n{}</svg>\n",
            escaped(&self.title),
            escaped(&self.description),
            palette::style("", schemes),
            self.body
        )
    }

    /// The drawing as a part of a page that has the style sheet. `id` is unique in the page.
    pub(crate) fn inline(&self, id: &str) -> String {
        // The margin at the left is the page's own.
        let (width, height) = (self.size.0.saturating_sub(MARGIN), self.size.1);
        format!(
            "<svg viewBox=\"{MARGIN} 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\n<title id=\"{id}-t\">{}</title>\n\
             <desc id=\"{id}-d\">{}</desc>\n{}</svg>\n",
            escaped(&self.title),
            escaped(&self.description),
            self.body
        )
    }
}

/// Text as XML has it. Signs that XML cannot hold at all become spaces.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push(' '),
            sign if sign.is_control() => out.push(' '),
            sign => out.push(sign),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text() {
        let mut svg = Svg::default();
        svg.text("", Anchor::Start, (1.0, 2.0), "<a & \"b\">\u{1}日本");
        let drawing = svg.finish(10.0, 20.0, "t", "</desc>");
        let text = drawing.file(Schemes::Both);
        assert!(text.contains(">&lt;a &amp; &quot;b&quot;&gt; 日本</text>"));
        assert!(text.contains("<desc>&lt;/desc&gt;</desc>"));
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
    }

    #[test]
    fn series_that_share_a_colour_differ_in_shape() {
        for series in 0..56 {
            assert_ne!(Shape::of(series), Shape::of(series + palette::SERIES));
        }
    }
}
