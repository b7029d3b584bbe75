//! Every operation, alone and in random graphs.

use super::{Pair, devices, noise};
use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use proptest::prelude::*;

const ODD: &[f32] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    f32::MIN_POSITIVE,
    6.0e4,
    7.0e4,
    -3.3e38,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    0.300_000_1,
];

#[test]
fn elementwise_operations_agree_on_odd_values() {
    for device in devices() {
        // What becomes of NaN and infinity is left open by Vulkan.
        let strict = !device.name().starts_with("vulkan");
        let odd: Vec<f32> = ODD
            .iter()
            .copied()
            .filter(|x| strict || x.abs() < 1e38)
            .collect();
        for &working in Working::ALL {
            if working == Working::F16 && !strict {
                // Overflows to infinity.
                continue;
            }
            let mut pair = Pair::new(device, working);
            let pairs = odd.iter().flat_map(|&a| odd.iter().map(move |&b| (a, b)));
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.unzip();
            let shape = [odd.len(), odd.len()];
            let mut c = b.clone();
            c.rotate_left(7);
            let a = pair.input(&shape, a);
            let b = pair.input(&shape, b);
            let c = pair.input(&shape, c);
            let number = pair.record(Op::Constant, &[], &[0.1], &[]).unwrap();
            let zero = pair.input(&[], vec![0.0]);
            for &op in Op::ALL.iter().filter(|&&op| (op as u16) < Op::Sum as u16) {
                let infinite = matches!(op, Op::Div | Op::Sqrt | Op::Exp | Op::Ln);
                if infinite && !strict {
                    continue;
                }
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
                    pair.record(op, inputs, &[], &[]);
                }
            }
        }
    }
}

