//! `costs.csv`.

use super::field::Field;
use super::schema::{COSTS, VERSION, header};
use super::write::{Row, Table};
use crate::ledger::Ledger;

/// The device of stages that ask a server.
pub(crate) const ENDPOINT: &str = "endpoint";

/// What one stage cost.
#[derive(Debug, Clone, PartialEq)]
pub struct StageCost {
    /// Kind of the stage, such as `train`.
    pub stage: String,
    /// What it makes.
    pub name: String,
    /// Content key of its artifact.
    pub key: String,
    /// Whether the artifact was there before this run.
    pub cached: bool,
    /// Its account, from the run that made the artifact.
    pub ledger: Ledger,
}

/// The table of what the stages cost, in the order given.
pub fn costs(experiment: &str, stages: &[StageCost]) -> Table {
    let rows = stages.iter().map(|stage| row(experiment, stage)).collect();
    Table::new(header(COSTS, &[]), rows)
}

fn row(experiment: &str, stage: &StageCost) -> Row {
    let ledger = &stage.ledger;
    let mut untold = Vec::new();
    for (name, told) in [
        ("cpu_seconds", ledger.cpu_seconds.is_some()),
        ("peak_memory", ledger.peak_memory.is_some()),
        ("energy_joules", ledger.energy_joules.is_some()),
    ] {
        if !told {
            untold.push(format!("the system does not tell {name}"));
        }
    }
    if ledger.device == ENDPOINT {
        untold = vec!["what the server spent is not known, but for its tokens".to_owned()];
    } else if ledger.flops.is_none() {
        untold.push("flops are estimated for training, generating and merging".to_owned());
    }
    let fields = [
        ("schema", Field::Integer(VERSION)),
        ("experiment", Field::text(experiment)),
        ("stage", Field::text(&stage.stage)),
        ("name", Field::text(&stage.name)),
        ("key", Field::text(&stage.key)),
        ("cached", Field::Boolean(stage.cached)),
        ("wall_seconds", Field::Float(ledger.wall_seconds)),
        (
            "cpu_seconds",
            Field::maybe(ledger.cpu_seconds, Field::Float),
        ),
        ("device_seconds", Field::Float(ledger.device_seconds)),
        (
            "peak_memory",
            Field::maybe(ledger.peak_memory, Field::Integer),
        ),
        ("bytes", Field::Integer(ledger.bytes)),
        ("tokens", Field::Integer(ledger.tokens)),
        ("examples", Field::Integer(ledger.examples)),
        (
            "tokens_per_second",
            Field::maybe(ledger.tokens_per_second(), Field::Float),
        ),
        ("flops", Field::maybe(ledger.flops, Field::Float)),
        (
            "energy_joules",
            Field::maybe(ledger.energy_joules, Field::Float),
        ),
        ("energy_of", Field::names(&ledger.energy_of)),
        ("processes", Field::count(ledger.processes)),
        ("threads", Field::count(ledger.threads)),
        ("jobs", Field::count(ledger.jobs)),
        ("device", Field::text(&ledger.device)),
        ("started_at", Field::Integer(ledger.started_at)),
        (
            "plugin_hash",
            Field::maybe(ledger.plugin_hash.as_deref(), Field::text),
        ),
        ("mergelab", Field::text(&ledger.mergelab)),
        ("note", Field::plain(untold.join("; "))),
    ];
    fields.map(|(name, field)| (name.to_owned(), field)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_its_row() {
        let stage = |name: &str, cached| StageCost {
            stage: "train".into(),
            name: name.into(),
            key: "k".into(),
            cached,
            ledger: Ledger {
                wall_seconds: 1.25,
                cpu_seconds: Some(2.5),
                tokens: 50,
                flops: Some(3e6),
                energy_joules: Some(12.5),
                energy_of: vec!["package-0".into(), "A GPU".into()],
                processes: 2,
                device: "flex".into(),
                ..Ledger::default()
            },
        };
        let table = costs("first", &[stage("de", false), stage("-en", true)]);
        let field = |row: usize, name: &str| {
            let column = table.header.iter().position(|h| h == name).unwrap();
            table.rows[row][column].as_str()
        };
        assert_eq!([field(0, "name"), field(1, "name")], ["de", "'-en"]);
        assert_eq!([field(0, "cached"), field(1, "cached")], ["false", "true"]);
        assert_eq!(
            [field(0, "wall_seconds"), field(0, "cpu_seconds")],
            ["1.25", "2.5"]
        );
        assert_eq!(
            [field(0, "tokens_per_second"), field(0, "flops")],
            ["40.0", "3000000.0"]
        );
        assert_eq!(
            ["energy_joules", "energy_of", "processes"].map(|name| field(0, name)),
            ["12.5", "package-0;A GPU", "2"]
        );
        assert_eq!(field(0, "peak_memory"), "");
        assert_eq!(field(0, "note"), "the system does not tell peak_memory");
        let names: Vec<_> = row("x", &stage("de", false))
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        assert_eq!(names, table.header);
    }
}
