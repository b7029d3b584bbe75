//! Random numbers that depend on where they are used, not on when.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011) maps a counter and a key to four 32-bit words. The key comes from (seed, tensor name,
//! model id) and the counter from the element's index. So a mask is the same for any chunking,
//! any thread count, any device, and with any models added or layers left out.

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

/// The 32 random bits of element `index` under `key`.
#[inline]
pub fn word(key: u64, index: u64) -> u32 {
    let block = index / 4;
    philox(
        [block as u32, (block >> 32) as u32, 0, 0],
        [key as u32, (key >> 32) as u32],
    )[(index % 4) as usize]
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
