//! Writing a checkpoint from many threads, whole or not at all.

mod coverage;
mod error;
mod finish;
mod layout;
mod staging;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use blake3::Hash;

use crate::{DType, encode_f32};
use coverage::Coverage;
use staging::Staging;

pub use error::WriteError;
pub use staging::ARTIFACTS;

/// Elements converted and written at a time.
const CHUNK: usize = 1 << 16;

/// Name, format and shape of a tensor to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Name in the checkpoint.
    pub name: String,
    /// Storage format.
    pub dtype: DType,
    /// Length of each dimension, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// A tensor of that name, format and shape.
    pub fn new(name: impl Into<String>, dtype: DType, shape: impl Into<Vec<usize>>) -> Self {
        TensorSpec {
            name: name.into(),
            dtype,
            shape: shape.into(),
        }
    }
}

/// How a checkpoint is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterOptions {
    /// A new shard begins where the next tensor would take one past this many bytes. The default
    /// is 5 GB. A tensor that is larger gets a shard of its own.
    pub max_shard_bytes: u64,
    /// `__metadata__` of each file; `"format": "pt"`, which transformers asks for, is added.
    pub metadata: BTreeMap<String, String>,
    /// Whether an existing checkpoint folder at the output path is replaced. A folder that holds
    /// anything but plain files with safetensors among them, and [`ARTIFACTS`] of that kind, is
    /// never replaced.
    pub overwrite: bool,
    /// Whether NaN and infinities are written rather than refused.
    pub allow_non_finite: bool,
    /// Whether the files are on the disk before the folder gets its name. Without it a power cut
    /// soon after can leave a folder whose files are not whole.
    pub sync: bool,
}

impl Default for WriterOptions {
    fn default() -> Self {
        WriterOptions {
            max_shard_bytes: 5_000_000_000,
            metadata: BTreeMap::new(),
            overwrite: false,
            allow_non_finite: false,
            sync: true,
        }
    }
}

/// A file to be put beside the weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraFile {
    /// Its name, without folders.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl ExtraFile {
    /// A file of that name and content.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        ExtraFile {
            name: name.into(),
            bytes: bytes.into(),
        }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The folder.
    pub dir: PathBuf,
    /// The safetensors files in it, sorted by name.
    pub files: Vec<PathBuf>,
    /// Bytes of all tensors, headers not counted.
    pub total_bytes: u64,
    /// BLAKE3 of each tensor's stored bytes.
    pub tensor_hashes: BTreeMap<String, Hash>,
    /// See [`content_hash`](crate::Checkpoint::content_hash).
    pub content_hash: Hash,
    /// Seconds spent waiting for the disk to have everything.
    pub syncing: f64,
}

/// Writes a Hugging Face folder.
///
/// Everything goes to a folder `.NAME.tmp-PID-N` beside the output path, which
/// [`finish`](CheckpointWriter::finish) renames once each byte was written exactly once and the
/// files open again. Dropping the writer before that removes the temporary folder, so nothing
/// incomplete is ever seen at the output path.
///
/// The layout is that of transformers: `model.safetensors`, or
/// `model-00001-of-0000N.safetensors` and `model.safetensors.index.json`. It depends on the
/// specifications and options alone, so the same values give the same files byte for byte,
/// whatever the order and the threads that write them.
#[derive(Debug)]
pub struct CheckpointWriter {
    staging: Staging,
    slots: Vec<Slot>,
    by_name: HashMap<String, usize>,
    files: Vec<(PathBuf, File)>,
    index: Option<ExtraFile>,
    /// Whether the files have the names by which a folder opens; an adapter's file has not.
    opens_as_folder: bool,
    allow_non_finite: bool,
    sync: bool,
}

#[derive(Debug)]
struct Slot {
    spec: TensorSpec,
    elements: usize,
    file: usize,
    /// Of the first byte, in the file.
    offset: u64,
    coverage: Mutex<Coverage>,
}

