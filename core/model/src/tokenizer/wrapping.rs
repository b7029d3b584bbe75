//! Prompts as the turns of a conversation.

use super::Tokenizer;
use super::chat::{ChatMessage, ChatTemplate};
use crate::error::{ModelError, Result};

/// How prompts are wrapped as chat.
#[derive(Clone)]
pub(super) struct Wrapping {
    template: ChatTemplate,
    /// The token that ends the assistant's turn.
    turn_end: Option<u32>,
}

impl Wrapping {
    /// Examples as turns of both, a prompt as the user's turn, and the beginning of the assistant's.
    pub(super) fn prompt(&self, examples: &[(String, String)], prompt: &str) -> Result<String> {
        let mut turns = Vec::with_capacity(2 * examples.len() + 1);
        for (prompt, answer) in examples {
            turns.push(ChatMessage::new("user", prompt.trim_end_matches(' ')));
            turns.push(ChatMessage::new("assistant", answer.trim_matches(' ')));
        }
        turns.push(ChatMessage::new("user", prompt.trim_end_matches(' ')));
        self.template.render(&turns, true)
    }
}

/// Stands for what an assistant says where only what follows it matters.
const ANSWER: &str = "answer";

impl Tokenizer {
    /// Whether the tokenizer has a chat template: in `chat_template.jinja`, or in
    /// `tokenizer_config.json`.
    pub fn has_chat_template(&self) -> bool {
        self.template.is_some()
    }

    /// A conversation as the model's chat template writes it, with the beginning of the assistant's
    /// turn after it if `add_generation_prompt`. Templates that ask for today's date are given 26
    /// July 2024, so that the text does not depend on the day.
    ///
    /// # Errors
    /// If there is no template, or it does not take the conversation.
    pub fn apply_chat_template(
        &self,
        messages: &[ChatMessage],
        add_generation_prompt: bool,
    ) -> Result<String> {
        self.chat_template()?
            .render(messages, add_generation_prompt)
    }

    /// From now on, prompts are the user's turn of a chat, and answers the assistant's.
    ///
    /// # Errors
    /// If there is no template, or it cannot be compiled.
    pub fn wrap_prompts_as_chat(&mut self) -> Result<()> {
        let template = self.chat_template()?;
        let turn_end = self.turn_end_of(&template)?;
        self.wrapping = Some(Wrapping { template, turn_end });
        Ok(())
    }

    /// The token that ends the assistant's turn, where prompts are wrapped as chat and the template
    /// has one.
    pub fn turn_end(&self) -> Option<u32> {
        self.wrapping.as_ref()?.turn_end
    }

    fn chat_template(&self) -> Result<ChatTemplate> {
        let Some(source) = &self.template else {
            return Err(ModelError::Tokenizer(
                "the model has no chat template (`chat_template` in tokenizer_config.json, or \
                 chat_template.jinja), so prompts cannot be wrapped as chat; leave `chat` at false"
                    .into(),
            ));
        };
        ChatTemplate::new(source, self.special_tokens.clone())
    }

    fn turn_end_of(&self, template: &ChatTemplate) -> Result<Option<u32>> {
        let turns = [
            ChatMessage::new("user", "question"),
            ChatMessage::new("assistant", ANSWER),
        ];
        // A template that takes no answers still takes prompts.
        let Ok(text) = template.render(&turns, false) else {
            return Ok(None);
        };
        let Some(at) = text.rfind(ANSWER) else {
            return Ok(None);
        };
        let after = self.encode_plain(text[at + ANSWER.len()..].trim_start())?;
        let special = self.inner.get_added_tokens_decoder();
        let first = after.first().copied();
        Ok(first.filter(|id| special.get(id).is_some_and(|token| token.special)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use mergelab_checkpoint::ExtraFile;

    const TEMPLATE: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}\
        {% if add_generation_prompt %}<assistant>{% endif %}";

    fn tokenizer() -> Tokenizer {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/golden/lm_eval/model/tokenizer.json"
        );
        let json = std::fs::read(folder).unwrap();
        Tokenizer::from_files(vec![
            ExtraFile::new("tokenizer.json", json),
            ExtraFile::new("chat_template.jinja", TEMPLATE),
        ])
        .unwrap()
    }

    #[test]
    fn examples_come_before_prompts_as_texts_or_as_turns() {
        let mut tokenizer = tokenizer();
        let examples = [("2 + 2 = ", "4"), ("1 + 1 =", " 2")];
        let examples = examples.map(|(prompt, answer)| (prompt.to_owned(), answer.to_owned()));
        tokenizer.show_examples(examples.to_vec());
        let read = |tokenizer: &Tokenizer| {
            let pair = tokenizer.encode_pair("3 + 1 =", " 4").unwrap();
            assert_eq!(tokenizer.encode_prompt("3 + 1 =").unwrap(), pair.prompt);
            let text = |ids: &[u32]| tokenizer.decode(ids).unwrap();
            (text(&pair.prompt), text(&pair.answer))
        };
        let plain = "2 + 2 = 4\n\n1 + 1 = 2\n\n3 + 1 =";
        assert_eq!(read(&tokenizer), (plain.to_owned(), " 4".to_owned()));

        tokenizer.wrap_prompts_as_chat().unwrap();
        let turns = "<user>2 + 2 =\n<assistant>4\n<user>1 + 1 =\n<assistant>2\n\
                     <user>3 + 1 =\n<assistant>";
        assert_eq!(read(&tokenizer), (turns.to_owned(), "4".to_owned()));
    }
}
