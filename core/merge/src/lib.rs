//! Merging checkpoints: recipes, parameter resolution, streaming execution.
