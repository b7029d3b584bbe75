//! One tensor's inputs as the engine reads them, and what a method records with them.

use super::tensors::{Failure, Job};
use crate::error::MergeError;
use crate::inputs::Input;
use crate::plan::PlannedTensor;
use crate::source::InputTensor;
use mergelab_abi::PluginError;
use mergelab_abi::method::{GroupInfo, LowRank, Member, Method};
use mergelab_abi::ops::HostHandle;
use mergelab_abi::working::Working;
use mergelab_tensor::{Memory, Session};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A session with the inputs of one tensor.
pub(super) struct Recording {
    pub(super) session: Session,
    pub(super) group: GroupInfo,
    pub(super) sources: Vec<Arc<InputTensor>>,
    /// Precision that results are rounded to, where the session computes in a finer one.
    pub(super) rounded: Working,
}

impl Recording {
    /// With the memory of one of several tensors that are evaluated side by side.
    pub(super) fn new(job: &Job<'_>, tensor: &PlannedTensor, working: Working) -> Self {
        Self::within(job, tensor, working, |within| {
            Session::new(within, job.evaluation.clone())
        })
    }

    /// With all the memory.
    pub(super) fn alone(job: &Job<'_>, tensor: &PlannedTensor, working: Working) -> Self {
        Self::within(job, tensor, working, |within| {
            let options = mergelab_tensor::Options {
                memory: job.memory,
                ..job.evaluation.clone()
            };
            Session::new(within, options)
        })
    }

    /// To see what an evaluation would need.
    pub(super) fn planning(job: &Job<'_>, tensor: &PlannedTensor, working: Working) -> Self {
        Self::within(job, tensor, working, Session::planning)
    }

    fn within(
        job: &Job<'_>,
        tensor: &PlannedTensor,
        working: Working,
        session: impl FnOnce(Working) -> Session,
    ) -> Self {
        let traits = job.plan.plugin.info.method.as_ref();
        let always_f32 = traits.is_some_and(|traits| traits.always_f32);
        let (within, rounded) = match always_f32 {
            true => (Working::F32, working),
            false => (working, Working::F32),
        };
        let session = session(within);
        // A node of shape `[]` is a scalar of higher precision; a tensor of one element is none.
        let shape: &[usize] = if tensor.shape.is_empty() {
            &[1]
        } else {
            &tensor.shape
        };
        let mut origins = job.plan.origins(tensor);
        let base = match job.plan.base_used {
            true => origins.next(),
            false => None,
        };
        let mut sources = Vec::new();
        let mut member = |(input, name): (&Input, &str)| {
            let source = Arc::new(InputTensor {
                source: Arc::clone(&input.source),
                tensor: name.to_owned(),
                role: input.role.clone(),
                rounded,
            });
            sources.push(Arc::clone(&source));
            let adapted = base
                // In a slice the base may give another layer.
                .filter(|(base, of_base)| *of_base == name && is_on(base, input))
                .map(|_| input);
            Member {
                id: input.id.clone(),
                node: session.input(shape, source),
                present: !adapted.is_some_and(|input| unchanged(input, name)),
                low_rank: adapted.and_then(|input| low_rank(&session, input, name)),
            }
        };
        let group = GroupInfo {
            tensor: tensor.name.clone(),
            shape: shape.to_vec(),
            base: base.map(&mut member),
            models: origins.map(&mut member).collect(),
            seed: job.plan.recipe.seed,
            statistics: job.statistics.clone(),
        };
        Self {
            session,
            group,
            sources,
            rounded,
        }
    }

    /// Lets the method record, whatever it does.
    pub(super) fn call<T>(
        &self,
        job: &Job<'_>,
        tensor: &PlannedTensor,
        parameters: usize,
        record: impl FnOnce(&dyn Method, &GroupInfo, HostHandle) -> Result<T, PluginError>,
    ) -> Result<T, MergeError> {
        let method = &*job.plan.instances[parameters].method;
        catch_unwind(AssertUnwindSafe(|| {
            record(method, &self.group, self.session.handle())
        }))
        .unwrap_or_else(|panic| Err(PluginError::from_panic(&*panic)))
        .map_err(|error| self.failed(job, tensor, Failure::Plugin(error)))
    }

    /// Explains a failure.
    pub(super) fn failed(
        &self,
        job: &Job<'_>,
        tensor: &PlannedTensor,
        failure: Failure,
    ) -> MergeError {
        job.explain(tensor, &self.sources, failure)
    }
}

/// Whether a model is this very base, with or without an adapter.
fn is_on(base: &Input, input: &Input) -> bool {
    Arc::ptr_eq(&base.checkpoint, &input.checkpoint) && base.written.adapter.is_none()
}

/// Whether a model on the base has the base's tensor: what is computed has no bytes of its own.
fn unchanged(input: &Input, tensor: &str) -> bool {
    input.written.adapter.is_some() && input.source.raw_bytes(tensor).is_ok()
}

/// The factors of the task vector of a model on the base.
fn low_rank(session: &Session, input: &Input, tensor: &str) -> Option<LowRank> {
    let update = input.source.low_rank(tensor)?;
    let scaled = update.left.iter().map(|x| x * update.scaling).collect();
    let matrix = |name: &str, rows: usize, data: Vec<f32>| {
        let name = format!("{name} of `{tensor}` in {}", input.role);
        let columns = data.len() / rows.max(1);
        session.input(&[rows, columns], Arc::new(Memory::new(name, data)))
    };
    Some(LowRank {
        left: matrix("lora_B", update.left.len() / update.rank.max(1), scaled),
        right: matrix("lora_A", update.rank, update.right.to_vec()),
    })
}
