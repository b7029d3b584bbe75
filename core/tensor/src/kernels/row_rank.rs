//! Places of magnitudes in their row.
//!
//! Elements are put into buckets by the upper bits of their magnitudes, a fixed number of buckets
//! for each power of two below the largest magnitude of the row, so that buckets have similar
//! sizes whatever the scale. Sorting the few elements of each bucket gives every place.

use super::dispatch;
use super::histogram::Histogram;
use super::magnitude::magnitude;
use super::row_keys::Keys;
use super::row_ties::Ties;
use pulp::NullaryFnOnce;

/// Powers of two below the largest magnitude that have buckets. What is smaller shares the first
/// bucket with zero.
const BINADES: u32 = 6;
/// The same for rows in which that is too much.
const MORE_BINADES: u32 = 12;
const MANTISSA_BITS: u32 = 23;
/// Shorter rows are sorted at once.
pub(super) const SHORT: usize = 48;
/// Buckets of a larger share than one of so many are taken for elements that are all equal: in rows
/// of this length the first, in longer ones the second, as finding these takes less than the places
/// of each.
const MANY: [u32; 2] = [8, 12];
const LONG: usize = 2048;
/// Longer buckets are sorted; in shorter ones, comparing all pairs takes less.
const SMALL: usize = 16;

/// Ranks rows; keeps its buffers from one to the next.
#[derive(Default)]
pub(crate) struct Ranker {
    keys: Keys,
    ties: Ties,
    /// Bucket of each element, and some more.
    buckets: Vec<u16>,
    elements: usize,
    /// Place of the first element of each bucket, then the length of the row.
    starts: Vec<u32>,
    histogram: Histogram,
    /// Where the next element of each bucket goes.
    next: Vec<u32>,
    /// Magnitudes above indices, in the order of places where they are looked at.
    sorted: Vec<u64>,
    /// For each bucket whether its elements are looked at.
    marked: Vec<u8>,
    /// Elements of marked buckets.
    members: Vec<u32>,
    /// Whether the first bucket of an earlier row was too large.
    spreads: bool,
}

impl Ranker {
    /// The place of each magnitude, from 0 for the smallest; equal ones in the order of their
    /// indices.
    pub(crate) fn places(&mut self, row: &[f32], places: &mut [u32]) {
        if row.len() <= SHORT {
            return self.sort_all(row, |index, place| places[index] = place);
        }
        let bits = row.len().ilog2().saturating_sub(3).clamp(2, 9);
        self.count(row, bits);
        self.sorted.resize(row.len(), 0);
        self.next.clear();
        self.next.extend_from_slice(&self.starts);
        for (index, (&bucket, &x)) in self.buckets.iter().zip(row).enumerate() {
            let next = &mut self.next[usize::from(bucket)];
            self.sorted[*next as usize] = key(magnitude(x), index);
            *next += 1;
        }
        for ends in self.starts.windows(2) {
            let start = ends[0];
            let keys = &mut self.sorted[start as usize..ends[1] as usize];
            if keys.len() <= SMALL {
                for &key in keys.iter() {
                    let place: u32 = keys.iter().map(|&other| u32::from(other < key)).sum();
                    places[key as u32 as usize] = start + place;
                }
                continue;
            }
            sort(keys);
            for (place, &key) in keys.iter().enumerate() {
                places[key as u32 as usize] = start + place as u32;
            }
        }
    }

    /// Bucket of each element.
    pub(super) fn buckets(&self) -> &[u16] {
        &self.buckets[..self.elements]
    }

