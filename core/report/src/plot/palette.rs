//! Colours of figures, in a light and in a dark scheme.
//!
//! Series have those of Okabe and Ito (2008), which people with any kind of colour vision tell
//! apart; yellow is darker on white, and black is left out. Nothing is told by colour alone: series
//! have marks and dashes of their own, verdicts have shapes, cells of maps have numbers. Text has a
//! contrast of 4.5 at least to what it stands on, in both schemes.

use std::fmt::Write as _;

/// Number of series that have a colour of their own.
pub(crate) const SERIES: usize = 8;

/// Steps of a diverging scale on each side of its middle.
pub(crate) const STEPS: i32 = 4;

/// Font of texts. The first families are found by browsers, the last by the programs that turn SVG
/// into pictures.
pub(crate) const FONT: &str = "system-ui,-apple-system,'Segoe UI','Noto Sans','Helvetica Neue',Arial,\
'Noto Sans CJK SC','Noto Sans CJK JP','Noto Sans SC','Noto Sans JP','Hiragino Sans','PingFang SC',\
'Microsoft YaHei','Yu Gothic','Malgun Gothic',sans-serif";

/// Selector, property, light colour, dark colour.
const COLOURS: &[(&str, &str, &str, &str)] = &[
    ("text", "fill", "#1f2328", "#e6edf3"),
    (".soft", "fill", "#57606a", "#a3adb8"),
    (".back", "fill", "#ffffff", "#0d1117"),
    (".grid", "stroke", "#dfe4e9", "#2b323a"),
    (".axis", "stroke", "#8c959f", "#6e7681"),
    (".zero", "stroke", "#1f2328", "#e6edf3"),
    (".rule", "stroke", "#eef1f4", "#1b222a"),
    (".band", "fill", "#e9edf2", "#1d252e"),
    (".edge", "stroke", "#8c959f", "#6e7681"),
    (".ink", "fill", "#1f2328", "#e6edf3"),
    (".light", "fill", "#ffffff", "#0d1117"),
    (".inkline", "stroke", "#1f2328", "#e6edf3"),
    (".bar", "fill", "#57606a", "#a3adb8"),
    (".t0", "fill", "#0072b2", "#4aa8e0"),
    (".t1", "fill", "#c04a00", "#f08a4b"),
    (".t2", "fill", "#00795a", "#3fc79a"),
    (".t3", "fill", "#57606a", "#a3adb8"),
    (".o0", "stroke", "#0072b2", "#4aa8e0"),
    (".o1", "stroke", "#c04a00", "#f08a4b"),
    (".o2", "stroke", "#00795a", "#3fc79a"),
    (".o3", "stroke", "#57606a", "#a3adb8"),
    (".dark text,text.dark", "fill", "#ffffff", "#0d1117"),
    (".hm", "fill", "#f2f4f6", "#1b2128"),
    (".p1", "fill", "#e3eff9", "#16283a"),
    (".p2", "fill", "#b9d9f0", "#1c4063"),
    (".p3", "fill", "#7fb8e0", "#235b90"),
    (".p4", "fill", "#2b72ab", "#5aa9e6"),
    (".n1", "fill", "#fdeee3", "#33200f"),
    (".n2", "fill", "#fad0b0", "#57310f"),
    (".n3", "fill", "#f0a36b", "#87470f"),
    (".n4", "fill", "#b04c0d", "#f2994a"),
];

/// Light and dark colours of series.
const SERIES_COLOURS: [(&str, &str); SERIES] = [
    ("#0072b2", "#4aa8e0"),
    ("#c04a00", "#f08a4b"),
    ("#00795a", "#3fc79a"),
    ("#b04a8f", "#e3a1c6"),
    ("#8a6000", "#e0b84c"),
    ("#2f8fc4", "#8fd0f5"),
    ("#6b6b6b", "#b0b0b0"),
    ("#7a3e12", "#d59a6e"),
];

const SHAPES: &str = "\
.title{font-size:14px;font-weight:600}.small{font-size:11px}.strong{font-weight:600}\
.grid,.axis,.zero,.rule,.edge{stroke-width:1;fill:none}.edge{stroke-dasharray:3 3}\
.line{fill:none;stroke-width:2;stroke-linejoin:round}.thick{stroke-width:2;fill:none}\
.heavy{stroke-width:5;fill:none;stroke-linecap:round}.hollow{fill-opacity:0;stroke-width:1.6}\
.ribbon{fill-opacity:.13}.point{fill-opacity:.8}.outline{fill:none;stroke-width:2}\
.d1{stroke-dasharray:7 3}.d2{stroke-dasharray:2 3}.d3{stroke-dasharray:9 3 2 3}";

