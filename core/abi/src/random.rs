//! Random numbers that depend on where they are used, not on when.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011) maps a counter and a key to four 32-bit words. The key comes from (seed, tensor name,
//! model id) and the counter from the element's index. So a mask is the same for any chunking,
//! any thread count, any device, and with any models added or layers left out.
//!
//! An element has a word of 32 bits and is kept where that is below a bound. The upper byte decides
//! for all but one element in 256, so a block serves 16 elements: byte `i % 16` of the block with
//! the counter `[i / 16, 0]` is the upper byte of element `i`'s word, and the lower bits are the
//! upper 24 of the first word of the block with the counter `[i, 1]`. No two of these counters are
//! the same, so all bits are as independent as those of different blocks.

use std::cmp::Ordering;

const MULTIPLIER_0: u32 = 0xD251_1F53;
const MULTIPLIER_1: u32 = 0xCD9E_8D57;
const WEYL_0: u32 = 0x9E37_79B9;
const WEYL_1: u32 = 0xBB67_AE85;

/// One block of Philox4x32-10.
///
/// ```
/// use mergelab_abi::random::philox;
/// // Known answer from the authors' Random123 test vectors.
/// assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
/// ```
#[inline]
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for round in 0..10 {
        if round > 0 {
            k0 = k0.wrapping_add(WEYL_0);
            k1 = k1.wrapping_add(WEYL_1);
        }
        let p0 = u64::from(MULTIPLIER_0) * u64::from(c0);
        let p1 = u64::from(MULTIPLIER_1) * u64::from(c2);
        (c0, c1, c2, c3) = (
            (p1 >> 32) as u32 ^ c1 ^ k0,
            p1 as u32,
            (p0 >> 32) as u32 ^ c3 ^ k1,
            p0 as u32,
        );
    }
    [c0, c1, c2, c3]
}

