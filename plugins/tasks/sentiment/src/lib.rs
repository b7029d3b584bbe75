//! Task: classify the sentiment of a text.
#![forbid(unsafe_code)]

mod prompts;
mod verbalizers;

use mergelab_sdk::{prelude::*, prompt, reading};
use std::collections::BTreeMap;
use verbalizers::Verbalizers;

/// How the model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Mode {
    /// Generated text, whose first words are matched with the verbalizers.
    Generate,
    /// The verbalizer with the largest log-likelihood.
    Choice,
}

/// Classifies the sentiment of a text.
#[derive(Params)]
pub struct Sentiment {
    /// How the model answers.
    #[param(default = "generate")]
    mode: Mode,
    /// What the model says for a label: by label (`positive = "good"`), or by language and label
    /// (`"de.positive" = "gut"`). Labels that are left out have the shipped word of the language,
    /// or else are said as they are.
    verbalizers: Option<BTreeMap<String, String>>,
    /// Prompt by language, with `{text}`; `*` is for every other language. Languages that are left
    /// out have the shipped prompt.
    prompt: Option<BTreeMap<String, String>>,
    /// Most tokens to generate, in the mode `generate`.
    #[param(default = 8, min = 1)]
    max_new_tokens: usize,
    /// Generation ends before any of these texts, in the mode `generate`.
    #[param(default = ["\n"])]
    stop: Vec<String>,
}

impl Sentiment {
    fn template(&self, context: &TaskContext) -> &str {
        prompt::template(self.prompt.as_ref(), &prompts::SHIPPED, &context.language)
    }

    fn verbalizers(&self, context: &TaskContext) -> Verbalizers {
        Verbalizers::new(self.verbalizers.as_ref(), context)
    }
}

impl Task for Sentiment {
    const ID: &'static str = "sentiment";
    const FIELDS: &'static [&'static str] = &["text", "label"];
    const LABELS: bool = true;
    const METRICS: &'static [&'static str] = &["accuracy", "f1"];

    fn example() -> (Row, Vec<String>) {
        let fields = [
            ("text", json!("The play was a joy from start to end.")),
            ("label", json!("positive")),
        ];
        let row = fields.map(|(name, value)| (name.to_owned(), value));
        let labels = ["negative", "neutral", "positive"];
        (Row::from_iter(row), labels.map(str::to_owned).to_vec())
    }

    fn check(&self, context: &TaskContext) -> Result<()> {
        let templates = self.prompt.iter().flat_map(BTreeMap::values);
        for template in templates
            .map(String::as_str)
            .chain([self.template(context)])
        {
            prompt::check("prompt", template, &["text"], &[])?;
        }
        if self.stop.iter().any(String::is_empty) {
            return Err(Error::parameter(
                "stop",
                "`stop` has an empty text, which would end every generation at once: drop it.",
            ));
        }
        verbalizers::check_keys(self.verbalizers.as_ref(), context)?;
        self.verbalizers(context).check(&context.language)
    }

    fn request(&self, row: &Row, context: &TaskContext) -> Result<Request> {
        let text = fields::text(row, "text")?.trim();
        if text.is_empty() {
            return Err(Error::input(
                "the field `text` is empty: drop the row from the dataset",
            ));
        }
        let template = self.template(context);
        let prompt = prompt::fill(template, &[("text", text)]);
        Ok(match self.mode {
            Mode::Generate => Request::Generate {
                prompt,
                max_new_tokens: self.max_new_tokens,
                stop: self.stop.clone(),
            },
            Mode::Choice => Request::Choose {
                prompt,
                choices: self
                    .verbalizers(context)
                    .words()
                    .map(|w| prompt::continuation(template, &context.language, w))
                    .collect(),
            },
        })
    }

    fn answer(&self, row: &Row, context: &TaskContext) -> Result<String> {
        let label = fields::label(row, "label", &context.labels)?;
        let verbalizers = self.verbalizers(context);
        Ok(prompt::continuation(
            self.template(context),
            &context.language,
            verbalizers.word(&label),
        ))
    }

    fn reference(&self, row: &Row, context: &TaskContext) -> Result<Reference> {
        let label = fields::label(row, "label", &context.labels)?;
        Ok(Reference {
            texts: vec![self.verbalizers(context).word(&label).to_owned()],
            label: Some(label),
        })
    }

    fn trivial(&self, _: &Row, context: &TaskContext) -> Result<BTreeMap<String, String>> {
        let verbalizers = self.verbalizers(context);
        let first = verbalizers.words().next();
        Ok(first
            .map(|word| ("first_label".to_owned(), word.to_owned()))
            .into_iter()
            .collect())
    }

    fn read(&self, _: &Row, response: &Response, context: &TaskContext) -> Result<Prediction> {
        let verbalizers = self.verbalizers(context);
        match response {
            // Trivial outputs are text in either mode.
            Response::Generated { .. } => {
                let output = reading::generated(response)?;
                Ok(Prediction {
                    output: output.to_owned(),
                    label: verbalizers
                        .read(output, &context.language)
                        .map(str::to_owned),
                    ..Prediction::default()
                })
            }
            Response::Scored { .. } => {
                let labels = context.labels.iter().map(|l| (l, verbalizers.word(l)));
                let choices = reading::scored_choices(response, labels)?;
                let scores = choices.iter().map(|c| c.likelihood.log_likelihood);
                let label = reading::best(scores).map(|i| &context.labels[i]);
                Ok(Prediction {
                    output: label.map_or("", |l| verbalizers.word(l)).to_owned(),
                    label: label.cloned(),
                    choices,
                    likelihood: None,
                })
            }
        }
    }
}

plugin!(Sentiment);

#[cfg(test)]
mod tests;
