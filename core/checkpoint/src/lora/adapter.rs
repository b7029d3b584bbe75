//! Reading a PEFT folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::config::Scaling;
use super::{AdapterError, LoraConfig};
use crate::{Checkpoint, TensorView};

/// The low-rank update of one module: `scaling * B A`.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraModule {
    /// Name of the module in the model, such as `model.layers.0.self_attn.q_proj`.
    pub module: String,
    /// Whether the module is an embedding, whose weight is (inputs, outputs): the update is then
    /// the transpose of B A.
    pub embedding: bool,
    /// Columns of B, rows of A.
    pub rank: usize,
    /// Columns of A: input features, or size of the vocabulary.
    pub inputs: usize,
    /// Rows of B: output features.
    pub outputs: usize,
    /// A, shape (rank, inputs), row-major.
    pub a: Vec<f32>,
    /// B, shape (outputs, rank), row-major.
    pub b: Vec<f32>,
}

/// A LoRA adapter in the folder format of PEFT: `adapter_config.json` and
/// `adapter_model.safetensors`.
#[derive(Debug)]
pub struct LoraAdapter {
    dir: PathBuf,
    config: LoraConfig,
    /// Sorted by name.
    modules: Vec<LoraModule>,
    /// In the order of `modules`.
    scalings: Vec<f64>,
    /// From the name of a base tensor to that of the adapter's tensor that takes its place.
    replaced: BTreeMap<String, String>,
    weights: Checkpoint,
}

impl LoraAdapter {
    /// Reads and checks the adapter in `dir`.
    ///
    /// # Errors
    /// When the folder is no PEFT folder, uses a variant of LoRA that is more than `W + s B A`
    /// (DoRA, trained biases, changed bases and others), or its matrices do not go together.
    pub fn open(dir: impl AsRef<Path>) -> Result<LoraAdapter, AdapterError> {
        let dir = dir.as_ref();
        let not = |reason: &str| AdapterError::NotAnAdapter {
            dir: dir.to_owned(),
            reason: reason.to_owned(),
        };
        let config_path = dir.join("adapter_config.json");
        if !config_path.is_file() {
            return Err(not("it has no adapter_config.json"));
        }
        let config = LoraConfig::read(&config_path)?;
        let path = dir.join("adapter_model.safetensors");
        if !path.is_file() {
            return Err(not(if dir.join("adapter_model.bin").is_file() {
                "its weights are a PyTorch pickle (adapter_model.bin); load it with PEFT and save \
                 it again"
            } else {
                "it has no adapter_model.safetensors; download it again"
            }));
        }
        let weights = Checkpoint::open(&path)?;
        let mut replaced = BTreeMap::new();
        let mut pairs: BTreeMap<(String, bool), Pair<'_>> = BTreeMap::new();
        for view in weights.tensors() {
            match Role::of(view.name) {
                Some(Role::Matrix {
                    module,
                    embedding,
                    is_b,
                }) => {
                    let pair = pairs.entry((module, embedding)).or_default();
                    let place = if is_b { &mut pair.b } else { &mut pair.a };
                    if let Some(first) = place.replace(view) {
                        let reason = format!("it is the same matrix as {:?}", first.name);
                        return Err(bad_tensor(&path, view.name, reason));
                    }
                }
                Some(Role::Whole { tensor }) => {
                    replaced.insert(tensor, view.name.to_owned());
                }
                None => {
                    let reason = "it is no part of a plain LoRA adapter (expected names such as \
                                  base_model.model.MODULE.lora_A.weight)";
                    return Err(bad_tensor(&path, view.name, reason.to_owned()));
                }
            }
        }
        let scaling = Scaling::new(&config, &config_path)?;
        let mut modules = Vec::with_capacity(pairs.len());
        for ((module, embedding), pair) in pairs {
            let rank = scaling.rank(&module);
            modules.push(pair.into_module(&path, module, embedding, rank)?);
        }
        if modules.is_empty() && replaced.is_empty() {
            return Err(not("its adapter_model.safetensors is empty"));
        }
        let scalings = modules
            .iter()
            .map(|module| scaling.scaling(&module.module))
            .collect();
        Ok(LoraAdapter {
            dir: dir.to_owned(),
            config,
            modules,
            scalings,
            replaced,
            weights,
        })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The configuration.
    pub fn config(&self) -> &LoraConfig {
        &self.config
    }

    /// The low-rank updates with their scaling, sorted by module.
    pub fn modules(&self) -> impl ExactSizeIterator<Item = (&LoraModule, f64)> {
        self.modules.iter().zip(self.scalings.iter().copied())
    }

    /// Tensors stored whole (PEFT's `modules_to_save`): the base's tensor name and the tensor
    /// that takes its place.
    pub fn replaced(&self) -> impl Iterator<Item = (&str, TensorView<'_>)> {
        let pairs = self.replaced.iter();
        pairs.filter_map(|(base, own)| Some((base.as_str(), self.weights.tensor(own).ok()?)))
    }

    /// The adapter's weights file.
    pub fn weights(&self) -> &Checkpoint {
        &self.weights
    }
}

fn bad_tensor(path: &Path, tensor: &str, reason: String) -> AdapterError {
    AdapterError::BadTensor {
        path: path.to_owned(),
        tensor: tensor.to_owned(),
        reason,
    }
}

/// What a tensor of the adapter is, by its name.
enum Role {
    Matrix {
        module: String,
        embedding: bool,
        is_b: bool,
    },
    Whole {
        tensor: String,
    },
}

impl Role {
    fn of(name: &str) -> Option<Role> {
        let name = name.strip_prefix("base_model.model.")?;
        // An adapter in use carries its own name, `default` unless chosen, after the matrix's.
        for (marker, embedding, is_b, endings) in [
            (".lora_A", false, false, [".weight", ".default.weight"]),
            (".lora_B", false, true, [".weight", ".default.weight"]),
            (".lora_embedding_A", true, false, ["", ".default"]),
            (".lora_embedding_B", true, true, ["", ".default"]),
        ] {
            for ending in endings {
                let module = name
                    .strip_suffix(ending)
                    .and_then(|rest| rest.strip_suffix(marker));
                if let Some(module) = module {
                    return Some(Role::Matrix {
                        module: module.to_owned(),
                        embedding,
                        is_b,
                    });
                }
            }
        }
        if name.contains(".lora_") {
            return None;
        }
        // PEFT stores an adapted embedding whole too, under the name inside its wrapper.
        let tensor = name
            .replace(".base_layer.", ".")
            .replace(".modules_to_save.default.", ".")
            .replace(".modules_to_save.", ".");
        Some(Role::Whole { tensor })
    }
}

#[derive(Default)]
struct Pair<'a> {
    a: Option<TensorView<'a>>,
    b: Option<TensorView<'a>>,
}

