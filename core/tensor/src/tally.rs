//! The k-th largest magnitude of several tensors together.
//!
//! A [`Tally`] outlives the sessions of the tensors. [`Session::tally`](crate::Session::tally)
//! shows it a tensor; when it has seen all of them, [`Tally::end_pass`] says whether they must be
//! gone over again. As for one tensor, a sample brackets the k-th magnitude, one pass counts what
//! is above the bracket and collects what is inside, and where the sample misled, two more passes
//! count everything: first by the upper bits, then by the lower ones.

use crate::BLOCK;
use crate::kernels::bracket;
use crate::kernels::magnitude::{COARSE, FINE, LOW_BITS, magnitude, value};
use crate::pass::Sample;
use crate::statistic::{Collect, Collected};
use std::sync::{Mutex, PoisonError};

/// Elements that a sample takes of all tensors together, about.
const SAMPLED: u64 = 1 << 20;
/// Elements of a block that a sample takes: few from many blocks, as neighbours are alike.
const PART: usize = 64;

/// A k-th largest magnitude on the way to its value.
#[derive(Debug)]
pub struct Tally {
    /// Counted from 1.
    k: u64,
    elements: u64,
    /// Bytes that may be collected.
    memory: u64,
    stage: Stage,
    seen: Mutex<Seen>,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
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
}

/// What the tensors so far gave.
#[derive(Debug)]
enum Seen {
    /// Magnitudes of each tensor, and how many elements one of them stands for.
    Sample(Vec<(f64, Vec<u32>)>),
    Bracket {
        above: u64,
        at_high: u64,
        inside: Vec<u32>,
        at_low: u64,
        /// Whether there was more inside than may be collected.
        overflowed: bool,
    },
    Counts(Vec<u64>),
}

impl Tally {
    /// For the `k`-th largest, counted from 1, of so many elements. To find it in few passes it
    /// may take up to `memory` bytes; with 0 it counts.
    pub fn new(k: u64, elements: u64, memory: u64) -> Self {
        let stage = match memory < 8 * SAMPLED {
            true => Stage::Coarse,
            false => Stage::Sample,
        };
        Self {
            k,
            elements,
            memory,
            stage,
            seen: Mutex::new(stage.start()),
        }
    }

    /// Elements that may be collected.
    fn most(&self) -> usize {
        usize::try_from(self.memory / 8).unwrap_or(usize::MAX)
    }

    pub(crate) fn collect(&self) -> Collect {
        match self.stage {
            Stage::Sample => Collect::Magnitudes,
            Stage::Bracket { low, high } => Collect::Bracket {
                low,
                high,
                zeros: false,
                // All may lie in one tensor, and a vector that grows holds what is in it twice.
                most: self.most() / rayon::current_num_threads(),
            },
            Stage::Coarse => Collect::Coarse,
            Stage::Fine { bucket, .. } => Collect::Fine { bucket },
        }
    }

    pub(crate) fn sample(&self) -> Option<Sample> {
        let blocks = self.elements.div_ceil(BLOCK as u64);
        let every = blocks * PART as u64 / SAMPLED;
        matches!(self.stage, Stage::Sample).then(|| Sample {
            every: usize::try_from(every).unwrap_or(usize::MAX).max(1),
            part: PART,
        })
    }

