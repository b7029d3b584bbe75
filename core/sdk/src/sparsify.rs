//! Dropping entries of task vectors.

use crate::{Choice, Error, Group, Model, Result, Tensor};

/// How survivors are scaled up for the entries that were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Rescale {
    /// Divide by the density, so that the expected value stays: DARE, equation 1 (Yu et al. 2024,
    /// arXiv 2311.03099).
    Expectation,
    /// Scale so that the sum of magnitudes stays: mergekit since 0.1.
    L1,
    /// Scale so that the Euclidean norm stays.
    L2,
    /// Scale so that the largest magnitude stays.
    Linf,
    /// Leave them.
    None,
}

/// How many of `elements` entries a density keeps: the product rounded down, at least one.
///
/// The product is taken as exact where it is a whole number but for float rounding, so that 0.29
/// of 100 entries are 29.
pub fn kept(density: f64, elements: usize) -> usize {
    floor_share(density, elements).clamp(1.min(elements), elements)
}

/// `⌊share · elements⌋`, with the same care.
fn floor_share(share: f64, elements: usize) -> usize {
    let exact = share * elements as f64;
    let nearest = exact.round();
    let whole = (exact - nearest).abs() <= 1e-9 * nearest.max(1.0);
    if whole {
        nearest as usize
    } else {
        exact.floor() as usize
    }
}

/// Keeps the share `density` of entries with the largest magnitude: the trim step of TIES (Yadav
/// et al. 2023, arXiv 2306.01708), on one tensor.
///
/// Exactly [`kept`] entries stay; among equal magnitudes the lower index does.
pub fn by_magnitude(delta: &Tensor, density: f64, rescale: Rescale) -> Tensor {
    if density >= 1.0 {
        return delta.clone();
    }
    let mask = delta.top_k_mask(kept(density, delta.elements()));
    rescaled(delta, &mask, density, rescale)
}

/// Keeps each entry with probability `density`: the drop step of DARE.
pub fn at_random(
    group: &Group,
    model: &Model,
    delta: &Tensor,
    density: f64,
    rescale: Rescale,
) -> Tensor {
    if density >= 1.0 {
        return delta.clone();
    }
    rescaled(delta, &group.keep_mask(model, density), density, rescale)
}

/// Keeps the entries whose magnitude is at least `threshold`: the trim of TIES where the threshold
/// is that of the whole model.
pub fn above(delta: &Tensor, threshold: f64, density: f64, rescale: Rescale) -> Tensor {
    let mask = delta.abs().ge(&Tensor::scalar(threshold));
    rescaled(delta, &mask, density, rescale)
}

/// Drops outliers and small entries alike (Davari and Belilovsky 2023, arXiv 2312.06795).
///
/// The share `gamma` with the largest magnitudes goes, and so many of the smallest that the share
/// `density` is left. Where that is not possible, fewer of the largest go.
pub fn between(delta: &Tensor, density: f64, gamma: f64, rescale: Rescale) -> Tensor {
    let (top, kept) = band(density, gamma, delta.elements());
    if top == 0 && kept == delta.elements() {
        return delta.clone();
    }
    let mask = match top {
        0 => delta.top_k_mask(kept),
        // Both masks are nested, so their difference is 0 or 1.
        _ => delta.top_k_mask(top + kept) - delta.top_k_mask(top),
    };
    rescaled(delta, &mask, density, rescale)
}

/// How many of the largest entries [`between`] drops, and how many of the next it keeps.
pub fn band(density: f64, gamma: f64, elements: usize) -> (usize, usize) {
    let kept = kept(density, elements);
    let top = floor_share(gamma, elements).min(elements - kept);
    (top, kept)
}

/// Keeps each entry with a probability that rises with the place of its magnitude in its row, from
/// `density − epsilon` to `density + epsilon`: MagPrune (Deep et al. 2024, arXiv 2406.11617).
///
/// With [`Rescale::Expectation`] each survivor is divided by its own probability.
pub fn by_rank(
    group: &Group,
    model: &Model,
    delta: &Tensor,
    (density, epsilon): (f64, f64),
    rescale: Rescale,
) -> Tensor {
    if density >= 1.0 {
        return delta.clone();
    }
    if rescale == Rescale::Expectation {
        let probability = rank_probability(delta, density, epsilon);
        return delta * group.keep_mask_by(model, &probability) / probability;
    }
    let mask = group.ranked_keep_mask(model, delta, density - epsilon, density + epsilon);
    rescaled(delta, &mask, density, rescale)
}

