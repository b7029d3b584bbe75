//! The operations that the decoder and its gradient are made of.
//!
//! Each has a default written in burn operations, which runs on every device. On the CPU most of
//! the time of a small model would go into memory traffic between those operations, so
//! [`Flex`](burn::backend::Flex) replaces them by single passes over the data ([`flex`]), by products
//! that split the same way on any number of threads ([`product`]), and by attention that holds no
//! matrix of weights ([`attention`]).

#[cfg(feature = "flex")]
mod attention;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod product;
#[cfg(feature = "flex")]
mod rows;
#[cfg(feature = "flex")]
mod simd;

use std::ops::Range;

use burn::tensor::backend::Backend;
use burn::tensor::{DType, IndexingUpdateOp, Int, Tensor, TensorData, activation};

use crate::config::Activation;

/// A batch's shape and where its tokens stand.
///
/// Token `t` of sequence `b` is row `b * tokens + t` of the activations, and sits in slot
/// `positions[b * tokens + t]` of that sequence's keys: it attends to the slots `0..=position`, or to
/// the last `window` of them.
#[derive(Clone, Debug)]
pub(crate) struct Frame<B: Backend> {
    /// Sequences.
    pub(crate) sequences: usize,
    /// Tokens in each sequence.
    pub(crate) tokens: usize,
    /// Position of each token.
    pub(crate) positions: Vec<u32>,
    /// How many slots a token attends to at most, its own the last of them.
    pub(crate) window: Option<usize>,
    /// Cosines of the rotation, `[sequences * tokens, head_dim / 2]`.
    pub(crate) cos: Tensor<B, 2>,
    /// Sines of the rotation, as `cos`.
    pub(crate) sin: Tensor<B, 2>,
    /// 0 where a token may attend, a very negative number elsewhere:
    /// `[sequences, 1, tokens, slots]`. Only where the kernels do not read `positions`.
    pub(crate) mask: Option<Tensor<B, 4>>,
}

impl<B: Backend> Frame<B> {
    /// The slots that the token of a row attends to.
    #[inline(always)]
    pub(crate) fn visible(&self, row: usize) -> Range<usize> {
        let end = self.positions[row] as usize + 1;
        let start = self.window.map_or(0, |window| end.saturating_sub(window));
        start..end
    }
}

/// Step size and moments' constants of one AdamW update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamWStep {
    pub(crate) learning_rate: f32,
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    pub(crate) epsilon: f32,
    pub(crate) weight_decay: f32,
    /// `1 - beta1^step`.
    pub(crate) correction1: f32,
    /// `1 - beta2^step`.
    pub(crate) correction2: f32,
    /// Factor on the gradient, for clipping.
    pub(crate) gradient_scale: f32,
}

/// The operations, with defaults in burn's own. Shapes: `n` tokens, `d` features, `h` heads.
pub(crate) trait Kernels: Backend {
    /// Whether [`Frame::mask`] is needed.
    const NEEDS_MASK: bool = true;

    /// Most shares of a step that are worth computing side by side. Each keeps a gradient of its own.
    const SHARES: usize = 1;

    /// Does `task` with each, side by side where that is faster; the results are in their order.
    fn side_by_side<T: Send, R: Send>(each: Vec<T>, task: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
        each.into_iter().map(task).collect()
    }

    /// The sum of tensors of one shape, added in their order.
    fn sum(first: Tensor<Self, 2>, others: &[Tensor<Self, 2>]) -> Tensor<Self, 2> {
        others.iter().fold(first, |sum, other| sum + other.clone())
    }

    /// Runs a step of many operations where they start with the least delay.
    fn on_workers<R: Send>(task: impl FnOnce() -> R + Send) -> R {
        task()
    }

