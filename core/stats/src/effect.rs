//! Effect sizes: how large a difference is, apart from how sure one is of it.

use serde::Serialize;

use crate::error::{Result, StatsError, require_examples};
use crate::mcnemar::PairedOutcomes;
use crate::standard_error::standard_error;
use crate::wilcoxon::{WilcoxonScheme, Zeros, wilcoxon};

/// Which effect size a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EffectName {
    /// Mean of the differences over their standard deviation.
    CohenDz,
    /// Difference of the arcsine-transformed accuracies.
    CohenH,
    /// Share of the rank sum in favour of a minus the share in favour of b.
    RankBiserial,
    /// Examples only a gets right over examples only b gets right.
    DiscordantOdds,
    /// Chance that a scores higher than b on an example, ties counted half.
    ProbabilityOfSuperiority,
    /// Share of pairs of runs in which a scores higher minus the share in which b does.
    CliffsDelta,
}

impl EffectName {
    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::CohenDz => "cohen_dz",
            Self::CohenH => "cohen_h",
            Self::RankBiserial => "rank_biserial",
            Self::DiscordantOdds => "discordant_odds",
            Self::ProbabilityOfSuperiority => "probability_of_superiority",
            Self::CliffsDelta => "cliffs_delta",
        }
    }

    /// The value that means no effect.
    pub fn null(self) -> f64 {
        match self {
            Self::CohenDz | Self::CohenH | Self::RankBiserial | Self::CliffsDelta => 0.0,
            Self::DiscordantOdds => 1.0,
            Self::ProbabilityOfSuperiority => 0.5,
        }
    }
}

/// An effect size and its name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Effect {
    /// Which effect size this is.
    pub name: EffectName,
    /// Its value; above [`EffectName::null`] if system a scores higher.
    pub value: f64,
}

/// Cohen's d_z: the mean of paired differences over their standard deviation (divisor n - 1).
///
/// Cohen, *Statistical Power Analysis for the Behavioral Sciences* (1988), section 2.3.5. Zero if all differences are.
///
/// # Errors
/// If there are fewer than two differences, one is not finite, or all are the same number other than zero.
pub fn cohen_dz(d: &[f64]) -> Result<Effect> {
    let mean = standard_error(d)?;
    let sd = mean.standard_error * (d.len() as f64).sqrt();
    let value = if mean.mean == 0.0 {
        0.0
    } else if sd > 0.0 {
        mean.mean / sd
    } else {
        return Err(StatsError::Undefined {
            what: "Cohen's d_z",
            why: "all differences are equal, so their standard deviation is 0",
        });
    };
    Ok(Effect {
        name: EffectName::CohenDz,
        value,
    })
}

/// Cohen's h: `2 asin(sqrt(a)) - 2 asin(sqrt(b))` for the two accuracies.
///
/// Equal steps of h are about equally hard to detect wherever the accuracies lie. Cohen (1988), section 6.2.
///
/// # Errors
/// If an accuracy is not between 0 and 1.
pub fn cohen_h(a: f64, b: f64) -> Result<Effect> {
    for (name, value) in [("accuracy of a", a), ("accuracy of b", b)] {
        if !(0.0..=1.0).contains(&value) {
            return Err(StatsError::OutOfRange {
                name,
                value,
                expected: "a number from 0 to 1",
            });
        }
    }
    Ok(Effect {
        name: EffectName::CohenH,
        value: 2.0 * (a.sqrt().asin() - b.sqrt().asin()),
    })
}

/// The matched-pairs rank-biserial correlation: the share of the ranks of |d| that favour a minus the share that favours
/// b, zero differences dropped.
///
/// Kerby, *Comprehensive Psychology* 3:11.IT.3.1 (2014). Zero if all differences are.
///
/// # Errors
/// If there are no differences or one is not finite.
pub fn rank_biserial(d: &[f64]) -> Result<Effect> {
    let ranks = wilcoxon(
        d,
        WilcoxonScheme {
            zeros: Zeros::Drop,
            null: crate::wilcoxon::Null::Normal,
        },
    )?;
    let total = ranks.rank_sum_positive + ranks.rank_sum_negative;
    let value = if total > 0.0 {
        (ranks.rank_sum_positive - ranks.rank_sum_negative) / total
    } else {
        0.0
    };
    Ok(Effect {
        name: EffectName::RankBiserial,
        value,
    })
}