    /// Takes what was collected of a tensor of `len` elements.
    pub(crate) fn take(&self, collected: Collected, len: usize) {
        // What is seen changes by adding, so what a panicking thread left is whole.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut *seen, collected) {
            (Seen::Sample(all), Collected::Magnitudes(sample)) => {
                if !sample.is_empty() {
                    all.push((len as f64 / sample.len() as f64, sample));
                }
            }
            (
                Seen::Bracket {
                    above,
                    at_high,
                    inside,
                    at_low,
                    overflowed,
                },
                Collected::Bracket(found),
            ) => {
                let total =
                    |blocks: &[(usize, u32)]| blocks.iter().map(|b| u64::from(b.1)).sum::<u64>();
                *above += found.above;
                *at_high += total(&found.at_high);
                *at_low += total(&found.at_low);
                let found = match found.overflowed {
                    true => None,
                    false => Some(&found.inside[..]),
                };
                *overflowed |= !extended(inside, found, self.most());
            }
            (Seen::Counts(counts), Collected::Coarse { counts: more, .. }) => {
                add(counts, &more[..])
            }
            (Seen::Counts(counts), Collected::Fine { counts: more, .. }) => add(counts, &more[..]),
            _ => unreachable!("a pass collects what it was asked for"),
        }
    }

    /// Takes elements that come one after the other, as from another evaluator.
    pub(crate) fn count(&self, values: &[f32]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut *seen, self.stage) {
            (Seen::Sample(all), _) => {
                let blocks = self.sample().map_or(1, |sample| sample.every);
                let every = blocks * (BLOCK / PART);
                let sample: Vec<u32> = values
                    .iter()
                    .step_by(every)
                    .map(|&x| magnitude(x))
                    .collect();
                if !sample.is_empty() {
                    all.push((values.len() as f64 / sample.len() as f64, sample));
                }
            }
            (
                Seen::Bracket {
                    above,
                    at_high,
                    inside,
                    at_low,
                    overflowed,
                },
                Stage::Bracket { low, high },
            ) => {
                let mut found = Vec::new();
                let counts = bracket::find(values, 0, (low, high), false, &mut found);
                *above += u64::from(counts.above);
                *at_high += u64::from(counts.high);
                *at_low += u64::from(counts.low);
                *overflowed |= !extended(inside, Some(&found), self.most());
            }
            (Seen::Counts(counts), Stage::Fine { bucket, .. }) => {
                let inside = values.iter().map(|&x| magnitude(x));
                for m in inside.filter(|m| m >> LOW_BITS == bucket) {
                    counts[m as usize % FINE] += 1;
                }
            }
            (Seen::Counts(counts), _) => {
                for &x in values {
                    counts[(magnitude(x) >> LOW_BITS) as usize] += 1;
                }
            }
            (Seen::Bracket { .. }, _) => unreachable!("what is seen belongs to the stage"),
        }
    }

    /// Ends a pass over all tensors. Gives the magnitude, or nothing where another pass is needed.
    pub fn end_pass(&mut self) -> Option<f64> {
        let seen = self.seen.get_mut().unwrap_or_else(PoisonError::into_inner);
        let stage = match (self.stage, seen) {
            (
                _,
                Seen::Bracket {
                    overflowed: true, ..
                },
            ) => Stage::Coarse,
            (_, Seen::Sample(sample)) => bracket(sample, self.k, self.elements, self.memory),
            (
                Stage::Bracket { low, high },
                Seen::Bracket {
                    above,
                    at_high,
                    inside,
                    at_low,
                    ..
                },
            ) => {
                let counts = [*above, *at_high, inside.len() as u64];
                let ends: Vec<u64> = counts
                    .iter()
                    .scan(0, |sum, count| {
                        *sum += count;
                        Some(*sum)
                    })
                    .collect();
                let k = self.k;
                // With one magnitude at both ends those on it are counted twice.
                let at_low = if low == high { 0 } else { *at_low };
                if k > ends[0] && k <= ends[1] {
                    return Some(f64::from(value(high)));
                }
                if k > ends[1] && k <= ends[2] {
                    let place = (k - ends[1] - 1) as usize;
                    let (_, m, _) =
                        inside.select_nth_unstable_by_key(place, |&m| std::cmp::Reverse(m));
                    return Some(f64::from(value(*m)));
                }
                if k > ends[2] && k <= ends[2] + at_low {
                    return Some(f64::from(value(low)));
                }
                Stage::Coarse
            }
            (Stage::Fine { bucket, above }, Seen::Counts(counts)) => {
                let (place, _) = find(counts, self.k - above);
                return Some(f64::from(value((bucket << LOW_BITS) | place)));
            }
            (_, Seen::Counts(counts)) => {
                let (bucket, above) = find(counts, self.k);
                Stage::Fine { bucket, above }
            }
            _ => unreachable!("what is seen belongs to the stage"),
        };
        self.stage = stage;
        self.seen = Mutex::new(stage.start());
        None
    }
}

impl Stage {
    fn start(self) -> Seen {
        match self {
            Stage::Sample => Seen::Sample(Vec::new()),
            Stage::Bracket { .. } => Seen::Bracket {
                above: 0,
                at_high: 0,
                inside: Vec::new(),
                at_low: 0,
                overflowed: false,
            },
            Stage::Coarse => Seen::Counts(vec![0; COARSE]),
            Stage::Fine { .. } => Seen::Counts(vec![0; FINE]),
        }
    }
}

