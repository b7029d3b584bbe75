//! The forward pass of a Llama-type decoder, with and without a cache of keys and values.

use burn::tensor::{DType, Tensor};

use crate::config::ModelConfig;
use crate::kernels::{Frame, Kernels};
use crate::parameters::{EMBEDDING, Part, final_norm, index, output, specs};
use crate::rope::Rope;

/// Products of two matrices with at most this many elements, and those of a single row, take
/// another route through the CPU's matrix library (gemm 0.19) and round differently. Inputs are
/// padded beyond it, which keeps a text's results independent of the batch that it is in.
const SMALL_PRODUCT: usize = 256;

/// The fewest tokens that sequences are padded to: the products of queries and keys then have more
/// than [`SMALL_PRODUCT`] elements.
const LEAST_TOKENS: usize = 17;

/// A decoder on a device.
#[derive(Clone, Debug)]
pub(crate) struct Decoder<B: Kernels> {
    pub(crate) config: ModelConfig,
    /// In the order of [`specs`](crate::parameters::specs).
    pub(crate) parameters: Vec<Tensor<B, 2>>,
    pub(crate) rope: Rope,
    pub(crate) device: B::Device,
}

/// Keys and values of the tokens seen so far: for each layer `[sequences, kv heads, slots, e]`.
pub(crate) struct Cache<B: Kernels> {
    layers: Vec<(Tensor<B, 4>, Tensor<B, 4>)>,
    slots: usize,
}

impl<B: Kernels> Cache<B> {
    /// Keeps the sequences named by `rows`, in that order.
    pub(crate) fn keep(&mut self, rows: &[usize]) {
        for (keys, values) in &mut self.layers {
            for tensor in [keys, values] {
                let kept = rows
                    .iter()
                    .map(|row| tensor.clone().narrow(0, *row, 1))
                    .collect();
                *tensor = Tensor::cat(kept, 0);
            }
        }
    }

    /// Makes room for at least `slots` slots.
    fn reserve(&mut self, slots: usize) {
        if slots <= self.slots {
            return;
        }
        // Doubled, so that the copies of a long generation stay linear in its length.
        let target = slots.max(2 * self.slots);
        for (keys, values) in &mut self.layers {
            for tensor in [keys, values] {
                let [sequences, heads, _, head_dim] = tensor.dims();
                let more = Tensor::zeros(
                    [sequences, heads, target - self.slots, head_dim],
                    &tensor.device(),
                );
                *tensor = Tensor::cat(vec![tensor.clone(), more], 2);
            }
        }
        self.slots = target;
    }
}

impl<B: Kernels> Decoder<B> {
    pub(crate) fn new(
        config: ModelConfig,
        parameters: Vec<Tensor<B, 2>>,
        device: B::Device,
    ) -> Self {
        let rope = Rope::new(&config, config.max_position_embeddings.max(LEAST_TOKENS));
        Self {
            config,
            parameters,
            rope,
            device,
        }
    }

    /// The same decoder with its matrices in a format, which products with them are computed in.
    pub(crate) fn cast(&self, format: DType) -> Self {
        let mut cast = self.clone();
        for (parameter, spec) in cast.parameters.iter_mut().zip(specs(&self.config)) {
            if !spec.norm {
                *parameter = parameter.clone().cast(format);
            }
        }
        cast
    }

    /// The number of tokens to pad sequences to whose longest has `longest`.
    pub(crate) fn padded(longest: usize) -> usize {
        longest.max(LEAST_TOKENS)
    }

    /// An empty cache for that many sequences.
    pub(crate) fn cache(&self, sequences: usize, slots: usize) -> Cache<B> {
        let shape = [
            sequences,
            self.config.num_key_value_heads,
            slots,
            self.config.head_dim,
        ];
        let empty = || Tensor::zeros(shape, &self.device);
        Cache {
            layers: (0..self.config.num_hidden_layers)
                .map(|_| (empty(), empty()))
                .collect(),
            slots,
        }
    }

    /// The frame of a batch of whole sequences, each beginning at position 0.
    pub(crate) fn frame(&self, sequences: usize, tokens: usize) -> Frame<B> {
        let positions = (0..sequences).flat_map(|_| 0..tokens as u32).collect();
        self.rope
            .frame(sequences, tokens, positions, tokens, &self.device)
    }

