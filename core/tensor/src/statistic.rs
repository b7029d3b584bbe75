//! What a pass collects about a tensor: reductions and order statistics.

use crate::kernels::bracket;
use crate::kernels::extreme::{self, Extreme};
use crate::kernels::{LANES, magnitude, sum};

/// What to collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collect {
    Sum,
    /// The sum of magnitudes.
    AbsSum,
    /// Takes two tensors.
    Dot,
    /// How many elements of a tensor of zeros and ones are 1, or of two at the same place: their
    /// sum or dot product.
    Ones,
    Extreme(Extreme),
    /// Every magnitude, in order. For at most a chunk of elements, which one thread takes.
    Magnitudes,
    /// The elements between two magnitudes, and counts of those above, on the ends, and zero.
    Bracket {
        low: u32,
        high: u32,
        /// Elements that one thread may collect; with more it gives up.
        most: usize,
        /// Whether zeros are counted.
        zeros: bool,
    },
    /// Counts by the upper bits of the magnitudes.
    Coarse,
    /// Counts by the lower bits within one bucket.
    Fine {
        bucket: u32,
    },
    /// For each block, how many elements have this magnitude.
    Equal {
        magnitude: u32,
    },
}

/// What one thread, or all together, have collected.
pub(crate) enum Collected {
    Sum {
        /// Of magnitudes.
        abs: bool,
        lanes: [f64; LANES],
        /// Sum of each finished block, by its index.
        blocks: Vec<(usize, f64)>,
    },
    Ones(u64),
    Extreme {
        which: Extreme,
        lanes: [f32; LANES],
    },
    Magnitudes(Vec<u32>),
    Bracket(Bracketed),
    Coarse {
        counts: Box<[u32; magnitude::COARSE]>,
        /// Union of all lower bits.
        low: u32,
    },
    Fine {
        bucket: u32,
        counts: Box<[u32; magnitude::FINE]>,
    },
    Equal {
        magnitude: u32,
        count: u32,
        blocks: Vec<(usize, u32)>,
    },
}

/// What a pass finds out about a bracket of magnitudes.
pub(crate) struct Bracketed {
    pub(crate) low: u32,
    pub(crate) high: u32,
    zeros: bool,
    pub(crate) above: u64,
    pub(crate) zero: u64,
    /// Elements between the ends: see [`bracket`].
    pub(crate) inside: Vec<u64>,
    /// For each block that has some, its elements on the upper end.
    pub(crate) at_high: Vec<(usize, u32)>,
    /// The same for the lower end.
    pub(crate) at_low: Vec<(usize, u32)>,
    /// Whether there were more elements between the ends than might be collected.
    pub(crate) overflowed: bool,
    most: usize,
    /// Of the block so far.
    counts: bracket::Counts,
}

impl Bracketed {
    fn tile(&mut self, a: &[f32], first: usize) {
        if self.overflowed {
            return;
        }
        let ends = (self.low, self.high);
        let more = bracket::find(a, first, ends, self.zeros, &mut self.inside);
        if self.inside.len() > self.most {
            self.overflowed = true;
            self.inside = Vec::new();
        }
        self.counts.above += more.above;
        self.counts.high += more.high;
        self.counts.low += more.low;
        self.counts.zero += more.zero;
    }

    fn end_block(&mut self, block: usize) {
        let counts = std::mem::take(&mut self.counts);
        self.above += u64::from(counts.above);
        self.zero += u64::from(counts.zero);
        for (count, blocks) in [
            (counts.high, &mut self.at_high),
            (counts.low, &mut self.at_low),
        ] {
            if count > 0 {
                blocks.push((block, count));
            }
        }
    }

    fn merge(&mut self, other: Bracketed) {
        self.above += other.above;
        self.overflowed |= other.overflowed;
        self.zero += other.zero;
        self.inside.extend(other.inside);
        self.at_high.extend(other.at_high);
        self.at_low.extend(other.at_low);
    }
}

