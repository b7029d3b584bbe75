//! Tests of configs: what is read, what is refused.

use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn minimal() -> Value {
    serde_json::json!({
        "architectures": ["LlamaForCausalLM"], "vocab_size": 10, "hidden_size": 8,
        "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "eos_token_id": [2, 3], "rope_theta": 5000.0,
    })
}

fn read(value: &Value) -> Result<ModelConfig> {
    ModelConfig::from_json(value, Path::new("config.json"))
}

#[test]
fn fills_in_what_transformers_fills_in() {
    let config = read(&minimal()).unwrap();
    assert_eq!((config.num_key_value_heads, config.head_dim), (2, 4));
    assert_eq!(config.eos_token_ids, [2, 3]);
    assert_eq!(config.rope, RopeConfig::plain(5000.0));
    assert_eq!(read(&config.to_json()).unwrap(), config);
}

#[test]
fn reads_the_newer_rope_parameters() {
    let mut value = minimal();
    value["rope_parameters"] = serde_json::json!({
        "rope_theta": 7.0, "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
    });
    let config = read(&value).unwrap();
    assert_eq!(config.rope.theta, 7.0);
    assert_eq!(
        config.rope.scaling,
        Some(RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 32,
        })
    );
    assert_eq!(read(&config.to_json()).unwrap(), config);
}

#[test]
fn reads_the_old_and_the_new_form_of_gemmas_rotations_alike() {
    let mut value = minimal();
    value["architectures"] = json!(["Gemma3ForCausalLM"]);
    value["num_hidden_layers"] = json!(4);
    value["num_key_value_heads"] = json!(1);
    value["head_dim"] = json!(4);
    let (mut old, mut new) = (value.clone(), value);
    old["rope_theta"] = json!(1e6);
    old["rope_local_base_freq"] = json!(1e4);
    old["rope_scaling"] = json!({"rope_type": "linear", "factor": 8.0});
    old["sliding_window_pattern"] = json!(2);
    new["rope_parameters"] = json!({
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    });
    new["_sliding_window_pattern"] = json!(2);
    let config = read(&old).unwrap();
    assert_eq!(read(&new).unwrap(), config);
    assert_eq!(config.window_layers, [true, false, true, false]);
    assert_eq!(
        config.rope.scaling,
        Some(RopeScaling::Linear { factor: 8.0 })
    );
    assert_eq!(config.window_rope, RopeConfig::plain(1e4));
    // The defaults of Gemma3TextConfig.
    assert_eq!(config.sliding_window, Some(4096));
    assert_eq!(config.attention_scale, 1.0 / 16.0);
    assert!(config.tie_word_embeddings);
    assert_eq!(read(&config.to_json()).unwrap(), config);
}

#[test]
fn reads_which_layers_of_qwen_have_a_window() {
    let mut value = minimal();
    value["architectures"] = json!(["Qwen2ForCausalLM"]);
    value["num_key_value_heads"] = json!(1);
    value["num_hidden_layers"] = json!(3);
    value["sliding_window"] = json!(8);
    value["max_window_layers"] = json!(2);
    let windows = |value: &Value| {
        let config = read(value).unwrap();
        (0..3).map(|layer| config.window(layer)).collect::<Vec<_>>()
    };
    assert_eq!(windows(&value), [None, None, None]);
    value["use_sliding_window"] = json!(true);
    assert_eq!(windows(&value), [None, None, Some(8)]);
    value["layer_types"] = json!(["sliding_attention", "full_attention", "full_attention"]);
    assert_eq!(windows(&value), [Some(8), None, None]);
    value["sliding_window"] = Value::Null;
    assert_eq!(windows(&value), [None, None, None]);
}

#[test]
fn refuses_by_name_what_it_does_not_compute() {
    let gemma = "Gemma3ForCausalLM";
    for (architecture, key, new, expected) in [
        ("GPT2LMHeadModel", "n_head", json!(2), "\"GPT2LMHeadModel\""),
        (
            "LlamaForCausalLM",
            "hidden_act",
            json!("gelu"),
            "`hidden_act` is \"gelu\"",
        ),
        (
            "Qwen2ForCausalLM",
            "mlp_bias",
            json!(true),
            "`mlp_bias` is true, but Qwen2ForCausalLM",
        ),
        (
            "MistralForCausalLM",
            "attention_bias",
            json!(true),
            "`attention_bias` is true",
        ),
        (
            "LlamaForCausalLM",
            "rope_scaling",
            json!({"type": "yarn"}),
            "`rope_scaling.rope_type` is \"yarn\"",
        ),
        (
            "LlamaForCausalLM",
            "rope_scaling",
            json!({"rope_type": "linear", "factor": 0.5}),
            "`factor` must be at least 1",
        ),
        (
            "LlamaForCausalLM",
            "quantization_config",
            json!({"bits": 4}),
            "`quantization_config` is {\"bits\":4}",
        ),
        (
            "LlamaForCausalLM",
            "partial_rotary_factor",
            json!(0.5),
            "`partial_rotary_factor` is 0.5",
        ),
        (
            gemma,
            "final_logit_softcapping",
            json!(30.0),
            "`final_logit_softcapping` is 30.0",
        ),
        (
            gemma,
            "attn_logit_softcapping",
            json!(50.0),
            "`attn_logit_softcapping` is 50.0",
        ),
        (
            gemma,
            "use_bidirectional_attention",
            json!(true),
            "`use_bidirectional_attention` is true",
        ),
        (
            gemma,
            "layer_types",
            json!(["chunked_attention"]),
            "`layer_types[0]` is \"chunked_attention\"",
        ),
        (
            gemma,
            "layer_types",
            json!([]),
            "`layer_types` has 0 entries",
        ),
        (
            gemma,
            "sliding_window",
            json!("far"),
            "`sliding_window` is \"far\"",
        ),
        (
            "LlamaForCausalLM",
            "num_key_value_heads",
            json!(3),
            "multiple of `num_key_value_heads`",
        ),
        (
            "LlamaForCausalLM",
            "hidden_size",
            json!(0),
            "`hidden_size` is 0",
        ),
        ("LlamaForCausalLM", "head_dim", json!(3), "must be even"),
    ] {
        let mut value = minimal();
        value["architectures"] = json!([architecture]);
        value["num_key_value_heads"] = json!(2);
        value[key] = new;
        let message = read(&value).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
