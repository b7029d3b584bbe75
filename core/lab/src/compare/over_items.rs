//! What a choice of test or interval means for a mean over languages or replicates.
//!
//! Such a mean is tested by what each item adds to it: its own differences in all languages and
//! replicates, weighted as the mean weighs them. These shares are independent of each other, and
//! symmetric about zero where the two models are equally good, so their signs can be flipped and their
//! sizes ranked.

use mergelab_abi::metric::Shape;
use mergelab_stats::{Null, StatsError, Wilcoxon, WilcoxonScheme, Zeros, wilcoxon};

use super::choice::{Fits, IntervalChoice, TestChoice};
use super::names::Test;

/// What is averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Languages,
    Replicates,
}

/// A test of a mean over languages or replicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OverItems {
    /// Signs of the items' shares are flipped.
    Signs,
    /// The items' shares are ranked by size.
    Ranks,
    /// Items exchange their models and the measure is computed anew.
    Exchange,
    /// Student's t.
    Student,
    /// The bootstrap, shifted to no difference.
    Bootstrap,
}

/// The test that is meant, with a note where it is another one than that which was asked for.
pub(super) fn meant(
    choice: Option<TestChoice>,
    shape: Shape,
    over: Over,
) -> (OverItems, Option<String>) {
    match choice {
        None if shape == Shape::Corpus => (OverItems::Exchange, None),
        None | Some(TestChoice::SignFlip) => (OverItems::Signs, None),
        Some(TestChoice::Wilcoxon) => (OverItems::Ranks, None),
        Some(TestChoice::PairedT) => (OverItems::Student, None),
        Some(TestChoice::ApproximateRandomisation) => (OverItems::Exchange, None),
        Some(TestChoice::Bootstrap) => (OverItems::Bootstrap, None),
        // The sign flip of 0/1 scores in one language is the exact McNemar test.
        Some(choice @ (TestChoice::Mcnemar | TestChoice::McnemarMidP)) => {
            let note = replaced("test", choice.name(), over, "sign_flip");
            (OverItems::Signs, Some(note))
        }
    }
}

/// A note where the interval is another one than that which was asked for.
pub(super) fn other_interval(choice: Option<IntervalChoice>, over: Over) -> Option<String> {
    match choice {
        Some(choice @ (IntervalChoice::Tango | IntervalChoice::Newcombe)) => {
            Some(replaced("interval", choice.name(), over, "percentile"))
        }
        _ => None,
    }
}

fn replaced(what: &str, asked: &str, over: Over, used: &str) -> String {
    let why = match over {
        Over::Languages => "a mean over languages is no share of right answers",
        Over::Replicates => "a mean over replicates is no share of right answers",
    };
    format!("the {what} is {used} and not {asked}: {why}")
}

/// The test's name in tables, where its p-value comes from the items alone. `exact` is the null
/// distribution of ranks.
pub(super) fn name(test: OverItems, exact: bool, over: Over) -> Test {
    use {Over::Languages, Over::Replicates};
    match (test, over) {
        (OverItems::Signs, Languages) => Test::SignFlipMacro,
        (OverItems::Signs, Replicates) => Test::SignFlipReplicated,
        (OverItems::Ranks, Languages) if exact => Test::WilcoxonExactMacro,
        (OverItems::Ranks, Languages) => Test::WilcoxonNormalMacro,
        (OverItems::Ranks, Replicates) if exact => Test::WilcoxonExactReplicated,
        (OverItems::Ranks, Replicates) => Test::WilcoxonNormalReplicated,
        (OverItems::Exchange, Languages) => Test::ApproximateRandomisationMacro,
        (OverItems::Exchange, Replicates) => Test::ApproximateRandomisationReplicated,
        (OverItems::Student, Languages) => Test::PairedTMacro,
        (OverItems::Student, Replicates) => Test::PairedTReplicated,
        (OverItems::Bootstrap, Languages) => Test::BootstrapMacro,
        (OverItems::Bootstrap, Replicates) => Test::BootstrapReplicated,
    }
}

/// Wilcoxon's test of the items' shares, zeros dropped.
///
/// Shares are sums, which round: what would be zero or equal by hand is made so again, to 2^-40 of the
/// largest, as ranks do not forgive it.
pub(super) fn ranks(shares: &[f64]) -> Result<(Wilcoxon, bool), StatsError> {
    let largest = shares
        .iter()
        .fold(0.0f64, |max, share| max.max(share.abs()));
    let grain = largest * 2f64.powi(-40);
    let snapped: Vec<f64> = if grain > 0.0 {
        shares.iter().map(|s| (s / grain).round() * grain).collect()
    } else {
        shares.to_vec()
    };
    let scheme = WilcoxonScheme {
        zeros: Zeros::Drop,
        null: Null::Auto,
    };
    let found = wilcoxon(&snapped, scheme)?;
    let exact = found.scheme.null == Null::Exact;
    Ok((found, exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_meaning_is_replaced_and_said() {
        let (test, note) = meant(
            Some(TestChoice::McnemarMidP),
            Shape::Binary,
            Over::Languages,
        );
        assert_eq!(test, OverItems::Signs);
        assert_eq!(
            note.unwrap(),
            "the test is sign_flip and not mcnemar_mid_p: a mean over languages is no share of \
             right answers"
        );
        for test in [
            TestChoice::Wilcoxon,
            TestChoice::Bootstrap,
            TestChoice::PairedT,
        ] {
            assert_eq!(meant(Some(test), Shape::Mean, Over::Replicates).1, None);
        }
        assert_eq!(
            meant(None, Shape::Corpus, Over::Languages).0,
            OverItems::Exchange
        );
        assert!(other_interval(Some(IntervalChoice::Tango), Over::Replicates).is_some());
        assert_eq!(
            other_interval(Some(IntervalChoice::Bca), Over::Replicates),
            None
        );
    }

    // A third of 0.1 + 0.2 - 0.3 is no zero in floating point, and would be ranked.
    #[test]
    fn rounding_makes_no_ranks() {
        let zero = (0.1 + 0.2 - 0.3) / 3.0;
        assert!(zero != 0.0);
        let (found, exact) = ranks(&[zero, 1.0, -zero, 2.0, 3.0]).unwrap();
        assert!(exact);
        assert_eq!((found.nonzero, found.p_value), (3, 0.25));
        assert_eq!(ranks(&[0.0, 0.0]).unwrap().0.p_value, 1.0);
    }
}
