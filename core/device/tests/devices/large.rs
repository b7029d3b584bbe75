//! Tensors that are large enough for counting magnitudes and adding blocks.

use super::{Agreement, assert_agrees, devices, noise, options};
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;
use mergelab_tensor::{Memory, Options, Session};
use std::sync::Arc;

/// More than what is ranked on the processor, and a part of a block.
const LENGTH: usize = 150_001;

/// Records in a session of the CPU's engine and in one of each device, and compares.
fn compare(data: &[f32], working: Working, record: impl Fn(&Session, Node) -> Vec<(Node, f64)>) {
    let run = |options: Options| {
        let session = Session::new(working, options);
        let x = session.input(&[data.len()], Arc::new(Memory::new("x", data.to_vec())));
        let nodes = record(&session, x);
        (session, nodes)
    };
    let (cpu, wanted) = run(Options::default());
    for device in devices() {
        let (session, nodes) = run(options(device));
        for ((node, error), (wanted, _)) in nodes.into_iter().zip(&wanted) {
            let (got, want) = (session.read(node).unwrap(), cpu.read(*wanted).unwrap());
            let agreement = match error {
                0.0 => Agreement::Same,
                error => Agreement::Within(error),
            };
            let what = format!("node {node}");
            assert_agrees(&got, &want, agreement, working, device, &what);
        }
    }
}

fn ranks(data: &[f32]) {
    let n = data.len() as u64;
    compare(data, Working::F32, |session, x| {
        let host = session.handle();
        let mut nodes = Vec::new();
        for k in [1, 2, n / 5, n / 2, n - 1, n] {
            for op in [Op::KthLargestMagnitude, Op::TopKMask] {
                nodes.push((host.record(op, &[x], &[], &[k]).unwrap(), 0.0));
            }
        }
        let share = host.record(Op::TopShareMask, &[x], &[0.3], &[]);
        nodes.push((share.unwrap(), 0.0));
        nodes
    });
}

#[test]
fn magnitudes_are_ranked_exactly() {
    ranks(&noise(7, LENGTH));
}

#[test]
fn the_first_of_equal_magnitudes_are_kept() {
    for values in [1.0, 3.0, 50.0] {
        let coarse = |x: &f32| (x * values).round() / values;
        ranks(&noise(8, LENGTH).iter().map(coarse).collect::<Vec<_>>());
    }
    let mut one = vec![0.0; LENGTH];
    one[LENGTH - 1] = -1.0;
    ranks(&one);
}

#[test]
fn nan_ranks_above_infinity() {
    let mut data = noise(9, LENGTH);
    data[7] = f32::INFINITY;
    data[100_000] = f32::NAN;
    compare(&data, Working::F32, |session, x| {
        let mask = |k| session.handle().record(Op::TopKMask, &[x], &[], &[k]);
        vec![(mask(1).unwrap(), 0.0), (mask(2).unwrap(), 0.0)]
    });
}

#[test]
fn sums_are_near_the_exact_ones() {
    let data: Vec<f32> = noise(10, LENGTH).iter().map(|x| x + 0.25).collect();
    let size: f64 = data.iter().map(|x| f64::from(x.abs())).sum();
    for &working in Working::ALL {
        compare(&data, working, |session, x| {
            let record = |op, inputs: &[Node]| session.handle().record(op, inputs, &[], &[]);
            let bound = size * 2f64.powi(-16);
            vec![
                (record(Op::Sum, &[x]).unwrap(), bound),
                (record(Op::Dot, &[x, x]).unwrap(), bound * 0.75),
                (record(Op::Max, &[x]).unwrap(), 0.0),
                (record(Op::Min, &[x]).unwrap(), 0.0),
            ]
        });
    }
}

/// In f32 the squares are infinite, in f64 they are not.
#[test]
fn sums_beyond_f32_are_computed_in_f64() {
    for device in devices() {
        let session = Session::new(Working::F32, options(device));
        let x = Arc::new(Memory::new("x", vec![1e30; 300]));
        let x = session.input(&[300], x);
        let squares = session.handle().record(Op::Dot, &[x, x], &[], &[]).unwrap();
        let got = session.number(squares).unwrap();
        let want = 300.0 * f64::from(1e30f32).powi(2);
        assert!((got / want - 1.0).abs() < 1e-12, "{got:e}, not {want:e}");
    }
}

#[test]
fn products_of_long_rows_are_near_the_exact_ones() {
    let (rows, places) = (8, 1500);
    let data = noise(11, rows * places);
    // Of each element: magnitudes of 1500 products, each at most 1/4.
    let bound = (places as f64 + 4.0) * 2f64.powi(-22) * places as f64 / 4.0;
    compare(&data, Working::F32, |session, x| {
        let host = session.handle();
        let shape = [rows as u64, places as u64];
        let a = host.record(Op::Reshape, &[x], &[], &shape).unwrap();
        let gram = host.record(Op::MatMul, &[a, a], &[], &[0, 1]).unwrap();
        let sums = host.record(Op::ColumnDot, &[a, a], &[], &[]).unwrap();
        vec![(gram, bound), (sums, 2f64.powi(-16) * rows as f64 / 4.0)]
    });
}