/// A bracket that should hold the k-th of so many magnitudes, if what is inside fits the memory.
fn bracket(sample: &[(f64, Vec<u32>)], k: u64, elements: u64, memory: u64) -> Stage {
    let (elements, k) = (elements as f64, k as f64);
    let squares: f64 = sample.iter().map(|(w, all)| w * w * all.len() as f64).sum();
    let largest = sample.iter().map(|s| s.0).fold(0.0, f64::max);
    let share = k / elements;
    // Six standard deviations of the rank, were all elements independent.
    let margin = 6.0 * (squares * share * (1.0 - share)).sqrt() + 2.0 * largest;
    // Twice, as a vector that grows holds its elements twice.
    if 2.0 * 4.0 * 2.0 * margin > memory as f64 {
        return Stage::Coarse;
    }
    let mut weights = vec![0.0; COARSE];
    for (weight, magnitudes) in sample {
        for m in magnitudes {
            weights[(m >> LOW_BITS) as usize] += weight;
        }
    }
    // The magnitude that has so much above it.
    let at = |rank: f64| -> Option<u32> {
        let mut above = 0.0;
        let bucket = (0..COARSE).rev().find(|&bucket| {
            above += weights[bucket];
            above > rank
        })?;
        above -= weights[bucket];
        let is_inside = |m: &&u32| (**m >> LOW_BITS) as usize == bucket;
        let mut inside: Vec<(u32, f64)> = sample
            .iter()
            .flat_map(|(w, all)| all.iter().filter(is_inside).map(|&m| (m, *w)))
            .collect();
        inside.sort_unstable_by_key(|(m, _)| std::cmp::Reverse(*m));
        let found = inside.iter().find(|(_, weight)| {
            above += weight;
            above > rank
        });
        found.or(inside.last()).map(|(m, _)| *m)
    };
    Stage::Bracket {
        low: at(k + margin).unwrap_or(0),
        // Above every magnitude.
        high: match k - margin >= 0.0 {
            true => at(k - margin).unwrap_or(i32::MAX as u32),
            false => i32::MAX as u32,
        },
    }
}

/// Adds the magnitudes of what was found inside a bracket, if they are not more than may be.
fn extended(inside: &mut Vec<u32>, found: Option<&[u64]>, most: usize) -> bool {
    match found {
        Some(found) if inside.len() + found.len() <= most => {
            inside.extend(found.iter().copied().map(bracket::magnitude_of));
            true
        }
        _ => {
            *inside = Vec::new();
            false
        }
    }
}

fn add(counts: &mut [u64], more: &[u32]) {
    for (count, &more) in counts.iter_mut().zip(more) {
        *count += u64::from(more);
    }
}

/// The place of the k-th largest, and how many are larger.
fn find(counts: &[u64], k: u64) -> (u32, u64) {
    let mut above = 0;
    for (place, &count) in counts.iter().enumerate().rev() {
        if above + count >= k {
            return (place as u32, above);
        }
        above += count;
    }
    // Fewer elements than were promised: the smallest magnitude.
    (0, above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, Options, Session};
    use mergelab_abi::ops::Node;
    use mergelab_abi::working::Working;
    use std::sync::Arc;

    /// The k-th largest of these tensors, and the passes that it took.
    fn tally(tensors: &[Vec<f32>], mut tally: Tally) -> (f64, usize) {
        for passes in 1.. {
            for tensor in tensors {
                let session = Session::new(Working::F32, Options::default());
                let source = Arc::new(Memory::new("x", tensor.clone()));
                let node: Node = session.input(&[tensor.len()], source);
                session.tally(&[(node, &tally)]).unwrap();
            }
            if let Some(found) = tally.end_pass() {
                return (found, passes);
            }
        }
        unreachable!()
    }

    #[test]
    fn it_is_the_kth_largest_of_all() {
        let noise = |seed: u32, scale: f32| -> Vec<f32> {
            (0..200_000u32)
                .map(|i| {
                    let x = (i ^ seed).wrapping_mul(0x85EB_CA6B);
                    let x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
                    (x >> 8) as f32 / 16_777_216.0 * scale - 0.5 * scale
                })
                .collect()
        };
        // A small tensor of another size, one with many equal magnitudes, and zeros.
        let tensors = [
            noise(1, 1.0),
            vec![25.0; 100],
            noise(2, 0.3)
                .iter()
                .map(|x| (x * 64.0).round() / 64.0)
                .collect(),
            vec![0.0; 3000],
        ];
        let mut sorted: Vec<f32> = tensors.iter().flatten().map(|x| x.abs()).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let n = sorted.len();
        for k in [1, 50, 101, n / 5, n / 2, n - 3000, n] {
            let expected = f64::from(sorted[k - 1]);
            let new = |memory| Tally::new(k as u64, n as u64, memory);
            assert_eq!(tally(&tensors, new(0)), (expected, 2), "{k}");
            let (found, passes) = tally(&tensors, new(1 << 30));
            assert_eq!(found, expected, "{k}");
            assert!(passes <= 4);
        }
    }

    #[test]
    fn a_sample_that_misleads_costs_passes_alone() {
        // Nothing but the parts that are not sampled holds the largest.
        let mut x = vec![1.0; 1 << 20];
        let mut tally_of = Tally::new(3, x.len() as u64, 1 << 30);
        tally_of.stage = Stage::Bracket { low: 5, high: 6 };
        tally_of.seen = Mutex::new(tally_of.stage.start());
        x[77] = 9.0;
        x[1_000_000] = -8.0;
        assert_eq!(tally(&[x], tally_of), (1.0, 3));
    }
}
