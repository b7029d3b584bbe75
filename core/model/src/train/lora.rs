//! Trained low-rank updates, to be saved.

use std::path::Path;

use mergelab_checkpoint::{
    DType, LoraAdapter, LoraConfig, LoraModule, TargetModules, WriterOptions,
};

use crate::adapter::{Adapters, LoraOptions};
use crate::config::ModelConfig;
use crate::error::Result;
use crate::kernels::{Kernels, host};
use crate::parameters::specs;

/// The low-rank updates that a training run made.
#[derive(Clone, Debug)]
pub struct LoraWeights {
    options: LoraOptions,
    modules: Vec<LoraModule>,
}

impl LoraWeights {
    pub(super) fn new<B: Kernels>(
        config: &ModelConfig,
        options: &LoraOptions,
        adapters: &Adapters<B>,
    ) -> Self {
        let specs = specs(config);
        let modules = adapters
            .iter()
            .map(|(parameter, adapter)| LoraModule {
                module: specs[parameter].module().to_owned(),
                rank: options.rank,
                inputs: specs[parameter].shape[1],
                outputs: specs[parameter].shape[0],
                a: host(adapter.a.clone()),
                b: host(adapter.b.clone()),
                embedding: false,
            })
            .collect();
        Self {
            options: options.clone(),
            modules,
        }
    }

    /// Saves the updates as a folder that PEFT and `mergelab` load on top of the base model.
    ///
    /// # Errors
    /// If the folder exists, a weight is not finite, or the disk refuses.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let config = LoraConfig {
            r: self.options.rank,
            lora_alpha: self.options.alpha,
            lora_dropout: self.options.dropout,
            use_rslora: self.options.rs_lora,
            fan_in_fan_out: false,
            target_modules: TargetModules::Names(self.options.targets.clone()),
            rank_pattern: Vec::new(),
            alpha_pattern: Vec::new(),
            modules_to_save: Vec::new(),
            task_type: Some("CAUSAL_LM".into()),
            base_model: None,
        };
        LoraAdapter::write(
            folder,
            &config,
            &self.modules,
            DType::F32,
            WriterOptions::default(),
        )?;
        Ok(())
    }
}