/// Key of one model's mask for one tensor.
///
/// The first eight bytes of BLAKE3 over the seed and the two names, each with its length so that
/// no two pairs of names read the same.
pub fn mask_key(seed: u64, tensor: &str, model: &str) -> u64 {
    let mut hash = blake3::Hasher::new();
    hash.update(&seed.to_le_bytes());
    for text in [tensor, model] {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    let mut first = [0u8; 8];
    first.copy_from_slice(&hash.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// Elements that one block of the generator has a byte for.
pub const BLOCK: u64 = 16;

/// The block that holds the upper bytes of the words of the elements from `BLOCK * block` on: byte
/// `i` for the `i`-th of them, the bytes of each word from the lowest.
#[inline]
pub fn upper_bytes(key: u64, block: u64) -> [u8; BLOCK as usize] {
    let words = philox([block as u32, (block >> 32) as u32, 0, 0], halves(key));
    let mut bytes = [0; BLOCK as usize];
    for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    bytes
}

/// The lower 24 bits of the word of element `index`.
///
/// They come from a block of their own, as nearly nobody asks for them: one element in 256 has the
/// upper byte of a bound.
#[inline]
pub fn lower_bits(key: u64, index: u64) -> u32 {
    philox([index as u32, (index >> 32) as u32, 1, 0], halves(key))[0] >> 8
}

/// The 32 random bits of element `index` under `key`.
#[inline]
pub fn word(key: u64, index: u64) -> u32 {
    let upper = upper_bytes(key, index / BLOCK)[(index % BLOCK) as usize];
    (u32::from(upper) << 24) | lower_bits(key, index)
}

/// Whether the word of element `index`, whose upper byte is `upper`, is below `bound`. The lower bits
/// are drawn only if they decide.
#[inline]
pub fn is_below(bound: u64, upper: u8, key: u64, index: u64) -> bool {
    // The bound 2^32 has the upper part 256.
    let (above, below) = (bound >> 24, bound & 0xff_ffff);
    match u64::from(upper).cmp(&above) {
        Ordering::Less => true,
        Ordering::Equal => u64::from(lower_bits(key, index)) < below,
        Ordering::Greater => false,
    }
}

fn halves(key: u64) -> [u32; 2] {
    [key as u32, (key >> 32) as u32]
}

/// Words below this bound are kept: the bound for keeping with probability `p`.
///
/// `p` of 1 gives 2^32, which every word is below.
pub fn keep_bound(p: f64) -> u64 {
    (p.clamp(0.0, 1.0) * 4_294_967_296.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_answers() {
        // Random123, kat_vectors, philox4x32 10.
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn keys_tell_names_apart() {
        assert_ne!(mask_key(1, "ab", "c"), mask_key(1, "a", "bc"));
        assert_ne!(mask_key(1, "a", "b"), mask_key(2, "a", "b"));
        assert_eq!(mask_key(1, "a", "b"), mask_key(1, "a", "b"));
    }

    #[test]
    fn words_are_put_together_from_two_blocks() {
        let (key, index) = (0x0123_4567_89ab_cdef, 5 * 16 + 6);
        let block = philox([5, 0, 0, 0], [0x89ab_cdef, 0x0123_4567]);
        let lower = philox([index as u32, 0, 1, 0], [0x89ab_cdef, 0x0123_4567]);
        // Byte 6 is byte 2 of the second word.
        let upper = (block[1] >> 16) & 0xff;
        assert_eq!(word(key, index), upper << 24 | lower[0] >> 8);
        assert_eq!(upper_bytes(key, 5)[6], upper as u8);
        let word = u64::from(word(key, index));
        let bounds = [
            0,
            word,
            word + 1,
            (word >> 24) << 24,
            ((word >> 24) + 1) << 24,
            1 << 32,
        ];
        for bound in bounds {
            assert_eq!(
                is_below(bound, upper as u8, key, index),
                word < bound,
                "{bound}"
            );
        }
    }

    /// Chi-square of counts that should all be equal, in standard deviations from what is expected.
    fn excess(counts: &[u32]) -> f64 {
        let total: f64 = counts.iter().map(|&n| f64::from(n)).sum();
        let mean = total / counts.len() as f64;
        let chi: f64 = counts
            .iter()
            .map(|&n| (f64::from(n) - mean).powi(2) / mean)
            .sum();
        let freedom = (counts.len() - 1) as f64;
        (chi - freedom) / (2.0 * freedom).sqrt()
    }

    /// Keys of tensors, models and seeds that are as close as they get.
    fn keys() -> Vec<u64> {
        let key = |i: u64| match i % 3 {
            0 => mask_key(i, "model.layers.0.mlp.up_proj.weight", "a"),
            1 => mask_key(0, &format!("model.layers.{i}.mlp.up_proj.weight"), "a"),
            _ => mask_key(0, "model.layers.0.mlp.up_proj.weight", &format!("a{i}")),
        };
        (0..48)
            .map(key)
            .chain([0, 1, 2, 3, u64::MAX, 1 << 32])
            .collect()
    }

    #[test]
    fn bytes_are_even_and_independent() {
        // Each byte, and each pair with that of: the next elements, the same place of the next
        // block, and the same element under the next key.
        let keys = keys();
        let n = 1 << 14;
        let bytes: Vec<Vec<u8>> = keys
            .iter()
            .map(|&key| {
                (0..n / BLOCK)
                    .flat_map(|block| upper_bytes(key, block))
                    .collect()
            })
            .collect();
        let mut single = vec![0u32; 256];
        let mut pairs = vec![vec![0u32; 1 << 16]; 6];
        for (bytes, next) in bytes.iter().zip(bytes.iter().cycle().skip(1)) {
            for i in 0..n as usize - 64 {
                let byte = usize::from(bytes[i]);
                single[byte] += 1;
                let others = [
                    bytes[i + 1],
                    bytes[i + 2],
                    bytes[i + 4],
                    bytes[i + 16],
                    bytes[i + 64],
                ];
                for (pairs, other) in pairs.iter_mut().zip(others.into_iter().chain([next[i]])) {
                    pairs[byte << 8 | usize::from(other)] += 1;
                }
            }
        }
        assert!(excess(&single).abs() < 5.0, "{}", excess(&single));
        for (number, pairs) in pairs.iter().enumerate() {
            assert!(
                excess(pairs).abs() < 5.0,
                "pair {number}: {}",
                excess(pairs)
            );
        }
    }

    #[test]
    fn lower_bits_are_even_and_independent_of_the_upper_byte() {
        let mut upper = vec![0u32; 1 << 16];
        let mut lower = vec![0u32; 1 << 16];
        for key in keys() {
            for index in 0..1 << 13 {
                let word = word(key, index);
                upper[(word >> 16) as usize] += 1;
                lower[(word >> 8 & 0xffff) as usize] += 1;
            }
        }
        assert!(excess(&upper).abs() < 5.0, "{}", excess(&upper));
        assert!(excess(&lower).abs() < 5.0, "{}", excess(&lower));
    }

    #[test]
    fn masks_of_models_seeds_and_tensors_do_not_correlate() {
        let n = 1u64 << 14;
        let bound = keep_bound(0.5);
        let masks: Vec<Vec<f64>> = keys()
            .into_iter()
            .map(|key| {
                let kept = |i| {
                    if u64::from(word(key, i)) < bound {
                        1.0
                    } else {
                        -1.0
                    }
                };
                (0..n).map(kept).collect()
            })
            .collect();
        for (number, a) in masks.iter().enumerate() {
            for b in &masks[number + 1..] {
                let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                // 1431 pairs: one in a million of good generators would be above.
                assert!((product / (n as f64).sqrt()).abs() < 6.2);
            }
        }
    }

    #[test]
    fn the_share_of_kept_words_is_the_probability() {
        let n = 40_000u64;
        for p in [0.1, 0.5, 0.9] {
            let bound = keep_bound(p);
            let kept = (0..n).filter(|&i| u64::from(word(7, i)) < bound).count() as f64;
            // Five standard deviations of a binomial share.
            let slack = 5.0 * (p * (1.0 - p) / n as f64).sqrt();
            assert!((kept / n as f64 - p).abs() < slack, "p={p}");
        }
        assert_eq!(keep_bound(1.0), 1 << 32);
        assert_eq!(keep_bound(0.0), 0);
    }
}