/// The style sheet. `within` is a selector that figures lie in, empty or with a space at its end.
pub(crate) fn style(within: &str, schemes: Schemes) -> String {
    let scoped = |selectors: &str| -> String {
        let all = selectors.split(',').map(|s| format!("{within}{s}"));
        all.collect::<Vec<_>>().join(",")
    };
    let mut out = String::new();
    let _ = write!(
        out,
        "{}{{font-size:12px;font-family:{FONT}}}",
        scoped("text")
    );
    for rule in SHAPES.split_inclusive('}') {
        let (selectors, body) = rule.split_once('{').unwrap_or((rule, ""));
        let _ = write!(out, "{}{{{body}", scoped(selectors));
    }
    let colours = |dark: bool| -> String {
        let mut out = String::new();
        for (selectors, property, light, dim) in COLOURS {
            let colour = if dark { dim } else { light };
            let _ = write!(out, "{}{{{property}:{colour}}}", scoped(selectors));
        }
        for (series, (light, dim)) in SERIES_COLOURS.iter().enumerate() {
            let colour = if dark { dim } else { light };
            let (fill, stroke) = (
                scoped(&format!(".s{series}")),
                scoped(&format!(".l{series}")),
            );
            let _ = write!(out, "{fill}{{fill:{colour}}}{stroke}{{stroke:{colour}}}");
        }
        out
    };
    out.push_str(&colours(false));
    if schemes == Schemes::Both {
        // Paper is white whatever the screen is.
        let _ = write!(
            out,
            "@media screen and (prefers-color-scheme:dark){{{}}}",
            colours(true)
        );
    }
    out
}

/// Which colours a style sheet has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schemes {
    /// Those of light paper.
    Light,
    /// The reader's: light, or dark on a dark screen.
    Both,
}

/// Class of the step of a diverging scale: `share` from -1 to 1, the middle at 0.
pub(crate) fn step(share: f64) -> (&'static str, bool) {
    const UP: [&str; 4] = ["p1", "p2", "p3", "p4"];
    const DOWN: [&str; 4] = ["n1", "n2", "n3", "n4"];
    if !share.is_finite() {
        return ("hm", false);
    }
    // The middle step reaches as far to each side as half of the others.
    let step = (share.abs().min(1.0) * (f64::from(STEPS) + 0.5)).round() as usize;
    match step.min(STEPS as usize) {
        0 => ("hm", false),
        step if share > 0.0 => (UP[step - 1], step == 4),
        step => (DOWN[step - 1], step == 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, as WCAG 2.2 defines it.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let byte = u8::from_str_radix(&colour[at..at + 2], 16).expect("two digits");
            let share = f64::from(byte) / 255.0;
            match share <= 0.04045 {
                true => share / 12.92,
                false => ((share + 0.055) / 1.055).powf(2.4),
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn colour(selector: &str) -> [&'static str; 2] {
        let found = COLOURS
            .iter()
            .find(|c| c.0.split(',').any(|s| s == selector));
        let (_, _, light, dark) = found.expect("a colour");
        [light, dark]
    }

    #[test]
    fn texts_have_the_contrast_of_wcag_aa() {
        for scheme in [0, 1] {
            let back = colour(".back")[scheme];
            for text in ["text", ".soft"] {
                for behind in [back, colour(".band")[scheme]] {
                    assert!(
                        contrast(colour(text)[scheme], behind) >= 4.5,
                        "{text} {scheme}"
                    );
                }
            }
            for (class, strong) in (-9..=9).map(|i| step(f64::from(i) / 9.0)) {
                let text = if strong { "text.dark" } else { "text" };
                let cell = colour(&format!(".{class}"))[scheme];
                let found = contrast(colour(text)[scheme], cell);
                assert!(found >= 4.5, "{class} {scheme}: {found}");
            }
        }
    }

    #[test]
    fn marks_and_lines_stand_out_from_the_ground() {
        for scheme in [0, 1] {
            let back = colour(".back")[scheme];
            for verdict in [".t0", ".t1", ".t2", ".t3", ".axis"] {
                assert!(contrast(colour(verdict)[scheme], back) >= 3.0, "{verdict}");
            }
            for (light, dark) in SERIES_COLOURS {
                assert!(contrast([light, dark][scheme], back) >= 3.0, "{light}");
            }
        }
    }

    #[test]
    fn steps_are_symmetric() {
        assert_eq!(step(0.0), ("hm", false));
        assert_eq!(step(0.05).0, "hm");
        assert_eq!(step(1.0), ("p4", true));
        assert_eq!(step(-2.0), ("n4", true));
        assert_eq!(step(f64::NAN), ("hm", false));
    }
}
