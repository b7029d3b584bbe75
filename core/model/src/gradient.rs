//! The gradient of the decoder's loss, by hand.
//!
//! Written out rather than left to automatic differentiation: each intermediate value is kept or
//! dropped on purpose, and the kernels can work in place.

use burn::tensor::{DType, Tensor};

use crate::adapter::{Adapters, Dropout, Lowered};
use crate::decoder::Decoder;
use crate::kernels::{Frame, Kernels};
use crate::parameters::{EMBEDDING, Part, final_norm, index, output};

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

/// What the backward pass of a layer needs of its forward pass.
struct LayerTape<B: Kernels> {
    x: Tensor<B, 2>,
    normed: Tensor<B, 2>,
    inverse: Tensor<B, 2>,
    query: Tensor<B, 4>,
    keys: Tensor<B, 4>,
    values: Tensor<B, 4>,
    weights: Tensor<B, 4>,
    attended: Tensor<B, 2>,
    middle: Tensor<B, 2>,
    middle_normed: Tensor<B, 2>,
    middle_inverse: Tensor<B, 2>,
    gate: Tensor<B, 2>,
    up: Tensor<B, 2>,
    inner: Tensor<B, 2>,
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
        let frame = decoder.frame(batch.sequences, tokens);
        let mut x = B::gather_rows(&decoder.parameters[EMBEDDING], &batch.ids).cast(DType::F32);
        let mut held = Vec::with_capacity(decoder.config.num_hidden_layers);
        for layer in 0..decoder.config.num_hidden_layers {
            let input = self.checkpointing.then(|| x.clone());
            let (next, tape) = self.layer_forward(layer, x, &frame);
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
            let tape = match held.pop() {
                Some(Held::Tape(tape)) => *tape,
                Some(Held::Input(x)) => self.layer_forward(layer, x, &frame).1,
                None => break,
            };
            dx = self.layer_backward(layer, dx, tape, &frame, gradients);
        }
        if self.adapters.is_none() {
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
        let (norm, output) = (final_norm(&decoder.config), output(&decoder.config));
        let hidden = B::gather_rows(x, &batch.rows);
        let norm_weight = &decoder.parameters[norm];
        let (normed, inverse) = B::rms_norm(&hidden, norm_weight, decoder.epsilon());
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
        let (dhidden, dnorm) = B::rms_norm_backward(&dnormed, &hidden, norm_weight, &inverse, None);
        if self.adapters.is_none() {
            gradients.add(norm, dnorm);
        }
        (loss, dhidden)
    }

