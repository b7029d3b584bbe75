//! The forward pass of a decoder, with and without a cache of keys and values.

use burn::tensor::{DType, Tensor};

use crate::config::ModelConfig;
use crate::frame::{Frames, Ropes};
use crate::kernels::{Frame, Kernels};
use crate::parameters::{EMBEDDING, Kind, Layout, Part, specs};

/// Products of two matrices with at most this many elements, and those of a single row, take
/// another route through the CPU's matrix library (gemm 0.19) and round differently. Inputs are
/// padded beyond it, which keeps a text's results independent of the batch that it is in.
const SMALL_PRODUCT: usize = 256;

/// A decoder on a device.
#[derive(Clone, Debug)]
pub(crate) struct Decoder<B: Kernels> {
    pub(crate) config: ModelConfig,
    /// In the order of [`specs`](crate::parameters::specs).
    pub(crate) parameters: Vec<Tensor<B, 2>>,
    pub(crate) layout: Layout,
    ropes: Ropes,
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

    /// A cache with the sequences named by `rows`, which may name one several times, and room for
    /// at least `slots` slots.
    pub(crate) fn copies(&self, rows: &[usize], slots: usize) -> Self {
        let layers = self.layers.clone();
        let mut copies = Self {
            layers,
            slots: self.slots,
        };
        copies.keep(rows);
        copies.reserve(slots);
        copies
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
        Self {
            layout: Layout::new(&config),
            ropes: Ropes::new(&config),
            config,
            parameters,
            device,
        }
    }

    /// The same decoder with its matrices in a format, which products with them are computed in.
    pub(crate) fn cast(&self, format: DType) -> Self {
        let mut cast = self.clone();
        for (parameter, spec) in cast.parameters.iter_mut().zip(specs(&self.config)) {
            if spec.kind == Kind::Matrix {
                *parameter = parameter.clone().cast(format);
            }
        }
        cast
    }

