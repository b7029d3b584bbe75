//! Random masks, drawn on the processor: the generator is counter-based, so that they have the
//! same bits on every device.

use crate::context::Context;
use crate::values::PART;
use mergelab_abi::random;
use rayon::prelude::*;
use std::ops::Range;

/// The elements `range` of a mask, each kept with probability `p`.
pub(crate) fn keep(context: &Context, key: u64, p: f64, range: Range<usize>) -> Vec<f32> {
    let bound = random::keep_bound(p);
    draw(context, key, range, |_| bound)
}

/// The same, each element with its own probability. `probabilities` are those of the range.
pub(crate) fn keep_by(
    context: &Context,
    key: u64,
    probabilities: &[f32],
    range: Range<usize>,
) -> Vec<f32> {
    draw(context, key, range, |place| {
        random::keep_bound(f64::from(probabilities[place]))
    })
}

/// `bound` takes the place in the range.
fn draw(
    context: &Context,
    key: u64,
    range: Range<usize>,
    bound: impl Fn(usize) -> u64 + Sync,
) -> Vec<f32> {
    let mut mask = vec![0.0f32; range.len()];
    context.pool.install(|| {
        let parts = mask.par_chunks_mut(PART).enumerate();
        parts.for_each(|(number, part)| {
            let mut drawn = None;
            for (i, kept) in part.iter_mut().enumerate() {
                let place = number * PART + i;
                let index = (range.start + place) as u64;
                let (block, byte) = (index / random::BLOCK, (index % random::BLOCK) as usize);
                let bytes = match drawn {
                    Some((known, bytes)) if known == block => bytes,
                    _ => random::upper_bytes(key, block),
                };
                drawn = Some((block, bytes));
                let is_kept = random::is_below(bound(place), bytes[byte], key, index);
                *kept = f32::from(u8::from(is_kept));
            }
        });
    });
    mask
}