    fn layer_forward(
        &self,
        layer: usize,
        x: Tensor<B, 2>,
        frame: &Frame<B>,
    ) -> (Tensor<B, 2>, LayerTape<B>) {
        let decoder = self.decoder;
        let config = &decoder.config;
        let (heads, groups) = (config.num_attention_heads, config.num_key_value_heads);
        let mut lowered = Vec::new();
        let mut linear = |x: &Tensor<B, 2>, part| self.linear(x, index(layer, part), &mut lowered);
        let norm = |x: &Tensor<B, 2>, part| {
            let weight = &decoder.parameters[index(layer, part)];
            B::rms_norm(x, weight, decoder.epsilon())
        };
        let (normed, inverse) = norm(&x, Part::InputNorm);
        let query = B::split_heads(linear(&normed, Part::Query), heads, frame, Some(1.0));
        let keys = B::split_heads(linear(&normed, Part::Key), groups, frame, Some(1.0));
        let values = B::split_heads(linear(&normed, Part::Value), groups, frame, None);
        let (attended, weights) = B::attend(&query, &keys, &values, decoder.scale(), frame);
        let attended = B::merge_heads(attended, frame, None);
        let middle = linear(&attended, Part::Output) + x.clone();
        let (middle_normed, middle_inverse) = norm(&middle, Part::PostNorm);
        let gate = linear(&middle_normed, Part::Gate);
        let up = linear(&middle_normed, Part::Up);
        let inner = B::swiglu(&gate, &up);
        let out = linear(&inner, Part::Down) + middle.clone();
        let tape = LayerTape {
            x,
            normed,
            inverse,
            query,
            keys,
            values,
            weights,
            attended,
            middle,
            middle_normed,
            middle_inverse,
            gate,
            up,
            inner,
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
            let parameter = index(layer, part);
            let low = lowered.iter().find(|(adapted, _)| *adapted == parameter);
            self.linear_backward(dy, x, parameter, low.map(|(_, low)| low), sum, gradients)
        };

        let dinner = back(&dx, &tape.inner, Part::Down, None, gradients);
        drop(tape.inner);
        let (dgate, dup) = B::swiglu_backward(dinner, tape.gate, tape.up);
        let dnormed = back(&dgate, &tape.middle_normed, Part::Gate, None, gradients);
        let dnormed = back(
            &dup,
            &tape.middle_normed,
            Part::Up,
            Some(dnormed),
            gradients,
        );
        let dmiddle = self.norm_backward(
            index(layer, Part::PostNorm),
            [&dnormed, &tape.middle, &tape.middle_inverse],
            dx,
            gradients,
        );

        let dattended = back(&dmiddle, &tape.attended, Part::Output, None, gradients);
        let heads = decoder.config.num_attention_heads;
        let dattended = B::split_heads(dattended, heads, frame, None);
        let inputs = [&tape.query, &tape.keys, &tape.values];
        let [dquery, dkeys, dvalues] =
            B::attend_backward(dattended, inputs, &tape.weights, decoder.scale(), frame);

        let dquery = B::merge_heads(dquery, frame, Some(-1.0));
        let dkeys = B::merge_heads(dkeys, frame, Some(-1.0));
        let dvalues = B::merge_heads(dvalues, frame, None);
        let dnormed = back(&dquery, &tape.normed, Part::Query, None, gradients);
        let dnormed = back(&dkeys, &tape.normed, Part::Key, Some(dnormed), gradients);
        let dnormed = back(
            &dvalues,
            &tape.normed,
            Part::Value,
            Some(dnormed),
            gradients,
        );
        self.norm_backward(
            index(layer, Part::InputNorm),
            [&dnormed, &tape.x, &tape.inverse],
            dmiddle,
            gradients,
        )
    }

    fn norm_backward(
        &self,
        parameter: usize,
        [dy, x, inverse]: [&Tensor<B, 2>; 3],
        residual: Tensor<B, 2>,
        gradients: &mut Gradients<B>,
    ) -> Tensor<B, 2> {
        let weight = &self.decoder.parameters[parameter];
        let (dx, dweight) = B::rms_norm_backward(dy, x, weight, inverse, Some(residual));
        if self.adapters.is_none() {
            gradients.add(parameter, dweight);
        }
        dx
    }

    fn linear(
        &self,
        x: &Tensor<B, 2>,
        parameter: usize,
        lowered: &mut Vec<(usize, Lowered<B>)>,
    ) -> Tensor<B, 2> {
        let y = B::linear_forward(x, &self.decoder.parameters[parameter], None);
        match self.adapters.and_then(|adapters| adapters.on(parameter)) {
            Some(adapter) => {
                let (y, low) = adapter.forward(x, y, parameter, self.dropout);
                lowered.push((parameter, low));
                y
            }
            None => y,
        }
    }

    fn linear_backward(
        &self,
        dy: &Tensor<B, 2>,
        x: &Tensor<B, 2>,
        parameter: usize,
        lowered: Option<&Lowered<B>>,
        sum: Option<Tensor<B, 2>>,
        gradients: &mut Gradients<B>,
    ) -> Tensor<B, 2> {
        let weight = &self.decoder.parameters[parameter];
        let dx = B::linear_input(dy, weight, sum);
        let Some(adapters) = self.adapters else {
            gradients.add_linear(parameter, dy, x, weight.dtype());
            return dx;
        };
        match (adapters.on(parameter), lowered) {
            (Some(adapter), Some(lowered)) => {
                let (dx, gradient) = adapter.backward(dy, dx, lowered);
                gradients.add_adapter(parameter, gradient);
                dx
            }
            _ => dx,
        }
    }
}
