//! What each column of each table holds.

/// Version of the tables' columns, in the first column of every row. It rises when a column
/// changes its meaning or goes; new columns alone do not raise it.
pub const VERSION: u64 = 1;

/// What a column's fields are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text. A leading `=`, `+`, `-` or `@` has an apostrophe before it.
    Text,
    /// Names with `;` between them.
    Names,
    /// JSON without white space.
    Json,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A number, text, `true`, `false` or JSON.
    Any,
}

impl Kind {
    /// The word in documentation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Names => "names",
            Self::Json => "json",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Any => "any",
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// What its fields are.
    pub kind: Kind,
    /// What it says, with its unit.
    pub meaning: &'static str,
}

/// Stands for one column for each parameter that the manifest varies, in the order of their names.
pub const SWEPT: &str = "param_<name>";

const fn column(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column {
        name,
        kind,
        meaning,
    }
}

use Kind::{Any, Boolean, Float, Integer, Json, Names, Text};

/// Columns of `results.csv`: one row per model, task, language, split and measure.
pub const RESULTS: &[Column] = &[
    column("schema", Integer, "Version of these columns"),
    column("experiment", Text, "Name of the experiment"),
    column("model", Text, "Name of the model"),
    column(
        "role",
        Text,
        "trivial, base, expert, combined, sequential, merge or served",
    ),
    column(
        "method",
        Text,
        "Merge method, with its preset: ties@mergekit",
    ),
    column(
        "parameters",
        Json,
        "All parameters of the method, defaults included; of a served model its address and how it is asked",
    ),
    column(
        SWEPT,
        Any,
        "Value of a parameter that the manifest varies; empty where the model has none",
    ),
    column(
        "seed",
        Integer,
        "Seed of the training or of the merge's random draws; empty for a mean over replicates",
    ),
    column(
        "replicate",
        Integer,
        "Which of the manifest's seeds this replicate was trained with; empty for other rows",
    ),
    column(
        "replicate_of",
        Text,
        "Name of the mean over replicates that it belongs to",
    ),
    column(
        "replicates",
        Integer,
        "Number of replicates whose mean the row is; 1 for a model",
    ),
    column("experts", Names, "Models that were merged"),
    column("languages", Names, "Languages of the training data"),
    column("task", Text, "Name of the task"),
    column(
        "dataset",
        Text,
        "Name of the dataset; several, with + between them, where language is all",
    ),
    column(
        "language",
        Text,
        "Language of the examples; all for the unweighted mean over languages",
    ),
    column("split", Text, "Split of the examples"),
    column(
        "selected",
        Boolean,
        "Whether a selection chose the model on this or another split; empty where there is none",
    ),
    column("metric", Text, "Id of the metric"),
    column(
        "metric_parameters",
        Json,
        "Parameters of the metric as the manifest gives them",
    ),
    column(
        "preset",
        Text,
        "Exact definition that computed the value: rouge/google@0.1.2",
    ),
    column("measure", Text, "Name of the value: f1_macro"),
    column(
        "shape",
        Text,
        "binary (mean of 0/1), mean (of scores) or corpus (of summed counts)",
    ),
    column(
        "higher_is_better",
        Boolean,
        "Whether a larger value is better",
    ),
    column("n", Integer, "Examples scored"),
    column(
        "n_truncated",
        Integer,
        "Examples whose prompt was cut to fit the context",
    ),
    column(
        "units",
        Integer,
        "Examples, clusters or items resampled as wholes",
    ),
    column("value", Float, "The value, in the measure's own unit"),
    column("ci_low", Float, "Lower end of the confidence interval"),
    column("ci_high", Float, "Upper end of the confidence interval"),
    column("ci_level", Float, "Coverage of the interval: 0.95"),
    column(
        "ci_method",
        Text,
        "wilson, bootstrap, cluster_bootstrap, joint_bootstrap, stratified_bootstrap or replicated_bootstrap (percentiles)",
    ),
    column("plugin_id", Text, "Id of the merge method's plugin"),
    column("plugin_version", Text, "Its version"),
    column("plugin_hash", Text, "BLAKE3 of its library"),
    column(
        "metric_plugin_version",
        Text,
        "Version of the metric's plugin",
    ),
    column("metric_plugin_hash", Text, "BLAKE3 of its library"),
    column(
        "model_key",
        Text,
        "Content key of the model in the store; empty for a mean over replicates",
    ),
    column(
        "cell_key",
        Text,
        "Content key of the predictions; empty where languages or replicates are averaged",
    ),
    column(
        "note",
        Text,
        "Why a number is missing, and which model is served elsewhere",
    ),
];

