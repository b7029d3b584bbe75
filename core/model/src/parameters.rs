//! The tensors of a model: their names, shapes and order.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::config::ModelConfig;
use crate::kernels::tensor;
use crate::random::CounterRng;

/// A tensor of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    // Every layer has these, in this order.
    AttentionNorm,
    Query,
    Key,
    Value,
    Output,
    FeedForwardNorm,
    Gate,
    Up,
    Down,
    // Layers of some families have these, after those.
    QueryBias,
    KeyBias,
    ValueBias,
    OutputBias,
    GateBias,
    UpBias,
    DownBias,
    QueryNorm,
    KeyNorm,
    AttentionBranchNorm,
    FeedForwardBranchNorm,
}

/// What a tensor is: matrices are multiplied with, biases added, norms' weights multiply features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Matrix,
    Bias,
    Norm,
}

impl Part {
    const ALL: [Self; 20] = [
        Self::AttentionNorm,
        Self::Query,
        Self::Key,
        Self::Value,
        Self::Output,
        Self::FeedForwardNorm,
        Self::Gate,
        Self::Up,
        Self::Down,
        Self::QueryBias,
        Self::KeyBias,
        Self::ValueBias,
        Self::OutputBias,
        Self::GateBias,
        Self::UpBias,
        Self::DownBias,
        Self::QueryNorm,
        Self::KeyNorm,
        Self::AttentionBranchNorm,
        Self::FeedForwardBranchNorm,
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

    /// The bias that belongs to a matrix, where there is one.
    fn bias(self) -> Option<Self> {
        Some(match self {
            Self::Query => Self::QueryBias,
            Self::Key => Self::KeyBias,
            Self::Value => Self::ValueBias,
            Self::Output => Self::OutputBias,
            Self::Gate => Self::GateBias,
            Self::Up => Self::UpBias,
            Self::Down => Self::DownBias,
            _ => return None,
        })
    }

    /// Whether the layers of a model have this tensor.
    fn is_in(self, config: &ModelConfig) -> bool {
        match self {
            Self::QueryBias | Self::KeyBias | Self::ValueBias => config.query_key_value_bias,
            Self::OutputBias => config.attention_output_bias,
            Self::GateBias | Self::UpBias | Self::DownBias => config.feed_forward_bias,
            Self::QueryNorm | Self::KeyNorm => config.head_norms,
            Self::AttentionBranchNorm | Self::FeedForwardBranchNorm => config.branch_norms,
            _ => true,
        }
    }

    /// Rows and columns; a vector has one row.
    fn shape(self, config: &ModelConfig) -> [usize; 2] {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let (query, key) = (config.query_width(), config.key_width());
        match self {
            Self::Query => [query, width],
            Self::Key | Self::Value => [key, width],
            Self::Output => [width, query],
            Self::Gate | Self::Up => [inner, width],
            Self::Down => [width, inner],
            Self::QueryBias => [1, query],
            Self::KeyBias | Self::ValueBias => [1, key],
            Self::GateBias | Self::UpBias => [1, inner],
            Self::OutputBias | Self::DownBias => [1, width],
            Self::QueryNorm | Self::KeyNorm => [1, config.head_dim],
            Self::AttentionNorm
            | Self::FeedForwardNorm
            | Self::AttentionBranchNorm
            | Self::FeedForwardBranchNorm => [1, width],
        }
    }

    fn kind(self) -> Kind {
        match self {
            _ if self.bias().is_some() => Kind::Matrix,
            _ if Self::LINEAR.iter().any(|m| m.bias() == Some(self)) => Kind::Bias,
            _ => Kind::Norm,
        }
    }

    /// The module's path in a layer, as Hugging Face names it.
    fn path(self, config: &ModelConfig) -> &'static str {
        match self {
            Self::AttentionNorm => "input_layernorm",
            Self::Query | Self::QueryBias => "self_attn.q_proj",
            Self::Key | Self::KeyBias => "self_attn.k_proj",
            Self::Value | Self::ValueBias => "self_attn.v_proj",
            Self::Output | Self::OutputBias => "self_attn.o_proj",
            // Where the branches have norms too, this name is that of attention's.
            Self::FeedForwardNorm if config.branch_norms => "pre_feedforward_layernorm",
            Self::FeedForwardNorm | Self::AttentionBranchNorm => "post_attention_layernorm",
            Self::FeedForwardBranchNorm => "post_feedforward_layernorm",
            Self::Gate | Self::GateBias => "mlp.gate_proj",
            Self::Up | Self::UpBias => "mlp.up_proj",
            Self::Down | Self::DownBias => "mlp.down_proj",
            Self::QueryNorm => "self_attn.q_norm",
            Self::KeyNorm => "self_attn.k_norm",
        }
    }

