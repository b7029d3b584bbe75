//! Masks between one bit and one byte for each element.
//!
//! The compiler does not find the instructions for this, so they are named.

use super::dispatch;
use super::draw::KEPT;
use pulp::NullaryFnOnce;
use std::sync::atomic::{AtomicU64, Ordering};

/// Elements that are converted at once.
pub(super) const AT_ONCE: usize = 64;

/// The instructions that there are, if any.
#[cfg(target_arch = "x86_64")]
pub(super) type Instructions = Option<pulp::x86::V3>;
#[cfg(not(target_arch = "x86_64"))]
pub(super) type Instructions = Option<std::convert::Infallible>;

/// Those of this processor.
pub(super) fn instructions() -> Instructions {
    #[cfg(target_arch = "x86_64")]
    return pulp::x86::V3::try_new();
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// The instructions for registers of 64 bytes, if there are.
#[cfg(target_arch = "x86_64")]
pub(super) type Wide = Option<pulp::x86::V4>;
#[cfg(not(target_arch = "x86_64"))]
pub(super) type Wide = Option<std::convert::Infallible>;

/// Those of this processor.
pub(super) fn wide() -> Wide {
    #[cfg(target_arch = "x86_64")]
    return pulp::x86::V4::try_new();
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// Bit `i` of the first is whether key `i` is below `key`, of the second whether it is not above.
#[inline(always)]
pub(super) fn compare(keys: &[u16; AT_ONCE], key: u16, with: Wide) -> [u64; 2] {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = with {
        return [below_key(simd, keys, key), up_to_key(simd, keys, key)];
    }
    let _ = with;
    let bits = |is_so: fn(u16, u16) -> bool| {
        let keys = keys.iter().enumerate();
        keys.fold(0, |bits, (i, &other)| {
            bits | u64::from(is_so(other, key)) << i
        })
    };
    [
        bits(|other, key| other < key),
        bits(|other, key| other <= key),
    ]
}

/// How many keys are below `key`, or equal to it where `or_equal`.
#[inline(always)]
pub(super) fn count(rows: &[[u16; AT_ONCE]], key: u16, or_equal: bool, with: Wide) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = with {
        return match or_equal {
            true => count_up_to(simd, rows, key),
            false => count_below(simd, rows, key),
        };
    }
    let _ = with;
    let keys = rows.as_flattened().iter();
    match or_equal {
        true => keys.map(|&other| u32::from(other <= key)).sum(),
        false => keys.map(|&other| u32::from(other < key)).sum(),
    }
}

/// At most so many bytes, with zeros after them.
#[inline(always)]
pub(super) fn padded(bytes: &[u8]) -> [u8; AT_ONCE] {
    bytes.try_into().unwrap_or_else(|_| {
        let mut all = [0; AT_ONCE];
        all[..bytes.len()].copy_from_slice(bytes);
        all
    })
}

/// Bit `i` is whether byte `i` is below `bound`.
#[inline(always)]
pub(super) fn below(bytes: &[u8; AT_ONCE], bound: u64, with: Instructions) -> u64 {
    match u8::try_from(bound) {
        Err(_) => u64::MAX,
        Ok(0) => 0,
        Ok(bound) => up_to(bytes, bound - 1, with),
    }
}

#[inline(always)]
fn up_to(bytes: &[u8; AT_ONCE], most: u8, with: Instructions) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = with {
        let [low, high]: [[u8; 32]; 2] = pulp::cast(*bytes);
        let low = half_up_to(simd, low, most);
        let high = half_up_to(simd, high, most);
        return low | high << 32;
    }
    let _ = with;
    let bits = bytes.iter().enumerate();
    bits.fold(0, |bits, (i, &byte)| bits | u64::from(byte <= most) << i)
}

struct Store<'a> {
    words: &'a [AtomicU64],
    flags: &'a [u8],
    first: usize,
    with: Instructions,
}