    /// `y = x / sqrt(mean(x^2) + epsilon) * weight` for each row, and the inverse roots `[n, 1]`
    /// (Zhang and Sennrich, 2019, "Root mean square layer normalization").
    fn rms_norm(
        x: &Tensor<Self, 2>,
        weight: &Tensor<Self, 2>,
        epsilon: f32,
    ) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        let inverse = (x.clone() * x.clone()).mean_dim(1).add_scalar(epsilon);
        let inverse = inverse.sqrt().recip();
        (x.clone() * inverse.clone() * weight.clone(), inverse)
    }

    /// Gradients of [`rms_norm`](Kernels::rms_norm): `residual + dx`, and `dweight`.
    fn rms_norm_backward(
        dy: &Tensor<Self, 2>,
        x: &Tensor<Self, 2>,
        weight: &Tensor<Self, 2>,
        inverse: &Tensor<Self, 2>,
        residual: Option<Tensor<Self, 2>>,
    ) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        let normed = x.clone() * inverse.clone();
        let dweight = (dy.clone() * normed.clone()).sum_dim(0);
        let dnormed = dy.clone() * weight.clone();
        let along = (dnormed.clone() * normed.clone()).mean_dim(1);
        let dx = (dnormed - normed * along) * inverse.clone();
        (residual.map_or(dx.clone(), |r| r + dx), dweight)
    }

    /// `[n, h * e]` to `[sequences, h, tokens, e]`, rotated by `direction` times the frame's
    /// angles if `direction` is given (1 forward, -1 to undo).
    ///
    /// The rotation pairs feature `i` with feature `i + e / 2`, as Hugging Face's Llama does (Su et
    /// al., 2021, "RoFormer", with the halves instead of neighbours).
    fn split_heads(
        x: Tensor<Self, 2>,
        heads: usize,
        frame: &Frame<Self>,
        direction: Option<f32>,
    ) -> Tensor<Self, 4> {
        let [_, width] = x.dims();
        let x = x
            .reshape([frame.sequences, frame.tokens, heads, width / heads])
            .swap_dims(1, 2);
        match direction {
            Some(direction) => rotate(x, frame, direction),
            None => x,
        }
    }

    /// The inverse of [`split_heads`](Kernels::split_heads), rotating first.
    fn merge_heads(
        x: Tensor<Self, 4>,
        frame: &Frame<Self>,
        direction: Option<f32>,
    ) -> Tensor<Self, 2> {
        let [sequences, heads, tokens, head_dim] = x.dims();
        let x = match direction {
            Some(direction) => rotate(x, frame, direction),
            None => x,
        };
        x.swap_dims(1, 2)
            .reshape([sequences * tokens, heads * head_dim])
    }

    /// Softmax of `scale * scores` over the slots that each token may attend to; zero elsewhere.
    /// `scores` is `[sequences, h, tokens, slots]`.
    fn causal_softmax(scores: Tensor<Self, 4>, scale: f32, frame: &Frame<Self>) -> Tensor<Self, 4> {
        let scores = scores.mul_scalar(scale);
        let scores = match &frame.mask {
            Some(mask) => scores + mask.clone(),
            None => scores,
        };
        activation::softmax(scores, 3)
    }

    /// Gradient of [`causal_softmax`](Kernels::causal_softmax) with regard to `scores`.
    fn causal_softmax_backward(
        dy: Tensor<Self, 4>,
        y: &Tensor<Self, 4>,
        scale: f32,
        _frame: &Frame<Self>,
    ) -> Tensor<Self, 4> {
        let along = (dy.clone() * y.clone()).sum_dim(3);
        (dy - along) * y.clone().mul_scalar(scale)
    }

    /// Attention of whole sequences: the weighted values, `[sequences, h, tokens, e]`, and what
    /// the backward pass needs besides the inputs. `keys` and `values` are
    /// `[sequences, kv, tokens, e]`; `h / kv` heads share each of them.
    fn attend(
        query: &Tensor<Self, 4>,
        keys: &Tensor<Self, 4>,
        values: &Tensor<Self, 4>,
        scale: f32,
        frame: &Frame<Self>,
    ) -> (Tensor<Self, 4>, Tensor<Self, 4>) {
        let [sequences, heads, tokens, _] = query.dims();
        let groups = keys.dims()[1];
        let scores = grouped(query.clone(), groups).matmul(keys.clone().swap_dims(2, 3));
        let scores = scores.reshape([sequences, heads, tokens, tokens]);
        let weights = Self::causal_softmax(scores, scale, frame);
        let attended = grouped(weights.clone(), groups).matmul(values.clone());
        (attended.reshape(query.dims()), weights)
    }

    /// Gradients of [`attend`](Kernels::attend) with regard to queries, keys and values.
    fn attend_backward(
        dattended: Tensor<Self, 4>,
        [query, keys, values]: [&Tensor<Self, 4>; 3],
        weights: &Tensor<Self, 4>,
        scale: f32,
        frame: &Frame<Self>,
    ) -> [Tensor<Self, 4>; 3] {
        let groups = keys.dims()[1];
        let dattended = grouped(dattended, groups);
        let shared = grouped(weights.clone(), groups);
        let dvalues = shared.swap_dims(2, 3).matmul(dattended.clone());
        let dweights = dattended.matmul(values.clone().swap_dims(2, 3));
        let dweights = dweights.reshape(weights.dims());
        let dscores = Self::causal_softmax_backward(dweights, weights, scale, frame);
        let dscores = grouped(dscores, groups);
        let dquery = dscores.clone().matmul(keys.clone()).reshape(query.dims());
        let dkeys = dscores
            .swap_dims(2, 3)
            .matmul(grouped(query.clone(), groups));
        [dquery, dkeys, dvalues]
    }

    /// `activation(gate) * up` (Shazeer, 2020, "GLU variants improve Transformer").
    fn gated(
        activation: Activation,
        gate: &Tensor<Self, 2>,
        up: &Tensor<Self, 2>,
    ) -> Tensor<Self, 2> {
        let (sigmoid, _) = gate_sigmoid(activation, gate);
        gate.clone() * sigmoid * up.clone()
    }

    /// Gradients of [`gated`](Kernels::gated) with regard to `gate` and `up`.
    fn gated_backward(
        activation: Activation,
        dy: Tensor<Self, 2>,
        gate: Tensor<Self, 2>,
        up: Tensor<Self, 2>,
    ) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        let (sigmoid, steepness) = gate_sigmoid(activation, &gate);
        let active = gate * sigmoid.clone();
        let slope = active.clone() * sigmoid.clone().neg().add_scalar(1.0) * steepness + sigmoid;
        let dgate = dy.clone() * up * slope;
        (dgate, dy * active)
    }

    /// `row`, `[1, d]`, added to each row of `x`.
    fn add_row(x: Tensor<Self, 2>, row: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        x + row.clone()
    }

    /// The sum of the rows of `x`, `[1, d]`.
    fn sum_rows(x: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        x.clone().sum_dim(0)
    }

    /// `sum + x weight^T`, `[n, outputs]`: what a linear layer computes. The product is in the
    /// format of `weight`, here and in the two gradients below; all else is f32.
    fn linear_forward(
        x: &Tensor<Self, 2>,
        weight: &Tensor<Self, 2>,
        sum: Option<Tensor<Self, 2>>,
    ) -> Tensor<Self, 2> {
        plus(
            sum,
            product(x.clone(), weight.clone().transpose(), weight.dtype()),
        )
    }

    /// `sum + dy weight`, `[n, inputs]`: the gradient of [`linear_forward`](Kernels::linear_forward) with regard
    /// to `x`.
    fn linear_input(
        dy: &Tensor<Self, 2>,
        weight: &Tensor<Self, 2>,
        sum: Option<Tensor<Self, 2>>,
    ) -> Tensor<Self, 2> {
        plus(sum, product(dy.clone(), weight.clone(), weight.dtype()))
    }

    /// `sum + dy^T x`, `[outputs, inputs]`: the gradient of [`linear_forward`](Kernels::linear_forward) with
    /// regard to a weight of the given format.
    fn linear_weight(
        dy: &Tensor<Self, 2>,
        x: &Tensor<Self, 2>,
        format: DType,
        sum: Option<Tensor<Self, 2>>,
    ) -> Tensor<Self, 2> {
        plus(sum, product(dy.clone().transpose(), x.clone(), format))
    }

    /// The rows of `x` named by `rows`.
    fn gather_rows(x: &Tensor<Self, 2>, rows: &[u32]) -> Tensor<Self, 2> {
        x.clone().select(0, indices(rows, &x.device()))
    }

    /// A tensor of `count` rows, zero but for `x[i]` added to row `rows[i]`.
    fn scatter_rows(x: Tensor<Self, 2>, rows: &[u32], count: usize) -> Tensor<Self, 2> {
        let (device, [_, width]) = (x.device(), x.dims());
        Tensor::zeros([count, width], &device).select_assign(
            0,
            indices(rows, &device),
            x,
            IndexingUpdateOp::Add,
        )
    }

    /// The summed cross-entropy of `targets` under the softmax of each row of `logits`, in nats,
    /// and its gradient times `scale`.
    fn cross_entropy(
        logits: Tensor<Self, 2>,
        targets: &[u32],
        scale: f32,
    ) -> (f64, Tensor<Self, 2>) {
        let [rows, _] = logits.dims();
        let device = logits.device();
        let targets = indices::<Self>(targets, &device).reshape([rows, 1]);
        let log_probabilities = activation::log_softmax(logits, 1);
        let picked = log_probabilities.clone().gather(1, targets.clone());
        let loss = -host(picked).iter().map(|&x| f64::from(x)).sum::<f64>();
        let minus = Tensor::full([rows, 1], -1.0f32, &device);
        let gradient = log_probabilities
            .exp()
            .scatter(1, targets, minus, IndexingUpdateOp::Add);
        (loss, gradient.mul_scalar(scale))
    }

    /// For each row of `logits`, the log-probability of its target and whether no other token is
    /// likelier (of equal logits the first counts).
    fn target_log_probabilities(logits: Tensor<Self, 2>, targets: &[u32]) -> Vec<(f32, bool)> {
        let [rows, _] = logits.dims();
        let device = logits.device();
        let index = indices::<Self>(targets, &device).reshape([rows, 1]);
        let best = logits.clone().argmax(1).into_data();
        let best = best.iter::<i64>().collect::<Vec<_>>();
        let picked = host(activation::log_softmax(logits, 1).gather(1, index));
        picked
            .into_iter()
            .zip(best.iter().zip(targets))
            .map(|(log_probability, (&best, &target))| (log_probability, best == i64::from(target)))
            .collect()
    }

    /// Writes the keys or values of the frame's tokens, `[sequences, h, tokens, e]`, into their
    /// slots of `cache`, `[sequences, h, slots, e]`.
    fn write_slots(
        cache: Tensor<Self, 4>,
        new: Tensor<Self, 4>,
        frame: &Frame<Self>,
    ) -> Tensor<Self, 4> {
        let [_, heads, _, head_dim] = cache.dims();
        let starts: Vec<u32> = frame
            .positions
            .iter()
            .copied()
            .step_by(frame.tokens)
            .collect();
        if starts.iter().all(|start| *start == starts[0]) {
            let slots = starts[0] as usize..starts[0] as usize + frame.tokens;
            return cache.slice_assign([0..frame.sequences, 0..heads, slots, 0..head_dim], new);
        }
        let mut cache = cache;
        for (sequence, start) in starts.iter().enumerate() {
            let row = new.clone().narrow(0, sequence, 1);
            let slots = *start as usize..*start as usize + frame.tokens;
            cache = cache.slice_assign([sequence..sequence + 1, 0..heads, slots, 0..head_dim], row);
        }
        cache
    }

    /// Attention of one new token a sequence over its slots: `query` is `[sequences, h, 1, e]`,
    /// `keys` and `values` are `[sequences, kv, slots, e]`; the result is `[sequences, h * e]`.
    fn attend_cached(
        query: Tensor<Self, 4>,
        keys: &Tensor<Self, 4>,
        values: &Tensor<Self, 4>,
        scale: f32,
        frame: &Frame<Self>,
    ) -> Tensor<Self, 2> {
        let [sequences, heads, _, head_dim] = query.dims();
        let [_, groups, slots, _] = keys.dims();
        let query = query.reshape([sequences, groups, heads / groups, head_dim]);
        let scores = query.matmul(keys.clone().swap_dims(2, 3));
        let scores = scores.reshape([sequences, heads, 1, slots]);
        let weights = Self::causal_softmax(scores, scale, frame);
        let weights = weights.reshape([sequences, groups, heads / groups, slots]);
        weights
            .matmul(values.clone())
            .reshape([sequences, heads * head_dim])
    }

    /// Attention of texts that go on where a cache ends: `query` is `[sequences, h, tokens, e]`,
    /// `own` are the keys and values of the same tokens, `[sequences, kv, tokens, e]`, and `cached`
    /// those of the tokens before them, `[rows, kv, slots, e]`. Sequence `s` follows on row
    /// `owners[s]`, of which it sees the slots before its first position. The result has the shape
    /// of `query`.
    fn attend_beyond(
        query: &Tensor<Self, 4>,
        own: [&Tensor<Self, 4>; 2],
        cached: [&Tensor<Self, 4>; 2],
        owners: &[usize],
        scale: f32,
        frame: &Frame<Self>,
    ) -> Tensor<Self, 4> {
        let [sequences, heads, tokens, _] = query.dims();
        let device = query.device();
        let rows: Vec<u32> = owners.iter().map(|&row| row as u32).collect();
        let [keys, values] = [0, 1].map(|at| {
            let before = cached[at].clone().select(0, indices(&rows, &device));
            let room = Tensor::zeros(own[at].dims(), &device);
            Self::write_slots(Tensor::cat(vec![before, room], 2), own[at].clone(), frame)
        });
        let [_, groups, slots, _] = keys.dims();
        let scores = grouped(query.clone(), groups).matmul(keys.swap_dims(2, 3));
        let scores = scores.reshape([sequences, heads, tokens, slots]);
        let weights = Self::causal_softmax(scores, scale, frame);
        grouped(weights, groups)
            .matmul(values)
            .reshape(query.dims())
    }

    /// The sum of squares of all elements.
    fn sum_of_squares(x: &Tensor<Self, 2>) -> f64 {
        let sums = (x.clone() * x.clone()).sum_dim(1);
        host(sums).iter().map(|&sum| f64::from(sum)).sum()
    }

    /// One AdamW update (Loshchilov and Hutter, 2019, "Decoupled weight decay regularization",
    /// algorithm 2) of a parameter and its two moments.
    fn adamw(
        parameter: Tensor<Self, 2>,
        gradient: Tensor<Self, 2>,
        first: Tensor<Self, 2>,
        second: Tensor<Self, 2>,
        step: AdamWStep,
    ) -> [Tensor<Self, 2>; 3] {
        let gradient = gradient.mul_scalar(step.gradient_scale);
        let first = first.mul_scalar(step.beta1) + gradient.clone().mul_scalar(1.0 - step.beta1);
        let squares = gradient.clone() * gradient;
        let second = second.mul_scalar(step.beta2) + squares.mul_scalar(1.0 - step.beta2);
        let root = second
            .clone()
            .div_scalar(step.correction2)
            .sqrt()
            .add_scalar(step.epsilon);
        let update = first.clone().div_scalar(step.correction1) / root;
        let parameter = parameter.mul_scalar(1.0 - step.learning_rate * step.weight_decay);
        [
            parameter - update.mul_scalar(step.learning_rate),
            first,
            second,
        ]
    }
}

