//! `results.csv`.

use std::collections::BTreeSet;

use mergelab_abi::metric::Shape;

use super::Experiment;
use super::field::Field;
use super::schema::{RESULTS, VERSION, header, parameter};
use super::served::noted;
use super::write::{Row, Table, TableError};
use crate::cell::{ModelLabel, PluginStamp};
use crate::compare::{ALL_LANGUAGES, Value, canonical};

/// The table of all values: in the order of the experiment's models, what was tested before what
/// served to choose, then by task, language (the
/// mean over languages last) and measure as the cells list them.
///
/// # Errors
/// A value of a model that the experiment does not have.
pub fn results(experiment: &Experiment<'_>, values: &[Value]) -> Result<Table, TableError> {
    let swept: BTreeSet<&str> = experiment
        .models
        .iter()
        .flat_map(|model| model.swept.keys().map(String::as_str))
        .collect();
    let swept: Vec<&str> = swept.into_iter().collect();
    let mut order = Vec::with_capacity(values.len());
    for value in values {
        let (place, model) = experiment.model(&value.model)?;
        let last = value.language == ALL_LANGUAGES;
        let key = (place, value.selection, &value.task, last, &value.language);
        order.push((key, model, value));
    }
    order.sort_by(|a, b| a.0.cmp(&b.0));
    let rows = order
        .into_iter()
        .map(|(_, model, value)| row(experiment.name, &swept, model, value))
        .collect();
    Ok(Table::new(header(RESULTS, &swept), rows))
}

fn row(experiment: &str, swept: &[&str], model: &ModelLabel, value: &Value) -> Row {
    let measure = &value.measure;
    let plugin = |part: fn(&PluginStamp) -> &String| {
        Field::maybe(model.plugin.as_ref(), |plugin| Field::text(part(plugin)))
    };
    let mut row: Row = Vec::with_capacity(RESULTS.len() + swept.len());
    let mut put = |name: &str, field: Field| row.push((name.to_owned(), field));
    put("schema", Field::Integer(VERSION));
    put("experiment", Field::text(experiment));
    put("model", Field::text(&model.name));
    put("role", Field::plain(model.role.name()));
    put("method", Field::maybe(model.method.as_deref(), Field::text));
    put("parameters", Field::plain(canonical(&model.parameters)));
    for name in swept {
        let field = Field::maybe(model.swept.get(*name), Field::parameter);
        put(&parameter(name), field);
    }
    put("seed", Field::maybe(model.seed, Field::Integer));
    put("replicate", Field::maybe(model.replicate, Field::Integer));
    let group = model.replicate_of.as_deref();
    put("replicate_of", Field::maybe(group, Field::text));
    put("replicates", Field::count(value.replicates));
    put("experts", Field::names(&model.experts));
    put("languages", Field::names(&model.languages));
    put("task", Field::text(&value.task));
    put("dataset", Field::text(&value.dataset));
    put("language", Field::text(&value.language));
    put("split", Field::text(&value.split));
    put("selected", Field::maybe(model.selected, Field::Boolean));
    put("metric", Field::text(&value.metric));
    put("metric_parameters", Field::plain(&value.metric_parameters));
    put("preset", Field::text(&measure.preset));
    put("measure", Field::text(&measure.name));
    put("shape", Field::plain(shape(measure.shape)));
    put("higher_is_better", Field::Boolean(measure.higher_is_better));
    put("n", Field::count(value.n));
    put("n_truncated", Field::count(value.n_truncated));
    put("units", Field::count(value.units));
    put("value", Field::maybe(value.value, Field::Float));
    put("ci_low", Field::maybe(value.ci_low, Field::Float));
    put("ci_high", Field::maybe(value.ci_high, Field::Float));
    put("ci_level", Field::Float(value.ci_level));
    put("ci_method", Field::plain(value.ci_method.name()));
    put("plugin_id", plugin(|plugin| &plugin.id));
    put("plugin_version", plugin(|plugin| &plugin.version));
    put("plugin_hash", plugin(|plugin| &plugin.hash));
    put(
        "metric_plugin_version",
        Field::text(&value.metric_plugin.version),
    );
    put("metric_plugin_hash", Field::text(&value.metric_plugin.hash));
    put("model_key", Field::text(&model.key));
    put("cell_key", Field::text(&value.cell_key));
    put("row", Field::plain(row_id(value)));
    put("note", Field::text(noted(&value.note, &[model])));
    row
}

