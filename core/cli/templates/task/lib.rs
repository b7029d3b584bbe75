//! Task: questions with short answers.
#![forbid(unsafe_code)]

use mergelab_sdk::prelude::*;

/// Answers a question in a few words.
#[derive(Params)]
pub struct PluginName {
    /// What the model is asked; `{question}` stands for the question.
    #[param(default = "Question: {question}\nAnswer:")]
    prompt: String,
    /// Most tokens of an answer.
    #[param(default = 32, min = 1)]
    max_new_tokens: usize,
}

impl Task for PluginName {
    const ID: &'static str = "{{id}}";
    const FIELDS: &'static [&'static str] = &["question", "answers"];
    const METRICS: &'static [&'static str] = &["exact_match"];

    // A row that the task takes: documentation, and input of the conformance checks.
    fn example() -> (Row, Vec<String>) {
        let mut row = Row::new();
        row.insert(
            "question".to_owned(),
            json!("What is the capital of France?"),
        );
        row.insert("answers".to_owned(), json!(["Paris"]));
        (row, Vec::new())
    }

    // Runs once, before any row.
    fn check(&self, _context: &TaskContext) -> Result<()> {
        if self.prompt.contains("{question}") {
            Ok(())
        } else {
            Err(Error::parameter(
                "prompt",
                "`prompt` lacks `{question}`: every row would be asked the same",
            ))
        }
    }

    fn request(&self, row: &Row, _context: &TaskContext) -> Result<Request> {
        Ok(Request::Generate {
            prompt: self
                .prompt
                .replace("{question}", fields::text(row, "question")?),
            max_new_tokens: self.max_new_tokens,
            stop: vec!["\n".to_owned()],
        })
    }

    // What fine-tuning teaches to say after the prompt: the first of the right answers.
    fn answer(&self, row: &Row, _context: &TaskContext) -> Result<String> {
        Ok(format!(" {}", fields::texts(row, "answers")?[0]))
    }

    fn reference(&self, row: &Row, _context: &TaskContext) -> Result<Reference> {
        Ok(Reference {
            texts: fields::texts(row, "answers")?,
            label: None,
        })
    }

    fn read(&self, _row: &Row, response: &Response, _context: &TaskContext) -> Result<Prediction> {
        match response {
            Response::Generated { text } => Ok(Prediction {
                output: text.trim().to_owned(),
                ..Prediction::default()
            }),
            Response::Scored { .. } => Err(Error::input("a generated text was asked for")),
        }
    }
}

plugin!(PluginName);

#[cfg(test)]
mod tests {
    use super::*;

    // Missing fields, determinism, and that its own answer is read as right.
    mergelab_sdk::conformance!(super::PluginName);

    #[test]
    fn the_question_is_in_the_prompt() {
        let task = PluginName {
            prompt: "Q: {question} A:".to_owned(),
            max_new_tokens: 8,
        };
        let context = TaskContext {
            language: "en".to_owned(),
            labels: Vec::new(),
        };
        let request = task.request(&PluginName::example().0, &context);
        assert_eq!(
            request.as_ref().map(Request::prompt),
            Ok("Q: What is the capital of France? A:")
        );
    }
}
