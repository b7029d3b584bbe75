//! The architectures that are imported: what each one's Hugging Face model calls its tensors, how
//! their values differ, and its `config.json`.

mod config;
mod names;
mod rope;

pub(super) use config::{Sizes, config, sizes};
pub(super) use names::{Change, Role, role};

use super::{GgufError, GgufFile};

/// A model family, by `general.architecture`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Architecture {
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
    Gemma,
    Gemma2,
    Gemma3,
    Phi3,
}

impl Architecture {
    const ALL: [Architecture; 8] = [
        Architecture::Llama,
        Architecture::Mistral,
        Architecture::Qwen2,
        Architecture::Qwen3,
        Architecture::Gemma,
        Architecture::Gemma2,
        Architecture::Gemma3,
        Architecture::Phi3,
    ];

    /// The architecture of a file.
    pub(super) fn of(file: &GgufFile) -> Result<Architecture, GgufError> {
        let name = file.architecture()?;
        let found = Self::ALL.into_iter().find(|known| known.name() == name);
        found.ok_or_else(|| {
            let nearest = Self::ALL
                .map(|known| (strsim::jaro_winkler(known.name(), name), known.name()))
                .into_iter()
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|(score, _)| *score > 0.8);
            GgufError::Architecture {
                path: file.path().to_owned(),
                name: name.to_owned(),
                known: Self::ALL.map(Architecture::name).join(", "),
                suggestion: nearest.map_or(String::new(), |(_, nearest)| {
                    format!("; the nearest is {nearest:?}, which computes something else")
                }),
            }
        })
    }

    /// As GGUF writes it; the prefix of the architecture's keys too.
    pub(super) fn name(self) -> &'static str {
        match self {
            Architecture::Llama => "llama",
            Architecture::Mistral => "mistral",
            Architecture::Qwen2 => "qwen2",
            Architecture::Qwen3 => "qwen3",
            Architecture::Gemma => "gemma",
            Architecture::Gemma2 => "gemma2",
            Architecture::Gemma3 => "gemma3",
            Architecture::Phi3 => "phi3",
        }
    }

    /// Hugging Face's class and `model_type`.
    pub(super) fn classes(self) -> (&'static str, &'static str) {
        match self {
            Architecture::Llama => ("LlamaForCausalLM", "llama"),
            Architecture::Mistral => ("MistralForCausalLM", "mistral"),
            Architecture::Qwen2 => ("Qwen2ForCausalLM", "qwen2"),
            Architecture::Qwen3 => ("Qwen3ForCausalLM", "qwen3"),
            Architecture::Gemma => ("GemmaForCausalLM", "gemma"),
            Architecture::Gemma2 => ("Gemma2ForCausalLM", "gemma2"),
            Architecture::Gemma3 => ("Gemma3ForCausalLM", "gemma3_text"),
            Architecture::Phi3 => ("Phi3ForCausalLM", "phi3"),
        }
    }

    /// Whether llama.cpp rotates neighbouring features, for which its converter reorders the rows
    /// of the query and key projections.
    fn interleaves_rotary_features(self) -> bool {
        matches!(self, Architecture::Llama | Architecture::Mistral)
    }

    /// Whether the norms multiply by `1 + weight`; GGUF stores the sum.
    fn norms_add_one(self) -> bool {
        self.is_gemma()
    }

    fn is_gemma(self) -> bool {
        matches!(
            self,
            Architecture::Gemma | Architecture::Gemma2 | Architecture::Gemma3
        )
    }

    /// Whether a layer has norms before and after both its parts, where others have one before
    /// each.
    fn has_four_norms(self) -> bool {
        matches!(self, Architecture::Gemma2 | Architecture::Gemma3)
    }
}
