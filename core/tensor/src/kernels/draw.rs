//! Random masks, as flags: a byte for each element, all ones where it is kept and 0 where not.
//!
//! The upper byte of an element's random word decides, unless it is that of the bound: then the
//! lower bits are drawn too, for this one element ([`mergelab_abi::random`]).

use super::bits::{self, Instructions};
use super::dispatch;
use mergelab_abi::random::{self, BLOCK};
use pulp::NullaryFnOnce;

/// The flag of an element that is kept.
pub(crate) const KEPT: u8 = 0xff;

// Philox4x32-10, as in `mergelab_abi::random`; the tests compare both.
const ROUNDS: usize = 10;
const MULTIPLIER_0: u32 = 0xD251_1F53;
const MULTIPLIER_1: u32 = 0xCD9E_8D57;
const WEYL_0: u32 = 0x9E37_79B9;
const WEYL_1: u32 = 0xBB67_AE85;

/// Blocks of the generator that are computed side by side: two registers of four. A block takes
/// ten rounds that wait for each other, so with fewer the processor would wait, and with more, in
/// sixteen registers, they would not stay there.
const WIDE: usize = 8;
/// The same with AVX-512, which has registers of eight, and 32 of them.
#[cfg(target_arch = "x86_64")]
const WIDER: usize = 32;
/// Elements whose upper bytes a block holds.
const ELEMENTS: usize = BLOCK as usize;

/// The blocks from `first` on, in the order of their bytes: `BYTES` is [`ELEMENTS`] times as many.
///
/// Words are kept in the lower halves of 64-bit lanes, where a multiplication takes and leaves
/// them; what is in the upper halves is never looked at. The compiler does not find this way
/// from separate calls.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "`j` is the second index, into four arrays at once"
)]
fn philox_wide<const WIDE: usize, const BYTES: usize>(first: u64, key: [u32; 2]) -> [u8; BYTES] {
    const { assert!(BYTES == ELEMENTS * WIDE) };
    const LOW: u64 = 0xffff_ffff;
    let mut c = [[0u64; WIDE]; 4];
    for j in 0..WIDE {
        let block = first + j as u64;
        (c[0][j], c[1][j]) = (block, block >> 32);
    }
    let [mut k0, mut k1] = key;
    for _ in 0..ROUNDS {
        for j in 0..WIDE {
            let p0 = u64::from(MULTIPLIER_0) * (c[0][j] & LOW);
            let p1 = u64::from(MULTIPLIER_1) * (c[2][j] & LOW);
            c[0][j] = (p1 >> 32) ^ c[1][j] ^ u64::from(k0);
            c[1][j] = p1;
            c[2][j] = (p0 >> 32) ^ c[3][j] ^ u64::from(k1);
            c[3][j] = p0;
        }
        k0 = k0.wrapping_add(WEYL_0);
        k1 = k1.wrapping_add(WEYL_1);
    }
    let mut bytes = [0; BYTES];
    let (halves, _) = bytes.as_chunks_mut::<8>();
    for j in 0..WIDE {
        halves[2 * j] = ((c[0][j] & LOW) | (c[1][j] << 32)).to_le_bytes();
        halves[2 * j + 1] = ((c[2][j] & LOW) | (c[3][j] << 32)).to_le_bytes();
    }
    bytes
}

struct Bytes<'a, const WIDE: usize, const BYTES: usize> {
    out: &'a mut [u8],
    key: u64,
    block: u64,
}

impl<'a, const WIDE: usize, const BYTES: usize> Bytes<'a, WIDE, BYTES> {
    /// Draws as many as there are in whole groups; returns the rest, and its first block.
    #[inline(always)]
    fn groups(self) -> (&'a mut [u8], u64) {
        let halves = [self.key as u32, (self.key >> 32) as u32];
        let (groups, rest) = self.out.as_chunks_mut::<BYTES>();
        let mut block = self.block;
        for group in groups {
            *group = philox_wide::<WIDE, BYTES>(block, halves);
            block += WIDE as u64;
        }
        (rest, block)
    }
}

