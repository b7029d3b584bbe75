//! The kernels of the CPU: one pass over the data each, rows spread over the threads.
//!
//! Every row is computed by one thread in a fixed order and partial sums are of fixed size, so the
//! results are the same bytes whatever the number of threads.

use burn::backend::Flex;
use burn::tensor::{DType, Tensor};
use faer::{Accum, MatMut, MatRef};
use pulp::Arch;
use rayon::prelude::*;

use super::attention;
use super::product::multiply;
use super::rows::{TASK_ELEMENTS, View, build, dispatch, for_row_pairs, for_rows, owned, wrap};
use super::simd;
use super::{AdamWStep, Frame, GELU_CUBE, GELU_SLOPE, Kernels};
use crate::config::Activation;

/// Turns the halves of `low` and `high` by the angles.
#[inline(always)]
fn rotate_into(from: &[f32], cos: &[f32], sin: &[f32], direction: f32, to: &mut [f32]) {
    let half = cos.len();
    let (low, high) = from.split_at(half);
    let (to_low, to_high) = to.split_at_mut(half);
    let (high, to_high) = (&high[..half], &mut to_high[..half]);
    let sin = &sin[..half];
    for i in 0..half {
        let turn = direction * sin[i];
        to_low[i] = low[i] * cos[i] - high[i] * turn;
        to_high[i] = high[i] * cos[i] + low[i] * turn;
    }
}

/// The head of a token, turned by the angles of its row if it has a direction.
#[inline(always)]
fn put_head(
    from: &[f32],
    (cos, sin): (&[f32], &[f32]),
    row: usize,
    direction: Option<f32>,
    to: &mut [f32],
) {
    let half = from.len() / 2;
    match direction {
        Some(direction) => {
            let (cos, sin) = (&cos[row * half..][..half], &sin[row * half..][..half]);
            rotate_into(from, cos, sin, direction, to);
        }
        None => to.copy_from_slice(from),
    }
}

/// `sum + a b`, of shape `[rows, columns]`.
fn product(
    shape: [usize; 2],
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    sum: Option<Tensor<Flex, 2>>,
) -> Tensor<Flex, 2> {
    let [rows, columns] = shape;
    let view = |out| MatMut::from_row_major_slice_mut(out, rows, columns);
    match sum {
        Some(sum) => {
            let mut out = owned(sum);
            multiply(view(out.storage_mut()), Accum::Add, a, b);
            wrap(out)
        }
        None => {
            let mut out = vec![0.0f32; rows * columns];
            multiply(view(&mut out), Accum::Replace, a, b);
            build(out, shape)
        }
    }
}

impl Kernels for Flex {
    const NEEDS_MASK: bool = false;
    const SHARES: usize = 8;

    fn side_by_side<T: Send, R: Send>(each: Vec<T>, task: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
        each.into_par_iter().with_max_len(1).map(task).collect()
    }

    fn sum(first: Tensor<Self, 2>, others: &[Tensor<Self, 2>]) -> Tensor<Self, 2> {
        let mut sum = owned(first);
        let others: Vec<View> = others.iter().map(View::of).collect();
        for_rows(
            sum.storage_mut(),
            1,
            #[inline(always)]
            |first, sum| {
                for other in &others {
                    for (sum, other) in sum.iter_mut().zip(&other.elements()[first..]) {
                        *sum += other;
                    }
                }
            },
        );
        wrap(sum)
    }

    fn on_workers<R: Send>(task: impl FnOnce() -> R + Send) -> R {
        rayon::scope(|_| task())
    }

    fn linear_forward(
        x: &Tensor<Self, 2>,
        weight: &Tensor<Self, 2>,
        sum: Option<Tensor<Self, 2>>,
    ) -> Tensor<Self, 2> {
        let ([rows, inputs], [outputs, _]) = (x.dims(), weight.dims());
        let (x, weight) = (View::of(x), View::of(weight));
        let x = MatRef::from_row_major_slice(x.elements(), rows, inputs);
        let weight = MatRef::from_row_major_slice(weight.elements(), outputs, inputs);
        product([rows, outputs], x, weight.transpose(), sum)
    }

