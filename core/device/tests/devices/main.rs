//! Devices compute what the reference evaluator and the CPU engine compute, within the error that
//! the crate states.
//!
//! Every device that is built in and works is tested. With `MERGELAB_TEST_DEVICE` set, that one
//! must work, and it alone is tested.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../tensor/tests/pair/both.rs"]
mod both;
mod large;
mod merges;
mod operations;
mod sessions;

use both::Both;
use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use mergelab_device::{DeviceError, open};
use mergelab_tensor::{Evaluator, Options};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

/// The devices to test.
fn devices() -> &'static [Arc<dyn Evaluator>] {
    static DEVICES: OnceLock<Vec<Arc<dyn Evaluator>>> = OnceLock::new();
    DEVICES.get_or_init(|| {
        if let Ok(name) = std::env::var("MERGELAB_TEST_DEVICE") {
            return vec![open(&name).unwrap().expect("a device beside the CPU")];
        }
        let mut found = Vec::new();
        for name in ["flex", "vulkan", "cuda:0"] {
            match open(name) {
                Ok(device) => found.extend(device),
                Err(DeviceError::NotBuilt { .. }) => {}
                Err(error) => eprintln!("skipped: {error}"),
            }
        }
        found
    })
}

fn options(device: &Arc<dyn Evaluator>) -> Options {
    Options {
        evaluator: Some(Arc::clone(device)),
        ..Options::default()
    }
}

/// How far a result may be from the reference.
#[derive(Debug, Clone, Copy)]
enum Agreement {
    /// The same bits, any NaN like any other.
    Same,
    /// Some units in the last place of an f32, then one step of the working precision.
    Places(f64),
    /// An absolute error.
    Within(f64),
}

/// What Vulkan may do where others give the same bits: divisions and square roots are correct to
/// 2.5 units in the last place there, and subnormal numbers may be zero.
fn on(device: &Arc<dyn Evaluator>, op: Op, agreement: Agreement) -> Agreement {
    match (op, agreement) {
        (Op::Div | Op::Sqrt, Agreement::Same) if device.name().starts_with("vulkan") => {
            Agreement::Places(3.0)
        }
        _ => agreement,
    }
}

fn assert_agrees(
    got: &[f32],
    want: &[f32],
    agreement: Agreement,
    working: Working,
    device: &Arc<dyn Evaluator>,
    what: &str,
) {
    let name = device.name();
    assert_eq!(got.len(), want.len(), "{what} on {name}");
    let flushes = name.starts_with("vulkan");
    let step = match working {
        Working::F32 => 0.0,
        Working::Bf16 => 2f64.powi(-7),
        Working::F16 => 2f64.powi(-10),
    };
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let zero = |x: f32| if flushes && x.is_subnormal() { 0.0 } else { x };
        let (g, w) = (f64::from(got), f64::from(want));
        let same = got == want || (got.is_nan() && want.is_nan()) || zero(got) == zero(want);
        let near = match agreement {
            Agreement::Same => false,
            Agreement::Places(places) => {
                (g - w).abs() <= w.abs() * (places * 2f64.powi(-23) + step) + 2f64.powi(-126)
            }
            Agreement::Within(error) => (g - w).abs() <= error + w.abs() * step,
        };
        assert!(
            same || near,
            "{what} in {working} on {name}, element {i}: {got:e}, not {want:e} ({agreement:?})"
        );
    }
}

/// The same operations recorded for the reference and for a device, and compared.
struct Pair {
    device: Arc<dyn Evaluator>,
    both: Both,
}

impl Deref for Pair {
    type Target = Both;

    fn deref(&self) -> &Both {
        &self.both
    }
}

impl DerefMut for Pair {
    fn deref_mut(&mut self) -> &mut Both {
        &mut self.both
    }
}

impl Pair {
    fn new(device: &Arc<dyn Evaluator>, working: Working) -> Self {
        Self {
            device: Arc::clone(device),
            both: Both::new(working, options(device)),
        }
    }

    fn check(&self, node: usize, op: Op, agreement: Agreement) {
        let want = self.value(node);
        let got = self.session.read(self.nodes[node].1).unwrap();
        let agreement = on(&self.device, op, agreement);
        let what = format!("{op:?}");
        assert_agrees(&got, &want, agreement, self.working, &self.device, &what);
    }

    /// Records in both and compares, but for what both refuse.
    fn record(&mut self, op: Op, inputs: &[usize], scalars: &[f64], k: &[u64]) -> Option<usize> {
        let agreement = self.agreement(op, inputs);
        let node = self.push(op, inputs, scalars, k)?;
        self.check(node, op, agreement);
        Some(node)
    }

    /// The error that the crate states for an operation on these inputs.
    fn agreement(&self, op: Op, inputs: &[usize]) -> Agreement {
        let size = |node: usize| -> f64 {
            let values = self.value(node);
            values.iter().map(|&x| f64::from(x).abs()).sum()
        };
        let largest = |node: usize| -> f64 {
            let values = self.value(node);
            values.iter().fold(0.0, |m, &x| f64::from(x).abs().max(m))
        };
        match (op, inputs) {
            (Op::Exp | Op::Ln | Op::Sin | Op::Cos | Op::Acos, _) => match self.device.name() {
                // Both are within a unit of the true value: the host's are its own, flex has those
                // of the C library.
                name if name == "flex" && matches!(op, Op::Exp | Op::Ln) => Agreement::Places(2.0),
                // The same functions of the same library.
                name if name == "flex" => Agreement::Same,
                _ => Agreement::Within(
                    4e-6 * (1.0 + inputs.iter().map(|&i| largest(i)).sum::<f64>()),
                ),
            },
            (Op::Sum | Op::RowSum | Op::ColumnSum, &[x]) => {
                Agreement::Within(size(x) * 2f64.powi(-16))
            }
            (Op::Dot | Op::RowDot | Op::ColumnDot, &[a, b]) => {
                Agreement::Within(size(a) * largest(b) * 2f64.powi(-16))
            }
            (Op::MatMul, &[a, b]) => {
                let places = self.value(a).len().max(self.value(b).len());
                let bound = (places as f64 + 4.0) * 2f64.powi(-22);
                Agreement::Within(size(a) * largest(b) * bound)
            }
            // Evaluators agree up to what the conditioning of the matrix allows.
            (Op::SvdU | Op::SvdS | Op::SvdV | Op::QrQ | Op::QrR, _) => Agreement::Within(2e-5),
            _ => Agreement::Same,
        }
    }
}

/// Numbers in (-0.5, 0.5) that look random.
fn noise(seed: u32, length: usize) -> Vec<f32> {
    (0..length as u32)
        .map(|i| {
            let x = (i ^ seed.rotate_left(11)).wrapping_mul(0x85EB_CA6B);
            let x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
            ((x ^ (x >> 16)) >> 8) as f32 / 16_777_216.0 - 0.5
        })
        .collect()
}
