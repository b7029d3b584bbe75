//! Decoder language models on burn: load, score, generate, fine-tune.
//!
//! [`LanguageModel::open`] reads a Hugging Face folder. [`LanguageModel::generate`] continues
//! prompts, [`LanguageModel::score`] says how likely texts are, and [`LanguageModel::train`]
//! fine-tunes: on the CPU or, by cargo feature, on Nvidia or Vulkan GPUs.
//!
//! On the CPU the same input and seed give the same bytes, whatever the number of threads and the
//! size of the batches that texts are generated and scored in.
#![forbid(unsafe_code)]

mod adapter;
mod atomic;
mod config;
mod decoder;
mod device;
mod error;
mod frame;
mod generate;
mod gradient;
mod kernels;
mod likelihood;
mod model;
mod parameters;
#[cfg(all(test, feature = "flex"))]
mod parity;
mod prefix;
mod random;
mod rope;
mod sampling;
mod score;
mod tokenizer;
mod train;

pub use adapter::LoraOptions;
pub use config::{ARCHITECTURES, Activation, Family, ModelConfig, RopeConfig, RopeScaling};
pub use device::Device;
pub use error::{ModelError, Result};
pub use generate::{Finish, GenerateOptions, Generation};
pub use likelihood::{TextScore, Windows};
pub use model::LanguageModel;
pub use sampling::Sampling;
pub use score::Score;
pub use tokenizer::{ChatMessage, TokenPair, Tokenizer, after_examples, train_bpe};

pub use train::{
    Dataset, Grouping, LoraWeights, Precision, Progress, Schedule, SnapshotOptions, TrainOptions,
    TrainReport, Trained,
};
