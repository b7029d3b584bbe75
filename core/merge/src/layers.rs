//! How deep in the model a tensor is.

use std::collections::BTreeMap;

/// The layers of a model, found from its tensors' names.
///
/// The first component of a name that is a number is the layer: `model.layers.7.mlp.up_proj`,
/// `transformer.h.7.attn`. Names that begin differently (two towers of one model) are counted
/// apart.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// From what stands before the number to the highest number.
    last: BTreeMap<String, usize>,
}

/// Where a tensor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// What stands before the number, and the number.
    pub(crate) layer: Option<(&'a str, usize)>,
}

/// On which side of the layers a tensor stands that is in none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Embeddings.
    Before,
    /// The last norm, the output head.
    After,
}

impl Layers {
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut layers = Self::default();
        for name in names {
            if let Some((stem, number)) = Place::of(name).layer {
                let last = layers.last.entry(stem.to_owned()).or_default();
                *last = number.max(*last);
            }
        }
        layers
    }

    /// 0 for the first layer, 1 for the last one, and for the only one, as in mergekit. What
    /// stands before the layers is at 0, what stands after them at `after`.
    pub(crate) fn depth(&self, name: &str, after: f64) -> f64 {
        let Some((stem, number)) = Place::of(name).layer else {
            return match Side::of(name) {
                Side::Before => 0.0,
                Side::After => after,
            };
        };
        match self.last.get(stem) {
            None | Some(0) => 1.0,
            Some(last) => number as f64 / *last as f64,
        }
    }

    /// Whether a tensor is in no layer of a stack of several.
    pub(crate) fn is_outside(&self, name: &str) -> bool {
        Place::of(name)
            .layer
            .is_none_or(|(stem, _)| self.count(stem) < 2)
    }

    /// What stands before the numbers.
    pub(crate) fn stems(&self) -> impl Iterator<Item = &str> {
        self.last.keys().map(String::as_str)
    }

    /// Number of layers of a stack.
    pub(crate) fn count(&self, stem: &str) -> usize {
        self.last.get(stem).map_or(0, |last| last + 1)
    }
}

impl<'a> Place<'a> {
    pub(crate) fn of(name: &'a str) -> Self {
        let mut start = 0;
        for part in name.split('.') {
            if let Ok(number) = part.parse::<usize>() {
                return Self {
                    layer: Some((&name[..start], number)),
                };
            }
            start += part.len() + 1;
        }
        Self { layer: None }
    }
}

impl Side {
    /// Told from the name: embeddings go by `embed…`, `wte`, `wpe`, but GPT-NeoX's output head is
    /// called `embed_out`.
    pub(crate) fn of(name: &str) -> Self {
        let before = ["embed", "wte", "wpe"]
            .iter()
            .any(|part| name.contains(part));
        if before && !name.contains("embed_out") {
            Side::Before
        } else {
            Side::After
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_per_stack() {
        let layers = Layers::of([
            "model.embed.weight",
            "model.layers.0.a.9.weight",
            "model.layers.4.a.weight",
            "vision.h.0.w",
            "vision.h.2.w",
            "only.0.w",
        ]);
        for (name, depth) in [
            ("model.embed.weight", 0.0),
            ("transformer.wte.weight", 0.0),
            ("lm_head.weight", 0.75),
            ("embed_out.weight", 0.75),
            ("model.norm.weight", 0.75),
            ("model.layers.0.a.9.weight", 0.0),
            ("model.layers.1.b", 0.25),
            ("model.layers.4.b", 1.0),
            ("vision.h.1.w", 0.5),
            ("only.0.w", 1.0),
        ] {
            assert_eq!(layers.depth(name, 0.75), depth, "{name}");
        }
        assert_eq!(
            layers.stems().collect::<Vec<_>>(),
            ["model.layers.", "only.", "vision.h."]
        );
        assert_eq!((layers.count("vision.h."), layers.count("x")), (3, 0));
    }
}