impl NullaryFnOnce for Bytes<'_, WIDE, { ELEMENTS * WIDE }> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let key = self.key;
        let (rest, first) = self.groups();
        for (block, bytes) in (first..).zip(rest.chunks_mut(ELEMENTS)) {
            let drawn = random::upper_bytes(key, block);
            bytes.copy_from_slice(&drawn[..bytes.len()]);
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl<'a> NullaryFnOnce for Bytes<'a, WIDER, { ELEMENTS * WIDER }> {
    type Output = (&'a mut [u8], u64);

    #[inline(always)]
    fn call(self) -> (&'a mut [u8], u64) {
        self.groups()
    }
}

/// The upper bytes of the words of the elements from `first` on, a multiple of [`BLOCK`].
pub(crate) fn upper_bytes(out: &mut [u8], key: u64, first: usize) {
    let block = first as u64 / BLOCK;
    #[cfg(target_arch = "x86_64")]
    let (out, block) = match pulp::x86::V4::try_new() {
        Some(simd) => simd.vectorize(Bytes::<WIDER, { ELEMENTS * WIDER }> { out, key, block }),
        None => (out, block),
    };
    dispatch(Bytes::<WIDE, { ELEMENTS * WIDE }> { out, key, block });
}

/// Keeps the elements whose bytes, which `flags` holds, are below `upper`. Calls `equal` with the
/// place of each that is `upper` itself; what it returns is the element's flag.
struct Compare<'a, F> {
    flags: &'a mut [u8],
    upper: u8,
    equal: F,
}

impl<F: FnMut(usize) -> u8> NullaryFnOnce for Compare<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Compare {
            flags,
            upper,
            mut equal,
        } = self;
        const AT_ONCE: usize = 64;
        let (groups, rest) = flags.as_chunks_mut::<AT_ONCE>();
        let done = groups.len() * AT_ONCE;
        for (index, group) in groups.iter_mut().enumerate() {
            let mut any = false;
            for &byte in group.iter() {
                any |= byte == upper;
            }
            let mut found = [0; AT_ONCE / 8];
            if any {
                for (found, bytes) in found.iter_mut().zip(group.as_chunks::<8>().0) {
                    *found = zero_bytes(u64::from_le_bytes(*bytes) ^ (u64::from(upper) * ONES));
                }
            }
            for flag in group.iter_mut() {
                *flag = if *flag < upper { KEPT } else { 0 };
            }
            if any {
                for (word, mut found) in found.into_iter().enumerate() {
                    while found != 0 {
                        let place = 8 * word + found.trailing_zeros() as usize / 8;
                        group[place] = equal(index * AT_ONCE + place);
                        found &= found - 1;
                    }
                }
            }
        }
        for (index, flag) in rest.iter_mut().enumerate() {
            *flag = match *flag {
                byte if byte == upper => equal(done + index),
                byte if byte < upper => KEPT,
                _ => 0,
            };
        }
    }
}

/// A one in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The highest bit of each byte that is 0.
#[inline(always)]
fn zero_bytes(x: u64) -> u64 {
    const LOWER: u64 = 0x7f * ONES;
    // The sum carries into the highest bit where any other bit is set, and never out of a byte.
    !(((x & LOWER) + LOWER) | x | LOWER)
}

struct Below<'a>(&'a mut [u8], u8);

impl NullaryFnOnce for Below<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for flag in self.0 {
            *flag = if *flag < self.1 { KEPT } else { 0 };
        }
    }
}

/// Keeps the elements whose words are below `bound`. The tile starts at index `first`, a multiple
/// of [`BLOCK`].
pub(crate) fn keep(flags: &mut [u8], key: u64, bound: u64, first: usize) {
    let Ok(bound) = u32::try_from(bound) else {
        // 2^32: every word is below it.
        return flags.fill(KEPT);
    };
    let (upper, lower) = ((bound >> 24) as u8, bound & 0xff_ffff);
    upper_bytes(flags, key, first);
    if lower == 0 {
        // No lower bits are below 0.
        return dispatch(Below(flags, upper));
    }
    dispatch(Compare {
        flags,
        upper,
        equal: |place| lower_below(key, (first + place) as u64, lower),
    });
}

