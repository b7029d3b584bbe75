//! LoRA adapters (Hu et al. 2021, <https://arxiv.org/abs/2106.09685>) in the folder format of
//! PEFT.

mod adapter;
mod config;
mod error;
mod with_adapter;
mod write;

pub use adapter::{LoraAdapter, LoraModule};
pub use config::{LoraConfig, TargetModules};
pub use error::AdapterError;
pub use with_adapter::WithAdapter;

#[cfg(test)]
mod tests;
