//! Random masks whose probability depends on the place of a magnitude in its row.
//!
//! The place is hardly ever needed. The upper byte of an element's random word is mostly below, or
//! above, what is possible anywhere in the row. Where it is not, the bucket of the element bounds
//! its place, and that mostly tells. Where it does not either, the element's own place is found, and
//! the lower bits of the word are drawn where that leaves it open.

use super::bits::{self, Instructions};
use super::dispatch;
#[cfg(target_arch = "x86_64")]
use super::mask_window;
use super::mask_window::{Table, Window};
use super::row_rank::{Ranker, SHORT};
use mergelab_abi::random;
use pulp::NullaryFnOnce;

/// Values of a byte.
const BYTES: usize = 256;
/// Bits of a word below its upper byte.
const LOWER: u32 = 24;

/// The place of a magnitude in a row, from 0 for the smallest to 1 for the largest.
pub(crate) fn share(place: u32, row: usize) -> f64 {
    match row {
        1 => 0.5,
        _ => f64::from(place) / (row - 1) as f64,
    }
}

/// Probabilities that rise, or fall, from the smallest magnitude of a row to the largest.
///
/// Places are counted here in the direction in which probabilities rise: from the largest
/// magnitude where they fall.
pub(crate) struct Line {
    low: f64,
    high: f64,
    /// Elements of a row.
    row: u32,
    falls: bool,
    /// The bounds of all places, where rows are not too long.
    known: Vec<u64>,
    /// For each upper byte of a word, how many places drop it whatever its lower bits, and the
    /// place from which it is kept.
    decided: Box<[[u32; 2]; BYTES]>,
    /// Upper bytes below this are kept everywhere.
    always: u64,
    /// Upper bytes from this on are dropped everywhere.
    never: u64,
    /// The same for looking up elements side by side, if that is possible.
    window: Option<Window>,
}

impl Line {
    /// For rows of `row` elements, at least one.
    pub(crate) fn new(low: f64, high: f64, row: u32) -> Self {
        /// Elements of a row whose bounds are worth a table.
        const LONG: u32 = 1 << 16;
        let mut line = Self {
            low,
            high,
            row,
            falls: high < low,
            known: Vec::new(),
            decided: Box::new([[0; 2]; BYTES]),
            always: 0,
            never: 0,
            window: None,
        };
        if row <= LONG {
            line.known = (0..row).map(|place| line.bound(place)).collect();
        }
        for byte in 0..BYTES {
            let (first, end) = ((byte as u64) << LOWER, (byte as u64 + 1) << LOWER);
            let dropped = line.search(|bound| bound <= first);
            let kept = line.search(|bound| bound < end);
            line.decided[byte] = [dropped, kept];
        }
        line.always = line.bound(0) >> LOWER;
        line.never = line.bound(row - 1).div_ceil(1 << LOWER);
        let sure = [line.always, line.never];
        line.window = Window::new(&line.decided, sure, row, line.falls);
        line
    }

    /// The bound that words at this place must be below.
    fn bound(&self, place: u32) -> u64 {
        if let Some(&bound) = self.known.get(place as usize) {
            return bound;
        }
        let from_smallest = self.turned(place);
        let p = self.low + (self.high - self.low) * share(from_smallest, self.row as usize);
        random::keep_bound(p)
    }

    /// From the place counted one way to the place counted the other.
    fn turned(&self, place: u32) -> u32 {
        match self.falls {
            true => self.row - 1 - place,
            false => place,
        }
    }

    /// The first place whose bound is not so.
    fn search(&self, is_so: impl Fn(u64) -> bool) -> u32 {
        let (mut from, mut to) = (0, self.row);
        while from < to {
            let middle = from + (to - from) / 2;
            if is_so(self.bound(middle)) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from
    }
}

/// The mask of one row.
pub(crate) struct Row<'a> {
    pub(crate) elements: &'a [f32],
    /// The upper bytes of their words.
    pub(crate) bytes: &'a [u8],
    pub(crate) key: u64,
    /// Index of the first element.
    pub(crate) first: usize,
}

/// Draws masks; keeps its buffers from one row to the next.
#[derive(Default)]
pub(crate) struct Masker {
    ranker: Ranker,
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    table: Table,
    /// Bits of the elements whose bucket does not tell.
    open: Vec<u64>,
    /// Their indices.
    asked: Vec<u32>,
}

impl Masker {
    /// Sets bit `i % 64` of word `i / 64` to whether element `i` of the row is kept. There are as
    /// many words as the row needs.
    pub(crate) fn keep(&mut self, row: &Row<'_>, line: &Line, kept: &mut [u64]) {
        kept.fill(0);
        let is_kept = |index: usize, place: u32| {
            let bound = line.bound(line.turned(place));
            random::is_below(bound, row.bytes[index], row.key, (row.first + index) as u64)
        };
        if row.elements.len() <= SHORT {
            return self.ranker.sort_all(row.elements, |index, place| {
                kept[index / 64] |= u64::from(is_kept(index, place)) << (index % 64);
            });
        }
        let bits = (row.elements.len().ilog2() / 2).clamp(3, 9);
        self.ranker.count(row.elements, bits);
        self.open.resize(kept.len(), 0);
        if !self.decide_side_by_side(row, line, kept) {
            let decide = Decide {
                line,
                bytes: row.bytes,
                buckets: self.ranker.buckets(),
                starts: self.ranker.starts(),
                kept,
                open: &mut self.open,
                with: bits::instructions(),
            };
            match line.falls {
                true => dispatch(Falling(decide)),
                false => dispatch(Rising(decide)),
            }
        }
        self.asked.clear();
        for (number, &word) in self.open.iter().enumerate() {
            let mut left = word;
            while left != 0 {
                self.asked.push(number as u32 * 64 + left.trailing_zeros());
                left &= left - 1;
            }
        }
        self.ranker
            .places_of(row.elements, &mut self.asked, |index, place| {
                kept[index / 64] |= u64::from(is_kept(index, place)) << (index % 64);
            });
    }