#[inline(never)]
fn lower_below(key: u64, index: u64, bound: u32) -> u8 {
    match random::lower_bits(key, index) < bound {
        true => KEPT,
        false => 0,
    }
}

struct Bits<'a> {
    flags: &'a mut [u8],
    words: &'a [u64],
    first: usize,
    with: Instructions,
}

impl NullaryFnOnce for Bits<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Bits {
            flags,
            words,
            first,
            with,
        } = self;
        let (number, shift) = (first / 64, first % 64);
        let words = &words[number..];
        let word = |index: usize| match shift {
            0 => words[index],
            _ => {
                let next = words.get(index + 1).copied().unwrap_or(0);
                words[index] >> shift | next << (64 - shift)
            }
        };
        let (groups, rest) = flags.as_chunks_mut::<{ bits::AT_ONCE }>();
        let done = groups.len();
        for (index, group) in groups.iter_mut().enumerate() {
            *group = bits::flags(word(index), with);
        }
        if !rest.is_empty() {
            let last = bits::flags(word(done), with);
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }
}

/// The flag of element `i` is bit `i % 64` of word `i / 64`. The tile starts at index `first`.
pub(crate) fn bits(flags: &mut [u8], words: &[u64], first: usize) {
    dispatch(Bits {
        flags,
        words,
        first,
        with: bits::instructions(),
    });
}

/// 1 for the flag of an element that is kept, 0 for the other.
#[inline(always)]
pub(super) fn one(flag: u8) -> f32 {
    // All bits of the flag, widened, are equal.
    f32::from_bits(i32::from(flag as i8) as u32 & 1.0f32.to_bits())
}

struct Ones<'a>(&'a mut [f32], &'a [u8]);

impl NullaryFnOnce for Ones<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (out, &flag) in self.0.iter_mut().zip(self.1) {
            *out = one(flag);
        }
    }
}

/// The mask itself: 1 where an element is kept.
pub(crate) fn mask(out: &mut [f32], flags: &[u8]) {
    dispatch(Ones(out, flags));
}

struct Times<'a>(&'a mut [f32], &'a [f32], &'a [u8]);

impl NullaryFnOnce for Times<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for ((out, &x), &flag) in self.0.iter_mut().zip(self.1).zip(self.2) {
            *out = x * one(flag);
        }
    }
}

/// `x` times that mask.
pub(crate) fn masked(out: &mut [f32], x: &[f32], flags: &[u8]) {
    dispatch(Times(out, x, flags));
}

struct KeepBy<'a> {
    out: &'a mut [f32],
    p: &'a [f32],
    bytes: &'a [u8],
    key: u64,
    first: usize,
}

impl NullaryFnOnce for KeepBy<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let KeepBy {
            out,
            p,
            bytes,
            key,
            first,
        } = self;
        // A word is below the rounded bound exactly if it is at least a half below the bound
        // itself. So the upper byte keeps an element if what comes after it is no more than the
        // probability, and drops it if it is no less itself: both are exact in f32.
        let mut undecided = false;
        for ((out, &p), &byte) in out.iter_mut().zip(p).zip(bytes) {
            let low = f32::from(byte) * (1.0 / 256.0);
            let high = (f32::from(byte) + 1.0) * (1.0 / 256.0);
            *out = if high <= p { 1.0 } else { 0.0 };
            undecided |= (low < p) & (p < high);
        }
        if undecided {
            for (index, (&p, &byte)) in p.iter().zip(bytes).enumerate() {
                let place = p * 256.0;
                if f32::from(byte) < place && place < f32::from(byte) + 1.0 {
                    let bound = random::keep_bound(f64::from(p));
                    let index_there = (first + index) as u64;
                    let word = u32::from(byte) << 24 | random::lower_bits(key, index_there);
                    out[index] = f32::from(u8::from(u64::from(word) < bound));
                }
            }
        }
    }
}

