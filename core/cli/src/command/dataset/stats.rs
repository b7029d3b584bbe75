//! `mergelab dataset stats`: rows, lengths and labels.

use super::card;
use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_dataset::stats::{Group, Unit, stats};
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  mergelab dataset stats generated-sentiment
  mergelab dataset stats wikilingua --bytes
  mergelab dataset stats my/data/card.toml --json";

/// Counts a data set: rows per split and language, lengths of texts, shares of labels.
///
/// Lengths are percentiles over rows, in characters or in UTF-8 bytes; a list of texts is as long
/// as its texts together. Where rows have choices, labels are the positions of the right one.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Name of a set, or path of a card or of its folder.
    #[arg(value_name = "CARD")]
    set: String,
    /// Count bytes instead of characters.
    #[arg(long)]
    bytes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(&self, cards: &Path) -> Result<Exit, Failure> {
        let card = card(cards, &self.set)?;
        let unit = match self.bytes {
            true => Unit::Bytes,
            false => Unit::Characters,
        };
        let groups = stats(&card, unit).map_err(Failure::refused)?;
        if self.json {
            output::json(&groups)?;
        } else {
            output::text(&text(&groups, unit))?;
        }
        Ok(Exit::Done)
    }
}

fn text(groups: &[Group], unit: Unit) -> String {
    let head = ["SPLIT", "LANGUAGE", "ROWS", "CLUSTERS", "LABELS"].map(str::to_owned);
    let rows = groups.iter().map(|group| {
        let labels = group.labels.iter().map(|(label, count)| {
            let share = 100.0 * *count as f64 / group.rows.max(1) as f64;
            format!("{label} {share:.1} %")
        });
        let labels: Vec<String> = labels.collect();
        [
            group.split.clone(),
            group.language.clone(),
            group.rows.to_string(),
            group.clusters.map_or("-".to_owned(), |c| c.to_string()),
            labels.join(", "),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let mut text = output::table(&rows);
    let unit = match unit {
        Unit::Characters => "CHARACTERS OF",
        Unit::Bytes => "BYTES OF",
    };
    let head = ["SPLIT", "LANGUAGE", unit, "MEAN", "P5", "P50", "P95", "MAX"];
    let mut rows = vec![head.map(str::to_owned)];
    for group in groups {
        for (field, lengths) in &group.lengths {
            rows.push([
                group.split.clone(),
                group.language.clone(),
                field.clone(),
                format!("{:.1}", lengths.mean),
                lengths.p5.to_string(),
                lengths.p50.to_string(),
                lengths.p95.to_string(),
                lengths.max.to_string(),
            ]);
        }
    }
    if rows.len() > 1 {
        text.push('\n');
        text.push_str(&output::table(&rows));
    }
    text
}