/// The conditional odds ratio of a paired table: examples only a gets right over examples only b gets right.
///
/// Infinite if b is never right alone. Agresti, *Categorical Data Analysis* (2013), section 11.2.3.
///
/// # Errors
/// If the systems agree on every example.
pub fn discordant_odds(outcomes: &PairedOutcomes) -> Result<Effect> {
    if outcomes.discordant() == 0 {
        return Err(StatsError::Undefined {
            what: "the odds of the discordant examples",
            why: "both systems get the same examples right",
        });
    }
    Ok(Effect {
        name: EffectName::DiscordantOdds,
        value: outcomes.only_a as f64 / outcomes.only_b as f64,
    })
}

/// The share of examples on which a scores higher, ties counted half: the sample value of P(A > B) + P(A = B) / 2.
///
/// Grissom and Kim, *Effect Sizes for Research* (2012), section 5.6, for dependent groups.
///
/// # Errors
/// If there are no differences or one is not finite.
pub fn probability_of_superiority(d: &[f64]) -> Result<Effect> {
    require_examples("paired differences", d, 1)?;
    let wins: f64 = d
        .iter()
        .map(|d| match d.total_cmp(&0.0) {
            _ if *d == 0.0 => 0.5,
            std::cmp::Ordering::Greater => 1.0,
            _ => 0.0,
        })
        .sum();
    Ok(Effect {
        name: EffectName::ProbabilityOfSuperiority,
        value: wins / d.len() as f64,
    })
}

/// Cliff's delta of two independent samples, such as scores over training seeds: the share of all pairs in which a is
/// larger minus the share in which b is.
///
/// Cliff, *Psychological Bulletin* 114:494 (1993). Equals `2 U / (n m) - 1` for the Mann-Whitney U of a.
///
/// # Errors
/// If a sample is empty or a value is not finite.
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Result<Effect> {
    require_examples("scores of a", a, 1)?;
    require_examples("scores of b", b, 1)?;
    let signs = a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
    let sum: f64 = signs
        .map(|(a, b)| f64::from(i8::from(a > b) - i8::from(a < b)))
        .sum();
    Ok(Effect {
        name: EffectName::CliffsDelta,
        value: sum / (a.len() * b.len()) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(only_a: u64, only_b: u64) -> PairedOutcomes {
        PairedOutcomes {
            both: 10,
            only_a,
            only_b,
            neither: 0,
        }
    }

    #[test]
    fn values_by_hand() {
        assert!((cohen_dz(&[1.0, 2.0, 3.0]).unwrap().value - 2.0).abs() < 1e-14);
        let h = cohen_h(1.0, 0.0).unwrap().value;
        assert!((h - std::f64::consts::PI).abs() < 1e-14);
        // Ranks 1 (negative), 2 and 3 (positive): (5 - 1) / 6.
        let r = rank_biserial(&[-1.0, 2.0, 3.0, 0.0]).unwrap().value;
        assert!((r - 4.0 / 6.0).abs() < 1e-15);
        assert_eq!(discordant_odds(&outcomes(6, 3)).unwrap().value, 2.0);
        let wins = probability_of_superiority(&[1.0, 0.0, -0.0, -1.0, 2.0]).unwrap();
        assert_eq!(wins.value, 3.0 / 5.0);
        let delta = cliffs_delta(&[1.0, 3.0], &[0.0, 1.0, 2.0]).unwrap();
        assert_eq!(delta.value, 3.0 / 6.0);
    }

    #[test]
    fn no_difference_is_the_null_value() {
        for effect in [
            cohen_dz(&[0.0; 3]).unwrap(),
            cohen_h(0.4, 0.4).unwrap(),
            rank_biserial(&[0.0; 3]).unwrap(),
            discordant_odds(&outcomes(2, 2)).unwrap(),
            probability_of_superiority(&[0.0; 3]).unwrap(),
            cliffs_delta(&[0.1, 0.2], &[0.2, 0.1]).unwrap(),
        ] {
            assert_eq!(effect.value, effect.name.null(), "{}", effect.name.name());
        }
    }

    #[test]
    fn undefined_effects_are_errors() {
        assert!(cohen_dz(&[0.1; 3]).is_err());
        assert!(cohen_dz(&[]).is_err());
        assert!(cohen_h(1.2, 0.0).is_err());
        assert!(discordant_odds(&outcomes(0, 0)).is_err());
        assert!(rank_biserial(&[f64::NAN]).is_err());
        assert!(probability_of_superiority(&[]).is_err());
        assert!(cliffs_delta(&[1.0], &[]).is_err());
        assert_eq!(
            discordant_odds(&outcomes(2, 0)).unwrap().value,
            f64::INFINITY
        );
    }
}
