//! Dropping entries of task vectors.

use crate::{Choice, Group, Model, Tensor};

/// How survivors are scaled up for the entries that were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Rescale {
    /// Divide by the density, so that the expected value stays: DARE, equation 1 (Yu et al. 2024,
    /// arXiv 2311.03099).
    Expectation,
    /// Scale so that the sum of magnitudes stays: mergekit since 0.1.
    L1,
    /// Leave them.
    None,
}

/// How many of `elements` entries a density keeps: the product rounded down, at least one.
///
/// The product is taken as exact where it is a whole number but for float rounding, so that 0.29
/// of 100 entries are 29.
pub fn kept(density: f64, elements: usize) -> usize {
    let exact = density * elements as f64;
    let nearest = exact.round();
    let whole = (exact - nearest).abs() <= 1e-9 * nearest.max(1.0);
    let k = if whole { nearest } else { exact.floor() } as usize;
    k.clamp(1.min(elements), elements)
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

/// Sums below this are taken for zero, and nothing is rescaled.
const EMPTY: f64 = 1e-7;

/// Applies a 0/1 mask and scales what is left.
pub fn rescaled(delta: &Tensor, mask: &Tensor, density: f64, rescale: Rescale) -> Tensor {
    let survivors = delta * mask;
    match rescale {
        Rescale::None => survivors,
        Rescale::Expectation => survivors / density,
        Rescale::L1 => {
            let before = delta.abs().sum_all();
            let after = survivors.abs().sum_all();
            let some = before.ge(&Tensor::scalar(EMPTY)) * after.ge(&Tensor::scalar(EMPTY));
            let one = Tensor::scalar(1.0);
            // Where nothing is left, 0/0 is never looked at: `select` takes the 1.
            let scale = some.select(&(before / &after), &one);
            survivors * scale
        }
    }
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn whole_products_are_not_rounded_down() {
        assert_eq!(kept(0.29, 100), 29);
        assert_eq!(kept(0.57, 100), 57);
        assert_eq!(kept(0.5, 7), 3);
        assert_eq!(kept(0.001, 7), 1);
        assert_eq!(kept(1.0, 7), 7);
        assert_eq!(kept(0.5, 0), 0);
    }
}
