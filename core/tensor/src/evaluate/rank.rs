//! The k-th largest magnitude, and which elements are among the k largest.
//!
//! A radix selection over the bit patterns of magnitudes: one pass counts by the upper 16 bits
//! and finds the bucket of the k-th, a second one counts by the lower 15 bits within it. Where
//! the first count decides, there is no second: when all lower bits are zero (values that fit
//! bf16), or when a mask keeps the whole bucket.
//!
//! A mask that keeps only some of several equal magnitudes needs the index of the last one that
//! it keeps: a pass counts them for each block, and a look into one block finds it.

use crate::error::Error;
use crate::kernels::magnitude::{FINE, LOW_BITS, value};
use crate::kernels::mask::Cut;
use crate::statistic::{Collect, Collected};
use crate::{BLOCK, CHUNK};
use mergelab_abi::ops::Op;
use std::ops::Range;

/// An order statistic on the way to its result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rank {
    len: usize,
    /// Counted from 1.
    k: u64,
    mask: bool,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// How many elements are zero, which the share of the others that is kept depends on.
    Zeros {
        share: f64,
    },
    /// All magnitudes at once.
    Small,
    Coarse,
    /// `above` elements are larger than any in the bucket.
    Fine {
        bucket: u32,
        above: u64,
    },
    /// Of the elements with this magnitude, the first `keep` are kept.
    Equal {
        threshold: u32,
        keep: u64,
    },
    /// The same, but of those in one block.
    Locate {
        threshold: u32,
        keep: u64,
        block: usize,
    },
}

impl Stage {
    /// Where `k` is known.
    fn first(len: usize) -> Self {
        match len <= CHUNK {
            true => Stage::Small,
            false => Stage::Coarse,
        }
    }
}

/// What is known after a pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ranked {
    /// The k-th largest magnitude.
    Value(f64),
    /// What a mask keeps.
    Cut(Cut),
    /// Another pass is needed.
    Unfinished,
}

impl Rank {
    pub(super) fn new(op: Op, len: usize, k: u64) -> Result<Self, Error> {
        if u32::try_from(len).is_err() {
            return Err(Error::TooLarge {
                operation: op.name(),
                elements: len,
            });
        }
        Ok(Self {
            len,
            k,
            mask: matches!(op, Op::TopKMask | Op::TopShareMask),
            stage: Stage::first(len),
        })
    }

    /// A mask of this share of the elements other than zero.
    pub(super) fn of_share(op: Op, len: usize, share: f64) -> Result<Self, Error> {
        let mut rank = Self::new(op, len, 0)?;
        rank.stage = Stage::Zeros { share };
        Ok(rank)
    }

    /// The range that the next pass goes over, and what it collects.
    pub(super) fn next_pass(&self) -> (Range<usize>, Collect) {
        let all = 0..self.len;
        match self.stage {
            Stage::Zeros { .. } => (all, Collect::Equal { magnitude: 0 }),
            Stage::Small => (all, Collect::Magnitudes),
            Stage::Coarse => (all, Collect::Coarse),
            Stage::Fine { bucket, .. } => (all, Collect::Fine { bucket }),
            Stage::Equal { threshold, .. } => (
                all,
                Collect::Equal {
                    magnitude: threshold,
                },
            ),
            Stage::Locate { block, .. } => {
                let start = block * BLOCK;
                let end = (start + BLOCK).min(self.len);
                (start..end, Collect::Magnitudes)
            }
        }
    }

