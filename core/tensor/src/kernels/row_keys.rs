//! Places of single elements, from keys of two bytes.
//!
//! A key is the upper part of a magnitude. Twice as many keys as magnitudes fit a register, and
//! keys of task vectors between bf16 models mostly tell all: such a vector has few bits. The
//! elements of which the key does not tell all are listed.

use super::bits::{self, Wide};
use super::dispatch;
use super::magnitude::magnitude;
use pulp::NullaryFnOnce;

/// Bits of a magnitude that are not in its key.
const SHIFT: u32 = 13;
/// Keys that are made, and compared, at once.
const ROW: usize = bits::AT_ONCE;

/// The keys of a row.
#[derive(Default)]
pub(super) struct Keys {
    keys: Vec<u16>,
    /// Elements that are larger than the least magnitude of their key.
    inexact: Vec<u32>,
    /// Whether there are more of them than are worth a list.
    too_many: bool,
}

impl Keys {
    /// Takes a row, and puts its elements into buckets: magnitudes from `base` on, by what is left
    /// when they are shifted.
    pub(super) fn take(
        &mut self,
        row: &[f32],
        largest: u32,
        buckets: &mut [u16],
        [shift, base]: [u32; 2],
    ) {
        // A row can be long, and a vector that grows holds what is in it twice.
        let most = row.len() / 64 + ROW;
        self.inexact.clear();
        self.inexact.reserve_exact(most + ROW);
        // What is added to the end is larger than all, and never compared with as smaller.
        self.keys.resize(row.len().next_multiple_of(ROW), 0);
        self.keys[row.len()..].fill(u16::MAX);
        self.too_many = dispatch(Make {
            keys: &mut self.keys,
            buckets,
            inexact: &mut self.inexact,
            most,
            row,
            least: (largest >> SHIFT).saturating_sub(u32::from(u16::MAX)),
            shift,
            base,
        });
    }

    /// The place of an element of that row, from 0 for the smallest; equal ones in the order of
    /// their indices.
    pub(super) fn place(&self, row: &[f32], index: usize) -> u32 {
        let key = self.keys[index];
        let own = magnitude(row[index]);
        if self.too_many || is_inexact(own, key) {
            return dispatch(Before {
                elements: row,
                index,
                is_smaller: |&x: &f32| magnitude(x) < own,
                is_not_larger: |&x: &f32| magnitude(x) <= own,
            });
        }
        let not_larger = dispatch(Smaller {
            keys: &self.keys,
            index,
            key,
            with: bits::wide(),
        });
        let before = self
            .inexact
            .iter()
            .take_while(|&&other| (other as usize) < index);
        let larger = before.filter(|&&other| self.keys[other as usize] == key);
        not_larger - larger.count() as u32
    }
}

/// Whether a magnitude is not the least of its key. Below the keys that there are, only 0 is.
#[inline(always)]
fn is_inexact(magnitude: u32, key: u16) -> bool {
    magnitude & if key == 0 { u32::MAX } else { (1 << SHIFT) - 1 } != 0
}

struct Make<'a> {
    keys: &'a mut [u16],
    buckets: &'a mut [u16],
    inexact: &'a mut Vec<u32>,
    most: usize,
    row: &'a [f32],
    least: u32,
    shift: u32,
    base: u32,
}

impl NullaryFnOnce for Make<'_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let Make {
            keys,
            buckets,
            inexact,
            most,
            row,
            least,
            shift,
            base,
        } = self;
        let part = |row: &[f32], keys: &mut [u16], buckets: &mut [u16]| {
            let mut any = false;
            for ((&x, key), bucket) in row.iter().zip(keys).zip(buckets) {
                let magnitude = magnitude(x);
                *key = ((magnitude >> SHIFT).max(least) - least) as u16;
                *bucket = ((magnitude >> shift).max(base) - base) as u16;
                any |= is_inexact(magnitude, *key);
            }
            any
        };
        let (rows, rest) = row.as_chunks::<ROW>();
        let (bucket_rows, bucket_rest) = buckets.as_chunks_mut::<ROW>();
        let (key_rows, _) = keys.as_chunks_mut::<ROW>();
        let mut list = |row: &[f32], keys: &[u16], first: usize| {
            if inexact.len() >= most {
                return;
            }
            let mut flags = [0; ROW];
            for ((flag, &x), &key) in flags.iter_mut().zip(row).zip(keys) {
                *flag = u8::from(is_inexact(magnitude(x), key));
            }
            for (word, flags) in flags.as_chunks::<8>().0.iter().enumerate() {
                let mut left = u64::from_le_bytes(*flags);
                while left != 0 {
                    let place = 8 * word + left.trailing_zeros() as usize / 8;
                    inexact.push((first + place) as u32);
                    left &= left - 1;
                }
            }
        };
        let all = rows.iter().zip(&mut *key_rows).zip(bucket_rows);
        for (number, ((row, keys), buckets)) in all.enumerate() {
            if part(row, keys, buckets) {
                list(row, keys, number * ROW);
            }
        }
        if !rest.is_empty() {
            let keys = &mut key_rows[rows.len()][..rest.len()];
            if part(rest, keys, bucket_rest) {
                list(rest, keys, rows.len() * ROW);
            }
        }
        inexact.len() >= most
    }
}

/// How many elements are smaller than that at an index, or equal and before it.
struct Before<'a, T, S, N> {
    elements: &'a [T],
    index: usize,
    is_smaller: S,
    is_not_larger: N,
}

impl<T, S: Fn(&T) -> bool, N: Fn(&T) -> bool> NullaryFnOnce for Before<'_, T, S, N> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        let (before, after) = self.elements.split_at(self.index);
        let before: u32 = before
            .iter()
            .map(|x| u32::from((self.is_not_larger)(x)))
            .sum();
        let after: u32 = after.iter().map(|x| u32::from((self.is_smaller)(x))).sum();
        before + after
    }
}

/// The same by keys alone.
struct Smaller<'a> {
    keys: &'a [u16],
    index: usize,
    key: u16,
    with: Wide,
}

impl NullaryFnOnce for Smaller<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        let Smaller {
            keys,
            index,
            key,
            with,
        } = self;
        let (rows, _) = keys.as_chunks::<ROW>();
        let number = index / ROW;
        let (before, own, after) = (&rows[..number], &rows[number], &rows[number + 1..]);
        let [less, not_larger] = bits::compare(own, key, with);
        let earlier = (1 << (index % ROW)) - 1;
        let own = less | not_larger & earlier;
        bits::count(before, key, true, with)
            + own.count_ones()
            + bits::count(after, key, false, with)
    }
}
