//! Places of magnitudes in their row.
//!
//! Elements are put into buckets by the upper bits of their magnitudes, a fixed number of buckets
//! for each power of two below the largest magnitude of the row, so that buckets have similar
//! sizes whatever the scale. Sorting the few elements of each bucket gives every place.

use super::dispatch;
use super::magnitude::magnitude;
use pulp::NullaryFnOnce;

/// Powers of two below the largest magnitude that have buckets. What is smaller shares the first
/// bucket with zero.
const BINADES: u32 = 6;
/// The same for rows in which that is too much.
const MORE_BINADES: u32 = 12;
const MANTISSA_BITS: u32 = 23;
/// Shorter rows are sorted at once.
pub(super) const SHORT: usize = 48;
/// Longer buckets are sorted; in shorter ones, comparing all pairs takes less.
const SMALL: usize = 16;
/// For so many magnitudes, comparing each with the whole row takes less than looking at buckets.
const FEW: usize = 32;

/// Ranks rows; keeps its buffers from one to the next.
#[derive(Default)]
pub(crate) struct Ranker {
    magnitudes: Vec<u32>,
    /// Bucket of each element.
    buckets: Vec<u32>,
    /// Place of the first element of each bucket, then the length of the row.
    starts: Vec<u32>,
    /// Where the next element of each bucket goes.
    next: Vec<u32>,
    /// Magnitudes above indices, in the order of places where they are looked at.
    sorted: Vec<u64>,
    /// For each bucket whether its elements are looked at.
    marked: Vec<u8>,
    /// Elements of marked buckets.
    members: Vec<u32>,
    /// Elements whose places are asked for: magnitudes above indices, in their order.
    asked: Vec<u64>,
    /// For each of one magnitude, how many equal ones are before it.
    before: Vec<u32>,
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
        self.sorted.resize(self.magnitudes.len(), 0);
        self.next.clear();
        self.next.extend_from_slice(&self.starts);
        for (index, (&bucket, &magnitude)) in self.buckets.iter().zip(&self.magnitudes).enumerate()
        {
            let next = &mut self.next[bucket as usize];
            self.sorted[*next as usize] = key(magnitude, index);
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
    pub(super) fn buckets(&self) -> &[u32] {
        &self.buckets
    }

    /// Place of the first element of each bucket, then the length of the row.
    pub(super) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// Calls `found` with the place of each of these elements, after [`Ranker::count`]. They come
    /// in any order, and are so many at most.
    pub(super) fn places_of(
        &mut self,
        count: usize,
        elements: impl Iterator<Item = usize>,
        mut found: impl FnMut(usize, u32),
    ) {
        // A row can be long, and a vector that grows holds what is in it twice.
        self.asked.clear();
        self.asked.reserve_exact(count);
        self.before.clear();
        self.before.reserve_exact(count + 1);
        let magnitudes = &self.magnitudes;
        self.asked
            .extend(elements.map(|index| key(magnitudes[index], index)));
        self.asked.sort_unstable();
        let same = |a: &u64, b: &u64| a >> 32 == b >> 32;
        if self.asked.chunk_by(same).take(FEW + 1).count() > FEW {
            return self.places_in_buckets(found);
        }
        for group in self.asked.chunk_by(same) {
            let Some(first) = group.first() else { continue };
            let magnitude = (first >> 32) as u32;
            let (mut smaller, mut equal, mut start) = (0, 0, 0);
            self.before.clear();
            let ends = group.iter().map(|&key| key as u32 as usize);
            for end in ends.clone().chain([self.magnitudes.len()]) {
                let [less, same] = dispatch(Compare(&self.magnitudes[start..end], magnitude));
                smaller += less;
                equal += same;
                self.before.push(equal);
                start = end;
            }
            for (index, before) in ends.zip(&self.before) {
                found(index, smaller + before);
            }
        }
    }

    /// The same from what is in their buckets.
    fn places_in_buckets(&mut self, mut found: impl FnMut(usize, u32)) {
        self.marked.clear();
        self.marked.resize(self.starts.len() - 1, 0);
        for &key in &self.asked {
            self.marked[self.buckets[key as u32 as usize] as usize] = 1;
        }
        // Whether a bucket is marked is hard to predict, so every index is written.
        self.members.resize(self.buckets.len() + 1, 0);
        let mut count = 0;
        for (index, &bucket) in self.buckets.iter().enumerate() {
            self.members[count] = index as u32;
            count += usize::from(self.marked[bucket as usize]);
        }
        self.sorted.resize(self.magnitudes.len(), 0);
        self.next.clear();
        self.next.extend_from_slice(&self.starts);
        for &index in &self.members[..count] {
            let next = &mut self.next[self.buckets[index as usize] as usize];
            self.sorted[*next as usize] = key(self.magnitudes[index as usize], index as usize);
            *next += 1;
        }
        for (ends, &marked) in self.starts.windows(2).zip(&self.marked) {
            let keys = ends[0] as usize..ends[1] as usize;
            if marked != 0 && keys.len() > SMALL {
                sort(&mut self.sorted[keys]);
            }
        }
        for &own in &self.asked {
            let index = own as u32 as usize;
            let bucket = self.buckets[index] as usize;
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
        self.magnitudes.resize(row.len(), 0);
        let largest = dispatch(Magnitudes(&mut self.magnitudes, row));
        let shift = MANTISSA_BITS - bits;
        let binades = match self.spreads {
            true => MORE_BINADES,
            false => BINADES,
        };
        let base = (largest >> shift).saturating_sub(binades << bits);
        let count = ((largest >> shift) - base + 1) as usize;
        self.buckets.resize(row.len(), 0);
        dispatch(Buckets {
            buckets: &mut self.buckets,
            magnitudes: &self.magnitudes,
            shift,
            base,
        });
        // Equal buckets follow each other where many elements are equal; counting them in turns
        // keeps one count from waiting for the last.
        const TURNS: usize = 4;
        self.next.clear();
        self.next.resize(TURNS * count, 0);
        let (groups, rest) = self.buckets.as_chunks::<TURNS>();
        for group in groups {
            for (turn, &bucket) in group.iter().enumerate() {
                self.next[bucket as usize * TURNS + turn] += 1;
            }
        }
        for &bucket in rest {
            self.next[bucket as usize * TURNS] += 1;
        }
        self.starts.clear();
        self.starts.push(0);
        let mut start = 0;
        for counts in self.next.as_chunks::<TURNS>().0 {
            start += counts.iter().sum::<u32>();
            self.starts.push(start);
        }
        // Rows of one tensor are alike, and places are the same with any buckets.
        self.spreads |= self.starts[1] as usize > row.len() / 8;
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

struct Magnitudes<'a>(&'a mut [u32], &'a [f32]);

impl NullaryFnOnce for Magnitudes<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        let mut largest = 0;
        for (out, &x) in self.0.iter_mut().zip(self.1) {
            *out = magnitude(x);
            largest = largest.max(*out);
        }
        largest
    }
}

struct Buckets<'a> {
    buckets: &'a mut [u32],
    magnitudes: &'a [u32],
    shift: u32,
    base: u32,
}

impl NullaryFnOnce for Buckets<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (bucket, &magnitude) in self.buckets.iter_mut().zip(self.magnitudes) {
            *bucket = (magnitude >> self.shift).max(self.base) - self.base;
        }
    }
}

/// How many magnitudes are smaller than one, and how many equal it.
struct Compare<'a>(&'a [u32], u32);

impl NullaryFnOnce for Compare<'_> {
    type Output = [u32; 2];

    #[inline(always)]
    fn call(self) -> [u32; 2] {
        let Compare(magnitudes, one) = self;
        let (mut smaller, mut equal) = (0, 0);
        // Magnitudes fit 31 bits; comparing them as signed numbers is one instruction.
        let one = one as i32;
        for &magnitude in magnitudes {
            smaller += u32::from((magnitude as i32) < one);
            equal += u32::from(magnitude as i32 == one);
        }
        [smaller, equal]
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
