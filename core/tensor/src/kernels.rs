//! The loops over tiles.
//!
//! Each is plain Rust that the compiler vectorises, compiled once for any processor and once for
//! AVX2 and FMA; which of both runs is decided by the processor it runs on. No operation is
//! contracted or reordered, so both give the same bits.

pub(crate) mod alone;
mod bits;
pub(crate) mod bracket;
pub(crate) mod draw;
pub(crate) mod elect;
pub(crate) mod elementwise;
pub(crate) mod extreme;
pub(crate) mod lines;
pub(crate) mod magnitude;
pub(crate) mod map;
pub(crate) mod mask;
pub(crate) mod ranked_mask;
pub(crate) mod rounding;
pub(crate) mod row_rank;
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
