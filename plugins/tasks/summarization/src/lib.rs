//! Task: summarise a document.
#![forbid(unsafe_code)]

mod lead;
mod prompts;

use mergelab_sdk::{prelude::*, prompt, reading};
use std::collections::BTreeMap;

/// Summarises a document.
#[derive(Params)]
pub struct Summarization {
    /// Prompt by language, with `{document}`; `*` is for every other language. Languages that are
    /// left out have the shipped prompt.
    prompt: Option<BTreeMap<String, String>>,
    /// Most tokens to generate.
    #[param(default = 64, min = 1)]
    max_new_tokens: usize,
    /// Generation ends before any of these texts.
    #[param(default = ["\n"])]
    stop: Vec<String>,
}

impl Summarization {
    fn template(&self, context: &TaskContext) -> &str {
        prompt::template(self.prompt.as_ref(), &prompts::SHIPPED, &context.language)
    }

    /// A summary in one line where line breaks end the generation: the model would otherwise
    /// learn lines that it can never say.
    fn taught(&self, summary: &str) -> String {
        if self.stop.iter().any(|s| s == "\n") {
            let lines = summary.lines().map(str::trim).filter(|l| !l.is_empty());
            lines.collect::<Vec<_>>().join(" ")
        } else {
            summary.to_owned()
        }
    }
}

impl Task for Summarization {
    const ID: &'static str = "summarization";
    const FIELDS: &'static [&'static str] = &["document", "summary"];
    const METRICS: &'static [&'static str] = &["rouge"];

    fn example() -> (Row, Vec<String>) {
        let mut row = Row::new();
        row.insert(
            "document".to_owned(),
            json!("The museum closes on Monday. Workers will repair the roof after the storm."),
        );
        row.insert(
            "summary".to_owned(),
            json!("The museum closes for repairs to its roof."),
        );
        (row, Vec::new())
    }

    fn check(&self, context: &TaskContext) -> Result<()> {
        for template in self.prompt.iter().flat_map(BTreeMap::values) {
            prompt::check("prompt", template, &["document"], &[])?;
        }
        prompt::check("prompt", self.template(context), &["document"], &[])?;
        if self.stop.iter().any(String::is_empty) {
            return Err(Error::parameter(
                "stop",
                "`stop` has an empty text, which would end every generation at once: drop it.",
            ));
        }
        Ok(())
    }

    fn request(&self, row: &Row, context: &TaskContext) -> Result<Request> {
        let document = fields::text(row, "document")?.trim();
        filled("document", document)?;
        Ok(Request::Generate {
            prompt: prompt::fill(self.template(context), &[("document", document)]),
            max_new_tokens: self.max_new_tokens,
            stop: self.stop.clone(),
        })
    }

    fn answer(&self, row: &Row, context: &TaskContext) -> Result<String> {
        let summary = self.taught(&summaries(row)?[0]);
        Ok(prompt::continuation(
            self.template(context),
            &context.language,
            &summary,
        ))
    }

    fn reference(&self, row: &Row, _: &TaskContext) -> Result<Reference> {
        Ok(Reference {
            texts: summaries(row)?,
            label: None,
        })
    }

    fn trivial(&self, row: &Row, _: &TaskContext) -> Result<BTreeMap<String, String>> {
        let lead = lead::lead(fields::text(row, "document")?);
        Ok([("lead".to_owned(), lead.to_owned())].into())
    }

    fn read(&self, _: &Row, response: &Response, _: &TaskContext) -> Result<Prediction> {
        Ok(Prediction {
            output: reading::generated(response)?.to_owned(),
            ..Prediction::default()
        })
    }
}

/// The reference summaries, trimmed; at least one.
fn summaries(row: &Row) -> Result<Vec<String>> {
    fields::texts(row, "summary")?
        .into_iter()
        .map(|summary| {
            let summary = summary.trim();
            filled("summary", summary)?;
            Ok(summary.to_owned())
        })
        .collect()
}

fn filled(name: &str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Error::input(format!(
            "the field `{name}` is empty: drop the row from the dataset"
        )));
    }
    Ok(())
}

plugin!(Summarization);

#[cfg(test)]
mod tests;
