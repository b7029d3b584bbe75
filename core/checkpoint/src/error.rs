//! What can be wrong with a checkpoint that is read.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::{ConvertError, DType};

/// Why a checkpoint, or a tensor in it, could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was being done, such as `open`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason it gave.
        source: io::Error,
    },
    /// Nothing at the path given.
    #[error("no checkpoint at {}: the path does not exist", .path.display())]
    NotFound {
        /// The path given.
        path: PathBuf,
    },
    /// A folder or file that holds no safetensors.
    #[error("no safetensors in {}: {hint}", .path.display())]
    NoWeights {
        /// The path given.
        path: PathBuf,
        /// What was found instead and what to do.
        hint: String,
    },
    /// Several files and nothing that says which are the model.
    #[error(
        "{} holds several safetensors files and no index ({}): give the path of one of them, or \
         restore model.safetensors.index.json if they are shards",
        .dir.display(), .files.join(", ")
    )]
    AmbiguousWeights {
        /// The folder.
        dir: PathBuf,
        /// The names of the files.
        files: Vec<String>,
    },
    /// A Git LFS pointer in the place of the weights.
    #[error(
        "{} is a Git LFS pointer, the weights themselves were not downloaded: run `git lfs pull` \
         in that folder", .path.display()
    )]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// The file ends before the data that its header announces.
    #[error(
        "{} is truncated: its header announces {expected} bytes, the file has {actual}; \
         download or copy it again", .path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes that the whole file should have.
        expected: u64,
        /// Bytes that it has.
        actual: u64,
    },
    /// The length field of the header cannot be right.
    #[error(
        "{}: the header is said to be {header} bytes long, in a file of {file} bytes (and at most \
         100000000 are allowed); it is truncated or not a safetensors file, download it again",
        .path.display()
    )]
    HeaderTooLong {
        /// The file.
        path: PathBuf,
        /// Length that the first eight bytes give.
        header: u64,
        /// Length of the file.
        file: u64,
    },
    /// The header is not the JSON that the format asks for.
    #[error("{}: bad safetensors header: {reason}; download the file again", .path.display())]
    BadHeader {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: String,
    },
    /// A number format this crate does not know.
    #[error(
        "{}: tensor {tensor:?} has the unknown dtype {dtype:?} (known: {}); convert the \
         checkpoint to one of these", .path.display(), DType::ALL.map(DType::name).join(", ")
    )]
    UnknownDType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The dtype as written.
        dtype: String,
    },
    /// Offsets that do not fit shape and dtype.
    #[error(
        "{}: tensor {tensor:?} ({dtype}, shape {shape:?}) is given bytes {}..{} of the data, which \
         is not the size of its shape; the file is corrupt, download it again",
        .path.display(), .bytes.start, .bytes.end
    )]
    SizeMismatch {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its dtype.
        dtype: DType,
        /// Its shape.
        shape: Vec<usize>,
        /// The byte range that the header gives.
        bytes: Range<u64>,
    },
    /// Bytes that belong to no tensor.
    #[error(
        "{}: bytes {}..{} of the data belong to no tensor ({place}); the file is corrupt, \
         download it again", .path.display(), .bytes.start, .bytes.end
    )]
    Gap {
        /// The file.
        path: PathBuf,
        /// Where, in words.
        place: String,
        /// The unclaimed byte range of the data section.
        bytes: Range<u64>,
    },
    /// Two tensors claim the same bytes.
    #[error(
        "{}: tensors {first:?} and {second:?} overlap; the file is corrupt, download it again",
        .path.display()
    )]
    Overlap {
        /// The file.
        path: PathBuf,
        /// The tensor that begins first.
        first: String,
        /// The one that begins inside it.
        second: String,
    },
    /// A name given twice in one header.
    #[error(
        "{}: tensor {tensor:?} is in the header twice; the file is corrupt, download it again",
        .path.display()
    )]
    DuplicateTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A name found in two shards.
    #[error(
        "tensor {tensor:?} is in both {first} and {second} of {}: the shards are not of one \
         checkpoint, download the folder again", .dir.display()
    )]
    DuplicateAcrossShards {
        /// The folder.
        dir: PathBuf,
        /// The tensor.
        tensor: String,
        /// One shard.
        first: String,
        /// The other.
        second: String,
    },
    /// The index is not what the Hugging Face layout asks for.
    #[error("{}: bad shard index: {reason}; download it again", .path.display())]
    BadIndex {
        /// The index file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A shard that the index names is not there.
    #[error(
        "{}: shard {shard:?} is missing (tensor {tensor:?} should be in it); download it into the \
         same folder", .index.display()
    )]
    MissingShard {
        /// The index file.
        index: PathBuf,
        /// The shard's name.
        shard: String,
        /// The first tensor that should be there.
        tensor: String,
    },
    /// A tensor that the index names is not in its shard.
    #[error(
        "{}: tensor {tensor:?} is not in shard {shard:?}; index and shards are not of one \
         checkpoint, download the folder again", .index.display()
    )]
    MissingTensor {
        /// The index file.
        index: PathBuf,
        /// The shard's name.
        shard: String,
        /// The tensor.
        tensor: String,
    },
    /// No tensor of that name.
    #[error("{} has no tensor {tensor:?}{suggestion}", .path.display())]
    UnknownTensor {
        /// The checkpoint.
        path: PathBuf,
        /// The name asked for.
        tensor: String,
        /// Empty, or a sentence naming the nearest tensor.
        suggestion: String,
    },
    /// Elements outside a tensor, or a buffer of another length.
    #[error(
        "tensor {tensor:?} has {elements} elements: cannot read {}..{} into {buffer} values",
        .range.start, .range.end
    )]
    Range {
        /// The tensor.
        tensor: String,
        /// Elements that it has.
        elements: usize,
        /// Elements asked for.
        range: Range<usize>,
        /// Length of the buffer.
        buffer: usize,
    },
    /// Values of a tensor that has none in floating point.
    #[error("tensor {tensor:?}: {source}")]
    Convert {
        /// The tensor.
        tensor: String,
        /// The reason.
        source: ConvertError,
    },
    /// Stored bytes of a tensor whose values are computed.
    #[error(
        "tensor {tensor:?} of {} is computed as it is read and has no stored bytes: read its \
         values", .path.display()
    )]
    Computed {
        /// The source.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// NaN or infinity in the weights.
    #[error(
        "{}: tensor {tensor:?} holds {count} value(s) that are not finite, the first at element \
         {element} ({value}); the run that made it diverged or the file is corrupt",
        .path.display()
    )]
    NonFinite {
        /// The checkpoint.
        path: PathBuf,
        /// The first such tensor.
        tensor: String,
        /// Index of the first such value.
        element: usize,
        /// That value.
        value: f32,
        /// How many there are in that tensor.
        count: usize,
    },
    /// A JSON file beside the weights does not parse.
    #[error("{}: {reason}; correct it or download it again", .path.display())]
    BadJson {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: String,
    },
}

impl CheckpointError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| CheckpointError::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// An unknown tensor, with the nearest of the `known` names.
    pub(crate) fn unknown_tensor(path: &Path, tensor: &str, known: &[String]) -> Self {
        let nearest = known
            .iter()
            .map(|name| (strsim::jaro_winkler(tensor, name), name))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(score, _)| *score > 0.8);
        let suggestion = match nearest {
            Some((_, name)) => format!("; did you mean {name:?}?"),
            None if known.is_empty() => "; it holds no tensors at all".to_owned(),
            None => format!("; it holds {} others, such as {:?}", known.len(), known[0]),
        };
        CheckpointError::UnknownTensor {
            path: path.to_owned(),
            tensor: tensor.to_owned(),
            suggestion,
        }
    }
}