/// Columns of `significance.csv`: one row per model, baseline, task, language and tested measure.
pub const SIGNIFICANCE: &[Column] = &[
    column("schema", Integer, "Version of these columns"),
    column("experiment", Text, "Name of the experiment"),
    column("baseline", Text, "Name of the baseline"),
    column("model", Text, "Name of the model compared with it"),
    column("task", Text, "Name of the task"),
    column(
        "dataset",
        Text,
        "Name of the dataset; several, with + between them, where language is all",
    ),
    column(
        "language",
        Text,
        "Language of the examples; all for the unweighted mean over languages",
    ),
    column("metric", Text, "Id of the metric"),
    column(
        "metric_parameters",
        Json,
        "Parameters of the metric as the manifest gives them",
    ),
    column("preset", Text, "Exact definition that computed the values"),
    column("measure", Text, "Name of the value"),
    column("shape", Text, "binary, mean or corpus: decides the test"),
    column(
        "higher_is_better",
        Boolean,
        "Whether a larger value is better",
    ),
    column("n", Integer, "Examples that both answered"),
    column(
        "units",
        Integer,
        "Examples, clusters or items that the test exchanges as wholes",
    ),
    column("model_value", Float, "Value of the model"),
    column("baseline_value", Float, "Value of the baseline"),
    column(
        "difference",
        Float,
        "Model minus baseline, in the measure's own unit",
    ),
    column(
        "ci_low",
        Float,
        "Lower end of the difference's interval, not corrected for the family",
    ),
    column("ci_high", Float, "Upper end of the difference's interval"),
    column("ci_level", Float, "Coverage of the interval"),
    column(
        "ci_method",
        Text,
        "tango, bootstrap, cluster_bootstrap, joint_bootstrap, stratified_bootstrap or replicated_bootstrap (percentiles)",
    ),
    column(
        "test",
        Text,
        "mcnemar_exact, sign_flip or approximate_randomisation, with _clustered, _macro or _replicated",
    ),
    column(
        "exact",
        Boolean,
        "Whether p_value is free of Monte-Carlo error",
    ),
    column(
        "resamples",
        Integer,
        "Exchanges and bootstrap resamples asked for; 0 where none are drawn",
    ),
    column(
        "seed",
        Integer,
        "Seed of this row's draws, from the experiment's seed and the names",
    ),
    column("p_value", Float, "Two-sided p-value"),
    column("p_adjusted", Float, "p_value corrected for the family"),
    column("correction", Text, "holm, bh, by or none"),
    column(
        "family",
        Text,
        "What is corrected together: baseline/task/measure, /all for means over languages",
    ),
    column("family_size", Integer, "Number of p-values in the family"),
    column("effect_name", Text, "cohen_h, cohen_dz or bootstrap_dz"),
    column(
        "effect",
        Float,
        "Effect size; above 0 where the model's value is higher",
    ),
    column(
        "minimum_detectable_effect",
        Float,
        "Smallest true difference found with probability 0.8 at the uncorrected alpha, in the measure's own unit",
    ),
    column("margin", Float, "Declared difference too small to matter"),
    column(
        "p_equivalence",
        Float,
        "p-value of: the difference is at least the margin",
    ),
    column(
        "within_margin",
        Boolean,
        "Whether the difference was shown to be within the margin",
    ),
    column("alpha", Float, "Level of the verdict"),
    column("verdict", Text, "better, worse, equivalent or inconclusive"),
    column(
        "only_model",
        Integer,
        "Examples that only the model gets right, of 0/1 scores in one language",
    ),
    column(
        "only_baseline",
        Integer,
        "Examples that only the baseline gets right",
    ),
    column(
        "identical",
        Boolean,
        "Whether both have the same statistics on every example",
    ),
    column(
        "note",
        Text,
        "Why a number is missing, and which model is served elsewhere",
    ),
];

