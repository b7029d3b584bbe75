//! The tensors of a model: their names, shapes and order.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::config::ModelConfig;
use crate::kernels::tensor;
use crate::random::CounterRng;

/// Tensors of one layer.
const LAYER_TENSORS: usize = 9;

/// A tensor of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    InputNorm,
    Query,
    Key,
    Value,
    Output,
    PostNorm,
    Gate,
    Up,
    Down,
}

impl Part {
    const ALL: [Self; LAYER_TENSORS] = [
        Self::InputNorm,
        Self::Query,
        Self::Key,
        Self::Value,
        Self::Output,
        Self::PostNorm,
        Self::Gate,
        Self::Up,
        Self::Down,
    ];

    /// The matrices, which adapters can be put on.
    pub(crate) const LINEAR: [Self; 7] = [
        Self::Query,
        Self::Key,
        Self::Value,
        Self::Output,
        Self::Gate,
        Self::Up,
        Self::Down,
    ];

    /// The module's path in a layer, as Hugging Face names it.
    fn path(self) -> &'static str {
        match self {
            Self::InputNorm => "input_layernorm",
            Self::Query => "self_attn.q_proj",
            Self::Key => "self_attn.k_proj",
            Self::Value => "self_attn.v_proj",
            Self::Output => "self_attn.o_proj",
            Self::PostNorm => "post_attention_layernorm",
            Self::Gate => "mlp.gate_proj",
            Self::Up => "mlp.up_proj",
            Self::Down => "mlp.down_proj",
        }
    }

    /// The module's own name, the last part of its path.
    pub(crate) fn module(self) -> &'static str {
        let path = self.path();
        path.rsplit('.').next().unwrap_or(path)
    }
}

/// Index of the embedding among the parameters.
pub(crate) const EMBEDDING: usize = 0;

/// Index of a layer's tensor among the parameters.
pub(crate) fn index(layer: usize, part: Part) -> usize {
    1 + layer * LAYER_TENSORS + part as usize
}

/// Index of the last norm's weight among the parameters.
pub(crate) fn final_norm(config: &ModelConfig) -> usize {
    1 + config.num_hidden_layers * LAYER_TENSORS
}

/// Index of the output layer's weight, which is the embedding where they are tied.
pub(crate) fn output(config: &ModelConfig) -> usize {
    if config.tie_word_embeddings {
        EMBEDDING
    } else {
        final_norm(config) + 1
    }
}

/// Name and shape of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParameterSpec {
    /// Name, as Hugging Face has it.
    pub(crate) name: String,
    /// Rows and columns; a vector has one row.
    pub(crate) shape: [usize; 2],
    /// Whether it is the weight of a norm, a vector.
    pub(crate) norm: bool,
}

impl ParameterSpec {
    /// The shape in a file.
    pub(crate) fn stored_shape(&self) -> Vec<usize> {
        if self.norm {
            vec![self.shape[1]]
        } else {
            self.shape.to_vec()
        }
    }

    /// The name without its last part, as adapters name it.
    pub(crate) fn module(&self) -> &str {
        self.name.strip_suffix(".weight").unwrap_or(&self.name)
    }
}

/// Every parameter of a model, in the order of their indices.
pub(crate) fn specs(config: &ModelConfig) -> Vec<ParameterSpec> {
    let width = config.hidden_size;
    let matrix = |name: String, rows, columns| ParameterSpec {
        name,
        shape: [rows, columns],
        norm: false,
    };
    let norm = |name: String| ParameterSpec {
        name,
        shape: [1, width],
        norm: true,
    };
    let (query, key, inner) = (
        config.query_width(),
        config.key_width(),
        config.intermediate_size,
    );
    let mut specs = vec![matrix(
        "model.embed_tokens.weight".into(),
        config.vocab_size,
        width,
    )];
    for layer in 0..config.num_hidden_layers {
        for part in Part::ALL {
            let name = format!("model.layers.{layer}.{}.weight", part.path());
            specs.push(match part {
                Part::InputNorm | Part::PostNorm => norm(name),
                Part::Query => matrix(name, query, width),
                Part::Key | Part::Value => matrix(name, key, width),
                Part::Output => matrix(name, width, query),
                Part::Gate | Part::Up => matrix(name, inner, width),
                Part::Down => matrix(name, width, inner),
            });
        }
    }
    specs.push(norm("model.norm.weight".into()));
    if !config.tie_word_embeddings {
        specs.push(matrix("lm_head.weight".into(), config.vocab_size, width));
    }
    specs
}

/// Draws a new model's parameters: matrices normal with deviation `initializer_range`, norms 1.
///
/// Each element depends on the seed, its parameter's name and its index alone.
pub(crate) fn initial(config: &ModelConfig, seed: u64) -> Vec<Vec<f32>> {
    specs(config)
        .iter()
        .map(|spec| {
            let elements = spec.shape[0] * spec.shape[1];
            if spec.norm {
                return vec![1.0; elements];
            }
            let rng = CounterRng::new(seed, &spec.name, &[]);
            (0..elements as u64)
                .map(|element| (config.initializer_range * rng.normal(element)) as f32)
                .collect()
        })
        .collect()
}

/// Puts parameters given as elements on a device.
pub(crate) fn upload<B: Backend>(
    config: &ModelConfig,
    elements: Vec<Vec<f32>>,
    device: &B::Device,
) -> Vec<Tensor<B, 2>> {
    specs(config)
        .iter()
        .zip(elements)
        .map(|(spec, elements)| tensor(elements, spec.shape, device))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_agree_with_the_order_of_the_specs() {
        let mut config = ModelConfig::new(10, 8, 16, 2, 2, 32).unwrap();
        config.tie_word_embeddings = false;
        let specs = specs(&config);
        assert_eq!(specs[EMBEDDING].name, "model.embed_tokens.weight");
        assert_eq!(
            specs[index(1, Part::Down)].name,
            "model.layers.1.mlp.down_proj.weight"
        );
        assert_eq!(
            specs[index(0, Part::Query)].module(),
            "model.layers.0.self_attn.q_proj"
        );
        assert_eq!(specs[final_norm(&config)].name, "model.norm.weight");
        assert_eq!(specs[output(&config)].name, "lm_head.weight");
        assert_eq!(specs.len(), output(&config) + 1);
    }

    #[test]
    fn the_seed_alone_decides_the_initial_weights() {
        let config = ModelConfig::new(10, 8, 16, 1, 2, 32).unwrap();
        assert_eq!(initial(&config, 3), initial(&config, 3));
        assert_ne!(initial(&config, 3), initial(&config, 4));
    }
}
