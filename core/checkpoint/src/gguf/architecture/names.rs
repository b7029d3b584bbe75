//! ggml's tensor names to Hugging Face's.

use super::Architecture;

/// What becomes of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is a tensor of the Hugging Face model.
    Tensor {
        /// Its name there.
        name: String,
        /// How its values differ.
        change: Change,
    },
    /// It is a table that the configuration describes: factors of the rotary angles.
    Table,
}

/// How the values in a GGUF file differ from those of the Hugging Face model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Not at all.
    None,
    /// GGUF has one more.
    OneMore,
    /// The rows of each query head are interleaved.
    InterleavedQuery,
    /// The rows of each key head are interleaved.
    InterleavedKey,
}

/// The role of the tensor of that name; `None` where the architecture has no such tensor.
pub(crate) fn role(architecture: Architecture, name: &str) -> Option<Role> {
    let plain = |name: &str| Role::Tensor {
        name: name.to_owned(),
        change: Change::None,
    };
    match name {
        "token_embd.weight" => return Some(plain("model.embed_tokens.weight")),
        "output.weight" => return Some(plain("lm_head.weight")),
        "output_norm.weight" => {
            return Some(Role::Tensor {
                name: "model.norm.weight".to_owned(),
                change: norm(architecture),
            });
        }
        "rope_freqs.weight" | "rope_factors_long.weight" | "rope_factors_short.weight" => {
            return Some(Role::Table);
        }
        _ => {}
    }
    let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    let layer: u32 = layer.parse().ok()?;
    let (part, kind) = rest.rsplit_once('.')?;
    if !matches!(kind, "weight" | "bias") {
        return None;
    }
    let interleaved = architecture.interleaves_rotary_features();
    let (part, change) = match part {
        "attn_q" if interleaved => ("self_attn.q_proj", Change::InterleavedQuery),
        "attn_k" if interleaved => ("self_attn.k_proj", Change::InterleavedKey),
        _ => (
            within_layer(architecture, part)?,
            if part.ends_with("norm") {
                norm(architecture)
            } else {
                Change::None
            },
        ),
    };
    Some(Role::Tensor {
        name: format!("model.layers.{layer}.{part}.{kind}"),
        change,
    })
}

fn norm(architecture: Architecture) -> Change {
    if architecture.norms_add_one() {
        Change::OneMore
    } else {
        Change::None
    }
}

fn within_layer(architecture: Architecture, part: &str) -> Option<&'static str> {
    let four_norms = architecture.has_four_norms();
    let fused = architecture == Architecture::Phi3;
    let head_norms = matches!(architecture, Architecture::Qwen3 | Architecture::Gemma3);
    Some(match part {
        "attn_norm" => "input_layernorm",
        "attn_qkv" if fused => "self_attn.qkv_proj",
        "attn_q" if !fused => "self_attn.q_proj",
        "attn_k" if !fused => "self_attn.k_proj",
        "attn_v" if !fused => "self_attn.v_proj",
        "attn_q_norm" if head_norms => "self_attn.q_norm",
        "attn_k_norm" if head_norms => "self_attn.k_norm",
        "attn_output" => "self_attn.o_proj",
        "post_attention_norm" if four_norms => "post_attention_layernorm",
        "ffn_norm" if four_norms => "pre_feedforward_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "post_ffw_norm" if four_norms => "post_feedforward_layernorm",
        "ffn_up" if fused => "mlp.gate_up_proj",
        "ffn_gate" if !fused => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_changes_are_those_of_each_architecture() {
        use Architecture::*;
        let of = |architecture, name| match role(architecture, name) {
            Some(Role::Tensor { name, change }) => format!("{name} {change:?}"),
            other => format!("{other:?}"),
        };
        for (architecture, name, wanted) in [
            (Llama, "token_embd.weight", "model.embed_tokens.weight None"),
            (
                Llama,
                "blk.10.attn_q.weight",
                "model.layers.10.self_attn.q_proj.weight InterleavedQuery",
            ),
            (
                Qwen2,
                "blk.0.attn_k.bias",
                "model.layers.0.self_attn.k_proj.bias None",
            ),
            (
                Qwen3,
                "blk.0.ffn_norm.weight",
                "model.layers.0.post_attention_layernorm.weight None",
            ),
            (
                Gemma3,
                "blk.0.ffn_norm.weight",
                "model.layers.0.pre_feedforward_layernorm.weight OneMore",
            ),
            (
                Gemma3,
                "blk.0.attn_q_norm.weight",
                "model.layers.0.self_attn.q_norm.weight OneMore",
            ),
            (Gemma, "output_norm.weight", "model.norm.weight OneMore"),
            (
                Phi3,
                "blk.3.ffn_up.weight",
                "model.layers.3.mlp.gate_up_proj.weight None",
            ),
            (Llama, "rope_freqs.weight", "Some(Table)"),
            (Llama, "blk.0.ffn_gate_exps.weight", "None"),
            (Llama, "blk.x.attn_q.weight", "None"),
            (Gemma, "blk.0.post_ffw_norm.weight", "None"),
            (Llama, "blk.0.attn_q.scales", "None"),
        ] {
            assert_eq!(of(architecture, name), wanted);
        }
    }
}