/// Columns of `selection.csv`: one row per selection, round and candidate.
pub const SELECTION: &[Column] = &[
    column("schema", Integer, "Version of these columns"),
    column("experiment", Text, "Name of the experiment"),
    column(
        "selection",
        Text,
        "Name of the entry of the manifest, or its methods",
    ),
    column("split", Text, "Split that candidates were compared on"),
    column("round", Integer, "Round, from 1"),
    column(
        "rows",
        Integer,
        "Most rows per language; empty where all of them served",
    ),
    column("candidate", Text, "Name of the candidate"),
    column(
        "criteria",
        Names,
        "What counted: task/measure, each a mean over the task's languages",
    ),
    column("combine", Text, "How tasks were combined: mean or rank"),
    column(
        "score",
        Float,
        "Mean over tasks: of the measures, or of the ranks, of which less is better",
    ),
    column("rank", Integer, "Place in the round, ties broken by order"),
    column(
        "tied",
        Boolean,
        "Whether another candidate has the same score",
    ),
    column(
        "kept",
        Boolean,
        "Whether it went on, or was chosen in the last round",
    ),
    column("note", Text, "Why a number is missing"),
];

/// Columns of `prompts.csv`: one row per model, task with several prompts, language and measure.
pub const PROMPTS: &[Column] = &[
    column("schema", Integer, "Version of these columns"),
    column("experiment", Text, "Name of the experiment"),
    column("model", Text, "Name of the model"),
    column(
        "role",
        Text,
        "trivial, base, expert, combined, sequential or merge",
    ),
    column(
        "task",
        Text,
        "Name of the task; its prompts are this name and TASK@PROMPT",
    ),
    column(
        "language",
        Text,
        "Language of the examples; all for the unweighted mean over languages",
    ),
    column("metric", Text, "Id of the metric"),
    column(
        "metric_parameters",
        Json,
        "Parameters of the metric as the manifest gives them",
    ),
    column("measure", Text, "Name of the value: f1_macro"),
    column("prompts", Integer, "Prompts with a value"),
    column("mean", Float, "Mean over prompts"),
    column(
        "sd",
        Float,
        "Standard deviation over prompts, with prompts - 1 below the sum",
    ),
    column("min", Float, "Smallest value"),
    column("max", Float, "Largest value"),
    column(
        "prompt_min",
        Text,
        "Task name of the smallest value's prompt",
    ),
    column(
        "prompt_max",
        Text,
        "Task name of the largest value's prompt",
    ),
    column("note", Text, "Why a number is missing"),
];

/// Columns of `costs.csv`: one row per stage.
pub const COSTS: &[Column] = &[
    column("schema", Integer, "Version of these columns"),
    column("experiment", Text, "Name of the experiment"),
    column("stage", Text, "Kind of the stage: train, merge, score"),
    column("name", Text, "What it makes"),
    column("key", Text, "Content key of its artifact in the store"),
    column(
        "cached",
        Boolean,
        "Whether the artifact was there before this run, which then cost nothing",
    ),
    column(
        "wall_seconds",
        Float,
        "Seconds from the start of the stage's process to the end of its work, over all its processes",
    ),
    column(
        "cpu_seconds",
        Float,
        "Processor seconds over all threads and processes",
    ),
    column("device_seconds", Float, "Seconds on an accelerator"),
    column("peak_memory", Integer, "Largest resident memory, in bytes"),
    column("bytes", Integer, "Size of the artifact, in bytes"),
    column(
        "tokens",
        Integer,
        "Tokens trained on, or read and generated",
    ),
    column("examples", Integer, "Examples processed"),
    column(
        "tokens_per_second",
        Float,
        "tokens over wall_seconds; empty where the stage has no tokens",
    ),
    column("flops", Float, "Floating-point operations, estimated"),
    column(
        "energy_joules",
        Float,
        "Joules of the whole processor while the stage ran",
    ),
    column(
        "processes",
        Integer,
        "Processes that it took: above 1 where a training was stopped and went on",
    ),
    column("threads", Integer, "Threads that the stage could use"),
    column(
        "jobs",
        Integer,
        "Stages that ran beside it at most, itself included",
    ),
    column(
        "device",
        Text,
        "Device: flex, cuda:0; endpoint for a server",
    ),
    column("started_at", Integer, "Start, in seconds since 1970"),
    column(
        "plugin_hash",
        Text,
        "BLAKE3 of the plugin library that it used",
    ),
    column("mergelab", Text, "Version of mergelab"),
    column("note", Text, "Why a number is missing"),
];

