//! Bins of confidence, and the calibration error from their sums.

/// The bin of a confidence: of `bins` intervals `(i / bins, (i + 1) / bins]`, as in Guo et al. 2017.
/// 0 is in the first.
pub(crate) fn of(confidence: f64, bins: usize) -> usize {
    let count = bins as f64;
    let above = |i: &usize| confidence > *i as f64 / count;
    // The product may round across a bound, so its neighbours are looked at.
    let near = (confidence * count) as usize;
    let from = near.saturating_sub(1);
    (from..=near + 1)
        .take_while(above)
        .last()
        .unwrap_or(0)
        .min(bins - 1)
}

/// `Σ |correct - confidence| / n` over bins with the sums of each (Guo et al. 2017, equation 3): the
/// mean gap between accuracy and confidence, weighted by the examples of each bin.
pub(crate) fn error(sums: &[f64], n: f64) -> f64 {
    let gaps = sums.chunks_exact(3).map(|bin| (bin[2] - bin[1]).abs());
    gaps.sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_bounds_belong_to_their_bin() {
        for bins in [1, 3, 10, 15, 1000] {
            for i in 1..=bins {
                let bound = i as f64 / bins as f64;
                assert_eq!(of(bound, bins), i - 1, "{bound} of {bins}");
                assert_eq!(of(bound - 1e-9, bins), i - 1, "below {bound} of {bins}");
                assert_eq!(
                    of(bound + 1e-9, bins),
                    i.min(bins - 1),
                    "above {bound} of {bins}"
                );
            }
            assert_eq!(of(0.0, bins), 0);
        }
    }

    #[test]
    fn the_error_is_the_weighted_gap() {
        // 2 examples at 0.6 and 0.7, one right; 2 at 0.9, both right.
        let sums = [2.0, 1.3, 1.0, 2.0, 1.8, 2.0];
        assert!((error(&sums, 4.0) - (0.3 + 0.2) / 4.0).abs() < 1e-15);
    }
}
