//! Statistics of rows that depend on others of the same rows, which one walk over the rows finds,
//! have the bits that they have one by one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;
use mergelab_tensor::{Memory, Options, Session};
use std::sync::Arc;

/// Softmaxes of two tensors, how much they differ by row, and what of a change that lets through.
/// With `read`, every node on the way is read when it is recorded.
fn divergence(working: Working, shape: &[usize], read: bool) -> Vec<Vec<u32>> {
    let len: usize = shape.iter().product();
    let noise = |seed: u32| {
        let element = |i: u32| {
            let x = (i ^ seed).wrapping_mul(0x85EB_CA6B);
            let x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
            (x >> 8) as f32 / 4_194_304.0 - 2.0
        };
        Arc::new(Memory::new("x", (0..len as u32).map(element).collect()))
    };
    let session = Session::new(working, Options::default());
    let host = session.handle();
    let like: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let op = |op: Op, inputs: &[Node], integers: &[u64]| {
        let node = host.record(op, inputs, &[], integers).unwrap();
        if read {
            session.read(node).unwrap();
        }
        node
    };
    let softmax = |x: Node| {
        let largest = op(Op::RowMax, &[x], &[]);
        let largest = op(Op::SpreadRows, &[largest], &like);
        let off = op(Op::Sub, &[x, largest], &[]);
        let powers = op(Op::Exp, &[off], &[]);
        let sums = op(Op::RowSum, &[powers], &[]);
        let sums = op(Op::SpreadRows, &[sums], &like);
        op(Op::Div, &[powers, sums], &[])
    };
    let (a, b) = (
        session.input(shape, noise(1)),
        session.input(shape, noise(7)),
    );
    let (p, q) = (softmax(a), softmax(b));
    let ratio = op(Op::Div, &[p, q], &[]);
    let ratio = op(Op::Ln, &[ratio], &[]);
    let divergence = op(Op::RowDot, &[p, ratio], &[]);
    let spread = op(Op::SpreadRows, &[divergence], &like);
    let change = op(Op::Sub, &[a, b], &[]);
    let importance = op(Op::Mul, &[change, spread], &[]);
    let mask = op(Op::TopKMask, &[importance], &[len as u64 / 3]);
    let merged = op(Op::Mul, &[change, mask], &[]);
    let wanted = [divergence, merged, q];
    let bits = |node: Node| {
        session
            .read(node)
            .unwrap()
            .into_iter()
            .map(f32::to_bits)
            .collect()
    };
    wanted.into_iter().map(bits).collect()
}

#[test]
fn one_walk_over_the_rows_agrees_with_many() {
    // Rows within blocks, across blocks and chunks, odd ones, and one too long to be whole.
    for shape in [
        &[40usize, 896][..],
        &[7, 4864],
        &[300, 65],
        &[5, 3, 6007],
        &[3, 30_000],
        &[70_001],
    ] {
        for working in [Working::F32, Working::Bf16] {
            let (lazy, eager) = (
                divergence(working, shape, false),
                divergence(working, shape, true),
            );
            assert!(lazy == eager, "{working}, {shape:?}");
        }
    }
}