impl CheckpointWriter {
    /// Plans the shards and creates them, with their headers, in a temporary folder.
    ///
    /// # Errors
    /// When a specification is not possible (two tensors of one name, a size past 2^64), the
    /// output path is taken, or the disk refuses.
    pub fn create(
        out: impl AsRef<Path>,
        specs: Vec<TensorSpec>,
        options: WriterOptions,
    ) -> Result<CheckpointWriter, WriteError> {
        Self::create_with_stem(out.as_ref(), specs, options, "model")
    }

    /// `stem` begins the names of the files, in the place of `model`.
    pub(crate) fn create_with_stem(
        out: &Path,
        specs: Vec<TensorSpec>,
        options: WriterOptions,
        stem: &str,
    ) -> Result<CheckpointWriter, WriteError> {
        let plan = layout::plan(&specs, &options, stem)?;
        let staging = Staging::create(out, options.overwrite)?;
        let mut files = Vec::with_capacity(plan.files.len());
        for planned in &plan.files {
            let path = staging.dir().join(&planned.name);
            let file = File::create_new(&path).map_err(WriteError::io("create", &path))?;
            file.write_all_at(&planned.header, 0)
                .map_err(WriteError::io("write", &path))?;
            file.set_len(planned.len)
                .map_err(WriteError::io("extend", &path))?;
            files.push((path, file));
        }
        let slots: Vec<Slot> = specs
            .into_iter()
            .zip(plan.places)
            .map(|(spec, place)| Slot {
                elements: spec.shape.iter().product(),
                spec,
                file: place.file,
                offset: place.offset,
                coverage: Mutex::default(),
            })
            .collect();
        let by_name = slots
            .iter()
            .enumerate()
            .map(|(i, slot)| (slot.spec.name.clone(), i))
            .collect();
        Ok(CheckpointWriter {
            staging,
            slots,
            by_name,
            files,
            index: plan.index,
            opens_as_folder: stem == "model",
            allow_non_finite: options.allow_non_finite,
            sync: options.sync,
        })
    }

    /// The temporary folder, for files put beside the weights, such as by
    /// [`copy_side_files`](crate::copy_side_files).
    pub fn staging_dir(&self) -> &Path {
        self.staging.dir()
    }

    /// The tensors to be written, in the order given to [`create`](Self::create).
    pub fn specs(&self) -> impl ExactSizeIterator<Item = &TensorSpec> {
        self.slots.iter().map(|slot| &slot.spec)
    }

