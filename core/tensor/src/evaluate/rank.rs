//! The k-th largest magnitude, and which elements are among the k largest.
//!
//! A sample of the magnitudes brackets the k-th one. One pass then counts the elements above the
//! bracket and collects those inside it, which are few, and the k-th is selected among them. The
//! ends of the bracket are counted by themselves, as many elements can share a magnitude. A
//! sample decides how much is collected, never the result: where the k-th is not in the bracket,
//! everything is counted. For a share of the elements other than zero the sample says how many
//! those are too, and the pass counts them.
//!
//! Counting is a radix selection over the bit patterns of magnitudes: one pass counts by the upper
//! 16 bits and finds the bucket of the k-th, a second one counts by the lower 15 bits within it.
//! Where the first count decides, there is no second: when all lower bits are zero (values that
//! fit bf16), or when a mask keeps the whole bucket.
//!
//! A mask that keeps only some of several equal magnitudes needs the index of the last one that
//! it keeps: a pass counts them for each block, and a look into one block finds it.

mod sample;

use crate::error::Error;
use crate::kernels::bracket;
use crate::kernels::magnitude::{FINE, LOW_BITS, value};
use crate::kernels::mask::Cut;
use crate::pass::Sample;
use crate::statistic::{Bracketed, Collect, Collected};
use crate::{BLOCK, CHUNK};
use mergelab_abi::ops::Op;
use sample::{ENOUGH, PART, WIDER, alike, ends, margin};
use std::ops::Range;

/// An order statistic on the way to its result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rank {
    len: usize,
    wanted: Wanted,
    mask: bool,
    /// Bytes that it may collect.
    room: usize,
    stage: Stage,
}

