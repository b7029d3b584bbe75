use super::*;

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

/// Evaluates one operation on tensors of shape `[n]`.
fn run(working: Working, op: Op, inputs: &[&[f32]], scalars: &[f64], integers: &[u64]) -> Vec<f32> {
    let host = ReferenceHost::new(working);
    let nodes: Vec<Node> = inputs
        .iter()
        .map(|data| host.input(&[data.len()], data.to_vec()))
        .collect();
    let node = host.record(op, &nodes, scalars, integers).unwrap();
    host.value(node).unwrap()
}

fn f32s(op: Op, inputs: &[&[f32]]) -> Vec<f32> {
    run(Working::F32, op, inputs, &[], &[])
}

/// Same bits, where any NaN equals any other.
fn assert_bits(got: &[f32], want: &[f32]) {
    let bits = |x: &f32| if x.is_nan() { NAN } else { *x }.to_bits();
    assert_eq!(
        got.iter().map(bits).collect::<Vec<_>>(),
        want.iter().map(bits).collect::<Vec<_>>(),
        "{got:?}, not {want:?}"
    );
}

#[test]
fn one_input() {
    let x: &[f32] = &[-2.0, -0.0, 0.0, 0.25, INF, NAN];
    assert_bits(&f32s(Op::Stored, &[x]), x);
    assert_bits(&f32s(Op::Neg, &[x]), &[2.0, 0.0, -0.0, -0.25, -INF, NAN]);
    assert_bits(&f32s(Op::Abs, &[x]), &[2.0, 0.0, 0.0, 0.25, INF, NAN]);
    assert_bits(&f32s(Op::Sign, &[x]), &[-1.0, 0.0, 0.0, 1.0, 1.0, NAN]);
    assert_bits(&f32s(Op::Sqrt, &[x]), &[NAN, -0.0, 0.0, 0.5, INF, NAN]);
    assert_bits(&f32s(Op::Exp, &[&[0.0, -INF, INF]]), &[1.0, 0.0, INF]);
    assert_bits(&f32s(Op::Ln, &[&[1.0, 0.0, -1.0]]), &[0.0, -INF, NAN]);
    assert_bits(&f32s(Op::Sin, &[&[0.0, INF]]), &[0.0, NAN]);
    assert_bits(&f32s(Op::Cos, &[&[0.0, NAN]]), &[1.0, NAN]);
    let pi = std::f32::consts::PI;
    assert_bits(
        &f32s(Op::Acos, &[&[1.0, 1.5, -1.5, NAN]]),
        &[0.0, 0.0, pi, NAN],
    );
}