/// Zeros that the operating system hands out only where they are touched.
fn zeros<const N: usize>() -> Box<[u32; N]> {
    match vec![0; N].into_boxed_slice().try_into() {
        Ok(counts) => counts,
        Err(_) => unreachable!("a vector of {N} elements has that many"),
    }
}

impl Collected {
    pub(crate) fn new(collect: Collect) -> Self {
        match collect {
            Collect::Sum | Collect::AbsSum | Collect::Dot => Collected::Sum {
                abs: collect == Collect::AbsSum,
                lanes: [0.0; LANES],
                blocks: Vec::new(),
            },
            Collect::Ones => Collected::Ones(0),
            Collect::Extreme(which) => Collected::Extreme {
                which,
                lanes: [which.start(); LANES],
            },
            Collect::Magnitudes => Collected::Magnitudes(Vec::new()),
            Collect::Bracket {
                low,
                high,
                zeros,
                most,
            } => Collected::Bracket(Bracketed {
                low,
                high,
                zeros,
                above: 0,
                zero: 0,
                inside: Vec::new(),
                at_high: Vec::new(),
                at_low: Vec::new(),
                overflowed: false,
                most,
                counts: bracket::Counts::default(),
            }),
            Collect::Coarse => Collected::Coarse {
                counts: zeros(),
                low: 0,
            },
            Collect::Fine { bucket } => Collected::Fine {
                bucket,
                counts: zeros(),
            },
            Collect::Equal { magnitude } => Collected::Equal {
                magnitude,
                count: 0,
                blocks: Vec::new(),
            },
        }
    }

    /// Takes a tile that starts at index `first`; `b` is the second operand of a dot product.
    pub(crate) fn tile(&mut self, a: &[f32], b: Option<&[f32]>, first: usize) {
        match self {
            Collected::Sum { abs, lanes, .. } => match b {
                None if *abs => sum::abs_sum(lanes, a),
                None => sum::sum(lanes, a),
                Some(b) => sum::dot(lanes, a, b),
            },
            Collected::Ones(count) => *count += u64::from(sum::ones(a, b)),
            Collected::Extreme { which, lanes } => extreme::fold(*which, lanes, a),
            Collected::Magnitudes(all) => all.extend(a.iter().map(|&x| magnitude::magnitude(x))),
            Collected::Bracket(bracketed) => bracketed.tile(a, first),
            Collected::Coarse { counts, low } => *low |= magnitude::count_coarse(counts, a),
            Collected::Fine { bucket, counts } => magnitude::count_fine(counts, *bucket, a),
            Collected::Equal {
                magnitude, count, ..
            } => *count += magnitude::count_equal(*magnitude, a),
        }
    }

    /// Takes a sum of the block so far that was added up elsewhere.
    pub(crate) fn take_lanes(&mut self, sum: [f64; LANES]) {
        if let Collected::Sum { lanes, .. } = self {
            *lanes = sum;
        }
    }

    /// Ends the block with this index.
    pub(crate) fn end_block(&mut self, block: usize) {
        match self {
            Collected::Sum { lanes, blocks, .. } => {
                blocks.push((block, lanes.iter().sum()));
                *lanes = [0.0; LANES];
            }
            Collected::Equal { count, blocks, .. } => {
                if *count > 0 {
                    blocks.push((block, *count));
                }
                *count = 0;
            }
            Collected::Bracket(bracketed) => bracketed.end_block(block),
            Collected::Ones(_)
            | Collected::Extreme { .. }
            | Collected::Magnitudes(_)
            | Collected::Coarse { .. }
            | Collected::Fine { .. } => {}
        }
    }

