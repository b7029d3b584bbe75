//! One recording in the reference evaluator and in a session.

mod both;

use both::Both;
use mergelab_abi::ops::{Host as _, Node, Op};
use mergelab_abi::working::Working;
use mergelab_tensor::Options;
use std::ops::{Deref, DerefMut};

/// The same operations recorded in both evaluators, and compared.
pub(crate) struct Pair(Both);

impl Deref for Pair {
    type Target = Both;

    fn deref(&self) -> &Both {
        &self.0
    }
}

impl DerefMut for Pair {
    fn deref_mut(&mut self) -> &mut Both {
        &mut self.0
    }
}

impl Pair {
    pub(crate) fn new(working: Working, tile: usize) -> Self {
        let options = Options {
            tile,
            ..Options::default()
        };
        Self(Both::new(working, options))
    }

    /// Records in both and compares; returns nothing where both refuse.
    pub(crate) fn record(
        &mut self,
        op: Op,
        inputs: &[usize],
        scalars: &[f64],
        k: &[u64],
    ) -> Option<usize> {
        let reference: Vec<Node> = inputs.iter().map(|&i| self.nodes[i].0).collect();
        let node = self.push(op, inputs, scalars, k)?;
        let (expected, actual) = self.nodes[node];
        let want = self.value(node);
        if is_decomposition(op) {
            self.nodes.pop();
            let input = self.reference.value(reference[0]).unwrap();
            return self.decomposition(op, &input, expected, actual);
        }
        let got = self.session.read(actual).unwrap();
        if adds(op) {
            self.nodes.pop();
            let sizes = self.sizes(op, &reference, k);
            assert_eq!(got.len(), want.len(), "{op:?}");
            for (i, (&got, &want)) in got.iter().zip(&want).enumerate() {
                assert!(
                    self.near(got, want, f64::from(sizes[i])),
                    "{op:?} at {i}: {got:e}, not {want:e}"
                );
            }
            // The order of addition differs, so both go on from the same numbers.
            if let Ok(exact) = self.reference.scalar(expected) {
                return self.record(Op::Constant, &[], &[exact], &[]);
            }
            let shape = self.reference.shape(expected).unwrap();
            return Some(self.input(&shape, want));
        }
        assert_same(&got, &want, op);
        Some(node)
    }

    /// Factors are not unique where singular values are equal or 0, so only those that are have
    /// their numbers compared; `matrices.rs` has what holds for all of them.
    fn decomposition(
        &mut self,
        op: Op,
        input: &[f32],
        expected: Node,
        actual: Node,
    ) -> Option<usize> {
        let got = self.session.read(actual);
        if !input.iter().all(|x| x.is_finite()) {
            assert!(got.unwrap_err().to_string().contains(op.name()));
            return None;
        }
        let (got, want) = (got.unwrap(), self.reference.value(expected).unwrap());
        assert_eq!(got.len(), want.len(), "{op:?}");
        if op == Op::SvdS {
            let largest = want.first().copied().unwrap_or(0.0);
            for (got, want) in got.iter().zip(&want) {
                // Singular values move by at most as much as rounding moves the matrix.
                let step = f64::from(largest) * 1e-6 + f64::from(want.abs()) * self.step();
                assert!(
                    got == want || f64::from((got - want).abs()) <= step,
                    "{got:e}, not {want:e}"
                );
            }
        }
        let shape = self.reference.shape(expected).unwrap();
        Some(self.input(&shape, want))
    }

    /// The same sums, of magnitudes.
    fn sizes(&self, op: Op, inputs: &[Node], integers: &[u64]) -> Vec<f32> {
        let magnitudes: Vec<Node> = inputs
            .iter()
            .map(|&n| self.reference.record(Op::Abs, &[n], &[], &[]).unwrap())
            .collect();
        let sizes = self.reference.record(op, &magnitudes, &[], integers);
        self.reference.value(sizes.unwrap()).unwrap()
    }

    /// The distance of the numbers of the working precision, relative to them.
    fn step(&self) -> f64 {
        match self.working {
            Working::F32 => 2f64.powi(-23),
            Working::Bf16 => 2f64.powi(-7),
            Working::F16 => 2f64.powi(-10),
        }
    }

    /// Adding n numbers in f64 in any order errs by at most n * 2^-53 of the sum of magnitudes;
    /// n is below 2^18 here. Then one step of the working precision, where that tips a rounding.
    fn near(&self, got: f32, want: f32, size: f64) -> bool {
        if !size.is_finite() {
            return true;
        }
        let step = self.step();
        let (got, want) = (f64::from(got), f64::from(want));
        got == want || (got - want).abs() <= size * 2f64.powi(-35) + want.abs() * step
    }
}

/// Whether the order in which the operation adds is left open.
fn adds(op: Op) -> bool {
    matches!(
        op,
        Op::Sum | Op::Dot | Op::RowSum | Op::RowDot | Op::ColumnSum | Op::ColumnDot | Op::MatMul
    )
}

fn is_decomposition(op: Op) -> bool {
    matches!(op, Op::SvdU | Op::SvdS | Op::SvdV | Op::QrQ | Op::QrR)
}

/// The same bits, where any NaN equals any other.
fn assert_same(got: &[f32], want: &[f32], op: Op) {
    assert_eq!(got.len(), want.len(), "{op:?}");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!(
            got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()),
            "{op:?} at {i}: {got:e}, not {want:e}"
        );
    }
}