    /// Decides by buckets, where the processor can look up many at once. Returns whether it can.
    fn decide_side_by_side(&mut self, row: &Row<'_>, line: &Line, kept: &mut [u64]) -> bool {
        #[cfg(target_arch = "x86_64")]
        if let (Some(window), Some(simd)) = (&line.window, bits::wide()) {
            window.fill(self.ranker.starts(), &mut self.table);
            macro_rules! decide {
                ($blocks:literal) => {
                    dispatch(mask_window::Decide::<'_, $blocks> {
                        simd,
                        window,
                        table: &self.table,
                        bytes: row.bytes,
                        buckets: self.ranker.padded_buckets(),
                        kept,
                        open: &mut self.open,
                    })
                };
            }
            match window.blocks() {
                1 => decide!(1),
                2 => decide!(2),
                _ => decide!(4),
            }
            return true;
        }
        let _ = (row, line, kept);
        false
    }
}

struct Decide<'a> {
    line: &'a Line,
    bytes: &'a [u8],
    buckets: &'a [u16],
    starts: &'a [u32],
    kept: &'a mut [u64],
    open: &'a mut [u64],
    with: Instructions,
}

/// Where probabilities rise from the smallest magnitude to the largest.
struct Rising<'a>(Decide<'a>);
/// Where they fall.
struct Falling<'a>(Decide<'a>);

impl NullaryFnOnce for Rising<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0
            .run(|starts, bucket| [starts[bucket], starts[bucket + 1]]);
    }
}

impl NullaryFnOnce for Falling<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let row = self.0.line.row;
        self.0
            .run(|starts, bucket| [row - starts[bucket + 1], row - starts[bucket]]);
    }
}

impl Decide<'_> {
    /// `places` gives the first place of a bucket, and that after its last.
    #[inline(always)]
    fn run(self, places: impl Fn(&[u32], usize) -> [u32; 2]) {
        let Decide {
            line,
            bytes,
            buckets,
            starts,
            kept,
            open,
            with,
        } = self;
        let chunks = bytes.chunks(64).zip(buckets.chunks(64));
        for ((bytes, buckets), (kept, open)) in chunks.zip(kept.iter_mut().zip(open)) {
            let all = &bits::padded(bytes);
            let there = u64::MAX >> (64 - bytes.len());
            let mut yes = bits::below(all, line.always, with) & there;
            let mut undecided = bits::below(all, line.never, with) & there & !yes;
            let mut left = 0;
            while undecided != 0 {
                let place = undecided.trailing_zeros() as usize % 64;
                undecided &= undecided - 1;
                let [dropped, always] = line.decided[usize::from(all[place])];
                let [first, end] = places(starts, usize::from(buckets[place]));
                yes |= u64::from(first >= always) << place;
                left |= u64::from((first < always) & (end > dropped)) << place;
            }
            (*kept, *open) = (yes, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::draw;
    use crate::kernels::row_rank::tests::{by_sorting, rows};

    #[test]
    fn masks_are_those_of_a_stable_sort() {
        const KEY: u64 = 0x1234_5678_9abc_def0;
        let mut masker = Masker::default();
        for len in [1, 2, 47, 48, 49, 333, 5000] {
            let words: Vec<u32> = (0..len).map(|i| random::word(KEY, 32 + i as u64)).collect();
            let mut bytes = vec![0; len];
            draw::upper_bytes(&mut bytes, KEY, 32);
            let lines = [
                (0.4, 0.6),
                (0.9, 0.05),
                (0.0, 1.0),
                (1.0, 0.0),
                (1.0, 1.0),
                (0.0, 0.0),
                (0.3, 0.3 + 1e-9),
                (0.5, 0.5),
            ];
            for (low, high) in lines {
                let mut line = Line::new(low, high, len as u32);
                // The second time without looking up elements side by side.
                let rows = rows(len);
                for (time, elements) in rows.iter().chain(&rows).enumerate() {
                    let number = time % rows.len();
                    if time == rows.len() {
                        line.window = None;
                    }
                    let places = by_sorting(elements);
                    let mut kept = vec![u64::MAX; len.div_ceil(64)];
                    let row = Row {
                        elements,
                        bytes: &bytes,
                        key: KEY,
                        first: 32,
                    };
                    masker.keep(&row, &line, &mut kept);
                    for index in 0..len {
                        let p = low + (high - low) * share(places[index], len);
                        let want = u64::from(words[index]) < random::keep_bound(p);
                        let got = (kept[index / 64] >> (index % 64)) & 1;
                        assert_eq!(got, u64::from(want), "{index} in row {number} of {len}");
                    }
                }
            }
        }
    }
}
