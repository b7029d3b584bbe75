//! Metric: ROUGE-1, 2, L and Lsum with named tokenisation presets.
