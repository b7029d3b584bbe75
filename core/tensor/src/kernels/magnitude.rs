//! Counting magnitudes.
//!
//! The bit patterns of non-negative floats are ordered as the floats are, so ranking magnitudes
//! is ranking 31-bit integers. They are counted by their upper 16 bits first, then by the lower
//! 15 within one bucket.

use super::dispatch;
use pulp::NullaryFnOnce;

/// Bits that the first count leaves open.
pub(crate) const LOW_BITS: u32 = 15;
/// Buckets of the first count.
pub(crate) const COARSE: usize = 1 << 16;
/// Buckets of the second count.
pub(crate) const FINE: usize = 1 << LOW_BITS;

const LOW_MASK: u32 = (1 << LOW_BITS) - 1;
/// Magnitudes that are computed at once.
const ROW: usize = 32;

/// Rank of NaN: just above infinity, whatever the NaN's bits, as those are not the same on every
/// machine.
pub(crate) const NAN: u32 = 0x7f80_0001;

/// The magnitude of `x` as an integer of the same order.
#[inline(always)]
pub(crate) fn magnitude(x: f32) -> u32 {
    (x.to_bits() & 0x7fff_ffff).min(NAN)
}

/// The magnitude with this rank.
pub(crate) fn value(magnitude: u32) -> f32 {
    if magnitude == NAN {
        f32::NAN
    } else {
        f32::from_bits(magnitude)
    }
}

#[inline(always)]
fn magnitudes(row: &[f32; ROW]) -> [u32; ROW] {
    let mut result = [0; ROW];
    for (magnitude, &x) in result.iter_mut().zip(row) {
        *magnitude = self::magnitude(x);
    }
    result
}

struct Coarse<'a>(&'a mut [u32; COARSE], &'a [f32]);

impl NullaryFnOnce for Coarse<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        let Coarse(counts, tile) = self;
        let (rows, rest) = tile.as_chunks::<ROW>();
        let mut low = 0;
        for row in rows {
            let row = magnitudes(row);
            for magnitude in row {
                low |= magnitude;
            }
            for magnitude in row {
                counts[(magnitude >> LOW_BITS) as usize & (COARSE - 1)] += 1;
            }
        }
        for &x in rest {
            let magnitude = magnitude(x);
            low |= magnitude;
            counts[(magnitude >> LOW_BITS) as usize & (COARSE - 1)] += 1;
        }
        low & LOW_MASK
    }
}

/// Counts a tile by the upper bits of its magnitudes. Returns the union of their lower bits:
/// where it is 0, the upper bits are all there is.
pub(crate) fn count_coarse(counts: &mut [u32; COARSE], tile: &[f32]) -> u32 {
    dispatch(Coarse(counts, tile))
}

struct Fine<'a>(&'a mut [u32; FINE], u32, &'a [f32]);

impl NullaryFnOnce for Fine<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Fine(counts, bucket, tile) = self;
        let mut count = |magnitude: u32| {
            if magnitude >> LOW_BITS == bucket {
                counts[(magnitude & LOW_MASK) as usize] += 1;
            }
        };
        let (rows, rest) = tile.as_chunks::<ROW>();
        for row in rows {
            let row = magnitudes(row);
            let mut hits = 0;
            for magnitude in row {
                hits += u32::from(magnitude >> LOW_BITS == bucket);
            }
            // A bucket holds a small share of the elements, so most rows end here.
            if hits > 0 {
                row.into_iter().for_each(&mut count);
            }
        }
        rest.iter().for_each(|&x| count(magnitude(x)));
    }
}

/// Counts those elements of a tile that are in `bucket` by the lower bits of their magnitudes.
pub(crate) fn count_fine(counts: &mut [u32; FINE], bucket: u32, tile: &[f32]) {
    dispatch(Fine(counts, bucket, tile));
}

struct Equal<'a>(u32, &'a [f32]);

impl NullaryFnOnce for Equal<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        self.1
            .iter()
            .map(|&x| u32::from(magnitude(x) == self.0))
            .sum()
    }
}

/// Elements of a tile with this magnitude.
pub(crate) fn count_equal(magnitude: u32, tile: &[f32]) -> u32 {
    dispatch(Equal(magnitude, tile))
}
