//! What names the rows of a view.

use super::results::{ResultRow, field};

/// What names each model: the columns that were asked for, and what tells models apart that have
/// the same there.
pub(super) fn labels(
    models: &[ResultRow],
    names: &[String],
    baseline: Option<&str>,
) -> Vec<Vec<String>> {
    let plain = |row: &ResultRow| -> Vec<String> {
        let name = |column: &String| match (column.as_str(), field(row, column)) {
            // Models that are not merged have no method.
            ("method", "") => field(row, "model").to_owned(),
            (_, text) => text.to_owned(),
        };
        names.iter().map(name).collect()
    };
    let mut labels: Vec<Vec<String>> = models.iter().map(plain).collect();
    for i in 0..labels.len() {
        let own = plain(&models[i]);
        let alike: Vec<&ResultRow> = models.iter().filter(|row| plain(row) == own).collect();
        if alike.len() == 1 {
            continue;
        }
        let differing: Vec<String> = models[i]
            .iter()
            .filter(|(column, _)| column.starts_with("param_") || *column == "seed")
            .filter(|(column, value)| alike.iter().any(|row| field(row, column) != value.as_str()))
            .filter(|(_, value)| !value.is_empty())
            .map(|(column, value)| format!("{}={value}", column.trim_start_matches("param_")))
            .collect();
        let told = match differing.is_empty() {
            true => field(&models[i], "model").to_owned(),
            false => differing.join(" "),
        };
        labels[i][0] = format!("{} {told}", labels[i][0]).trim().to_owned();
    }
    for i in 0..labels.len() {
        if labels.iter().filter(|other| **other == labels[i]).count() > 1 {
            labels[i][0] = field(&models[i], "model").to_owned();
        }
    }
    for (row, label) in models.iter().zip(&mut labels) {
        let model = field(row, "model");
        let replicates = field(row, "replicates").parse::<u64>().unwrap_or(1);
        let mut said = Vec::new();
        if replicates > 1 {
            said.push(format!("{replicates} seeds"));
        }
        if baseline == Some(model) {
            said.push("baseline".to_owned());
        }
        if !said.is_empty() {
            label[0] = format!("{} ({})", label[0], said.join(", "));
        }
    }
    labels
}