/// Columns of `savings.csv`: one row per merge method, formula, language or workers, what counts
/// beside training, and unit.
pub const SAVINGS: &[Column] = &[
    column("schema", Integer, "Version of these columns"),
    column("experiment", Text, "Name of the experiment"),
    column("scenario", Text, "initial, update or add"),
    column(
        "formula",
        Text,
        "initial_sequential, initial_parallel_lpt, update_language or add_language",
    ),
    column("method", Text, "Merge method, with its preset"),
    column(
        "language",
        Text,
        "Language that is updated or added; all for the mean over languages; empty for first trainings",
    ),
    column(
        "workers",
        Integer,
        "Workers that train experts at the same time",
    ),
    column(
        "includes",
        Text,
        "training, then +merge, +evaluation and +search as they count too",
    ),
    column(
        "unit",
        Text,
        "wall_seconds, cpu_seconds, device_seconds, tokens, flops or energy_joules",
    ),
    column(
        "merged",
        Float,
        "Cost of experts and merge, the mean over replicates",
    ),
    column(
        "combined",
        Float,
        "Cost of the combined model, the mean over replicates",
    ),
    column("saving", Float, "combined minus merged"),
    column(
        "saving_low",
        Float,
        "Lower end of its interval over replicates",
    ),
    column("saving_high", Float, "Upper end of its interval"),
    column(
        "ratio",
        Float,
        "merged over combined, the mean over replicates; below 1 where merging costs less",
    ),
    column(
        "ratio_low",
        Float,
        "Lower end of its interval over replicates",
    ),
    column("ratio_high", Float, "Upper end of its interval"),
    column("ci_level", Float, "Coverage of the intervals"),
    column("ci_method", Text, "student_t"),
    column("replicates", Integer, "Replicates"),
    column(
        "candidates",
        Integer,
        "Settings of the method's parameters that the search tried",
    ),
    column(
        "note",
        Text,
        "Why a number is missing, and how it was measured",
    ),
];

/// Columns of `vectors.csv`: one row per number about a task vector or a pair of them.
pub const VECTORS: &[Column] = &[
    column("schema", Integer, "Version of these columns"),
    column("experiment", Text, "Name of the experiment"),
    column("scope", Text, "model, layer or module"),
    column(
        "place",
        Text,
        "Number of the layer or kind of module; empty for the whole model",
    ),
    column(
        "quantity",
        Text,
        "norm, relative_norm, cosine, sign_conflict, overlap_top1, overlap_top10 or overlap_top20",
    ),
    column("model", Text, "The expert"),
    column("other", Text, "The other expert of a pair; empty otherwise"),
    column("value", Float, "The number; empty where it is not defined"),
    column(
        "null_low",
        Float,
        "Where 95 of 100 pairs of independent random vectors lie above",
    ),
    column(
        "null_high",
        Float,
        "Where 95 of 100 pairs of independent random vectors lie below",
    ),
    column("entries", Integer, "Entries that it was computed from"),
    column("model_key", Text, "Content key of the expert in the store"),
    column("other_key", Text, "Content key of the other expert"),
    column("note", Text, "Why a number is missing"),
];