impl NullaryFnOnce for Store<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Store {
            words,
            flags,
            first,
            with,
        } = self;
        let (number, shift) = (first / AT_ONCE, first % AT_ONCE);
        let before = flags.len().min((AT_ONCE - shift) % AT_ONCE);
        let (before, flags) = flags.split_at(before);
        let (groups, rest) = flags.as_chunks::<AT_ONCE>();
        if !before.is_empty() {
            words[number].fetch_or(few(before) << shift, Ordering::Relaxed);
        }
        let words = &words[number + usize::from(shift > 0)..];
        for (word, group) in words.iter().zip(groups) {
            // Nobody else has bits of a whole word, and adding to it would take longer.
            word.store(!below(group, u64::from(KEPT), with), Ordering::Relaxed);
        }
        if !rest.is_empty() {
            words[groups.len()].fetch_or(few(rest), Ordering::Relaxed);
        }
    }
}

/// The bits of fewer flags than fill a word.
fn few(flags: &[u8]) -> u64 {
    let bits = flags.iter().enumerate();
    bits.fold(0, |bits, (i, &flag)| bits | u64::from(flag == KEPT) << i)
}

/// Sets bit `i % 64` of word `i / 64` where an element `i` is kept. The flags are those of a tile
/// that starts at index `first`; others may store the rest of its first word and of its last.
pub(crate) fn store(words: &[AtomicU64], flags: &[u8], first: usize) {
    dispatch(Store {
        words,
        flags,
        first,
        with: instructions(),
    });
}

/// Flag `i` is [`KEPT`] where bit `i` is set, and 0 elsewhere.
#[inline(always)]
pub(super) fn flags(bits: u64, with: Instructions) -> [u8; AT_ONCE] {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = with {
        let low = half_of_flags(simd, bits as u32);
        let high = half_of_flags(simd, (bits >> 32) as u32);
        return pulp::cast([low, high]);
    }
    let _ = with;
    std::array::from_fn(|i| if bits >> i & 1 != 0 { KEPT } else { 0 })
}

