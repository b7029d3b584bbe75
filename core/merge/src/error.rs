//! Why a merge was refused or ended.

use crate::plan::bytes;
use crate::recipe::RecipeError;
use mergelab_abi::PluginError;
use mergelab_abi::registry::LookupError;
use mergelab_checkpoint::{AdapterError, AlignError, CheckpointError, TokenizerError, WriteError};
use std::path::PathBuf;

/// Why a merge was refused or ended. Nothing is left at the output path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// The recipe, or a parameter in it, with its place.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The method is not there.
    #[error(transparent)]
    Method(Box<LookupError>),
    /// A checkpoint does not open.
    #[error("{role}: {source}")]
    Checkpoint {
        /// Which of the inputs, such as "model `german`".
        role: String,
        /// Why.
        source: Box<CheckpointError>,
    },
    /// An adapter does not open or does not fit its checkpoint.
    #[error("{role}: {source}")]
    Adapter {
        /// Which of the inputs.
        role: String,
        /// Why.
        source: Box<AdapterError>,
    },
    /// A vocabulary that is needed cannot be read.
    #[error("{role}: {source}")]
    Tokenizer {
        /// Which of the inputs.
        role: String,
        /// Why.
        source: Box<TokenizerError>,
    },
    /// Embeddings cannot be brought into the order of one vocabulary.
    #[error("{role}: {source}")]
    Align {
        /// Which of the inputs.
        role: String,
        /// Why.
        source: AlignError,
    },
    /// Tensors that cannot be merged.
    #[error("{} cannot be merged:{}", tensors(.problems.len()), list(.problems))]
    Tensors {
        /// All of them, by name.
        problems: Vec<TensorProblem>,
    },
    /// A value in an input that is NaN or infinite.
    #[error(
        "tensor `{tensor}` of {role}: the value of element {element} is {value}; the run that made \
         this model diverged, or the file is corrupt"
    )]
    NonFiniteInput {
        /// The tensor.
        tensor: String,
        /// Which of the inputs.
        role: String,
        /// Index of the first such element, row-major.
        element: usize,
        /// The value.
        value: f32,
    },
    /// A value of the result that is NaN or infinite, or does not fit the output's format.
    #[error("the method `{method}` gave a bad value: {source}")]
    BadResult {
        /// Id of the method.
        method: String,
        /// Names tensor and element.
        source: Box<WriteError>,
    },
    /// The method refused parameters or a tensor, or panicked.
    #[error("the method `{method}` failed{}: {source}", at(.tensor))]
    Plugin {
        /// Id of the method.
        method: String,
        /// The tensor, or nothing while the method was set up.
        tensor: Option<String>,
        /// In the method's words.
        source: PluginError,
    },
    /// The method gave a result of another shape.
    #[error(
        "the method `{method}` gave tensor `{tensor}` the shape {found:?}, it should be {wanted:?}: \
         this is a fault of the plugin"
    )]
    Shape {
        /// Id of the method.
        method: String,
        /// The tensor.
        tensor: String,
        /// Shape of the result.
        found: Vec<usize>,
        /// Shape of the inputs.
        wanted: Vec<usize>,
    },
    /// The engine could not evaluate a tensor.
    #[error("tensor `{tensor}`: {source}")]
    Engine {
        /// The tensor.
        tensor: String,
        /// Why.
        source: Box<mergelab_tensor::Error>,
    },
    /// Rows are ranked as a whole and do not fit into the memory.
    #[error(
        "tensor `{tensor}`: the method `{method}` ranks each row as a whole, which takes {} of \
         memory here, and the merge may take {}: allow it at least `--memory {}MiB`, or choose a \
         method that drops entries without ranks, such as dare_ties",
        mebibytes(.needed), mebibytes(.memory), .needed.div_ceil(1 << 20)
    )]
    Memory {
        /// Id of the method.
        method: String,
        /// The tensor with the longest rows.
        tensor: String,
        /// Bytes.
        needed: u64,
        /// Bytes.
        memory: u64,
    },
    /// The result does not fit on the disk.
    #[error(
        "the result takes {} and {} are free in {}: make room, or choose another folder",
        bytes(*.needed), bytes(*.free), .folder.display()
    )]
    Space {
        /// The folder, or the nearest one above it that is there.
        folder: PathBuf,
        /// Bytes of all tensors of the result.
        needed: u64,
        /// Bytes that may be written.
        free: u64,
    },
    /// The output is one of the inputs.
    #[error(
        "the output {} is {role}: choose another folder, the inputs are read while the output is \
         written", .out.display()
    )]
    OutputIsInput {
        /// The path given.
        out: PathBuf,
        /// Which of the inputs.
        role: String,
    },
    /// A file beside the weights cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    SideFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The tokenizer's folder holds no tokenizer.
    #[error(
        "`tokenizer_source`: {} holds no tokenizer (such as tokenizer.json)", .path.display()
    )]
    NoTokenizer {
        /// The folder.
        path: PathBuf,
    },
    /// The output cannot be written.
    #[error(transparent)]
    Write(Box<WriteError>),
    /// [`Options::interrupt`](crate::Options::interrupt) was raised.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

impl From<LookupError> for MergeError {
    fn from(error: LookupError) -> Self {
        MergeError::Method(Box::new(error))
    }
}

impl From<WriteError> for MergeError {
    fn from(error: WriteError) -> Self {
        MergeError::Write(Box::new(error))
    }
}

/// A tensor that cannot be merged, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorProblem {
    /// Its name.
    pub tensor: String,
    /// Why, in a clause.
    pub reason: String,
}

/// Problems that a message shows.
const SHOWN: usize = 8;

fn tensors(count: usize) -> String {
    match count {
        1 => "1 tensor".to_owned(),
        n => format!("{n} tensors"),
    }
}

fn list(problems: &[TensorProblem]) -> String {
    let mut text = String::new();
    for problem in problems.iter().take(SHOWN) {
        text.push_str(&format!("\n  {}: {}", problem.tensor, problem.reason));
    }
    if problems.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", problems.len() - SHOWN));
    }
    text
}

fn mebibytes(bytes: &u64) -> String {
    format!("{:.0} MiB", *bytes as f64 / f64::from(1 << 20))
}

fn at(tensor: &Option<String>) -> String {
    match tensor {
        Some(tensor) => format!(" on tensor `{tensor}`"),
        None => String::new(),
    }
}
