//! The order in which examples are seen.

use crate::random::CounterRng;

/// Batches out of which sequences of like length are put together. More would waste less on
/// padding, but make batches of short and long examples more alike within.
const WINDOW: usize = 16;

/// The batches of an epoch, as indices of sequences.
///
/// Shuffled, then sorted by length within windows of a few batches, then the batches shuffled: a
/// batch holds like lengths, and what it holds still changes from epoch to epoch.
pub(super) fn epoch(
    lengths: &[usize],
    batch_size: usize,
    seed: u64,
    epoch: usize,
) -> Vec<Vec<usize>> {
    let order = CounterRng::new(seed, "shuffle", &[epoch as u64]).permutation(lengths.len());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_holds_every_example_once_in_its_own_order() {
        let lengths: Vec<usize> = (0..103).map(|index| index * 7 % 31).collect();
        let flat = |number| epoch(&lengths, 4, 9, number).concat();
        for number in 0..3 {
            let mut seen = flat(number);
            seen.sort_unstable();
            assert_eq!(seen, (0..103).collect::<Vec<_>>());
        }
        assert_eq!(flat(1), flat(1));
        assert_ne!(flat(0), flat(1));
        assert_eq!(epoch(&lengths, 4, 9, 0).len(), 26);
    }
}
