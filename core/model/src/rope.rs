//! Rotary position embeddings: the angles.

use crate::config::{ModelConfig, RopeScaling};
use crate::kernels::{Frame, Kernels, tensor};

/// Cosines and sines of every position and pair of features.
#[derive(Clone, Debug)]
pub(crate) struct Rope {
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rope {
    /// The angles of the positions `0..positions`.
    pub(crate) fn new(config: &ModelConfig, positions: usize) -> Self {
        let frequencies = frequencies(config);
        let half = frequencies.len();
        let mut rope = Self {
            half,
            cos: Vec::with_capacity(positions * half),
            sin: Vec::with_capacity(positions * half),
        };
        for position in 0..positions {
            for frequency in &frequencies {
                // The product is rounded to f32 first, as transformers does.
                let angle = f64::from((position as f64 * frequency) as f32);
                rope.cos.push(angle.cos() as f32);
                rope.sin.push(angle.sin() as f32);
            }
        }
        rope
    }

    /// The frame of a batch whose tokens stand at `positions` and whose keys have `slots` slots.
    pub(crate) fn frame<B: Kernels>(
        &self,
        sequences: usize,
        tokens: usize,
        positions: Vec<u32>,
        slots: usize,
        device: &B::Device,
    ) -> Frame<B> {
        let mut cos = Vec::with_capacity(positions.len() * self.half);
        let mut sin = Vec::with_capacity(positions.len() * self.half);
        for position in &positions {
            let row = *position as usize * self.half..(*position as usize + 1) * self.half;
            cos.extend_from_slice(&self.cos[row.clone()]);
            sin.extend_from_slice(&self.sin[row]);
        }
        let mask = B::NEEDS_MASK.then(|| {
            let allowed = positions
                .iter()
                .flat_map(|position| (0..slots).map(move |slot| slot <= *position as usize))
                // Not negative infinity, whose difference with itself is not a number.
                .map(|allowed| if allowed { 0.0 } else { -1e30 })
                .collect();
            tensor(allowed, [sequences, 1, tokens, slots], device)
        });
        Frame {
            sequences,
            tokens,
            cos: tensor(cos, [positions.len(), self.half], device),
            sin: tensor(sin, [positions.len(), self.half], device),
            positions,
            mask,
        }
    }
}

/// Radians per position of each pair of features: `theta^(-2i / head_dim)`.
fn frequencies(config: &ModelConfig) -> Vec<f64> {
    (0..config.head_dim / 2)
        .map(|pair| {
            let exponent = 2.0 * pair as f64 / config.head_dim as f64;
            let frequency = 1.0 / config.rope_theta.powf(exponent);
            match &config.rope_scaling {
                Some(scaling) => stretch(frequency, scaling),
                None => frequency,
            }
        })
        .collect()
}

/// Llama 3's rule: long waves are stretched by `factor`, short ones kept, with a ramp between.
fn stretch(frequency: f64, scaling: &RopeScaling) -> f64 {
    let original = scaling.original_max_position_embeddings as f64;
    let wavelength = std::f64::consts::TAU / frequency;
    if wavelength < original / scaling.high_freq_factor {
        frequency
    } else if wavelength > original / scaling.low_freq_factor {
        frequency / scaling.factor
    } else {
        let ramp = (original / wavelength - scaling.low_freq_factor)
            / (scaling.high_freq_factor - scaling.low_freq_factor);
        (1.0 - ramp) * frequency / scaling.factor + ramp * frequency
    }
}
