//! Byte-level BPE (Radford et al., 2019), which GGUF calls `gpt2`: tokens and merges as they are,
//! and a pre-tokenizer by name.

use serde_json::{Map, Value, json};

use super::pre_tokenizer::PreTokenizer;
use super::vocabulary::Vocabulary;
use super::{Parts, refuse};
use crate::gguf::{GgufError, GgufFile};

pub(super) fn parts(
    file: &GgufFile,
    vocabulary: &Vocabulary,
    notes: &mut Vec<String>,
) -> Result<Parts, GgufError> {
    let metadata = file.metadata();
    let key = "tokenizer.ggml.merges";
    let merges = metadata
        .strings(key)?
        .ok_or_else(|| metadata.missing(key))?;
    let mut pairs = Vec::with_capacity(merges.len());
    for merge in merges {
        let pair = split(merge).filter(|(left, right)| {
            let known = |token: &str| vocabulary.id(token).is_some();
            known(left) && known(right) && known(&format!("{left}{right}"))
        });
        let Some((left, right)) = pair else {
            let reason = format!("the merge {merge:?} is not of two tokens of the vocabulary");
            return Err(refuse(file, reason));
        };
        pairs.push(json!([left, right]));
    }
    let pre_tokenizer = match metadata.string("tokenizer.ggml.pre")? {
        Some(name) => PreTokenizer::named(name).ok_or_else(|| {
            let known = PreTokenizer::names().join(", ");
            refuse(
                file,
                format!("the pre-tokenizer {name:?} is not known (known: {known})"),
            )
        })?,
        None => {
            notes.push(
                "the file names no pre-tokenizer; llama.cpp's default is written, which splits \
                 some texts otherwise than the model's own"
                    .to_owned(),
            );
            PreTokenizer::DEFAULT
        }
    };
    let vocab: Map<String, Value> = vocabulary
        .tokens
        .iter()
        .enumerate()
        .filter(|(id, token)| {
            !vocabulary.is_unused(*id) && vocabulary.id(token.as_str()) == Some(*id)
        })
        .map(|(id, token)| (token.clone(), id.into()))
        .collect();
    let byte_level = json!({
        "type": "ByteLevel",
        "add_prefix_space": false, "trim_offsets": false, "use_regex": true,
    });
    Ok(Parts {
        normalizer: pre_tokenizer.normalizer(),
        pre_tokenizer: pre_tokenizer.json(),
        post_processor: byte_level.clone(),
        decoder: byte_level,
        model: json!({
            "type": "BPE",
            "dropout": null, "unk_token": null,
            "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": pre_tokenizer.ignores_merges(),
            "vocab": vocab, "merges": pairs,
        }),
        adds_bos: pre_tokenizer.adds_bos(),
        normalized: false,
    })
}

/// The two halves of a merge. A token never begins with a bare space, but may be one character.
fn split(merge: &str) -> Option<(&str, &str)> {
    let first = merge.chars().next()?.len_utf8();
    let space = first + merge[first..].find(' ')?;
    let (left, right) = (&merge[..space], &merge[space + 1..]);
    (!right.is_empty()).then_some((left, right))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_merge_is_split_at_its_space() {
        assert_eq!(super::split("Ġ a"), Some(("Ġ", "a")));
        assert_eq!(super::split("a"), None);
        assert_eq!(super::split("a "), None);
        assert_eq!(super::split(""), None);
    }
}