impl Pair<'_> {
    fn into_module(
        self,
        path: &Path,
        module: String,
        embedding: bool,
        rank: usize,
    ) -> Result<LoraModule, AdapterError> {
        let (a, b) = match (self.a, self.b) {
            (Some(a), Some(b)) => (a, b),
            (Some(alone), None) | (None, Some(alone)) => {
                let reason = "its other half (A or B) is missing; download the adapter again";
                return Err(bad_tensor(path, alone.name, reason.to_owned()));
            }
            // A pair is made by the first matrix put into it.
            (None, None) => return Err(bad_tensor(path, &module, "no matrices".to_owned())),
        };
        let ([a_rank, inputs], [outputs, b_rank]) = (a.shape, b.shape) else {
            let wrong = if a.shape.len() == 2 { b } else { a };
            let reason = format!(
                "it has shape {:?}; only adapters of linear layers and embeddings (two dimensions) \
                 are read",
                wrong.shape
            );
            return Err(bad_tensor(path, wrong.name, reason));
        };
        for (view, found) in [(a, *a_rank), (b, *b_rank)] {
            if found != rank {
                let reason = format!(
                    "its shape {:?} is of rank {found}, adapter_config.json says {rank}; \
                     configuration and weights are not of one adapter",
                    view.shape
                );
                return Err(bad_tensor(path, view.name, reason));
            }
        }
        Ok(LoraModule {
            module,
            embedding,
            rank,
            inputs: *inputs,
            outputs: *outputs,
            a: a.to_f32()?,
            b: b.to_f32()?,
        })
    }
}
