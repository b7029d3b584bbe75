//! The formulas.

use super::{Amounts, Expert, Merge, Replicate, Unit, makespan};
use crate::compare::ALL_LANGUAGES;
use mergelab_stats::{Interval, standard_error};

/// How both ways' costs are put together. [`super`] has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formula {
    /// First training, one expert after another.
    InitialSequential,
    /// First training, experts on several workers.
    InitialParallel,
    /// One language's data changed.
    UpdateLanguage,
    /// One language comes on top of the others.
    AddLanguage,
}

impl Formula {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::InitialSequential => "initial_sequential",
            Self::InitialParallel => "initial_parallel_lpt",
            Self::UpdateLanguage => "update_language",
            Self::AddLanguage => "add_language",
        }
    }

    /// The question that it answers.
    pub fn scenario(self) -> &'static str {
        match self {
            Self::InitialSequential | Self::InitialParallel => "initial",
            Self::UpdateLanguage => "update",
            Self::AddLanguage => "add",
        }
    }
}

/// What counts beside training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Includes {
    /// Nothing.
    Training,
    /// The merge, on the merged side.
    Merge,
    /// The merge, and evaluating one model on each side.
    Evaluation,
    /// As before, and on the merged side the search for the merge's parameters.
    Search,
}

impl Includes {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Training, Self::Merge, Self::Evaluation, Self::Search];

    /// The words in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Merge => "training+merge",
            Self::Evaluation => "training+merge+evaluation",
            Self::Search => "training+merge+evaluation+search",
        }
    }
}

/// One comparison of both ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Saving {
    /// How it was computed.
    pub formula: Formula,
    /// The merge method.
    pub method: String,
    /// The language that is updated or added; [`ALL_LANGUAGES`] for the mean over them; empty for first
    /// trainings.
    pub language: String,
    /// Workers that train experts at the same time.
    pub workers: usize,
    /// What counts beside training.
    pub includes: Includes,
    /// What is counted.
    pub unit: Unit,
    /// Cost of the merged way, the mean over replicates.
    pub merged: Option<f64>,
    /// Cost of the combined way, the mean over replicates.
    pub combined: Option<f64>,
    /// Combined minus merged.
    pub saving: Option<f64>,
    /// Interval of `saving` over replicates.
    pub saving_interval: Option<Interval>,
    /// Merged over combined, the mean of the replicates' ratios.
    pub ratio: Option<f64>,
    /// Interval of `ratio` over replicates.
    pub ratio_interval: Option<Interval>,
    /// Replicates.
    pub replicates: usize,
    /// Settings of the merge's parameters that the search tried.
    pub candidates: usize,
    /// What to know about the numbers.
    pub note: String,
}

/// All comparisons: by method, formula, language or workers, what counts, and unit. `level` is the
/// coverage of intervals.
///
/// Wall seconds are counted on several workers; all other amounts are the same whatever their
/// number. Joules are counted where stages have them.
pub fn savings(replicates: &[Replicate], level: f64) -> Vec<Saving> {
    let mut rows = Vec::new();
    let Some(first) = replicates.first() else {
        return rows;
    };
    for merge in &first.merges {
        // The same method and experts in every replicate.
        let same = |r: &Replicate| {
            let found = r.merges.iter().find(|m| {
                let names =
                    |m: &Merge| m.experts.iter().map(|e| e.name.clone()).collect::<Vec<_>>();
                m.method == merge.method && names(m) == names(merge)
            });
            found.cloned().map(|m| (r.clone(), m))
        };
        let pairs: Vec<(Replicate, Merge)> = replicates.iter().filter_map(same).collect();
        for case in cases(&merge.experts) {
            for includes in Includes::ALL {
                let units = match case.formula {
                    Formula::InitialParallel => &Unit::ALL[..1],
                    _ => &Unit::ALL[..],
                };
                for &unit in units {
                    rows.extend(row(&pairs, &case, includes, unit, level));
                }
            }
        }
    }
    rows
}

struct Case {
    formula: Formula,
    language: String,
    workers: usize,
}

fn cases(experts: &[Expert]) -> Vec<Case> {
    let mut languages: Vec<&String> = Vec::new();
    for language in experts.iter().flat_map(|e| &e.languages) {
        if !languages.contains(&language) {
            languages.push(language);
        }
    }
    let case = |formula, language: &str, workers| Case {
        formula,
        language: language.to_owned(),
        workers,
    };
    let mut cases = vec![case(Formula::InitialSequential, "", 1)];
    cases.extend((1..=experts.len()).map(|k| case(Formula::InitialParallel, "", k)));
    for formula in [Formula::UpdateLanguage, Formula::AddLanguage] {
        cases.extend(languages.iter().map(|l| case(formula, l, 1)));
        if languages.len() > 1 {
            cases.push(case(formula, ALL_LANGUAGES, 1));
        }
    }
    cases
}

