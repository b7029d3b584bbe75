//! The order in which examples are seen.

use super::options::Grouping;
use crate::random::CounterRng;

/// Batches out of which sequences of like length are put together. More would waste less on
/// padding, but make batches of short and long examples more alike within.
const WINDOW: usize = 16;

/// The batches of an epoch, as indices of sequences. They follow from the arguments alone.
///
/// By length: shuffled, then sorted by length within windows of a few batches, then the batches
/// shuffled: a batch holds like lengths, and what it holds still changes from epoch to epoch.
pub(super) fn epoch(
    lengths: &[usize],
    batch_size: usize,
    grouping: Grouping,
    seed: u64,
    epoch: usize,
) -> Vec<Vec<usize>> {
    let order = CounterRng::new(seed, "shuffle", &[epoch as u64]).permutation(lengths.len());
    if grouping == Grouping::Shuffled {
        return order.chunks(batch_size).map(<[usize]>::to_vec).collect();
    }
    let mut batches = Vec::new();
    for window in order.chunks(batch_size * WINDOW) {
        let mut window = window.to_vec();
        // Stable, so that equal lengths stay in the shuffled order.
        window.sort_by_key(|index| lengths[*index]);
        batches.extend(window.chunks(batch_size).map(<[usize]>::to_vec));
    }
    let order = CounterRng::new(seed, "batches", &[epoch as u64]).permutation(batches.len());
    order
        .into_iter()
        .map(|index| std::mem::take(&mut batches[index]))
        .collect()
}

/// The parts that a batch is computed in, as even as can be.
pub(super) fn parts(batch: &[usize], count: usize) -> impl Iterator<Item = &[usize]> {
    batch.chunks(batch.len().div_ceil(count).max(1))
}

/// Tokens of a share at least: for fewer, adding the gradients would take longer than is won.
const SHARE_TOKENS: usize = 512;
/// Elements of all shares' gradients at most.
const SHARE_ELEMENTS: usize = 1 << 25;

/// In how many shares sequences are computed side by side, of which each has a gradient of its own,
/// of as many elements as are trained. It follows from the sizes alone, never from the threads, so
/// that the sums are the same on any machine.
pub(super) fn shares(tokens: usize, trained: usize, most: usize) -> usize {
    let by_memory = SHARE_ELEMENTS / trained.max(1);
    (tokens / SHARE_TOKENS).min(by_memory).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths() -> Vec<usize> {
        (0..103).map(|index| index * 7 % 31).collect()
    }

    #[test]
    fn every_epoch_holds_every_example_once_in_its_own_order() {
        for grouping in [Grouping::Length, Grouping::Shuffled] {
            let flat = |number| epoch(&lengths(), 4, grouping, 9, number).concat();
            for number in 0..3 {
                let mut seen = flat(number);
                seen.sort_unstable();
                assert_eq!(seen, (0..103).collect::<Vec<_>>());
            }
            assert_eq!(flat(1), flat(1));
            assert_ne!(flat(0), flat(1));
            assert_eq!(epoch(&lengths(), 4, grouping, 9, 0).len(), 26);
        }
    }

    #[test]
    fn grouping_by_length_computes_less_padding() {
        let padding = |grouping| -> usize {
            let lengths = lengths();
            let batches = epoch(&lengths, 4, grouping, 9, 0);
            batches
                .iter()
                .map(|batch| {
                    let longest = batch.iter().map(|index| lengths[*index]).max().unwrap_or(0);
                    batch
                        .iter()
                        .map(|index| longest - lengths[*index])
                        .sum::<usize>()
                })
                .sum()
        };
        let (grouped, shuffled) = (padding(Grouping::Length), padding(Grouping::Shuffled));
        assert!(grouped * 4 < shuffled, "{grouped} and {shuffled}");
    }

    #[test]
    fn shares_are_large_enough_and_their_gradients_fit() {
        assert_eq!(shares(2048, 1 << 20, 8), 4);
        assert_eq!(shares(1 << 20, 1 << 20, 8), 8);
        assert_eq!(shares(1 << 20, 1 << 20, 1), 1);
        assert_eq!(shares(1 << 20, 1 << 24, 8), 2);
        assert_eq!([shares(0, 0, 8), shares(1 << 20, 1 << 30, 8)], [1, 1]);
    }

    #[test]
    fn parts_hold_the_batch_in_its_order() {
        let batch: Vec<usize> = (0..10).collect();
        let sizes = |count| parts(&batch, count).map(<[usize]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(1), [10]);
        assert_eq!(sizes(3), [4, 4, 2]);
        assert_eq!(sizes(99), [1; 10]);
        assert_eq!(parts(&batch, 3).collect::<Vec<_>>().concat(), batch);
    }
}