    /// Hidden states before the last norm, `[sequences * tokens, hidden]`, of whole sequences
    /// padded on the right to one length. Fills `cache` if given.
    pub(crate) fn read(
        &self,
        ids: &[u32],
        sequences: usize,
        mut cache: Option<&mut Cache<B>>,
    ) -> Tensor<B, 2> {
        let tokens = ids.len() / sequences.max(1);
        let frame = self.frame(sequences, tokens);
        if let Some(cache) = cache.as_deref_mut() {
            cache.reserve(tokens);
        }
        self.layers(ids, &frame, |layer, query, keys, values| {
            let (attended, _) = B::attend(&query, &keys, &values, self.scale(), &frame);
            if let Some(cache) = cache.as_deref_mut() {
                cache.write(layer, keys, values, &frame);
            }
            B::merge_heads(attended, &frame, None)
        })
    }

    /// Hidden states before the last norm, `[sequences, hidden]`, of one more token a sequence,
    /// at the given positions.
    pub(crate) fn step(
        &self,
        ids: &[u32],
        positions: Vec<u32>,
        cache: &mut Cache<B>,
    ) -> Tensor<B, 2> {
        let needed = positions.iter().max().map_or(0, |last| *last as usize + 1);
        cache.reserve(needed);
        let frame = self
            .rope
            .frame(ids.len(), 1, positions, cache.slots, &self.device);
        self.layers(ids, &frame, |layer, query, keys, values| {
            cache.write(layer, keys, values, &frame);
            let (keys, values) = &cache.layers[layer];
            B::attend_cached(query, keys, values, self.scale(), &frame)
        })
    }

    /// Logits, `[n, vocabulary]`, of hidden states before the last norm.
    pub(crate) fn logits(&self, hidden: &Tensor<B, 2>) -> Tensor<B, 2> {
        let weight = &self.parameters[final_norm(&self.config)];
        let (normed, _) = B::rms_norm(hidden, weight, self.epsilon());
        self.linear(&normed, output(&self.config))
    }

    pub(crate) fn epsilon(&self) -> f32 {
        self.config.rms_norm_eps as f32
    }

    /// Factor on the products of queries and keys.
    pub(crate) fn scale(&self) -> f32 {
        1.0 / (self.config.head_dim as f32).sqrt()
    }

    /// `x` times the transpose of a parameter.
    pub(crate) fn linear(&self, x: &Tensor<B, 2>, parameter: usize) -> Tensor<B, 2> {
        let weight = &self.parameters[parameter];
        let ([rows, width], [columns, _]) = (x.dims(), weight.dims());
        let least = SMALL_PRODUCT / columns + 1;
        let least = least.max(2);
        if rows >= least {
            return B::linear_forward(x, weight, None);
        }
        let more = Tensor::zeros([least - rows, width], &self.device);
        let padded = Tensor::cat(vec![x.clone(), more], 0);
        B::linear_forward(&padded, weight, None).narrow(0, 0, rows)
    }

    /// Runs all layers; `attend` maps a layer's rotated queries, keys and values to
    /// `[n, heads * e]`.
    fn layers(
        &self,
        ids: &[u32],
        frame: &Frame<B>,
        mut attend: impl FnMut(usize, Tensor<B, 4>, Tensor<B, 4>, Tensor<B, 4>) -> Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        let config = &self.config;
        let (heads, groups) = (config.num_attention_heads, config.num_key_value_heads);
        let mut x = B::gather_rows(&self.parameters[EMBEDDING], ids);
        for layer in 0..config.num_hidden_layers {
            let at = |part| index(layer, part);
            let (h, _) = B::rms_norm(&x, &self.parameters[at(Part::InputNorm)], self.epsilon());
            let query = B::split_heads(self.linear(&h, at(Part::Query)), heads, frame, Some(1.0));
            let keys = B::split_heads(self.linear(&h, at(Part::Key)), groups, frame, Some(1.0));
            let values = B::split_heads(self.linear(&h, at(Part::Value)), groups, frame, None);
            let attended = attend(layer, query, keys, values);
            x = self.linear(&attended, at(Part::Output)) + x;
            let (h, _) = B::rms_norm(&x, &self.parameters[at(Part::PostNorm)], self.epsilon());
            let gate = self.linear(&h, at(Part::Gate));
            let inner = B::swiglu(&gate, &self.linear(&h, at(Part::Up)));
            x = self.linear(&inner, at(Part::Down)) + x;
        }
        x
    }
}

impl<B: Kernels> Cache<B> {
    fn write(&mut self, layer: usize, keys: Tensor<B, 4>, values: Tensor<B, 4>, frame: &Frame<B>) {
        let (old_keys, old_values) = &mut self.layers[layer];
        for (old, new) in [(old_keys, keys), (old_values, values)] {
            // Taken out, so that the kernel owns the only reference and can write in place.
            let taken = std::mem::replace(old, Tensor::empty([1, 1, 1, 1], &new.device()));
            *old = B::write_slots(taken, new, frame);
        }
    }
}
