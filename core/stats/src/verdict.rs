//! What a comparison lets one say.

use std::fmt;

use serde::Serialize;

use crate::equivalence::Equivalence;
use crate::error::{Result, StatsError, require_finite, require_fraction};

/// What a comparison of a system with a reference lets one say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The system is better than the reference.
    Better,
    /// The system is worse than the reference.
    Worse,
    /// The two differ by less than the margin.
    Equivalent,
    /// The data support none of the above. Not evidence of equality.
    Inconclusive,
}

impl Verdict {
    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A [`Verdict`], and whether the difference was shown to be within the margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What can be said.
    pub verdict: Verdict,
    /// Whether a margin was declared and the equivalence test passed.
    pub within_margin: bool,
}

impl Decision {
    /// Whether the systems differ significantly, yet by less than matters.
    pub fn differs_within_margin(&self) -> bool {
        self.within_margin && matches!(self.verdict, Verdict::Better | Verdict::Worse)
    }
}

/// Decides what a comparison lets one say. The first rule that applies wins:
///
/// 1. `p_adjusted <= alpha` and the difference is not 0: [`Verdict::Better`] or [`Verdict::Worse`] by its sign. If the
///    equivalence test passed as well, [`Decision::differs_within_margin`] says so.
/// 2. A margin was declared and its equivalence test has `p_value <= alpha`: [`Verdict::Equivalent`].
/// 3. Otherwise [`Verdict::Inconclusive`].
///
/// `difference` is system minus reference and `p_adjusted` its two-sided p-value *after* correction for the family of
/// comparisons. The equivalence p-value is used as given: equivalence claimed for every member of a family needs no
/// correction (intersection-union), a claim for some member does, so adjust before calling.
///
/// # Errors
/// If the difference is not finite, a p-value is not between 0 and 1, or `alpha` is not strictly between them.
///
/// ```
/// use mergelab_stats::{Verdict, tost_paired, verdict};
///
/// let same = tost_paired(&[0.01, -0.02, 0.0, 0.01, -0.01], 0.05)?;
/// let decision = verdict(-0.002, 0.8, 0.05, Some(&same), true)?;
/// assert_eq!(decision.verdict, Verdict::Equivalent);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn verdict(
    difference: f64,
    p_adjusted: f64,
    alpha: f64,
    equivalence: Option<&Equivalence>,
    higher_is_better: bool,
) -> Result<Decision> {
    require_finite("the difference", &[difference])?;
    require_fraction("alpha", alpha)?;
    require_probability("adjusted p-value", p_adjusted)?;
    if let Some(equivalence) = equivalence {
        require_probability("equivalence p-value", equivalence.p_value)?;
    }
    let within_margin = equivalence.is_some_and(|test| test.p_value <= alpha);
    let verdict = if p_adjusted <= alpha && difference != 0.0 {
        if (difference > 0.0) == higher_is_better {
            Verdict::Better
        } else {
            Verdict::Worse
        }
    } else if within_margin {
        Verdict::Equivalent
    } else {
        Verdict::Inconclusive
    };
    Ok(Decision {
        verdict,
        within_margin,
    })
}

fn require_probability(name: &'static str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        Ok(())
    } else {
        Err(StatsError::OutOfRange {
            name,
            value,
            expected: "a number from 0 to 1",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(difference: f64, p: f64, p_equivalence: Option<f64>, higher: bool) -> Decision {
        let test = p_equivalence.map(|p| Equivalence::new(0.01, p, 0.0));
        verdict(difference, p, 0.05, test.as_ref(), higher).unwrap()
    }

    #[test]
    fn every_rule() {
        assert_eq!(decide(0.1, 0.01, None, true).verdict, Verdict::Better);
        assert_eq!(decide(0.1, 0.01, None, false).verdict, Verdict::Worse);
        assert_eq!(decide(-0.1, 0.01, None, true).verdict, Verdict::Worse);
        assert_eq!(decide(-0.1, 0.05, None, false).verdict, Verdict::Better);
        assert_eq!(decide(0.1, 0.06, None, true).verdict, Verdict::Inconclusive);
        assert_eq!(
            decide(0.1, 0.06, Some(0.2), true).verdict,
            Verdict::Inconclusive
        );
        assert_eq!(
            decide(0.1, 0.06, Some(0.04), true).verdict,
            Verdict::Equivalent
        );
        assert_eq!(
            decide(0.0, 0.01, Some(0.04), true).verdict,
            Verdict::Equivalent
        );
    }

    #[test]
    fn different_but_within_margin() {
        let decision = decide(0.001, 0.01, Some(0.01), true);
        assert_eq!(decision.verdict, Verdict::Better);
        assert!(decision.differs_within_margin());
        assert!(!decide(0.001, 0.01, Some(0.2), true).differs_within_margin());
        assert!(!decide(0.001, 0.4, Some(0.01), true).differs_within_margin());
    }

    #[test]
    fn refuses_what_is_not_a_probability() {
        assert!(verdict(0.1, f64::NAN, 0.05, None, true).is_err());
        assert!(verdict(0.1, 0.5, 5.0, None, true).is_err());
        assert!(verdict(f64::NAN, 0.5, 0.05, None, true).is_err());
        let broken = Equivalence::new(0.1, f64::NAN, f64::NAN);
        assert!(verdict(0.1, 0.5, 0.05, Some(&broken), true).is_err());
    }
}
