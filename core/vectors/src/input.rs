//! The base and the models, and task vectors read tile by tile.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use mergelab_checkpoint::{Checkpoint, LoraAdapter, TensorSource, WithAdapter};

use crate::VectorError;
use crate::factors::Factors;

/// A fine-tuned model.
pub struct Model {
    /// What the tables call it.
    pub name: String,
    kind: Kind,
}

enum Kind {
    /// Weights of its own.
    Whole(Arc<dyn TensorSource>),
    /// An adapter on the base: factors of the tensors it changes, and the sum of both for tensors
    /// that it stores whole.
    Adapter {
        factors: Vec<(String, Factors)>,
        whole: Vec<String>,
        source: Arc<dyn TensorSource>,
    },
}

/// The base and the models.
pub struct Inputs {
    pub(crate) base: Arc<Checkpoint>,
    pub(crate) models: Vec<Model>,
}

impl Inputs {
    /// Opens a base, and models given as `CHECKPOINT`, `ADAPTER` (a PEFT folder, on the base) or
    /// `CHECKPOINT+ADAPTER`. A model is called by the last component of its path.
    ///
    /// # Errors
    /// When one cannot be opened, an adapter does not go with its base, there are no models, or
    /// two have one name.
    pub fn open<S: AsRef<str>>(base: &Path, models: &[S]) -> Result<Inputs, VectorError> {
        if models.is_empty() {
            return Err(VectorError::NoModels);
        }
        let mut inputs = Inputs {
            base: Arc::new(checkpoint(base, "the base")?),
            models: Vec::new(),
        };
        for written in models {
            inputs.add(base, written.as_ref(), None)?;
        }
        Ok(inputs)
    }

    /// As [`Inputs::open`], with names for the models: pairs of a name and what is opened.
    ///
    /// # Errors
    /// As [`Inputs::open`].
    pub fn open_named<N: AsRef<str>, S: AsRef<str>>(
        base: &Path,
        models: &[(N, S)],
    ) -> Result<Inputs, VectorError> {
        if models.is_empty() {
            return Err(VectorError::NoModels);
        }
        let mut inputs = Inputs {
            base: Arc::new(checkpoint(base, "the base")?),
            models: Vec::new(),
        };
        for (name, written) in models {
            inputs.add(base, written.as_ref(), Some(name.as_ref()))?;
        }
        Ok(inputs)
    }

    fn add(&mut self, base: &Path, written: &str, name: Option<&str>) -> Result<(), VectorError> {
        let model = self.open_model(base, written, name)?;
        if self.models.iter().any(|known| known.name == model.name) {
            return Err(VectorError::SameName { name: model.name });
        }
        self.models.push(model);
        Ok(())
    }

    fn open_model(
        &self,
        base: &Path,
        written: &str,
        name: Option<&str>,
    ) -> Result<Model, VectorError> {
        // A path may have a plus of its own.
        let (on, path) = match written.rsplit_once('+') {
            Some((on, adapter)) if !Path::new(written).exists() => (Some(Path::new(on)), adapter),
            _ => (None, written),
        };
        let path = Path::new(path);
        let last = path.file_name().unwrap_or(path.as_os_str());
        let name = name.map_or_else(|| last.to_string_lossy().into_owned(), str::to_owned);
        let is_adapter = path.join("adapter_config.json").is_file();
        if on.is_none() && !is_adapter {
            let source = Arc::new(checkpoint(path, &name)?);
            let kind = Kind::Whole(source);
            return Ok(Model { name, kind });
        }
        let failed = |source| VectorError::Adapter {
            role: name.clone(),
            source: Box::new(source),
        };
        let adapter = LoraAdapter::open(path).map_err(failed)?;
        let on_base = on.is_none_or(|on| same(on, base));
        if !on_base && let Some(on) = on {
            let on = checkpoint(on, &name)?;
            let source = WithAdapter::new(on, adapter).map_err(failed)?;
            let kind = Kind::Whole(Arc::new(source));
            return Ok(Model { name, kind });
        }
        let transposed = adapter.config().fan_in_fan_out;
        let factors = adapter
            .modules()
            .map(|(module, scaling)| {
                let tensor = format!("{}.weight", module.module);
                (
                    self.base_name(&tensor),
                    Factors::new(module, scaling, transposed),
                )
            })
            .collect();
        let whole = adapter
            .replaced()
            .map(|(tensor, _)| self.base_name(tensor))
            .collect();
        // Checks names and shapes too.
        let source = WithAdapter::new(Arc::clone(&self.base), adapter).map_err(failed)?;
        let kind = Kind::Adapter {
            factors,
            whole,
            source: Arc::new(source),
        };
        Ok(Model { name, kind })
    }

