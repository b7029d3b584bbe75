//! What holds for decompositions and products of any matrix.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mergelab_abi::ops::{HostHandle, Node, Op};
use mergelab_abi::working::Working;
use mergelab_tensor::{Memory, Options, Session};
use proptest::prelude::*;
use std::sync::Arc;

struct Graph {
    session: Session,
    host: HostHandle,
}

impl Graph {
    fn new() -> Self {
        let session = Session::new(Working::F32, Options::default());
        let host = session.handle();
        Self { session, host }
    }

    fn input(&self, shape: &[usize], data: &[f32]) -> Node {
        let memory = Memory::new("a", data.to_vec());
        self.session.input(shape, Arc::new(memory))
    }

    fn op(&self, op: Op, inputs: &[Node], integers: &[u64]) -> Node {
        self.host.record(op, inputs, &[], integers).unwrap()
    }

    fn read(&self, node: Node) -> Vec<f32> {
        self.session.read(node).unwrap()
    }
}

fn largest(data: &[f32]) -> f32 {
    data.iter().fold(0.0, |m, x| m.max(x.abs()))
}

/// Every element is this near. Factors are rounded to f32, and as many products are added as
/// there are columns, so errors stay below that many steps of f32.
fn assert_near(got: &[f32], want: &[f32], slack: f32) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= slack, "at {i}: {got}, not {want}");
    }
}

fn assert_orthonormal(graph: &Graph, columns: Node, count: usize) {
    let gram = graph.read(graph.op(Op::MatMul, &[columns, columns], &[1, 0]));
    let identity: Vec<f32> = (0..count * count)
        .map(|i| f32::from(u8::from(i % (count + 1) == 0)))
        .collect();
    assert_near(&gram, &identity, 2e-6);
}

/// Checks both decompositions of one matrix.
fn check(m: usize, n: usize, data: &[f32]) {
    let graph = Graph::new();
    let a = graph.input(&[m, n], data);
    let rank = m.min(n);
    let slack = largest(data) * 2e-6 * (1.0 + rank as f32);

    let [u, s, v] = [Op::SvdU, Op::SvdS, Op::SvdV].map(|op| graph.op(op, &[a], &[]));
    let like = [m as u64, rank as u64];
    let spread = graph.op(Op::SpreadColumns, &[s], &like);
    let scaled = graph.op(Op::Mul, &[u, spread], &[]);
    let product = graph.read(graph.op(Op::MatMul, &[scaled, v], &[0, 1]));
    assert_near(&product, data, slack);
    assert_orthonormal(&graph, u, rank);
    assert_orthonormal(&graph, v, rank);
    let s = graph.read(s);
    assert!(s.is_sorted_by(|a, b| a >= b), "{s:?}");
    assert!(s.iter().all(|&s| s >= 0.0), "{s:?}");
    let u = graph.read(u);
    for column in 0..rank {
        let column: Vec<f32> = (0..m).map(|row| u[row * rank + column]).collect();
        // Entries that differ by less than a step of f32 are equal in f32, of either sign.
        let largest = largest(&column) * (1.0 - 1e-6);
        assert!(column.iter().any(|&x| x >= largest), "{column:?}");
    }

    let [q, r] = [Op::QrQ, Op::QrR].map(|op| graph.op(op, &[a], &[]));
    let product = graph.read(graph.op(Op::MatMul, &[q, r], &[0, 0]));
    assert_near(&product, data, slack);
    assert_orthonormal(&graph, q, rank);
    let r = graph.read(r);
    for (index, &x) in r.iter().enumerate() {
        let (row, column) = (index / n, index % n);
        assert!(column >= row || x == 0.0, "below the diagonal: {x}");
        assert!(column != row || x >= 0.0, "on the diagonal: {x}");
    }
}

fn noise(len: usize, seed: u32) -> Vec<f32> {
    (0..len as u32)
        .map(|i| {
            let x = (i ^ seed.rotate_left(9)).wrapping_mul(0x85EB_CA6B);
            (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35) as f32 / 4.3e9 - 0.5
        })
        .collect()
}

#[test]
fn square_tall_and_wide() {
    for (m, n) in [
        (1, 1),
        (2, 2),
        (1, 9),
        (9, 1),
        (40, 40),
        (70, 13),
        (13, 150),
    ] {
        check(m, n, &noise(m * n, 3));
    }
}

#[test]
fn of_lower_rank() {
    for (m, n) in [(3, 3), (8, 5), (5, 8), (60, 50)] {
        check(m, n, &vec![0.0; m * n]);
        check(m, n, &vec![1.0; m * n]);
        // Rank one, rank two, and columns of zeros before others.
        let outer = |f: fn(usize, usize) -> f32| -> Vec<f32> {
            (0..m * n).map(|i| f(i / n, i % n)).collect()
        };
        check(m, n, &outer(|i, j| (i + 1) as f32 * 0.3 * (j as f32 - 1.0)));
        check(m, n, &outer(|i, j| (i % 2) as f32 + (j % 2) as f32));
        check(
            m,
            n,
            &outer(|i, j| {
                if j < 2 {
                    0.0
                } else {
                    (i * 7 + j * j) as f32 % 5.0
                }
            }),
        );
        check(m, n, &outer(|i, j| if i == j { 1e-30 } else { 0.0 }));
    }
}

#[test]
fn large_numbers_do_not_overflow() {
    let data: Vec<f32> = noise(30, 5).iter().map(|x| x * 3e37).collect();
    check(6, 5, &data);
}

#[test]
fn a_broken_matrix_is_an_error() {
    for broken in [f32::NAN, f32::INFINITY] {
        let graph = Graph::new();
        let mut data = noise(12, 1);
        data[5] = broken;
        let a = graph.input(&[3, 4], &data);
        for op in [Op::SvdU, Op::SvdS, Op::SvdV, Op::QrQ, Op::QrR] {
            let error = graph.session.read(graph.op(op, &[a], &[])).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(op.name()) && text.contains("[3, 4]"),
                "{text}"
            );
        }
    }
}

/// Thousands of steps, each of which needs the one before in memory.
#[test]
fn long_chains_are_evaluated() {
    let graph = Graph::new();
    let turn: Vec<f32> = vec![0.8, -0.6, 0.6, 0.8];
    let turn = graph.input(&[2, 2], &turn);
    let mut x = graph.input(&[2, 2], &[1.0, 0.0, 0.0, 1.0]);
    for _ in 0..4000 {
        x = graph.op(Op::MatMul, &[x, turn], &[0, 0]);
        let lengths = graph.op(Op::RowDot, &[x, x], &[]);
        let lengths = graph.op(Op::Sqrt, &[lengths], &[]);
        let spread = graph.op(Op::SpreadRows, &[lengths], &[2, 2]);
        x = graph.op(Op::Div, &[x, spread], &[]);
    }
    let rows = graph.read(graph.op(Op::RowDot, &[x, x], &[]));
    // Turned and scaled to unit length each time: only the rounding of the last step is left.
    assert_near(&rows, &[1.0, 1.0], 1e-6);
}

proptest! {
    #[test]
    fn random_matrices(m in 1usize..24, n in 1usize..24, coarse in any::<bool>(), seed in any::<u32>()) {
        let mut data = noise(m * n, seed);
        if coarse {
            // Few values: many singular values are equal or 0.
            data.iter_mut().for_each(|x| *x = (*x * 3.0).round());
        }
        check(m, n, &data);
    }
}
