//! Room on the disk that the result goes to.

use crate::error::MergeError;
use crate::plan::Plan;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What is free where the result goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Space {
    /// The nearest folder that is there.
    pub folder: PathBuf,
    /// Bytes that the user may write.
    pub free: u64,
}

impl Plan<'_> {
    /// Bytes of all tensors of the result.
    pub(crate) fn output_bytes(&self) -> u64 {
        let bytes = |t: &crate::plan::PlannedTensor| (t.elements() * t.dtype.size()) as u64;
        self.tensors().iter().map(bytes).sum()
    }

    /// What is free where `out` would be. `None` where the system does not tell.
    pub fn space(&self, out: &Path) -> Option<Space> {
        let absolute = std::path::absolute(out).ok()?;
        // The output is written beside its place, under another name.
        let folder = absolute
            .ancestors()
            .skip(1)
            .find(|folder| folder.is_dir())?;
        Some(Space {
            folder: folder.to_owned(),
            free: free(folder)?,
        })
    }

    /// Refuses a result that does not fit, before hours are spent on it.
    pub(super) fn check_space(&self, out: &Path) -> Result<(), MergeError> {
        let needed = self.output_bytes();
        match self.space(out) {
            Some(Space { folder, free }) if free < needed => Err(MergeError::Space {
                folder,
                needed,
                free,
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    // Some file systems of the network tell nothing.
    (found.f_blocks > 0).then(|| found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> Option<u64> {
    None
}
