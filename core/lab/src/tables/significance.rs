//! `significance.csv`.

use super::Experiment;
use super::field::Field;
use super::results::shape;
use super::schema::{SIGNIFICANCE, VERSION, header};
use super::served::noted;
use super::write::{Row, Table, TableError};
use crate::cell::ModelLabel;
use crate::compare::{ALL_LANGUAGES, CiMethod, Comparison, EffectSize};

/// The table of all comparisons: in the order in which baselines first come, then of the
/// experiment's models, then by task, language (the mean over languages last) and measure.
///
/// # Errors
/// A comparison of a model that the experiment does not have.
pub fn significance(
    experiment: &Experiment<'_>,
    comparisons: &[Comparison],
) -> Result<Table, TableError> {
    let mut baselines: Vec<&str> = Vec::new();
    let mut order = Vec::with_capacity(comparisons.len());
    for comparison in comparisons {
        let (place, _) = experiment.model(&comparison.model)?;
        let known = baselines.iter().position(|b| *b == comparison.baseline);
        let baseline = known.unwrap_or_else(|| {
            baselines.push(&comparison.baseline);
            baselines.len() - 1
        });
        let last = comparison.language == ALL_LANGUAGES;
        let key = (
            baseline,
            place,
            &comparison.task,
            last,
            &comparison.language,
        );
        order.push((key, comparison));
    }
    order.sort_by(|a, b| a.0.cmp(&b.0));
    let rows = order
        .into_iter()
        .map(|(_, comparison)| {
            let both = [&comparison.model, &comparison.baseline];
            let models: Vec<&ModelLabel> = both
                .into_iter()
                .filter_map(|name| experiment.model(name).ok().map(|(_, model)| model))
                .collect();
            let note = noted(&comparison.note, &models);
            row(
                experiment.name,
                &Comparison {
                    note,
                    ..comparison.clone()
                },
            )
        })
        .collect();
    Ok(Table::new(header(SIGNIFICANCE, &[]), rows))
}

/// One comparison as a row of `significance.csv`.
pub(super) fn row(experiment: &str, found: &Comparison) -> Row {
    let measure = &found.measure;
    let float = |number: Option<f64>| Field::maybe(number, Field::Float);
    let ci_method = found.ci_method.map(CiMethod::name);
    let effect_name = found.effect_name.map(EffectSize::name);
    let fields = [
        ("schema", Field::Integer(VERSION)),
        ("experiment", Field::text(experiment)),
        ("baseline", Field::text(&found.baseline)),
        ("model", Field::text(&found.model)),
        ("task", Field::text(&found.task)),
        ("dataset", Field::text(&found.dataset)),
        ("language", Field::text(&found.language)),
        ("metric", Field::text(&found.metric)),
        ("metric_parameters", Field::plain(&found.metric_parameters)),
        ("preset", Field::text(&measure.preset)),
        ("measure", Field::text(&measure.name)),
        ("shape", Field::plain(shape(measure.shape))),
        ("higher_is_better", Field::Boolean(measure.higher_is_better)),
        ("n", Field::count(found.n)),
        ("units", Field::count(found.units)),
        ("model_value", float(found.model_value)),
        ("baseline_value", float(found.baseline_value)),
        ("difference", float(found.difference)),
        ("ci_low", float(found.ci_low)),
        ("ci_high", float(found.ci_high)),
        ("ci_level", Field::Float(found.ci_level)),
        ("ci_method", Field::maybe(ci_method, Field::plain)),
        ("test", Field::plain(found.test.name())),
        ("exact", Field::Boolean(found.exact)),
        ("resamples", Field::count(found.resamples)),
        ("seed", Field::Integer(found.seed)),
        ("p_value", float(found.p_value)),
        ("p_adjusted", float(found.p_adjusted)),
        ("correction", Field::plain(found.correction.name())),
        ("family", Field::text(&found.family)),
        ("family_size", Field::count(found.family_size)),
        ("effect_name", Field::maybe(effect_name, Field::plain)),
        ("effect", float(found.effect)),
        ("minimum_detectable_effect", float(found.detectable)),
        ("margin", float(found.margin)),
        ("p_equivalence", float(found.p_equivalence)),
        ("within_margin", Field::Boolean(found.within_margin)),
        ("alpha", Field::Float(found.alpha)),
        ("verdict", Field::plain(found.verdict.name())),
        ("only_model", Field::maybe(found.only_model, Field::Integer)),
        (
            "only_baseline",
            Field::maybe(found.only_baseline, Field::Integer),
        ),
        ("identical", Field::Boolean(found.identical)),
        ("non_inferiority_margin", float(found.inferiority_margin)),
        ("p_non_inferiority", float(found.p_non_inferior)),
        (
            "non_inferior",
            Field::maybe(found.non_inferior, Field::Boolean),
        ),
        ("aso_model", float(found.aso_model)),
        ("aso_baseline", float(found.aso_baseline)),
        ("note", Field::text(&found.note)),
    ];
    fields.map(|(name, field)| (name.to_owned(), field)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fixture::{Source, binary, models};
    use crate::compare::{Settings, comparisons};

    #[test]
    fn rows_parse_back() {
        let models = models(&["m"]);
        let cells = [
            binary("joint", "t", "de", &[0, 0, 0, 0, 0, 0, 1]),
            binary("m", "t", "de", &[1, 1, 1, 1, 1, 1, 1]),
        ];
        let settings = Settings {
            baselines: vec!["m".into(), "joint".into()],
            margins: [("accuracy".to_owned(), 0.05)].into(),
            ..Settings::default()
        };
        let found = comparisons(&cells, &models, &Source, &settings).unwrap();
        let experiment = Experiment {
            name: "first",
            models: &models,
        };
        let table = significance(&experiment, &found).unwrap();
        let bytes = table.to_csv().unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        let field = |row: usize, name: &str| {
            let column = header.iter().position(|h| h == name).unwrap();
            rows[row][column].to_owned()
        };
        assert_eq!(rows.len(), 2);
        assert_eq!([field(0, "baseline"), field(0, "verdict")], ["m", "worse"]);
        assert_eq!(
            [field(1, "baseline"), field(1, "verdict")],
            ["joint", "better"]
        );
        let number = |name| field(1, name).parse::<f64>().unwrap();
        assert_eq!(Some(number("difference")), found[1].difference);
        assert_eq!(Some(number("p_adjusted")), found[1].p_adjusted);
        assert_eq!(field(1, "test"), "mcnemar_exact");
        assert_eq!(field(1, "seed").parse::<u64>().unwrap(), found[1].seed);
        let names: Vec<_> = row("first", &found[0])
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        assert_eq!(names, table.header);
    }
}
