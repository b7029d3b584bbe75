//! A plan in a form that can be printed or written as JSON, without running it.

use super::{Action, Effective, Level, Plan, PlannedTensor};
use crate::inputs::Input;
use crate::run::Memory;
use serde::Serialize;
use std::fmt;

/// What a merge will do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// The method, with its preset.
    pub method: String,
    /// The base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Whether the method looks at the base's values.
    pub base_used: bool,
    /// Ids of the models that take part.
    pub models: Vec<String>,
    /// The input that gives the configuration.
    pub donor: String,
    /// Layers of the result, where the recipe has slices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<usize>,
    /// Rows of the embeddings, where the recipe asks for a common vocabulary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocabulary_rows: Option<usize>,
    /// The tensors of the result, by name.
    pub tensors: Vec<TensorDescription>,
    /// Tensors of the inputs that the result does not have.
    pub dropped: Vec<Dropped>,
    /// Bytes of all tensors of the result.
    pub output_bytes: u64,
    /// Stored bytes of the inputs that are read at least once. A method whose parameters depend on
    /// a whole tensor (a norm, a rank) reads its tensors once more for each such value.
    pub read_bytes: u64,
    /// Bounds of the memory that is needed at a time.
    pub memory: MemoryBound,
    /// What a user should know, in sentences.
    pub notes: Vec<String>,
}

/// Bounds of the memory that a merge holds at a time beside what
/// [`Options::memory`](crate::Options::memory) allows, memory-mapped files not counted: the system
/// takes those pages back when it needs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryBound {
    /// Of a method that works element by element: on each thread one tile of f32 values for each
    /// input, twice as many for values in between, and eight for the result and statistics.
    pub tiles: u64,
    /// Of a method that needs whole matrices, such as a decomposition: the largest tensor in f32,
    /// once for each input and twice for the result.
    pub whole_tensor: u64,
    /// What this method takes beside tiles.
    #[serde(flatten)]
    pub method: Memory,
}

/// One tensor of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorDescription {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Format that it is stored in.
    pub dtype: &'static str,
    /// What happens to it.
    #[serde(flatten)]
    pub what: What,
    /// What it is made from.
    pub sources: Vec<SourceDescription>,
}

/// What happens to a tensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum What {
    /// The method merges it.
    Merge {
        /// Precision of the arithmetic.
        compute: &'static str,
        /// Every parameter that has a value.
        parameters: Vec<ParameterDescription>,
    },
    /// It is copied.
    Copy {
        /// Why, in a clause.
        reason: &'static str,
    },
}

/// A parameter and what set it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParameterDescription {
    /// Its name.
    pub name: String,
    /// Whether each model has its own value.
    pub per_model: bool,
    /// The value; one for each model where it is per model.
    pub values: Vec<Effective>,
}

/// A tensor of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceDescription {
    /// `base`, or the model's id.
    pub input: String,
    /// Its name there.
    pub tensor: String,
    /// Format that it is stored in.
    pub dtype: &'static str,
}

/// A tensor that the result does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Its name.
    pub name: String,
    /// Why, in a clause.
    pub reason: String,
}

impl Plan<'_> {
    /// What the merge will do.
    pub fn describe(&self) -> Description {
        let tensors: Vec<TensorDescription> =
            self.tensors().iter().map(|t| self.tensor(t)).collect();
        let inputs = self.models.len() + usize::from(self.base_used);
        let largest = self.tensors().iter().map(PlannedTensor::elements).max();
        let tile = mergelab_tensor::Options::default().tile;
        let threads = rayon::current_num_threads();
        Description {
            method: self.recipe.method_name(),
            base: self.base.as_ref().map(|b| b.written.to_string()),
            base_used: self.base_used,
            models: self.models.iter().map(|m| m.id.clone()).collect(),
            donor: self.donor.role.clone(),
            layers: self.layers().map(|layers| layers.len()),
            vocabulary_rows: self.vocabulary.as_ref().map(|v| v.rows),
            tensors,
            dropped: self
                .dropped()
                .iter()
                .map(|t| Dropped {
                    name: t.name.clone(),
                    reason: t.reason.clone(),
                })
                .collect(),
            output_bytes: self.output_bytes(),
            read_bytes: self.tensors().iter().map(|t| self.bytes_of(t)).sum(),
            memory: MemoryBound {
                tiles: (threads * tile * 4 * (3 * inputs + 8)) as u64,
                whole_tensor: (largest.unwrap_or(0) * 4 * (inputs + 2)) as u64,
                method: self.memory(),
            },
            notes: self.notes().to_vec(),
        }
    }

    /// What happens to one tensor of the result; `None` where it has none of that name.
    pub fn explain(&self, tensor: &str) -> Option<TensorDescription> {
        let found = self.tensors().iter().find(|t| t.name == tensor)?;
        Some(self.tensor(found))
    }

    /// Stored bytes that a tensor is made from.
    pub(crate) fn bytes_of(&self, tensor: &PlannedTensor) -> u64 {
        let bytes = |(input, name): (&Input, &str)| {
            let info = input.source.info(name);
            info.map_or(0, |i| (i.elements() * i.dtype.size()) as u64)
        };
        self.origins(tensor).map(bytes).sum()
    }

    fn tensor(&self, tensor: &PlannedTensor) -> TensorDescription {
        let what = match &tensor.action {
            Action::Copy { reason } => What::Copy { reason },
            Action::Merge { working, .. } => {
                // They were resolved when the plan was made, so there is no error here.
                let explained = self.values.explain(&self.plugin, &self.place(tensor));
                let parameters = explained.unwrap_or_default().into_iter();
                What::Merge {
                    compute: working.name(),
                    parameters: parameters
                        .map(|(name, per_model, values)| ParameterDescription {
                            name,
                            per_model,
                            values,
                        })
                        .collect(),
                }
            }
        };
        let sources = self.origins(tensor).map(|(input, name)| SourceDescription {
            input: input.id.clone(),
            tensor: name.to_owned(),
            dtype: input.source.info(name).map_or("", |info| info.dtype.name()),
        });
        TensorDescription {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            dtype: tensor.dtype.name(),
            what,
            sources: sources.collect(),
        }
    }
}

