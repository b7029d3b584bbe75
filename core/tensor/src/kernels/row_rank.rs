//! Places of magnitudes in their row, and random masks that depend on them.
//!
//! Elements are put into buckets by the upper bits of their magnitudes, a fixed number of buckets
//! for each power of two below the largest magnitude of the row, so that buckets have similar
//! sizes whatever the scale. Sorting the few elements of each bucket gives every place.
//!
//! A random mask hardly needs that. The bucket of an element bounds its place, so its probability,
//! and its random word is almost always below or above all that is possible within the bucket.
//! Only buckets with elements for which it is between are sorted.

use super::dispatch;
use super::magnitude::magnitude;
use pulp::NullaryFnOnce;

/// Powers of two below the largest magnitude that have buckets. What is smaller shares the first
/// bucket with zero.
const BINADES: u32 = 12;
const MANTISSA_BITS: u32 = 23;
/// Shorter rows are sorted at once.
const SHORT: usize = 48;
/// Elements for which counting the smaller ones takes less than sorting their buckets.
const FEW: usize = 24;

/// In the flags of elements: the element is kept.
pub(crate) const KEPT: u8 = 1;
/// In the flags of elements: its bucket does not tell.
const OPEN: u8 = 2;

/// The bounds that random words must be below, by place in the row.
pub(crate) trait Bounds {
    /// Never falls, or never rises, with the place.
    fn bound(&self, place: u32) -> u64;
}

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
    /// Magnitudes above indices, in the order of places.
    sorted: Vec<u64>,
    /// For each bucket, the words that are kept anywhere in it and those that are somewhere.
    limits: Vec<[u32; 2]>,
    /// Buckets whose elements must be sorted.
    marked: Vec<bool>,
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
        self.marked.clear();
        self.marked.resize(self.starts.len() - 1, true);
        self.sort_marked(|index, place| places[index] = place);
    }

    /// Sets the flag of each element to [`KEPT`] if its word is below the bound of its place,
    /// else to 0.
    pub(crate) fn keep(
        &mut self,
        row: &[f32],
        words: &[u32],
        bounds: &impl Bounds,
        flags: &mut [u8],
    ) {
        let exact = |flags: &mut [u8], index: usize, place: u32| {
            flags[index] = u8::from(u64::from(words[index]) < bounds.bound(place)) * KEPT;
        };
        if row.len() <= SHORT {
            return self.sort_all(row, |index, place| exact(flags, index, place));
        }
        let bits = (row.len().ilog2() / 2).clamp(3, 9);
        self.count(row, bits);
        self.limits.clear();
        self.limits.extend(self.starts.windows(2).map(|ends| {
            if ends[0] == ends[1] {
                return [0, 0];
            }
            let (first, last) = (bounds.bound(ends[0]), bounds.bound(ends[1] - 1));
            // A bound of 2^32, below which every word is, stays open to the largest word.
            let limit = |bound: u64| u32::try_from(bound).unwrap_or(u32::MAX);
            [limit(first.min(last)), limit(first.max(last))]
        }));
        let open = dispatch(Decide {
            limits: &self.limits,
            buckets: &self.buckets,
            words,
            flags,
        });
        if open == 0 {
            return;
        }
        if open <= FEW {
            let places = (0..row.len()).filter(|&index| flags[index] == OPEN);
            let places: Vec<usize> = places.collect();
            for index in places {
                let place = dispatch(Smaller(&self.magnitudes, index));
                exact(flags, index, place);
            }
            return;
        }
        self.marked.clear();
        self.marked.resize(self.starts.len() - 1, false);
        for (&bucket, &flag) in self.buckets.iter().zip(flags.iter()) {
            self.marked[bucket as usize] |= flag == OPEN;
        }
        self.sort_marked(|index, place| exact(flags, index, place));
    }

    fn sort_all(&mut self, row: &[f32], mut found: impl FnMut(usize, u32)) {
        self.sorted.clear();
        let keyed = |(index, &x): (usize, &f32)| key(magnitude(x), index);
        self.sorted.extend(row.iter().enumerate().map(keyed));
        self.sorted.sort_unstable();
        for (place, &key) in self.sorted.iter().enumerate() {
            found(key as u32 as usize, place as u32);
        }
    }

    /// Puts elements into buckets, `2^bits` for each power of two.
    fn count(&mut self, row: &[f32], bits: u32) {
        self.magnitudes.resize(row.len(), 0);
        let largest = dispatch(Magnitudes(&mut self.magnitudes, row));
        let shift = MANTISSA_BITS - bits;
        let base = (largest >> shift).saturating_sub(BINADES << bits);
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
    }

    /// Finds the places of the elements in marked buckets.
    fn sort_marked(&mut self, mut found: impl FnMut(usize, u32)) {
        self.sorted.resize(self.magnitudes.len(), 0);
        self.next.clear();
        self.next.extend_from_slice(&self.starts);
        for (index, (&bucket, &magnitude)) in self.buckets.iter().zip(&self.magnitudes).enumerate()
        {
            if self.marked[bucket as usize] {
                let next = &mut self.next[bucket as usize];
                self.sorted[*next as usize] = key(magnitude, index);
                *next += 1;
            }
        }
        for (bucket, ends) in self.starts.windows(2).enumerate() {
            if !self.marked[bucket] {
                continue;
            }
            let start = ends[0];
            let sorted = &mut self.sorted[start as usize..ends[1] as usize];
            sort(sorted);
            for (place, &key) in sorted.iter().enumerate() {
                found(key as u32 as usize, start + place as u32);
            }
        }
    }
}

