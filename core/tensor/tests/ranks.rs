//! Order statistics agree with sorting.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use mergelab_tensor::{Memory, Options, Session};
use proptest::prelude::*;
use std::sync::Arc;

/// Compares the k-th largest magnitude and the top-k mask with a stable sort.
fn check(data: &[f32], ks: impl IntoIterator<Item = u64> + Clone) {
    check_with(data, ks.clone(), Options::default());
    // Without room for what a bracket holds, everything is counted.
    let memory = 0;
    check_with(
        data,
        ks,
        Options {
            memory,
            ..Options::default()
        },
    );
}

fn check_with(data: &[f32], ks: impl IntoIterator<Item = u64>, options: Options) {
    let mut order: Vec<usize> = (0..data.len()).collect();
    order.sort_by(|&a, &b| data[b].abs().total_cmp(&data[a].abs()));
    let session = Session::new(Working::F32, options);
    let host = session.handle();
    let x = session.input(&[data.len()], Arc::new(Memory::new("x", data.to_vec())));
    for k in ks {
        let kth = host
            .record(Op::KthLargestMagnitude, &[x], &[], &[k])
            .unwrap();
        let want = data[order[k as usize - 1]].abs();
        assert_eq!(
            session.read(kth).unwrap()[0].to_bits(),
            want.to_bits(),
            "k = {k}"
        );
        let mask = host.record(Op::TopKMask, &[x], &[], &[k]).unwrap();
        let mut want = vec![0.0; data.len()];
        for &i in &order[..k as usize] {
            want[i] = 1.0;
        }
        let got = session.read(mask).unwrap();
        let wrong = got.iter().zip(&want).position(|(got, want)| got != want);
        assert_eq!(wrong, None, "k = {k}");
    }
}

/// Enough elements that magnitudes are counted rather than collected.
const LARGE: usize = 150_001;

fn words() -> impl Iterator<Item = u32> {
    (0..LARGE as u32).map(|i| {
        let x = i.wrapping_mul(0x9E37_79B9);
        (x ^ (x >> 16)).wrapping_mul(0x21F0_AAAD)
    })
}

fn ks() -> [u64; 7] {
    let n = LARGE as u64;
    [1, 2, n / 5, n / 2, n - 100, n - 1, n]
}

#[test]
fn distinct_values() {
    let data: Vec<f32> = words().map(|x| x as f32 / 4.3e9 - 0.5).collect();
    check(&data, ks());
}

#[test]
fn many_equal_values() {
    for values in [1u32, 2, 3, 50] {
        let data: Vec<f32> = words()
            .map(|x| (x >> 16) as f32 % values as f32 * if x % 2 == 0 { 0.37 } else { -0.37 })
            .collect();
        check(&data, ks());
    }
}

#[test]
fn values_that_fit_bf16() {
    let data: Vec<f32> = words()
        .map(|x| Working::Bf16.round(x as f32 / 4.3e9 - 0.5))
        .collect();
    check(&data, ks());
}

#[test]
fn zeros_denormals_and_infinities() {
    let odd = [
        0.0,
        -0.0,
        1.0e-45,
        -3.0e-45,
        1.0e-40,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
    ];
    let data: Vec<f32> = words()
        .map(|x| odd[(x >> 20) as usize % odd.len()])
        .collect();
    check(&data, ks());
    check(&vec![0.0; LARGE], ks());
    let mut one = vec![-0.0; LARGE];
    one[LARGE - 1] = 1.0e-45;
    check(&one, ks());
}

#[test]
fn any_nan_ranks_above_infinity_at_its_index() {
    let mut data = vec![f32::INFINITY; LARGE];
    data[100_000] = f32::NAN;
    data[7] = f32::from_bits(0xffff_ffff);
    let session = Session::new(Working::F32, Options::default());
    let host = session.handle();
    let x = session.input(&[LARGE], Arc::new(Memory::new("x", data)));
    let mask = |k| {
        let node = host.record(Op::TopKMask, &[x], &[], &[k]).unwrap();
        let mask = session.read(node).unwrap();
        let kept = mask.iter().enumerate().filter(|(_, x)| **x == 1.0);
        kept.map(|(i, _)| i).collect::<Vec<_>>()
    };
    assert_eq!(mask(1), [7]);
    assert_eq!(mask(2), [7, 100_000]);
    assert_eq!(mask(3), [0, 7, 100_000]);
    let kth = host
        .record(Op::KthLargestMagnitude, &[x], &[], &[2])
        .unwrap();
    assert!(session.read(kth).unwrap()[0].is_nan());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bits(
        bits in proptest::collection::vec(any::<u32>(), 1..300),
        k in any::<u64>(),
    ) {
        let data: Vec<f32> = bits
            .into_iter()
            .map(f32::from_bits)
            .map(|x| if x.is_nan() { 0.0 } else { x })
            .collect();
        let k = 1 + k % data.len() as u64;
        check(&data, [k]);
    }

    /// The counting passes, on values from few buckets.
    #[test]
    fn counted(seed in any::<u32>(), spread in 0u32..20, k in 1..=LARGE as u64) {
        let data: Vec<f32> = words()
            .map(|x| f32::from_bits(0x3f80_0000 + ((x ^ seed) >> (12 + spread))))
            .collect();
        check(&data, [k]);
    }
}

/// The sample looks at 256 elements of a block of 4096; the few that matter lie elsewhere.
#[test]
fn a_bracket_that_misses_does_not_decide() {
    for shift in [0, 256, 2048, 3840] {
        let mut data = vec![1.0; LARGE];
        for (i, x) in data.iter_mut().enumerate() {
            let part = (i + shift) % 4096 / 256;
            *x = if part % 2 == 0 {
                1.0 + i as f32
            } else {
                -(i as f32) / 1e6
            };
        }
        check(&data, ks());
    }
}
