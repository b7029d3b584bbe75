//! Time of operations on rows and matrices, from memory to memory.
//!
//! `MERGELAB_BENCH_ROWS` and `MERGELAB_BENCH_ROW` set the shape; 1024 rows of 896 are the
//! default. The time per element is the inverse of criterion's throughput: 250 Melem/s are 4 ns
//! per element.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::{Working, round_bf16};
use mergelab_tensor::{Memory, Options, Session};
use std::hint::black_box;
use std::sync::Arc;

fn size(variable: &str, default: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Roughly normal changes with a standard deviation of 0.001.
fn changes(elements: usize) -> Vec<f32> {
    (0..elements as u32)
        .map(|i| {
            let mut x = i;
            let mut sum = 0.0;
            for _ in 0..4 {
                x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
                x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
                sum += (x >> 8) as f32 / 16_777_216.0 - 0.5;
            }
            sum * 0.0017
        })
        .collect()
}

/// The same between weights that are stored in bf16: few different values, many of them zero.
fn changes_in_bf16(elements: usize) -> Vec<f32> {
    let base = |i: usize| round_bf16(((i * 7919) % 4096) as f32 / 1e5 - 0.02);
    changes(elements)
        .into_iter()
        .enumerate()
        .map(|(i, x)| round_bf16(base(i) + x * 0.1) - base(i))
        .collect()
}

fn rows(c: &mut Criterion) {
    let shape = [
        size("MERGELAB_BENCH_ROWS", 1024),
        size("MERGELAB_BENCH_ROW", 896),
    ];
    let elements: usize = shape.iter().product();
    let mut group = c.benchmark_group("rows");
    group.sample_size(10);
    group.throughput(Throughput::Elements(elements as u64));
    let discard = |_: usize, tile: &[f32]| {
        black_box(tile);
        Ok(())
    };
    let inputs = [
        ("normal", Arc::new(Memory::new("x", changes(elements)))),
        (
            "bf16",
            Arc::new(Memory::new("x", changes_in_bf16(elements))),
        ),
    ];
    type Record<'a> = &'a dyn Fn(Node) -> (Op, Vec<Node>, &'a [f64], &'a [u64]);
    let cases: [(&str, Record<'_>); 8] = [
        ("copy", &|x| (Op::Neg, vec![x], &[], &[])),
        ("row_rank", &|x| (Op::RowRank, vec![x], &[], &[])),
        ("ranked_keep_mask", &|x| {
            (Op::RankedKeepMask, vec![x], &[0.4, 0.6], &[7])
        }),
        ("top_share_mask", &|x| {
            (Op::TopShareMask, vec![x], &[0.2], &[])
        }),
        ("row_dot", &|x| (Op::RowDot, vec![x, x], &[], &[])),
        ("column_dot", &|x| (Op::ColumnDot, vec![x, x], &[], &[])),
        ("mat_mul", &|x| (Op::MatMul, vec![x, x], &[], &[1, 0])),
        ("svd_s", &|x| (Op::SvdS, vec![x], &[], &[])),
    ];
    for (input, memory) in &inputs {
        for (name, record) in &cases {
            group.bench_function(BenchmarkId::new(*name, input), |b| {
                b.iter(|| {
                    // A session remembers results, so each round has its own.
                    let session = Session::new(Working::F32, Options::default());
                    let x = session.input(&shape, memory.clone());
                    let (op, inputs, scalars, integers) = record(x);
                    let node = session
                        .handle()
                        .record(op, &inputs, scalars, integers)
                        .expect("the benchmark records operations that fit");
                    session.evaluate(node, &discard)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
