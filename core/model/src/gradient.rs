//! The gradient of the decoder's loss, by hand.
//!
//! Written out rather than left to automatic differentiation: each intermediate value is kept or
//! dropped on purpose, and the kernels can work in place.

use burn::tensor::{DType, Tensor};

use crate::adapter::{Adapters, Dropout, Lowered};
use crate::decoder::Decoder;
use crate::kernels::{Frame, Kernels};
use crate::parameters::{EMBEDDING, Part};

/// Elements of the logits that are held at a time.
const LOGIT_ELEMENTS: usize = 1 << 22;

/// Sequences padded on the right to one length, and what is to be predicted in them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    pub(crate) sequences: usize,
    /// Row by row, `sequences` times the padded length.
    pub(crate) ids: Vec<u32>,
    /// Rows (token positions in the flattened batch) after which a token is predicted, ascending.
    pub(crate) rows: Vec<u32>,
    /// The token to be predicted after each of `rows`.
    pub(crate) targets: Vec<u32>,
}

/// Gradients of what is trained: the parameters, or the adapters on them.
pub(crate) struct Gradients<B: Kernels> {
    pub(crate) parameters: Vec<Option<Tensor<B, 2>>>,
    pub(crate) adapters: Vec<Option<[Tensor<B, 2>; 2]>>,
}

impl<B: Kernels> Gradients<B> {
    pub(crate) fn new(parameters: usize) -> Self {
        Self {
            parameters: vec![None; parameters],
            adapters: (0..parameters).map(|_| None).collect(),
        }
    }

    /// The sum of gradients of the same things, added in their order.
    pub(crate) fn sum(all: Vec<Self>) -> Self {
        let mut all = all.into_iter();
        let Some(mut sum) = all.next() else {
            return Self::new(0);
        };
        let others: Vec<Self> = all.collect();
        if others.is_empty() {
            return sum;
        }
        let add = |slot: &mut Tensor<B, 2>, of: &dyn Fn(&Self) -> Option<Tensor<B, 2>>| {
            let others: Vec<Tensor<B, 2>> = others.iter().filter_map(of).collect();
            let first = std::mem::replace(slot, Tensor::empty([1, 1], &slot.device()));
            *slot = B::sum(first, &others);
        };
        for (index, slot) in sum.parameters.iter_mut().enumerate() {
            if let Some(slot) = slot {
                add(slot, &|other| other.parameters[index].clone());
            }
        }
        for (index, slots) in sum.adapters.iter_mut().enumerate() {
            for (side, slot) in slots.iter_mut().flatten().enumerate() {
                add(slot, &|other| {
                    Some(other.adapters[index].as_ref()?[side].clone())
                });
            }
        }
        sum
    }

    /// Adds `dy^T x`, the gradient of the matrix of a linear layer, computed in a format.
    fn add_linear(&mut self, parameter: usize, dy: &Tensor<B, 2>, x: &Tensor<B, 2>, format: DType) {
        let slot = &mut self.parameters[parameter];
        *slot = Some(B::linear_weight(dy, x, format, slot.take()));
    }

    fn add(&mut self, parameter: usize, gradient: Tensor<B, 2>) {
        let slot = &mut self.parameters[parameter];
        *slot = Some(match slot.take() {
            Some(sum) => sum + gradient,
            None => gradient,
        });
    }

    fn add_adapter(&mut self, parameter: usize, [a, b]: [Tensor<B, 2>; 2]) {
        let slot = &mut self.adapters[parameter];
        *slot = Some(match slot.take() {
            Some([sum_a, sum_b]) => [sum_a + a, sum_b + b],
            None => [a, b],
        });
    }
}

/// What the backward pass of a norm needs of its forward pass.
struct NormTape<B: Kernels> {
    parameter: usize,
    x: Tensor<B, 2>,
    inverse: Tensor<B, 2>,
}

/// What the backward pass of a layer needs of its forward pass.
struct LayerTape<B: Kernels> {
    attention_norm: NormTape<B>,
    normed: Tensor<B, 2>,
    query_norm: Option<NormTape<B>>,
    key_norm: Option<NormTape<B>>,
    query: Tensor<B, 4>,
    keys: Tensor<B, 4>,
    values: Tensor<B, 4>,
    weights: Tensor<B, 4>,
    attended: Tensor<B, 2>,
    attention_branch: Option<NormTape<B>>,
    feed_forward_norm: NormTape<B>,
    middle_normed: Tensor<B, 2>,
    gate: Tensor<B, 2>,
    up: Tensor<B, 2>,
    inner: Tensor<B, 2>,
    feed_forward_branch: Option<NormTape<B>>,
    lowered: Vec<(usize, Lowered<B>)>,
}

