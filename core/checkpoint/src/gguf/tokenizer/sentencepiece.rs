//! SentencePiece BPE (Kudo and Richardson, 2018), which GGUF calls `llama`: the merges are
//! rebuilt from the scores.

use serde_json::{Map, Value, json};

use super::vocabulary::{SPACE, Vocabulary};
use super::{Parts, refuse, sequence};
use crate::gguf::{GgufError, GgufFile};

/// Bytes of the longest token; models in use have some hundred at most.
const LONGEST: usize = 4096;

pub(super) fn parts(file: &GgufFile, vocabulary: &Vocabulary) -> Result<Parts, GgufError> {
    let metadata = file.metadata();
    let key = "tokenizer.ggml.scores";
    let scores = metadata.floats(key)?.ok_or_else(|| metadata.missing(key))?;
    if scores.len() != vocabulary.tokens.len() {
        let (scores, tokens) = (scores.len(), vocabulary.tokens.len());
        return Err(metadata.bad(key, format!("has {scores} entries for {tokens} tokens")));
    }
    // Splitting a token takes the square of its length.
    if let Some(token) = vocabulary.tokens.iter().find(|token| token.len() > LONGEST) {
        let length = token.len();
        return Err(refuse(
            file,
            format!("a token has {length} bytes, at most {LONGEST} are possible"),
        ));
    }
    let byte = |value: u8| vocabulary.id(&format!("<0x{value:02X}>"));
    if let Some(missing) = (0..=255).find(|value| byte(*value).is_none()) {
        return Err(refuse(
            file,
            format!("its vocabulary lacks the byte <0x{missing:02X}>"),
        ));
    }
    let prefix = metadata.bool("tokenizer.ggml.add_space_prefix")?;
    let prefix = prefix.unwrap_or(true);
    let space = SPACE.to_string();
    let replace = json!({ "type": "Replace", "pattern": { "String": " " }, "content": space });
    let restore = json!({ "type": "Replace", "pattern": { "String": space }, "content": " " });
    let mut decoders = vec![
        restore,
        json!({ "type": "ByteFallback" }),
        json!({ "type": "Fuse" }),
    ];
    let normalizer = if prefix {
        decoders.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
        let prepend = json!({ "type": "Prepend", "prepend": space });
        sequence("normalizers", &[prepend, replace])
    } else {
        replace
    };
    let vocab: Map<String, Value> = vocabulary
        .tokens
        .iter()
        .enumerate()
        .filter(|(id, token)| vocabulary.id(token.as_str()) == Some(*id))
        .map(|(id, token)| (token.clone(), id.into()))
        .collect();
    let unknown = vocabulary.unknown.map(|id| &vocabulary.tokens[id]);
    Ok(Parts {
        normalizer,
        pre_tokenizer: Value::Null,
        post_processor: Value::Null,
        decoder: sequence("decoders", &decoders),
        model: json!({
            "type": "BPE",
            "dropout": null, "unk_token": unknown,
            "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": vocab, "merges": merges(vocabulary, scores),
        }),
        adds_bos: true,
        normalized: true,
    })
}

/// All pairs of tokens that make a token, best score first.
///
/// SentencePiece joins, of all neighbours whose union is a token, those with the best union; so
/// every pair that makes a token is a merge, ranked by that token's score.
fn merges(vocabulary: &Vocabulary, scores: &[f64]) -> Vec<Value> {
    let text = |token: &str| vocabulary.id(token).filter(|id| vocabulary.is_text(*id));
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (id, token) in vocabulary.tokens.iter().enumerate() {
        if text(token) != Some(id) {
            continue;
        }
        for (middle, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(middle);
            if let (Some(left), Some(right)) = (text(left), text(right)) {
                pairs.push((id, left, right));
            }
        }
    }
    pairs.sort_by(|a, b| {
        let by_score = scores[b.0].total_cmp(&scores[a.0]);
        by_score.then_with(|| a.cmp(b))
    });
    let tokens = &vocabulary.tokens;
    let pairs = pairs.into_iter();
    pairs
        .map(|(_, left, right)| json!([tokens[left], tokens[right]]))
        .collect()
}