/// What the trainings of the merged way cost.
fn trainings(experts: &[Expert], case: &Case) -> Amounts {
    let learning = |language: &str| -> Amounts {
        let experts = experts.iter();
        experts
            .filter(|e| e.languages.iter().any(|l| l == language))
            .map(|e| e.training)
            .sum()
    };
    match case.formula {
        Formula::InitialSequential => experts.iter().map(|e| e.training).sum(),
        Formula::InitialParallel => {
            let all: Amounts = experts.iter().map(|e| e.training).sum();
            let seconds: Option<Vec<f64>> = experts
                .iter()
                .map(|e| e.training.get(Unit::WallSeconds))
                .collect();
            all.with(
                Unit::WallSeconds,
                seconds.map(|seconds| makespan(&seconds, case.workers)),
            )
        }
        Formula::UpdateLanguage | Formula::AddLanguage if case.language == ALL_LANGUAGES => {
            let mut languages: Vec<&String> = experts.iter().flat_map(|e| &e.languages).collect();
            languages.sort();
            languages.dedup();
            let each: Vec<Amounts> = languages.iter().map(|l| learning(l)).collect();
            Amounts::mean(&each).unwrap_or(Amounts::ZERO)
        }
        Formula::UpdateLanguage | Formula::AddLanguage => learning(&case.language),
    }
}

/// Costs of the merged and of the combined way in one replicate.
fn costs(
    replicate: &Replicate,
    merge: &Merge,
    case: &Case,
    includes: Includes,
) -> Option<[Amounts; 2]> {
    let mut merged = trainings(&merge.experts, case);
    let mut combined = replicate.combined;
    if includes != Includes::Training {
        merged = merged + merge.merge;
    }
    if matches!(includes, Includes::Evaluation | Includes::Search) {
        merged = merged + merge.evaluation?;
        combined = combined + replicate.combined_evaluation?;
    }
    if includes == Includes::Search {
        merged = merged + merge.search;
    }
    Some([merged, combined])
}

