//! AdamW over everything that is trained.

use burn::tensor::Tensor;

use super::options::TrainOptions;
use crate::adapter::Adapters;
use crate::decoder::Decoder;
use crate::gradient::Gradients;
use crate::kernels::{AdamWStep, Kernels};
use crate::parameters::{Kind, specs};

/// A trained tensor.
pub(super) struct Trainable<'a, B: Kernels> {
    pub(super) name: String,
    pub(super) tensor: &'a mut Tensor<B, 2>,
    decayed: bool,
}

/// Everything that is trained, always in the same order.
pub(super) fn trainables<'a, B: Kernels>(
    decoder: &'a mut Decoder<B>,
    adapters: Option<&'a mut Adapters<B>>,
) -> Vec<Trainable<'a, B>> {
    let specs = specs(&decoder.config);
    match adapters {
        None => decoder
            .parameters
            .iter_mut()
            .zip(specs)
            .map(|(tensor, spec)| Trainable {
                name: spec.name,
                tensor,
                decayed: spec.kind == Kind::Matrix,
            })
            .collect(),
        Some(adapters) => adapters
            .iter_mut()
            .flat_map(|(parameter, adapter)| {
                let module = specs[parameter].module();
                [
                    (format!("{module}.lora_A"), &mut adapter.a),
                    (format!("{module}.lora_B"), &mut adapter.b),
                ]
            })
            .map(|(name, tensor)| Trainable {
                name,
                tensor,
                decayed: true,
            })
            .collect(),
    }
}

/// The moments of every trained tensor.
pub(super) struct Moments<B: Kernels> {
    pub(super) first: Vec<Tensor<B, 2>>,
    pub(super) second: Vec<Tensor<B, 2>>,
}

impl<B: Kernels> Moments<B> {
    /// Zero for each.
    pub(super) fn new(trainables: &[Trainable<'_, B>]) -> Self {
        let zeros = || {
            trainables
                .iter()
                .map(|trainable| Tensor::zeros(trainable.tensor.dims(), &trainable.tensor.device()))
                .collect()
        };
        Self {
            first: zeros(),
            second: zeros(),
        }
    }

    /// Updates everything by its gradient; `step` counts from 1. Returns the gradient's norm.
    ///
    /// A tensor without a gradient is one that the loss does not depend on; it is left alone.
    pub(super) fn update(
        &mut self,
        trainables: &mut [Trainable<'_, B>],
        gradients: Gradients<B>,
        step: usize,
        learning_rate: f64,
        options: &TrainOptions,
    ) -> f64 {
        let gradients: Vec<Option<Tensor<B, 2>>> = match options.lora {
            None => gradients.parameters,
            Some(_) => gradients
                .adapters
                .into_iter()
                .flatten()
                .flatten()
                .map(Some)
                .collect(),
        };
        let squares: f64 = gradients.iter().flatten().map(B::sum_of_squares).sum();
        let norm = squares.sqrt();
        if !norm.is_finite() {
            return norm;
        }
        let scale = match options.clip_norm {
            Some(limit) if norm > limit => limit / norm,
            _ => 1.0,
        };
        let power = i32::try_from(step).unwrap_or(i32::MAX);
        let (beta1, beta2) = options.betas;
        for (index, (trainable, gradient)) in trainables.iter_mut().zip(gradients).enumerate() {
            let Some(gradient) = gradient else { continue };
            let decay = if trainable.decayed {
                options.weight_decay
            } else {
                0.0
            };
            let device = gradient.device();
            // Taken out, so that the kernel owns the only reference and can write in place.
            let take =
                |slot: &mut Tensor<B, 2>| std::mem::replace(slot, Tensor::empty([1, 1], &device));
            let [tensor, first, second] = B::adamw(
                take(trainable.tensor),
                gradient,
                take(&mut self.first[index]),
                take(&mut self.second[index]),
                AdamWStep {
                    learning_rate: learning_rate as f32,
                    beta1: beta1 as f32,
                    beta2: beta2 as f32,
                    epsilon: options.epsilon as f32,
                    weight_decay: decay as f32,
                    correction1: (1.0 - beta1.powi(power)) as f32,
                    correction2: (1.0 - beta2.powi(power)) as f32,
                    gradient_scale: scale as f32,
                },
            );
            *trainable.tensor = tensor;
            self.first[index] = first;
            self.second[index] = second;
        }
        norm
    }
}
