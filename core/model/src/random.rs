//! Random numbers by counter: each number is a function of its key and its index alone, so neither
//! the order of the draws nor the number of threads changes them.

/// A stream of random numbers, addressed by index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CounterRng {
    key: u64,
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014), a bijection on 64 bits.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl CounterRng {
    /// The stream named by `seed` and `path`, for instance `["shuffle", epoch]` hashed by the
    /// caller's choice of numbers.
    pub(crate) fn new(seed: u64, purpose: &str, path: &[u64]) -> Self {
        let mut key = mix(seed ^ GOLDEN);
        for byte in purpose.bytes() {
            key = mix(key.wrapping_add(GOLDEN) ^ u64::from(byte));
        }
        for part in path {
            key = mix(key.wrapping_add(GOLDEN) ^ mix(part.wrapping_add(GOLDEN)));
        }
        Self { key }
    }

    /// 64 random bits.
    pub(crate) fn bits(&self, index: u64) -> u64 {
        mix(mix(self.key.wrapping_add(index.wrapping_mul(GOLDEN))) ^ self.key)
    }

    /// A number in `[0, 1)` with 53 random bits.
    pub(crate) fn uniform(&self, index: u64) -> f64 {
        (self.bits(index) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number in `0..bound`; `bound` must not be zero. The bias is below `bound / 2^64`.
    pub(crate) fn below(&self, index: u64, bound: usize) -> usize {
        ((u128::from(self.bits(index)) * bound as u128) >> 64) as usize
    }

    /// A number from the standard normal distribution (Box and Muller, 1958).
    pub(crate) fn normal(&self, index: u64) -> f64 {
        // 1 - u lies in (0, 1], so the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.uniform(2 * index)).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform(2 * index + 1)).cos()
    }

    /// The numbers `0..len` in random order (Fisher and Yates).
    pub(crate) fn permutation(&self, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        for last in (1..len).rev() {
            order.swap(last, self.below(last as u64, last + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_mean_zero_and_variance_one() {
        let rng = CounterRng::new(7, "test", &[]);
        let numbers: Vec<f64> = (0..20_000).map(|index| rng.normal(index)).collect();
        let mean = numbers.iter().sum::<f64>() / 20_000.0;
        let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        // Five standard errors: 5 / sqrt(20000) and 5 * sqrt(2 / 20000).
        assert!(mean.abs() < 0.036, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.05, "variance {variance}");
    }

    #[test]
    fn permutation_holds_every_number_once() {
        let mut order = CounterRng::new(1, "shuffle", &[3]).permutation(100);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_path() {
        let first = |seed, purpose, path: &[u64]| CounterRng::new(seed, purpose, path).bits(0);
        let all = [
            first(0, "a", &[]),
            first(1, "a", &[]),
            first(0, "b", &[]),
            first(0, "a", &[0]),
            first(0, "a", &[0, 0]),
            first(0, "a", &[1]),
        ];
        for (index, value) in all.iter().enumerate() {
            assert!(!all[..index].contains(value), "streams collide");
        }
    }
}
