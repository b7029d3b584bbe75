//! Memory that a merge takes whatever it is allowed.

use super::recording::Recording;
use super::tensors::{BATCH, Job};
use crate::error::MergeError;
use crate::plan::{Action, Plan, PlannedTensor};
use mergelab_tensor::Needs;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// What the tensor takes that takes the most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorMemory {
    /// The tensor.
    pub tensor: String,
    /// Bytes.
    pub bytes: u64,
}

/// Memory beside [`Options::memory`](super::Options::memory), found out without reading inputs.
///
/// Methods that first ask about the whole model are left out where they need the answer to record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// What operations on whole matrices take, which no limit changes; smaller tensors are merged
    /// side by side, one on each thread. Absent where the method has no such operations.
    pub matrices: Option<TensorMemory>,
    /// The least [`Options::memory`](super::Options::memory) with which rows that are ranked as a
    /// whole fit, where it matters.
    pub rows: Option<TensorMemory>,
}

impl Plan<'_> {
    /// What the merge takes whatever it is allowed.
    pub fn memory(&self) -> Memory {
        let job = Job {
            plan: self,
            evaluation: mergelab_tensor::Options::default(),
            memory: 0,
            statistics: BTreeMap::new(),
        };
        let mut memory = Memory::default();
        let mut seen = HashSet::new();
        for tensor in self.tensors() {
            let Action::Merge {
                parameters,
                working,
            } = tensor.action
            else {
                continue;
            };
            let inputs = self.origins(tensor).count();
            if !seen.insert((&tensor.shape, parameters, working, inputs)) {
                continue;
            }
            // A method that cannot record without numbers of the whole model says so when it runs.
            let Ok(needs) = job.needs(tensor) else {
                continue;
            };
            let side_by_side = match tensor.elements() > BATCH {
                true => 1,
                false => rayon::current_num_threads().max(1) as u64,
            };
            keep_largest(&mut memory.matrices, tensor, needs.matrices);
            keep_largest(&mut memory.rows, tensor, needs.memory * side_by_side);
        }
        memory
    }

    /// Refuses rows that cannot be ranked in the memory that there is.
    pub(super) fn check_memory(&self, memory: u64) -> Result<(), MergeError> {
        match self.memory().rows {
            Some(TensorMemory { tensor, bytes }) if bytes > memory => Err(MergeError::Memory {
                method: self.plugin.info.id.clone(),
                tensor,
                needed: bytes,
                memory,
            }),
            _ => Ok(()),
        }
    }
}

impl Job<'_> {
    fn needs(&self, tensor: &PlannedTensor) -> Result<Needs, MergeError> {
        let Action::Merge {
            parameters,
            working,
        } = tensor.action
        else {
            return Ok(Needs::default());
        };
        let recording = Recording::planning(self, tensor, working);
        let node = recording.call(self, tensor, parameters, |method, group, host| {
            method.merge(group, host)
        })?;
        let needs = recording.session.needs(node);
        needs
            .map_err(|error| recording.failed(self, tensor, super::tensors::Failure::Engine(error)))
    }
}

/// Small matrices count as tiles do.
const SMALL: u64 = 1 << 20;

fn keep_largest(largest: &mut Option<TensorMemory>, tensor: &PlannedTensor, bytes: u64) {
    if bytes > largest.as_ref().map_or(SMALL, |l| l.bytes) {
        *largest = Some(TensorMemory {
            tensor: tensor.name.clone(),
            bytes,
        });
    }
}