    /// The base's name of a tensor; a base saved from the inner model lacks the first component.
    fn base_name(&self, tensor: &str) -> String {
        match tensor.split_once('.') {
            Some((_, inner)) if !self.base.contains(tensor) && self.base.contains(inner) => {
                inner.to_owned()
            }
            _ => tensor.to_owned(),
        }
    }
}

fn checkpoint(path: &Path, role: &str) -> Result<Checkpoint, VectorError> {
    Checkpoint::open(path).map_err(|source| VectorError::Checkpoint {
        role: role.to_owned(),
        source: Box::new(source),
    })
}

fn same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// How a model changes one tensor.
pub(crate) enum Change<'a> {
    /// Not at all.
    Nothing,
    /// By a product of two thin matrices.
    LowRank(&'a Factors),
    /// In any way.
    Dense,
}

impl Model {
    /// Whether the model has the tensor in the base's shape.
    pub(crate) fn has(&self, tensor: &str, shape: &[usize]) -> bool {
        let source = match &self.kind {
            Kind::Adapter { .. } => return true,
            Kind::Whole(source) => source,
        };
        let info = source.info(tensor);
        info.is_ok_and(|info| info.shape == shape && info.dtype.is_float())
    }

    /// Names of tensors that it has.
    pub(crate) fn names(&self) -> &[String] {
        match &self.kind {
            Kind::Whole(source) | Kind::Adapter { source, .. } => source.names(),
        }
    }

    pub(crate) fn change(&self, tensor: &str) -> Change<'_> {
        match &self.kind {
            Kind::Whole(_) => Change::Dense,
            Kind::Adapter { whole, .. } if whole.iter().any(|name| name == tensor) => Change::Dense,
            Kind::Adapter { factors, .. } => factors
                .iter()
                .find(|(name, _)| name == tensor)
                .map_or(Change::Nothing, |(_, factors)| Change::LowRank(factors)),
        }
    }

    /// Reads the elements `range` of the task vector; `base` has the base's elements.
    ///
    /// An adapter's update is computed from its factors rather than as the difference of two
    /// rounded sums.
    pub(crate) fn read(
        &self,
        tensor: &str,
        range: Range<usize>,
        base: &[f32],
        out: &mut [f32],
    ) -> Result<(), VectorError> {
        let source = match (self.change(tensor), &self.kind) {
            (Change::Nothing, _) => {
                out.fill(0.0);
                return Ok(());
            }
            (Change::LowRank(factors), _) => {
                factors.read(range.start, out);
                return Ok(());
            }
            (Change::Dense, Kind::Whole(source) | Kind::Adapter { source, .. }) => source,
        };
        let start = range.start;
        source
            .read_f32(tensor, range, out)
            .map_err(|source| VectorError::Checkpoint {
                role: self.name.clone(),
                source: Box::new(source),
            })?;
        finite(out, start, tensor, &self.name)?;
        for (value, base) in out.iter_mut().zip(base) {
            *value -= base;
        }
        Ok(())
    }
}

/// Refuses NaN and infinities.
pub(crate) fn finite(
    values: &[f32],
    start: usize,
    tensor: &str,
    role: &str,
) -> Result<(), VectorError> {
    // Without an early exit the usual case vectorises.
    let all = values
        .iter()
        .fold(true, |all, value| all & value.is_finite());
    if all {
        return Ok(());
    }
    let at = values.iter().position(|value| !value.is_finite());
    Err(VectorError::NonFinite {
        role: role.to_owned(),
        tensor: tensor.to_owned(),
        element: start + at.unwrap_or(0),
    })
}
