//! A model against a baseline on the same examples of one language.

use mergelab_abi::metric::Shape;
use mergelab_stats::{
    Bootstrap, Equivalence, Interval, PairedOutcomes, StatsError, approximate_randomisation,
    clustered_standard_error, cohen_dz, cohen_h, mcnemar, minimum_detectable_accuracy_difference,
    minimum_detectable_effect, paired_bootstrap, sign_flip, sign_flip_clustered, standard_error,
    tango_equivalence, tango_interval, tost_bootstrap, tost_clustered, tost_paired, value,
};

use super::choice::Chosen;
use super::chosen::{bootstrap_name, reinterval, retest};
use super::dominance::Trainings;
use super::error::unless_undefined;
use super::names::{CiMethod, EffectSize, Test};
use super::part::Part;
use super::settings::Settings;

/// Probability with which the minimum detectable effect is detected.
pub(super) const POWER: f64 = 0.8;

/// How to compare one pair.
pub(super) struct Plan<'a> {
    pub(super) settings: &'a Settings,
    /// Seed of this pair's draws.
    pub(super) seed: u64,
    /// Margin of equivalence declared for the measure.
    pub(super) margin: Option<f64>,
    /// Margin of non-inferiority declared for the measure.
    pub(super) inferiority: Option<f64>,
    /// Test and interval that the manifest asks for.
    pub(super) chosen: Chosen,
}