    /// The name of a matrix's module, as adapters' targets have it.
    pub(crate) fn module(self) -> &'static str {
        match self {
            Self::Query => "q_proj",
            Self::Key => "k_proj",
            Self::Value => "v_proj",
            Self::Output => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
            _ => "",
        }
    }
}

/// Index of the embedding among the parameters.
pub(crate) const EMBEDDING: usize = 0;

/// Where the tensors of a model are among its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// For each part, its place in a layer.
    places: [Option<usize>; Part::ALL.len()],
    /// Tensors of a layer.
    layer_tensors: usize,
    layers: usize,
    tied: bool,
}

impl Layout {
    pub(crate) fn new(config: &ModelConfig) -> Self {
        let mut places = [None; Part::ALL.len()];
        let mut layer_tensors = 0;
        for (place, part) in places.iter_mut().zip(Part::ALL) {
            if part.is_in(config) {
                *place = Some(layer_tensors);
                layer_tensors += 1;
            }
        }
        Self {
            places,
            layer_tensors,
            layers: config.num_hidden_layers,
            tied: config.tie_word_embeddings,
        }
    }

    /// Index of a tensor that every layer has.
    pub(crate) fn index(&self, layer: usize, part: Part) -> usize {
        debug_assert!(self.places[part as usize].is_some(), "{part:?}");
        1 + layer * self.layer_tensors + part as usize
    }

    /// Index of a layer's tensor, if the model has it.
    pub(crate) fn find(&self, layer: usize, part: Part) -> Option<usize> {
        let place = self.places[part as usize]?;
        Some(1 + layer * self.layer_tensors + place)
    }

    /// Index of the bias of a layer's matrix, if the model has it.
    pub(crate) fn bias(&self, layer: usize, part: Part) -> Option<usize> {
        self.find(layer, part.bias()?)
    }

    /// Index of the last norm's weight.
    pub(crate) fn final_norm(&self) -> usize {
        1 + self.layers * self.layer_tensors
    }

    /// Index of the output layer's weight, which is the embedding where they are tied.
    pub(crate) fn output(&self) -> usize {
        if self.tied {
            EMBEDDING
        } else {
            self.final_norm() + 1
        }
    }
}

/// Name and shape of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParameterSpec {
    /// Name, as Hugging Face has it.
    pub(crate) name: String,
    /// Rows and columns; a vector has one row.
    pub(crate) shape: [usize; 2],
    pub(crate) kind: Kind,
}

impl ParameterSpec {
    /// The shape in a file.
    pub(crate) fn stored_shape(&self) -> Vec<usize> {
        match self.kind {
            Kind::Matrix => self.shape.to_vec(),
            Kind::Bias | Kind::Norm => vec![self.shape[1]],
        }
    }

    /// The name without its last part, as adapters name it.
    pub(crate) fn module(&self) -> &str {
        self.name.strip_suffix(".weight").unwrap_or(&self.name)
    }
}

