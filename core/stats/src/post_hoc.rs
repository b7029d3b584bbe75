//! Which of many systems differ, after [`friedman`](crate::friedman()): numbers of a critical-difference diagram.

use serde::Serialize;

use crate::correction::holm;
use crate::distribution::{normal_range_quantile, normal_range_sf};
use crate::error::{Result, StatsError, require_fraction};
use crate::friedman::{Friedman, check};
use crate::wilcoxon::{WilcoxonScheme, wilcoxon};

/// A p-value for every pair of systems, corrected for the number of pairs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pairwise {
    systems: usize,
    p_values: Vec<f64>,
}

impl Pairwise {
    fn new(systems: usize, p: impl Fn(usize, usize) -> f64) -> Self {
        let pairs = (0..systems).flat_map(|i| (0..systems).map(move |j| (i, j)));
        Self {
            systems,
            p_values: pairs
                .map(|(i, j)| if i == j { 1.0 } else { p(i, j) })
                .collect(),
        }
    }

    /// How many systems there are.
    pub fn systems(&self) -> usize {
        self.systems
    }

    /// The corrected p-value of a pair; 1 for a system and itself, `None` for one that does not exist.
    pub fn p_value(&self, a: usize, b: usize) -> Option<f64> {
        if a < self.systems && b < self.systems {
            self.p_values.get(a * self.systems + b).copied()
        } else {
            None
        }
    }

    /// The bars of a critical-difference diagram: groups of two or more systems that follow each other in the order of
    /// `average_ranks` and of which no two differ at `alpha`. None is a part of another; each is in order of rank.
    ///
    /// # Errors
    /// If there is not one rank a system or `alpha` is not between 0 and 1.
    pub fn cliques(&self, average_ranks: &[f64], alpha: f64) -> Result<Vec<Vec<usize>>> {
        require_fraction("alpha", alpha)?;
        if average_ranks.len() != self.systems {
            return Err(StatsError::Length {
                left: "average ranks",
                left_length: average_ranks.len(),
                right: "list of systems",
                right_length: self.systems,
            });
        }
        let mut order: Vec<usize> = (0..self.systems).collect();
        order.sort_by(|&a, &b| average_ranks[a].total_cmp(&average_ranks[b]));
        let differ = |a: usize, b: usize| self.p_value(a, b).is_some_and(|p| p <= alpha);
        let mut cliques = Vec::new();
        let mut covered = 0;
        for start in 0..order.len() {
            let mut end = start + 1;
            while end < order.len() && !order[start..end].iter().any(|&s| differ(s, order[end])) {
                end += 1;
            }
            if end > covered && end - start > 1 {
                cliques.push(order[start..end].to_vec());
            }
            covered = covered.max(end);
        }
        Ok(cliques)
    }
}

/// Nemenyi's critical difference: mean ranks farther apart than this differ at `alpha`, whichever pair they are.
///
/// `q / sqrt(2) * sqrt(k (k + 1) / (6 N))` for k systems and N blocks, with the upper quantile q of the range of k
/// standard normals. Nemenyi (1963); Demšar, *JMLR* 7:1 (2006), section 3.2.2.
///
/// # Errors
/// If there are fewer than two systems or no blocks, or `alpha` is not between 0 and 1.
///
/// ```
/// let cd = mergelab_stats::critical_difference(5, 30, 0.05)?;
/// assert!((cd - 1.114).abs() < 1e-3);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn critical_difference(systems: usize, blocks: usize, alpha: f64) -> Result<f64> {
    require_fraction("alpha", alpha)?;
    if systems < 2 || blocks == 0 {
        return Err(StatsError::TooFew {
            what: "a critical difference",
            needed: 2,
            unit: "systems, and one block",
            found: systems,
        });
    }
    Ok(normal_range_quantile(1.0 - alpha, systems) * rank_error(systems, blocks))
}

/// Nemenyi's test of every pair of mean ranks. Its verdict on two systems depends on which others take part; prefer
/// [`wilcoxon_holm`].
pub fn nemenyi(ranking: &Friedman) -> Pairwise {
    let ranks = &ranking.average_ranks;
    let error = rank_error(ranks.len(), ranking.blocks);
    Pairwise::new(ranks.len(), |i, j| {
        normal_range_sf((ranks[i] - ranks[j]).abs() / error, ranks.len())
    })
}

