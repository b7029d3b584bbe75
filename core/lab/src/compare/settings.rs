//! What the manifest declares about comparisons before any result exists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ALL_LANGUAGES;
use super::choice::{Choice, Chosen, Fits, chosen};
use super::error::CompareError;

/// How p-values are corrected for the number of comparisons in their family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Holm: bounds the chance of any false finding, whatever the dependence.
    #[default]
    Holm,
    /// Benjamini and Hochberg: bounds the share of false findings.
    Bh,
    /// Benjamini and Yekutieli: the same whatever the dependence.
    By,
    /// Westfall and Young's max-T: bounds the chance of any false finding, and knows how alike the
    /// models are. Families are of one language; comparisons of replicates are corrected by Holm.
    MaxT,
    /// No correction.
    None,
}

/// What tells families apart: comparisons that agree in all of these are corrected together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FamilyKey {
    /// The baseline.
    Baseline,
    /// The model compared with it.
    Model,
    /// The task.
    Task,
    /// The measure.
    Measure,
    /// The language. Means over languages are always families of their own.
    Language,
}

impl FamilyKey {
    /// All of them, in the order in which they stand in a family's name.
    pub const ALL: [Self; 5] = [
        Self::Baseline,
        Self::Model,
        Self::Task,
        Self::Measure,
        Self::Language,
    ];

    /// The word in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Model => "model",
            Self::Task => "task",
            Self::Measure => "measure",
            Self::Language => "language",
        }
    }
}

impl Correction {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holm => "holm",
            Self::Bh => "bh",
            Self::By => "by",
            Self::MaxT => "max_t",
            Self::None => "none",
        }
    }
}

/// What to compare with what, and how sure to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Adjusted p-values up to this one are findings. Also the level of equivalence tests.
    pub alpha: f64,
    /// Coverage of confidence intervals. They are not corrected for the family.
    pub level: f64,
    /// Bootstrap resamples, and exchanges of randomisation tests.
    pub resamples: usize,
    /// Seed of every random draw. Each comparison draws from a stream of its own, keyed by this
    /// seed and the names of what is compared.
    pub seed: u64,
    /// Correction for multiple comparisons.
    pub correction: Correction,
    /// What tells families apart. Baseline, task and measure where nothing is declared, and the
    /// language too under [`Correction::MaxT`], which needs one set of examples.
    pub family: Option<Vec<FamilyKey>>,
    /// Names of the models that every other model is compared with. The first is the one that
    /// summaries show.
    pub baselines: Vec<String>,
    /// Differences too small to matter, in the measure's own unit, by name of the measure or else
    /// id of the metric. Equivalence is tested only where one is declared.
    pub margins: BTreeMap<String, f64>,
    /// By how much a model may be worse without it mattering, in the same way. Non-inferiority is
    /// tested only where one is declared.
    pub non_inferiority: BTreeMap<String, f64>,
    /// Tests and intervals in the place of the default ones.
    pub tests: Vec<Choice>,
    /// Whether models with [enough](super::FEWEST_TRAININGS) trainings are compared by almost
    /// stochastic order as well.
    pub dominance: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            level: 0.95,
            resamples: 10_000,
            seed: 0,
            correction: Correction::Holm,
            family: None,
            baselines: Vec::new(),
            margins: BTreeMap::new(),
            non_inferiority: BTreeMap::new(),
            tests: Vec::new(),
            dominance: false,
        }
    }
}

