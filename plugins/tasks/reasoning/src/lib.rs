//! Task: multiple choice and generated answers.
#![forbid(unsafe_code)]

mod choices;
mod prompts;

use choices::Question;
use mergelab_sdk::{prelude::*, prompt, reading};
use std::collections::BTreeMap;

/// How the model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Mode {
    /// The choice with the largest log-likelihood.
    Choice,
    /// Generated text, matched with the choices.
    Generate,
}

/// What a choice's log-likelihood is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Normalise {
    /// Nothing: the likelier text wins, which favours short choices.
    None,
    /// The number of tokens, so that the model's own segmentation decides what is long.
    Tokens,
    /// The number of UTF-8 bytes of the choice, which does not depend on the tokenizer.
    Bytes,
}

/// Answers questions, by choosing among given answers or in its own words.
#[derive(Params)]
pub struct Reasoning {
    /// How the model answers.
    #[param(default = "choice")]
    mode: Mode,
    /// What a choice's log-likelihood is divided by, in the mode `choice`.
    #[param(default = "none")]
    normalise: Normalise,
    /// Prompt by language, with `{question}` and, where the model should see them, `{choices}`;
    /// `*` is for every other language. Languages that are left out have the shipped prompt.
    prompt: Option<BTreeMap<String, String>>,
    /// Most tokens to generate, in the mode `generate`.
    #[param(default = 32, min = 1)]
    max_new_tokens: usize,
    /// Generation ends before any of these texts, in the mode `generate`.
    #[param(default = ["\n"])]
    stop: Vec<String>,
}

impl Reasoning {
    fn template(&self, context: &TaskContext) -> &str {
        prompt::template(self.prompt.as_ref(), &prompts::SHIPPED, &context.language)
    }

    /// A choice as what follows the prompt.
    fn continuation(&self, choice: &str, context: &TaskContext) -> String {
        prompt::continuation(self.template(context), &context.language, choice)
    }

    fn chosen(&self, question: &Question, response: &Response) -> Result<Prediction> {
        let choices = &question.choices;
        let (log_likelihoods, tokens) = reading::scored(response, choices.len())?;
        let scores = log_likelihoods.iter().enumerate().map(|(i, score)| {
            let length = match self.normalise {
                Normalise::None => 1,
                Normalise::Tokens => tokens[i].max(1),
                Normalise::Bytes => choices[i].len(),
            };
            score / length as f64
        });
        let label = reading::best(scores).map(|i| choices[i].clone());
        Ok(Prediction {
            output: label.clone().unwrap_or_default(),
            label,
            choices: reading::scored_choices(response, choices.iter().map(|c| (c, c)))?,
            likelihood: None,
        })
    }
}

impl Task for Reasoning {
    const ID: &'static str = "reasoning";
    const FIELDS: &'static [&'static str] = &["question", "answer"];
    const OPTIONAL_FIELDS: &'static [&'static str] = &["choices"];
    const METRICS: &'static [&'static str] = &["accuracy"];

    fn example() -> (Row, Vec<String>) {
        let fields = [
            (
                "question",
                json!("Ida has 2 pens and buys 3. How many now?"),
            ),
            ("choices", json!(["2", "3", "5", "6"])),
            ("answer", json!(2)),
        ];
        let row = fields.map(|(name, value)| (name.to_owned(), value));
        (Row::from_iter(row), Vec::new())
    }

    fn check(&self, context: &TaskContext) -> Result<()> {
        let templates = self.prompt.iter().flat_map(BTreeMap::values);
        for template in templates
            .map(String::as_str)
            .chain([self.template(context)])
        {
            prompt::check("prompt", template, &["question"], &["choices"])?;
        }
        if self.mode == Mode::Generate && self.normalise != Normalise::None {
            return Err(Error::parameter(
                "normalise",
                "`normalise` divides log-likelihoods, and the mode `generate` has none: drop it, \
                 or set mode = \"choice\".",
            ));
        }
        if self.stop.iter().any(String::is_empty) {
            return Err(Error::parameter(
                "stop",
                "`stop` has an empty text, which would end every generation at once: drop it.",
            ));
        }
        Ok(())
    }

    fn request(&self, row: &Row, context: &TaskContext) -> Result<Request> {
        let question = Question::read(row, self.mode)?;
        let listed = question.listed();
        let values = [("question", question.text), ("choices", listed.as_str())];
        let prompt = prompt::fill(self.template(context), &values);
        Ok(match self.mode {
            Mode::Choice => Request::Choose {
                prompt,
                choices: question
                    .choices
                    .iter()
                    .map(|c| self.continuation(c, context))
                    .collect(),
            },
            Mode::Generate => Request::Generate {
                prompt,
                max_new_tokens: self.max_new_tokens,
                stop: self.stop.clone(),
            },
        })
    }

    fn answer(&self, row: &Row, context: &TaskContext) -> Result<String> {
        let question = Question::read(row, self.mode)?;
        Ok(self.continuation(&question.answers[0], context))
    }

    fn reference(&self, row: &Row, _: &TaskContext) -> Result<Reference> {
        let question = Question::read(row, self.mode)?;
        Ok(Reference {
            label: (!question.choices.is_empty()).then(|| question.answers[0].clone()),
            texts: question.answers,
        })
    }

    fn trivial(&self, row: &Row, _: &TaskContext) -> Result<BTreeMap<String, String>> {
        let choices = Question::read(row, self.mode)?.choices;
        let lengths = choices.iter().map(|c| c.chars().count() as f64);
        let longest = reading::best(lengths).map(|i| choices[i].clone());
        let first = choices.first().cloned();
        let named = [("first_choice", first), ("longest_choice", longest)];
        let offered = named
            .into_iter()
            .filter_map(|(n, c)| Some((n.to_owned(), c?)));
        Ok(offered.collect())
    }

    fn read(&self, row: &Row, response: &Response, _: &TaskContext) -> Result<Prediction> {
        let question = Question::read(row, self.mode)?;
        match response {
            Response::Scored { .. } => self.chosen(&question, response),
            // Trivial outputs are text in either mode.
            Response::Generated { .. } => {
                let output = reading::generated(response)?;
                Ok(Prediction {
                    output: output.to_owned(),
                    label: question.matching(output).map(str::to_owned),
                    ..Prediction::default()
                })
            }
        }
    }
}

plugin!(Reasoning);

#[cfg(test)]
mod tests;
