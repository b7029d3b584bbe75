//! Tests and intervals that a manifest asks for in place of the default ones.

use mergelab_abi::metric::Shape;
use serde::{Deserialize, Serialize};

/// A test that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestChoice {
    /// McNemar's exact test.
    Mcnemar,
    /// McNemar's test with the mid-p value.
    McnemarMidP,
    /// Signs of differences are flipped.
    SignFlip,
    /// Wilcoxon's signed-rank test.
    Wilcoxon,
    /// Student's paired t test, with clustered standard errors where examples are clustered.
    PairedT,
    /// Models are exchanged and the measure is computed anew.
    ApproximateRandomisation,
    /// The bootstrap, shifted to the hypothesis of no difference.
    Bootstrap,
}

/// An interval that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalChoice {
    /// Tango's score interval of a difference of accuracies.
    Tango,
    /// Newcombe's interval of a difference of accuracies.
    Newcombe,
    /// Student's t, with clustered standard errors where examples are clustered.
    StudentT,
    /// Percentiles of the bootstrap.
    Percentile,
    /// The bootstrap, corrected for bias and acceleration.
    Bca,
}

/// A word of a manifest that fits some measures and not others.
pub(crate) trait Fits: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];
    /// The word in a manifest.
    fn name(self) -> &'static str;
    /// Whether it can be used for a measure of this shape.
    fn fits(self, shape: Shape, clustered: bool) -> bool;

    /// Those that fit, with commas between them.
    fn fitting(shape: Shape, clustered: bool) -> String {
        let all = Self::ALL.iter().filter(|c| c.fits(shape, clustered));
        all.map(|c| c.name()).collect::<Vec<_>>().join(", ")
    }

    /// The one of this name.
    fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.name() == name)
    }
}

impl Fits for TestChoice {
    const ALL: &'static [Self] = &[
        Self::Mcnemar,
        Self::McnemarMidP,
        Self::SignFlip,
        Self::Wilcoxon,
        Self::PairedT,
        Self::ApproximateRandomisation,
        Self::Bootstrap,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Mcnemar => "mcnemar",
            Self::McnemarMidP => "mcnemar_mid_p",
            Self::SignFlip => "sign_flip",
            Self::Wilcoxon => "wilcoxon",
            Self::PairedT => "paired_t",
            Self::ApproximateRandomisation => "approximate_randomisation",
            Self::Bootstrap => "bootstrap",
        }
    }

    fn fits(self, shape: Shape, clustered: bool) -> bool {
        match self {
            Self::Mcnemar | Self::McnemarMidP => shape == Shape::Binary && !clustered,
            // Ranks of differences that are all of one size say nothing.
            Self::Wilcoxon => shape == Shape::Mean && !clustered,
            Self::SignFlip | Self::PairedT => shape != Shape::Corpus,
            Self::ApproximateRandomisation | Self::Bootstrap => true,
        }
    }
}

impl Fits for IntervalChoice {
    const ALL: &'static [Self] = &[
        Self::Tango,
        Self::Newcombe,
        Self::StudentT,
        Self::Percentile,
        Self::Bca,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Tango => "tango",
            Self::Newcombe => "newcombe",
            Self::StudentT => "student_t",
            Self::Percentile => "percentile",
            Self::Bca => "bca",
        }
    }

    fn fits(self, shape: Shape, clustered: bool) -> bool {
        match self {
            Self::Tango | Self::Newcombe => shape == Shape::Binary && !clustered,
            Self::StudentT => shape != Shape::Corpus,
            Self::Percentile | Self::Bca => true,
        }
    }
}

impl TestChoice {
    /// Whether it exchanges models, as max-T does.
    pub(super) fn exchanges(self) -> bool {
        !matches!(
            self,
            Self::McnemarMidP | Self::Wilcoxon | Self::PairedT | Self::Bootstrap
        )
    }
}

/// One entry of the manifest: what to use where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choice {
    /// Name of the task; all where there is none.
    pub task: Option<String>,
    /// Name of the measure or id of the metric; all where there is none.
    pub measure: Option<String>,
    /// The test.
    pub test: Option<TestChoice>,
    /// The interval.
    pub interval: Option<IntervalChoice>,
}

/// What was chosen for one measure of one task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) test: Option<TestChoice>,
    pub(crate) interval: Option<IntervalChoice>,
}

/// A choice that does not fit a measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// `test` or `interval`.
    pub(crate) what: &'static str,
    /// The one asked for.
    pub(crate) chosen: &'static str,
    /// What the measure is, in words.
    pub(crate) shape: &'static str,
    /// Those that fit, with commas between them.
    pub(crate) fitting: String,
}