/// Any device, chosen when the program runs. It has the defaults, so a test on the CPU through it
/// tests what runs on GPUs.
impl Kernels for burn::Dispatch {}

/// Stacks the heads that share keys: `[s, h, t, x]` to `[s, groups, h / groups * t, x]`.
fn grouped<B: Backend>(x: Tensor<B, 4>, groups: usize) -> Tensor<B, 4> {
    let [sequences, heads, tokens, width] = x.dims();
    x.reshape([sequences, groups, heads / groups * tokens, width])
}

/// The product of two matrices, computed in a format and given in f32.
fn product<B: Backend>(a: Tensor<B, 2>, b: Tensor<B, 2>, format: DType) -> Tensor<B, 2> {
    if format == DType::F32 {
        return a.matmul(b);
    }
    a.cast(format).matmul(b.cast(format)).cast(DType::F32)
}

fn plus<B: Backend>(sum: Option<Tensor<B, 2>>, more: Tensor<B, 2>) -> Tensor<B, 2> {
    match sum {
        Some(sum) => sum + more,
        None => more,
    }
}

/// The elements of a tensor, row by row.
pub(crate) fn host<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    let data = tensor.into_data().convert::<f32>();
    match data.to_vec() {
        Ok(elements) => elements,
        Err(_) => data.iter::<f32>().collect(),
    }
}

