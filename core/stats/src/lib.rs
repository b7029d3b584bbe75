//! Paired tests, intervals, corrections and power for evaluation results.
//!
//! Two systems answer the same examples; the question is whether one is better, and by how much. This crate computes
//! the answer from what each example contributes to the metric. It reads and writes nothing, and the same input and
//! seed give the same bytes whatever the number of threads.
//!
//! # Which test
//!
//! | Metric | Test | Interval | Equivalence, non-inferiority |
//! |---|---|---|---|
//! | right or wrong an example (accuracy, exact match) | [`mcnemar`], exact and mid-p | [`tango_interval`], [`newcombe_interval`] | [`tango_equivalence`] |
//! | mean of a score an example (ROUGE, token F1) | [`sign_flip`], also [`wilcoxon`], [`paired_t`] | [`paired_bootstrap`] | [`tost_paired`] |
//! | function of counts over examples (macro-F1, MCC, BLEU) | [`approximate_randomisation`] | [`paired_bootstrap`] | [`tost_bootstrap`] |
//!
//! [`Equivalence::p_non_inferior`] is the one-sided claim of each. Effect sizes: [`cohen_dz`], [`cohen_h`],
//! [`rank_biserial`], [`discordant_odds`], [`probability_of_superiority`], [`cliffs_delta`].
//!
//! # Clusters and seeds
//!
//! Examples that belong together, such as questions about one article or translations of one item, are not independent.
//! Give [`Statistics`] their clusters, or use the clustered form of a function: [`sign_flip_clustered`],
//! [`paired_t_clustered`], [`clustered_standard_error`], [`tost_clustered`].
//!
//! | Models trained several times | |
//! |---|---|
//! | test, interval and equivalence over examples and trainings, any metric, from two trainings on | [`replicated_t`] |
//! | bootstrap over trainings, clusters and examples, each as one likes; from about ten trainings on | [`hierarchical_bootstrap`], [`replicated_bootstrap`] |
//! | scores of runs alone, whatever their distribution | [`almost_stochastic_order`] |
//!
//! A mean over languages or tasks that weigh the same: [`paired_t_stratified`], [`stratified_bootstrap`]; signs and ranks
//! of what each item adds to it go into [`sign_flip`] and [`wilcoxon`].
//!
//! # Many comparisons
//!
//! | Question | |
//! |---|---|
//! | p-values of a table | [`holm`], [`benjamini_hochberg`], [`benjamini_yekutieli`] |
//! | several systems against one reference, or each against its own, on the same examples | [`max_t`] |
//! | which systems may be the best on these examples | [`joint_bootstrap`], [`model_confidence_set`] |
//! | do systems differ in rank over tasks or languages, and which | [`friedman`](friedman()), [`wilcoxon_holm`], [`nemenyi`], [`critical_difference`] |
//!
//! Turn each comparison into a [`Verdict`] with [`verdict()`]. Before data are collected: [`sample_size`] and its kin,
//! [`minimum_detectable_effect`], [`design_effect`].
//!
//! # What to trust
//!
//! `tests/golden*.rs` compares with scipy, statsmodels, scikit-learn, sacrebleu, scikit-posthocs and arch;
//! `tests/type_one_error*.rs` simulates that every test keeps its level. Systems that are alike on every example have
//! p = 1 under every test. What is approximate says so in its documentation.
//!
//! # Example
//!
//! Macro-F1 is no mean over examples, so its test recomputes it from the summed counts of each class.
//!
//! ```
//! use mergelab_stats::{
//!     BootstrapOptions, EachRow, Statistics, Verdict, approximate_randomisation, holm, paired_bootstrap,
//!     tost_bootstrap, verdict,
//! };
//!
//! // Per example: true positives, false positives, false negatives of class 0, then of class 1.
//! fn row(gold: usize, predicted: usize) -> [f64; 6] {
//!     let mut row = [0.0; 6];
//!     if gold == predicted {
//!         row[3 * gold] = 1.0;
//!     } else {
//!         row[3 * predicted + 1] = 1.0;
//!         row[3 * gold + 2] = 1.0;
//!     }
//!     row
//! }
//! let macro_f1 = EachRow(|sums: &[f64], _examples: f64| {
//!     let f1 = |s: &[f64]| 2.0 * s[0] / (2.0 * s[0] + s[1] + s[2]);
//!     (f1(&sums[..3]) + f1(&sums[3..])) / 2.0
//! });
//!
//! let gold: Vec<usize> = (0..60).map(|i| i % 2).collect();
//! let merged: Vec<[f64; 6]> = gold.iter().map(|&g| row(g, g)).collect();
//! let joint: Vec<[f64; 6]> = gold.iter().enumerate().map(|(i, &g)| row(g, if i % 5 == 0 { 1 - g } else { g })).collect();
//! let merged = Statistics::new(merged.concat(), 6)?;
//! let joint = Statistics::new(joint.concat(), 6)?;
//!
//! let test = approximate_randomisation(&merged, &joint, &macro_f1, 10_000, 1)?;
//! let bootstrap = paired_bootstrap(&merged, &joint, &macro_f1, &BootstrapOptions::default())?;
//! let margin = tost_bootstrap(&bootstrap, 0.01)?;
//! // One of three comparisons in the table; the other two had p-values 0.2 and 0.6.
//! let adjusted = holm(&[test.p_value, 0.2, 0.6])?[0];
//! let decision = verdict(test.difference, adjusted, 0.05, Some(&margin), true)?;
//! assert_eq!(decision.verdict, Verdict::Better);
//! # Ok::<(), mergelab_stats::StatsError>(())
//! ```
#![forbid(unsafe_code)]

