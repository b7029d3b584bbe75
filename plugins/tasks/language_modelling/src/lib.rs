//! Task: how likely a model finds texts.
#![forbid(unsafe_code)]

use mergelab_sdk::{prelude::*, reading};

/// Scores texts by their log-likelihood, for perplexity and bits per byte.
#[derive(Params)]
pub struct LanguageModelling {
    /// Most tokens that the model reads at a time; the model's context where it is left out.
    window: Option<usize>,
    /// Tokens that each window after the first adds; half of `window` where it is left out.
    stride: Option<usize>,
}

/// The field that holds the text. White space is part of it.
fn text(row: &Row) -> Result<&str> {
    let text = fields::text(row, "text")?;
    if text.trim().is_empty() {
        return Err(Error::input(
            "the field `text` is empty: drop the row from the dataset",
        ));
    }
    Ok(text)
}

impl Task for LanguageModelling {
    const ID: &'static str = "language_modelling";
    const FIELDS: &'static [&'static str] = &["text"];
    const METRICS: &'static [&'static str] = &["perplexity"];

    fn example() -> (Row, Vec<String>) {
        let mut row = Row::new();
        row.insert(
            "text".to_owned(),
            json!("The harbour closed early. Ships waited outside until the storm had passed."),
        );
        (row, Vec::new())
    }

    fn check(&self, _: &TaskContext) -> Result<()> {
        for (name, value) in [("window", self.window), ("stride", self.stride)] {
            if value == Some(0) {
                return Err(Error::parameter(
                    name,
                    format!("`{name}` is 0: it counts tokens, from 1."),
                ));
            }
        }
        match (self.window, self.stride) {
            (Some(window), Some(stride)) if stride > window => Err(Error::parameter(
                "stride",
                format!(
                    "`stride` is {stride} and `window` {window}: tokens between two windows would \
                     not be scored. Set a stride from 1 to {window}."
                ),
            )),
            _ => Ok(()),
        }
    }

    fn request(&self, row: &Row, _: &TaskContext) -> Result<Request> {
        Ok(Request::Likelihood {
            text: text(row)?.to_owned(),
            window: self.window,
            stride: self.stride,
        })
    }

    fn answer(&self, row: &Row, _: &TaskContext) -> Result<String> {
        text(row).map(str::to_owned)
    }

    fn reference(&self, row: &Row, _: &TaskContext) -> Result<Reference> {
        Ok(Reference {
            texts: vec![text(row)?.to_owned()],
            label: None,
        })
    }

    fn read(&self, row: &Row, response: &Response, _: &TaskContext) -> Result<Prediction> {
        let (log_likelihoods, tokens) = reading::scored(response, 1)?;
        let likelihood = Likelihood::of(text(row)?, log_likelihoods[0], tokens[0]);
        Ok(Prediction {
            likelihood: Some(likelihood),
            ..Prediction::default()
        })
    }
}

plugin!(LanguageModelling);

#[cfg(test)]
mod tests {
    use super::*;

    mergelab_sdk::conformance!(super::LanguageModelling);

    fn context() -> TaskContext {
        TaskContext {
            language: "de".to_owned(),
            labels: Vec::new(),
        }
    }

    fn row(text: &str) -> Row {
        Row::from_iter([("text".to_owned(), json!(text))])
    }

    const TASK: LanguageModelling = LanguageModelling {
        window: Some(512),
        stride: None,
    };

    #[test]
    fn white_space_is_part_of_the_text() {
        let wanted = Request::Likelihood {
            text: " Über uns\n".to_owned(),
            window: Some(512),
            stride: None,
        };
        let row = row(" Über uns\n");
        assert_eq!(TASK.request(&row, &context()), Ok(wanted));
        let response = Response::Scored {
            log_likelihoods: vec![-12.5],
            tokens: vec![4],
        };
        let read = TASK
            .read(&row, &response, &context())
            .expect("a prediction");
        let likelihood = Likelihood {
            log_likelihood: -12.5,
            tokens: 4,
            words: 2,
            bytes: 11,
            characters: 10,
        };
        assert_eq!(read.likelihood, Some(likelihood));
        assert_eq!(read.output, "");
    }

    #[test]
    fn what_cannot_be_scored_is_refused() {
        assert!(TASK.request(&row(" \n"), &context()).is_err());
        let text = Response::Generated {
            text: "so".to_owned(),
        };
        assert!(TASK.read(&row("so"), &text, &context()).is_err());
        let check = |window, stride| {
            let checked = LanguageModelling { window, stride }.check(&context());
            checked.err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(check(None, Some(512)), "");
        assert_eq!(check(Some(4), Some(4)), "");
        assert!(check(Some(0), None).contains("from 1"));
        assert!(check(Some(4), Some(5)).contains("from 1 to 4"));
    }
}
