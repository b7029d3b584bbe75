//! One recording in the reference evaluator and in a session.

use mergelab_abi::ops::{Host, HostHandle, Node, Op};
use mergelab_abi::reference::ReferenceHost;
use mergelab_abi::working::Working;
use mergelab_tensor::{Memory, Options, Session};
use std::sync::Arc;

/// The same operations recorded in both evaluators.
pub(crate) struct Pair {
    working: Working,
    pub(crate) reference: ReferenceHost,
    session: Session,
    host: HostHandle,
    /// Each node in both, as numbers differ where the session records equal operations once.
    pub(crate) nodes: Vec<(Node, Node)>,
}

impl Pair {
    pub(crate) fn new(working: Working, tile: usize) -> Self {
        let options = Options {
            tile,
            ..Options::default()
        };
        let session = Session::new(working, options);
        Self {
            working,
            reference: ReferenceHost::new(working),
            host: session.handle(),
            session,
            nodes: Vec::new(),
        }
    }

    pub(crate) fn input(&mut self, shape: &[usize], data: Vec<f32>) -> usize {
        let memory = Memory::new("x", data.clone());
        self.nodes.push((
            self.reference.input(shape, data),
            self.session.input(shape, Arc::new(memory)),
        ));
        self.nodes.len() - 1
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
        let session: Vec<Node> = inputs.iter().map(|&i| self.nodes[i].1).collect();
        let expected = self.reference.record(op, &reference, scalars, k);
        let actual = self.host.record(op, &session, scalars, k);
        let (expected, actual) = match (expected, actual) {
            (Ok(expected), Ok(actual)) => (expected, actual),
            (expected, actual) => {
                assert!(expected.is_err() && actual.is_err(), "{op:?}");
                return None;
            }
        };
        assert_eq!(
            self.reference.shape(expected).unwrap(),
            self.host.shape(actual).unwrap()
        );
        let want = self.reference.value(expected).unwrap();
        if is_decomposition(op) {
            let input = self.reference.value(reference[0]).unwrap();
            return self.decomposition(op, &input, expected, actual);
        }
        let got = self.session.read(actual).unwrap();
        if adds(op) {
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
        self.nodes.push((expected, actual));
        Some(self.nodes.len() - 1)
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
