//! Which layer and which kind of module a tensor belongs to.

/// The place of a tensor in a model, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The number of its layer, counted from 0; `None` outside the layers.
    pub layer: Option<u32>,
    /// Its kind: the name within the layer without `.weight`, such as `self_attn.q_proj`; `norm`
    /// for all norms; `embedding` and `lm_head` for what they are.
    pub module: String,
}

impl Place {
    /// The place of the tensor of that name.
    ///
    /// ```
    /// use mergelab_vectors::Place;
    /// let place = Place::of("model.layers.3.mlp.up_proj.weight");
    /// assert_eq!((place.layer, place.module.as_str()), (Some(3), "mlp.up_proj"));
    /// assert_eq!(Place::of("model.embed_tokens.weight").module, "embedding");
    /// assert_eq!(Place::of("model.layers.3.input_layernorm.weight").module, "norm");
    /// assert_eq!(Place::of("transformer.h.1.attn.c_attn.bias").module, "attn.c_attn.bias");
    /// ```
    pub fn of(tensor: &str) -> Place {
        let parts: Vec<&str> = tensor.split('.').collect();
        let number = parts.iter().position(|part| part.parse::<u32>().is_ok());
        let layer = number.and_then(|at| parts[at].parse().ok());
        let within = match number {
            Some(at) => &parts[at + 1..],
            None => &parts[..],
        };
        let within = match within.split_last() {
            Some((&"weight", rest)) if !rest.is_empty() => rest,
            _ => within,
        };
        // Counted from the end: the last part that is not `bias` names the module itself.
        let last = within.iter().rev().find(|part| **part != "bias");
        let last = last.copied().unwrap_or(tensor);
        let is_norm = last.contains("norm") || last.starts_with("ln_");
        let is_embedding = last.contains("embed") || matches!(last, "wte" | "wpe" | "shared");
        let module = if is_norm {
            "norm".to_owned()
        } else if layer.is_none() && is_embedding {
            "embedding".to_owned()
        } else if layer.is_none() {
            // `lm_head`, whatever it lies in.
            match within.last() {
                Some(&"bias") => format!("{last}.bias"),
                _ => last.to_owned(),
            }
        } else {
            within.join(".")
        };
        Place { layer, module }
    }
}
