//! Results have the same bits for any tile size, any number of threads and any memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;
use mergelab_tensor::{BLOCK, Memory, Options, Session};
use std::sync::Arc;

/// Several chunks, the last one ending inside a block and no multiple of 16.
const LEN: usize = 3 * 16 * BLOCK + 2 * BLOCK + 777;

/// Bytes in which everything fits.
const PLENTY: u64 = 1 << 30;

fn noise(seed: u32, coarse: bool) -> Vec<f32> {
    (0..LEN as u32)
        .map(|i| {
            let x = (i ^ seed.rotate_left(11)).wrapping_mul(0x85EB_CA6B);
            let x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
            // A coarse grid has many equal magnitudes.
            let x = if coarse { x >> 28 << 20 } else { x >> 8 };
            x as f32 / 16_777_216.0 - 0.5
        })
        .collect()
}

/// A merge with every kind of pass: thresholds, masks with ties, random masks, sums.
fn merge(working: Working, tile: usize, memory: u64) -> Vec<Vec<u32>> {
    let options = Options {
        tile,
        memory,
        ..Options::default()
    };
    let session = Session::new(working, options);
    let host = session.handle();
    let op = |op: Op, inputs: &[Node], scalars: &[f64], integers: &[u64]| {
        host.record(op, inputs, scalars, integers).unwrap()
    };
    let mut results = Vec::new();
    let base = session.input(&[LEN], Arc::new(Memory::new("base", noise(1, false))));
    let mut trimmed = Vec::new();
    for model in 2..5 {
        let data = noise(model, model == 3);
        let x = session.input(&[LEN], Arc::new(Memory::new("x", data)));
        let delta = if model == 3 {
            x
        } else {
            op(Op::Sub, &[x, base], &[], &[])
        };
        let mask = op(Op::TopKMask, &[delta], &[], &[LEN as u64 / 5]);
        let kept = op(Op::Mul, &[delta, mask], &[], &[]);
        let random = op(Op::KeepMask, &[delta], &[0.7], &[u64::from(model)]);
        let kept = op(Op::Mul, &[kept, random], &[], &[]);
        let before = op(Op::Dot, &[delta, delta], &[], &[]);
        let after = op(Op::Dot, &[kept, kept], &[], &[]);
        let scale = op(Op::Div, &[before, after], &[], &[]);
        trimmed.push(op(Op::Mul, &[kept, scale], &[], &[]));
    }
    let sum = op(Op::AddN, &trimmed, &[], &[]);
    results.push(op(Op::Add, &[base, sum], &[], &[]));
    results.push(op(Op::Sum, &[sum], &[], &[]));
    results.push(op(Op::Max, &[sum], &[], &[]));
    results.push(op(Op::Min, &[trimmed[1]], &[], &[]));
    results.push(op(Op::KthLargestMagnitude, &[sum], &[], &[1000]));
    results
        .into_iter()
        .map(|node| {
            let values = session.read(node).unwrap();
            values.into_iter().map(f32::to_bits).collect()
        })
        .collect()
}

#[test]
fn tiles_and_threads_do_not_change_a_bit() {
    for working in [Working::F32, Working::Bf16] {
        let expected = merge(working, 4096, PLENTY);
        for threads in [1, 2, 4] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            for tile in [16, 1000, 4096] {
                let got = pool.install(|| merge(working, tile, PLENTY));
                assert!(got == expected, "{working}, {threads} threads, tile {tile}");
            }
        }
    }
}

/// Rows that end inside blocks, and chunks that end inside rows.
const ROWS: [usize; 2] = [97, 2119];

