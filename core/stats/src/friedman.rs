//! Many systems on many data sets: do their ranks differ?

use serde::Serialize;

use crate::distribution::{chi_squared_sf, fisher_sf};
use crate::error::{Result, StatsError, require_finite};

/// The outcome of Friedman's test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Friedman {
    /// Mean rank of each system over the blocks; 1 is best. Ties share their mean rank.
    pub average_ranks: Vec<f64>,
    /// Friedman's statistic, corrected for ties.
    pub chi_squared: f64,
    /// Its p-value from the chi-squared distribution, which is conservative for few blocks.
    pub p_chi_squared: f64,
    /// Iman and Davenport's F; infinite if all blocks rank the systems alike.
    pub f: f64,
    /// p-value of F, the one to use.
    pub p_value: f64,
    /// Blocks, such as pairs of task and language.
    pub blocks: usize,
}

/// Tests whether systems have the same mean rank over blocks, such as data sets.
///
/// `values` is a blocks × `systems` matrix in row-major order; larger is better (negate what is not). Values are
/// compared within a block only, so blocks may use different metrics. The p-value is that of
/// `F = (N - 1) chi2 / (N (k - 1) - chi2)` with k - 1 and (k - 1)(N - 1) degrees of freedom; if all N blocks agree on
/// one order without ties it is the probability of that, `(1 / k!)^(N - 1)`. Blocks count as independent: languages of
/// one task and translations of one item are not quite, so read it as a summary. Below ten blocks it finds little.
///
/// Friedman, *JASA* 32:675 (1937); Iman and Davenport, *Communications in Statistics* 9:571 (1980); Demšar, *JMLR* 7:1
/// (2006).
///
/// # Errors
/// If there are fewer than two systems or blocks, `values` is no whole number of blocks, or one is not finite.
///
/// ```
/// // Three systems on four data sets.
/// let values = [0.9, 0.8, 0.7, 0.6, 0.7, 0.5, 0.9, 0.7, 0.8, 0.8, 0.7, 0.6];
/// let test = mergelab_stats::friedman(&values, 3)?;
/// assert_eq!(test.average_ranks, [1.25, 2.0, 2.75]);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn friedman(values: &[f64], systems: usize) -> Result<Friedman> {
    let blocks = check(values, systems)?;
    let (n, k) = (blocks as f64, systems as f64);
    let mut sums = vec![0.0; systems];
    let mut ties = 0.0;
    for block in values.chunks_exact(systems) {
        let (ranks, tied) = ranks(block);
        ties += tied;
        for (sum, rank) in sums.iter_mut().zip(ranks) {
            *sum += rank;
        }
    }
    let squares: f64 = sums
        .iter()
        .map(|sum| (sum - n * (k + 1.0) / 2.0).powi(2))
        .sum();
    let correction = 1.0 - ties / (n * k * (k * k - 1.0));
    let chi_squared = if correction > 1e-12 {
        12.0 * squares / (n * k * (k + 1.0)) / correction
    } else {
        0.0
    };
    let rest = n * (k - 1.0) - chi_squared;
    let agree = rest <= 1e-9 * n * (k - 1.0);
    let f = if agree {
        f64::INFINITY
    } else {
        (n - 1.0) * chi_squared / rest
    };
    let p_value = if agree {
        (2..=systems)
            .map(|i| 1.0 / i as f64)
            .product::<f64>()
            .powf(n - 1.0)
    } else {
        fisher_sf(f, k - 1.0, (k - 1.0) * (n - 1.0))?
    };
    Ok(Friedman {
        average_ranks: sums.iter().map(|sum| sum / n).collect(),
        chi_squared,
        p_chi_squared: chi_squared_sf(chi_squared, k - 1.0)?,
        f,
        p_value,
        blocks,
    })
}

/// The number of blocks of a matrix that can be ranked.
pub(crate) fn check(values: &[f64], systems: usize) -> Result<usize> {
    let too_few = |unit, found| {
        Err(StatsError::TooFew {
            what: "a ranking",
            needed: 2,
            unit,
            found,
        })
    };
    if systems < 2 {
        return too_few("systems", systems);
    }
    if !values.len().is_multiple_of(systems) {
        return Err(StatsError::Length {
            left: "the last block",
            left_length: values.len() % systems,
            right: "list of systems",
            right_length: systems,
        });
    }
    require_finite("values", values)?;
    match values.len() / systems {
        blocks if blocks < 2 => too_few("blocks", blocks),
        blocks => Ok(blocks),
    }
}

/// Ranks of a block from 1 for the largest, and the sum of t^3 - t over its groups of t ties.
fn ranks(block: &[f64]) -> (Vec<f64>, f64) {
    let mut order: Vec<usize> = (0..block.len()).collect();
    order.sort_by(|&a, &b| block[b].total_cmp(&block[a]));
    let mut ranks = vec![0.0; block.len()];
    let (mut before, mut ties) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| block[a] == block[b]) {
        let size = tied.len() as f64;
        for &system in tied {
            ranks[system] = before + (size + 1.0) / 2.0;
        }
        before += size;
        ties += size * size * size - size;
    }
    (ranks, ties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_by_hand() {
        assert_eq!(
            ranks(&[0.5, 0.9, 0.5, 0.1]),
            (vec![2.5, 1.0, 2.5, 4.0], 6.0)
        );
        assert_eq!(ranks(&[0.0, -0.0]).0, [1.5, 1.5]);
    }

    #[test]
    fn identical_systems_have_p_one() {
        let test = friedman(&[0.4, 0.4, 0.4, 0.7, 0.7, 0.7], 3).unwrap();
        assert_eq!((test.p_value, test.p_chi_squared, test.f), (1.0, 1.0, 0.0));
        assert_eq!(test.average_ranks, [2.0; 3]);
    }

    #[test]
    fn full_agreement_has_the_probability_of_agreement() {
        let test = friedman(&[3.0, 2.0, 1.0].repeat(4), 3).unwrap();
        assert!((test.p_value - (1.0f64 / 6.0).powi(3)).abs() < 1e-15);
        assert_eq!(test.f, f64::INFINITY);
    }

    #[test]
    fn refuses_bad_input() {
        assert!(friedman(&[1.0, 2.0], 1).is_err());
        assert!(friedman(&[1.0, 2.0], 2).is_err());
        assert!(friedman(&[1.0, 2.0, 3.0], 2).is_err());
        assert!(friedman(&[1.0, f64::NAN, 3.0, 4.0], 2).is_err());
    }
}