/// The probability with which [`by_rank`] keeps each entry.
pub fn rank_probability(delta: &Tensor, density: f64, epsilon: f64) -> Tensor {
    delta.row_rank() * (2.0 * epsilon) + (density - epsilon)
}

/// Refuses probabilities of [`by_rank`] that are none.
///
/// # Errors
/// `density − epsilon` is not above 0, or `density + epsilon` is above 1, where entries are
/// dropped at all.
pub fn check_rank_window(density: f64, epsilon: f64) -> Result<()> {
    // 0.85 + 0.15 may end a rounding above 1.
    let fits = density - epsilon > 1e-9 && density + epsilon < 1.0 + 1e-9;
    if density >= 1.0 || fits {
        return Ok(());
    }
    let widest = density.min(1.0 - density);
    Err(Error::parameter(
        "epsilon",
        format!(
            "entries are kept with probabilities from density - epsilon to density + epsilon, \
             which are {:.3} and {:.3} for density = {density} and epsilon = {epsilon}: with this \
             density epsilon must be below {widest:.3}",
            density - epsilon,
            density + epsilon
        ),
    ))
}

/// Sums below this are taken for zero, and nothing is rescaled.
const EMPTY: f64 = 1e-7;

/// Applies a 0/1 mask and scales what is left.
pub fn rescaled(delta: &Tensor, mask: &Tensor, density: f64, rescale: Rescale) -> Tensor {
    let survivors = delta * mask;
    let size: fn(&Tensor) -> Tensor = match rescale {
        Rescale::None => return survivors,
        Rescale::Expectation => return survivors / density,
        Rescale::L1 => |x| x.abs().sum_all(),
        Rescale::L2 => Tensor::norm,
        Rescale::Linf => |x| x.abs().max_all(),
    };
    let (before, after) = (size(delta), size(&survivors));
    let some = before.ge(&Tensor::scalar(EMPTY)) * after.ge(&Tensor::scalar(EMPTY));
    // Where nothing is left, 0/0 is never looked at: `select` takes the 1.
    let scale = some.select(&(before / &after), &Tensor::scalar(1.0));
    survivors * scale
}

#[cfg(test)]
mod tests {
    use super::{band, check_rank_window, kept};

    #[test]
    fn whole_products_are_not_rounded_down() {
        assert_eq!(kept(0.29, 100), 29);
        assert_eq!(kept(0.57, 100), 57);
        assert_eq!(kept(0.5, 7), 3);
        assert_eq!(kept(0.001, 7), 1);
        assert_eq!(kept(1.0, 7), 7);
        assert_eq!(kept(0.5, 0), 0);
    }

    #[test]
    fn bands_hold_what_the_density_asks_for() {
        // 24 entries: 4 outliers, 12 kept, the 8 smallest dropped.
        assert_eq!(band(0.5, 0.2, 24), (4, 12));
        // No room for outliers: the 2 that fit go.
        assert_eq!(band(0.9, 0.5, 20), (2, 18));
        // 0.01 of 50 entries is no entry.
        assert_eq!(band(0.9, 0.01, 50), (0, 45));
        assert_eq!(band(1.0, 0.01, 1000), (0, 1000));
    }

    #[test]
    fn windows_outside_probabilities_are_refused() {
        assert!(check_rank_window(0.5, 0.15).is_ok());
        assert!(check_rank_window(0.85, 0.15).is_ok());
        assert!(check_rank_window(1.0, 0.15).is_ok());
        for density in [0.15, 0.1, 0.9] {
            let error = check_rank_window(density, 0.15).map_err(|e| e.to_string());
            assert!(error.is_err_and(|e| e.contains("epsilon must be below")));
        }
    }
}
