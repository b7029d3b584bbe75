//! Columns of `significance.csv`.

use super::Kind::{Boolean, Float, Integer, Text};
use super::{
    Column, DATASET, EXPERIMENT, HIGHER_IS_BETTER, LANGUAGE, MEASURE, METRIC, METRIC_PARAMETERS,
    PRESET, SCHEMA, SHAPE, TASK, column,
};

/// Columns of `significance.csv`: one row per model, baseline, task, language and tested measure.
pub const SIGNIFICANCE: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    column("baseline", Text, "Name of the baseline"),
    column("model", Text, "Name of the model compared with it"),
    TASK,
    DATASET,
    LANGUAGE,
    METRIC,
    METRIC_PARAMETERS,
    PRESET,
    MEASURE,
    SHAPE,
    HIGHER_IS_BETTER,
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
        "tango, newcombe, student_t, clustered_t, macro_t, replicated_t, or bootstrap, cluster_bootstrap, joint_bootstrap, stratified_bootstrap, replicated_bootstrap (percentiles, or with _bca)",
    ),
    column(
        "test",
        Text,
        "mcnemar_exact, sign_flip or approximate_randomisation, with _clustered, _macro or _replicated; where the manifest asks for it mcnemar_mid_p, wilcoxon_exact, wilcoxon_normal, paired_t or bootstrap, with the same endings",
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
    column(
        "correction",
        Text,
        "holm, bh, by, max_t or none: what this row was corrected by",
    ),
    column(
        "family",
        Text,
        "What is corrected together: baseline/task/measure where the manifest declares nothing else, /all for means over languages",
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
        "non_inferiority_margin",
        Float,
        "Declared difference by which the model may be worse",
    ),
    column(
        "p_non_inferiority",
        Float,
        "p-value of: the model is worse by the margin or more",
    ),
    column(
        "non_inferior",
        Boolean,
        "Whether the model was shown not to be worse by the margin; empty where none is declared",
    ),
    column(
        "aso_model",
        Float,
        "Almost stochastic order over trainings: upper bound, at confidence 1 - alpha / family_size, of how far the model is from being ahead at every quantile; below 0.2 it is almost ahead at all; empty unless the manifest asks and both sides have five trainings",
    ),
    column(
        "aso_baseline",
        Float,
        "The same of the baseline against the model",
    ),
    column(
        "note",
        Text,
        "Why a number is missing or another test or interval was used than was asked for, and which model is served elsewhere",
    ),
];
