//! LoRA: low-rank updates of the matrices (Hu et al., 2021, "LoRA: Low-rank adaptation of large
//! language models").

use burn::tensor::{DType, Tensor};
use rayon::prelude::*;

use crate::config::ModelConfig;
use crate::error::{ModelError, Result};
use crate::kernels::{Kernels, tensor};
use crate::parameters::{Layout, Part, specs};
use crate::random::CounterRng;

/// How the low-rank updates are made.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraOptions {
    /// Rank of each update.
    pub rank: usize,
    /// The update is scaled by `alpha / rank`.
    pub alpha: f64,
    /// Names of the modules with an update: `q_proj`, `k_proj`, `v_proj`, `o_proj`, `gate_proj`,
    /// `up_proj`, `down_proj`.
    pub targets: Vec<String>,
    /// Probability with which an input of an update is dropped in training.
    pub dropout: f64,
    /// Scale by `alpha / sqrt(rank)` instead (Kalajdzievski, 2023, "A rank stabilization scaling
    /// factor for fine-tuning with LoRA").
    pub rs_lora: bool,
}

impl Default for LoraOptions {
    /// Rank 8, alpha 16, all matrices, no dropout.
    fn default() -> Self {
        Self {
            rank: 8,
            alpha: 16.0,
            targets: Part::LINEAR.map(|part| part.module().into()).into(),
            dropout: 0.0,
            rs_lora: false,
        }
    }
}

impl LoraOptions {
    /// The factor on the updates.
    pub fn scale(&self) -> f64 {
        if self.rs_lora {
            self.alpha / (self.rank as f64).sqrt()
        } else {
            self.alpha / self.rank as f64
        }
    }

    /// The targets as parts of a layer.
    fn parts(&self) -> Result<Vec<Part>> {
        if self.rank == 0 {
            return Err(ModelError::option("lora.rank", "must be at least 1"));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(ModelError::option(
                "lora.dropout",
                format!("{} is not in [0, 1)", self.dropout),
            ));
        }
        if !self.alpha.is_finite() || self.alpha <= 0.0 {
            return Err(ModelError::option("lora.alpha", "must be above 0"));
        }
        if self.targets.is_empty() {
            return Err(ModelError::option("lora.targets", "names no module"));
        }
        let mut parts = Vec::new();
        for target in &self.targets {
            let known = Part::LINEAR.map(Part::module);
            let part = Part::LINEAR
                .into_iter()
                .find(|part| part.module() == target);
            let Some(part) = part else {
                let nearest = known
                    .iter()
                    .max_by(|a, b| {
                        strsim::jaro_winkler(a, target).total_cmp(&strsim::jaro_winkler(b, target))
                    })
                    .copied()
                    .unwrap_or_default();
                return Err(ModelError::option(
                    "lora.targets",
                    format!(
                        "no module \"{target}\"; did you mean \"{nearest}\"? Modules: {}",
                        known.join(", ")
                    ),
                ));
            };
            parts.push(part);
        }
        Ok(parts)
    }
}

/// The update of one matrix: `scale * b * a`.
#[derive(Clone, Debug)]
pub(crate) struct Adapter<B: Kernels> {
    /// `[rank, inputs]`.
    pub(crate) a: Tensor<B, 2>,
    /// `[outputs, rank]`.
    pub(crate) b: Tensor<B, 2>,
    scale: f32,
    dropout: f64,
}

/// What the backward pass of an update needs: its input after dropout, the mask of the dropout,
/// and that input times `a`.
pub(crate) struct Lowered<B: Kernels> {
    x: Tensor<B, 2>,
    mask: Option<Tensor<B, 2>>,
    low: Tensor<B, 2>,
}

/// The dropout of a pass. What is dropped of an example follows from the key, the example's place
/// in its step and the token, so it does not depend on which examples are computed together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dropout {
    /// Names the step.
    pub(crate) key: u64,
    /// Place in the step of the pass's first example.
    pub(crate) first: usize,
    /// Tokens of each example, padding included.
    pub(crate) tokens: usize,
}

impl Dropout {
    /// 0 where an element of `x`, `[rows, width]`, is dropped, else `1 / (1 - probability)`.
    fn mask<B: Kernels>(
        self,
        x: &Tensor<B, 2>,
        probability: f64,
        parameter: usize,
    ) -> Tensor<B, 2> {
        let [rows, width] = x.dims();
        let kept = (1.0 / (1.0 - probability)) as f32;
        let threshold = (probability * (1u64 << 32) as f64) as u64;
        let mut mask = vec![0.0f32; rows * width];
        mask.par_chunks_mut(width)
            .enumerate()
            .for_each(|(row, mask)| {
                let tokens = self.tokens.max(1);
                let place = [parameter, self.first + row / tokens, row % tokens].map(|n| n as u64);
                let rng = CounterRng::new(self.key, "dropout", &place);
                for (index, pair) in mask.chunks_mut(2).enumerate() {
                    let bits = rng.bits(index as u64);
                    for (element, half) in pair.iter_mut().zip([bits >> 32, bits & 0xFFFF_FFFF]) {
                        *element = if half < threshold { 0.0 } else { kept };
                    }
                }
            });
        tensor(mask, [rows, width], &x.device())
    }
}

