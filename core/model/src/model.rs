//! A model in memory: opened from a folder or made anew, and saved.

use std::path::Path;

use burn::Dispatch;
#[cfg(feature = "flex")]
use burn::backend::Flex;
use mergelab_checkpoint::{
    Checkpoint, CheckpointWriter, DType, ExtraFile, LoraAdapter, TensorSource, TensorSpec,
    WithAdapter, WriterOptions, set_torch_dtype,
};
use serde_json::Value;

use crate::config::{ModelConfig, token_ids};
use crate::decoder::Decoder;
use crate::device::Device;
use crate::error::{ModelError, Result};
use crate::kernels::{Kernels, host};
use crate::parameters::{ParameterSpec, initial, specs, upload};
use crate::tokenizer::Tokenizer;

/// A decoder on its device.
#[derive(Clone, Debug)]
pub(crate) enum AnyDecoder {
    /// On the CPU, with its own kernels.
    #[cfg(feature = "flex")]
    Flex(Decoder<Flex>),
    /// On any other device.
    Dispatch(Decoder<Dispatch>),
}

/// Runs an expression with the decoder on its device, whatever that is.
macro_rules! with_decoder {
    ($any:expr, $decoder:ident => $body:expr) => {
        match $any {
            #[cfg(feature = "flex")]
            $crate::model::AnyDecoder::Flex($decoder) => $body,
            $crate::model::AnyDecoder::Dispatch($decoder) => $body,
        }
    };
}
pub(crate) use with_decoder;

/// A decoder language model with its tokenizer.
///
/// ```no_run
/// use mergelab_model::{Device, GenerateOptions, LanguageModel};
/// let model = LanguageModel::open("models/expert-de".as_ref(), "cpu".parse()?)?;
/// let texts = model.generate(&["Der Hund"], &GenerateOptions::default())?;
/// println!("{}", texts[0].text);
/// # Ok::<(), mergelab_model::ModelError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LanguageModel {
    pub(crate) decoder: AnyDecoder,
    tokenizer: Option<Tokenizer>,
    config: ModelConfig,
    /// `config.json`, with the keys that do not bear on the computation.
    config_json: Value,
    /// `generation_config.json`, if there is one.
    generation_config: Option<ExtraFile>,
    device: Device,
}

impl LanguageModel {
    /// Opens a Hugging Face folder: `config.json`, safetensors in any float format, and
    /// `tokenizer.json` if there is one.
    ///
    /// # Errors
    /// If the config is not of a supported model, or a tensor is missing, has another shape than
    /// the config says, or cannot be read.
    pub fn open(folder: &Path, device: Device) -> Result<Self> {
        Self::from_source(&Checkpoint::open(folder)?, folder, device)
    }

    /// Opens a model's folder with the low-rank adapter in another folder, as PEFT and
    /// [`LoraWeights::save`](crate::LoraWeights::save) write it, merged into its weights.
    ///
    /// # Errors
    /// As [`open`](Self::open), or if the adapter is not plain LoRA or does not fit the model.
    pub fn open_with_adapter(folder: &Path, adapter: &Path, device: Device) -> Result<Self> {
        let adapter = LoraAdapter::open(adapter)?;
        let source = WithAdapter::new(Checkpoint::open(folder)?, adapter)?;
        Self::from_source(&source, folder, device)
    }

    fn from_source(source: &impl TensorSource, folder: &Path, device: Device) -> Result<Self> {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(ModelError::io(&path))?;
        let json = serde_json::from_str(&text).map_err(|error| ModelError::Config {
            path: path.clone(),
            reason: format!("is not JSON: {error}"),
        })?;
        let mut config = ModelConfig::from_json(&json, &path)?;
        let generation_config = generation_config(folder, &mut config)?;
        let elements = specs(&config)
            .iter()
            .map(|spec| read(source, spec))
            .collect::<Result<_>>()?;
        let tokenizer = match folder.join("tokenizer.json").is_file() {
            true => Some(Tokenizer::open(folder)?),
            false => None,
        };
        let mut model = Self::assemble(config, json, elements, tokenizer, device)?;
        model.generation_config = generation_config;
        Ok(model)
    }

