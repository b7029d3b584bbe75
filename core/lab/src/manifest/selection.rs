//! Choosing among merges by what they score on a split that is not the tested one: `[selection]`
//! and `select`.

use super::{
    reader::{FlagOrTable, Reader},
    source::{Located, ManifestError, Span},
};
use serde::{Deserialize, Serialize};

/// How what a candidate scores on several tasks becomes one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The mean of the measures. A measure of which less is better counts negatively.
    Mean,
    /// The mean of the candidate's ranks, which no measure's unit has a part in.
    Rank,
}

impl Combine {
    /// The word in manifests and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Rank => "rank",
        }
    }
}

/// Successive halving: all candidates on a few rows, the best ones on more, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halving {
    /// Rows per language of the first round.
    pub rows: usize,
    /// One candidate in so many goes on, with so many times the rows.
    pub factor: usize,
}

/// How to choose among the merges of one entry.
#[derive(Debug, Clone)]
pub struct Select {
    /// The split that candidates are compared on.
    pub split: Located<String>,
    /// Most rows per language.
    pub rows: Option<usize>,
    /// The tasks that count; all where absent.
    pub tasks: Option<Vec<Located<String>>>,
    /// The measure that counts, by task; a task's first tested one where there is none.
    pub measures: Vec<(Located<String>, Located<String>)>,
    /// How the tasks are combined.
    pub combine: Combine,
    /// How many are chosen.
    pub keep: usize,
    /// Rounds.
    pub halving: Option<Halving>,
    /// Its place in the manifest.
    pub span: Span,
}

impl Select {
    /// What `[selection]` declares for every `select`.
    pub(super) fn defaults(root: &Reader<'_>) -> Result<Self, ManifestError> {
        let plain = Self {
            split: Located {
                value: "validation".to_owned(),
                span: root.span(),
            },
            rows: None,
            tasks: None,
            measures: Vec::new(),
            combine: Combine::Mean,
            keep: 1,
            halving: None,
            span: root.span(),
        };
        match root.table("selection")? {
            None => Ok(plain),
            Some(table) => plain.with(&table),
        }
    }

    /// The `select` of an entry over the defaults. `None` where the entry does not choose.
    pub(super) fn read(
        reader: &Reader<'_>,
        defaults: &Self,
    ) -> Result<Option<Self>, ManifestError> {
        match reader.flag_or_table("select")? {
            None => Ok(None),
            Some(FlagOrTable::Flag(flag)) if !flag.value => Ok(None),
            Some(FlagOrTable::Flag(flag)) => {
                let mut select = defaults.clone();
                select.place(flag.span);
                Ok(Some(select))
            }
            Some(FlagOrTable::Table(table)) => {
                let mut select = defaults.clone();
                select.place(table.span());
                select.with(&table).map(Some)
            }
        }
    }

    fn place(&mut self, span: Span) {
        // The split of `[selection]` keeps its own place.
        if self.split.span == self.span {
            self.split.span = span.clone();
        }
        self.span = span;
    }

    fn with(mut self, table: &Reader<'_>) -> Result<Self, ManifestError> {
        let above_0 = |reader: &Reader<'_>, key: &str| match reader.whole(key)? {
            Some(0) => Err(reader.error(reader.span_of(key), format!("`{key}` cannot be 0."))),
            other => Ok(other.map(|n| n as usize)),
        };
        if let Some(split) = table.text("split")? {
            self.split = split;
        }
        self.rows = above_0(table, "rows")?.or(self.rows);
        if let Some(tasks) = table.texts("tasks")? {
            self.tasks = Some(tasks);
        }
        if let Some(measures) = table.table("measure")? {
            self.measures.clear();
            for task in measures.keys() {
                let measure = measures.required_text(&task.value)?;
                self.measures.push((task, measure));
            }
        }
        if let Some(word) = table.text("combine")? {
            self.combine = match word.value.as_str() {
                "mean" => Combine::Mean,
                "rank" => Combine::Rank,
                other => {
                    return Err(table.error(
                        word.span,
                        format!("`combine` = \"{other}\" is not one of mean, rank."),
                    ));
                }
            };
        }
        self.keep = above_0(table, "keep")?.unwrap_or(self.keep);
        if let Some(halving) = table.table("halving")? {
            let factor = above_0(&halving, "factor")?.unwrap_or(2);
            if factor < 2 {
                let message = "`factor` below 2 leaves all candidates in.";
                return Err(halving.error(halving.span_of("factor"), message));
            }
            let rows = above_0(&halving, "rows")?.ok_or_else(|| halving.missing("rows"))?;
            halving.finish()?;
            self.halving = Some(Halving { rows, factor });
        }
        table.finish()?;
        Ok(self)
    }

    /// How many candidates each round begins with, how many rows it has and how many it keeps.
    pub fn rounds(&self, candidates: usize) -> Vec<Round> {
        let Some(halving) = self.halving else {
            return vec![Round {
                rows: self.rows,
                keep: self.keep,
            }];
        };
        let most = self.rows.unwrap_or(usize::MAX);
        let mut rounds = Vec::new();
        let (mut left, mut rows) = (candidates, halving.rows);
        loop {
            let keep = left.div_ceil(halving.factor).max(self.keep);
            let whole = rows >= most;
            rounds.push(Round {
                rows: Some(rows.min(most)),
                // With no more rows to give, nothing is left to find out.
                keep: if whole { self.keep } else { keep },
            });
            if whole || keep <= self.keep {
                return rounds;
            }
            left = keep;
            rows = rows.saturating_mul(halving.factor);
        }
    }
}

/// One round of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Most rows per language.
    pub rows: Option<usize>,
    /// How many candidates go on, or are chosen in the last round.
    pub keep: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(candidates: usize, keep: usize, rows: Option<usize>) -> Vec<(Option<usize>, usize)> {
        let span = 0..0;
        let select = Select {
            split: Located {
                value: "validation".to_owned(),
                span: span.clone(),
            },
            rows,
            tasks: None,
            measures: Vec::new(),
            combine: Combine::Mean,
            keep,
            halving: Some(Halving {
                rows: 50,
                factor: 3,
            }),
            span,
        };
        let rounds = select.rounds(candidates).into_iter();
        rounds.map(|r| (r.rows, r.keep)).collect()
    }

    #[test]
    fn a_third_goes_on_with_three_times_the_rows() {
        assert_eq!(rounds(9, 1, None), [(Some(50), 3), (Some(150), 1)]);
        assert_eq!(
            rounds(12, 1, None),
            [(Some(50), 4), (Some(150), 2), (Some(450), 1)]
        );
        assert_eq!(rounds(12, 2, None), [(Some(50), 4), (Some(150), 2)]);
        assert_eq!(rounds(1, 1, None), [(Some(50), 1)]);
        assert_eq!(rounds(2, 5, None), [(Some(50), 5)]);
    }

    #[test]
    fn the_rows_end_the_rounds() {
        assert_eq!(rounds(27, 1, Some(150)), [(Some(50), 9), (Some(150), 1)]);
        assert_eq!(rounds(27, 1, Some(20)), [(Some(20), 1)]);
    }
}
