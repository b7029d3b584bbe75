//! The tables of a run.

use super::{Experiment, RunError, collect, geometry::geometry};
use crate::{
    compare::{RegistryMetrics, Settings, Value, comparisons, confidence_sets, rankings, values},
    executor::Outcome,
    past::{write_places, write_stages},
    plan::Purpose,
    savings::{Amounts, Parts, replicates, savings},
    store::{write_file, write_json},
    tables::{self, Format, StageCost},
};
use serde::Serialize;
use serde_json::json;
use std::{fs, path::Path, path::PathBuf};

/// What a run wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The tables.
    pub tables: Vec<PathBuf>,
    /// The main results in words and columns, for a terminal.
    pub summary: String,
}

/// Compares the models whose stages are done, and writes tables and predictions to `out`.
///
/// # Errors
/// Models that cannot be compared, or a file that cannot be written.
pub fn write(experiment: &Experiment, outcome: &Outcome, out: &Path) -> Result<Report, RunError> {
    let problem = |path: &Path, message: String| RunError::File {
        path: path.to_owned(),
        message,
    };
    fs::create_dir_all(out).map_err(|e| problem(out, e.to_string()))?;
    let plan = &experiment.plan;
    let tested = plan.cells.iter().filter(|c| c.purpose == Purpose::Test);
    let cells = collect::cells(experiment, tested)?;
    let labels = plan.labels();
    let settings = &settings(experiment);
    let source = RegistryMetrics(&experiment.registry);
    let test = values(&cells, &labels, &source, settings)?;
    let comparisons = comparisons(&cells, &labels, &source, settings)?;
    let rankings = rankings(&test, &labels, settings)?;
    let confidence_sets = confidence_sets(&cells, &labels, &source, settings)?;
    let mut all = test.clone();
    // Candidates are in no family of tests: they have values alone.
    for round in collect::last_rounds(experiment) {
        let cells = collect::cells(experiment, round)?;
        let values = values(&cells, &labels, &source, settings)?;
        all.extend(values.into_iter().map(|value| Value {
            selection: true,
            ..value
        }));
    }

    let named = tables::Experiment {
        name: &experiment.manifest.name,
        models: &labels,
    };
    let table = |result: Result<tables::Table, tables::TableError>| {
        result.map_err(|e| problem(out, e.to_string()))
    };
    let costs = costs(experiment, outcome)?;
    let cost = |node: usize| {
        let key = &experiment.plan.nodes[node].key;
        let stage = costs.iter().find(|stage| stage.key == *key)?;
        Some(Amounts::of(&stage.stage, &stage.ledger))
    };
    let savings = savings(
        &replicates(&Parts::of(&experiment.plan), &cost),
        settings.level,
    );
    let mut tables = vec![
        ("results.csv", table(tables::results(&named, &all))?),
        (
            "significance.csv",
            table(tables::significance(&named, &comparisons))?,
        ),
        ("rankings.csv", tables::rankings(named.name, &rankings)),
        (
            "confidence_sets.csv",
            tables::confidence_sets(named.name, &confidence_sets),
        ),
        ("costs.csv", tables::costs(named.name, &costs)),
        (
            "savings.csv",
            tables::savings(named.name, &savings, settings.level),
        ),
    ];
    tables.extend(geometry(experiment, &labels, &test, settings)?);
    if plan.selections.is_empty() {
        // One of an earlier manifest would be taken for this one's.
        let _ = fs::remove_file(out.join(SELECTION));
    } else {
        tables.push((SELECTION, tables::selection(named.name, &plan.selections)));
    }
    let varied = varied(experiment);
    if varied.is_empty() {
        let _ = fs::remove_file(out.join(PROMPTS));
    } else {
        let spread = tables::prompts(&named, &varied, &test);
        tables.push((PROMPTS, table(spread)?));
    }
    let mut written = Vec::new();
    for (name, table) in &tables {
        let path = out.join(name);
        table
            .write(&path)
            .map_err(|e| problem(&path, e.to_string()))?;
        written.push(path);
    }
    tables::write_package(out, named.name, &tables, &plan.datasets)
        .map_err(|e| problem(out, e.to_string()))?;
    let whole = |format: Format| {
        let mut text = tables::summary(&named, &test, &comparisons, format);
        for selection in &plan.selections {
            text.push_str(&format!("\n{}\n", tables::outcome(selection)));
        }
        let cost = tables::savings_in_words(&savings, format);
        if !cost.is_empty() {
            text.push_str(&format!("\n{cost}"));
        }
        text
    };
    let (summary, markdown) = (whole(Format::Text), whole(Format::Markdown));
    write_stages(experiment, out)?;
    write_places(experiment, out)?;
    write_file(&out.join("summary.md"), markdown.as_bytes())?;
    write_file(
        &out.join("manifest.toml"),
        experiment.manifest.file.text.as_bytes(),
    )?;
    write_json(&out.join("run.json"), &record(experiment, outcome))?;
    collect::predictions(experiment, &out.join("predictions"))?;
    Ok(Report {
        tables: written,
        summary,
    })
}

