//! What a sample says about the magnitudes of a tensor.

/// Elements of a block that a sample takes.
pub(super) const PART: usize = 256;

/// How far the rank of a magnitude may be off in a sample of so many, which has this share of the
/// elements above it: six standard deviations, were its elements independent.
pub(super) fn margin(sampled: f64, share: f64) -> f64 {
    6.0 * (sampled * share * (1.0 - share)).sqrt() + 2.0
}

/// How much of six standard deviations is enough where they are measured.
pub(super) const ENOUGH: f64 = 0.6;

/// How much wider than thought a bracket must be to be worth another look at the sample.
pub(super) const WIDER: f64 = 1.2;

/// The magnitudes that are so far behind and before a place of a sample.
pub(super) fn ends(sample: &mut [u32], place: f64, margin: f64) -> (u32, u32) {
    let count = sample.len() as f64;
    let mut at = |rank: f64| {
        let descending = |m: &u32| std::cmp::Reverse(*m);
        let (_, magnitude, _) = sample.select_nth_unstable_by_key(rank as usize, descending);
        *magnitude
    };
    let (first, last) = (place - margin, place + margin);
    let low = if last < count { at(last) } else { 0 };
    // Above every magnitude.
    let high = if first >= 0.0 {
        at(first)
    } else {
        i32::MAX as u32
    };
    (low, high)
}

/// By how much a rank is further off than it were if the elements of a part were independent:
/// those of a row can be alike. At least 1.
pub(super) fn alike(sample: &[u32], threshold: u32) -> f64 {
    let parts = sample.chunks_exact(PART);
    let (mut sum, mut squares) = (0.0, 0.0);
    let number = parts.len() as f64;
    for part in parts {
        let above: u32 = part.iter().map(|&m| u32::from(m > threshold)).sum();
        sum += f64::from(above);
        squares += f64::from(above).powi(2);
    }
    let mean = sum / number;
    let share = mean / PART as f64;
    let independent = PART as f64 * share * (1.0 - share);
    // Of no part, or of equal elements, there is nothing to say.
    match (squares / number - mean * mean) / independent {
        ratio if ratio > 1.0 && ratio.is_finite() => ratio.sqrt(),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_elements_are_seen() {
        let noise = |i: u32| (i ^ 0x5bd1).wrapping_mul(0x85EB_CA6B).rotate_left(13) % 1000;
        let mixed: Vec<u32> = (0..64 * PART as u32).map(noise).collect();
        assert!(alike(&mixed, 700) < 1.5);
        // All of a part are one.
        let parts: Vec<u32> = (0..64 * PART as u32)
            .map(|i| noise(i / PART as u32))
            .collect();
        let most = (PART as f64).sqrt();
        assert!((alike(&parts, 500) - most).abs() < 1e-9);
        assert_eq!(alike(&[3; 1000], 2), 1.0);
        assert_eq!(alike(&[], 2), 1.0);
    }
}
