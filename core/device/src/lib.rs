//! Evaluates recorded tensor graphs on burn devices: Nvidia GPUs, GPUs with a Vulkan driver, and
//! burn's own CPU backend.
//!
//! [`open`] turns a device's name into a [`mergelab_tensor::Evaluator`] for
//! [`mergelab_tensor::Options::evaluator`]; what is recorded stays the same.
//!
//! | module | what it does |
//! |---|---|
//! | [`name`] | the names of devices |
//! | [`open`](mod@open) | opens them; one thread owns each |
//! | `run` | walks a graph: which node when, and when its memory is free again |
//! | `values` | elements to the device and back, rounded to the working precision |
//! | `elementwise`, `reduce`, `rank`, `masks`, `structure` | the operations |
//! | `host` | operations that a device leaves to the processor |
//!
//! # Agreement with the CPU engine
//!
//! [`mergelab_abi::reference`] defines every operation. On a device:
//!
//! - Arithmetic, comparisons, `select`, `sign`, masks, order statistics and everything that only
//!   moves elements give the same bits. Vulkan drivers alone may take subnormal numbers as zero,
//!   and may be 2.5 units in the last place off in divisions and square roots.
//! - `exp`, `ln`, `sin`, `cos` and `acos` are the device's own, a few units in the last place off.
//!   Vulkan leaves the last three to the processor, as its own may be coarse.
//! - Sums and dot products add blocks of [`reduce::BLOCK`] elements in f32 and the blocks in f64:
//!   off by at most 2⁻¹⁶ of the sum of the magnitudes of what is added. Products below 2⁻¹²⁶
//!   may be lost. Where a block is not finite the processor computes the sum in f64.
//! - Matrix products over `k` places add in f32: off by at most `(k + 4) 2⁻²²` of the product of
//!   the magnitudes. Where the device multiplies in TF32, each factor is split in two parts of 11
//!   bits first, and three products are added.
//! - Random masks are drawn on the processor and have the same bits everywhere. Ranks within rows
//!   and decompositions are computed there too.
//! - Numbers of shape `[]` are computed on the processor in f64, by the same function.
//!
//! # Memory
//!
//! A tensor is on the device from the first operation that needs it to the last. Graphs whose
//! operations are all elementwise are evaluated in ranges of [`run::RANGE`] elements, so that a
//! large tensor takes no more memory than its ranges.

#![forbid(unsafe_code)]

mod context;
mod elementwise;
mod host;
mod masks;
pub mod name;
pub mod open;
mod rank;
pub mod reduce;
pub mod run;
mod structure;
mod values;

pub use name::Device;
pub use open::{DeviceError, open};
