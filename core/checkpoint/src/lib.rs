//! Language-model checkpoints on disk: safetensors files, shards, LoRA adapters, Hugging Face
//! folders.
//!
//! - [`Checkpoint`] memory-maps a folder or a file and checks every header before any value is
//!   read; [`TensorView`] reads values as `f32` whatever they are stored as.
//! - [`TensorSource`] is what a merge reads from: a [`Checkpoint`], or a checkpoint with a
//!   [`LoraAdapter`] added on the fly ([`WithAdapter`]).
//! - [`Tokenizer`] reads vocabularies and joins them; [`Aligned`] is a source whose embeddings are in
//!   the order of another vocabulary.
//! - [`CheckpointWriter`] writes from many threads to a temporary folder that takes its final
//!   name only when whole and checked.
//! - [`Summary`] says what a checkpoint is, [`Difference`] what differs between two.
//! - [`import_gguf`] turns llama.cpp's [`GgufFile`] into a Hugging Face folder.
//!
//! ```
//! use mergelab_checkpoint::{Checkpoint, CheckpointWriter, DType, TensorSpec, WriterOptions};
//!
//! let dir = tempfile::tempdir()?;
//! let out = dir.path().join("model");
//! let specs = vec![TensorSpec::new("weight", DType::BF16, [2, 2])];
//! let writer = CheckpointWriter::create(&out, specs, WriterOptions::default())?;
//! writer.write_f32(0, 0, &[1.0, 2.0, 3.0, 4.0])?;
//! writer.finish(&[])?;
//!
//! let checkpoint = Checkpoint::open(&out)?;
//! assert_eq!(checkpoint.tensor("weight")?.to_f32()?, [1.0, 2.0, 3.0, 4.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Memory mapping is the one exception, see `Mapped::open`.
#![deny(unsafe_code)]

mod checkpoint;
mod convert;
mod difference;
mod dtype;
mod error;
mod finite;
mod gguf;
mod hash;
mod header;
mod layout;
mod lora;
mod side_files;
mod source;
mod summary;
mod tensor_view;
mod tokenizer;
mod writer;

pub use checkpoint::Checkpoint;
pub use convert::{ConvertError, decode_f32, encode_f32, round_f32};
pub use difference::{ConfigChange, Difference, ShapeChange, TensorChange};
pub use dtype::{DType, UnknownDType};
pub use error::CheckpointError;
pub use finite::{NonFinite, validate_finite};
pub use gguf::{
    GgmlType, GgufError, GgufFile, GgufTensor, ImportOptions, Imported, Metadata,
    Value as GgufValue, import_gguf,
};
pub use hash::content_hash;
pub use lora::{AdapterError, LoraAdapter, LoraConfig, LoraModule, TargetModules, WithAdapter};
pub use side_files::{SIDE_FILES, copy_side_files, set_torch_dtype};
pub use source::{LowRankUpdate, TensorInfo, TensorSource};
pub use summary::{FileSummary, Stored, Summary, TokenizerSummary};
pub use tensor_view::TensorView;
pub use tokenizer::{AlignError, Aligned, Row, Tokenizer, TokenizerError};
pub use writer::{
    ARTIFACTS, CheckpointWriter, ExtraFile, TensorSpec, WriteError, WriterOptions, Written,
};