/// Columns of `orthogonality.csv`: one row per merge, merged expert, and task, language of the
/// expert and tested measure.
pub const ORTHOGONALITY: &[Column] = &[
    column("schema", Integer, "Version of these columns"),
    column("experiment", Text, "Name of the experiment"),
    column("merge", Text, "Name of the merge"),
    column("method", Text, "Merge method, with its preset"),
    column("expert", Text, "Name of the expert"),
    column("task", Text, "Name of the task"),
    column("dataset", Text, "Name of the dataset"),
    column(
        "language",
        Text,
        "Language of the examples, one of the expert's",
    ),
    column("metric", Text, "Id of the metric"),
    column(
        "metric_parameters",
        Json,
        "Parameters of the metric as the manifest gives them",
    ),
    column("preset", Text, "Exact definition that computed the values"),
    column("measure", Text, "Name of the value"),
    column(
        "higher_is_better",
        Boolean,
        "Whether a larger value is better",
    ),
    column("n", Integer, "Examples scored"),
    column("merge_value", Float, "Value of the merge"),
    column("expert_value", Float, "Value of the expert"),
    column("base_value", Float, "Value of the base"),
    column(
        "versus_expert",
        Float,
        "merge_value minus expert_value, with its sign changed where lower is better: above 0 the merge gains",
    ),
    column(
        "versus_base",
        Float,
        "merge_value minus base_value, with its sign changed where lower is better",
    ),
    column(
        "mean_cosine",
        Float,
        "Mean cosine of the expert's task vector with the other merged experts', whole model",
    ),
    column(
        "mean_sign_conflict",
        Float,
        "Mean share of entries with differing signs, whole model",
    ),
    column(
        "mean_overlap_top10",
        Float,
        "Mean overlap of the largest tenth of the entries of each tensor, whole model",
    ),
    column(
        "relative_norm",
        Float,
        "Norm of the expert's task vector over the norm of the base",
    ),
    column(
        "replicates",
        Integer,
        "Replicates that the geometry is the mean of",
    ),
    column("note", Text, "Why a number is missing"),
];

/// Columns of `correlations.csv`: one row per merge, task, tested measure, predictor and outcome.
pub const CORRELATIONS: &[Column] = &[
    column("schema", Integer, "Version of these columns"),
    column("experiment", Text, "Name of the experiment"),
    column("merge", Text, "Name of the merge"),
    column("task", Text, "Name of the task"),
    column("metric", Text, "Id of the metric"),
    column(
        "metric_parameters",
        Json,
        "Parameters of the metric as the manifest gives them",
    ),
    column("preset", Text, "Exact definition that computed the values"),
    column("measure", Text, "Name of the value"),
    column("predictor", Text, "mean_cosine or mean_sign_conflict"),
    column("outcome", Text, "versus_expert or versus_base"),
    column("n", Integer, "Points: languages with their experts"),
    column("pearson", Float, "Pearson's r"),
    column("pearson_low", Float, "Lower end of its interval"),
    column("pearson_high", Float, "Upper end of its interval"),
    column("spearman", Float, "Spearman's rho"),
    column("spearman_low", Float, "Lower end of its interval"),
    column("spearman_high", Float, "Upper end of its interval"),
    column("ci_level", Float, "Coverage of the intervals"),
    column(
        "ci_method",
        Text,
        "bootstrap (percentiles), resampling languages; empty where there are fewer than 5",
    ),
    column("note", Text, "How much so few points say"),
];

