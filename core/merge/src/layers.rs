//! How deep in the model a tensor is.

use std::collections::HashMap;

/// The layers of a model, found from its tensors' names.
///
/// The first component of a name that is a number is the layer: `model.layers.7.mlp.up_proj`,
/// `transformer.h.7.attn`. Names that begin differently (two towers of one model) are counted
/// apart.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// From what stands before the number to the highest number.
    last: HashMap<String, u64>,
}

impl Layers {
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut layers = Self::default();
        for name in names {
            if let Some((stem, number)) = split(name) {
                let last = layers.last.entry(stem.to_owned()).or_default();
                *last = number.max(*last);
            }
        }
        layers
    }

    /// 0 for the first layer, 1 for the last one. The only layer of a model is at 1, and whatever
    /// is in no layer at 0: both as in mergekit.
    pub(crate) fn depth(&self, name: &str) -> f64 {
        let Some((stem, number)) = split(name) else {
            return 0.0;
        };
        match self.last.get(stem) {
            None | Some(0) => 1.0,
            Some(last) => number as f64 / *last as f64,
        }
    }
}

fn split(name: &str) -> Option<(&str, u64)> {
    let mut start = 0;
    for part in name.split('.') {
        if let Ok(number) = part.parse::<u64>() {
            return Some((&name[..start], number));
        }
        start += part.len() + 1;
    }
    None
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
            ("lm_head.weight", 0.0),
            ("model.layers.0.a.9.weight", 0.0),
            ("model.layers.1.b", 0.25),
            ("model.layers.4.b", 1.0),
            ("vision.h.1.w", 0.5),
            ("only.0.w", 1.0),
        ] {
            assert_eq!(layers.depth(name), depth, "{name}");
        }
    }
}