/// What is held of a layer's forward pass until its backward pass.
enum Held<B: Kernels> {
    /// All that it needs.
    Tape(Box<LayerTape<B>>),
    /// The layer's input, from which the rest is computed anew.
    Input(Tensor<B, 2>),
}

/// One pass over a batch, forwards and backwards.
pub(crate) struct Pass<'a, B: Kernels> {
    pub(crate) decoder: &'a Decoder<B>,
    /// What is trained in place of the parameters, if given.
    pub(crate) adapters: Option<&'a Adapters<B>>,
    /// The dropout of this pass.
    pub(crate) dropout: Dropout,
    /// Whether only the layers' inputs are held, and the rest is computed anew.
    pub(crate) checkpointing: bool,
}

impl<B: Kernels> Pass<'_, B> {
    /// The summed cross-entropy of the batch's targets in nats; adds the gradient of `scale` times
    /// that to `gradients`.
    pub(crate) fn run(&self, batch: &Batch, scale: f32, gradients: &mut Gradients<B>) -> f64 {
        let decoder = self.decoder;
        let tokens = batch.ids.len() / batch.sequences.max(1);
        let frames = decoder.frames(batch.sequences, tokens);
        let mut x = decoder.embed(&batch.ids);
        let mut held = Vec::with_capacity(decoder.config.num_hidden_layers);
        for layer in 0..decoder.config.num_hidden_layers {
            let input = self.checkpointing.then(|| x.clone());
            let (next, tape) = self.layer_forward(layer, x, frames.of(layer));
            held.push(match input {
                Some(input) => Held::Input(input),
                None => Held::Tape(Box::new(tape)),
            });
            x = next;
        }
        let (loss, dhidden) = self.head(&x, batch, scale, gradients);
        drop(x);
        let mut dx = B::scatter_rows(dhidden, &batch.rows, batch.ids.len());
        for layer in (0..decoder.config.num_hidden_layers).rev() {
            let frame = frames.of(layer);
            let tape = match held.pop() {
                Some(Held::Tape(tape)) => *tape,
                Some(Held::Input(x)) => self.layer_forward(layer, x, frame).1,
                None => break,
            };
            dx = self.layer_backward(layer, dx, tape, frame, gradients);
        }
        if self.adapters.is_none() {
            let dx = match decoder.config.embedding_scale {
                1.0 => dx,
                scale => dx.mul_scalar(scale as f32),
            };
            let dembedding = B::scatter_rows(dx, &batch.ids, decoder.config.vocab_size);
            gradients.add(EMBEDDING, dembedding);
        }
        loss
    }

    /// The loss, and the gradient with regard to the hidden states of the batch's rows.
    fn head(
        &self,
        x: &Tensor<B, 2>,
        batch: &Batch,
        scale: f32,
        gradients: &mut Gradients<B>,
    ) -> (f64, Tensor<B, 2>) {
        let decoder = self.decoder;
        let output = decoder.layout.output();
        let hidden = B::gather_rows(x, &batch.rows);
        let (normed, norm) = self.norm(hidden, decoder.layout.final_norm());
        let weight = &decoder.parameters[output];
        let chunk = (LOGIT_ELEMENTS / decoder.config.vocab_size).max(1);
        let mut loss = 0.0;
        let mut dnormed = Vec::new();
        for (index, targets) in batch.targets.chunks(chunk).enumerate() {
            let part = normed.clone().narrow(0, index * chunk, targets.len());
            let logits = B::linear_forward(&part, weight, None);
            let (part_loss, dlogits) = B::cross_entropy(logits, targets, scale);
            loss += part_loss;
            dnormed.push(B::linear_input(&dlogits, weight, None));
            if self.adapters.is_none() {
                gradients.add_linear(output, &dlogits, &part, weight.dtype());
            }
        }
        let dnormed = Tensor::cat(dnormed, 0);
        (loss, self.norm_backward(&norm, &dnormed, None, gradients))
    }

    fn layer_forward(
        &self,
        layer: usize,
        x: Tensor<B, 2>,
        frame: &Frame<B>,
    ) -> (Tensor<B, 2>, LayerTape<B>) {
        let decoder = self.decoder;
        let (config, layout) = (&decoder.config, &decoder.layout);
        let (heads, groups) = (config.num_attention_heads, config.num_key_value_heads);
        let mut lowered = Vec::new();
        let mut linear = |x: &Tensor<B, 2>, part| self.linear(x, layer, part, &mut lowered);

        let (normed, attention_norm) =
            self.norm(x.clone(), layout.index(layer, Part::AttentionNorm));
        let (query, query_norm) =
            self.head_norm(linear(&normed, Part::Query), layer, Part::QueryNorm);
        let (keys, key_norm) = self.head_norm(linear(&normed, Part::Key), layer, Part::KeyNorm);
        let query = B::split_heads(query, heads, frame, Some(1.0));
        let keys = B::split_heads(keys, groups, frame, Some(1.0));
        let values = B::split_heads(linear(&normed, Part::Value), groups, frame, None);
        let (attended, weights) = B::attend(&query, &keys, &values, decoder.scale(), frame);
        let attended = B::merge_heads(attended, frame, None);
        let branch = linear(&attended, Part::Output);
        let (branch, attention_branch) = self.branch_norm(branch, layer, Part::AttentionBranchNorm);
        let middle = branch + x;

        let (middle_normed, feed_forward_norm) =
            self.norm(middle.clone(), layout.index(layer, Part::FeedForwardNorm));
        let gate = linear(&middle_normed, Part::Gate);
        let up = linear(&middle_normed, Part::Up);
        let inner = B::gated(config.activation, &gate, &up);
        let branch = linear(&inner, Part::Down);
        let (branch, feed_forward_branch) =
            self.branch_norm(branch, layer, Part::FeedForwardBranchNorm);
        let out = branch + middle;
        let tape = LayerTape {
            attention_norm,
            normed,
            query_norm,
            key_norm,
            query,
            keys,
            values,
            weights,
            attended,
            attention_branch,
            feed_forward_norm,
            middle_normed,
            gate,
            up,
            inner,
            feed_forward_branch,
            lowered,
        };
        (out, tape)
    }

    fn layer_backward(
        &self,
        layer: usize,
        dx: Tensor<B, 2>,
        tape: LayerTape<B>,
        frame: &Frame<B>,
        gradients: &mut Gradients<B>,
    ) -> Tensor<B, 2> {
        let decoder = self.decoder;
        let lowered = tape.lowered;
        let back = |dy: &Tensor<B, 2>,
                    x: &Tensor<B, 2>,
                    part,
                    sum: Option<Tensor<B, 2>>,
                    gradients: &mut Gradients<B>| {
            let dx = self.linear_input(dy, layer, part, sum);
            self.linear_backward(dy, x, dx, (layer, part), &lowered, gradients)
        };

        let dbranch = self.branch_norm_backward(&tape.feed_forward_branch, &dx, gradients);
        let dinner = back(&dbranch, &tape.inner, Part::Down, None, gradients);
        drop(tape.inner);
        let (dgate, dup) = B::gated_backward(decoder.config.activation, dinner, tape.gate, tape.up);
        let normed = &tape.middle_normed;
        let dnormed = back(&dgate, normed, Part::Gate, None, gradients);
        let dnormed = back(&dup, normed, Part::Up, Some(dnormed), gradients);
        let dmiddle = self.norm_backward(&tape.feed_forward_norm, &dnormed, Some(dx), gradients);

        let dbranch = self.branch_norm_backward(&tape.attention_branch, &dmiddle, gradients);
        let dattended = back(&dbranch, &tape.attended, Part::Output, None, gradients);
        let heads = decoder.config.num_attention_heads;
        let dattended = B::split_heads(dattended, heads, frame, None);
        let inputs = [&tape.query, &tape.keys, &tape.values];
        let [dquery, dkeys, dvalues] =
            B::attend_backward(dattended, inputs, &tape.weights, decoder.scale(), frame);

        let dquery = B::merge_heads(dquery, frame, Some(-1.0));
        let dquery = self.head_norm_backward(&tape.query_norm, dquery, gradients);
        let dkeys = B::merge_heads(dkeys, frame, Some(-1.0));
        let dkeys = self.head_norm_backward(&tape.key_norm, dkeys, gradients);
        let dvalues = B::merge_heads(dvalues, frame, None);
        let normed = &tape.normed;
        let dnormed = back(&dquery, normed, Part::Query, None, gradients);
        let dnormed = back(&dkeys, normed, Part::Key, Some(dnormed), gradients);
        let dnormed = back(&dvalues, normed, Part::Value, Some(dnormed), gradients);
        self.norm_backward(&tape.attention_norm, &dnormed, Some(dmiddle), gradients)
    }

    /// The norm whose weight is a parameter.
    fn norm(&self, x: Tensor<B, 2>, parameter: usize) -> (Tensor<B, 2>, NormTape<B>) {
        let (y, inverse) = self.decoder.norm(&x, parameter);
        let tape = NormTape {
            parameter,
            x,
            inverse,
        };
        (y, tape)
    }

    /// The norm on what a block gives, if the model has it.
    fn branch_norm(
        &self,
        x: Tensor<B, 2>,
        layer: usize,
        part: Part,
    ) -> (Tensor<B, 2>, Option<NormTape<B>>) {
        match self.decoder.layout.find(layer, part) {
            Some(parameter) => {
                let (y, tape) = self.norm(x, parameter);
                (y, Some(tape))
            }
            None => (x, None),
        }
    }

    /// The norm over the features of each head of `[n, h * e]`, if the model has it.
    fn head_norm(
        &self,
        x: Tensor<B, 2>,
        layer: usize,
        part: Part,
    ) -> (Tensor<B, 2>, Option<NormTape<B>>) {
        let shape = x.dims();
        if self.decoder.layout.find(layer, part).is_none() {
            return (x, None);
        }
        let (y, tape) = self.branch_norm(self.decoder.head_rows(x), layer, part);
        (y.reshape(shape), tape)
    }

    /// The gradient with regard to a norm's input, plus `residual`.
    fn norm_backward(
        &self,
        tape: &NormTape<B>,
        dy: &Tensor<B, 2>,
        residual: Option<Tensor<B, 2>>,
        gradients: &mut Gradients<B>,
    ) -> Tensor<B, 2> {
        let weight = self.decoder.norm_weight(tape.parameter);
        let (dx, dweight) = B::rms_norm_backward(dy, &tape.x, &weight, &tape.inverse, residual);
        if self.adapters.is_none() {
            gradients.add(tape.parameter, dweight);
        }
        dx
    }

    fn branch_norm_backward(
        &self,
        tape: &Option<NormTape<B>>,
        dy: &Tensor<B, 2>,
        gradients: &mut Gradients<B>,
    ) -> Tensor<B, 2> {
        match tape {
            Some(tape) => self.norm_backward(tape, dy, None, gradients),
            None => dy.clone(),
        }
    }

    fn head_norm_backward(
        &self,
        tape: &Option<NormTape<B>>,
        dy: Tensor<B, 2>,
        gradients: &mut Gradients<B>,
    ) -> Tensor<B, 2> {
        let Some(tape) = tape else {
            return dy;
        };
        let shape = dy.dims();
        let dy = self.decoder.head_rows(dy);
        self.norm_backward(tape, &dy, None, gradients)
            .reshape(shape)
    }

    fn linear(
        &self,
        x: &Tensor<B, 2>,
        layer: usize,
        part: Part,
        lowered: &mut Vec<(usize, Lowered<B>)>,
    ) -> Tensor<B, 2> {
        let decoder = self.decoder;
        let parameter = decoder.layout.index(layer, part);
        let mut y = B::linear_forward(x, &decoder.parameters[parameter], None);
        if let Some(bias) = decoder.layout.bias(layer, part) {
            y = B::add_row(y, &decoder.parameters[bias]);
        }
        match self.adapters.and_then(|adapters| adapters.on(parameter)) {
            Some(adapter) => {
                let (y, low) = adapter.forward(x, y, parameter, self.dropout);
                lowered.push((parameter, low));
                y
            }
            None => y,
        }
    }

    /// `sum` and the gradient with regard to a linear layer's input, its adapter left out.
    fn linear_input(
        &self,
        dy: &Tensor<B, 2>,
        layer: usize,
        part: Part,
        sum: Option<Tensor<B, 2>>,
    ) -> Tensor<B, 2> {
        let parameter = self.decoder.layout.index(layer, part);
        B::linear_input(dy, &self.decoder.parameters[parameter], sum)
    }

    /// Adds the gradients of a linear layer or of its adapter, and the adapter's part to `dx`.
    fn linear_backward(
        &self,
        dy: &Tensor<B, 2>,
        x: &Tensor<B, 2>,
        dx: Tensor<B, 2>,
        (layer, part): (usize, Part),
        lowered: &[(usize, Lowered<B>)],
        gradients: &mut Gradients<B>,
    ) -> Tensor<B, 2> {
        let decoder = self.decoder;
        let parameter = decoder.layout.index(layer, part);
        let format = decoder.parameters[parameter].dtype();
        let Some(adapters) = self.adapters else {
            gradients.add_linear(parameter, dy, x, format);
            if let Some(bias) = decoder.layout.bias(layer, part) {
                gradients.add(bias, B::sum_rows(dy));
            }
            return dx;
        };
        let lowered = lowered.iter().find(|(adapted, _)| *adapted == parameter);
        match (adapters.on(parameter), lowered) {
            (Some(adapter), Some((_, lowered))) => {
                let (dx, gradient) = adapter.backward(dy, dx, lowered);
                gradients.add_adapter(parameter, gradient);
                dx
            }
            _ => dx,
        }
    }
}