    fn linear_input(
        dy: &Tensor<Self, 2>,
        weight: &Tensor<Self, 2>,
        sum: Option<Tensor<Self, 2>>,
    ) -> Tensor<Self, 2> {
        let ([rows, outputs], [_, inputs]) = (dy.dims(), weight.dims());
        let (dy, weight) = (View::of(dy), View::of(weight));
        let dy = MatRef::from_row_major_slice(dy.elements(), rows, outputs);
        let weight = MatRef::from_row_major_slice(weight.elements(), outputs, inputs);
        product([rows, inputs], dy, weight, sum)
    }

    fn linear_weight(
        dy: &Tensor<Self, 2>,
        x: &Tensor<Self, 2>,
        _format: DType,
        sum: Option<Tensor<Self, 2>>,
    ) -> Tensor<Self, 2> {
        let ([rows, outputs], [_, inputs]) = (dy.dims(), x.dims());
        let (dy, x) = (View::of(dy), View::of(x));
        let dy = MatRef::from_row_major_slice(dy.elements(), rows, outputs);
        let x = MatRef::from_row_major_slice(x.elements(), rows, inputs);
        product([outputs, inputs], dy.transpose(), x, sum)
    }

    fn rms_norm(
        x: &Tensor<Self, 2>,
        weight: &Tensor<Self, 2>,
        epsilon: f32,
    ) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        let [rows, width] = x.dims();
        let (x, weight) = (View::of(x), View::of(weight));
        let (x, weight) = (x.elements(), weight.elements());
        let mut y = vec![0.0f32; rows * width];
        let mut inverse = vec![0.0f32; rows];
        for_row_pairs(
            (&mut y, width),
            (&mut inverse, 1),
            #[inline(always)]
            |first, y, inverse| {
                let x = &x[first * width..];
                for ((y, inverse), x) in y
                    .chunks_exact_mut(width)
                    .zip(inverse)
                    .zip(x.chunks_exact(width))
                {
                    let root = 1.0 / (simd::dot(x, x) / width as f32 + epsilon).sqrt();
                    *inverse = root;
                    for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
                        *y = x * root * w;
                    }
                }
            },
        );
        (build(y, [rows, width]), build(inverse, [rows, 1]))
    }

    fn rms_norm_backward(
        dy: &Tensor<Self, 2>,
        x: &Tensor<Self, 2>,
        weight: &Tensor<Self, 2>,
        inverse: &Tensor<Self, 2>,
        residual: Option<Tensor<Self, 2>>,
    ) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        let [rows, width] = x.dims();
        let views = (
            View::of(dy),
            View::of(x),
            View::of(weight),
            View::of(inverse),
        );
        let (dy, x) = (views.0.elements(), views.1.elements());
        let (weight, inverse) = (views.2.elements(), views.3.elements());
        let mut dx = match residual {
            Some(residual) => owned(residual),
            None => owned(build(vec![0.0; rows * width], [rows, width])),
        };
        let task_rows = (TASK_ELEMENTS / width).max(1);
        let arch = Arch::new();
        // Each task sums its own rows' part of dweight; the parts are added in order below.
        let parts: Vec<Vec<f32>> = dx
            .storage_mut::<f32>()
            .par_chunks_mut(task_rows * width)
            .enumerate()
            .map(|(index, dx)| {
                dispatch(
                    arch,
                    #[inline(always)]
                    || {
                        let mut part = vec![0.0f32; width];
                        let mut products = vec![0.0f32; width];
                        for (offset, dx) in dx.chunks_exact_mut(width).enumerate() {
                            let row = index * task_rows + offset;
                            let dy = &dy[row * width..][..width];
                            let x = &x[row * width..][..width];
                            let (part, weight) = (&mut part[..width], &weight[..width]);
                            let products = &mut products[..width];
                            let root = inverse[row];
                            for i in 0..width {
                                let grown = dy[i] * x[i] * root;
                                part[i] += grown;
                                products[i] = grown * weight[i];
                            }
                            let along = simd::sum(products) / width as f32;
                            for i in 0..width {
                                dx[i] += (dy[i] * weight[i] - x[i] * root * along) * root;
                            }
                        }
                        part
                    },
                )
            })
            .collect();
        (wrap(dx), build(in_order(parts, width), [1, width]))
    }

    fn split_heads(
        x: Tensor<Self, 2>,
        heads: usize,
        frame: &Frame<Self>,
        direction: Option<f32>,
    ) -> Tensor<Self, 4> {
        let [_, width] = x.dims();
        let (head_dim, tokens) = (width / heads, frame.tokens);
        let views = (View::of(&x), View::of(&frame.cos), View::of(&frame.sin));
        let (x, cos, sin) = (views.0.elements(), views.1.elements(), views.2.elements());
        let mut out = vec![0.0f32; x.len()];
        for_rows(
            &mut out,
            head_dim,
            #[inline(always)]
            |first, out| {
                for (offset, out) in out.chunks_exact_mut(head_dim).enumerate() {
                    let index = first + offset;
                    let (sequence, head) = (index / (heads * tokens), index / tokens % heads);
                    let row = sequence * tokens + index % tokens;
                    let from = &x[row * width + head * head_dim..][..head_dim];
                    put_head(from, (cos, sin), row, direction, out);
                }
            },
        );
        build(out, [frame.sequences, heads, tokens, head_dim])
    }

    fn merge_heads(
        x: Tensor<Self, 4>,
        frame: &Frame<Self>,
        direction: Option<f32>,
    ) -> Tensor<Self, 2> {
        let [sequences, heads, tokens, head_dim] = x.dims();
        let views = (View::of(&x), View::of(&frame.cos), View::of(&frame.sin));
        let (x, cos, sin) = (views.0.elements(), views.1.elements(), views.2.elements());
        let mut out = vec![0.0f32; x.len()];
        for_rows(
            &mut out,
            heads * head_dim,
            #[inline(always)]
            |first, out| {
                for (offset, out) in out.chunks_exact_mut(head_dim).enumerate() {
                    let (row, head) = (first + offset / heads, offset % heads);
                    let (sequence, token) = (row / tokens, row % tokens);
                    let index = (sequence * heads + head) * tokens + token;
                    let from = &x[index * head_dim..][..head_dim];
                    put_head(from, (cos, sin), row, direction, out);
                }
            },
        );
        build(out, [sequences * tokens, heads * head_dim])
    }

    fn attend(
        query: &Tensor<Self, 4>,
        keys: &Tensor<Self, 4>,
        values: &Tensor<Self, 4>,
        scale: f32,
        frame: &Frame<Self>,
    ) -> (Tensor<Self, 4>, Tensor<Self, 4>) {
        attention::forward(query, keys, values, scale, frame)
    }

    fn attend_backward(
        dattended: Tensor<Self, 4>,
        inputs: [&Tensor<Self, 4>; 3],
        logs: &Tensor<Self, 4>,
        scale: f32,
        frame: &Frame<Self>,
    ) -> [Tensor<Self, 4>; 3] {
        attention::backward(&dattended, inputs, logs, scale, frame)
    }

    fn gated(
        activation: Activation,
        gate: &Tensor<Self, 2>,
        up: &Tensor<Self, 2>,
    ) -> Tensor<Self, 2> {
        match activation {
            Activation::Silu => gated_by(gate, up, |x| x),
            Activation::GeluTanh => gated_by(gate, up, gelu_inside),
        }
    }

    fn gated_backward(
        activation: Activation,
        dy: Tensor<Self, 2>,
        gate: Tensor<Self, 2>,
        up: Tensor<Self, 2>,
    ) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        match activation {
            Activation::Silu => gated_by_backward(dy, gate, up, |x| x, |_| 1.0),
            Activation::GeluTanh => gated_by_backward(dy, gate, up, gelu_inside, gelu_steepness),
        }
    }

    fn add_row(x: Tensor<Self, 2>, row: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        let [_, width] = x.dims();
        let mut x = owned(x);
        let row = View::of(row);
        let row = row.elements();
        for_rows(
            x.storage_mut(),
            width,
            #[inline(always)]
            |_, x| {
                for x in x.chunks_exact_mut(width) {
                    for (x, row) in x.iter_mut().zip(row) {
                        *x += row;
                    }
                }
            },
        );
        wrap(x)
    }

    fn sum_rows(x: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        let [_, width] = x.dims();
        let x = View::of(x);
        let arch = Arch::new();
        let task_rows = (TASK_ELEMENTS / width).max(1);
        // Each task sums its own rows; the parts are added in order below.
        let parts: Vec<Vec<f32>> = x
            .elements()
            .par_chunks(task_rows * width)
            .map(|rows| {
                dispatch(
                    arch,
                    #[inline(always)]
                    || {
                        let mut part = vec![0.0f32; width];
                        for row in rows.chunks_exact(width) {
                            for (part, x) in part.iter_mut().zip(row) {
                                *part += x;
                            }
                        }
                        part
                    },
                )
            })
            .collect();
        build(in_order(parts, width), [1, width])
    }

    fn gather_rows(x: &Tensor<Self, 2>, rows: &[u32]) -> Tensor<Self, 2> {
        let [_, width] = x.dims();
        let x = View::of(x);
        let x = x.elements();
        let mut out = Vec::with_capacity(rows.len() * width);
        for row in rows {
            out.extend_from_slice(&x[*row as usize * width..][..width]);
        }
        build(out, [rows.len(), width])
    }

    fn scatter_rows(x: Tensor<Self, 2>, rows: &[u32], count: usize) -> Tensor<Self, 2> {
        let [_, width] = x.dims();
        let x = View::of(&x);
        let mut out = vec![0.0f32; count * width];
        for (row, x) in rows.iter().zip(x.elements().chunks_exact(width)) {
            for (out, x) in out[*row as usize * width..][..width].iter_mut().zip(x) {
                *out += x;
            }
        }
        build(out, [count, width])
    }

    fn cross_entropy(
        logits: Tensor<Self, 2>,
        targets: &[u32],
        scale: f32,
    ) -> (f64, Tensor<Self, 2>) {
        let [rows, width] = logits.dims();
        let mut logits = owned(logits);
        let mut losses = vec![0.0f32; rows];
        for_row_pairs(
            (logits.storage_mut(), width),
            (&mut losses, 1),
            #[inline(always)]
            |first, logits, losses| {
                for (offset, (row, loss)) in logits.chunks_exact_mut(width).zip(losses).enumerate()
                {
                    let target = targets[first + offset] as usize;
                    let shifted = row[target] - simd::max(row);
                    let total = simd::softmax_scaled(row, scale);
                    *loss = total.ln() - shifted;
                    row[target] -= scale;
                }
            },
        );
        let loss = losses.iter().map(|&loss| f64::from(loss)).sum();
        (loss, wrap(logits))
    }

    fn target_log_probabilities(logits: Tensor<Self, 2>, targets: &[u32]) -> Vec<(f32, bool)> {
        let [_, width] = logits.dims();
        let logits = View::of(&logits);
        let arch = Arch::new();
        logits
            .elements()
            .par_chunks_exact(width)
            .zip(targets)
            .map(|(row, &target)| {
                dispatch(
                    arch,
                    #[inline(always)]
                    || {
                        let (greatest, logit) = (simd::max(row), row[target as usize]);
                        let mut exps = row.to_vec();
                        for value in &mut exps {
                            *value = simd::exp(*value - greatest);
                        }
                        let first_best = row[..target as usize].iter().all(|&x| x < logit);
                        let total = simd::sum(&exps);
                        (
                            logit - greatest - total.ln(),
                            logit == greatest && first_best,
                        )
                    },
                )
            })
            .collect()
    }

    fn write_slots(
        cache: Tensor<Self, 4>,
        new: Tensor<Self, 4>,
        frame: &Frame<Self>,
    ) -> Tensor<Self, 4> {
        let [_, heads, slots, head_dim] = cache.dims();
        let tokens = frame.tokens;
        let mut cache = owned(cache);
        let new = View::of(&new);
        let storage: &mut [f32] = cache.storage_mut();
        for (index, new) in new.elements().chunks_exact(tokens * head_dim).enumerate() {
            let start = frame.positions[index / heads * tokens] as usize;
            storage[(index * slots + start) * head_dim..][..new.len()].copy_from_slice(new);
        }
        wrap(cache)
    }

    fn attend_cached(
        query: Tensor<Self, 4>,
        keys: &Tensor<Self, 4>,
        values: &Tensor<Self, 4>,
        scale: f32,
        frame: &Frame<Self>,
    ) -> Tensor<Self, 2> {
        let [sequences, heads, _, head_dim] = query.dims();
        let [_, groups, slots, _] = keys.dims();
        let views = (View::of(&query), View::of(keys), View::of(values));
        let (query, keys, values) = (views.0.elements(), views.1.elements(), views.2.elements());
        let mut out = vec![0.0f32; sequences * heads * head_dim];
        let arch = Arch::new();
        out.par_chunks_mut(head_dim)
            .enumerate()
            .with_min_len(4)
            .for_each(|(index, out)| {
                dispatch(
                    arch,
                    #[inline(always)]
                    || {
                        let (sequence, head) = (index / heads, index % heads);
                        let group = sequence * groups + head / (heads / groups);
                        let visible = frame.visible(sequence);
                        let seen = visible.len();
                        let first = group * slots;
                        let slots =
                            (first + visible.start) * head_dim..(first + visible.end) * head_dim;
                        let query = &query[index * head_dim..][..head_dim];
                        let mut weights = Vec::with_capacity(seen);
                        for key in keys[slots.clone()].chunks_exact(head_dim) {
                            weights.push(simd::dot(query, key));
                        }
                        simd::softmax(&mut weights, scale);
                        for (weight, value) in
                            weights.iter().zip(values[slots].chunks_exact(head_dim))
                        {
                            for (out, value) in out.iter_mut().zip(value) {
                                *out += weight * value;
                            }
                        }
                    },
                );
            });
        build(out, [sequences, heads * head_dim])
    }

    fn attend_beyond(
        query: &Tensor<Self, 4>,
        own: [&Tensor<Self, 4>; 2],
        cached: [&Tensor<Self, 4>; 2],
        owners: &[usize],
        scale: f32,
        frame: &Frame<Self>,
    ) -> Tensor<Self, 4> {
        attention::beyond(query, own, cached, owners, scale, frame)
    }

    fn sum_of_squares(x: &Tensor<Self, 2>) -> f64 {
        let x = View::of(x);
        let arch = Arch::new();
        let parts: Vec<f32> = x
            .elements()
            .par_chunks(1024)
            .with_min_len(16)
            .map(|part| {
                dispatch(
                    arch,
                    #[inline(always)]
                    || simd::dot(part, part),
                )
            })
            .collect();
        parts.iter().map(|&part| f64::from(part)).sum()
    }

    fn adamw(
        parameter: Tensor<Self, 2>,
        gradient: Tensor<Self, 2>,
        first: Tensor<Self, 2>,
        second: Tensor<Self, 2>,
        step: AdamWStep,
    ) -> [Tensor<Self, 2>; 3] {
        let gradient = View::of(&gradient);
        let (mut parameter, mut first, mut second) =
            (owned(parameter), owned(first), owned(second));
        let arch = Arch::new();
        parameter
            .storage_mut::<f32>()
            .par_chunks_mut(TASK_ELEMENTS)
            .zip(first.storage_mut::<f32>().par_chunks_mut(TASK_ELEMENTS))
            .zip(second.storage_mut::<f32>().par_chunks_mut(TASK_ELEMENTS))
            .zip(gradient.elements().par_chunks(TASK_ELEMENTS))
            .for_each(|(((parameter, first), second), gradient)| {
                dispatch(
                    arch,
                    #[inline(always)]
                    || {
                        let decay = 1.0 - step.learning_rate * step.weight_decay;
                        let moments = first.iter_mut().zip(second.iter_mut());
                        for ((p, (m, v)), g) in parameter.iter_mut().zip(moments).zip(gradient) {
                            let g = g * step.gradient_scale;
                            *m = step.beta1 * *m + (1.0 - step.beta1) * g;
                            *v = step.beta2 * *v + (1.0 - step.beta2) * (g * g);
                            let root = (*v / step.correction2).sqrt() + step.epsilon;
                            *p = *p * decay - step.learning_rate * (*m / step.correction1 / root);
                        }
                    },
                );
            });
        [wrap(parameter), wrap(first), wrap(second)]
    }
}