impl Plan<'_> {
    /// The smallest difference detected with probability [`POWER`] if its standard error is this
    /// one. None where the standard error is 0.
    pub(super) fn detectable(&self, standard_error: f64) -> Result<Option<f64>, StatsError> {
        if standard_error > 0.0 {
            minimum_detectable_effect(standard_error, 1.0, self.settings.alpha, POWER).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Fills in the test against each declared margin. One that has no value leaves a note.
    pub(super) fn margins(
        &self,
        found: &mut Outcome,
        test: impl Fn(f64) -> Result<Equivalence, StatsError>,
    ) -> Result<(), StatsError> {
        if let Some(margin) = self.margin {
            found.equivalence = unless_undefined(test(margin), &mut found.notes)?;
        }
        if let Some(margin) = self.inferiority {
            found.inferiority = unless_undefined(test(margin), &mut found.notes)?;
        }
        Ok(())
    }
}

/// What was found about one pair, before correction for its family.
pub(super) struct Outcome {
    pub(super) test: Test,
    /// Examples, clusters or items that the test exchanges.
    pub(super) units: usize,
    /// Values of the model and of the baseline.
    pub(super) values: Option<[f64; 2]>,
    pub(super) difference: Option<f64>,
    pub(super) interval: Option<(Interval, CiMethod)>,
    pub(super) p_value: Option<f64>,
    /// Whether the p-value is free of Monte-Carlo error.
    pub(super) exact: bool,
    pub(super) effect: Option<(EffectSize, f64)>,
    pub(super) detectable: Option<f64>,
    pub(super) equivalence: Option<Equivalence>,
    pub(super) inferiority: Option<Equivalence>,
    /// Examples that only the model, and only the baseline, gets right.
    pub(super) discordant: Option<(u64, u64)>,
    /// Values of the trainings of both, where they are to be ordered.
    pub(super) trainings: Trainings,
    pub(super) notes: Vec<String>,
}

impl Outcome {
    pub(super) fn new(test: Test, units: usize) -> Self {
        Self {
            test,
            units,
            values: None,
            difference: None,
            interval: None,
            p_value: None,
            exact: false,
            effect: None,
            detectable: None,
            equivalence: None,
            inferiority: None,
            discordant: None,
            trainings: None,
            notes: Vec::new(),
        }
    }

    /// Fills in what follows from the bootstrap of the difference of any metric.
    pub(super) fn standardise(&mut self, draws: &Bootstrap) {
        if draws.standard_error > 0.0 {
            let sd = draws.standard_error * (draws.units as f64).sqrt();
            self.effect = Some((EffectSize::BootstrapDz, draws.estimate / sd));
        } else if draws.estimate == 0.0 {
            self.effect = Some((EffectSize::BootstrapDz, 0.0));
        }
    }
}

/// Compares the two systems of a part with the test that fits the measure's shape.
pub(super) fn compare(
    part: &Part<'_>,
    shape: Shape,
    plan: &Plan<'_>,
) -> Result<Outcome, StatsError> {
    let mut found = match shape {
        Shape::Binary if !part.clustered => accuracies(part, plan),
        Shape::Binary | Shape::Mean => means(part, shape, plan),
        Shape::Corpus => corpora(part, plan),
    }?;
    if found.p_value.is_some() {
        if let Some(test) = plan.chosen.test {
            retest(&mut found, part, test, plan)?;
        }
        if let Some(interval) = plan.chosen.interval {
            reinterval(&mut found, part, interval, plan)?;
        }
    }
    Ok(found)
}

/// 0/1 scores of independent examples.
fn accuracies(part: &Part<'_>, plan: &Plan<'_>) -> Result<Outcome, StatsError> {
    let right = |system| -> Vec<bool> { part.scores(system).iter().map(|&s| s == 1.0).collect() };
    let test = mcnemar(&right(0), &right(1))?;
    let outcomes: PairedOutcomes = test.outcomes;
    let n = outcomes.examples() as f64;
    let share = |alone: u64| (outcomes.both + alone) as f64 / n;
    let values = [share(outcomes.only_a), share(outcomes.only_b)];

    let mut found = Outcome::new(Test::McnemarExact, part.examples());
    found.values = Some(values);
    found.difference = Some(test.difference);
    found.p_value = Some(test.p_value);
    found.exact = true;
    let interval = tango_interval(&outcomes, plan.settings.level)?;
    found.interval = Some((interval, CiMethod::Tango));
    found.effect = Some((EffectSize::CohenH, cohen_h(values[0], values[1])?.value));
    if outcomes.discordant() > 0 {
        found.detectable = Some(minimum_detectable_accuracy_difference(
            outcomes.discordant() as f64 / n,
            n,
            plan.settings.alpha,
            POWER,
        )?);
    }
    plan.margins(&mut found, |margin| tango_equivalence(&outcomes, margin))?;
    found.discordant = Some((outcomes.only_a, outcomes.only_b));
    Ok(found)
}

/// Scores whose mean is the measure.
fn means(part: &Part<'_>, shape: Shape, plan: &Plan<'_>) -> Result<Outcome, StatsError> {
    let Settings { resamples, .. } = *plan.settings;
    let differences = part.differences();
    let clusters = part.clusters();
    let (kind, test) = if part.clustered {
        let test = sign_flip_clustered(&differences, &clusters, resamples, plan.seed)?;
        (Test::SignFlipClustered, test)
    } else {
        (
            Test::SignFlip,
            sign_flip(&differences, resamples, plan.seed)?,
        )
    };
    let mut found = Outcome::new(kind, test.units);
    let values = [value_of(part, 0)?, value_of(part, 1)?];
    found.values = Some(values);
    found.difference = Some(test.difference);
    found.p_value = Some(test.p_value);
    found.exact = test.exact;
    let draws = draws(part, plan, &mut found)?;
    found.interval =
        draws.map(|draws| (draws.interval, bootstrap_name(part, draws.interval.method)));
    found.effect = if shape == Shape::Binary {
        Some((EffectSize::CohenH, cohen_h(values[0], values[1])?.value))
    } else {
        unless_undefined(cohen_dz(&differences), &mut found.notes)?
            .map(|effect| (EffectSize::CohenDz, effect.value))
    };
    let error = if part.clustered {
        clustered_standard_error(&differences, &clusters)
    } else {
        standard_error(&differences)
    };
    if let Some(error) = unless_undefined(error, &mut found.notes)? {
        found.detectable = plan.detectable(error.standard_error)?;
    }
    plan.margins(&mut found, |margin| {
        if part.clustered {
            tost_clustered(&differences, &clusters, margin)
        } else {
            tost_paired(&differences, margin)
        }
    })?;
    if shape == Shape::Binary {
        let count = |sign: f64| differences.iter().filter(|&&d| d == sign).count() as u64;
        found.discordant = Some((count(1.0), count(-1.0)));
    }
    Ok(found)
}

/// Any function of summed statistics.
fn corpora(part: &Part<'_>, plan: &Plan<'_>) -> Result<Outcome, StatsError> {
    let test = approximate_randomisation(
        &part.system(0)?,
        &part.system(1)?,
        part.metric.as_ref(),
        plan.settings.resamples,
        plan.seed,
    );
    let kind = if part.clustered {
        Test::ApproximateRandomisationClustered
    } else {
        Test::ApproximateRandomisation
    };
    let mut found = Outcome::new(kind, part.examples());
    let Some(test) = unless_undefined(test, &mut found.notes)? else {
        return Ok(found);
    };
    found.units = test.units;
    found.values = Some([value_of(part, 0)?, value_of(part, 1)?]);
    found.difference = Some(test.difference);
    found.p_value = Some(test.p_value);
    found.exact = test.exact;
    if let Some(draws) = draws(part, plan, &mut found)? {
        found.interval = Some((draws.interval, bootstrap_name(part, draws.interval.method)));
        found.standardise(&draws);
        found.detectable = plan.detectable(draws.standard_error)?;
        plan.margins(&mut found, |margin| tost_bootstrap(&draws, margin))?;
    }
    Ok(found)
}

/// The value of one system of a part.
fn value_of(part: &Part<'_>, system: usize) -> Result<f64, StatsError> {
    value(&part.systems[system], part.metric.as_ref())
}

fn draws(
    part: &Part<'_>,
    plan: &Plan<'_>,
    found: &mut Outcome,
) -> Result<Option<Bootstrap>, StatsError> {
    let draws = paired_bootstrap(
        &part.system(0)?,
        &part.system(1)?,
        part.metric.as_ref(),
        &plan.bootstrap(),
    );
    unless_undefined(draws, &mut found.notes)
}