/// The name of a row of `results.csv`: `r` and 12 hex digits of BLAKE3 over what tells it apart. It is
/// the same in every run that has such a row. Without the letter one in a hundred would be a number to a
/// spreadsheet, such as 39e048066075.
pub fn row_id(value: &Value) -> String {
    let key = [
        &value.model,
        &value.task,
        &value.language,
        &value.split,
        &value.metric,
        &value.metric_parameters,
        &value.measure.name,
    ];
    let mut hasher = blake3::Hasher::new();
    for text in key {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    format!("r{}", &hasher.finalize().to_hex()[..12])
}

/// The word for a shape.
pub(super) fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Binary => "binary",
        Shape::Mean => "mean",
        Shape::Corpus => "corpus",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fixture::{Source, binary, models};
    use crate::compare::{Settings, values};
    use serde_json::json;

    #[test]
    fn rows_follow_the_models_then_names_and_parse_back() {
        let mut models = models(&["ties", "=dare"]);
        models[1].method = Some("ties@mergekit".into());
        models[1].parameters.insert("lambda".into(), json!(1.0));
        models[1].parameters.insert("density".into(), json!(0.2));
        models[1].swept.insert("density".into(), json!(0.2));
        models[1].experts = vec!["de".into(), "en".into()];
        models[2].swept.insert("drop".into(), json!("-x"));
        let cells: Vec<_> = ["=dare", "ties", "joint"]
            .iter()
            .flat_map(|m| ["en", "de"].map(|l| binary(m, "t", l, &[1, 0, 1, 1])))
            .collect();
        let values = values(&cells, &[], &Source, &Settings::default()).unwrap();
        let experiment = Experiment {
            name: "first",
            models: &models,
        };
        let table = results(&experiment, &values).unwrap();
        let bytes = table.to_csv().unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        let field = |row: usize, name: &str| {
            let column = header.iter().position(|h| h == name).unwrap();
            rows[row][column].to_owned()
        };
        let order: Vec<_> = (0..9)
            .map(|r| field(r, "model") + " " + &field(r, "language"))
            .collect();
        assert_eq!(
            order,
            [
                "joint de",
                "joint en",
                "joint all",
                "ties de",
                "ties en",
                "ties all",
                "'=dare de",
                "'=dare en",
                "'=dare all"
            ]
        );
        assert_eq!(field(0, "param_density"), "");
        assert_eq!(field(3, "param_density"), "0.2");
        assert_eq!(field(6, "param_drop"), "'-x");
        assert_eq!(field(3, "parameters"), r#"{"density":0.2,"lambda":1.0}"#);
        assert_eq!(field(3, "experts"), "de;en");
        assert_eq!(field(3, "value").parse::<f64>().unwrap(), 0.75);
        let low: f64 = field(3, "ci_low").parse().unwrap();
        assert_eq!(Some(low), values[0].ci_low);
        assert_eq!(field(3, "seed"), "7");
        assert_eq!(field(2, "cell_key"), "");
        let rows_of: BTreeSet<_> = (0..9).map(|r| field(r, "row")).collect();
        assert_eq!(rows_of.len(), 9);
        assert!(
            rows_of
                .iter()
                .all(|row| row.len() == 13 && row.starts_with('r'))
        );
        assert_eq!(field(3, "row"), row_id(&values[3]));
        // The header is the schema's, column by column.
        let written = row("first", &["density", "drop"], &models[1], &values[0]);
        let names: Vec<_> = written.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, table.header);
    }

    #[test]
    fn a_stray_model_is_an_error() {
        let cells = [binary("jont", "t", "de", &[1, 0])];
        let values = values(&cells, &[], &Source, &Settings::default()).unwrap();
        let models = models(&[]);
        let experiment = Experiment {
            name: "x",
            models: &models,
        };
        let error = results(&experiment, &values).unwrap_err().to_string();
        assert!(error.contains("Did you mean `joint`?"), "{error}");
    }
}
