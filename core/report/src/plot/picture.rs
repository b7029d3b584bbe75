//! PNG.
//!
//! Latin, Greek and Cyrillic text is drawn with a font that lies in this crate, so that it looks the
//! same on every machine. Signs that the font lacks are drawn with fonts of the system.

use super::{drawing::Drawing, palette::Schemes};
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{self, fontdb},
};
use std::sync::Arc;

const REGULAR: &[u8] = include_bytes!("../../fonts/Inter-Regular.otf");
const SEMIBOLD: &[u8] = include_bytes!("../../fonts/Inter-SemiBold.otf");

/// Pixels of the picture for each pixel of the drawing, so that it prints well.
const SCALE: f32 = 2.0;

/// Most pixels of a side: longer drawings get fewer pixels each.
const MOST: f32 = 16_000.0;

/// Draws pictures with the fonts that were found once.
pub(crate) struct Pictures {
    options: usvg::Options<'static>,
}

impl Pictures {
    pub(crate) fn new() -> Self {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(REGULAR.to_vec());
        fonts.load_font_data(SEMIBOLD.to_vec());
        fonts.load_system_fonts();
        fonts.set_sans_serif_family("Inter");
        Self {
            options: usvg::Options {
                font_family: "Inter".to_owned(),
                fontdb: Arc::new(fonts),
                ..usvg::Options::default()
            },
        }
    }

    /// A drawing in light colours as PNG.
    ///
    /// # Errors
    /// In words, if the drawing has no size.
    pub(crate) fn png(&self, drawing: &Drawing) -> Result<Vec<u8>, String> {
        let text = drawing.file(Schemes::Light);
        // The embedded font comes first, whatever the system has.
        let text = text.replace(super::palette::FONT, "Inter");
        let tree = usvg::Tree::from_str(&text, &self.options).map_err(|e| e.to_string())?;
        let size = tree.size();
        let scale = SCALE.min(MOST / size.width().max(size.height()));
        let pixels = |side: f32| ((side * scale).ceil() as u32).max(1);
        let mut picture = Pixmap::new(pixels(size.width()), pixels(size.height()))
            .ok_or("it has no size that a picture can have")?;
        resvg::render(
            &tree,
            Transform::from_scale(scale, scale),
            &mut picture.as_mut(),
        );
        picture.encode_png().map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::svg::{Anchor, Svg};

    #[test]
    fn a_picture_has_its_text_drawn() {
        let draw = |text: &str| {
            let mut svg = Svg::default();
            svg.text("", Anchor::Start, (5.0, 15.0), text);
            let png = Pictures::new().png(&svg.finish(80.0, 20.0, "t", "d"));
            let png = png.expect("a picture");
            let read = Pixmap::decode_png(&png).expect("a picture");
            assert_eq!((read.width(), read.height()), (160, 40));
            read.pixels().iter().filter(|p| p.red() < 128).count()
        };
        let (none, some, more) = (draw(""), draw("density"), draw("density = 0.5"));
        assert_eq!(none, 0);
        assert!(some > 50 && more > some, "{some} {more}");
    }
}
