//! SVG text.

use std::fmt::Write as _;

/// A drawing that grows.
#[derive(Debug, Default)]
pub(super) struct Svg {
    body: String,
}

/// Where a text is held.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Colours of the text and lines, and of series, in a light and in a dark scheme. The series are
/// those of Okabe and Ito (2008), which people with any kind of colour vision tell apart; black is
/// left out and yellow is darker on white. Variables would be shorter, and are unknown to programs
/// that turn SVG into pictures.
const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#1f2328}\
.title{font-size:14px;font-weight:600}.small{font-size:11px}\
.grid{stroke:#d0d7de;stroke-width:1}.zero{stroke:#1f2328;stroke-width:1}.back{fill:#ffffff}\
.point{fill-opacity:.75}\
.s0{fill:#0072b2}.s1{fill:#d55e00}.s2{fill:#009e73}.s3{fill:#cc79a7}.s4{fill:#9a6b00}\
.s5{fill:#56b4e9}.s6{fill:#7f7f7f}.s7{fill:#8b4513}\
@media(prefers-color-scheme:dark){\
text{fill:#e6edf3}.grid{stroke:#3d444d}.zero{stroke:#e6edf3}.back{fill:#0d1117}\
.s0{fill:#4aa8e0}.s1{fill:#f08a4b}.s2{fill:#3fc79a}.s3{fill:#e3a1c6}.s4{fill:#e0b84c}\
.s5{fill:#8fd0f5}.s6{fill:#a9a9a9}.s7{fill:#c98a5e}}";

/// Number of series that have a colour of their own.
pub(super) const SERIES: usize = 8;

impl Svg {
    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let _ = writeln!(
            self.body,
            r#"<line class="{class}" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#,
            from.0, from.1, to.0, to.1
        );
    }

    /// A point with a text that shows when it is pointed at.
    pub(super) fn point(&mut self, series: usize, at: (f64, f64), title: &str) {
        let _ = writeln!(
            self.body,
            r#"<circle class="point s{}" cx="{:.1}" cy="{:.1}" r="4"><title>{}</title></circle>"#,
            series % SERIES,
            at.0,
            at.1,
            escaped(title)
        );
    }

    pub(super) fn text(&mut self, class: &str, anchor: Anchor, at: (f64, f64), text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let _ = writeln!(
            self.body,
            r#"<text class="{class}" text-anchor="{anchor}" x="{:.1}" y="{:.1}">{}</text>"#,
            at.0,
            at.1,
            escaped(text)
        );
    }

    /// A text that reads upwards.
    pub(super) fn upwards(&mut self, at: (f64, f64), text: &str) {
        let _ = writeln!(
            self.body,
            r#"<text text-anchor="middle" transform="translate({:.1} {:.1}) rotate(-90)">{}</text>"#,
            at.0,
            at.1,
            escaped(text)
        );
    }

    /// The whole file.
    pub(super) fn finish(self, width: f64, height: f64, title: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"back\" width=\"100%\" height=\"100%\"/>\n{}</svg>\n",
            escaped(title),
            self.body
        )
    }
}

/// Text as XML has it. Signs that XML cannot hold at all are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
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
        let text = svg.finish(10.0, 20.0, "t");
        assert!(text.contains(">&lt;a &amp; &quot;b&quot;&gt; 日本</text>"));
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
    }
}