    /// The number of tokens to pad sequences to whose longest has `longest`: the products of
    /// attention then have more than [`SMALL_PRODUCT`] elements.
    pub(crate) fn padded(&self, longest: usize) -> usize {
        let group = self.config.num_attention_heads / self.config.num_key_value_heads;
        let with_keys = SMALL_PRODUCT.isqrt() + 1;
        let with_values = SMALL_PRODUCT / (group * self.config.head_dim) + 1;
        longest.max(with_keys).max(with_values)
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

    /// The frames of a batch of whole sequences, each beginning at position 0.
    pub(crate) fn frames(&self, sequences: usize, tokens: usize) -> Frames<B> {
        let positions = (0..sequences).flat_map(|_| 0..tokens as u32).collect();
        self.frames_at([sequences, tokens], positions, tokens)
    }

    fn frames_at(&self, shape: [usize; 2], positions: Vec<u32>, slots: usize) -> Frames<B> {
        Frames::new(
            &self.config,
            &self.ropes,
            shape,
            positions,
            slots,
            &self.device,
        )
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
        let frames = self.frames(sequences, tokens);
        if let Some(cache) = cache.as_deref_mut() {
            cache.reserve(tokens);
        }
        self.layers(ids, &frames, |layer, frame, [query, keys, values]| {
            let (attended, _) = B::attend(&query, &keys, &values, self.scale(), frame);
            if let Some(cache) = cache.as_deref_mut() {
                cache.write(layer, keys, values, frame);
            }
            B::merge_heads(attended, frame, None)
        })
    }

    /// Hidden states before the last norm, `[sequences * tokens, hidden]`, of texts that go on
    /// where sequences of `before` end, padded on the right to one length. Text `i` follows on
    /// sequence `owners[i]`, from position `starts[i]` on. On the CPU these are the bits that
    /// [`read`](Decoder::read) gives for the whole texts. Fills `cache` if given, which must have a
    /// sequence for each text.
    pub(crate) fn extend(
        &self,
        ids: &[u32],
        [owners, starts]: [&[usize]; 2],
        before: &Cache<B>,
        mut cache: Option<&mut Cache<B>>,
    ) -> Tensor<B, 2> {
        let tokens = ids.len() / owners.len().max(1);
        let positions = starts
            .iter()
            .flat_map(|&start| start as u32..(start + tokens) as u32)
            .collect();
        let slots = before.slots + tokens;
        let frames = self.frames_at([owners.len(), tokens], positions, slots);
        if let Some(cache) = cache.as_deref_mut() {
            cache.reserve(starts.iter().max().map_or(0, |start| start + tokens));
        }
        self.layers(ids, &frames, |layer, frame, [query, keys, values]| {
            let (old_keys, old_values) = &before.layers[layer];
            let (own, cached) = ([&keys, &values], [old_keys, old_values]);
            let attended = B::attend_beyond(&query, own, cached, owners, self.scale(), frame);
            if let Some(cache) = cache.as_deref_mut() {
                cache.write(layer, keys, values, frame);
            }
            B::merge_heads(attended, frame, None)
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
        let frames = self.frames_at([ids.len(), 1], positions, cache.slots);
        self.layers(ids, &frames, |layer, frame, [query, keys, values]| {
            cache.write(layer, keys, values, frame);
            let (keys, values) = &cache.layers[layer];
            B::attend_cached(query, keys, values, self.scale(), frame)
        })
    }

    /// Logits, `[n, vocabulary]`, of hidden states before the last norm.
    pub(crate) fn logits(&self, hidden: &Tensor<B, 2>) -> Tensor<B, 2> {
        let (normed, _) = self.norm(hidden, self.layout.final_norm());
        self.product(&normed, self.layout.output())
    }

    /// The embeddings of tokens, `[n, hidden]`.
    pub(crate) fn embed(&self, ids: &[u32]) -> Tensor<B, 2> {
        let x = B::gather_rows(&self.parameters[EMBEDDING], ids).cast(DType::F32);
        match self.config.embedding_scale {
            1.0 => x,
            scale => x.mul_scalar(scale as f32),
        }
    }

    /// Factor on the products of queries and keys.
    pub(crate) fn scale(&self) -> f32 {
        self.config.attention_scale as f32
    }

    /// The RMS norm of each row with a parameter's weight, and the inverse roots `[n, 1]`.
    pub(crate) fn norm(&self, x: &Tensor<B, 2>, parameter: usize) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let weight = self.norm_weight(parameter);
        B::rms_norm(x, &weight, self.config.rms_norm_eps as f32)
    }

    /// What the norm whose weight is a parameter multiplies by.
    pub(crate) fn norm_weight(&self, parameter: usize) -> Tensor<B, 2> {
        let weight = self.parameters[parameter].clone();
        match self.config.norm_offset {
            0.0 => weight,
            offset => weight.add_scalar(offset as f32),
        }
    }

    /// `[n, h * e]` to `[n * h, e]`, whose rows the norms of heads work on.
    pub(crate) fn head_rows(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let [rows, width] = x.dims();
        let head_dim = self.config.head_dim;
        x.reshape([rows * width / head_dim, head_dim])
    }

    /// `x` times the transpose of a layer's matrix, plus its bias if it has one.
    fn linear(&self, x: &Tensor<B, 2>, layer: usize, part: Part) -> Tensor<B, 2> {
        let y = self.product(x, self.layout.index(layer, part));
        match self.layout.bias(layer, part) {
            Some(bias) => B::add_row(y, &self.parameters[bias]),
            None => y,
        }
    }

    /// `x` times the transpose of a parameter.
    fn product(&self, x: &Tensor<B, 2>, parameter: usize) -> Tensor<B, 2> {
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

    /// Runs all layers; `attend` maps a layer's frame and its rotated queries, keys and values to
    /// `[n, heads * e]`.
    fn layers(
        &self,
        ids: &[u32],
        frames: &Frames<B>,
        mut attend: impl FnMut(usize, &Frame<B>, [Tensor<B, 4>; 3]) -> Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        let config = &self.config;
        let (heads, groups) = (config.num_attention_heads, config.num_key_value_heads);
        let mut x = self.embed(ids);
        for layer in 0..config.num_hidden_layers {
            let frame = frames.of(layer);
            let normed = |x: &Tensor<B, 2>, part| self.norm(x, self.layout.index(layer, part)).0;
            // A norm on what a block gives, where the family has it.
            let branch = |x: Tensor<B, 2>, part| match self.layout.find(layer, part) {
                Some(parameter) => self.norm(&x, parameter).0,
                None => x,
            };
            let by_head = |x: Tensor<B, 2>, part| match self.layout.find(layer, part) {
                Some(parameter) => {
                    let shape = x.dims();
                    let rows = self.head_rows(x);
                    self.norm(&rows, parameter).0.reshape(shape)
                }
                None => x,
            };
            let linear = |x: &Tensor<B, 2>, part| self.linear(x, layer, part);

            let h = normed(&x, Part::AttentionNorm);
            let query = by_head(linear(&h, Part::Query), Part::QueryNorm);
            let query = B::split_heads(query, heads, frame, Some(1.0));
            let keys = by_head(linear(&h, Part::Key), Part::KeyNorm);
            let keys = B::split_heads(keys, groups, frame, Some(1.0));
            let values = B::split_heads(linear(&h, Part::Value), groups, frame, None);
            let attended = attend(layer, frame, [query, keys, values]);
            let attended = linear(&attended, Part::Output);
            x = branch(attended, Part::AttentionBranchNorm) + x;

            let h = normed(&x, Part::FeedForwardNorm);
            let (gate, up) = (linear(&h, Part::Gate), linear(&h, Part::Up));
            let inner = B::gated(config.activation, &gate, &up);
            let fed = linear(&inner, Part::Down);
            x = branch(fed, Part::FeedForwardBranchNorm) + x;
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