impl Settings {
    /// Refuses settings that no comparison can be made with.
    ///
    /// # Errors
    /// An alpha or level that is not between 0 and 1, no resamples, or a margin that is not above 0.
    pub fn check(&self) -> Result<(), CompareError> {
        let refuse = |setting: &str, value: f64, expected: &'static str| {
            Err(CompareError::Setting {
                setting: setting.to_owned(),
                value,
                expected,
            })
        };
        for (name, value) in [("alpha", self.alpha), ("level", self.level)] {
            if !(value > 0.0 && value < 1.0) {
                return refuse(name, value, "a number strictly between 0 and 1");
            }
        }
        if self.resamples == 0 {
            return refuse("resamples", 0.0, "1 or more (10000 is customary)");
        }
        for (name, &margin) in self.margins.iter().chain(&self.non_inferiority) {
            if !(margin > 0.0 && margin.is_finite()) {
                let setting = format!("margin of `{name}`");
                return refuse(&setting, margin, "a finite number above 0");
            }
        }
        self.check_max_t()
    }

    /// Max-T exchanges models on one set of examples.
    fn check_max_t(&self) -> Result<(), CompareError> {
        if self.correction != Correction::MaxT {
            return Ok(());
        }
        let keys = self.family_keys();
        if let Some(&key) = MAX_T_FAMILY.iter().find(|key| !keys.contains(key)) {
            return Err(CompareError::MaxTFamily { key: key.name() });
        }
        match self
            .tests
            .iter()
            .find_map(|c| c.test.filter(|t| !t.exchanges()))
        {
            Some(test) => Err(CompareError::MaxTTest { test: test.name() }),
            None => Ok(()),
        }
    }

    fn family_keys(&self) -> &[FamilyKey] {
        match (&self.family, self.correction) {
            (Some(keys), _) => keys,
            (None, Correction::MaxT) => MAX_T_FAMILY,
            (None, _) => FAMILY,
        }
    }

    /// Name of the family of a comparison; `values` are those of [`FamilyKey::ALL`].
    pub(super) fn family_name(&self, values: [&str; 5]) -> String {
        let keys = self.family_keys();
        let averaged = values[4] == ALL_LANGUAGES;
        let named = FamilyKey::ALL
            .iter()
            .zip(values)
            .filter(|(key, _)| keys.contains(key) && !(averaged && **key == FamilyKey::Language));
        let mut names: Vec<&str> = named.map(|(_, value)| value).collect();
        if averaged {
            names.push(ALL_LANGUAGES);
        } else if names.is_empty() {
            names.push("everything");
        }
        names.join("/")
    }

    /// The margin of equivalence declared for a measure.
    pub(super) fn margin(&self, measure: &str, metric: &str) -> Option<f64> {
        declared(&self.margins, measure, metric)
    }

    /// The margin of non-inferiority declared for a measure.
    pub(super) fn inferiority(&self, measure: &str, metric: &str) -> Option<f64> {
        declared(&self.non_inferiority, measure, metric)
    }

    /// The test and the interval asked for.
    pub(super) fn chosen(&self, task: &str, measure: &str, metric: &str) -> Chosen {
        chosen(&self.tests, task, measure, metric)
    }
}

const FAMILY: &[FamilyKey] = &[FamilyKey::Baseline, FamilyKey::Task, FamilyKey::Measure];
const MAX_T_FAMILY: &[FamilyKey] = &[
    FamilyKey::Baseline,
    FamilyKey::Task,
    FamilyKey::Measure,
    FamilyKey::Language,
];

fn declared(margins: &BTreeMap<String, f64>, measure: &str, metric: &str) -> Option<f64> {
    margins
        .get(measure)
        .or_else(|| margins.get(metric))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::TestChoice;

    #[test]
    fn defaults_are_accepted_and_nonsense_is_not() {
        assert!(Settings::default().check().is_ok());
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check().map_err(|e| e.to_string())
        };
        assert!(with(|s| s.alpha = 1.0).is_err());
        assert!(with(|s| s.level = f64::NAN).is_err());
        assert!(with(|s| s.resamples = 0).is_err());
        let message = with(|s| {
            s.margins.insert("accuracy".into(), 0.0);
        });
        assert!(message.is_err_and(|m| m.contains("margin of `accuracy`")));
    }

    #[test]
    fn the_measure_goes_before_its_metric() {
        let settings = Settings {
            margins: [("rouge".to_owned(), 0.02), ("rouge1".to_owned(), 0.01)].into(),
            ..Settings::default()
        };
        assert_eq!(settings.margin("rouge1", "rouge"), Some(0.01));
        assert_eq!(settings.margin("rougeL", "rouge"), Some(0.02));
        assert_eq!(settings.margin("accuracy", "label"), None);
    }

    #[test]
    fn absent_settings_take_their_defaults() {
        let settings: Settings = serde_json::from_str(r#"{"correction": "bh"}"#).unwrap();
        assert_eq!(settings.correction, Correction::Bh);
        assert_eq!(settings.resamples, 10_000);
        assert!(serde_json::from_str::<Settings>(r#"{"aplha": 0.1}"#).is_err());
    }

    #[test]
    fn families_are_named_by_what_tells_them_apart() {
        let name = |settings: &Settings, language| {
            settings.family_name(["joint", "m", "t", "accuracy", language])
        };
        let mut settings = Settings::default();
        assert_eq!(name(&settings, "de"), "joint/t/accuracy");
        assert_eq!(name(&settings, "all"), "joint/t/accuracy/all");
        settings.correction = Correction::MaxT;
        assert_eq!(name(&settings, "de"), "joint/t/accuracy/de");
        settings.family = Some(vec![FamilyKey::Language, FamilyKey::Baseline]);
        assert_eq!(name(&settings, "de"), "joint/de");
        assert_eq!(name(&settings, "all"), "joint/all");
        let message = settings.check().unwrap_err().to_string();
        assert!(message.contains("`task`"), "{message}");
        settings.family = Some(Vec::new());
        assert_eq!(name(&settings, "de"), "everything");
    }

    #[test]
    fn max_t_goes_with_exchanges() {
        let with = |test| {
            let settings = Settings {
                correction: Correction::MaxT,
                tests: vec![Choice {
                    test: Some(test),
                    ..Choice::default()
                }],
                ..Settings::default()
            };
            settings.check()
        };
        assert!(with(TestChoice::SignFlip).is_ok());
        let message = with(TestChoice::Wilcoxon).unwrap_err().to_string();
        assert!(message.contains("wilcoxon"), "{message}");
    }
}
