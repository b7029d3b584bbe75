//! A finished drawing, as a file or as a part of a page.

use super::{
    palette::{self, Schemes},
    xml::escaped,
};

/// Room at the left of every drawing.
const MARGIN: u32 = 12;

/// A finished drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawing {
    /// Its elements.
    pub(super) body: String,
    /// Number of marks for data.
    pub(crate) marks: usize,
    /// Size in pixels.
    pub(crate) size: (u32, u32),
    /// Its name, which screen readers say.
    pub(super) title: String,
    /// What is to be seen, in words.
    pub(super) description: String,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::svg::{Anchor, Svg};

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
}