fn row(
    pairs: &[(Replicate, Merge)],
    case: &Case,
    includes: Includes,
    unit: Unit,
    level: f64,
) -> Option<Saving> {
    let (_, first) = pairs.first()?;
    let costs: Vec<[Amounts; 2]> = pairs
        .iter()
        .map(|(replicate, merge)| costs(replicate, merge, case, includes))
        .collect::<Option<_>>()?;
    let values: Vec<[Option<f64>; 2]> = costs.iter().map(|c| c.map(|c| c.get(unit))).collect();
    let untold = values.iter().flatten().any(Option::is_none);
    if unit == Unit::EnergyJoules && values.iter().flatten().all(Option::is_none) {
        return None;
    }
    let mut notes = Vec::new();
    let known: Vec<[f64; 2]> = match untold {
        true => {
            notes.push(format!("a stage does not tell its {}", unit.name()));
            Vec::new()
        }
        false => values
            .iter()
            .map(|v| v.map(Option::unwrap_or_default))
            .collect(),
    };
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let column = |way: usize| known.iter().map(|v| v[way]).collect::<Vec<f64>>();
    let differences: Vec<f64> = known.iter().map(|[m, c]| c - m).collect();
    let ratios: Vec<f64> = known.iter().map(|[m, c]| m / c).collect();
    let defined = !known.is_empty() && ratios.iter().all(|r| r.is_finite());
    if !known.is_empty() && !defined {
        notes.push(format!("combined has no {}", unit.name()));
    }
    let interval = |values: &[f64]| -> Option<Interval> {
        let error = standard_error(values).ok()?;
        error.interval(level).ok()
    };
    let several = pairs.len() > 1;
    if !several {
        notes.push("one replicate: no interval".to_owned());
    }
    let jobs = costs.iter().flatten().map(|c| c.jobs).max().unwrap_or(1);
    if jobs > 1 && matches!(unit, Unit::WallSeconds | Unit::EnergyJoules) {
        notes.push(format!(
            "measured with up to {jobs} stages side by side, which takes each longer than alone"
        ));
    }
    Some(Saving {
        formula: case.formula,
        method: first.method.clone(),
        language: case.language.clone(),
        workers: case.workers,
        includes,
        unit,
        merged: mean(&column(0)),
        combined: mean(&column(1)),
        saving: mean(&differences),
        saving_interval: several.then(|| interval(&differences)).flatten(),
        ratio: mean(&ratios).filter(|_| defined),
        ratio_interval: (several && defined).then(|| interval(&ratios)).flatten(),
        replicates: pairs.len(),
        candidates: first.candidates,
        note: notes.join("; "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(wall: f64, tokens: f64) -> Amounts {
        Amounts::ZERO
            .with(Unit::WallSeconds, Some(wall))
            .with(Unit::CpuSeconds, Some(2.0 * wall))
            .with(Unit::Tokens, Some(tokens))
            .with(Unit::EnergyJoules, None)
    }

    fn expert(name: &str, wall: f64) -> Expert {
        Expert {
            name: name.into(),
            languages: vec![name.into()],
            training: amounts(wall, 100.0),
        }
    }

    /// Three experts of 30, 20 and 20 s times `factor`, a combined model of 80 s.
    fn replicate(factor: f64) -> Replicate {
        Replicate {
            combined: amounts(80.0, 300.0),
            combined_evaluation: Some(amounts(8.0, 50.0)),
            merges: vec![Merge {
                method: "ties".into(),
                experts: ["de", "en", "fr"]
                    .into_iter()
                    .zip([30.0, 20.0, 20.0])
                    .map(|(name, wall)| expert(name, factor * wall))
                    .collect(),
                merge: amounts(2.0, 0.0),
                evaluation: Some(amounts(8.0, 50.0)),
                search: amounts(20.0, 100.0),
                candidates: 3,
            }],
        }
    }

    fn find(
        rows: &[Saving],
        formula: Formula,
        language: &str,
        workers: usize,
        includes: Includes,
        unit: Unit,
    ) -> Saving {
        let mut found = rows.iter().filter(|r| {
            (r.formula, r.language.as_str(), r.workers) == (formula, language, workers)
                && (r.includes, r.unit) == (includes, unit)
        });
        let row = found.next().expect("a row").clone();
        assert!(found.next().is_none());
        row
    }

    #[test]
    fn first_training_by_hand() {
        let rows = savings(&[replicate(1.0)], 0.95);
        let wall = |formula, workers, includes| {
            let row = find(&rows, formula, "", workers, includes, Unit::WallSeconds);
            [row.merged, row.combined, row.saving].map(Option::unwrap)
        };
        let sequential = Formula::InitialSequential;
        assert_eq!(wall(sequential, 1, Includes::Training), [70.0, 80.0, 10.0]);
        assert_eq!(wall(sequential, 1, Includes::Merge), [72.0, 80.0, 8.0]);
        assert_eq!(wall(sequential, 1, Includes::Evaluation), [80.0, 88.0, 8.0]);
        assert_eq!(wall(sequential, 1, Includes::Search), [100.0, 88.0, -12.0]);
        let parallel = Formula::InitialParallel;
        assert_eq!(wall(parallel, 1, Includes::Merge)[0], 72.0);
        // 30 | 20 20
        assert_eq!(wall(parallel, 2, Includes::Merge)[0], 42.0);
        assert_eq!(wall(parallel, 3, Includes::Merge), [32.0, 80.0, 48.0]);
        assert!(!rows.iter().any(|r| r.workers > 3));
        assert!(!rows.iter().any(|r| r.unit == Unit::EnergyJoules));
        let parallel = rows.iter().filter(|r| r.formula == parallel);
        assert!(parallel.clone().all(|r| r.unit == Unit::WallSeconds));
        let device = find(
            &rows,
            sequential,
            "",
            1,
            Includes::Merge,
            Unit::DeviceSeconds,
        );
        assert_eq!((device.saving, device.ratio), (Some(0.0), None));
        assert!(device.note.contains("combined has no device_seconds"));
    }

    #[test]
    fn one_language_by_hand() {
        let rows = savings(&[replicate(1.0)], 0.95);
        for formula in [Formula::UpdateLanguage, Formula::AddLanguage] {
            let row = |language, unit| find(&rows, formula, language, 1, Includes::Merge, unit);
            let de = row("de", Unit::WallSeconds);
            assert_eq!((de.merged, de.ratio), (Some(32.0), Some(0.4)));
            assert_eq!((de.ratio_interval, de.replicates), (None, 1));
            assert!(de.note.contains("one replicate"));
            let mean = row("all", Unit::WallSeconds).merged.expect("a mean");
            assert!((mean - (70.0 / 3.0 + 2.0)).abs() < 1e-12);
            let tokens = row("fr", Unit::Tokens);
            assert_eq!((tokens.merged, tokens.combined), (Some(100.0), Some(300.0)));
        }
    }

    #[test]
    fn replicates_give_intervals() {
        let rows = savings(&[replicate(1.0), replicate(2.0), replicate(3.0)], 0.95);
        let row = find(
            &rows,
            Formula::InitialSequential,
            "",
            1,
            Includes::Training,
            Unit::WallSeconds,
        );
        // 70, 140, 210 over 80; t(0.975, 2) = 4.302653, standard error 0.875 / sqrt(3).
        assert_eq!((row.merged, row.ratio), (Some(140.0), Some(1.75)));
        let interval = row.ratio_interval.expect("an interval");
        let half = 4.302_652_729_7 * 0.875 / 3.0f64.sqrt();
        assert!((interval.low - (1.75 - half)).abs() < 1e-9);
        assert!((interval.high - (1.75 + half)).abs() < 1e-9);
        assert!(!row.note.contains("replicate"));
    }

    #[test]
    fn what_a_stage_does_not_tell_is_missing() {
        let mut one = replicate(1.0);
        one.combined = one.combined.with(Unit::Flops, None);
        let rows = savings(&[one], 0.95);
        let row = find(
            &rows,
            Formula::UpdateLanguage,
            "de",
            1,
            Includes::Merge,
            Unit::Flops,
        );
        assert_eq!((row.merged, row.combined, row.ratio), (None, None, None));
        assert!(row.note.starts_with("a stage does not tell its flops"));
        assert!(savings(&[], 0.95).is_empty());
    }
}