/// Which place is looked for, from the largest magnitude on.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// Counted from 1.
    Place(u64),
    /// A share of the elements other than zero, whose number is not known.
    Share(f64),
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// How many elements are zero, before everything is counted.
    Zeros,
    /// All magnitudes at once.
    Small,
    /// Some magnitudes, to guess from.
    Sample,
    Bracket {
        low: u32,
        high: u32,
    },
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
    /// `room` is the number of bytes that it may collect.
    pub(super) fn new(op: Op, len: usize, k: u64, room: usize) -> Result<Self, Error> {
        Self::start(op, len, Wanted::Place(k), room)
    }

    /// A mask of this share of the elements other than zero.
    pub(super) fn of_share(op: Op, len: usize, share: f64, room: usize) -> Result<Self, Error> {
        Self::start(op, len, Wanted::Share(share), room)
    }

    fn start(op: Op, len: usize, wanted: Wanted, room: usize) -> Result<Self, Error> {
        if u32::try_from(len).is_err() {
            return Err(Error::TooLarge {
                operation: op.name(),
                elements: len,
            });
        }
        let mut rank = Self {
            len,
            wanted,
            mask: matches!(op, Op::TopKMask | Op::TopShareMask),
            room,
            stage: Stage::Small,
        };
        if len > CHUNK {
            rank.stage = Stage::Sample;
            if rank.needed() > room as f64 {
                rank.stage = rank.counting();
            }
        }
        Ok(rank)
    }

    /// Bytes that a sample and a bracket take.
    fn needed(&self) -> f64 {
        let every = self.sample().map_or(1, |sample| sample.every);
        let sampled = self.len.div_ceil(BLOCK * every) * PART;
        let sampled = sampled as f64;
        let margin = match self.wanted {
            Wanted::Place(k) => margin(sampled, k as f64 / self.len as f64),
            Wanted::Share(_) => 2.0 * margin(sampled, 0.5),
        };
        let inside = 2.0 * margin / sampled * self.len as f64;
        // Twice, as a vector that grows holds its elements twice.
        2.0 * 8.0 * inside + 4.0 * sampled
    }

    /// The first stage of counting everything.
    fn counting(&self) -> Stage {
        match self.wanted {
            Wanted::Place(_) => Stage::Coarse,
            Wanted::Share(_) => Stage::Zeros,
        }
    }

    /// The place that is looked for, where it is known.
    fn place(&self) -> u64 {
        match self.wanted {
            Wanted::Place(k) => k,
            Wanted::Share(_) => unreachable!("zeros are counted before anything is ranked"),
        }
    }

    /// Takes the number of zeros. Returns what a mask keeps, where that decides it.
    fn zeros(&mut self, zeros: u64) -> Option<Ranked> {
        let Wanted::Share(share) = self.wanted else {
            return None;
        };
        let k = ((self.len as u64 - zeros) as f64 * share).floor() as u64;
        self.wanted = Wanted::Place(k);
        match k {
            0 => Some(Ranked::Cut(Cut::NOTHING)),
            k if k == self.len as u64 => Some(Ranked::Cut(Cut::ALL)),
            _ => None,
        }
    }

    /// What the next pass looks at; everything if absent.
    pub(super) fn sample(&self) -> Option<Sample> {
        let blocks = self.len.div_ceil(BLOCK);
        // More for larger tensors, so that what is collected grows more slowly than they do.
        let looked_at = (blocks / 16).max(512);
        matches!(self.stage, Stage::Sample).then(|| Sample {
            every: blocks.div_ceil(looked_at),
            part: PART,
        })
    }

    /// The range that the next pass goes over, and what it collects.
    pub(super) fn next_pass(&self) -> (Range<usize>, Collect) {
        let all = 0..self.len;
        match self.stage {
            Stage::Zeros => (all, Collect::Equal { magnitude: 0 }),
            Stage::Small | Stage::Sample => (all, Collect::Magnitudes),
            Stage::Bracket { low, high } => {
                let zeros = matches!(self.wanted, Wanted::Share(_));
                // The sample may be unlike the rest. A thread has its share of the room twice, as
                // it may take more than its share of the elements, and a vector that grows holds
                // what is in it twice.
                let most = self.room / 8 / rayon::current_num_threads();
                let collect = Collect::Bracket {
                    low,
                    high,
                    zeros,
                    most,
                };
                (all, collect)
            }
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
            (Stage::Zeros, Collected::Equal { blocks, .. }) => {
                let zeros = blocks.iter().map(|&(_, count)| u64::from(count)).sum();
                self.stage = Stage::Coarse;
                self.zeros(zeros).unwrap_or(Ranked::Unfinished)
            }
            (Stage::Small, Collected::Magnitudes(magnitudes)) => self.small(&magnitudes),
            (Stage::Sample, Collected::Magnitudes(sample)) => {
                self.stage = self.bracket(sample);
                Ranked::Unfinished
            }
            (Stage::Bracket { .. }, Collected::Bracket(found)) => self.bracketed(found),
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

    fn small(&mut self, magnitudes: &[u32]) -> Ranked {
        let zeros = magnitudes.iter().filter(|&&m| m == 0).count();
        if let Some(decided) = self.zeros(zeros as u64) {
            return decided;
        }
        let k = self.place();
        let mut ranked = magnitudes.to_vec();
        let (above, &mut threshold, _) =
            ranked.select_nth_unstable_by_key(k as usize - 1, |&m| std::cmp::Reverse(m));
        if !self.mask {
            return Ranked::Value(f64::from(value(threshold)));
        }
        let larger = above.iter().filter(|&&m| m > threshold).count() as u64;
        Ranked::Cut(Cut {
            threshold,
            cutoff: cutoff(magnitudes, threshold, k - larger),
        })
    }

    /// A bracket that should hold the k-th magnitude.
    fn bracket(&self, sample: Vec<u32>) -> Stage {
        let count = sample.len() as f64;
        let (share, margin) = match self.wanted {
            Wanted::Place(k) => {
                let share = k as f64 / self.len as f64;
                (share, margin(count, share))
            }
            Wanted::Share(share) => {
                let zeros = sample.iter().filter(|&&m| m == 0).count() as f64 / count;
                let of_all = share * (1.0 - zeros);
                // Both the rank and the number of zeros are off.
                (of_all, margin(count, of_all) + share * margin(count, zeros))
            }
        };
        let mut ranked = sample.clone();
        let (low, high) = ends(&mut ranked, count * share, margin);
        let threshold = if high < i32::MAX as u32 { high } else { low };
        let wider = margin * (ENOUGH * alike(&sample, threshold)).max(1.0);
        // As wide as what is collected may be.
        let room = self.room as f64 - 4.0 * count;
        let widest = room / (2.0 * 8.0 * 2.0 * self.len as f64) * count;
        let wider = wider.min(widest);
        let (low, high) = match wider > WIDER * margin {
            true => ends(&mut ranked, count * share, wider),
            false => (low, high),
        };
        Stage::Bracket { low, high }
    }

    fn bracketed(&mut self, mut found: Bracketed) -> Ranked {
        if found.overflowed {
            // Nor were all zeros counted.
            self.stage = self.counting();
            return Ranked::Unfinished;
        }
        let total = |blocks: &[(usize, u32)]| blocks.iter().map(|b| u64::from(b.1)).sum::<u64>();
        if let Some(decided) = self.zeros(found.zero) {
            return decided;
        }
        found.at_high.sort_unstable();
        found.at_low.sort_unstable();
        let (high, inside) = (total(&found.at_high), found.inside.len() as u64);
        let low = match found.low == found.high {
            true => 0,
            false => total(&found.at_low),
        };
        let Some(keep) = self
            .place()
            .checked_sub(found.above)
            .filter(|&keep| keep > 0)
        else {
            self.stage = Stage::Coarse;
            return Ranked::Unfinished;
        };
        if keep <= high {
            return self.on_end(found.high, high, keep, &found.at_high);
        }
        let keep = keep - high;
        if keep <= inside {
            let descending = |rank: &u64| std::cmp::Reverse(*rank);
            let (_, &mut rank, _) = found
                .inside
                .select_nth_unstable_by_key(keep as usize - 1, descending);
            let threshold = bracket::magnitude_of(rank);
            return match self.mask {
                true => Ranked::Cut(Cut {
                    threshold,
                    cutoff: bracket::index_of(rank) as usize + 1,
                }),
                false => Ranked::Value(f64::from(value(threshold))),
            };
        }
        let keep = keep - inside;
        if keep <= low {
            return self.on_end(found.low, low, keep, &found.at_low);
        }
        self.stage = Stage::Coarse;
        Ranked::Unfinished
    }

    /// The k-th magnitude is an end of the bracket.
    fn on_end(&mut self, threshold: u32, equal: u64, keep: u64, blocks: &[(usize, u32)]) -> Ranked {
        match self.decided(threshold, equal, keep) {
            Ranked::Unfinished => self.equal(threshold, keep, blocks),
            decided => decided,
        }
    }

    fn coarse(&mut self, counts: &[u32], low: u32) -> Ranked {
        let k = self.place();
        let (bucket, above) = find(counts, k);
        let threshold = bucket << LOW_BITS;
        let (inside, keep) = (u64::from(counts[bucket as usize]), k - above);
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
        let keep = self.place() - above;
        let (low, above_inside) = find(counts, keep);
        let equal = u64::from(counts[low as usize]);
        self.decided((bucket << LOW_BITS) | low, equal, keep - above_inside)
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
