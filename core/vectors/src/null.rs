//! What independent random vectors would give: the bands that hold 95 of 100 values.

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.96;

/// A band from low to high.
pub(crate) type Band = (f64, f64);

/// The cosine of two independent vectors of `entries` entries with random signs: mean 0, variance
/// 1/n. Fine-tuned models that share data or a start are not independent, so a value outside the
/// band is no proof of a common direction, but one inside it is as good as none.
pub(crate) fn cosine(entries: u64) -> Band {
    let half = (Z / (entries as f64).sqrt()).min(1.0);
    (-half, half)
}

/// The share of differing signs among `entries` fair coins.
pub(crate) fn sign_conflict(entries: u64) -> Band {
    let half = Z * 0.5 / (entries as f64).sqrt();
    ((0.5 - half).max(0.0), (0.5 + half).min(1.0))
}

/// Mean and variance of the common elements of two random sets of `a` and `b` of `entries`
/// elements: the hypergeometric distribution.
pub(crate) fn common(a: u64, b: u64, entries: u64) -> (f64, f64) {
    let (a, b, n) = (a as f64, b as f64, entries as f64);
    let mean = a * b / n;
    let variance = match entries {
        0 | 1 => 0.0,
        _ => mean * (n - a) / n * (n - b) / (n - 1.0),
    };
    (mean, variance)
}

/// The band around `mean`, as a share of `whole`.
pub(crate) fn share(mean: f64, variance: f64, whole: f64) -> Band {
    let half = Z * variance.sqrt();
    (
        ((mean - half) / whole).max(0.0),
        ((mean + half) / whole).min(1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_shrink_with_the_root_of_the_entries() {
        assert_eq!(cosine(1), (-1.0, 1.0));
        let (low, high) = cosine(10_000);
        assert!((high - 0.0196).abs() < 1e-12 && low == -high);
        let (low, high) = sign_conflict(10_000);
        assert!((low - 0.4902).abs() < 1e-12 && (high - 0.5098).abs() < 1e-12);
    }

    #[test]
    fn common_elements_are_hypergeometric() {
        // Checked by counting: two sets of 2 of 4 elements have 0, 1, 2 in common in 1, 4, 1 of 6
        // cases.
        assert_eq!(common(2, 2, 4), (1.0, 1.0 / 3.0));
        assert_eq!(common(4, 2, 4), (2.0, 0.0));
    }
}