    /// Adds what another thread collected of the same.
    pub(crate) fn merge(&mut self, other: Collected) {
        match (self, other) {
            (Collected::Sum { blocks, .. }, Collected::Sum { blocks: more, .. }) => {
                blocks.extend(more);
            }
            (Collected::Extreme { which, lanes }, Collected::Extreme { lanes: more, .. }) => {
                extreme::fold(*which, lanes, &more);
            }
            (Collected::Ones(count), Collected::Ones(more)) => *count += more,
            (Collected::Magnitudes(all), Collected::Magnitudes(more)) => all.extend(more),
            (Collected::Bracket(all), Collected::Bracket(more)) => all.merge(more),
            (
                Collected::Coarse { counts, low },
                Collected::Coarse {
                    counts: more,
                    low: more_low,
                },
            ) => {
                *low |= more_low;
                add(&mut counts[..], &more[..]);
            }
            (Collected::Fine { counts, .. }, Collected::Fine { counts: more, .. }) => {
                add(&mut counts[..], &more[..]);
            }
            (Collected::Equal { blocks, .. }, Collected::Equal { blocks: more, .. }) => {
                blocks.extend(more);
            }
            _ => unreachable!("all threads of a pass collect the same"),
        }
    }

    /// The value of a reduction.
    ///
    /// The order in which threads took the blocks is gone after this: blocks are added in theirs.
    /// An extreme is the same in any order, as both zeros become `+0` here.
    pub(crate) fn reduce(&mut self) -> Option<f64> {
        let result = match self {
            Collected::Sum { blocks, .. } => {
                blocks.sort_unstable_by_key(|&(block, _)| block);
                blocks.iter().map(|&(_, sum)| sum).sum::<f64>()
            }
            Collected::Ones(count) => *count as f64,
            Collected::Extreme { which, lanes } => {
                f64::from(lanes.iter().fold(which.start(), |m, &x| which.of(m, x)))
            }
            _ => return None,
        };
        Some(result + 0.0)
    }
}

fn add(counts: &mut [u32], more: &[u32]) {
    for (count, more) in counts.iter_mut().zip(more) {
        *count += more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sum of blocks whose f64 total depends on the order of addition.
    fn sum(blocks: &[(usize, f32)]) -> Collected {
        let mut collected = Collected::new(Collect::Sum);
        for &(block, x) in blocks {
            collected.tile(&[x], None, 0);
            collected.end_block(block);
        }
        collected
    }

    #[test]
    fn blocks_are_added_in_their_order_whoever_took_them() {
        let blocks = [(0, 1e30), (1, 1.0), (2, -1e30), (3, 4.0)];
        // (1e30 + 1) - 1e30 loses the 1.
        assert_eq!(sum(&blocks).reduce(), Some(4.0));
        for order in [[2, 0, 3, 1], [3, 2, 1, 0], [0, 2, 1, 3]] {
            let order = order.map(|i: usize| blocks[i]);
            for split in 0..=4 {
                let (mine, theirs) = order.split_at(split);
                let mut total = sum(mine);
                total.merge(sum(theirs));
                assert_eq!(total.reduce(), Some(4.0), "{order:?} at {split}");
            }
        }
    }

    #[test]
    fn lanes_do_not_depend_on_the_tile() {
        // Large numbers that cancel within a lane, small ones that are lost beside them.
        let block: Vec<f32> = (0..512u32)
            .map(|i| match i % 48 {
                0 => 1e30,
                32 => -1e30,
                _ => i as f32,
            })
            .collect();
        let reduce = |collect: Collect, tile: usize| {
            let mut collected = Collected::new(collect);
            for tile in block.chunks(tile) {
                let b = (collect == Collect::Dot).then_some(tile);
                collected.tile(tile, b, 0);
            }
            collected.end_block(0);
            collected.reduce().map(f64::to_bits)
        };
        for collect in [Collect::Sum, Collect::Dot] {
            for tile in [16, 48, 496] {
                assert_eq!(reduce(collect, tile), reduce(collect, 512), "{collect:?}");
            }
        }
    }
}
