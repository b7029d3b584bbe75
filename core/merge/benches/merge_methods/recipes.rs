//! What is merged: one line for each recipe, in mergekit's words where mergekit knows the method.

use crate::Result;
use crate::checkpoints::Folders;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How many models a method takes.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    /// All there are.
    All,
    /// The first ones.
    First(usize),
}

/// One merge.
pub(crate) struct Recipe {
    /// Name in the table.
    pub(crate) name: &'static str,
    /// Id of the method.
    pub(crate) method: &'static str,
    /// Whether mergekit runs the same file; else it is ours, in TOML, with our defaults.
    pub(crate) mergekit: bool,
    /// Whether the base is read.
    base: bool,
    /// Models beside the base.
    models: Count,
    /// Whether the base is listed as a model too, as methods between two models want it.
    base_listed: bool,
    /// Parameters of every model, as YAML values.
    each: &'static [(&'static str, &'static str)],
    /// Parameters of the merge, as YAML values.
    all: &'static [(&'static str, &'static str)],
}

const TASK: Recipe = Recipe {
    name: "",
    method: "",
    mergekit: true,
    base: true,
    models: Count::All,
    base_listed: false,
    each: &[("weight", "0.2")],
    all: &[],
};

const fn sparse(
    name: &'static str,
    method: &'static str,
    each: &'static [(&'static str, &'static str)],
) -> Recipe {
    Recipe {
        name,
        method,
        each,
        ..TASK
    }
}

/// Every recipe, in the order of the table.
#[rustfmt::skip]
pub(crate) const ALL: &[Recipe] = &[
    Recipe { name: "linear", method: "linear", base: false, ..TASK },
    Recipe { name: "task_arithmetic", method: "task_arithmetic", ..TASK },
    sparse("ties d=1", "ties", &[("weight", "0.2"), ("density", "1.0")]),
    sparse("ties d=0.5", "ties", &[("weight", "0.2"), ("density", "0.5")]),
    sparse("ties d=0.2", "ties", &[("weight", "0.2"), ("density", "0.2")]),
    Recipe { mergekit: false, ..sparse("ties (paper)", "ties", &[("weight", "0.2"), ("density", "0.2")]) },
    Recipe { all: &[("rescale", "false")], ..sparse("dare_linear", "dare_linear", &[("weight", "0.2"), ("density", "0.5")]) },
    Recipe { all: &[("rescale", "false")], ..sparse("dare_ties", "dare_ties", &[("weight", "0.2"), ("density", "0.5")]) },
    sparse("dare_linear l1", "dare_linear", &[("weight", "0.2"), ("density", "0.5")]),
    sparse("dare_ties l1", "dare_ties", &[("weight", "0.2"), ("density", "0.5")]),
    Recipe { mergekit: false, ..sparse("dare_ties (paper)", "dare_ties", &[("weight", "0.2"), ("density", "0.5")]) },
    sparse("breadcrumbs", "breadcrumbs", &[("weight", "0.2"), ("density", "0.9"), ("gamma", "0.01")]),
    sparse("breadcrumbs_ties", "breadcrumbs_ties", &[("weight", "0.2"), ("density", "0.9"), ("gamma", "0.01")]),
    sparse("della", "della", &[("weight", "0.2"), ("density", "0.5"), ("epsilon", "0.1")]),
    sparse("della_linear", "della_linear", &[("weight", "0.2"), ("density", "0.5"), ("epsilon", "0.1")]),
    Recipe { each: &[], all: &[("select_topk", "0.2")], ..sparse("sce", "sce", &[]) },
    Recipe { each: &[], ..sparse("model_stock", "model_stock", &[]) },
    Recipe { name: "slerp", method: "slerp", models: Count::First(1), base_listed: true, each: &[], all: &[("t", "0.5")], ..TASK },
    Recipe { name: "nuslerp", method: "nuslerp", base: false, models: Count::First(2), each: &[("weight", "0.5")], ..TASK },
    Recipe { name: "multislerp", method: "multislerp", base: false, ..TASK },
    Recipe { name: "karcher", method: "karcher", base: false, each: &[], ..TASK },
    Recipe { name: "nearswap", method: "nearswap", models: Count::First(1), base_listed: true, each: &[], all: &[("t", "0.001")], ..TASK },
    Recipe { name: "arcee_fusion", method: "arcee_fusion", models: Count::First(1), base_listed: true, each: &[], ..TASK },
    Recipe { name: "ram", method: "ram", each: &[], all: &[("epsilon", "1e-5")], ..TASK },
    Recipe { name: "ramplus_tl", method: "ramplus_tl", each: &[], all: &[("epsilon", "1e-5"), ("r", "0.1"), ("alpha", "0.2")], ..TASK },
];

impl Recipe {
    fn models<'a>(&self, folders: &'a Folders) -> &'a [PathBuf] {
        let count = match self.models {
            Count::All => folders.models.len(),
            Count::First(count) => count.min(folders.models.len()),
        };
        &folders.models[..count]
    }

    /// The folders that the merge reads.
    pub(crate) fn inputs(&self, folders: &Folders) -> Vec<PathBuf> {
        let base = self.base.then_some(&folders.base);
        base.into_iter()
            .chain(self.models(folders))
            .cloned()
            .collect()
    }

    /// Writes the recipe to a file.
    pub(crate) fn write(&self, folders: &Folders, dir: &Path, dtype: &str) -> Result<PathBuf> {
        let (name, text) = match self.mergekit {
            true => ("merge.yml", self.yaml(folders, dtype)?),
            false => ("merge.toml", self.toml(folders, dtype)?),
        };
        let path = dir.join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    fn yaml(&self, folders: &Folders, dtype: &str) -> Result<String> {
        let mut text = String::new();
        writeln!(text, "merge_method: {}", self.method)?;
        if self.base {
            writeln!(text, "base_model: {}", folders.base.display())?;
        }
        writeln!(text, "models:")?;
        if self.base_listed {
            writeln!(text, "  - model: {}", folders.base.display())?;
        }
        for model in self.models(folders) {
            writeln!(text, "  - model: {}", model.display())?;
            if !self.each.is_empty() {
                writeln!(text, "    parameters:")?;
            }
            for (name, value) in self.each {
                writeln!(text, "      {name}: {value}")?;
            }
        }
        if !self.all.is_empty() {
            writeln!(text, "parameters:")?;
        }
        for (name, value) in self.all {
            writeln!(text, "  {name}: {value}")?;
        }
        writeln!(text, "dtype: {dtype}\nout_dtype: bfloat16")?;
        Ok(text)
    }

    fn toml(&self, folders: &Folders, dtype: &str) -> Result<String> {
        let mut text = String::new();
        writeln!(text, "method = \"{}\"", self.method)?;
        if self.base {
            writeln!(text, "base = {:?}", folders.base)?;
        }
        writeln!(text, "compute = \"{dtype}\"\nout_dtype = \"bfloat16\"")?;
        if !self.all.is_empty() {
            writeln!(text, "[params]")?;
        }
        for (name, value) in self.all {
            writeln!(text, "{name} = {value}")?;
        }
        for model in self.models(folders) {
            writeln!(text, "[[models]]\npath = {model:?}")?;
            for (name, value) in self.each {
                writeln!(text, "{name} = {value}")?;
            }
        }
        Ok(text)
    }
}
