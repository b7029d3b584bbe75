//! What can go wrong while a graph is evaluated.

use mergelab_abi::PluginError;
use mergelab_abi::ops::Node;

/// Why a source could not be read, in its own words.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Why a sink could not take elements, in its own words.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Why a node could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A node that this session has not recorded.
    #[error("node {node} does not exist: this session has recorded {recorded} nodes")]
    UnknownNode {
        /// What was asked for.
        node: Node,
        /// How many there are.
        recorded: usize,
    },
    /// An input could not be read.
    #[error("cannot read {tensor}: {source}")]
    Source {
        /// [`crate::Source::describe`] of the input.
        tensor: String,
        /// What the source said.
        source: SourceError,
    },
    /// The result could not be written.
    #[error("cannot write elements from {offset}: {source}")]
    Sink {
        /// First element that was not written.
        offset: usize,
        /// What the sink said.
        source: SinkError,
    },
    /// An order statistic of more elements than its counters hold.
    #[error(
        "`{operation}` of {elements} elements: at most {} can be ranked",
        u32::MAX
    )]
    TooLarge {
        /// The operation.
        operation: &'static str,
        /// Elements of its input.
        elements: usize,
    },
    /// The device of [`crate::Options::evaluator`] failed.
    #[error("cannot compute on the device `{device}`: {problem}")]
    Device {
        /// [`crate::Evaluator::name`] of the evaluator.
        device: String,
        /// What it said.
        problem: String,
    },
    /// A row is ranked as a whole and takes more memory than an evaluation may.
    #[error(
        "`{operation}` ranks rows of {row} elements, for which an evaluation must be given {needed} \
         bytes of memory; it has {memory}"
    )]
    Memory {
        /// Name of the operation.
        operation: &'static str,
        /// Elements of a row.
        row: usize,
        /// Bytes.
        needed: u64,
        /// Bytes.
        memory: u64,
    },
    /// A decomposition of a matrix that has none.
    #[error("cannot compute `{operation}` of a matrix of shape {shape:?}: {problem}")]
    Decomposition {
        /// The operation.
        operation: &'static str,
        /// Shape of its input.
        shape: Vec<usize>,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The flag in [`crate::Options::interrupt`] was raised.
    #[error("interrupted")]
    Interrupted,
}

impl From<Error> for PluginError {
    fn from(error: Error) -> Self {
        match error {
            Error::UnknownNode { .. } | Error::TooLarge { .. } | Error::Decomposition { .. } => {
                PluginError::input(error.to_string())
            }
            _ => PluginError::failed(error.to_string()),
        }
    }
}