impl Chosen {
    /// What does not fit a measure of this shape, the test before the interval.
    pub(crate) fn misfit(self, shape: Shape, clustered: bool) -> Option<Misfit> {
        let words = match (shape, clustered) {
            (Shape::Binary, false) => "whose scores are 0 or 1",
            (Shape::Binary, true) => "whose scores are 0 or 1 on examples in clusters",
            (Shape::Mean, false) => "a mean of scores",
            (Shape::Mean, true) => "a mean of scores of examples in clusters",
            (Shape::Corpus, _) => "which is no mean of scores",
        };
        fn unfit<T: Fits>(
            what: &'static str,
            choice: Option<T>,
            shape: Shape,
            clustered: bool,
            words: &'static str,
        ) -> Option<Misfit> {
            let choice = choice.filter(|choice| !choice.fits(shape, clustered))?;
            Some(Misfit {
                what,
                chosen: choice.name(),
                shape: words,
                fitting: T::fitting(shape, clustered),
            })
        }
        unfit("test", self.test, shape, clustered, words)
            .or_else(|| unfit("interval", self.interval, shape, clustered, words))
    }
}

/// The entries that hold for a measure of a task, by number: for the test and for the interval each
/// time that which says most. The name of the measure says more than the id of its metric, and that
/// more than the task.
pub(crate) fn picked(
    choices: &[Choice],
    task: &str,
    measure: &str,
    metric: &str,
) -> [Option<usize>; 2] {
    let weight = |choice: &Choice| -> Option<u8> {
        let by_measure = match choice.measure.as_deref() {
            None => 0,
            Some(name) if name == measure => 4,
            Some(name) if name == metric => 2,
            Some(_) => return None,
        };
        match choice.task.as_deref() {
            None => Some(by_measure),
            Some(name) if name == task => Some(by_measure + 1),
            Some(_) => None,
        }
    };
    let best = |chooses: fn(&Choice) -> bool| {
        let holding = choices.iter().enumerate().filter(|(_, c)| chooses(c));
        let weighed = holding.filter_map(|(number, c)| Some((weight(c)?, number)));
        // Of entries that say as much the first holds.
        let best = weighed.max_by_key(|&(weight, number)| (weight, std::cmp::Reverse(number)));
        best.map(|(_, number)| number)
    };
    [best(|c| c.test.is_some()), best(|c| c.interval.is_some())]
}

/// The choices that hold for a measure of a task.
pub(super) fn chosen(choices: &[Choice], task: &str, measure: &str, metric: &str) -> Chosen {
    let [test, interval] = picked(choices, task, measure, metric);
    Chosen {
        test: test.and_then(|number| choices[number].test),
        interval: interval.and_then(|number| choices[number].interval),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(task: Option<&str>, measure: Option<&str>, test: TestChoice) -> Choice {
        Choice {
            task: task.map(str::to_owned),
            measure: measure.map(str::to_owned),
            test: Some(test),
            interval: None,
        }
    }

    #[test]
    fn the_entry_that_says_most_holds() {
        let mut choices = vec![
            choice(None, None, TestChoice::Bootstrap),
            choice(Some("t"), None, TestChoice::SignFlip),
            choice(None, Some("rouge"), TestChoice::PairedT),
            choice(None, Some("rouge1"), TestChoice::Wilcoxon),
        ];
        choices[0].interval = Some(IntervalChoice::Bca);
        let test = |task, measure, metric| chosen(&choices, task, measure, metric).test;
        assert_eq!(test("t", "rouge1", "rouge"), Some(TestChoice::Wilcoxon));
        assert_eq!(test("t", "rougeL", "rouge"), Some(TestChoice::PairedT));
        assert_eq!(test("t", "accuracy", "label"), Some(TestChoice::SignFlip));
        assert_eq!(test("u", "accuracy", "label"), Some(TestChoice::Bootstrap));
        let interval = chosen(&choices, "t", "rouge1", "rouge").interval;
        assert_eq!(interval, Some(IntervalChoice::Bca));
        assert_eq!(chosen(&[], "t", "m", "m"), Chosen::default());
    }

    #[test]
    fn names_are_found_and_what_fits_is_listed() {
        for &test in TestChoice::ALL {
            assert_eq!(TestChoice::find(test.name()), Some(test));
            let word = serde_json::to_value(test).unwrap();
            assert_eq!(word, test.name());
        }
        for &interval in IntervalChoice::ALL {
            assert_eq!(IntervalChoice::find(interval.name()), Some(interval));
        }
        let corpus = TestChoice::fitting(Shape::Corpus, false);
        assert_eq!(corpus, "approximate_randomisation, bootstrap");
        let clustered = IntervalChoice::fitting(Shape::Binary, true);
        assert_eq!(clustered, "student_t, percentile, bca");
    }
}
