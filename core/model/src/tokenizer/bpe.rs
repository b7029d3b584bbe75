//! A vocabulary trained from texts.

use mergelab_checkpoint::ExtraFile;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, TokenizerBuilder};

use super::Tokenizer;
use crate::error::{ModelError, Result};

/// Trains a byte-level BPE tokenizer (Sennrich et al., 2016; on bytes, Radford et al., 2019) of at
/// most `vocab_size` tokens, the 256 bytes and the special tokens included.
///
/// The special tokens get the first ids. `<s>`, `</s>` and `<pad>` among them become the tokens
/// that begin and end texts and fill up batches; texts are encoded without them. The same texts
/// give the same tokenizer.
///
/// ```
/// let texts = ["a rose is a rose", "is a rose"];
/// let tokenizer = mergelab_model::train_bpe(&texts, 300, &["<pad>", "</s>"])?;
/// let ids = tokenizer.encode("a rose")?;
/// assert_eq!(tokenizer.decode(&ids)?, "a rose");
/// assert_eq!(tokenizer.eos(), Some(1));
/// # Ok::<(), mergelab_model::ModelError>(())
/// ```
///
/// # Errors
/// If the vocabulary has no room for the bytes and the special tokens, or there are no texts.
pub fn train_bpe<S: AsRef<str> + Sync>(
    texts: &[S],
    vocab_size: usize,
    special_tokens: &[&str],
) -> Result<Tokenizer> {
    let least = 256 + special_tokens.len();
    if vocab_size < least {
        return Err(ModelError::option(
            "vocab_size",
            format!(
                "{vocab_size} leaves no room for 256 bytes and the special tokens; give at least {least}"
            ),
        ));
    }
    if texts.iter().all(|text| text.as_ref().is_empty()) {
        return Err(ModelError::EmptyDataset {
            what: "the tokenizer's training texts",
            hint: "give at least one text that is not empty".into(),
        });
    }
    let failed = |error: tokenizers::Error| ModelError::Tokenizer(format!("training: {error}"));
    let byte_level = ByteLevel::new(false, true, true);
    let mut trainer = BpeTrainer::builder()
        .vocab_size(vocab_size)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(
            special_tokens
                .iter()
                .map(|token| AddedToken::from(*token, true))
                .collect(),
        )
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut tokenizer = TokenizerBuilder::<
        BPE,
        tokenizers::NormalizerWrapper,
        ByteLevel,
        tokenizers::PostProcessorWrapper,
        ByteLevel,
    >::new()
    .with_model(BPE::default())
    .with_normalizer(None)
    .with_pre_tokenizer(Some(byte_level))
    .with_post_processor(None)
    .with_decoder(Some(byte_level))
    .build()
    .map_err(failed)?;
    tokenizer
        .train(&mut trainer, texts.iter().map(AsRef::as_ref))
        .map_err(failed)?;
    let json = tokenizer.to_string(false).map_err(failed)?;

    let mut config = serde_json::json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": false,
        "model_max_length": 1_000_000_000_000_000_000u64,
    });
    for (key, token) in [
        ("bos_token", "<s>"),
        ("eos_token", "</s>"),
        ("pad_token", "<pad>"),
    ] {
        if special_tokens.contains(&token) {
            config[key] = token.into();
        }
    }
    let config = format!("{config:#}\n");
    Tokenizer::from_files(vec![
        ExtraFile::new("tokenizer.json", json),
        ExtraFile::new("tokenizer_config.json", config),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIAL: [&str; 3] = ["<pad>", "<s>", "</s>"];

    fn texts() -> Vec<String> {
        (0..50)
            .map(|n| format!("der Hund {n} und die Katze {n} schlafen, 猫も犬も眠る"))
            .collect()
    }

    #[test]
    fn training_twice_gives_the_same_bytes() {
        let train = || train_bpe(&texts(), 400, &SPECIAL).unwrap().files().to_vec();
        assert_eq!(train(), train());
    }

    #[test]
    fn any_text_survives_encoding() {
        let tokenizer = train_bpe(&texts(), 330, &SPECIAL).unwrap();
        assert!(tokenizer.vocab_size() <= 330);
        let text = "  Hund\n\t猫 \u{1F600} done ";
        let ids = tokenizer.encode(text).unwrap();
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
        assert_eq!(
            (tokenizer.pad(), tokenizer.bos(), tokenizer.eos()),
            (Some(0), Some(1), Some(2))
        );
    }

    #[test]
    fn a_pair_has_the_prompts_own_tokens_and_all_of_the_text() {
        let tokenizer = train_bpe(&texts(), 400, &SPECIAL).unwrap();
        for (prompt, answer) in [
            ("der Hund: ", "Katze"),
            ("der Hu", "nd"),
            ("Katze\n", "Hund"),
            ("", "Hund"),
            ("Katze", " Hund"),
        ] {
            let pair = tokenizer.encode_pair(prompt, answer).unwrap();
            assert_eq!(pair.prompt, tokenizer.encode_prompt(prompt).unwrap());
            assert!(!pair.answer.is_empty());
            let all = [pair.prompt, pair.answer].concat();
            assert_eq!(tokenizer.decode(&all).unwrap(), format!("{prompt}{answer}"));
        }
    }

    #[test]
    fn refuses_a_vocabulary_without_room_for_the_bytes() {
        let message = train_bpe(&texts(), 256, &SPECIAL).unwrap_err().to_string();
        assert!(message.contains("at least 259"), "{message}");
    }
}
