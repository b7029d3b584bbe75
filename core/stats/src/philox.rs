//! Random numbers that depend only on where they are used, never on the thread that draws them.
//!
//! Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): ten
//! rounds of a bijection on a 128-bit counter under a 64-bit key, which passes BigCrush. The key is the user's seed;
//! the counter holds the purpose, the replicate and the position within the replicate, so replicate 7,000 can be
//! drawn without drawing the 6,999 before it.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// The four words at `counter` under `key`.
#[inline]
pub fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..ROUNDS {
        if round > 0 {
            key[0] = key[0].wrapping_add(WEYL[0]);
            key[1] = key[1].wrapping_add(WEYL[1]);
        }
        let first = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let second = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
    }
    counter
}

/// What random numbers are for. Two purposes never share numbers, whatever the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Which examples exchange their system.
    Swap,
    /// Which examples a bootstrap resample holds.
    Bootstrap,
    /// Made-up data, in simulations and tests.
    Simulation,
    /// Which trained replicates a bootstrap resample holds.
    Replicates,
}

impl Purpose {
    /// Part of every published result: never renumber.
    fn word(self) -> u32 {
        match self {
            Purpose::Swap => 1,
            Purpose::Bootstrap => 2,
            Purpose::Simulation => 3,
            Purpose::Replicates => 4,
        }
    }
}

/// The random numbers of one replicate.
///
/// ```
/// use mergelab_stats::philox::{Philox, Purpose};
///
/// let mut first = Philox::new(7, Purpose::Bootstrap, 41);
/// let mut again = Philox::new(7, Purpose::Bootstrap, 41);
/// assert_eq!(first.below(500), again.below(500));
/// ```
#[derive(Debug, Clone)]
pub struct Philox {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Philox {
    /// The stream for `replicate` under `seed`, from its first number.
    ///
    /// A stream holds 2^34 words, then repeats.
    pub fn new(seed: u64, purpose: Purpose, replicate: u64) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [
                0,
                purpose.word(),
                replicate as u32,
                (replicate >> 32) as u32,
            ],
            block: [0; 4],
            used: 4,
        }
    }

    /// 32 uniform bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox4x32(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }

    /// A uniform integer in `0..bound`, without bias (Lemire 2019, "Fast random integer generation in an interval").
    ///
    /// Returns 0 for a bound of 0.
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        let mut product = u64::from(self.next_u32()) * u64::from(bound);
        if (product as u32) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u32) < threshold {
                product = u64::from(self.next_u32()) * u64::from(bound);
            }
        }
        (product >> 32) as u32
    }

    /// A uniform number in `[0, 1)` with 53 bits.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        let high = u64::from(self.next_u32()) << 32;
        let bits = (high | u64::from(self.next_u32())) >> 11;
        bits as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The known answers published with the reference implementation, Random123 1.14.
    #[test]
    fn matches_the_published_answers() {
        let cases = [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [u32::MAX; 4],
                [u32::MAX; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox4x32(counter, key), expected);
        }
    }

    #[test]
    fn purposes_and_replicates_differ() {
        let words = |purpose, replicate| {
            let mut stream = Philox::new(1, purpose, replicate);
            (0..8).map(|_| stream.next_u32()).collect::<Vec<_>>()
        };
        assert_ne!(words(Purpose::Swap, 0), words(Purpose::Bootstrap, 0));
        assert_ne!(words(Purpose::Swap, 0), words(Purpose::Swap, 1));
        assert_ne!(words(Purpose::Swap, 0), words(Purpose::Swap, 1 << 32));
    }

    // 70,000 draws over 7 cells: each count is Binomial(70000, 1/7), sd 92.6; five sd is 463.
    #[test]
    fn bounded_draws_are_even() {
        let mut stream = Philox::new(3, Purpose::Simulation, 0);
        let mut counts = [0i64; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        for count in counts {
            assert!((count - 10_000).abs() < 463, "{counts:?}");
        }
        assert_eq!(stream.below(0), 0);
        assert_eq!(stream.below(1), 0);
    }

    // The mean of 10,000 uniforms has sd 0.0029; five sd is 0.0144.
    #[test]
    fn uniforms_have_mean_one_half() {
        let mut stream = Philox::new(9, Purpose::Simulation, 0);
        let mean = (0..10_000).map(|_| stream.uniform()).sum::<f64>() / 1e4;
        assert!((mean - 0.5).abs() < 0.0144, "{mean}");
    }
}
