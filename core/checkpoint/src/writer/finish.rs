//! Making the folder whole: checked, hashed, on the disk, with its final name.

use std::collections::BTreeMap;
use std::time::Instant;

use blake3::Hash;

use super::{CheckpointWriter, ExtraFile, WriteError, Written};
use crate::Checkpoint;

impl CheckpointWriter {
    /// Waits until the disk has the tensors written so far. May be called while others are
    /// written, so that [`finish`](Self::finish) has less to wait for; without
    /// [`WriterOptions::sync`] it does nothing.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), WriteError> {
        if self.sync {
            for (path, file) in &self.files {
                file.sync_all().map_err(WriteError::io("sync", path))?;
            }
        }
        Ok(())
    }

    /// Checks that everything was written, adds `extra` files, opens the result again, hashes it,
    /// and gives it its final name.
    ///
    /// # Errors
    /// When an element was never written, an extra file's name is no plain file name or taken, or
    /// the disk refuses. The temporary folder is then removed.
    pub fn finish(self, extra: &[ExtraFile]) -> Result<Written, WriteError> {
        self.finish_with(|_| extra.to_vec())
    }

    /// As [`finish`](Self::finish), where the extra files depend on the hashes of the tensors.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_with(
        self,
        extra: impl FnOnce(&BTreeMap<String, Hash>) -> Vec<ExtraFile>,
    ) -> Result<Written, WriteError> {
        let mut missing = self.slots.iter().filter_map(|slot| {
            let coverage = slot
                .coverage
                .lock()
                .unwrap_or_else(|error| error.into_inner());
            Some((slot, coverage.first_gap(slot.elements)?))
        });
        if let Some((slot, gap)) = missing.next() {
            return Err(WriteError::Incomplete {
                tensor: slot.spec.name.clone(),
                elements: gap,
                others: missing.count(),
            });
        }
        drop(missing);
        let start = Instant::now();
        self.sync()?;
        let syncing = start.elapsed();
        if let Some(file) = &self.index {
            self.staging.add(file)?;
        }
        let path = match &self.files[..] {
            [(file, _)] if !self.opens_as_folder => file,
            _ => self.staging.dir(),
        };
        let checkpoint = Checkpoint::open(path)?;
        self.compare(&checkpoint)?;
        let tensor_hashes = checkpoint.tensor_hashes();
        let content_hash = checkpoint.hash_with(&tensor_hashes);
        let total_bytes = checkpoint.total_bytes();
        drop(checkpoint);
        for file in extra(&tensor_hashes) {
            self.staging.add(&file)?;
        }

        let names: Vec<_> = self
            .files
            .iter()
            .filter_map(|(path, _)| path.file_name())
            .collect();
        let dir = self.staging.out().to_owned();
        let files = names.into_iter().map(|name| dir.join(name)).collect();
        let start = Instant::now();
        self.staging.publish(self.sync)?;
        let syncing = syncing + start.elapsed();
        Ok(Written {
            dir,
            files,
            total_bytes,
            tensor_hashes,
            content_hash,
            syncing: syncing.as_secs_f64(),
        })
    }

    /// Refuses a reopened checkpoint that is not the one specified.
    fn compare(&self, checkpoint: &Checkpoint) -> Result<(), WriteError> {
        for slot in &self.slots {
            let view = checkpoint.tensor(&slot.spec.name)?;
            if view.dtype != slot.spec.dtype || view.shape != slot.spec.shape {
                return Err(WriteError::ReadBack {
                    tensor: slot.spec.name.clone(),
                });
            }
        }
        match checkpoint
            .names()
            .iter()
            .find(|name| !self.by_name.contains_key(*name))
        {
            Some(name) => Err(WriteError::ReadBack {
                tensor: name.clone(),
            }),
            None => Ok(()),
        }
    }
}