/// Every parameter of a model, in the order of their indices.
pub(crate) fn specs(config: &ModelConfig) -> Vec<ParameterSpec> {
    let spec = |name: String, shape, kind| ParameterSpec { name, shape, kind };
    let vocabulary = [config.vocab_size, config.hidden_size];
    let mut specs = vec![spec(
        "model.embed_tokens.weight".into(),
        vocabulary,
        Kind::Matrix,
    )];
    for layer in 0..config.num_hidden_layers {
        for part in Part::ALL.into_iter().filter(|part| part.is_in(config)) {
            let last = match part.kind() {
                Kind::Bias => "bias",
                Kind::Matrix | Kind::Norm => "weight",
            };
            let name = format!("model.layers.{layer}.{}.{last}", part.path(config));
            specs.push(spec(name, part.shape(config), part.kind()));
        }
    }
    let norm = [1, config.hidden_size];
    specs.push(spec("model.norm.weight".into(), norm, Kind::Norm));
    if !config.tie_word_embeddings {
        specs.push(spec("lm_head.weight".into(), vocabulary, Kind::Matrix));
    }
    specs
}

/// Draws a new model's parameters: matrices normal with deviation `initializer_range`, biases 0,
/// norms such that they multiply by 1.
///
/// Each element depends on the seed, its parameter's name and its index alone.
pub(crate) fn initial(config: &ModelConfig, seed: u64) -> Vec<Vec<f32>> {
    specs(config)
        .iter()
        .map(|spec| {
            let elements = spec.shape[0] * spec.shape[1];
            match spec.kind {
                Kind::Norm => vec![1.0 - config.norm_offset as f32; elements],
                Kind::Bias => vec![0.0; elements],
                Kind::Matrix => {
                    let rng = CounterRng::new(seed, &spec.name, &[]);
                    (0..elements as u64)
                        .map(|element| (config.initializer_range * rng.normal(element)) as f32)
                        .collect()
                }
            }
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
        let (specs, layout) = (specs(&config), Layout::new(&config));
        assert_eq!(specs[EMBEDDING].name, "model.embed_tokens.weight");
        assert_eq!(
            specs[layout.index(1, Part::Down)].name,
            "model.layers.1.mlp.down_proj.weight"
        );
        assert_eq!(
            specs[layout.index(0, Part::Query)].module(),
            "model.layers.0.self_attn.q_proj"
        );
        assert_eq!(layout.find(0, Part::QueryNorm), None);
        assert_eq!(layout.bias(0, Part::Query), None);
        assert_eq!(specs[layout.final_norm()].name, "model.norm.weight");
        assert_eq!(specs[layout.output()].name, "lm_head.weight");
        assert_eq!(specs.len(), layout.output() + 1);
    }

    #[test]
    fn indices_agree_where_layers_have_every_tensor() {
        let mut config = ModelConfig::new(10, 8, 16, 3, 2, 32).unwrap();
        config.query_key_value_bias = true;
        config.head_norms = true;
        config.branch_norms = true;
        let (specs, layout) = (specs(&config), Layout::new(&config));
        let name = |index: Option<usize>| index.map(|index| specs[index].name.as_str());
        for (part, expected) in [
            (Part::FeedForwardNorm, "pre_feedforward_layernorm.weight"),
            (Part::AttentionBranchNorm, "post_attention_layernorm.weight"),
            (
                Part::FeedForwardBranchNorm,
                "post_feedforward_layernorm.weight",
            ),
            (Part::KeyNorm, "self_attn.k_norm.weight"),
            (Part::ValueBias, "self_attn.v_proj.bias"),
            (Part::Down, "mlp.down_proj.weight"),
        ] {
            let expected = format!("model.layers.2.{expected}");
            assert_eq!(name(layout.find(2, part)), Some(expected.as_str()));
        }
        assert_eq!(layout.find(2, Part::OutputBias), None);
        assert_eq!(layout.find(2, Part::DownBias), None);
        assert_eq!(layout.output(), EMBEDDING);
        assert_eq!(specs.len(), layout.final_norm() + 1);
    }

    #[test]
    fn the_seed_alone_decides_the_initial_weights() {
        let config = ModelConfig::new(10, 8, 16, 1, 2, 32).unwrap();
        assert_eq!(initial(&config, 3), initial(&config, 3));
        assert_ne!(initial(&config, 3), initial(&config, 4));
    }
}
