//! Tensors made of fewer elements than they have: rows and columns repeated, bits, and random
//! masks whose probability differs from element to element.

use super::dispatch;
use super::mask::{WIDE, philox_wide};
use mergelab_abi::random;
use pulp::NullaryFnOnce;
use std::ops::Range;

/// Calls `work` for the parts of a tile of `length` elements that lie in one row each, with the
/// row. The tile starts at index `first`.
pub(crate) fn row_parts(
    length: usize,
    row: usize,
    first: usize,
    mut work: impl FnMut(Range<usize>, usize),
) {
    let mut done = 0;
    while done < length {
        let index = (first + done) / row;
        let end = ((index + 1) * row - first).min(length);
        work(done..end, index);
        done = end;
    }
}

/// Element `i` is `values[i / row]`. The tile starts at index `first`.
pub(crate) fn rows(out: &mut [f32], values: &[f32], row: usize, first: usize) {
    row_parts(out.len(), row, first, |part, index| {
        out[part].fill(values[index])
    });
}

/// Element `i` is `values[i % values.len()]`. The tile starts at index `first`.
pub(crate) fn columns(out: &mut [f32], values: &[f32], first: usize) {
    let mut done = 0;
    while done < out.len() {
        let column = (first + done) % values.len();
        let length = (values.len() - column).min(out.len() - done);
        out[done..done + length].copy_from_slice(&values[column..column + length]);
        done += length;
    }
}

struct Bits<'a>(&'a mut [f32], &'a [u64], usize);

impl NullaryFnOnce for Bits<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Bits(out, words, first) = self;
        for (group, out) in out.chunks_mut(16).enumerate() {
            let index = first + group * 16;
            let bits = (words[index / 64] >> (index % 64)) as u32;
            for (place, out) in out.iter_mut().enumerate() {
                *out = ((bits >> place) & 1) as f32;
            }
        }
    }
}

/// Element `i` is bit `i % 64` of word `i / 64`. The tile starts at index `first`, a multiple of
/// 16.
pub(crate) fn bits(out: &mut [f32], words: &[u64], first: usize) {
    dispatch(Bits(out, words, first));
}

struct Words<'a> {
    out: &'a mut [u32],
    key: [u32; 2],
    block: u64,
}

impl NullaryFnOnce for Words<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Words { out, key, block } = self;
        let (groups, rest) = out.as_chunks_mut::<{ 4 * WIDE }>();
        let done = (groups.len() * WIDE) as u64;
        for (index, group) in groups.iter_mut().enumerate() {
            *group = philox_wide(block + (index * WIDE) as u64, key);
        }
        for (index, row) in rest.chunks_mut(4).enumerate() {
            let block = block + done + index as u64;
            let counter = [block as u32, (block >> 32) as u32, 0, 0];
            row.copy_from_slice(&random::philox(counter, key)[..row.len()]);
        }
    }
}

/// The random words of the elements from `first` on, a multiple of 4.
pub(crate) fn words(out: &mut [u32], key: u64, first: usize) {
    dispatch(Words {
        out,
        key: [key as u32, (key >> 32) as u32],
        block: first as u64 / 4,
    });
}

struct KeepBy<'a>(&'a mut [f32], &'a [f32], &'a [u32]);

impl NullaryFnOnce for KeepBy<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for ((out, &p), &word) in self.0.iter_mut().zip(self.1).zip(self.2) {
            // A word is below the rounded bound exactly if it is at least a half below the bound
            // itself. NaN keeps nothing.
            let bound = f64::from(p) * 4_294_967_296.0;
            *out = if f64::from(word) + 0.5 <= bound {
                1.0
            } else {
                0.0
            };
        }
    }
}

/// 1 where the element's random word is below the bound of its probability in `p`
/// ([`random::keep_bound`]). The tile starts at index `first`, a multiple of 4.
pub(crate) fn keep_by(out: &mut [f32], p: &[f32], key: u64, first: usize) {
    const AT_ONCE: usize = 256;
    let mut buffer = [0; AT_ONCE];
    for (index, (out, p)) in out.chunks_mut(AT_ONCE).zip(p.chunks(AT_ONCE)).enumerate() {
        let words = &mut buffer[..out.len()];
        self::words(words, key, first + index * AT_ONCE);
        dispatch(KeepBy(out, p, words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreading_starts_anywhere() {
        let values: Vec<f32> = (0..40).map(|i| i as f32).collect();
        for row in [1, 3, 16, 40] {
            for first in [0, 16, 32] {
                let mut out = vec![f32::NAN; 8.min(40 * row - first)];
                rows(&mut out, &values, row, first);
                for (i, &x) in out.iter().enumerate() {
                    assert_eq!(x, values[(first + i) / row]);
                }
                let mut out = vec![f32::NAN; 100];
                columns(&mut out, &values[..row], first);
                for (i, &x) in out.iter().enumerate() {
                    assert_eq!(x, values[(first + i) % row]);
                }
            }
        }
    }

    #[test]
    fn bits_are_read_from_the_lowest() {
        let words = [0x8000_0000_0000_0005, 0x3];
        let mut out = vec![f32::NAN; 66];
        bits(&mut out, &words, 0);
        let ones: Vec<usize> = (0..66).filter(|&i| out[i] == 1.0).collect();
        assert_eq!(ones, [0, 2, 63, 64, 65]);
        let mut out = vec![f32::NAN; 20];
        bits(&mut out, &words, 48);
        let ones: Vec<usize> = (0..20).filter(|&i| out[i] == 1.0).collect();
        assert_eq!(ones, [15, 16, 17]);
    }

    #[test]
    fn probabilities_give_the_bounds_of_the_generator() {
        // Around the word itself, where rounding decides.
        for first in [0usize, 256, 4096] {
            let mut p = Vec::new();
            for index in 0..300u64 {
                let word = f64::from(random::word(7, first as u64 + index));
                let near = ((word + [0.0, 0.5, 1.0][index as usize % 3]) / 4_294_967_296.0) as f32;
                let odd = [0.0, 1.0, -1.0, 2.0, f32::NAN, f32::INFINITY];
                p.push(if index % 7 == 0 {
                    odd[index as usize / 7 % 6]
                } else {
                    near
                });
            }
            let mut out = vec![0.5; p.len()];
            keep_by(&mut out, &p, 7, first);
            for (index, (&kept, &p)) in out.iter().zip(&p).enumerate() {
                let word = u64::from(random::word(7, (first + index) as u64));
                let want = word < random::keep_bound(f64::from(p));
                assert_eq!(kept == 1.0, want, "p = {p}");
            }
        }
    }
}
