//! Metric: classification F1, macro, micro, weighted and per class.