/// Inputs, scalars and integers for an operation on `a` and `b` of shape [5, 261], a matrix of
/// shape [261, 5], and vectors of 5 and of 261.
type Case = (&'static [usize], &'static [f64], &'static [u64]);

const A: usize = 0;
const B: usize = 1;
const TALL: usize = 2;
const FIVE: usize = 3;
const LONG: usize = 4;
const SHARES: usize = 5;

fn cases(op: Op) -> Vec<Case> {
    match op {
        Op::Constant => vec![(&[], &[0.1], &[])],
        Op::Select => vec![(&[A, B, A], &[], &[])],
        Op::AddN => vec![(&[A], &[], &[]), (&[A, B, A], &[], &[])],
        Op::Sum | Op::Max | Op::Min | Op::RowSum | Op::RowMax | Op::ColumnSum | Op::RowRank => {
            vec![(&[A], &[], &[]), (&[TALL], &[], &[]), (&[LONG], &[], &[])]
        }
        Op::Dot | Op::RowDot | Op::ColumnDot => {
            vec![(&[A, B], &[], &[]), (&[TALL, TALL], &[], &[])]
        }
        Op::KthLargestMagnitude => vec![(&[A], &[], &[1]), (&[A], &[], &[700])],
        Op::TopKMask => vec![(&[A], &[], &[0]), (&[A], &[], &[700]), (&[A], &[], &[1305])],
        Op::TopShareMask => vec![
            (&[A], &[0.0], &[]),
            (&[A], &[0.3], &[]),
            (&[A], &[1.0], &[]),
        ],
        Op::KeepMask => vec![(&[A], &[0.3], &[77]), (&[LONG], &[1.0], &[7])],
        Op::KeepMaskBy => vec![(&[SHARES], &[], &[77])],
        Op::RankedKeepMask => vec![(&[A], &[0.1, 0.9], &[77])],
        Op::SpreadRows => vec![(&[FIVE], &[], &[5, 7]), (&[FIVE], &[], &[5, 2, 3])],
        Op::SpreadColumns => vec![(&[LONG], &[], &[4, 261])],
        Op::MatMul => vec![
            (&[A, TALL], &[], &[0, 0]),
            (&[A, B], &[], &[0, 1]),
            (&[A, B], &[], &[1, 0]),
            (&[TALL, A], &[], &[1, 1]),
        ],
        Op::Reshape => vec![(&[A], &[], &[9, 29, 5])],
        Op::Concat => vec![(&[A, B, A], &[], &[0]), (&[A, B], &[], &[1])],
        Op::Narrow => vec![(&[A], &[], &[0, 1, 3]), (&[A], &[], &[1, 100, 37])],
        Op::Transpose | Op::SvdU | Op::SvdS | Op::SvdV | Op::QrQ | Op::QrR => {
            vec![(&[A], &[], &[]), (&[TALL], &[], &[])]
        }
        _ if (op as u16) < Op::Add as u16 => vec![(&[A], &[], &[])],
        _ => vec![(&[A, B], &[], &[])],
    }
}

#[test]
fn every_operation_agrees() {
    for device in devices() {
        for &working in Working::ALL {
            for &op in Op::ALL {
                let mut pair = Pair::new(device, working);
                pair.input(&[5, 261], noise(1, 1305));
                // Many equal magnitudes.
                let coarse = noise(2, 1305)
                    .iter()
                    .map(|x| (x * 8.0).round() / 8.0)
                    .collect();
                pair.input(&[5, 261], coarse);
                pair.input(&[261, 5], noise(3, 1305));
                pair.input(&[5], noise(4, 5));
                pair.input(&[261], noise(5, 261));
                pair.input(
                    &[261],
                    noise(6, 261).iter().map(|x| x * 1.2 + 0.5).collect(),
                );
                for (inputs, scalars, integers) in cases(op) {
                    let node = pair.record(op, inputs, scalars, integers);
                    assert!(node.is_some(), "{op:?} refuses its own case");
                }
            }
        }
    }
}

#[test]
fn tensors_without_elements_and_numbers_agree() {
    for device in devices() {
        for &working in Working::ALL {
            for shape in [&[][..], &[0], &[3, 0], &[1], &[7], &[3, 5]] {
                let length = shape.iter().product();
                let mut pair = Pair::new(device, working);
                let x = pair.input(shape, (0..length).map(|i| i as f32 * -0.3).collect());
                for &op in Op::ALL {
                    // A decomposition of the empty matrix is none of an evaluator's concerns.
                    if (op as u16) < Op::MatMul as u16 || !shape.contains(&0) {
                        pair.record(op, &[x], &[], &[]);
                        pair.record(op, &[x], &[0.5], &[1]);
                        pair.record(op, &[x, x], &[], &[]);
                        pair.record(op, &[x, x], &[], &[0]);
                    }
                }
            }
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

/// Operations that give the same bits on every device, so that errors do not add up.
fn choice() -> impl Strategy<Value = Choice> {
    let ops: Vec<Op> = Op::ALL
        .iter()
        .copied()
        .filter(|op| {
            let inexact = matches!(
                op,
                Op::Exp | Op::Ln | Op::Sin | Op::Cos | Op::Acos | Op::Div | Op::Sqrt
            );
            let sums = matches!(
                op,
                Op::Sum
                    | Op::Dot
                    | Op::RowSum
                    | Op::RowDot
                    | Op::ColumnSum
                    | Op::ColumnDot
                    | Op::MatMul
            );
            !inexact && !sums && (*op as u16) < Op::SvdU as u16
        })
        .collect();
    (
        proptest::sample::select(ops),
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_graphs_agree(
        working in proptest::sample::select(Working::ALL),
        shape in proptest::sample::select(vec![vec![1], vec![7], vec![3, 5], vec![2, 20, 2]]),
        data in proptest::collection::vec(-8i8..8, 240),
        choices in proptest::collection::vec(choice(), 1..30),
    ) {
        for device in devices() {
            let mut pair = Pair::new(device, working);
            let len: usize = shape.iter().product();
            for i in 0..3 {
                // Numbers with few bits: sums, products and ties of many kinds, and never so
                // small or so large that Vulkan may do as it likes.
                let data = &data[i * 80..i * 80 + len];
                pair.input(&shape, data.iter().map(|&x| f32::from(x) / 4.0).collect());
            }
            let mut nodes = vec![0, 1, 2];
            for Choice { op, inputs, scalar, integer } in &choices {
                let count = match op {
                    Op::Constant => 0,
                    Op::Select => 3,
                    Op::AddN | Op::Concat => 1 + *integer as usize % 3,
                    _ if (30..50).contains(&(*op as u16)) => 2,
                    _ => 1,
                };
                let inputs: Vec<usize> =
                    inputs[..count].iter().map(|i| nodes[i % nodes.len()]).collect();
                let share = scalar.abs() / 2.0;
                let first = inputs.first().map(|&i| pair.value(i).len()).unwrap_or(0) as u64;
                let (scalars, integers): (Vec<f64>, Vec<u64>) = match op {
                    Op::Constant => (vec![*scalar], vec![]),
                    Op::KeepMask => (vec![share], vec![*integer]),
                    Op::KeepMaskBy => (vec![], vec![*integer]),
                    Op::RankedKeepMask => (vec![0.2, share], vec![*integer]),
                    Op::TopShareMask => (vec![share], vec![]),
                    Op::KthLargestMagnitude | Op::TopKMask => (vec![], vec![integer % (first + 1)]),
                    Op::SpreadRows | Op::SpreadColumns => (vec![], vec![first, first]),
                    Op::Reshape => (vec![], vec![first]),
                    Op::Concat => (vec![], vec![integer % 2]),
                    Op::Narrow => (vec![], vec![0, 0, 1]),
                    _ => (vec![], vec![]),
                };
                let Some(node) = pair.push(*op, &inputs, &scalars, &integers) else {
                    continue;
                };
                let size = pair.value(node).iter().fold(0.0f32, |m, x| m.max(x.abs()));
                let few = pair.value(node).len() < 2000;
                if few && size < 1e4 {
                    nodes.push(node);
                }
            }
            // The whole graph at once, and then every node.
            for &node in nodes.iter().rev() {
                pair.check(node, Op::Constant, super::Agreement::Same);
            }
        }
    }
}