    /// A new model with random weights. The same config and seed give the same weights.
    ///
    /// The config's end token is set from the tokenizer where it has none.
    ///
    /// # Errors
    /// If the config is not possible, or has no room for the tokenizer's vocabulary.
    pub fn init(
        mut config: ModelConfig,
        tokenizer: Option<Tokenizer>,
        seed: u64,
        device: Device,
    ) -> Result<Self> {
        config.validate()?;
        if let Some(tokenizer) = &tokenizer {
            config.bos_token_id = config.bos_token_id.or(tokenizer.bos());
            if config.eos_token_ids.is_empty() {
                config.eos_token_ids.extend(tokenizer.eos());
            }
        }
        let elements = initial(&config, seed);
        let json = config.to_json();
        Self::assemble(config, json, elements, tokenizer, device)
    }

    fn assemble(
        config: ModelConfig,
        config_json: Value,
        elements: Vec<Vec<f32>>,
        tokenizer: Option<Tokenizer>,
        device: Device,
    ) -> Result<Self> {
        if let Some(tokenizer) = &tokenizer
            && tokenizer.vocab_size() > config.vocab_size
        {
            return Err(ModelError::Tokenizer(format!(
                "it has {} tokens, but the model's `vocab_size` is {}; the tokenizer belongs to \
                 another model",
                tokenizer.vocab_size(),
                config.vocab_size
            )));
        }
        let decoder = match device {
            #[cfg(feature = "flex")]
            Device::Flex => AnyDecoder::Flex(decoder(&config, elements, Default::default())),
            #[allow(unreachable_patterns)]
            other => AnyDecoder::Dispatch(decoder(&config, elements, other.dispatch())),
        };
        Ok(Self {
            decoder,
            tokenizer,
            config,
            config_json,
            generation_config: None,
            device,
        })
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The device that the model is on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// If the model's folder has none.
    pub fn tokenizer(&self) -> Result<&Tokenizer> {
        self.tokenizer.as_ref().ok_or_else(|| {
            ModelError::Tokenizer(
                "the model's folder has no tokenizer.json; put the tokenizer's files there".into(),
            )
        })
    }

    /// Tokens that end a text, the one that training puts there first: that which ends the
    /// assistant's turn where prompts are wrapped as chat, then the config's, else the tokenizer's.
    pub fn eos_ids(&self) -> Vec<u32> {
        let tokenizer = self.tokenizer.as_ref();
        let mut ids: Vec<u32> = tokenizer
            .and_then(Tokenizer::turn_end)
            .into_iter()
            .collect();
        if self.config.eos_token_ids.is_empty() {
            ids.extend(tokenizer.and_then(Tokenizer::eos));
        } else {
            ids.extend(&self.config.eos_token_ids);
        }
        ids
    }

    /// From now on, prompts are the user's turn of a chat, and answers the assistant's, in
    /// generation, scoring and training: see [`Tokenizer::wrap_prompts_as_chat`].
    ///
    /// # Errors
    /// If the model has no tokenizer or no chat template, or the template cannot be compiled.
    pub fn wrap_prompts_as_chat(&mut self) -> Result<()> {
        self.tokenizer()?;
        match &mut self.tokenizer {
            Some(tokenizer) => tokenizer.wrap_prompts_as_chat(),
            None => Ok(()),
        }
    }

    /// From now on, these prompts with their answers come before every prompt in generation and
    /// scoring: see [`Tokenizer::show_examples`]. Those at the front are left out for a prompt that
    /// does not fit into the context with all of them.
    ///
    /// # Errors
    /// If the model has no tokenizer.
    pub fn show_examples(&mut self, examples: Vec<(String, String)>) -> Result<()> {
        self.tokenizer()?;
        if let Some(tokenizer) = &mut self.tokenizer {
            tokenizer.show_examples(examples);
        }
        Ok(())
    }

    /// Encodes a text after as many of the examples, the last ones, as leave it within `fits`: what
    /// `encode` gives, and how many examples were left out. All of them where it never fits.
    pub(crate) fn after_examples<T>(
        &self,
        encode: impl Fn(&Tokenizer, &[(String, String)]) -> Result<T>,
        fits: impl Fn(&T) -> bool,
    ) -> Result<(T, usize)> {
        let tokenizer = self.tokenizer()?;
        let examples = tokenizer.examples();
        let mut left_out = 0;
        loop {
            let encoded = encode(tokenizer, &examples[left_out..])?;
            if left_out == examples.len() || fits(&encoded) {
                return Ok((encoded, left_out));
            }
            left_out += 1;
        }
    }

    /// Makes generation run to its greatest length, as a reference may.
    #[cfg(test)]
    pub(crate) fn forget_end_tokens(&mut self) {
        self.config.eos_token_ids.clear();
    }

    /// Number of weights, shared ones counted once.
    pub fn parameter_count(&self) -> usize {
        specs(&self.config)
            .iter()
            .map(|spec| spec.shape[0] * spec.shape[1])
            .sum()
    }

    /// Saves weights (as f32), config and tokenizer as a Hugging Face folder, whole or not at all.
    ///
    /// # Errors
    /// If the folder exists, a weight is not finite, or the disk refuses.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let specs = specs(&self.config);
        let stored = specs
            .iter()
            .map(|spec| TensorSpec::new(&spec.name, DType::F32, spec.stored_shape()))
            .collect();
        let writer = CheckpointWriter::create(folder, stored, WriterOptions::default())?;
        with_decoder!(&self.decoder, decoder => {
            for (index, parameter) in decoder.parameters.iter().enumerate() {
                writer.write_f32(index, 0, &host(parameter.clone()))?;
            }
        });
        let mut json = self.config_json.clone();
        set_torch_dtype(&mut json, DType::F32);
        let mut files = vec![ExtraFile::new("config.json", format!("{json:#}\n"))];
        files.extend(self.generation_config.clone());
        if let Some(tokenizer) = &self.tokenizer {
            files.extend_from_slice(tokenizer.files());
        }
        writer.finish(&files)?;
        Ok(())
    }
}