// Functions of their own, as closures would not be compiled for these instructions.

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn below_key(simd: pulp::x86::V4, keys: &[u16; AT_ONCE], key: u16) -> u64 {
    let key = simd.avx512f._mm512_set1_epi16(key as i16);
    let [low, high]: [[u16; 32]; 2] = pulp::cast(*keys);
    let low = simd.avx512bw._mm512_cmplt_epu16_mask(pulp::cast(low), key);
    let high = simd.avx512bw._mm512_cmplt_epu16_mask(pulp::cast(high), key);
    u64::from(low) | u64::from(high) << 32
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn up_to_key(simd: pulp::x86::V4, keys: &[u16; AT_ONCE], key: u16) -> u64 {
    let key = simd.avx512f._mm512_set1_epi16(key as i16);
    let [low, high]: [[u16; 32]; 2] = pulp::cast(*keys);
    let low = simd.avx512bw._mm512_cmple_epu16_mask(pulp::cast(low), key);
    let high = simd.avx512bw._mm512_cmple_epu16_mask(pulp::cast(high), key);
    u64::from(low) | u64::from(high) << 32
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn count_below(simd: pulp::x86::V4, rows: &[[u16; AT_ONCE]], key: u16) -> u32 {
    let mut total = 0;
    for row in rows {
        total += below_key(simd, row, key).count_ones();
    }
    total
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn count_up_to(simd: pulp::x86::V4, rows: &[[u16; AT_ONCE]], key: u16) -> u32 {
    let mut total = 0;
    for row in rows {
        total += up_to_key(simd, row, key).count_ones();
    }
    total
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn half_up_to(simd: pulp::x86::V3, bytes: [u8; 32], most: u8) -> u64 {
    let bytes = pulp::cast(bytes);
    let most = simd.avx._mm256_set1_epi8(most as i8);
    let larger = simd.avx2._mm256_max_epu8(bytes, most);
    let is_most = simd.avx2._mm256_cmpeq_epi8(larger, most);
    u64::from(simd.avx2._mm256_movemask_epi8(is_most) as u32)
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn half_of_flags(simd: pulp::x86::V3, bits: u32) -> [u8; 32] {
    /// The byte that holds the bit of each flag.
    const BYTES: [u8; 32] = {
        let mut bytes = [0; 32];
        let mut place = 0;
        while place < 32 {
            bytes[place] = (place / 8) as u8;
            place += 1;
        }
        bytes
    };
    let all = simd.avx._mm256_set1_epi32(bits as i32);
    let own = simd.avx2._mm256_shuffle_epi8(all, pulp::cast(BYTES));
    let bit = simd
        .avx
        ._mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
    let set = simd.avx2._mm256_and_si256(own, bit);
    pulp::cast(simd.avx2._mm256_cmpeq_epi8(set, bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_store_the_bits_of_their_elements() {
        let flags: Vec<u8> = (0..300u32)
            .map(|i| {
                if i.wrapping_mul(0x9E37_79B9) >> 30 == 0 {
                    0
                } else {
                    KEPT
                }
            })
            .collect();
        for tile in [1, 16, 48, 64, 112, 128, 300] {
            let words: Vec<AtomicU64> = (0..5).map(|_| AtomicU64::new(0)).collect();
            for (number, flags) in flags.chunks(tile).enumerate() {
                store(&words, flags, number * tile);
            }
            for i in 0..320 {
                let bit = words[i / 64].load(Ordering::Relaxed) >> (i % 64) & 1;
                let kept = flags.get(i).is_some_and(|&flag| flag == KEPT);
                assert_eq!(bit == 1, kept, "{i} of tiles of {tile}");
            }
        }
    }

    #[test]
    fn bits_and_bytes_are_in_the_same_order() {
        for with in [None, instructions()] {
            let mut bytes = [200; AT_ONCE];
            for place in [0, 1, 13, 31, 32, 62, 63] {
                bytes[place] = 7;
            }
            let bits = 1 | 1 << 1 | 1 << 13 | 1 << 31 | 1 << 32 | 1 << 62 | 1 << 63;
            assert_eq!(below(&bytes, 8, with), bits);
            assert_eq!(below(&bytes, 7, with), 0);
            assert_eq!(below(&bytes, 200, with), bits);
            assert_eq!(below(&bytes, 201, with), u64::MAX);
            assert_eq!(below(&bytes, 0, with), 0);
            assert_eq!(below(&bytes, 256, with), u64::MAX);
            let flags = flags(bits, with);
            for (place, flag) in flags.into_iter().enumerate() {
                assert_eq!(flag, if bytes[place] == 7 { KEPT } else { 0 });
            }
        }
    }

    #[test]
    fn keys_are_compared_and_counted_with_any_instructions() {
        let key = |i: usize| [0, 7, 8, u16::MAX - 2, 9][i % 5] + (i / 60) as u16 % 2;
        let rows: Vec<[u16; AT_ONCE]> = (0..3)
            .map(|row| std::array::from_fn(|i| key(row * 31 + i)))
            .collect();
        for with in [None, wide()] {
            for one in [0, 1, 7, 8, u16::MAX - 1, u16::MAX] {
                let all = || rows.as_flattened().iter();
                let less = all().filter(|&&other| other < one).count() as u32;
                let not_larger = all().filter(|&&other| other <= one).count() as u32;
                assert_eq!(count(&rows, one, false, with), less);
                assert_eq!(count(&rows, one, true, with), not_larger);
                let [less, not_larger] = compare(&rows[0], one, with);
                for (i, &other) in rows[0].iter().enumerate() {
                    assert_eq!(less >> i & 1 == 1, other < one, "{other} and {one}");
                    assert_eq!(not_larger >> i & 1 == 1, other <= one, "{other} and {one}");
                }
            }
        }
    }
}
