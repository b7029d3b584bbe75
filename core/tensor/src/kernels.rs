//! The loops over tiles.
//!
//! Each is plain Rust that the compiler vectorises, compiled for any processor, for AVX2 and for
//! AVX-512; which of these runs is decided by the processor it runs on. No operation is
//! contracted or reordered, so all give the same bits. Instructions that the compiler does not find
//! are named, beside a way that does without.

pub(crate) mod alone;
pub(crate) mod bits;
pub(crate) mod bracket;
pub(crate) mod draw;
pub(crate) mod elect;
pub(crate) mod elementwise;
pub(crate) mod extreme;
mod histogram;
pub(crate) mod lines;
pub(crate) mod magnitude;
pub(crate) mod map;
pub(crate) mod mask;
mod mask_window;
pub(crate) mod ranked_mask;
pub(crate) mod rounding;
mod row_keys;
pub(crate) mod row_rank;
mod row_ties;
pub(crate) mod spread;
pub(crate) mod storage;
pub(crate) mod sum;
pub(crate) mod terms;
pub(crate) mod trim;
pub(crate) mod variance;

/// Partial results that a reduction keeps side by side. Element `i` of a block goes to lane
/// `i % LANES`, whatever the tile, so the tile size must be a multiple of it.
pub(crate) const LANES: usize = 16;

/// Runs a loop in the best version for this processor.
#[inline]
pub(crate) fn dispatch<K: pulp::NullaryFnOnce>(kernel: K) -> K::Output {
    pulp::Arch::new().dispatch(kernel)
}