/// The value, and where it came from: `0.5 (model a; filter "mlp"; gradient [0, 1] at 0.5)`.
impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.value, self.from)?;
        if let Some(filter) = &self.filter {
            write!(f, "; filter {filter:?}")?;
        }
        if let Some(gradient) = &self.gradient {
            write!(f, "; gradient {:?} at {:.4}", gradient.points, gradient.t)?;
        }
        f.write_str(")")
    }
}

/// In words.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Level::SliceSource { slice, model } => {
                write!(f, "source {model} of slice {}", slice + 1)
            }
            Level::Model { model } => write!(f, "model {model}"),
            Level::Slice { slice } => write!(f, "slice {}", slice + 1),
            Level::Module { module } => write!(f, "module {module}"),
            Level::Params => f.write_str("common parameters"),
            Level::Preset => f.write_str("preset"),
            Level::Default => f.write_str("default"),
        }
    }
}

/// The tensor on one line, and a line for each source and parameter.
impl fmt::Display for TensorDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.name, self.dtype, self.shape)?;
        match &self.what {
            What::Copy { reason } => writeln!(f, ": copied, as {reason}")?,
            What::Merge { compute, .. } => writeln!(f, ": merged in {compute}")?,
        }
        for source in &self.sources {
            writeln!(
                f,
                "  from {}: {} {}",
                source.input, source.tensor, source.dtype
            )?;
        }
        if let What::Merge { parameters, .. } = &self.what {
            let models = self.sources.len();
            for parameter in parameters {
                let base = models.saturating_sub(parameter.values.len());
                for (i, value) in parameter.values.iter().enumerate() {
                    match self.sources.get(base + i) {
                        Some(source) if parameter.per_model => {
                            writeln!(f, "  {} of {} = {value}", parameter.name, source.input)?;
                        }
                        _ => writeln!(f, "  {} = {value}", parameter.name)?,
                    }
                }
            }
        }
        Ok(())
    }
}

/// Tensors that are copied, of which the plan in words has a line each.
const MOST_COPIED: usize = 20;

/// The whole plan in a few lines; tensors are left to [`Plan::explain`].
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let merged = |t: &&TensorDescription| matches!(t.what, What::Merge { .. });
        let merged = self.tensors.iter().filter(merged).count();
        writeln!(f, "method      {}", self.method)?;
        if let Some(base) = &self.base {
            let unused = if self.base_used {
                ""
            } else {
                " (values not used)"
            };
            writeln!(f, "base        {base}{unused}")?;
        }
        writeln!(f, "models      {}", self.models.join(", "))?;
        writeln!(f, "config from {}", self.donor)?;
        if let Some(layers) = self.layers {
            writeln!(f, "layers      {layers}")?;
        }
        if let Some(rows) = self.vocabulary_rows {
            writeln!(f, "vocabulary  {rows} rows")?;
        }
        writeln!(
            f,
            "tensors     {merged} merged, {} copied, {} left out",
            self.tensors.len() - merged,
            self.dropped.len()
        )?;
        writeln!(f, "reads       {}", bytes(self.read_bytes))?;
        writeln!(f, "writes      {}", bytes(self.output_bytes))?;
        writeln!(
            f,
            "memory      a few tiles ({}), and what the merge is allowed",
            bytes(self.memory.tiles)
        )?;
        if let Some(most) = &self.memory.method.matrices {
            let (size, tensor) = (bytes(most.bytes), &most.tensor);
            writeln!(
                f,
                "            about {size} more for whole matrices ({tensor})"
            )?;
        }
        if let Some(most) = &self.memory.method.rows {
            let (size, tensor) = (bytes(most.bytes), &most.tensor);
            writeln!(
                f,
                "            allowed at least {size}, to rank rows of {tensor}"
            )?;
        }
        let mut copied = self.tensors.iter().filter_map(|t| match &t.what {
            What::Copy { reason } => Some((&t.name, reason)),
            What::Merge { .. } => None,
        });
        for (name, reason) in copied.by_ref().take(MOST_COPIED) {
            writeln!(f, "copied      {name}: {reason}")?;
        }
        match copied.count() {
            0 => {}
            more => writeln!(f, "copied      {more} more, which --json lists")?,
        }
        for dropped in &self.dropped {
            writeln!(f, "left out    {}: {}", dropped.name, dropped.reason)?;
        }
        for note in &self.notes {
            writeln!(f, "note        {note}")?;
        }
        Ok(())
    }
}

/// A number of bytes in words, such as `1.5 GB`.
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return match unit {
                "B" => format!("{count} B"),
                _ => format!("{value:.1} {unit}"),
            };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}
