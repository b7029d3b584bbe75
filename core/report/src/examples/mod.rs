//! Examples with what each model answered, made small enough to lie in a page.
//!
//! Texts are kept once in a table and named by their places, as many answers are the same. Examples
//! are kept from the beginning of each task and language, as many of each as fit.

mod predictions;

use crate::run::{ALL, Run};
use predictions::Prediction;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Bytes that the examples may take, about.
pub(crate) const BUDGET: usize = 6_000_000;

/// Most signs of one text.
const LONGEST: usize = 8_000;

/// The examples of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Examples {
    /// Models in the order of the figures.
    pub(crate) models: Vec<String>,
    pub(crate) cells: Vec<Cell>,
    /// All texts, each once.
    texts: Vec<String>,
    /// Models of which one replicate stands for all.
    #[serde(skip)]
    pub(crate) replicated: bool,
    /// Texts that were cut.
    #[serde(skip)]
    pub(crate) cut: usize,
    #[serde(skip)]
    places: HashMap<String, usize>,
}

/// A task in a language.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cell {
    pub(crate) task: String,
    pub(crate) language: String,
    /// What scores are of.
    measure: String,
    /// Examples that the run has.
    pub(crate) all: usize,
    /// Id, and places of the prompt and of the reference.
    pub(crate) examples: Vec<(String, usize, usize)>,
    answers: Vec<Answers>,
}

/// A model's place, and for each example the place of its output and its score.
type Answers = (usize, Vec<Option<usize>>, Vec<Option<f64>>);

impl Examples {
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.examples.is_empty())
    }

    /// Examples that are shown, and that there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let shown = self.cells.iter().map(|c| c.examples.len()).sum();
        (shown, self.cells.iter().map(|c| c.all).sum())
    }

    fn text(&mut self, text: &str) -> usize {
        let end = text.char_indices().nth(LONGEST).map(|(end, _)| end);
        let text = match end {
            Some(end) => {
                self.cut += 1;
                format!("{} […]", &text[..end])
            }
            None => text.to_owned(),
        };
        if let Some(place) = self.places.get(&text) {
            return *place;
        }
        self.texts.push(text.clone());
        self.places.insert(text, self.texts.len() - 1);
        self.texts.len() - 1
    }
}

/// What was read of one task in one language.
struct Read {
    task: String,
    language: String,
    measure: String,
    order: Vec<String>,
    /// By model, then by id.
    models: Vec<(usize, BTreeMap<String, Prediction>)>,
}

impl Read {
    /// About the bytes that the example at a place takes.
    fn size(&self, place: usize) -> usize {
        let Some(id) = self.order.get(place) else {
            return 0;
        };
        let answers = self.models.iter().filter_map(|(_, found)| found.get(id));
        let (mut size, mut first) = (id.len() + 20, true);
        for answer in answers {
            if first {
                size += answer.prompt.len().min(LONGEST) + answer.reference.len().min(LONGEST);
                first = false;
            }
            size += answer.output.len().min(LONGEST) + 10;
        }
        size
    }
}

/// Reads the predictions of a run and keeps what fits into `budget` bytes.
pub(crate) fn examples(run: &Run, budget: usize) -> Examples {
    let mut examples = Examples::default();
    // A mean over replicates answered nothing itself: its first replicate stands for it.
    for model in run.shown() {
        let own = model.replicates.first();
        examples.replicated |= own.is_some();
        examples.models.push(own.unwrap_or(&model.name).clone());
    }
    let mut reads = Vec::new();
    for task in run.tasks() {
        for language in run.languages(task).into_iter().filter(|l| *l != ALL) {
            reads.push(read(run, &examples.models, task, language));
        }
    }
    reads.retain(|read| !read.order.is_empty());
    // The same number of each task and language, as large as fits.
    let longest = reads.iter().map(|r| r.order.len()).max().unwrap_or(0);
    let (mut kept, mut size) = (0, 0);
    while kept < longest {
        size += reads.iter().map(|r| r.size(kept)).sum::<usize>();
        if size > budget && kept > 0 {
            break;
        }
        kept += 1;
    }
    for read in reads {
        let cell = cell(&mut examples, read, kept);
        examples.cells.push(cell);
    }
    examples
}

fn read(run: &Run, models: &[String], task: &str, language: &str) -> Read {
    let measure = run.measure(task);
    let mut order = Vec::new();
    let mut found = Vec::new();
    for (place, model) in models.iter().enumerate() {
        let lines = predictions::read(run, model, task, language, measure);
        if lines.is_empty() {
            continue;
        }
        if order.is_empty() {
            order = lines.iter().map(|(id, _)| id.clone()).collect();
        }
        found.push((place, lines.into_iter().collect()));
    }
    Read {
        task: task.to_owned(),
        language: language.to_owned(),
        measure: measure.map_or(String::new(), |m| m.name.clone()),
        order,
        models: found,
    }
}

fn cell(examples: &mut Examples, read: Read, kept: usize) -> Cell {
    let ids: Vec<String> = read.order.iter().take(kept).cloned().collect();
    let mut rows = Vec::new();
    for id in &ids {
        let one = read.models.iter().find_map(|(_, found)| found.get(id));
        if let Some(one) = one {
            let (prompt, reference) = (examples.text(&one.prompt), examples.text(&one.reference));
            rows.push((id.clone(), prompt, reference));
        }
    }
    let answers = read
        .models
        .iter()
        .map(|(model, found)| {
            let own = ids.iter().map(|id| found.get(id));
            let (mut outputs, mut scores) = (Vec::new(), Vec::new());
            for answer in own {
                outputs.push(answer.map(|a| examples.text(&a.output)));
                scores.push(answer.and_then(|a| a.score));
            }
            (*model, outputs, scores)
        })
        .collect();
    Cell {
        task: read.task,
        language: read.language,
        measure: read.measure,
        all: read.order.len(),
        examples: rows,
        answers,
    }
}