    /// Takes what that pass collected.
    pub(super) fn take(&mut self, collected: Collected) -> Ranked {
        match (self.stage, collected) {
            (Stage::Zeros { share }, Collected::Equal { blocks, .. }) => {
                let zeros: u64 = blocks.iter().map(|&(_, count)| u64::from(count)).sum();
                self.k = ((self.len as u64 - zeros) as f64 * share).floor() as u64;
                self.stage = Stage::first(self.len);
                match self.k {
                    0 => Ranked::Cut(Cut::NOTHING),
                    k if k == self.len as u64 => Ranked::Cut(Cut::ALL),
                    _ => Ranked::Unfinished,
                }
            }
            (Stage::Small, Collected::Magnitudes(magnitudes)) => self.small(&magnitudes),
            (Stage::Coarse, Collected::Coarse { counts, low }) => self.coarse(&counts[..], low),
            (Stage::Fine { bucket, above }, Collected::Fine { counts, .. }) => {
                self.fine(bucket, above, &counts[..])
            }
            (Stage::Equal { threshold, keep }, Collected::Equal { mut blocks, .. }) => {
                blocks.sort_unstable();
                self.equal(threshold, keep, &blocks)
            }
            (
                Stage::Locate {
                    threshold,
                    keep,
                    block,
                },
                Collected::Magnitudes(magnitudes),
            ) => Ranked::Cut(Cut {
                threshold,
                cutoff: block * BLOCK + cutoff(&magnitudes, threshold, keep),
            }),
            _ => unreachable!("a pass collects what it was asked for"),
        }
    }

    fn small(&self, magnitudes: &[u32]) -> Ranked {
        let mut ranked = magnitudes.to_vec();
        let (above, &mut threshold, _) =
            ranked.select_nth_unstable_by_key(self.k as usize - 1, |&m| std::cmp::Reverse(m));
        if !self.mask {
            return Ranked::Value(f64::from(value(threshold)));
        }
        let larger = above.iter().filter(|&&m| m > threshold).count() as u64;
        Ranked::Cut(Cut {
            threshold,
            cutoff: cutoff(magnitudes, threshold, self.k - larger),
        })
    }

    fn coarse(&mut self, counts: &[u32], low: u32) -> Ranked {
        let (bucket, above) = find(counts, self.k);
        let threshold = bucket << LOW_BITS;
        let (inside, keep) = (u64::from(counts[bucket as usize]), self.k - above);
        if self.mask && keep == inside {
            // The lowest magnitude of the bucket, whether or not an element has it.
            return Ranked::Cut(Cut {
                threshold,
                cutoff: usize::MAX,
            });
        }
        if low == 0 {
            return self.decided(threshold, inside, keep);
        }
        self.stage = Stage::Fine { bucket, above };
        Ranked::Unfinished
    }

    fn fine(&mut self, bucket: u32, above: u64, counts: &[u32]) -> Ranked {
        debug_assert_eq!(counts.len(), FINE);
        let (low, above_inside) = find(counts, self.k - above);
        let equal = u64::from(counts[low as usize]);
        self.decided(
            (bucket << LOW_BITS) | low,
            equal,
            self.k - above - above_inside,
        )
    }

    /// The threshold is found: `equal` elements have it, `keep` of them are among the k largest.
    fn decided(&mut self, threshold: u32, equal: u64, keep: u64) -> Ranked {
        if !self.mask {
            return Ranked::Value(f64::from(value(threshold)));
        }
        if keep == equal {
            return Ranked::Cut(Cut {
                threshold,
                cutoff: usize::MAX,
            });
        }
        self.stage = Stage::Equal { threshold, keep };
        Ranked::Unfinished
    }

    fn equal(&mut self, threshold: u32, keep: u64, blocks: &[(usize, u32)]) -> Ranked {
        let mut keep = keep;
        for &(block, count) in blocks {
            if keep <= u64::from(count) {
                self.stage = Stage::Locate {
                    threshold,
                    keep,
                    block,
                };
                return Ranked::Unfinished;
            }
            keep -= u64::from(count);
        }
        unreachable!("a mask keeps no more elements than were counted")
    }
}

/// The bucket of the k-th largest, and how many elements are in larger buckets.
fn find(counts: &[u32], k: u64) -> (u32, u64) {
    let mut above = 0;
    for (bucket, &count) in counts.iter().enumerate().rev() {
        if above + u64::from(count) >= k {
            return (bucket as u32, above);
        }
        above += u64::from(count);
    }
    unreachable!("k is at most the number of elements")
}

/// The index after the `keep`-th element of this magnitude.
fn cutoff(magnitudes: &[u32], threshold: u32, keep: u64) -> usize {
    let mut equal = magnitudes
        .iter()
        .enumerate()
        .filter(|(_, m)| **m == threshold);
    match keep.checked_sub(1) {
        None => 0,
        Some(before) => equal
            .nth(before as usize)
            .map_or(usize::MAX, |(i, _)| i + 1),
    }
}
