//! What the manifest declares about comparisons before any result exists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// No correction.
    None,
}

impl Correction {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holm => "holm",
            Self::Bh => "bh",
            Self::By => "by",
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
    /// Names of the models that every other model is compared with. The first is the one that
    /// summaries show.
    pub baselines: Vec<String>,
    /// Differences too small to matter, in the measure's own unit, by name of the measure or else
    /// id of the metric. Equivalence is tested only where one is declared.
    pub margins: BTreeMap<String, f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            level: 0.95,
            resamples: 10_000,
            seed: 0,
            correction: Correction::Holm,
            baselines: Vec::new(),
            margins: BTreeMap::new(),
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
        for (name, &margin) in &self.margins {
            if !(margin > 0.0 && margin.is_finite()) {
                let setting = format!("margin of `{name}`");
                return refuse(&setting, margin, "a finite number above 0");
            }
        }
        Ok(())
    }

    /// The margin declared for a measure.
    pub(super) fn margin(&self, measure: &str, metric: &str) -> Option<f64> {
        self.margins
            .get(measure)
            .or_else(|| self.margins.get(metric))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