/// The sum of equally long parts, added in their order.
fn in_order(parts: Vec<Vec<f32>>, width: usize) -> Vec<f32> {
    let mut total = vec![0.0f32; width];
    for part in parts {
        for (total, part) in total.iter_mut().zip(part) {
            *total += part;
        }
    }
    total
}

/// What is in the sigmoid of the tanh form of GELU.
#[inline(always)]
fn gelu_inside(x: f32) -> f32 {
    x * (GELU_SLOPE + GELU_CUBE * (x * x))
}

/// The slope of [`gelu_inside`].
#[inline(always)]
fn gelu_steepness(x: f32) -> f32 {
    GELU_SLOPE + 3.0 * GELU_CUBE * (x * x)
}

/// `gate * sigmoid(inside(gate)) * up`.
fn gated_by(
    gate: &Tensor<Flex, 2>,
    up: &Tensor<Flex, 2>,
    inside: impl Fn(f32) -> f32 + Sync,
) -> Tensor<Flex, 2> {
    let shape = gate.dims();
    let (gate, up) = (View::of(gate), View::of(up));
    let (gate, up) = (gate.elements(), up.elements());
    let mut out = vec![0.0f32; gate.len()];
    for_rows(
        &mut out,
        1,
        #[inline(always)]
        |first, out| {
            for ((out, gate), up) in out.iter_mut().zip(&gate[first..]).zip(&up[first..]) {
                *out = gate * simd::sigmoid(inside(*gate)) * up;
            }
        },
    );
    build(out, shape)
}

/// Gradients of [`gated_by`] with regard to `gate` and `up`; `steepness` is the slope of `inside`.
fn gated_by_backward(
    dy: Tensor<Flex, 2>,
    gate: Tensor<Flex, 2>,
    up: Tensor<Flex, 2>,
    inside: impl Fn(f32) -> f32 + Sync,
    steepness: impl Fn(f32) -> f32 + Sync,
) -> (Tensor<Flex, 2>, Tensor<Flex, 2>) {
    let dy = View::of(&dy);
    let dy = dy.elements();
    let (mut gate, mut up) = (owned(gate), owned(up));
    for_row_pairs(
        (gate.storage_mut(), 1),
        (up.storage_mut(), 1),
        #[inline(always)]
        |first, gate, up| {
            for ((gate, up), dy) in gate.iter_mut().zip(up).zip(&dy[first..]) {
                let sigmoid = simd::sigmoid(inside(*gate));
                let slope = sigmoid * (1.0 + *gate * (1.0 - sigmoid) * steepness(*gate));
                let dgate = dy * *up * slope;
                *up = dy * *gate * sigmoid;
                *gate = dgate;
            }
        },
    );
    (wrap(gate), wrap(up))
}