    /// The index of the tensor of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn index_of(&self, name: &str) -> Result<usize, WriteError> {
        let found = self.by_name.get(name).copied();
        found.ok_or_else(|| WriteError::UnknownTensor {
            tensor: name.to_owned(),
        })
    }

    /// Stores `values` in tensor number `tensor` from element `offset` (row-major) on, rounded to
    /// its format (to nearest, ties to even). May be called from several threads at a time.
    ///
    /// # Errors
    /// When there is no such tensor or it is not floating-point, the elements lie outside it or
    /// were written before, a value is not finite or does not fit the format, or the disk
    /// refuses. After an error the writer should be dropped.
    pub fn write_f32(
        &self,
        tensor: usize,
        offset: usize,
        values: &[f32],
    ) -> Result<(), WriteError> {
        let slot = self.slot(tensor)?;
        let dtype = slot.spec.dtype;
        slot.claim(offset, values.len())?;
        let mut bytes = vec![0; values.len().min(CHUNK) * dtype.size()];
        for (i, values) in values.chunks(CHUNK).enumerate() {
            let at = offset + i * CHUNK;
            let bytes = &mut bytes[..values.len() * dtype.size()];
            encode_f32(dtype, values, bytes).map_err(|source| WriteError::Convert {
                tensor: slot.spec.name.clone(),
                source,
            })?;
            if !self.allow_non_finite
                && let Some(bad) = first_non_finite(dtype, bytes)
            {
                return Err(WriteError::not_finite(&slot.spec, at + bad, values[bad]));
            }
            self.put(slot, at, bytes)?;
        }
        Ok(())
    }

    /// Refuses `values` for tensor number `tensor`, from element `offset` on, as
    /// [`write_f32`](Self::write_f32) would, and stores nothing.
    ///
    /// # Errors
    /// When a value is not finite or does not fit the format, and such are not allowed.
    pub fn check_finite(
        &self,
        tensor: usize,
        offset: usize,
        values: &[f32],
    ) -> Result<(), WriteError> {
        let slot = self.slot(tensor)?;
        let dtype = slot.spec.dtype;
        let mut bytes = vec![0; values.len() * dtype.size()];
        encode_f32(dtype, values, &mut bytes).map_err(|source| WriteError::Convert {
            tensor: slot.spec.name.clone(),
            source,
        })?;
        match first_non_finite(dtype, &bytes) {
            Some(bad) if !self.allow_non_finite => Err(WriteError::not_finite(
                &slot.spec,
                offset + bad,
                values[bad],
            )),
            _ => Ok(()),
        }
    }

    /// Stores `bytes` (little-endian elements of the tensor's format) from element `offset` on.
    ///
    /// # Errors
    /// As [`write_f32`](Self::write_f32), and when the bytes are not whole elements.
    pub fn write_bytes(
        &self,
        tensor: usize,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), WriteError> {
        let slot = self.slot(tensor)?;
        let dtype = slot.spec.dtype;
        if !bytes.len().is_multiple_of(dtype.size()) {
            return Err(WriteError::PartialElement {
                tensor: slot.spec.name.clone(),
                dtype,
                bytes: bytes.len(),
            });
        }
        slot.claim(offset, bytes.len() / dtype.size())?;
        if !self.allow_non_finite
            && let Some(bad) = first_non_finite(dtype, bytes)
        {
            return Err(WriteError::not_finite(&slot.spec, offset + bad, f32::NAN));
        }
        self.put(slot, offset, bytes)
    }

    fn slot(&self, tensor: usize) -> Result<&Slot, WriteError> {
        let found = self.slots.get(tensor);
        found.ok_or_else(|| WriteError::UnknownTensor {
            tensor: format!("number {tensor}"),
        })
    }

    fn put(&self, slot: &Slot, element: usize, bytes: &[u8]) -> Result<(), WriteError> {
        let (path, file) = &self.files[slot.file];
        let offset = slot.offset + (element * slot.spec.dtype.size()) as u64;
        file.write_all_at(bytes, offset)
            .map_err(WriteError::io("write", path))
    }
}

impl Slot {
    fn claim(&self, offset: usize, count: usize) -> Result<(), WriteError> {
        let end = offset
            .checked_add(count)
            .filter(|end| *end <= self.elements);
        let Some(end) = end else {
            return Err(WriteError::Range {
                tensor: self.spec.name.clone(),
                elements: self.elements,
                offset,
                count,
            });
        };
        // A thread that panicked while it held the lock left the map whole: see `Coverage::claim`.
        let mut coverage = self
            .coverage
            .lock()
            .unwrap_or_else(|error| error.into_inner());
        coverage
            .claim(offset..end)
            .map_err(|twice| WriteError::Twice {
                tensor: self.spec.name.clone(),
                elements: twice,
            })
    }
}

/// The index of the first element whose exponent bits are all ones; the sign is masked out.
fn first_non_finite(dtype: DType, bytes: &[u8]) -> Option<usize> {
    fn find<const N: usize>(bytes: &[u8], bad: impl Fn([u8; N]) -> bool) -> Option<usize> {
        let (words, _) = bytes.as_chunks::<N>();
        // Looking at all first keeps the usual case, where there is none, free of early exits.
        let any = words.iter().fold(false, |any, word| any | bad(*word));
        any.then(|| words.iter().position(|word| bad(*word)))?
    }
    match dtype {
        DType::F64 => find(bytes, |w| !f64::from_le_bytes(w).is_finite()),
        DType::F32 => find(bytes, |w| !f32::from_le_bytes(w).is_finite()),
        DType::BF16 => find(bytes, |w| u16::from_le_bytes(w) & 0x7f80 == 0x7f80),
        DType::F16 => find(bytes, |w| u16::from_le_bytes(w) & 0x7c00 == 0x7c00),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
