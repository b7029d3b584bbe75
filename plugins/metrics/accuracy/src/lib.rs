//! Metric: share of right answers.
