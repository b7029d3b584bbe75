//! `significance.csv`.

use super::{Measure, table::Table};

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Verdict {
    Better,
    Worse,
    Equivalent,
    Inconclusive,
}

impl Verdict {
    fn named(name: &str) -> Self {
        match name {
            "better" => Self::Better,
            "worse" => Self::Worse,
            "equivalent" => Self::Equivalent,
            _ => Self::Inconclusive,
        }
    }

    /// The word in the report.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "undecided",
        }
    }

    /// The mark beside a number.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Better => "▲",
            Self::Worse => "▼",
            Self::Equivalent => "≈",
            Self::Inconclusive => "",
        }
    }
}

/// A model beside a baseline.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    pub(crate) baseline: String,
    pub(crate) model: String,
    pub(crate) task: String,
    pub(crate) language: String,
    pub(crate) measure: Measure,
    pub(crate) higher_is_better: bool,
    pub(crate) n: u64,
    pub(crate) value: Option<f64>,
    pub(crate) difference: Option<f64>,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) level: Option<f64>,
    pub(crate) test: String,
    pub(crate) p_adjusted: Option<f64>,
    pub(crate) correction: String,
    pub(crate) family_size: Option<u64>,
    pub(crate) detectable: Option<f64>,
    pub(crate) margin: Option<f64>,
    pub(crate) within_margin: bool,
    pub(crate) alpha: Option<f64>,
    pub(crate) verdict: Verdict,
    pub(crate) identical: bool,
}

pub(super) fn differences(table: &Table) -> Vec<Difference> {
    table
        .rows()
        .map(|row| Difference {
            baseline: row.text("baseline"),
            model: row.text("model"),
            task: row.text("task"),
            language: row.text("language"),
            measure: Measure {
                metric: row.text("metric"),
                parameters: row.text("metric_parameters"),
                name: row.text("measure"),
            },
            higher_is_better: row.flag("higher_is_better").unwrap_or(true),
            n: row.count("n").unwrap_or(0),
            value: row.number("model_value"),
            difference: row.number("difference"),
            interval: row.number("ci_low").zip(row.number("ci_high")),
            level: row.number("ci_level"),
            test: row.text("test"),
            p_adjusted: row.number("p_adjusted"),
            correction: row.text("correction"),
            family_size: row.count("family_size"),
            detectable: row.number("minimum_detectable_effect"),
            margin: row.number("margin"),
            within_margin: row.flag("within_margin").unwrap_or(false),
            alpha: row.number("alpha"),
            verdict: Verdict::named(&row.text("verdict")),
            identical: row.flag("identical").unwrap_or(false),
        })
        .collect()
}
