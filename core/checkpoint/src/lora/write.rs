//! Writing a folder that PEFT loads.

use std::path::Path;

use super::config::Scaling;
use super::{AdapterError, LoraAdapter, LoraConfig, LoraModule, TargetModules};
use crate::{CheckpointWriter, DType, ExtraFile, TensorSpec, WriterOptions, Written};

impl LoraAdapter {
    /// Writes `modules` with `config` as an adapter folder, stored as `dtype` (PEFT's usual is
    /// F32). Of the options, shard size has no effect: an adapter is one file.
    ///
    /// Where `config.target_modules` is an empty list, the names of the modules are put there.
    ///
    /// # Errors
    /// When a module's matrices are not of its shape or not of the configured rank, the
    /// configuration names modules stored whole, or writing fails.
    pub fn write(
        dir: impl AsRef<Path>,
        config: &LoraConfig,
        modules: &[LoraModule],
        dtype: DType,
        options: WriterOptions,
    ) -> Result<Written, AdapterError> {
        let dir = dir.as_ref();
        let config_path = dir.join("adapter_config.json");
        let mut config = config.clone();
        if !config.modules_to_save.is_empty() {
            return Err(AdapterError::BadConfig {
                path: config_path,
                reason: "`modules_to_save` must be empty: modules are not written whole".to_owned(),
            });
        }
        let scaling = Scaling::new(&config, &config_path)?;
        let mut specs = Vec::with_capacity(modules.len() * 2);
        for module in modules {
            check(dir, module, scaling.rank(&module.module))?;
            let (kind, ending) = match module.embedding {
                true => ("lora_embedding", ""),
                false => ("lora", ".weight"),
            };
            let name = |half| format!("base_model.model.{}.{kind}_{half}{ending}", module.module);
            specs.push(TensorSpec::new(
                name('A'),
                dtype,
                [module.rank, module.inputs],
            ));
            specs.push(TensorSpec::new(
                name('B'),
                dtype,
                [module.outputs, module.rank],
            ));
        }
        if config.target_modules == TargetModules::Names(Vec::new()) {
            let names = modules.iter().map(|module| module.module.clone()).collect();
            config.target_modules = TargetModules::Names(names);
        }
        let options = WriterOptions {
            max_shard_bytes: u64::MAX,
            ..options
        };
        let writer = CheckpointWriter::create_with_stem(dir, specs, options, "adapter_model")?;
        for (i, module) in modules.iter().enumerate() {
            writer.write_f32(2 * i, 0, &module.a)?;
            writer.write_f32(2 * i + 1, 0, &module.b)?;
        }
        let json = format!("{:#}\n", config.to_json());
        Ok(writer.finish(&[ExtraFile::new("adapter_config.json", json)])?)
    }
}

fn check(dir: &Path, module: &LoraModule, rank: usize) -> Result<(), AdapterError> {
    let LoraModule {
        inputs,
        outputs,
        ref a,
        ref b,
        ..
    } = *module;
    let wrong = if module.rank != rank {
        format!("its rank is {}, the configuration says {rank}", module.rank)
    } else if Some(a.len()) != inputs.checked_mul(rank) {
        format!("A has {} values, not {rank} x {inputs}", a.len())
    } else if Some(b.len()) != outputs.checked_mul(rank) {
        format!("B has {} values, not {outputs} x {rank}", b.len())
    } else {
        return Ok(());
    };
    Err(AdapterError::BadTensor {
        path: dir.join("adapter_model.safetensors"),
        tensor: module.module.clone(),
        reason: wrong,
    })
}