impl<B: Kernels> Adapter<B> {
    /// `y` plus the update's output for `x`, `[n, outputs]`.
    pub(crate) fn forward(
        &self,
        x: &Tensor<B, 2>,
        y: Tensor<B, 2>,
        parameter: usize,
        dropout: Dropout,
    ) -> (Tensor<B, 2>, Lowered<B>) {
        let mask = (self.dropout > 0.0).then(|| dropout.mask(x, self.dropout, parameter));
        let x = match &mask {
            Some(mask) => x.clone() * mask.clone(),
            None => x.clone(),
        };
        let low = B::linear_forward(&x, &self.a, None);
        let y = B::linear_forward(&low, &self.scaled_b(), Some(y));
        (y, Lowered { x, mask, low })
    }

    /// `dx` plus the gradient with regard to the input, and the gradients of `a` and `b`.
    pub(crate) fn backward(
        &self,
        dy: &Tensor<B, 2>,
        dx: Tensor<B, 2>,
        lowered: &Lowered<B>,
    ) -> (Tensor<B, 2>, [Tensor<B, 2>; 2]) {
        let format = self.a.dtype();
        let dlow = B::linear_input(dy, &self.scaled_b(), None);
        let db = B::linear_weight(dy, &lowered.low, format, None).mul_scalar(self.scale);
        let da = B::linear_weight(&dlow, &lowered.x, format, None);
        let dx = match &lowered.mask {
            Some(mask) => dx + B::linear_input(&dlow, &self.a, None) * mask.clone(),
            None => B::linear_input(&dlow, &self.a, Some(dx)),
        };
        (dx, [da, db])
    }

    /// `scale * b`: scaling the small matrix costs less than what it is multiplied with.
    fn scaled_b(&self) -> Tensor<B, 2> {
        self.b.clone().mul_scalar(self.scale)
    }

    /// What is added to the matrix when the update is merged into it.
    pub(crate) fn merged(&self) -> Tensor<B, 2> {
        self.b.clone().matmul(self.a.clone()).mul_scalar(self.scale)
    }
}

/// The updates of a model, by the parameter that they are on.
#[derive(Clone, Debug)]
pub(crate) struct Adapters<B: Kernels> {
    by_parameter: Vec<Option<Adapter<B>>>,
}

impl<B: Kernels> Adapters<B> {
    /// New updates that change nothing yet: `b` is zero, `a` uniform within `±1/sqrt(inputs)`, as
    /// in PEFT (Kaiming with `a = sqrt(5)`).
    pub(crate) fn new(
        config: &ModelConfig,
        options: &LoraOptions,
        seed: u64,
        device: &B::Device,
    ) -> Result<Self> {
        let parts = options.parts()?;
        let (specs, layout) = (specs(config), Layout::new(config));
        let mut by_parameter: Vec<Option<Adapter<B>>> = specs.iter().map(|_| None).collect();
        for layer in 0..config.num_hidden_layers {
            for part in &parts {
                let parameter = layout.index(layer, *part);
                let [outputs, inputs] = specs[parameter].shape;
                let rng = CounterRng::new(seed, &specs[parameter].name, &[1]);
                let bound = 1.0 / (inputs as f64).sqrt();
                let a = (0..(options.rank * inputs) as u64)
                    .map(|element| (bound * (2.0 * rng.uniform(element) - 1.0)) as f32)
                    .collect();
                by_parameter[parameter] = Some(Adapter {
                    a: tensor(a, [options.rank, inputs], device),
                    b: Tensor::zeros([outputs, options.rank], device),
                    scale: options.scale() as f32,
                    dropout: options.dropout,
                });
            }
        }
        Ok(Self { by_parameter })
    }

    /// The same updates with their matrices in a format.
    pub(crate) fn cast(&self, format: DType) -> Self {
        let mut cast = self.clone();
        for (_, adapter) in cast.iter_mut() {
            adapter.a = adapter.a.clone().cast(format);
            adapter.b = adapter.b.clone().cast(format);
        }
        cast
    }

    /// The update on a parameter.
    pub(crate) fn on(&self, parameter: usize) -> Option<&Adapter<B>> {
        self.by_parameter[parameter].as_ref()
    }

    /// All updates with their parameters, to change.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Adapter<B>)> {
        self.by_parameter
            .iter_mut()
            .enumerate()
            .filter_map(|(parameter, adapter)| Some((parameter, adapter.as_mut()?)))
    }

    /// All updates with their parameters.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Adapter<B>)> {
        self.by_parameter
            .iter()
            .enumerate()
            .filter_map(|(parameter, adapter)| Some((parameter, adapter.as_ref()?)))
    }
}
