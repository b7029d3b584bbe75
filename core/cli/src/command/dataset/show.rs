//! `mergelab dataset show`: a set, and its first rows as a task sees them.

use super::card;
use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_dataset::{Card, Placed, Rows};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt::Write as _, path::Path};

const EXAMPLES: &str = "\
Examples:
  mergelab dataset show belebele
  mergelab dataset show generated-reasoning --rows 2 --language de
  mergelab dataset show datasets/xlsum/card.toml --json";

/// Signs of a value that are shown.
const SHOWN: usize = 200;

/// Shows a data set: what it is, where it is from, its splits, and rows as tasks see them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Name of a set, or path of a card or of its folder.
    set: String,
    /// Show the first rows of each split that is there.
    #[arg(long, value_name = "N", default_value_t = 0)]
    rows: usize,
    /// Rows of this language.
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    name: &'a str,
    title: &'a Option<String>,
    version: &'a Option<String>,
    description: &'a str,
    task: &'a Option<String>,
    languages: &'a [String],
    labels: &'a [String],
    licence: &'a Option<String>,
    citation: &'a Option<String>,
    generated: bool,
    source: &'a mergelab_dataset::card::Origin,
    params: &'a Map<String, Value>,
    splits: Vec<Split<'a>>,
}

#[derive(Serialize)]
struct Split<'a> {
    name: &'a str,
    files: &'a [String],
    here: Vec<String>,
    unpinned: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    made: Option<&'a mergelab_dataset::split::Made>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<BTreeMap<&'static str, Value>>,
}

impl Arguments {
    pub(super) fn run(&self, cards: &Path) -> Result<Exit, Failure> {
        let card = card(cards, &self.set)?;
        let splits = card.splits.values().map(|split| self.split(&card, split));
        let report = Report {
            name: &card.name,
            title: &card.title,
            version: &card.version,
            description: &card.description,
            task: &card.task,
            languages: &card.languages,
            labels: &card.labels,
            licence: &card.licence,
            citation: &card.citation,
            generated: card.generated,
            source: &card.origin,
            params: &card.params,
            splits: splits.collect::<Result<Vec<_>, Failure>>()?,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&text(&report))?;
        }
        Ok(Exit::Done)
    }

    fn split<'a>(
        &self,
        card: &Card,
        split: &'a mergelab_dataset::Split,
    ) -> Result<Split<'a>, Failure> {
        let here = card.files(split, self.language.as_deref());
        let unpinned = here.iter().filter(|f| card.pinned(split, f).is_none());
        let unpinned = unpinned.map(|f| f.name.clone()).collect();
        let mut rows = Vec::new();
        if self.rows > 0 && !here.is_empty() {
            let all = Rows::open(card, split, self.language.as_deref());
            for placed in all.map_err(Failure::refused)?.take(self.rows) {
                rows.push(row(placed.map_err(Failure::refused)?));
            }
        }
        Ok(Split {
            name: &split.name,
            files: &split.files,
            here: here.into_iter().map(|f| f.name).collect(),
            unpinned,
            made: split.part.as_ref().map(|part| &*part.made),
            rows,
        })
    }
}

fn row(placed: Placed) -> BTreeMap<&'static str, Value> {
    let place = format!("{}:{}", placed.file.display(), placed.line);
    BTreeMap::from([
        ("place", Value::from(place)),
        ("language", Value::from(placed.language)),
        ("id", Value::from(placed.example.id)),
        ("cluster", Value::from(placed.example.cluster)),
        ("row", Value::Object(placed.example.row)),
    ])
}

fn text(report: &Report<'_>) -> String {
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push([name.to_owned(), value]);
        }
    };
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    add("name", report.name.to_owned());
    add("title", word(report.title));
    add("version", word(report.version));
    add("task", word(report.task));
    add("languages", report.languages.join(" "));
    add("labels", report.labels.join(", "));
    add(
        "licence",
        report
            .licence
            .clone()
            .unwrap_or_else(|| "unknown".to_owned()),
    );
    add("source", word(&report.source.from));
    add("fetched by", word(&report.source.fetch));
    add("page", word(&report.source.url));
    if report.source.gated {
        add(
            "gated",
            "accept the terms at the source, and set HF_TOKEN".to_owned(),
        );
    }
    let mut text = output::table(&rows);
    let _ = writeln!(text, "\n{}", report.description);
    for split in &report.splits {
        let made = match split.made {
            Some(made) => format!(", made by group with seed {}", made.seed),
            None => String::new(),
        };
        let (here, unpinned) = (split.here.len(), split.unpinned.len());
        let files = split.files.join(", ");
        let _ = writeln!(
            text,
            "\n{}: {files}\n  files here: {here}, without a hash in the card: {unpinned}{made}",
            split.name
        );
        for row in &split.rows {
            let word = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
            let _ = writeln!(text, "  {} ({})", word("id"), word("language"));
            let fields = row.get("row").and_then(Value::as_object);
            for (name, value) in fields.into_iter().flatten() {
                let _ = writeln!(text, "    {name}: {}", short(value));
            }
        }
    }
    if let Some(citation) = report.citation {
        let _ = writeln!(text, "\ncite: {citation}");
    }
    text
}

fn short(value: &Value) -> String {
    let whole = match value {
        Value::String(text) => text.replace('\n', "⏎"),
        other => other.to_string(),
    };
    match whole.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}
