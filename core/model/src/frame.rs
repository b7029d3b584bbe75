//! Where the tokens of a batch stand, for each kind of layer.

use crate::config::ModelConfig;
use crate::kernels::{Frame, Kernels, tensor};
use crate::rope::Rope;

/// The rotations of a model's layers.
#[derive(Clone, Debug)]
pub(crate) struct Ropes {
    whole: Rope,
    window: Rope,
}

/// The frames of a batch: of layers that see the whole text, and of those with a window.
pub(crate) struct Frames<B: Kernels> {
    whole: Frame<B>,
    window: Frame<B>,
    window_layers: Vec<bool>,
}

impl Ropes {
    pub(crate) fn new(config: &ModelConfig) -> Self {
        Self {
            whole: Rope::new(&config.rope, config.head_dim),
            window: Rope::new(&config.window_rope, config.head_dim),
        }
    }
}

impl<B: Kernels> Frames<B> {
    /// The frames of a batch whose tokens stand at `positions` and whose keys have `slots` slots.
    pub(crate) fn new(
        config: &ModelConfig,
        ropes: &Ropes,
        [sequences, tokens]: [usize; 2],
        positions: Vec<u32>,
        slots: usize,
        device: &B::Device,
    ) -> Self {
        let frame = |rope: &Rope, window: Option<usize>, positions: Vec<u32>| {
            let (cos, sin) = rope.angles(&positions);
            let angles = [positions.len(), config.head_dim / 2];
            let mut frame = Frame {
                sequences,
                tokens,
                positions,
                window,
                cos: tensor(cos, angles, device),
                sin: tensor(sin, angles, device),
                mask: None,
            };
            if B::NEEDS_MASK {
                frame.mask = Some(mask(&frame, slots, device));
            }
            frame
        };
        let window_layers = config.window_layers.clone();
        let any =
            |wanted| (0..config.num_hidden_layers).any(|l| config.window(l).is_some() == wanted);
        let (whole, window) = match (any(false), any(true)) {
            (true, true) => (
                frame(&ropes.whole, None, positions.clone()),
                frame(&ropes.window, config.sliding_window, positions),
            ),
            (_, false) => {
                let whole = frame(&ropes.whole, None, positions);
                (whole.clone(), whole)
            }
            (false, true) => {
                let window = frame(&ropes.window, config.sliding_window, positions);
                (window.clone(), window)
            }
        };
        Self {
            whole,
            window,
            window_layers,
        }
    }

    /// The frame of a layer.
    pub(crate) fn of(&self, layer: usize) -> &Frame<B> {
        match self.window_layers.get(layer) {
            Some(true) => &self.window,
            _ => &self.whole,
        }
    }
}

fn mask<B: Kernels>(
    frame: &Frame<B>,
    slots: usize,
    device: &B::Device,
) -> burn::tensor::Tensor<B, 4> {
    let allowed = (0..frame.positions.len())
        .flat_map(|row| {
            let visible = frame.visible(row);
            (0..slots).map(move |slot| visible.contains(&slot))
        })
        // Not negative infinity, whose difference with itself is not a number.
        .map(|allowed| if allowed { 0.0 } else { -1e30 })
        .collect();
    tensor(allowed, [frame.sequences, 1, frame.tokens, slots], device)
}
