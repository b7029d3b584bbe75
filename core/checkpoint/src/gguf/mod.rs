//! GGUF, the file format of llama.cpp: read, and turned into a Hugging Face folder.
//!
//! | module | what it is |
//! |---|---|
//! | `cursor` | numbers and strings, checked against the end of the file |
//! | `metadata` | the key-value pairs in the head |
//! | `file` | the memory-mapped file and its tensors |
//! | `ggml_type`, `blocks` | number formats, and quantised blocks to f32 |
//! | `architecture` | tensor names, changed values and `config.json` of each architecture |
//! | `tokenizer` | `tokenizer.json` and its companions from the metadata |
//! | `import` | all of it to a folder |

mod architecture;
mod blocks;
mod cursor;
mod error;
mod file;
mod ggml_type;
mod import;
mod metadata;
mod tokenizer;

pub use error::GgufError;
pub use file::{GgufFile, GgufTensor};
pub use ggml_type::GgmlType;
pub use import::{ImportOptions, Imported, import_gguf};
pub use metadata::{Metadata, Value};
