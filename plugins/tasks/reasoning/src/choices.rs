//! A question with its choices and its right answer, as a row has them.

use crate::Mode;
use mergelab_sdk::{Value, prelude::*, reading::folded};

/// A question, its choices (none where the answer is free), and the answers that count as right.
pub(crate) struct Question<'a> {
    pub(crate) text: &'a str,
    pub(crate) choices: Vec<String>,
    /// At least one. Just one, one of the choices, where there are choices.
    pub(crate) answers: Vec<String>,
}

impl<'a> Question<'a> {
    /// Reads a row.
    ///
    /// # Errors
    /// A field that is missing, empty or of another type, choices that cannot be told apart, an
    /// answer that is none of them.
    pub(crate) fn read(row: &'a Row, mode: Mode) -> Result<Self> {
        let text = fields::text(row, "question")?.trim();
        if text.is_empty() {
            return Err(Error::input("the field `question` is empty"));
        }
        let given = row.get("choices").is_some_and(|v| !v.is_null());
        if mode == Mode::Generate && !given {
            return Ok(Self {
                text,
                choices: Vec::new(),
                answers: free_answers(row)?,
            });
        }
        let choices = choices(row, mode)?;
        let answer = choices[position(row, &choices)?].clone();
        Ok(Self {
            text,
            choices,
            answers: vec![answer],
        })
    }

    /// The choices as lines of a prompt.
    pub(crate) fn listed(&self) -> String {
        let lines: Vec<String> = self.choices.iter().map(|c| format!("- {c}")).collect();
        lines.join("\n")
    }

    /// The choice that an output names.
    pub(crate) fn matching(&self, output: &str) -> Option<&str> {
        let line = output.lines().next().unwrap_or_default().trim();
        let said = folded(line);
        // The mode `choice` allows choices that differ in case alone.
        let exact = self.choices.iter().find(|c| *c == line);
        exact
            .or_else(|| self.choices.iter().find(|c| folded(c) == said))
            .map(String::as_str)
    }
}

/// The choices, trimmed: at least two, none empty, and all different in the way in which `mode`
/// compares them.
fn choices(row: &Row, mode: Mode) -> Result<Vec<String>> {
    let choices: Vec<String> = match row.get("choices") {
        // Numbers are usual as choices of sums.
        Some(Value::Array(values)) if values.iter().all(|v| v.is_string() || v.is_number()) => {
            let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            values.iter().map(|v| text(v).trim().to_owned()).collect()
        }
        _ => fields::texts(row, "choices")?,
    };
    if choices.len() < 2 {
        return Err(Error::input(
            "the field `choices` should be a list of two or more texts",
        ));
    }
    let key = |choice: &String| match mode {
        Mode::Choice => choice.clone(),
        Mode::Generate => folded(choice),
    };
    for (i, choice) in choices.iter().enumerate() {
        if choice.is_empty() {
            return Err(Error::input(format!(
                "the field `choices` has an empty text at index {i}"
            )));
        }
        if let Some(j) = choices[..i].iter().position(|c| key(c) == key(choice)) {
            return Err(Error::input(format!(
                "the field `choices` has the same text twice, at index {j} and {i}: `{choice}`"
            )));
        }
    }
    Ok(choices)
}

/// Index of the right choice: the field `answer` has it, or the choice's text.
fn position(row: &Row, choices: &[String]) -> Result<usize> {
    if let Some(Value::String(text)) = row.get("answer") {
        return choices.iter().position(|c| c == text.trim()).ok_or_else(|| {
            Error::input(format!(
                "the field `answer` is the text `{text}`, which is none of the choices: {}. For \
                 an index write a number from 0",
                choices.join(", ")
            ))
        });
    }
    let index = fields::index(row, "answer")?;
    if index >= choices.len() {
        return Err(Error::input(format!(
            "the field `answer` is {index}, and the {} choices count from 0 to {}",
            choices.len(),
            choices.len() - 1
        )));
    }
    Ok(index)
}

/// Answers of a question without choices: a text, a number, or a list of texts.
fn free_answers(row: &Row) -> Result<Vec<String>> {
    let answers = match row.get("answer") {
        Some(Value::Number(number)) => vec![number.to_string()],
        _ => fields::texts(row, "answer")?,
    };
    let answers: Vec<String> = answers.iter().map(|a| a.trim().to_owned()).collect();
    if answers.iter().any(String::is_empty) {
        return Err(Error::input("the field `answer` has an empty text"));
    }
    Ok(answers)
}
