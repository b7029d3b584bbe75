//! The words of tables for tests, intervals and effect sizes.

use serde::{Deserialize, Serialize};

/// How a p-value was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Exact two-sided McNemar test.
    McnemarExact,
    /// McNemar's test with the mid-p value.
    McnemarMidP,
    /// Wilcoxon's signed-rank test, zeros dropped, over all sign patterns.
    WilcoxonExact,
    /// Wilcoxon's signed-rank test, zeros dropped, by the normal approximation.
    WilcoxonNormal,
    /// Student's paired t test.
    PairedT,
    /// Student's paired t test with clustered standard errors.
    PairedTClustered,
    /// The bootstrap over examples, shifted to no difference.
    Bootstrap,
    /// The bootstrap over clusters, shifted to no difference.
    BootstrapClustered,
    /// Signs of the examples' differences are flipped.
    SignFlip,
    /// Signs of the clusters' differences are flipped.
    SignFlipClustered,
    /// Examples exchange their models and the metric is recomputed.
    ApproximateRandomisation,
    /// Clusters exchange their models and the metric is recomputed.
    ApproximateRandomisationClustered,
    /// Signs of the items' differences are flipped in all languages at once.
    SignFlipMacro,
    /// Items exchange their models in all languages at once and the metric is recomputed.
    ApproximateRandomisationMacro,
    /// Signs of the items' differences are flipped, replicates averaged; or the t test over items and
    /// replicates, where its p-value is the larger one.
    SignFlipReplicated,
    /// Items exchange their models in all replicates at once and the metric is recomputed; or the
    /// t test, as before.
    ApproximateRandomisationReplicated,
    /// Wilcoxon's signed-rank test of what each item adds to the mean over languages, zeros dropped,
    /// over all sign patterns.
    WilcoxonExactMacro,
    /// The same by the normal approximation.
    WilcoxonNormalMacro,
    /// Student's t test of the mean over languages, each of which has a variance of its own where they
    /// share no items.
    PairedTMacro,
    /// The bootstrap of the mean over languages, shifted to no difference.
    BootstrapMacro,
    /// Wilcoxon's signed-rank test of what each item adds to the mean over replicates, over all sign
    /// patterns; or the t test over items and replicates, where its p-value is the larger one.
    WilcoxonExactReplicated,
    /// The same by the normal approximation.
    WilcoxonNormalReplicated,
    /// Student's t test over items and replicates.
    PairedTReplicated,
    /// The bootstrap over items and replicates, shifted to no difference; or the t test over both,
    /// where its p-value is the larger one.
    BootstrapReplicated,
}

impl Test {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::McnemarExact => "mcnemar_exact",
            Self::McnemarMidP => "mcnemar_mid_p",
            Self::WilcoxonExact => "wilcoxon_exact",
            Self::WilcoxonNormal => "wilcoxon_normal",
            Self::PairedT => "paired_t",
            Self::PairedTClustered => "paired_t_clustered",
            Self::Bootstrap => "bootstrap",
            Self::BootstrapClustered => "bootstrap_clustered",
            Self::SignFlip => "sign_flip",
            Self::SignFlipClustered => "sign_flip_clustered",
            Self::ApproximateRandomisation => "approximate_randomisation",
            Self::ApproximateRandomisationClustered => "approximate_randomisation_clustered",
            Self::SignFlipMacro => "sign_flip_macro",
            Self::ApproximateRandomisationMacro => "approximate_randomisation_macro",
            Self::SignFlipReplicated => "sign_flip_replicated",
            Self::ApproximateRandomisationReplicated => "approximate_randomisation_replicated",
            Self::WilcoxonExactMacro => "wilcoxon_exact_macro",
            Self::WilcoxonNormalMacro => "wilcoxon_normal_macro",
            Self::PairedTMacro => "paired_t_macro",
            Self::BootstrapMacro => "bootstrap_macro",
            Self::WilcoxonExactReplicated => "wilcoxon_exact_replicated",
            Self::WilcoxonNormalReplicated => "wilcoxon_normal_replicated",
            Self::PairedTReplicated => "paired_t_replicated",
            Self::BootstrapReplicated => "bootstrap_replicated",
        }
    }
}

