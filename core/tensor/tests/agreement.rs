//! Every operation, alone and in random graphs, gives what the reference evaluator defines.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mergelab_abi::ops::{Host, HostHandle, Node, Op};
use mergelab_abi::reference::ReferenceHost;
use mergelab_abi::working::Working;
use mergelab_tensor::{Memory, Options, Session};
use proptest::prelude::*;
use std::sync::Arc;

/// The same operations recorded in both evaluators.
struct Pair {
    working: Working,
    reference: ReferenceHost,
    session: Session,
    host: HostHandle,
    /// Each node in both, as numbers differ where the session records equal operations once.
    nodes: Vec<(Node, Node)>,
}

impl Pair {
    fn new(working: Working, tile: usize) -> Self {
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

    fn input(&mut self, shape: &[usize], data: Vec<f32>) -> usize {
        let memory = Memory::new("x", data.clone());
        self.nodes.push((
            self.reference.input(shape, data),
            self.session.input(shape, Arc::new(memory)),
        ));
        self.nodes.len() - 1
    }

    /// Records in both and compares; returns nothing where both refuse.
    fn record(&mut self, op: Op, inputs: &[usize], scalars: &[f64], k: &[u64]) -> Option<usize> {
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

const ODD: &[f32] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    3.25e-41,
    -1.0e-45,
    f32::MIN_POSITIVE,
    6.0e4,
    7.0e4,
    -3.3e38,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    0.300_000_1,
];

/// Every pair of odd values.
fn odd_pairs() -> (Vec<f32>, Vec<f32>) {
    ODD.iter()
        .flat_map(|&a| ODD.iter().map(move |&b| (a, b)))
        .unzip()
}

#[test]
fn every_elementwise_operation_agrees_on_odd_values() {
    for &working in Working::ALL {
        let mut pair = Pair::new(working, 16);
        let (a, b) = odd_pairs();
        let shape = [ODD.len(), ODD.len()];
        let mut c = b.clone();
        c.rotate_left(7);
        let a = pair.input(&shape, a);
        let b = pair.input(&shape, b);
        let c = pair.input(&shape, c);
        let number = pair.record(Op::Constant, &[], &[0.1], &[]).unwrap();
        let zero = pair.input(&[], vec![0.0]);
        for &op in Op::ALL {
            // Refused where the count of inputs does not fit; both must agree on that too.
            for inputs in [
                &[a][..],
                &[number],
                &[a, b],
                &[a, number],
                &[number, a],
                &[number, zero],
                &[a, b, c],
                &[a, number, c],
                &[a, b, number],
                &[a, number, zero],
                &[number, a, b],
                &[zero, a, number],
                &[zero, number, number],
                &[a, b, c, a, b],
            ] {
                // Without one of them these do not fit.
                let integers: &[u64] = match op {
                    Op::MatMul => &[0, 1],
                    Op::KeepMaskBy => &[7],
                    Op::Concat => &[1],
                    Op::SpreadRows | Op::SpreadColumns | Op::Reshape => &[4, 64],
                    Op::Narrow => &[1, 3, 9],
                    _ => &[],
                };
                if !matches!(op, Op::Sum | Op::Dot) {
                    pair.record(op, inputs, &[], integers);
                }
            }
        }
    }
}

#[test]
fn operations_on_many_blocks_agree() {
    // Two chunks and a part of a block.
    let len = 2 * 65_536 + 1_234;
    let noise = |seed: u32| -> Vec<f32> {
        (0..len as u32)
            .map(|i| {
                let x = i.wrapping_add(seed).wrapping_mul(0x9E37_79B9);
                ((x ^ (x >> 15)) >> 8) as f32 / 16_777_216.0 - 0.5
            })
            .collect()
    };
    for &working in Working::ALL {
        let mut pair = Pair::new(working, 1000);
        let a = pair.input(&[len], noise(1));
        let b = pair.input(&[len], noise(77));
        let d = pair.record(Op::Sub, &[a, b], &[], &[]).unwrap();
        for op in [
            Op::Sum,
            Op::Max,
            Op::Min,
            Op::RowSum,
            Op::RowMax,
            Op::RowRank,
            Op::ColumnSum,
            Op::Materialize,
        ] {
            pair.record(op, &[d], &[], &[]).unwrap();
        }
        pair.record(Op::RowDot, &[d, a], &[], &[]).unwrap();
        pair.record(Op::ColumnDot, &[d, a], &[], &[]).unwrap();
        pair.record(Op::RankedKeepMask, &[d], &[0.2, 0.9], &[5])
            .unwrap();
        pair.record(Op::KeepMaskBy, &[a], &[], &[6]).unwrap();
        for share in [0.0, 1e-6, 0.37, 1.0] {
            pair.record(Op::TopShareMask, &[d], &[share], &[]).unwrap();
        }
        let dot = pair.record(Op::Dot, &[d, a], &[], &[]).unwrap();
        let scaled = pair.record(Op::Mul, &[d, dot], &[], &[]).unwrap();
        for k in [1, 1000, len as u64 / 2, len as u64] {
            pair.record(Op::KthLargestMagnitude, &[d], &[], &[k])
                .unwrap();
            let mask = pair.record(Op::TopKMask, &[scaled], &[], &[k]).unwrap();
            pair.record(Op::Mul, &[mask, d], &[], &[]).unwrap();
        }
        pair.record(Op::KeepMask, &[d], &[0.3], &[99]).unwrap();
    }
}

/// Rows that begin and end anywhere in blocks and chunks, longer and shorter than both.
#[test]
fn rows_and_columns_of_many_blocks_agree() {
    for shape in [
        &[60usize, 1234][..],
        &[2, 66_001],
        &[22_001, 3],
        &[20, 7, 613],
        &[5, 16_384],
    ] {
        let len: usize = shape.iter().product();
        let noise = |seed: u32, coarse: bool| -> Vec<f32> {
            (0..len as u32)
                .map(|i| {
                    let x = i.wrapping_add(seed).wrapping_mul(0x9E37_79B9);
                    let x = (x ^ (x >> 15)).wrapping_mul(0x85EB_CA6B);
                    // A coarse grid has many equal magnitudes, many of them zero.
                    let x = if coarse { x >> 28 << 20 } else { x >> 8 };
                    x as f32 / 16_777_216.0 - 0.5
                })
                .collect()
        };
        let mut pair = Pair::new(Working::F32, 528);
        let a = pair.input(shape, noise(1, false));
        let b = pair.input(shape, noise(77, true));
        let d = pair.record(Op::Sub, &[a, b], &[], &[]).unwrap();
        let like: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        for x in [b, d] {
            for op in [Op::RowSum, Op::RowMax] {
                let row = pair.record(op, &[x], &[], &[]).unwrap();
                let root = pair.record(Op::Abs, &[row], &[], &[]).unwrap();
                let spread = pair.record(Op::SpreadRows, &[root], &[], &like).unwrap();
                pair.record(Op::Div, &[x, spread], &[], &[]).unwrap();
            }
            let column = pair.record(Op::ColumnSum, &[x], &[], &[]).unwrap();
            let spread = pair
                .record(Op::SpreadColumns, &[column], &[], &like)
                .unwrap();
            pair.record(Op::Mul, &[x, spread], &[], &[]).unwrap();
            pair.record(Op::RowDot, &[x, a], &[], &[]).unwrap();
            pair.record(Op::ColumnDot, &[x, a], &[], &[]).unwrap();
            pair.record(Op::RowRank, &[x], &[], &[]).unwrap();
            for (low, high) in [(0.3, 0.7), (0.9, 0.1), (0.0, 1.0), (0.5, 0.5)] {
                pair.record(Op::RankedKeepMask, &[x], &[low, high], &[5])
                    .unwrap();
            }
            pair.record(Op::TopShareMask, &[x], &[0.4], &[]).unwrap();
            pair.record(Op::KeepMaskBy, &[x], &[], &[8]).unwrap();
        }
    }
}

#[test]
fn empty_tensors_and_scalars_agree() {
    for &working in Working::ALL {
        for shape in [&[][..], &[0], &[3, 0], &[1], &[7], &[3, 5]] {
            let len = shape.iter().product();
            let mut pair = Pair::new(working, 16);
            let x = pair.input(shape, (0..len).map(|i| i as f32 * -0.3).collect());
            for op in [Op::Sum, Op::Max, Op::Min, Op::Abs, Op::Stored, Op::Exp] {
                pair.record(op, &[x], &[], &[]).unwrap();
            }
            pair.record(Op::Dot, &[x, x], &[], &[]).unwrap();
            for k in 0..=len as u64 {
                pair.record(Op::TopKMask, &[x], &[], &[k]).unwrap();
                let kth = pair.record(Op::KthLargestMagnitude, &[x], &[], &[k]);
                assert_eq!(kth.is_some(), k > 0);
            }
            pair.record(Op::KeepMask, &[x], &[0.5], &[3]).unwrap();
            if shape.is_empty() {
                continue;
            }
            for op in [
                Op::RowSum,
                Op::RowMax,
                Op::ColumnSum,
                Op::RowRank,
                Op::Materialize,
            ] {
                pair.record(op, &[x], &[], &[]).unwrap();
            }
            pair.record(Op::RowDot, &[x, x], &[], &[]).unwrap();
            pair.record(Op::ColumnDot, &[x, x], &[], &[]).unwrap();
            pair.record(Op::TopShareMask, &[x], &[0.5], &[]).unwrap();
            pair.record(Op::KeepMaskBy, &[x], &[], &[3]).unwrap();
            pair.record(Op::RankedKeepMask, &[x], &[0.2, 0.8], &[3])
                .unwrap();
            pair.record(Op::Reshape, &[x], &[], &[1, len as u64])
                .unwrap();
            pair.record(Op::Concat, &[x, x, x], &[], &[0]).unwrap();
            pair.record(Op::Narrow, &[x], &[], &[0, 0, 0]).unwrap();
        }
        for [m, n] in [[0, 3], [3, 0], [0, 0], [1, 1], [1, 4], [4, 1]] {
            let mut pair = Pair::new(working, 16);
            let x = pair.input(&[m, n], (0..m * n).map(|i| i as f32 - 1.5).collect());
            for op in [
                Op::Transpose,
                Op::SvdU,
                Op::SvdS,
                Op::SvdV,
                Op::QrQ,
                Op::QrR,
            ] {
                pair.record(op, &[x], &[], &[]).unwrap();
            }
            pair.record(Op::MatMul, &[x, x], &[], &[1, 0]).unwrap();
            pair.record(Op::MatMul, &[x, x], &[], &[0, 1]).unwrap();
        }
    }
}

#[derive(Debug, Clone)]
struct Choice {
    op: Op,
    inputs: [usize; 3],
    scalar: f64,
    integer: u64,
}

fn choice() -> impl Strategy<Value = Choice> {
    (
        proptest::sample::select(Op::ALL),
        any::<[usize; 3]>(),
        -2.0..2.0,
        any::<u64>(),
    )
        .prop_map(|(op, inputs, scalar, integer)| Choice {
            op,
            inputs,
            scalar,
            integer,
        })
}

fn element() -> impl Strategy<Value = f32> {
    prop_oneof![
        6 => -4.0f32..4.0,
        2 => (-8i8..8).prop_map(|x| f32::from(x) / 4.0),
        1 => proptest::sample::select(ODD),
    ]
}

proptest! {
    #[test]
    fn random_graphs_agree(
        working in proptest::sample::select(Working::ALL),
        shape in proptest::sample::select(vec![vec![], vec![1], vec![7], vec![3, 5], vec![2, 40]]),
        tile in proptest::sample::select(vec![16, 48, 4096]),
        data in proptest::collection::vec(element(), 240),
        choices in proptest::collection::vec(choice(), 1..40),
    ) {
        let mut pair = Pair::new(working, tile);
        let len: usize = shape.iter().product();
        for i in 0..3 {
            pair.input(&shape, data[i * 80..i * 80 + len].to_vec());
        }
        for Choice { op, inputs, scalar, integer } in choices {
            let count = match op {
                Op::Constant => 0,
                Op::Select => 3,
                Op::AddN => 1 + integer as usize % 3,
                Op::Dot | Op::RowDot | Op::ColumnDot | Op::MatMul => 2,
                Op::Concat => 1 + integer as usize % 3,
                _ if (30..50).contains(&(op as u16)) => 2,
                _ => 1,
            };
            let like: Vec<u64> = {
                let (node, _) = pair.nodes[inputs[2] % pair.nodes.len()];
                let shape = pair.reference.shape(node).unwrap();
                shape.into_iter().map(|n| n as u64).collect()
            };
            let inputs: Vec<usize> = inputs[..count].iter().map(|i| i % pair.nodes.len()).collect();
            let share = scalar.abs() / 2.0;
            let (scalars, integers): (&[f64], &[u64]) = match op {
                Op::TopShareMask => (&[share], &[]),
                Op::KeepMaskBy => (&[], &[integer]),
                Op::RankedKeepMask => (&[share, 1.0 - share * share], &[integer]),
                Op::SpreadRows | Op::SpreadColumns | Op::Reshape => (&[], &like),
                Op::MatMul => (&[], &[integer % 2, integer / 2 % 2]),
                Op::Concat => (&[], &[integer % 2]),
                Op::Narrow => (&[], &[integer % 2, integer / 2 % 3, integer / 6 % 4]),
                Op::Constant => (&[scalar], &[]),
                Op::KeepMask => (&[scalar.abs() / 2.0], &[integer]),
                Op::KthLargestMagnitude | Op::TopKMask => (&[], &[integer % (len as u64 + 1)]),
                _ => (&[], &[]),
            };
            pair.record(op, &inputs, scalars, integers);
        }
    }

    /// Evaluating only the end of a graph, in as few passes as possible, gives what evaluating
    /// every node on the way gives.
    #[test]
    fn one_evaluation_agrees_with_many(
        data in proptest::collection::vec(-4.0f32..4.0, 300),
        k in 1u64..100,
    ) {
        let session = Session::new(Working::F32, Options { tile: 32, ..Options::default() });
        let eager = Session::new(Working::F32, Options::default());
        let run = |session: &Session, read: bool| {
            let host = session.handle();
            let op = |op: Op, inputs: &[Node], k: &[u64]| {
                let node = host.record(op, inputs, &[], k).unwrap();
                if read {
                    session.read(node).unwrap();
                }
                node
            };
            let inputs: Vec<Node> = (0..3)
                .map(|i| {
                    let data = data[i * 100..(i + 1) * 100].to_vec();
                    session.input(&[100], Arc::new(Memory::new("x", data)))
                })
                .collect();
            let d = op(Op::Sub, &[inputs[1], inputs[0]], &[]);
            let mask = op(Op::TopKMask, &[d], &[k]);
            let trimmed = op(Op::Mul, &[d, mask], &[]);
            let norm = op(Op::Dot, &[trimmed, trimmed], &[]);
            let root = op(Op::Sqrt, &[norm], &[]);
            let scaled = op(Op::Div, &[inputs[2], root], &[]);
            let kth = op(Op::KthLargestMagnitude, &[scaled], &[k]);
            let over = op(Op::Gt, &[scaled, kth], &[]);
            let last = op(Op::Select, &[over, trimmed, scaled], &[]);
            session.read(last).unwrap()
        };
        let (lazy, eager) = (run(&session, false), run(&eager, true));
        prop_assert_eq!(
            lazy.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            eager.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        );
    }
}
