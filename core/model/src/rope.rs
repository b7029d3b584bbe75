//! Rotary position embeddings: the angles.

use std::collections::HashMap;

use crate::config::{RopeConfig, RopeScaling};

/// Radians per position of each pair of features of a head.
#[derive(Clone, Debug)]
pub(crate) struct Rope {
    frequencies: Vec<f64>,
}

impl Rope {
    /// `theta^(-2i / head_dim)` for each pair, stretched as the config says.
    pub(crate) fn new(config: &RopeConfig, head_dim: usize) -> Self {
        let frequencies = (0..head_dim / 2)
            .map(|pair| {
                let exponent = 2.0 * pair as f64 / head_dim as f64;
                let frequency = 1.0 / config.theta.powf(exponent);
                match &config.scaling {
                    Some(scaling) => stretch(frequency, scaling),
                    None => frequency,
                }
            })
            .collect();
        Self { frequencies }
    }

    /// Cosines and sines at the positions, `[positions, head_dim / 2]` each.
    pub(crate) fn angles(&self, positions: &[u32]) -> (Vec<f32>, Vec<f32>) {
        let half = self.frequencies.len();
        let mut cos = Vec::with_capacity(positions.len() * half);
        let mut sin = Vec::with_capacity(positions.len() * half);
        // The sequences of a batch have the same positions.
        let mut rows: HashMap<u32, usize> = HashMap::new();
        for position in positions {
            if let Some(row) = rows.get(position) {
                cos.extend_from_within(row * half..(row + 1) * half);
                sin.extend_from_within(row * half..(row + 1) * half);
                continue;
            }
            rows.insert(*position, cos.len() / half.max(1));
            for frequency in &self.frequencies {
                // The product is rounded to f32 first, as transformers does.
                let angle = f64::from((f64::from(*position) * frequency) as f32);
                cos.push(angle.cos() as f32);
                sin.push(angle.sin() as f32);
            }
        }
        (cos, sin)
    }
}

fn stretch(frequency: f64, scaling: &RopeScaling) -> f64 {
    match scaling {
        RopeScaling::Linear { factor } => frequency / factor,
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => {
            // Long waves are stretched by `factor`, short ones kept, with a ramp between.
            let original = *original_max_position_embeddings as f64;
            let wavelength = std::f64::consts::TAU / frequency;
            if wavelength < original / high_freq_factor {
                frequency
            } else if wavelength > original / low_freq_factor {
                frequency / factor
            } else {
                let ramp = (original / wavelength - low_freq_factor)
                    / (high_freq_factor - low_freq_factor);
                (1.0 - ramp) * frequency / factor + ramp * frequency
            }
        }
    }
}