impl Test {
    /// Whether nothing is drawn for it.
    pub(super) fn closed(self) -> bool {
        matches!(
            self,
            Self::McnemarExact
                | Self::McnemarMidP
                | Self::WilcoxonExact
                | Self::WilcoxonNormal
                | Self::PairedT
                | Self::PairedTClustered
                | Self::WilcoxonExactMacro
                | Self::WilcoxonNormalMacro
                | Self::PairedTMacro
                | Self::WilcoxonExactReplicated
                | Self::WilcoxonNormalReplicated
                | Self::PairedTReplicated
        )
    }
}

/// How a confidence interval was computed. Bootstrap intervals are percentile intervals where they
/// do not say BCa.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CiMethod {
    /// Wilson's score interval of one proportion.
    Wilson,
    /// Tango's score interval of a paired difference of proportions.
    Tango,
    /// Examples are resampled.
    Bootstrap,
    /// Clusters are resampled.
    ClusterBootstrap,
    /// Items are resampled with their translations in all languages.
    JointBootstrap,
    /// Each language's examples, or clusters, are resampled on their own.
    StratifiedBootstrap,
    /// Items are resampled with their translations, and the interval is widened by the variance over
    /// replicates.
    ReplicatedBootstrap,
    /// Newcombe's interval of a paired difference of proportions.
    Newcombe,
    /// Student's t.
    StudentT,
    /// Student's t with clustered standard errors.
    ClusteredT,
    /// Student's t over items and replicates.
    ReplicatedT,
    /// Examples are resampled; corrected for bias and acceleration.
    BootstrapBca,
    /// Clusters are resampled; corrected for bias and acceleration.
    ClusterBootstrapBca,
    /// Items are resampled with their translations; corrected for bias and acceleration.
    JointBootstrapBca,
    /// Each language's examples, or clusters, are resampled on their own; corrected for bias and
    /// acceleration.
    StratifiedBootstrapBca,
    /// Items are resampled with their translations, corrected for bias and acceleration, and the
    /// interval is widened by the variance over replicates.
    ReplicatedBootstrapBca,
    /// Student's t of a mean over languages.
    MacroT,
}

impl CiMethod {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wilson => "wilson",
            Self::Tango => "tango",
            Self::Bootstrap => "bootstrap",
            Self::ClusterBootstrap => "cluster_bootstrap",
            Self::JointBootstrap => "joint_bootstrap",
            Self::StratifiedBootstrap => "stratified_bootstrap",
            Self::ReplicatedBootstrap => "replicated_bootstrap",
            Self::Newcombe => "newcombe",
            Self::StudentT => "student_t",
            Self::ClusteredT => "clustered_t",
            Self::ReplicatedT => "replicated_t",
            Self::BootstrapBca => "bootstrap_bca",
            Self::ClusterBootstrapBca => "cluster_bootstrap_bca",
            Self::JointBootstrapBca => "joint_bootstrap_bca",
            Self::StratifiedBootstrapBca => "stratified_bootstrap_bca",
            Self::ReplicatedBootstrapBca => "replicated_bootstrap_bca",
            Self::MacroT => "macro_t",
        }
    }

    /// Whether nothing is drawn for it.
    pub(super) fn closed(self) -> bool {
        matches!(
            self,
            Self::Wilson
                | Self::Tango
                | Self::Newcombe
                | Self::StudentT
                | Self::ClusteredT
                | Self::ReplicatedT
                | Self::MacroT
        )
    }
}

/// Which effect size a number is. All are 0 where there is no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectSize {
    /// Difference of the arcsine-transformed accuracies.
    CohenH,
    /// Mean of the examples' differences over their standard deviation.
    CohenDz,
    /// The difference over its bootstrap standard error times the square root of the number of
    /// resampled units: what d_z is for a mean, up to the factor sqrt(n / (n - 1)), for any metric.
    BootstrapDz,
}

impl EffectSize {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::CohenH => "cohen_h",
            Self::CohenDz => "cohen_dz",
            Self::BootstrapDz => "bootstrap_dz",
        }
    }
}
