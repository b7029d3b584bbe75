//! Sums that are collected while masks of ranks are drawn are those of a pass of their own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;
use mergelab_tensor::{BLOCK, Memory, Options, Session};
use std::sync::Arc;

/// Large numbers that cancel, small ones that are lost beside them, ties and zeros.
fn elements(len: usize, seed: u32) -> Vec<f32> {
    let word = |i: u32| {
        let x = (i ^ seed.rotate_left(7)).wrapping_mul(0x85EB_CA6B);
        (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35)
    };
    let element = |i: u32| match word(i) {
        x if x % 7 == 0 => 0.0,
        x if x % 97 == 0 => (x >> 30) as f32 * 1e12 - 1e12,
        x if x % 2 == 0 => (x >> 20) as f32 / 1024.0 - 2.0,
        x => x as f32 / 4.3e9 - 0.5,
    };
    (0..len as u32).map(element).collect()
}

/// Adds as every pass does: in 16 lanes for each block, then blocks in their order.
fn sum(elements: impl Iterator<Item = f32>) -> f64 {
    let elements: Vec<f32> = elements.collect();
    let blocks = elements.chunks(BLOCK).map(|block| {
        let mut lanes = [0.0; 16];
        for (i, &x) in block.iter().enumerate() {
            lanes[i % 16] += f64::from(x);
        }
        lanes.iter().sum::<f64>()
    });
    blocks.sum::<f64>() + 0.0
}

fn check(shape: [usize; 2], working: Working, options: Options) {
    let len = shape[0] * shape[1];
    let session = Session::new(working, options);
    let host = session.handle();
    let op = |op: Op, inputs: &[Node], scalars: &[f64], integers: &[u64]| {
        host.record(op, inputs, scalars, integers).unwrap()
    };
    let input = |seed: u32| {
        let data = elements(len, seed);
        session.input(&shape, Arc::new(Memory::new("x", data)))
    };
    let base = input(1);
    let (mut models, mut rescaled) = (Vec::new(), Vec::new());
    for (model, abs) in [(2, true), (3, false)] {
        let delta = op(Op::Sub, &[input(model), base], &[], &[]);
        let mask = op(
            Op::RankedKeepMask,
            &[delta],
            &[0.2, 0.9],
            &[u64::from(model)],
        );
        let survivors = op(Op::Mul, &[mask, delta], &[], &[]);
        let sums = [delta, survivors].map(|of| {
            let of = match abs {
                true => op(Op::Abs, &[of], &[], &[]),
                false => of,
            };
            op(Op::Sum, &[of], &[], &[])
        });
        let scale = op(Op::Div, &sums, &[], &[]);
        rescaled.push(op(Op::Mul, &[survivors, scale], &[], &[]));
        models.push((delta, mask, sums, abs));
    }
    // The masks of both are drawn together.
    let merged = op(Op::AddN, &rescaled, &[], &[]);
    session.read(merged).unwrap();
    for (delta, mask, [before, after], abs) in models {
        let (delta, mask) = (session.read(delta).unwrap(), session.read(mask).unwrap());
        assert!(mask.contains(&0.0) && mask.contains(&1.0));
        let size = |x: f32| if abs { x.abs() } else { x };
        let survivors = delta.iter().zip(&mask).map(|(&x, &m)| size(x * m));
        let expected = [sum(delta.iter().map(|&x| size(x))), sum(survivors)];
        for (node, expected) in [before, after].into_iter().zip(expected) {
            let got = session.number(node).unwrap();
            let expected = working.round_scalar(expected);
            assert_eq!(
                got.to_bits(),
                expected.to_bits(),
                "{shape:?}, {working}, magnitudes: {abs}: {got} and {expected}"
            );
        }
    }
}

/// Rows that share no block, that end inside blocks, that no lanes start with, and one alone.
const SHAPES: [[usize; 2]; 9] = [
    [70, 896],
    [37, 4864],
    [9, 4096],
    [5, 12288],
    [130, 48],
    [300, 80],
    [300, 21],
    [3, 20_000],
    [1, 9001],
];

#[test]
fn sums_are_those_of_a_pass_for_any_rows_and_tiles() {
    for shape in SHAPES {
        for (working, tile) in [(Working::F32, 48), (Working::Bf16, 4096)] {
            let options = Options {
                tile,
                ..Options::default()
            };
            check(shape, working, options);
        }
    }
}

#[test]
fn sums_do_not_depend_on_threads_and_memory() {
    for (threads, memory) in [(1, 1 << 30), (4, 1 << 30), (3, 0)] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let options = Options {
            memory,
            ..Options::default()
        };
        for shape in [[70, 896], [37, 4864]] {
            pool.install(|| check(shape, Working::F32, options.clone()));
        }
    }
}