/// A tensor of the elements, given row by row.
pub(crate) fn tensor<B: Backend, const D: usize>(
    elements: Vec<f32>,
    shape: [usize; D],
    device: &B::Device,
) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(elements, shape), device)
}

fn indices<B: Backend>(rows: &[u32], device: &B::Device) -> Tensor<B, 1, Int> {
    let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), device)
}

/// An activation is `x * sigmoid(k(x))`: the sigmoid and the slope of `k`.
///
/// SiLU has `k(x) = x`. The tanh form of GELU has twice what is in its tanh, as
/// `(1 + tanh(u)) / 2 = sigmoid(2 u)`.
fn gate_sigmoid<B: Backend>(
    activation: Activation,
    x: &Tensor<B, 2>,
) -> (Tensor<B, 2>, Tensor<B, 2>) {
    match activation {
        Activation::Silu => (activation::sigmoid(x.clone()), x.ones_like()),
        Activation::GeluTanh => {
            let square = x.clone() * x.clone();
            let k = x.clone() * square.clone().mul_scalar(GELU_CUBE).add_scalar(GELU_SLOPE);
            let steepness = square.mul_scalar(3.0 * GELU_CUBE).add_scalar(GELU_SLOPE);
            (activation::sigmoid(k), steepness)
        }
    }
}

/// `2 sqrt(2 / pi)`.
const GELU_SLOPE: f32 = (std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::SQRT_2) as f32;

/// `2 sqrt(2 / pi) * 0.044715`.
const GELU_CUBE: f32 =
    (std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::SQRT_2 * 0.044_715) as f32;

fn rotate<B: Backend>(x: Tensor<B, 4>, frame: &Frame<B>, direction: f32) -> Tensor<B, 4> {
    let [_, _, _, head_dim] = x.dims();
    let half = head_dim / 2;
    let shape = [frame.sequences, 1, frame.tokens, half];
    let cos: Tensor<B, 4> = frame.cos.clone().reshape(shape);
    let sin: Tensor<B, 4> = frame.sin.clone().reshape(shape).mul_scalar(direction);
    let low = x.clone().narrow(3, 0, half);
    let high = x.narrow(3, half, half);
    Tensor::cat(
        vec![
            low.clone() * cos.clone() - high.clone() * sin.clone(),
            high * cos + low * sin,
        ],
        3,
    )
}