/// Everything that goes by rows, columns, or the matrix as a whole.
fn merge_rows(working: Working, tile: usize, memory: u64) -> Vec<Vec<u32>> {
    let options = Options {
        tile,
        memory,
        ..Options::default()
    };
    let session = Session::new(working, options);
    let host = session.handle();
    let op = |op: Op, inputs: &[Node], scalars: &[f64], integers: &[u64]| {
        host.record(op, inputs, scalars, integers).unwrap()
    };
    let like = ROWS.map(|n| n as u64);
    let matrix = |seed: u32, coarse: bool| {
        let mut data = noise(seed, coarse);
        data.truncate(ROWS[0] * ROWS[1]);
        session.input(&ROWS, Arc::new(Memory::new("x", data)))
    };
    let (a, b) = (matrix(1, false), matrix(3, true));
    let delta = op(Op::Sub, &[a, b], &[], &[]);
    let mut results = Vec::new();
    for x in [b, delta] {
        results.push(op(Op::RowMax, &[x], &[], &[]));
        results.push(op(Op::ColumnSum, &[x], &[], &[]));
        let length = op(Op::RowDot, &[x, a], &[], &[]);
        let spread = op(Op::SpreadRows, &[length], &[], &like);
        let scaled = op(Op::Mul, &[x, spread], &[], &[]);
        let columns = op(Op::ColumnDot, &[scaled, a], &[], &[]);
        let spread = op(Op::SpreadColumns, &[columns], &[], &like);
        results.push(op(Op::Add, &[scaled, spread], &[], &[]));
        let rank = op(Op::RowRank, &[scaled], &[], &[]);
        results.push(op(Op::KeepMaskBy, &[rank], &[], &[4]));
        results.push(op(Op::RankedKeepMask, &[x], &[0.3, 0.6], &[9]));
        results.push(op(Op::TopShareMask, &[x], &[0.3], &[]));
        let product = op(Op::MatMul, &[scaled, a], &[], &[0, 1]);
        results.push(product);
        let part = op(Op::Narrow, &[product], &[], &[0, 3, 20]);
        results.push(op(Op::SvdV, &[part], &[], &[]));
        results.push(op(Op::QrR, &[part], &[], &[]));
        let kept = op(Op::Materialize, &[rank], &[], &[]);
        results.push(op(Op::Sum, &[kept], &[], &[]));
        // Ranks among what ranks have left, in rows of another length, as DELLA rescales.
        let mask = op(Op::RankedKeepMask, &[x], &[0.2, 0.9], &[2]);
        let survivors = op(Op::Mul, &[x, mask], &[], &[]);
        let flat = op(
            Op::Reshape,
            &[survivors],
            &[],
            &[like[0] * 13, like[1] / 13],
        );
        let again = op(Op::RankedKeepMask, &[flat], &[0.5, 0.7], &[3]);
        let survivors = op(Op::Mul, &[flat, again], &[], &[]);
        let (before, after) = (
            op(Op::Abs, &[x], &[], &[]),
            op(Op::Abs, &[survivors], &[], &[]),
        );
        let before = op(Op::Sum, &[before], &[], &[]);
        let after = op(Op::Sum, &[after], &[], &[]);
        let scale = op(Op::Div, &[before, after], &[], &[]);
        results.push(op(Op::Mul, &[survivors, scale], &[], &[]));
        results.push(op(Op::ColumnSum, &[survivors], &[], &[]));
        results.push(op(Op::RowMax, &[survivors], &[], &[]));
        let largest = op(Op::TopKMask, &[survivors], &[], &[5000]);
        let ranks = op(Op::RowRank, &[largest], &[], &[]);
        let kept = op(Op::Materialize, &[ranks], &[], &[]);
        results.push(op(Op::Transpose, &[kept], &[], &[]));
        results.push(op(Op::KthLargestMagnitude, &[kept], &[], &[70_000]));
    }
    results
        .into_iter()
        .map(|node| {
            let values = session.read(node).unwrap();
            values.into_iter().map(f32::to_bits).collect()
        })
        .collect()
}

#[test]
fn rows_and_matrices_do_not_depend_on_tiles_and_threads() {
    let expected = merge_rows(Working::F32, 4096, PLENTY);
    for (threads, tile) in [(1, 16), (2, 1000), (4, 48)] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let got = pool.install(|| merge_rows(Working::F32, tile, PLENTY));
        for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert!(
                got == expected,
                "result {index}, {threads} threads, tile {tile}"
            );
        }
    }
}

#[test]
fn memory_does_not_change_a_bit() {
    for working in [Working::F32, Working::Bf16] {
        let expected = (
            merge(working, 1000, PLENTY),
            merge_rows(working, 1000, PLENTY),
        );
        for memory in [1 << 22, 1 << 20, 1 << 16, 0] {
            let got = (
                merge(working, 1000, memory),
                merge_rows(working, 1000, memory),
            );
            assert!(got.0 == expected.0, "{working}, {memory} bytes");
            for (index, (got, expected)) in got.1.iter().zip(&expected.1).enumerate() {
                assert!(got == expected, "{working}, result {index}, {memory} bytes");
            }
        }
    }
}

#[test]
fn a_row_that_does_not_fit_is_refused() {
    let row = 1 << 19;
    let ranked = |memory: u64| {
        let options = Options {
            memory,
            ..Options::default()
        };
        let session = Session::new(Working::F32, options);
        let x = session.input(&[row], Arc::new(Memory::new("x", vec![1.0; row])));
        let host = session.handle();
        let mask = host.record(Op::RankedKeepMask, &[x], &[0.2, 0.9], &[2]);
        session.read(mask.unwrap())
    };
    let error = ranked(1 << 20).unwrap_err().to_string();
    assert_eq!(
        error,
        "`ranked_keep_mask` ranks rows of 524288 elements, for which an evaluation must be given \
         39845888 bytes of memory; it has 1048576"
    );
    assert_eq!(ranked(39_845_888).unwrap(), ranked(1 << 30).unwrap());
}

#[test]
fn every_element_reaches_the_sink_once() {
    let session = Session::new(Working::F32, Options::default());
    let data = noise(5, false);
    let x = session.input(&[LEN], Arc::new(Memory::new("x", data.clone())));
    let seen = std::sync::Mutex::new(vec![0u8; LEN]);
    session
        .evaluate(x, &|offset: usize, tile: &[f32]| {
            let mut seen = seen.lock().unwrap();
            for (i, &value) in tile.iter().enumerate() {
                assert_eq!(value, data[offset + i]);
                seen[offset + i] += 1;
            }
            Ok(())
        })
        .unwrap();
    assert!(seen.into_inner().unwrap().iter().all(|&count| count == 1));
}