/// Columns of what `mergelab compare RUN_A RUN_B --csv` writes: one row per model, task, language
/// and tested measure of both runs.
pub const COMPARISON: &[Column] = &[
    column("schema", Integer, "Version of these columns"),
    column("run_a", Text, "The first run"),
    column("run_b", Text, "The second run"),
    column("model", Text, "Name of the model in both"),
    column("task", Text, "Name of the task"),
    column(
        "dataset",
        Text,
        "Name of the dataset; several, with + between them, where language is all",
    ),
    column(
        "language",
        Text,
        "Language of the examples; all for the unweighted mean over languages",
    ),
    column("metric", Text, "Id of the metric"),
    column(
        "metric_parameters",
        Json,
        "Parameters of the metric as the manifest gives them",
    ),
    column("preset", Text, "Exact definition that computed the values"),
    column("measure", Text, "Name of the value"),
    column("shape", Text, "binary, mean or corpus: decides the test"),
    column(
        "higher_is_better",
        Boolean,
        "Whether a larger value is better",
    ),
    column("n", Integer, "Examples that both runs have"),
    column(
        "units",
        Integer,
        "Examples, clusters or items that the test exchanges as wholes",
    ),
    column(
        "b_value",
        Float,
        "Value in the second run, on these examples",
    ),
    column(
        "a_value",
        Float,
        "Value in the first run, on these examples",
    ),
    column(
        "difference",
        Float,
        "Second minus first, in the measure's own unit",
    ),
    column(
        "ci_low",
        Float,
        "Lower end of the difference's interval, not corrected for the family",
    ),
    column("ci_high", Float, "Upper end of the difference's interval"),
    column("ci_level", Float, "Coverage of the interval"),
    column("ci_method", Text, "As in significance.csv"),
    column("test", Text, "As in significance.csv"),
    column(
        "exact",
        Boolean,
        "Whether p_value is free of Monte-Carlo error",
    ),
    column(
        "resamples",
        Integer,
        "Exchanges and bootstrap resamples asked for; 0 where none are drawn",
    ),
    column("seed", Integer, "Seed of this row's draws"),
    column("p_value", Float, "Two-sided p-value"),
    column("p_adjusted", Float, "p_value corrected for the family"),
    column("correction", Text, "holm, bh, by or none"),
    column(
        "family",
        Text,
        "What is corrected together: task/measure over models and languages, /all for means over languages",
    ),
    column("family_size", Integer, "Number of p-values in the family"),
    column("effect_name", Text, "cohen_h, cohen_dz or bootstrap_dz"),
    column(
        "effect",
        Float,
        "Effect size; above 0 where the second value is higher",
    ),
    column(
        "minimum_detectable_effect",
        Float,
        "Smallest true difference found with probability 0.8 at the uncorrected alpha",
    ),
    column("margin", Float, "Declared difference too small to matter"),
    column(
        "p_equivalence",
        Float,
        "p-value of: the difference is at least the margin",
    ),
    column(
        "within_margin",
        Boolean,
        "Whether the difference was shown to be within the margin",
    ),
    column("alpha", Float, "Level of the verdict"),
    column(
        "verdict",
        Text,
        "better or worse in the second run, equivalent or inconclusive",
    ),
    column(
        "only_b",
        Integer,
        "Examples that only the second run gets right, of 0/1 scores in one language",
    ),
    column(
        "only_a",
        Integer,
        "Examples that only the first run gets right",
    ),
    column(
        "identical",
        Boolean,
        "Whether both have the same statistics on every example",
    ),
    column("note", Text, "Why a number is missing"),
];

/// The names of a table's columns, with one for each swept parameter.
pub(super) fn header(columns: &[Column], swept: &[&str]) -> Vec<String> {
    columns
        .iter()
        .flat_map(|column| {
            if column.name == SWEPT {
                swept.iter().map(|name| parameter(name)).collect()
            } else {
                vec![column.name.to_owned()]
            }
        })
        .collect()
}

/// The column of a swept parameter.
pub(super) fn parameter(name: &str) -> String {
    format!("param_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_notes_come_last() {
        for table in [
            RESULTS,
            SIGNIFICANCE,
            SELECTION,
            PROMPTS,
            COSTS,
            SAVINGS,
            VECTORS,
            ORTHOGONALITY,
            CORRELATIONS,
            COMPARISON,
        ] {
            let names: BTreeSet<_> = table.iter().map(|c| c.name).collect();
            assert_eq!(names.len(), table.len());
            assert_eq!(table[0].name, "schema");
            assert_eq!(table[table.len() - 1].name, "note");
            assert!(table.iter().all(|c| !c.meaning.is_empty()));
        }
    }

    #[test]
    fn the_reference_lists_every_column() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/tables.md"
        );
        let text = std::fs::read_to_string(file).unwrap();
        for table in [
            RESULTS,
            SIGNIFICANCE,
            PROMPTS,
            COSTS,
            SAVINGS,
            VECTORS,
            ORTHOGONALITY,
            CORRELATIONS,
            COMPARISON,
        ] {
            let lines = table.iter().map(|c| {
                let (name, kind) = (c.name, c.kind.name());
                format!("| `{name}` | {kind} | {} |\n", c.meaning)
            });
            let whole: String = lines.collect();
            assert!(
                text.contains(&whole),
                "docs/reference/tables.md has not:\n{whole}"
            );
        }
    }

    #[test]
    fn every_swept_parameter_has_a_column() {
        let header = header(RESULTS, &["density", "lambda"]);
        let at = header.iter().position(|name| name == "parameters").unwrap();
        assert_eq!(
            header[at + 1..at + 4],
            ["param_density", "param_lambda", "seed"]
        );
    }
}
