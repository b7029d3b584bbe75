//! Finding the elements whose magnitudes lie in a bracket.

mod compare;

use super::dispatch;
use super::magnitude::magnitude;
use compare::{instructions, sides};
use pulp::NullaryFnOnce;

/// Elements that are looked at together.
const ROW: usize = 16;
/// Rows that are counted before the elements inside are picked out of them: one for each bit.
const ROWS: usize = 32;

/// How many elements are above a bracket, on its ends, and zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) above: u32,
    pub(crate) high: u32,
    pub(crate) low: u32,
    pub(crate) zero: u32,
}

/// Magnitude and index as one number that sorts as a top-k mask ranks: by magnitude, then the
/// lower index first.
#[inline(always)]
fn rank(magnitude: i32, index: u32) -> u64 {
    (magnitude as u64) << 32 | u64::from(!index)
}

/// The magnitude of such a number.
pub(crate) fn magnitude_of(rank: u64) -> u32 {
    (rank >> 32) as u32
}

/// The index of such a number.
pub(crate) fn index_of(rank: u64) -> u32 {
    !(rank as u32)
}

struct Find<'a, const ZEROS: bool> {
    a: &'a [f32],
    first: u32,
    low: i32,
    high: i32,
    inside: &'a mut Vec<u64>,
}

impl<const ZEROS: bool> NullaryFnOnce for Find<'_, ZEROS> {
    type Output = Counts;

    #[inline(always)]
    fn call(self) -> Counts {
        let Find {
            a,
            first,
            low,
            high,
            inside,
        } = self;
        // Ranks fit 31 bits; signed comparisons are single instructions.
        let (ends, with) = ((low, high), instructions());
        let mut counts = Counts::default();
        let mut words = [0; ROWS];
        for (number, group) in a.chunks(ROWS * ROW).enumerate() {
            let rows = group.as_chunks::<ROW>().0;
            // Nothing but counting here, so that all counts stay in registers.
            let (mut hits, sides) = sides::<ZEROS>(rows, ends, &mut words, with);
            counts.above += sides.above;
            counts.high += sides.high;
            counts.low += sides.low;
            counts.zero += sides.zero;
            while hits != 0 {
                let place = hits.trailing_zeros() as usize;
                hits &= hits - 1;
                let row = &rows[place];
                let mut bits = words[place];
                while bits != 0 {
                    let j = bits.trailing_zeros() as usize % ROW;
                    let index = (number * ROWS + place) * ROW + j;
                    inside.push(rank(magnitude(row[j]) as i32, first + index as u32));
                    bits &= bits - 1;
                }
            }
        }
        let done = a.len() / ROW * ROW;
        for (index, &x) in (done..).zip(&a[done..]) {
            let m = magnitude(x) as i32;
            counts.above += u32::from(m > high);
            counts.high += u32::from(m == high);
            counts.low += u32::from(m == low);
            counts.zero += u32::from(ZEROS && m == 0);
            if (m > low) & (m < high) {
                inside.push(rank(m, first + index as u32));
            }
        }
        counts
    }
}

/// Counts the magnitudes of a tile above `high` and on both ends, and adds those between the ends
/// to `inside`. The tile starts at index `first`.
/// Zeros are counted if `zeros` is set.
pub(crate) fn find(
    a: &[f32],
    first: usize,
    (low, high): (u32, u32),
    zeros: bool,
    inside: &mut Vec<u64>,
) -> Counts {
    let (low, high, first) = (low as i32, high as i32, first as u32);
    match zeros {
        false => dispatch(Find::<false> {
            a,
            first,
            low,
            high,
            inside,
        }),
        true => dispatch(Find::<true> {
            a,
            first,
            low,
            high,
            inside,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_on_one_side() {
        let a: Vec<f32> = (0..67).map(|i| ((i * 37) % 67) as f32 - 33.0).collect();
        let mut inside = Vec::new();
        let (low, high) = (magnitude(5.0), magnitude(9.0));
        let counts = find(&a, 100, (low, high), true, &mut inside);
        // Each magnitude but 0 appears twice.
        let expected = Counts {
            above: 48,
            high: 2,
            low: 2,
            zero: 1,
        };
        assert_eq!(counts, expected);
        assert_eq!(inside.len(), 6);
        inside.sort_unstable_by(|a, b| b.cmp(a));
        for (pair, expected) in inside.chunks(2).zip([8.0, 7.0, 6.0]) {
            assert!(pair.iter().all(|&r| magnitude_of(r) == magnitude(expected)));
            assert!(index_of(pair[0]) < index_of(pair[1]));
            for &rank in pair {
                assert_eq!(a[index_of(rank) as usize - 100].abs(), expected);
            }
        }
    }
}
