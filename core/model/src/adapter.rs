//! LoRA: low-rank updates of the matrices (Hu et al., 2021, "LoRA: Low-rank adaptation of large
//! language models").

use burn::tensor::Tensor;

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
    dropout: f32,
}

/// What the backward pass of an update needs: its input after dropout, the mask of the dropout,
/// and the input times `a`.
pub(crate) struct Lowered<B: Kernels> {
    x: Tensor<B, 2>,
    mask: Option<Tensor<B, 2>>,
    low: Tensor<B, 2>,
}

impl<B: Kernels> Adapter<B> {
    /// The update's output for `x`, `[n, outputs]`.
    pub(crate) fn forward(
        &self,
        x: &Tensor<B, 2>,
        parameter: usize,
        dropout_key: u64,
    ) -> (Tensor<B, 2>, Lowered<B>) {
        let mask = (self.dropout > 0.0).then(|| {
            let [rows, width] = x.dims();
            let rng = CounterRng::new(dropout_key, "dropout", &[parameter as u64]);
            let kept = 1.0 / (1.0 - self.dropout);
            let mask = (0..(rows * width) as u64)
                .map(|element| {
                    let dropped = rng.uniform(element) < f64::from(self.dropout);
                    if dropped { 0.0 } else { kept }
                })
                .collect();
            tensor(mask, [rows, width], &x.device())
        });
        let x = match &mask {
            Some(mask) => x.clone() * mask.clone(),
            None => x.clone(),
        };
        let low = x.clone().matmul(self.a.clone().transpose());
        let out = low.clone().matmul(self.b.clone().transpose());
        (out.mul_scalar(self.scale), Lowered { x, mask, low })
    }

    /// Gradients with regard to the input, and to `a` and `b`.
    pub(crate) fn backward(
        &self,
        dy: &Tensor<B, 2>,
        lowered: &Lowered<B>,
    ) -> (Tensor<B, 2>, [Tensor<B, 2>; 2]) {
        let dy = dy.clone().mul_scalar(self.scale);
        let dlow = dy.clone().matmul(self.b.clone());
        let db = dy.transpose().matmul(lowered.low.clone());
        let da = dlow.clone().transpose().matmul(lowered.x.clone());
        let dx = dlow.matmul(self.a.clone());
        let dx = match &lowered.mask {
            Some(mask) => dx * mask.clone(),
            None => dx,
        };
        (dx, [da, db])
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
                    dropout: options.dropout as f32,
                });
            }
        }
        Ok(Self { by_parameter })
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