fn decoder<B: Kernels>(
    config: &ModelConfig,
    elements: Vec<Vec<f32>>,
    device: B::Device,
) -> Decoder<B> {
    let parameters = upload(config, elements, &device);
    Decoder::new(config.clone(), parameters, device)
}

/// Reads `generation_config.json`, whose end tokens go before those of `config.json`: chat models
/// often name the one that ends a turn there alone.
fn generation_config(folder: &Path, config: &mut ModelConfig) -> Result<Option<ExtraFile>> {
    let path = folder.join("generation_config.json");
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).map_err(ModelError::io(&path))?;
    let json: Value = serde_json::from_slice(&bytes).map_err(|error| ModelError::Config {
        path: path.clone(),
        reason: format!("is not JSON: {error}"),
    })?;
    let ids = token_ids(json.get("eos_token_id"));
    if !ids.is_empty() {
        config.eos_token_ids = ids;
    }
    Ok(Some(ExtraFile::new("generation_config.json", bytes)))
}

/// A parameter's elements.
fn read(source: &impl TensorSource, spec: &ParameterSpec) -> Result<Vec<f32>> {
    let info = source.info(&spec.name)?;
    let expected = spec.stored_shape();
    if info.shape != expected {
        return Err(ModelError::Tensor {
            path: source.path().to_path_buf(),
            tensor: spec.name.clone(),
            reason: format!(
                "has shape {:?}, but config.json asks for {expected:?}; the two do not belong \
                 together",
                info.shape
            ),
        });
    }
    let mut elements = vec![0.0; info.elements()];
    source.read_f32(&spec.name, 0..elements.len(), &mut elements)?;
    Ok(elements)
}
