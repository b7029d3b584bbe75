//! Metric: share of outputs equal to a reference.