fn key(magnitude: u32, index: usize) -> u64 {
    u64::from(magnitude) << 32 | index as u64
}

/// Equal magnitudes are in the order of their indices already.
fn sort(keys: &mut [u64]) {
    if keys.len() > 24 {
        if !keys.is_sorted() {
            keys.sort_unstable();
        }
        return;
    }
    for i in 1..keys.len() {
        let key = keys[i];
        let mut to = i;
        while to > 0 && keys[to - 1] > key {
            keys[to] = keys[to - 1];
            to -= 1;
        }
        keys[to] = key;
    }
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

struct Decide<'a> {
    limits: &'a [[u32; 2]],
    buckets: &'a [u32],
    words: &'a [u32],
    flags: &'a mut [u8],
}

impl NullaryFnOnce for Decide<'_> {
    /// Elements whose bucket does not tell.
    type Output = usize;

    #[inline(always)]
    fn call(self) -> usize {
        let mut open = 0;
        for ((flag, &word), &bucket) in self.flags.iter_mut().zip(self.words).zip(self.buckets) {
            let [always, sometimes] = self.limits[bucket as usize];
            let kept = word < always;
            let is_open = !kept & ((word < sometimes) | (word == u32::MAX));
            open += usize::from(is_open);
            *flag = u8::from(kept) * KEPT | u8::from(is_open) * OPEN;
        }
        open
    }
}

struct Smaller<'a>(&'a [u32], usize);

impl NullaryFnOnce for Smaller<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        let Smaller(magnitudes, index) = self;
        let magnitude = magnitudes[index];
        let (before, after) = magnitudes.split_at(index);
        let before: u32 = before.iter().map(|&m| u32::from(m <= magnitude)).sum();
        let after: u32 = after.iter().map(|&m| u32::from(m < magnitude)).sum();
        before + after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize, seed: u32) -> impl Iterator<Item = u32> {
        (0..len as u32).map(move |i| {
            let x = (i ^ seed.rotate_left(9)).wrapping_mul(0x85EB_CA6B);
            (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35)
        })
    }

    /// Rows that are hard on buckets: ties, zeros, outliers, NaN, tiny numbers, one value.
    fn rows(len: usize) -> Vec<Vec<f32>> {
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

    fn by_sorting(row: &[f32]) -> Vec<u32> {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by_key(|&i| magnitude(row[i]));
        let mut places = vec![0; row.len()];
        for (place, index) in order.into_iter().enumerate() {
            places[index] = place as u32;
        }
        places
    }

    struct Line {
        low: f64,
        high: f64,
        last: f64,
    }

    impl Bounds for Line {
        fn bound(&self, place: u32) -> u64 {
            let p = self.low + (self.high - self.low) * (f64::from(place) / self.last);
            mergelab_abi::random::keep_bound(p)
        }
    }

    #[test]
    fn places_and_masks_are_those_of_a_stable_sort() {
        let mut ranker = Ranker::default();
        for len in [2, 47, 48, 49, 333, 5000] {
            for (number, row) in rows(len).iter().enumerate() {
                let want = by_sorting(row);
                let mut places = vec![u32::MAX; len];
                ranker.places(row, &mut places);
                assert!(places == want, "row {number} of {len}");

                let mut words: Vec<u32> = noise(len, 77).collect();
                (words[0], words[1]) = (0, u32::MAX);
                for (low, high) in [(0.4, 0.6), (0.9, 0.05), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)] {
                    let last = (len - 1) as f64;
                    let bounds = Line { low, high, last };
                    let mut flags = vec![9; len];
                    ranker.keep(row, &words, &bounds, &mut flags);
                    for (index, &flag) in flags.iter().enumerate() {
                        let kept = u64::from(words[index]) < bounds.bound(want[index]);
                        assert_eq!(flag, u8::from(kept), "{index} in row {number} of {len}");
                    }
                }
            }
        }
    }
}
