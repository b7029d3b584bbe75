//! `tokenizer.json` and the files around it.

use serde_json::{Map, Value, json};

use super::vocabulary::Vocabulary;
use super::{Parts, sequence};
use crate::ExtraFile;
use crate::gguf::{GgufError, GgufFile};

pub(super) fn write(
    file: &GgufFile,
    vocabulary: &Vocabulary,
    parts: Parts,
) -> Result<Vec<ExtraFile>, GgufError> {
    let metadata = file.metadata();
    let flag = |name: &str| metadata.bool(&format!("tokenizer.ggml.{name}"));
    let adds_bos = flag("add_bos_token")?.unwrap_or(parts.adds_bos);
    let adds_eos = flag("add_eos_token")?.unwrap_or(false);
    let bos = vocabulary.bos.filter(|_| adds_bos);
    let eos = vocabulary.eos.filter(|_| adds_eos);

    let mut added = Vec::new();
    let mut added_by_id = Map::new();
    for (id, token) in vocabulary.tokens.iter().enumerate() {
        if !vocabulary.is_added(id) || vocabulary.id(token) != Some(id) || token.is_empty() {
            continue;
        }
        let special = vocabulary.is_special(id);
        let entry = json!({
            "content": token, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": parts.normalized && !special, "special": special,
        });
        added_by_id.insert(id.to_string(), entry.clone());
        let mut with_id = Map::new();
        with_id.insert("id".to_owned(), id.into());
        with_id.extend(entry.as_object().cloned().unwrap_or_default());
        added.push(Value::Object(with_id));
    }
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": added,
        "normalizer": parts.normalizer,
        "pre_tokenizer": parts.pre_tokenizer,
        "post_processor": post_processor(vocabulary, parts.post_processor, bos, eos),
        "decoder": parts.decoder,
        "model": parts.model,
    });

    let mut special = Map::new();
    for (key, id) in [
        ("bos_token", vocabulary.bos),
        ("eos_token", vocabulary.eos),
        ("unk_token", vocabulary.unknown),
        ("pad_token", vocabulary.padding),
    ] {
        if let Some(id) = id {
            special.insert(key.to_owned(), vocabulary.tokens[id].clone().into());
        }
    }
    let mut config = Map::new();
    config.insert("add_bos_token".to_owned(), adds_bos.into());
    config.insert("add_eos_token".to_owned(), adds_eos.into());
    config.insert("added_tokens_decoder".to_owned(), added_by_id.into());
    config.extend(special.clone());
    config.insert("clean_up_tokenization_spaces".to_owned(), false.into());
    let length = format!("{}.context_length", file.architecture()?);
    if let Some(length) = metadata.unsigned(&length)? {
        config.insert("model_max_length".to_owned(), length.into());
    }
    config.insert(
        "tokenizer_class".to_owned(),
        "PreTrainedTokenizerFast".into(),
    );
    if let Some(template) = metadata.string("tokenizer.chat_template")? {
        config.insert("chat_template".to_owned(), template.into());
    }

    let mut ends: Vec<usize> = vocabulary.eos.into_iter().collect();
    ends.extend(&vocabulary.ends);
    let ends = match ends[..] {
        [] => Value::Null,
        [only] => only.into(),
        _ => ends.into(),
    };
    let mut generation = Map::new();
    generation.insert("_from_model_config".to_owned(), true.into());
    for (key, id) in [
        ("bos_token_id", vocabulary.bos.into()),
        ("eos_token_id", ends),
        ("pad_token_id", vocabulary.padding.into()),
    ] {
        if id != Value::Null {
            generation.insert(key.to_owned(), id);
        }
    }
    Ok(vec![
        json_file("tokenizer.json", &tokenizer),
        json_file("tokenizer_config.json", &config.into()),
        json_file("special_tokens_map.json", &special.into()),
        json_file("generation_config.json", &generation.into()),
    ])
}

/// A file of indented JSON.
pub(crate) fn json_file(name: &str, value: &Value) -> ExtraFile {
    ExtraFile::new(name, format!("{value:#}\n"))
}

/// The BOS and EOS tokens around a text, after what the kind itself does.
fn post_processor(
    vocabulary: &Vocabulary,
    own: Value,
    bos: Option<usize>,
    eos: Option<usize>,
) -> Value {
    if bos.is_none() && eos.is_none() {
        return own;
    }
    let special = |id: Option<usize>, sequence: u32| {
        id.map(|id| json!({ "SpecialToken": { "id": vocabulary.tokens[id], "type_id": sequence } }))
    };
    let one = |name: &str, number: u32| {
        let text = json!({ "Sequence": { "id": name, "type_id": number } });
        let begin = special(bos, number).into_iter();
        begin
            .chain([text])
            .chain(special(eos, number))
            .collect::<Vec<_>>()
    };
    let single = one("A", 0);
    let pair: Vec<Value> = single.iter().cloned().chain(one("B", 1)).collect();
    let tokens: Map<String, Value> = [bos, eos]
        .into_iter()
        .flatten()
        .map(|id| {
            let token = &vocabulary.tokens[id];
            let entry = json!({ "id": token, "ids": [id], "tokens": [token] });
            (token.clone(), entry)
        })
        .collect();
    let template = json!({
        "type": "TemplateProcessing",
        "single": single, "pair": pair, "special_tokens": tokens,
    });
    match own {
        Value::Null => template,
        own => sequence("processors", &[own, template]),
    }
}
