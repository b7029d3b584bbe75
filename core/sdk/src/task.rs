//! Tasks.

use crate::{Error, Params, Prediction, Reference, Request, Response, Result, Row, params};
use mergelab_abi::{
    describe::TaskTraits,
    task::{Prepared, Task as AbiTask, TaskSetup},
};

use std::collections::BTreeMap;

pub mod fields;

/// What a task knows beside its parameters.
#[derive(Debug, Clone)]
pub struct TaskContext {
    /// Language of the rows, as a BCP 47 code such as `de`.
    pub language: String,
    /// The label set that the dataset declares; empty where it declares none.
    pub labels: Vec<String>,
}

/// Turns dataset rows into requests, and responses into predictions.
pub trait Task: Params {
    /// The task's name in manifests and result tables.
    const ID: &'static str;
    /// Fields that every row must have.
    const FIELDS: &'static [&'static str];
    /// Fields that a row may have.
    const OPTIONAL_FIELDS: &'static [&'static str] = &[];
    /// Whether the dataset must declare a label set.
    const LABELS: bool = false;
    /// Metrics that are used when a manifest names none.
    const METRICS: &'static [&'static str];

    /// A row that the task takes, and the labels of its dataset. For documentation and
    /// conformance checks.
    fn example() -> (Row, Vec<String>);

    /// Checks the parameters and the context together, once, before any row.
    ///
    /// # Errors
    /// What does not fit, such as a prompt that lacks a placeholder.
    fn check(&self, context: &TaskContext) -> Result<()> {
        let _ = context;
        Ok(())
    }

    /// What to ask the model.
    ///
    /// # Errors
    /// A field that is missing or wrong.
    fn request(&self, row: &Row, context: &TaskContext) -> Result<Request>;

    /// What a model that is fine-tuned on this row learns to say after the prompt.
    ///
    /// # Errors
    /// A field that is missing or wrong.
    fn answer(&self, row: &Row, context: &TaskContext) -> Result<String>;

    /// What is right.
    ///
    /// # Errors
    /// A field that is missing or wrong, such as a label outside the label set.
    fn reference(&self, row: &Row, context: &TaskContext) -> Result<Reference>;

    /// Outputs that need no model, by name, such as the first sentence of a document: what a model
    /// must beat. They are read like generated text.
    ///
    /// # Errors
    /// A field that is missing or wrong.
    fn trivial(&self, row: &Row, context: &TaskContext) -> Result<BTreeMap<String, String>> {
        let _ = (row, context);
        Ok(BTreeMap::new())
    }

    /// Reads a response.
    ///
    /// # Errors
    /// A response of the wrong kind. An answer that makes no sense is no error: it is a prediction
    /// without a label.
    fn read(&self, row: &Row, response: &Response, context: &TaskContext) -> Result<Prediction>;
}

pub(crate) fn traits<T: Task>() -> TaskTraits {
    let (example, example_labels) = T::example();
    let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    TaskTraits {
        fields: owned(T::FIELDS),
        optional_fields: owned(T::OPTIONAL_FIELDS),
        labels: T::LABELS,
        metrics: owned(T::METRICS),
        example,
        example_labels,
    }
}

struct Configured<T> {
    task: T,
    context: TaskContext,
}

/// Says which row an error is about.
fn at<T>(row: usize, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Panic { .. } => error,
        other => Error::input(format!("row {}: {other}", row + 1)),
    })
}

impl<T: Task> AbiTask for Configured<T> {
    fn prepare(&self, rows: &[Row]) -> Result<Vec<Prepared>> {
        rows.iter()
            .enumerate()
            .map(|(i, row)| {
                Ok(Prepared {
                    request: at(i, self.task.request(row, &self.context))?,
                    answer: at(i, self.task.answer(row, &self.context))?,
                    reference: at(i, self.task.reference(row, &self.context))?,
                    trivial: at(i, self.task.trivial(row, &self.context))?,
                })
            })
            .collect()
    }

    fn read(&self, rows: &[Row], responses: &[Response]) -> Result<Vec<Prediction>> {
        rows.iter()
            .zip(responses)
            .enumerate()
            .map(|(i, (row, response))| at(i, self.task.read(row, response, &self.context)))
            .collect()
    }
}

pub(crate) fn open<T: Task>(setup: TaskSetup) -> Result<Box<dyn AbiTask>> {
    let task: T = params::read(&setup.params, 0)?;
    if T::LABELS && setup.labels.is_empty() {
        return Err(Error::input(format!(
            "the task `{}` needs a label set: add `labels = [...]` to the dataset's card",
            T::ID
        )));
    }
    let context = TaskContext {
        language: setup.language,
        labels: setup.labels,
    };
    task.check(&context)?;
    Ok(Box::new(Configured { task, context }))
}