#[test]
fn two_inputs() {
    let a: &[f32] = &[1.0, -3.0, 0.0, NAN, 1.0];
    let b: &[f32] = &[2.0, -3.0, -0.0, 1.0, NAN];
    assert_bits(&f32s(Op::Add, &[a, b]), &[3.0, -6.0, 0.0, NAN, NAN]);
    assert_bits(&f32s(Op::Sub, &[a, b]), &[-1.0, 0.0, 0.0, NAN, NAN]);
    assert_bits(&f32s(Op::Mul, &[a, b]), &[2.0, 9.0, -0.0, NAN, NAN]);
    assert_bits(&f32s(Op::Div, &[a, b]), &[0.5, 1.0, NAN, NAN, NAN]);
    assert_bits(&f32s(Op::Minimum, &[a, b]), &[1.0, -3.0, -0.0, NAN, NAN]);
    assert_bits(&f32s(Op::Maximum, &[a, b]), &[2.0, -3.0, -0.0, NAN, NAN]);
    assert_bits(&f32s(Op::Eq, &[a, b]), &[0.0, 1.0, 1.0, 0.0, 0.0]);
    assert_bits(&f32s(Op::Ne, &[a, b]), &[1.0, 0.0, 0.0, 1.0, 1.0]);
    assert_bits(&f32s(Op::Lt, &[a, b]), &[1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_bits(&f32s(Op::Le, &[a, b]), &[1.0, 1.0, 1.0, 0.0, 0.0]);
    assert_bits(&f32s(Op::Gt, &[b, a]), &[1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_bits(&f32s(Op::Ge, &[b, a]), &[1.0, 1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn select_and_add_n() {
    let condition: &[f32] = &[0.0, -0.0, 0.5, NAN];
    let (b, c): (&[f32], &[f32]) = (&[1.0; 4], &[2.0; 4]);
    assert_bits(&f32s(Op::Select, &[condition, b, c]), &[2.0, 2.0, 1.0, 1.0]);
    assert_bits(&f32s(Op::AddN, &[b, c, condition]), &[3.0, 3.0, 3.5, NAN]);
    // Added in order: the small number is lost between the large ones.
    let sum = f32s(Op::AddN, &[&[1e30], &[1.0], &[-1e30]]);
    assert_bits(&sum, &[0.0]);
}

#[test]
fn reductions() {
    let x: &[f32] = &[3.0, -4.0, 0.5];
    assert_bits(&f32s(Op::Sum, &[x]), &[-0.5]);
    assert_bits(&f32s(Op::Dot, &[x, x]), &[25.25]);
    assert_bits(&f32s(Op::Max, &[x]), &[3.0]);
    assert_bits(&f32s(Op::Min, &[x]), &[-4.0]);
    assert_bits(&f32s(Op::Max, &[&[1.0, NAN, 2.0]]), &[NAN]);
    assert_bits(&f32s(Op::Min, &[&[1.0, NAN, 2.0]]), &[NAN]);
    assert_bits(&f32s(Op::Sum, &[&[]]), &[0.0]);
    assert_bits(&f32s(Op::Max, &[&[]]), &[-INF]);
    assert_bits(&f32s(Op::Min, &[&[]]), &[INF]);
    assert_bits(&f32s(Op::Max, &[&[0.0, -0.0]]), &[0.0]);
    assert_bits(&f32s(Op::Min, &[&[0.0, -0.0]]), &[0.0]);
    // In f32 the ones would be lost.
    assert_bits(&f32s(Op::Sum, &[&[1e10, 1.0, 1.0, -1e10]]), &[2.0]);
}

#[test]
fn order_statistics() {
    let x: &[f32] = &[1.0, -3.0, 2.0, 3.0, -2.0, 0.0];
    for (k, want) in [3.0, 3.0, 2.0, 2.0, 1.0, 0.0].into_iter().enumerate() {
        let got = run(
            Working::F32,
            Op::KthLargestMagnitude,
            &[x],
            &[],
            &[k as u64 + 1],
        );
        assert_bits(&got, &[want]);
    }
    let mask = |k| run(Working::F32, Op::TopKMask, &[x], &[], &[k]);
    assert_bits(&mask(0), &[0.0; 6]);
    assert_bits(&mask(1), &[0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_bits(&mask(3), &[0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    assert_bits(&mask(6), &[1.0; 6]);
    let odd: &[f32] = &[INF, NAN, -INF];
    assert_bits(
        &run(Working::F32, Op::TopKMask, &[odd], &[], &[2]),
        &[1.0, 1.0, 0.0],
    );
}

#[test]
fn keep_mask_follows_the_generator() {
    let x = [0.0; 9];
    let mask = run(Working::F32, Op::KeepMask, &[&x], &[0.5], &[42]);
    for (index, &kept) in mask.iter().enumerate() {
        assert_eq!(
            kept == 1.0,
            u64::from(random::word(42, index as u64)) < 1 << 31
        );
    }
    assert_bits(
        &run(Working::F32, Op::KeepMask, &[&x], &[1.0], &[42]),
        &[1.0; 9],
    );
    assert_bits(
        &run(Working::F32, Op::KeepMask, &[&x], &[0.0], &[42]),
        &[0.0; 9],
    );
}

#[test]
fn bf16_rounds_each_result_once() {
    let round = |x| Working::Bf16.round(x);
    let bf16s = |op, inputs: &[&[f32]]| run(Working::Bf16, op, inputs, &[], &[]);
    assert_bits(&bf16s(Op::Stored, &[&[0.3]]), &[round(0.3)]);
    let (a, b) = (round(0.3), round(0.7));
    assert_bits(&bf16s(Op::Mul, &[&[a], &[b]]), &[round(a * b)]);
    // Rounded after each addition, 1/256 would be lost twice.
    let tick = 1.0 / 256.0;
    assert_bits(
        &bf16s(Op::AddN, &[&[1.0], &[tick], &[tick]]),
        &[1.0 + 2.0 * tick],
    );
    assert_bits(&bf16s(Op::Sum, &[&[1.0, tick]]), &[1.0]);
    // Inputs are rounded when they enter.
    assert_bits(&bf16s(Op::Eq, &[&[0.3], &[round(0.3)]]), &[1.0]);
}

#[test]
fn scalars_hold_f64() {
    let host = ReferenceHost::new(Working::F32);
    let a = host.record(Op::Constant, &[], &[0.1], &[]).unwrap();
    let b = host.record(Op::Constant, &[], &[0.2], &[]).unwrap();
    let sum = host.record(Op::Add, &[a, b], &[], &[]).unwrap();
    assert_eq!(host.scalar(sum).unwrap(), 0.1 + 0.2);
    let stored = host.record(Op::Stored, &[a], &[], &[]).unwrap();
    assert_eq!(host.scalar(stored).unwrap(), f64::from(0.1f32));
    let x = host.input(&[1], vec![3.0]);
    let product = host.record(Op::Mul, &[x, sum], &[], &[]).unwrap();
    assert_bits(&host.value(product).unwrap(), &[3.0 * ((0.1 + 0.2) as f32)]);
    assert!(host.scalar(x).is_err());
}

#[test]
fn bf16_scalars_are_rounded_but_constants_are_not() {
    let host = ReferenceHost::new(Working::Bf16);
    let a = host.record(Op::Constant, &[], &[0.3], &[]).unwrap();
    assert_eq!(host.scalar(a).unwrap(), 0.3);
    let x = host.input(&[1], vec![1.0]);
    let below = host.record(Op::Lt, &[a, x], &[], &[]).unwrap();
    assert_bits(&host.value(below).unwrap(), &[1.0]);
    let stored = host.record(Op::Stored, &[a], &[], &[]).unwrap();
    assert_eq!(host.scalar(stored).unwrap(), 0.30078125);
    let sum = host.record(Op::Add, &[a, a], &[], &[]).unwrap();
    assert_eq!(
        host.scalar(sum).unwrap(),
        f64::from(Working::Bf16.round(0.6))
    );
}

#[test]
fn shapes_and_scalars_broadcast() {
    let host = ReferenceHost::new(Working::F32);
    let x = host.input(&[3, 5], vec![2.0; 15]);
    let s = host.input(&[], vec![0.5]);
    let product = host.record(Op::Mul, &[s, x], &[], &[]).unwrap();
    assert_eq!(host.shape(product).unwrap(), [3, 5]);
    assert_bits(&host.read(product).unwrap(), &[1.0; 15]);
    let mask = host.record(Op::TopKMask, &[s], &[], &[1]).unwrap();
    assert_eq!(host.scalar(mask).unwrap(), 1.0);
}

#[test]
fn errors_name_the_operation() {
    let host = ReferenceHost::new(Working::F32);
    let x = host.input(&[2], vec![0.0; 2]);
    let y = host.input(&[3], vec![0.0; 3]);
    for (op, inputs) in [(Op::Add, [x, y]), (Op::Dot, [x, y]), (Op::Mul, [x, 99])] {
        let error = host.record(op, &inputs, &[], &[]).unwrap_err();
        assert!(matches!(error, PluginError::Input { .. }));
        assert!(error.to_string().contains(op.name()), "{error}");
    }
    assert!(host.read(99).is_err());
    assert!(host.shape(99).is_err());
}

/// Evaluates one operation on tensors of these shapes.
fn shaped(
    op: Op,
    inputs: &[(&[usize], &[f32])],
    scalars: &[f64],
    integers: &[u64],
) -> (Vec<usize>, Vec<f32>) {
    let host = ReferenceHost::new(Working::F32);
    let nodes: Vec<Node> = inputs
        .iter()
        .map(|(shape, data)| host.input(shape, data.to_vec()))
        .collect();
    let node = host.record(op, &nodes, scalars, integers).unwrap();
    (host.shape(node).unwrap(), host.value(node).unwrap())
}

const TWO_ROWS: (&[usize], &[f32]) = (&[2, 3], &[1.0, -5.0, 3.0, 0.0, 2.0, -2.0]);

#[test]
fn rows_and_columns() {
    let of = |op, integers| shaped(op, &[TWO_ROWS], &[], integers).1;
    assert_eq!(of(Op::RowSum, &[]), [-1.0, 0.0]);
    assert_eq!(of(Op::RowMax, &[]), [3.0, 2.0]);
    assert_eq!(of(Op::ColumnSum, &[]), [1.0, -3.0, 1.0]);
    assert_eq!(of(Op::RowRank, &[]), [0.0, 1.0, 0.5, 0.0, 0.5, 1.0]);
    let squares = |op| shaped(op, &[TWO_ROWS, TWO_ROWS], &[], &[]).1;
    assert_eq!(squares(Op::RowDot), [35.0, 8.0]);
    assert_eq!(squares(Op::ColumnDot), [1.0, 29.0, 13.0]);
    let (shape, spread) = shaped(Op::SpreadRows, &[(&[2], &[7.0, 8.0])], &[], &[2, 3]);
    assert_eq!(
        (shape, spread),
        (vec![2, 3], vec![7.0, 7.0, 7.0, 8.0, 8.0, 8.0])
    );
    let columns = shaped(Op::SpreadColumns, &[(&[3], &[7.0, 8.0, 9.0])], &[], &[2, 3]).1;
    assert_eq!(columns, [7.0, 8.0, 9.0, 7.0, 8.0, 9.0]);
    assert_eq!(
        shaped(Op::RowRank, &[(&[2, 1], &[4.0, 5.0])], &[], &[]).1,
        [0.5, 0.5]
    );
}

#[test]
fn masks_by_share_and_by_place() {
    // Five entries are not zero; half of them, rounded down, are two.
    let mask = shaped(Op::TopShareMask, &[TWO_ROWS], &[0.5], &[]).1;
    assert_eq!(mask, [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    // Probability 0 for the smallest of a row and 1 for the largest: those two are certain.
    let mask = shaped(Op::RankedKeepMask, &[TWO_ROWS], &[0.0, 1.0], &[9]).1;
    assert_eq!([mask[0], mask[1], mask[3], mask[5]], [0.0, 1.0, 0.0, 1.0]);
    let by = shaped(Op::KeepMaskBy, &[(&[4], &[0.0, 1.0, -3.0, 7.0])], &[], &[9]).1;
    assert_eq!(by, [0.0, 1.0, 0.0, 1.0]);
}

#[test]
fn parts_of_tensors() {
    let (shape, data) = shaped(Op::Concat, &[TWO_ROWS, (&[2, 1], &[8.0, 9.0])], &[], &[1]);
    assert_eq!(shape, [2, 4]);
    assert_eq!(data, [1.0, -5.0, 3.0, 8.0, 0.0, 2.0, -2.0, 9.0]);
    let rows = shaped(
        Op::Concat,
        &[TWO_ROWS, (&[1, 3], &[7.0, 8.0, 9.0])],
        &[],
        &[0],
    );
    assert_eq!(rows.0, [3, 3]);
    assert_eq!(rows.1[6..], [7.0, 8.0, 9.0]);
    assert_eq!(
        shaped(Op::Narrow, &[TWO_ROWS], &[], &[1, 1, 2]).1,
        [-5.0, 3.0, 2.0, -2.0]
    );
    assert_eq!(
        shaped(Op::Narrow, &[TWO_ROWS], &[], &[0, 1, 1]).1,
        [0.0, 2.0, -2.0]
    );
    assert_eq!(
        shaped(Op::Transpose, &[TWO_ROWS], &[], &[]).1,
        [1.0, 0.0, -5.0, 2.0, 3.0, -2.0]
    );
    let gram = shaped(Op::MatMul, &[TWO_ROWS, TWO_ROWS], &[], &[0, 1]).1;
    assert_eq!(gram, [35.0, -16.0, -16.0, 8.0]);
}

#[test]
fn decompositions_multiply_back() {
    // Wide, tall, and of rank one.
    let rank_one: Vec<f32> = (0..12)
        .map(|i| ((i / 3 + 1) * (i % 3 + 1)) as f32)
        .collect();
    let cases: [(&[usize], &[f32]); 3] = [
        TWO_ROWS,
        (&[3, 2], &[2.0, 0.5, -1.0, 4.0, 0.25, 3.0]),
        (&[4, 3], &rank_one),
    ];
    for case in cases {
        let host = ReferenceHost::new(Working::F32);
        let a = host.input(case.0, case.1.to_vec());
        let rank = case.0[0].min(case.0[1]);
        let make =
            |op, inputs: &[Node], integers: &[u64]| host.record(op, inputs, &[], integers).unwrap();
        let (u, s, v) = (
            make(Op::SvdU, &[a], &[]),
            make(Op::SvdS, &[a], &[]),
            make(Op::SvdV, &[a], &[]),
        );
        let to = [case.0[0] as u64, rank as u64];
        let spread = make(Op::SpreadColumns, &[s], &to);
        let scaled = make(Op::Mul, &[u, spread], &[]);
        let (q, r) = (make(Op::QrQ, &[a], &[]), make(Op::QrR, &[a], &[]));
        let products = [
            make(Op::MatMul, &[scaled, v], &[0, 1]),
            make(Op::MatMul, &[q, r], &[0, 0]),
        ];
        for product in products {
            for (got, want) in host.value(product).unwrap().iter().zip(case.1) {
                // Each factor is rounded to f32 once.
                assert!((got - want).abs() < 1e-5, "{got} is not {want}");
            }
        }
        for columns in [u, v, q] {
            let gram = host
                .value(make(Op::MatMul, &[columns, columns], &[1, 0]))
                .unwrap();
            for (i, got) in gram.iter().enumerate() {
                let want = f32::from(u8::from(i % (rank + 1) == 0));
                assert!((got - want).abs() < 1e-6, "{gram:?}");
            }
        }
        let s = host.value(s).unwrap();
        assert!(s.is_sorted_by(|a, b| a >= b) && s[rank - 1] >= 0.0, "{s:?}");
    }
}

#[test]
fn literals_fit_their_shape() {
    let host = ReferenceHost::new(Working::Bf16);
    let node = host.literal(&[2], &[0.3, 1.0]).unwrap();
    assert_eq!(host.value(node).unwrap(), [0.300_781_25, 1.0]);
    assert!(host.literal(&[3], &[1.0]).is_err());
    assert!(host.literal(&[usize::MAX, 2], &[1.0]).is_err());
}
