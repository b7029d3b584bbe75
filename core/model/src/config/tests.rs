//! Tests of configs: what is read, what is refused.

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
    assert_eq!(config.rope_theta, 5000.0);
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
    assert_eq!(config.rope_theta, 7.0);
    assert_eq!(
        config.rope_scaling.as_ref().map(|scaling| scaling.factor),
        Some(8.0)
    );
    assert_eq!(read(&config.to_json()).unwrap(), config);
}

#[test]
fn refuses_by_name_what_it_does_not_compute() {
    for (key, new, expected) in [
        (
            "architectures",
            serde_json::json!(["GPT2LMHeadModel"]),
            "\"GPT2LMHeadModel\"",
        ),
        ("hidden_act", "gelu".into(), "`hidden_act` \"gelu\""),
        ("attention_bias", true.into(), "`attention_bias`"),
        (
            "rope_scaling",
            serde_json::json!({"type": "yarn"}),
            "\"yarn\"",
        ),
        (
            "num_key_value_heads",
            3.into(),
            "multiple of `num_key_value_heads`",
        ),
        ("hidden_size", 0.into(), "`hidden_size` is 0"),
        ("head_dim", 3.into(), "must be even"),
    ] {
        let mut value = minimal();
        value[key] = new;
        let message = read(&value).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