mod aggregate;
mod bootstrap;
mod confidence_set;
mod correction;
mod correlation;
mod distribution;
mod dominance;
mod effect;
mod equivalence;
mod error;
mod friedman;
mod hierarchical;
mod interval;
mod joint;
mod max_t;
mod mcnemar;
mod paired_t;
pub mod philox;
mod post_hoc;
pub mod power;
mod proportion;
mod randomisation;
mod replicated_t;
mod replicates;
mod resample;
mod sign_flip;
mod standard_error;
mod statistics;
mod stratified_bootstrap;
mod stratified_t;
mod swap;
mod tango;
mod verdict;
mod wilcoxon;

pub use aggregate::{Aggregate, EachRow, Mean, value};
pub use bootstrap::{Bootstrap, BootstrapInterval, BootstrapOptions, bootstrap, paired_bootstrap};
pub use confidence_set::{ConfidenceSet, model_confidence_set};
pub use correction::{benjamini_hochberg, benjamini_yekutieli, holm};
pub use correlation::{Correlation, FEWEST_FOR_INTERVAL};
pub use distribution::normal_quantile;
pub use dominance::{Dominance, almost_stochastic_order};
pub use effect::{
    Effect, EffectName, cliffs_delta, cohen_dz, cohen_h, discordant_odds,
    probability_of_superiority, rank_biserial,
};
pub use equivalence::{Equivalence, tost_bootstrap, tost_clustered, tost_paired};
pub use error::{AggregateError, Result, StatsError};
pub use friedman::{Friedman, friedman};
pub use hierarchical::{DrawnReplicates, Levels, hierarchical_bootstrap};
pub use interval::{Interval, IntervalMethod, bca_interval, percentile_interval};
pub use joint::{JointBootstrap, joint_bootstrap};
pub use max_t::{FamilyComparison, max_t};
pub use mcnemar::{McNemar, PairedOutcomes, mcnemar};
pub use paired_t::{PairedT, paired_t, paired_t_clustered};
pub use post_hoc::{Pairwise, critical_difference, nemenyi, wilcoxon_holm};
pub use power::{
    design_effect, intraclass_correlation, minimum_detectable_accuracy_difference,
    minimum_detectable_effect, sample_size, sample_size_accuracy, sample_size_equivalence,
    sample_size_non_inferiority,
};
pub use proportion::{newcombe_interval, wilson_interval};
pub use randomisation::{RandomisationTest, approximate_randomisation};
pub use replicated_t::{ReplicatedT, replicated_t};
pub use replicates::replicated_bootstrap;
pub use sign_flip::{sign_flip, sign_flip_clustered};
pub use standard_error::{StandardError, clustered_standard_error, standard_error};
pub use statistics::Statistics;
pub use stratified_bootstrap::{Stratum, stratified_bootstrap};
pub use stratified_t::paired_t_stratified;
pub use tango::{tango_equivalence, tango_interval};
pub use verdict::{Decision, Verdict, verdict};
pub use wilcoxon::{Null, Wilcoxon, WilcoxonScheme, Zeros, wilcoxon};