    /// The same, filled up to a multiple of 64 elements.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn padded_buckets(&self) -> &[u16] {
        &self.buckets
    }

    /// Place of the first element of each bucket, then the length of the row.
    pub(super) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// Calls `found` with the place of each of these elements, after [`Ranker::count`] of the same
    /// row. They come in any order, and what is in the list then has no meaning.
    pub(super) fn places_of(
        &mut self,
        row: &[f32],
        elements: &mut Vec<u32>,
        mut found: impl FnMut(usize, u32),
    ) {
        let many = row.len() as u32 / MANY[usize::from(row.len() > LONG)];
        self.ties.clear();
        elements.retain(|&index| {
            let index = index as usize;
            let bucket = usize::from(self.buckets[index]);
            let count = self.starts[bucket + 1] - self.starts[bucket];
            // The first bucket has all that is small; of that, many are equal if they are 0.
            let equal = count > many && (bucket > 0 || row[index] == 0.0);
            let place = if equal {
                self.ties.place(row, index)
            } else {
                None
            };
            if let Some(place) = place {
                found(index, place);
            }
            place.is_none()
        });
        // Comparing an element with the row takes less than going through buckets where there are
        // few elements.
        if elements.len() * (row.len() / 32 + 32) > 6 * row.len() {
            return self.places_in_buckets(row, elements, found);
        }
        for &index in &*elements {
            let index = index as usize;
            found(index, self.keys.place(row, index));
        }
    }

    /// The same from what is in their buckets.
    fn places_in_buckets(
        &mut self,
        row: &[f32],
        elements: &[u32],
        mut found: impl FnMut(usize, u32),
    ) {
        self.marked.clear();
        self.marked.resize(self.starts.len() - 1, 0);
        for &index in elements {
            self.marked[usize::from(self.buckets[index as usize])] = 1;
        }
        // Whether a bucket is marked is hard to predict, so every index is written.
        self.members.resize(row.len() + 1, 0);
        let mut count = 0;
        for (index, &bucket) in self.buckets[..row.len()].iter().enumerate() {
            self.members[count] = index as u32;
            count += usize::from(self.marked[usize::from(bucket)]);
        }
        self.sorted.resize(row.len(), 0);
        self.next.clear();
        self.next.extend_from_slice(&self.starts);
        for &index in &self.members[..count] {
            let next = &mut self.next[usize::from(self.buckets[index as usize])];
            self.sorted[*next as usize] = key(magnitude(row[index as usize]), index as usize);
            *next += 1;
        }
        for (ends, &marked) in self.starts.windows(2).zip(&self.marked) {
            let keys = ends[0] as usize..ends[1] as usize;
            if marked != 0 && keys.len() > SMALL {
                sort(&mut self.sorted[keys]);
            }
        }
        for &index in elements {
            let index = index as usize;
            let own = key(magnitude(row[index]), index);
            let bucket = usize::from(self.buckets[index]);
            let start = self.starts[bucket];
            let keys = &self.sorted[start as usize..self.starts[bucket + 1] as usize];
            let smaller = match keys.len() <= SMALL {
                true => keys.iter().map(|&other| u32::from(other < own)).sum(),
                false => keys.partition_point(|&other| other < own) as u32,
            };
            found(index, start + smaller);
        }
    }

    pub(super) fn sort_all(&mut self, row: &[f32], mut found: impl FnMut(usize, u32)) {
        self.sorted.clear();
        let keyed = |(index, &x): (usize, &f32)| key(magnitude(x), index);
        self.sorted.extend(row.iter().enumerate().map(keyed));
        self.sorted.sort_unstable();
        for (place, &key) in self.sorted.iter().enumerate() {
            found(key as u32 as usize, place as u32);
        }
    }

    /// Puts elements into buckets, `2^bits` for each power of two.
    pub(super) fn count(&mut self, row: &[f32], bits: u32) {
        let largest = dispatch(Largest(row));
        let shift = MANTISSA_BITS - bits;
        let binades = match self.spreads {
            true => MORE_BINADES,
            false => BINADES,
        };
        let base = (largest >> shift).saturating_sub(binades << bits);
        let count = ((largest >> shift) - base + 1) as usize;
        self.elements = row.len();
        self.buckets.resize(row.len().next_multiple_of(64), 0);
        self.keys
            .take(row, largest, &mut self.buckets[..row.len()], [shift, base]);
        self.histogram
            .starts(&self.buckets[..row.len()], count, &mut self.starts);
        // Rows of one tensor are alike, and places are the same with any buckets. Zeros would share
        // a bucket with any.
        let first = self.starts[1] as usize;
        if !self.spreads && first > row.len() / 8 {
            let zeros = row.iter().filter(|&&x| x == 0.0).count();
            self.spreads = first - zeros > row.len() / 8;
        }
    }
}

/// Equal magnitudes are in the order of their indices already, and often all are equal.
fn sort(keys: &mut [u64]) {
    if !keys.is_sorted() {
        keys.sort_unstable();
    }
}

fn key(magnitude: u32, index: usize) -> u64 {
    (u64::from(magnitude) << 32) | index as u64
}

struct Largest<'a>(&'a [f32]);

impl NullaryFnOnce for Largest<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        self.0.iter().fold(0, |most, &x| most.max(magnitude(x)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn noise(len: usize, seed: u32) -> impl Iterator<Item = u32> {
        (0..len as u32).map(move |i| {
            let x = (i ^ seed.rotate_left(9)).wrapping_mul(0x85EB_CA6B);
            (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35)
        })
    }

    /// Rows that are hard on buckets: ties, zeros, outliers, NaN, tiny numbers, one value.
    pub(in crate::kernels) fn rows(len: usize) -> Vec<Vec<f32>> {
        let uniform = || noise(len, 3).map(|x| x as f32 / 4.3e9 - 0.5);
        let spiked = |spike: f32| -> Vec<f32> {
            let mut row: Vec<f32> = uniform().collect();
            row[len / 2] = spike;
            row
        };
        vec![
            uniform().collect(),
            uniform().map(|x| (x * 6.0).round() * 0.25).collect(),
            uniform().map(|x| (x * 1e3).round().min(0.0)).collect(),
            uniform().map(|x| x.powi(15)).collect(),
            uniform().map(|x| x * 1e-44).collect(),
            spiked(1e30),
            spiked(f32::INFINITY),
            spiked(f32::NAN),
            vec![f32::NAN; len],
            vec![0.0; len],
            vec![-2.5; len],
        ]
    }

    pub(in crate::kernels) fn by_sorting(row: &[f32]) -> Vec<u32> {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by_key(|&i| magnitude(row[i]));
        let mut places = vec![0; row.len()];
        for (place, index) in order.into_iter().enumerate() {
            places[index] = place as u32;
        }
        places
    }

    #[test]
    fn places_are_those_of_a_stable_sort() {
        let mut ranker = Ranker::default();
        for len in [2, 47, 48, 49, 333, 5000] {
            for (number, row) in rows(len).iter().enumerate() {
                let want = by_sorting(row);
                let mut places = vec![u32::MAX; len];
                ranker.places(row, &mut places);
                assert!(places == want, "row {number} of {len}");
            }
        }
    }
}