/// Wilcoxon's signed-rank test of every pair over the blocks, corrected for all pairs by Holm.
///
/// `values` is as for [`friedman`](crate::friedman()), but sizes of differences are compared across blocks: give one
/// metric, or metrics of one scale. With N blocks no p-value is below 2^(1 - N), so k systems need about
/// log2(k (k - 1) / alpha) blocks before any pair can differ.
///
/// Benavoli, Corani and Mangili, "Should we really use post-hoc tests based on mean-ranks?", *JMLR* 17:1 (2016).
///
/// # Errors
/// As [`friedman`](crate::friedman()).
pub fn wilcoxon_holm(values: &[f64], systems: usize) -> Result<Pairwise> {
    check(values, systems)?;
    let mut raw = Vec::with_capacity(systems * (systems - 1) / 2);
    for i in 0..systems {
        for j in i + 1..systems {
            let blocks = values.chunks_exact(systems);
            let d: Vec<f64> = blocks.map(|block| block[i] - block[j]).collect();
            raw.push(wilcoxon(&d, WilcoxonScheme::default())?.p_value);
        }
    }
    let adjusted = holm(&raw)?;
    // Pair (i, j) with i < j stands after all pairs of the systems before i.
    let place = |i: usize, j: usize| i * systems - i * (i + 1) / 2 + j - i - 1;
    Ok(Pairwise::new(systems, |i, j| {
        adjusted[place(i.min(j), i.max(j))]
    }))
}

/// The unit of distances between mean ranks, `sqrt(k (k + 1) / (12 N))`: their standard error over sqrt(2).
fn rank_error(systems: usize, blocks: usize) -> f64 {
    let k = systems as f64;
    (k * (k + 1.0) / (12.0 * blocks as f64)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::friedman;

    #[test]
    fn cliques_are_runs_without_a_difference() {
        // Ranks 1, 2, 3, 4; only the pairs two or more apart differ, and 3 from 4.
        let pairs = Pairwise::new(4, |i, j| match (i.min(j), i.max(j)) {
            (2, 3) => 0.01,
            (i, j) if j - i > 1 => 0.01,
            _ => 0.5,
        });
        let cliques = pairs.cliques(&[1.0, 2.0, 3.0, 4.0], 0.05).unwrap();
        assert_eq!(cliques, [vec![0, 1], vec![1, 2]]);
        let all = Pairwise::new(3, |_, _| 0.5);
        assert_eq!(
            all.cliques(&[3.0, 1.0, 2.0], 0.05).unwrap(),
            [vec![1, 2, 0]]
        );
        let none = Pairwise::new(3, |_, _| 0.0);
        assert!(none.cliques(&[3.0, 1.0, 2.0], 0.05).unwrap().is_empty());
        assert!(none.cliques(&[1.0], 0.05).is_err());
    }

    #[test]
    fn a_pair_differs_exactly_beyond_the_critical_difference() {
        let values: Vec<f64> = (0..12)
            .flat_map(|i| [f64::from(i % 3), 0.5, f64::from(i % 2), 0.1])
            .collect();
        let ranking = friedman(&values, 4).unwrap();
        let pairs = nemenyi(&ranking);
        for alpha in [0.01, 0.05, 0.2, 0.5] {
            let cd = critical_difference(4, 12, alpha).unwrap();
            for i in 0..4 {
                for j in 0..i {
                    let apart = (ranking.average_ranks[i] - ranking.average_ranks[j]).abs();
                    assert_eq!(apart >= cd, pairs.p_value(i, j).unwrap() <= alpha);
                }
            }
        }
        assert_eq!(pairs.p_value(4, 0), None);
    }

    #[test]
    fn identical_systems_have_p_one() {
        let values = [0.1, 0.1, 0.1, 0.5, 0.5, 0.5];
        let ranking = friedman(&values, 3).unwrap();
        for pairs in [nemenyi(&ranking), wilcoxon_holm(&values, 3).unwrap()] {
            assert!(pairs.p_values.iter().all(|&p| p == 1.0));
            assert_eq!(pairs.systems(), 3);
            assert_eq!(
                pairs.cliques(&ranking.average_ranks, 0.05).unwrap().len(),
                1
            );
        }
    }

    #[test]
    fn every_pair_finds_its_own_p_value() {
        // System 3 is above the others on all eight blocks, by different amounts.
        let values: Vec<f64> = (1..=8)
            .flat_map(|i| [0.0, 0.0, 0.0, f64::from(i)])
            .collect();
        let pairs = wilcoxon_holm(&values, 4).unwrap();
        for i in 0..3 {
            assert!((pairs.p_value(i, 3).unwrap() - 6.0 * 2.0 / 256.0).abs() < 1e-15);
            assert_eq!(pairs.p_value(i, 3), pairs.p_value(3, i));
            for j in 0..3 {
                assert_eq!(pairs.p_value(i, j), Some(1.0));
            }
        }
    }

    #[test]
    fn refuses_bad_input() {
        assert!(critical_difference(1, 5, 0.05).is_err());
        assert!(critical_difference(3, 0, 0.05).is_err());
        assert!(critical_difference(3, 5, 1.0).is_err());
    }
}