const SELECTION: &str = "selection.csv";
const PROMPTS: &str = "prompts.csv";

/// The tasks that are evaluated with several prompts.
fn varied(experiment: &Experiment) -> Vec<tables::Prompts> {
    let entries = experiment.manifest.tasks.iter();
    entries
        .filter(|entry| !entry.prompts.is_empty())
        .map(|entry| tables::Prompts {
            task: entry.name.clone(),
            others: entry.prompts.iter().map(|p| entry.with_prompt(p)).collect(),
        })
        .collect()
}

/// The settings, with what a selection chose in place of the selection among the baselines.
fn settings(experiment: &Experiment) -> Settings {
    let mut settings = experiment.manifest.statistics.clone();
    settings.baselines = settings
        .baselines
        .into_iter()
        .flat_map(|name| {
            let selections = &experiment.plan.selections;
            match selections.iter().find(|s| s.name == name) {
                None => vec![name],
                Some(selection) => selection.chosen().into_iter().map(str::to_owned).collect(),
            }
        })
        .collect();
    settings
}

/// What each stage with an artifact cost, in plan order.
fn costs(experiment: &Experiment, outcome: &Outcome) -> Result<Vec<StageCost>, RunError> {
    let mut costs = Vec::new();
    for (i, node) in experiment.plan.nodes.iter().enumerate() {
        let kind = node.spec.what.kind();
        if experiment.store.has(kind, &node.key) {
            let name = node.name.strip_prefix(kind).unwrap_or(&node.name);
            costs.push(StageCost {
                stage: kind.to_owned(),
                name: name.trim_start().to_owned(),
                key: node.key.clone(),
                cached: !outcome.ran.contains(&i),
                ledger: experiment.store.ledger(kind, &node.key)?,
            });
        }
    }
    Ok(costs)
}

/// Provenance of the run: its manifest, the keys of its models, the plugins.
fn record(experiment: &Experiment, outcome: &Outcome) -> serde_json::Value {
    let manifest = &experiment.manifest;
    let plugins: Vec<_> = experiment
        .registry
        .plugins()
        .map(|p| {
            json!({
                "kind": p.info.kind,
                "id": p.info.id,
                "version": p.info.version,
                "sdk": p.sdk_version(),
                "hash": p.hash(),
            })
        })
        .collect();
    let failures: Vec<_> = outcome
        .failures
        .iter()
        .map(|f| json!({"stage": experiment.plan.nodes[f.node].name, "message": f.message}))
        .collect();
    let selections: Vec<_> = experiment
        .plan
        .selections
        .iter()
        .map(|s| json!({"name": s.name, "split": s.split, "chosen": s.chosen()}))
        .collect();
    json!({
        "experiment": manifest.name,
        "mergelab": env!("CARGO_PKG_VERSION"),
        "manifest_blake3": blake3::hash(manifest.file.text.as_bytes()).to_hex().to_string(),
        "statistics": manifest.statistics,
        "datasets": experiment.plan.datasets,
        "models": experiment.plan.labels(),
        "plugins": plugins,
        "failures": failures,
        "selections": selections,
    })
}