/// 1 where the element's random word is below the bound of its probability in `p`
/// ([`random::keep_bound`]). The tile starts at index `first`, a multiple of [`BLOCK`].
pub(crate) fn keep_by(out: &mut [f32], p: &[f32], key: u64, first: usize) {
    const AT_ONCE: usize = 64;
    let mut bytes = [0; AT_ONCE];
    for (index, (out, p)) in out.chunks_mut(AT_ONCE).zip(p.chunks(AT_ONCE)).enumerate() {
        let first = first + index * AT_ONCE;
        let bytes = &mut bytes[..out.len()];
        upper_bytes(bytes, key, first);
        dispatch(KeepBy {
            out,
            p,
            bytes,
            key,
            first,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u64 = 0xdead_beef_0123;

    #[test]
    fn masks_follow_the_generator_at_any_offset() {
        // Bounds that the upper byte decides, and others.
        let bounds = [
            0,
            1,
            1 << 31,
            0x7f80_0000,
            0x4ccc_cccd,
            u64::from(u32::MAX),
            1 << 32,
        ];
        for first in [0usize, 16, 992, (1 << 36) - 16] {
            let words: Vec<u64> = (0..4000)
                .map(|i| u64::from(random::word(KEY, (first + i) as u64)))
                .collect();
            // The word itself is not below the bound, and the next is.
            for bound in bounds
                .into_iter()
                .chain([words[7], words[7] + 1, words[3999] + 1])
            {
                let mut flags = vec![3; words.len()];
                keep(&mut flags, KEY, bound, first);
                for (&flag, &word) in flags.iter().zip(&words) {
                    assert_eq!(
                        flag,
                        if word < bound { KEPT } else { 0 },
                        "{word} < {bound}"
                    );
                }
            }
        }
    }

    #[test]
    fn masks_multiply_as_ones_and_zeros_do() {
        let x = [1.5, -2.0, 0.0, -0.0, f32::INFINITY, f32::NAN, -3.0e-45];
        for (flag, by) in [(KEPT, 1.0), (0, 0.0f32)] {
            let flags = vec![flag; x.len()];
            let mut out = vec![7.0; x.len()];
            masked(&mut out, &x, &flags);
            for (out, x) in out.iter().zip(x) {
                assert_eq!(out.to_bits(), (x * by).to_bits(), "{x} times {by}");
            }
            mask(&mut out, &flags);
            assert!(out.iter().all(|&x| x.to_bits() == by.to_bits()));
        }
    }

    #[test]
    fn bits_are_read_from_the_lowest() {
        let words = [0x8000_0000_0000_0005, 0x3];
        let places = |first: usize, length: usize| {
            let mut flags = vec![3; length];
            bits(&mut flags, &words, first);
            assert!(flags.iter().all(|&flag| flag == 0 || flag == KEPT));
            let kept = (0..length).filter(|&i| flags[i] == KEPT);
            kept.collect::<Vec<_>>()
        };
        assert_eq!(places(0, 66), [0, 2, 63, 64, 65]);
        assert_eq!(places(48, 20), [15, 16, 17]);
    }

    #[test]
    fn probabilities_give_the_bounds_of_the_generator() {
        // Around the word itself, where rounding decides.
        for first in [0usize, 256, 4096] {
            let mut p = Vec::new();
            for index in 0..300u64 {
                let word = f64::from(random::word(7, first as u64 + index));
                let near = ((word + [0.0, 0.5, 1.0][index as usize % 3]) / 4_294_967_296.0) as f32;
                let odd = [0.0, 1.0, -1.0, 2.0, f32::NAN, f32::INFINITY, 0.5, 0.25];
                p.push(if index % 7 == 0 {
                    odd[index as usize / 7 % odd.len()]
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
