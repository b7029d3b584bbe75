//! Elements of SVG.

use super::{drawing::Drawing, label::fitted, shape::Shape, xml::escaped};
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
        let cut = fitted(text, 12.0, most);
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
