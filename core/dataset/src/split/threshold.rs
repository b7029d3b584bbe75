//! Which numbers belong to which made split.

use super::made::{Made, Sizes};
use std::collections::BTreeMap;

/// The numbers of each made split: splits in order of their names, each from where the one before
/// ends, and the rest behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thresholds {
    /// Largest number of each split.
    ends: Vec<(String, u64)>,
    rest: String,
}

impl Thresholds {
    /// Thresholds of a set. `groups` gives the number and the language of every row; it is asked
    /// for counts alone.
    ///
    /// # Errors
    /// What `groups` says, or a language with fewer rows than the counts ask for.
    pub(crate) fn new<E>(
        made: &Made,
        groups: impl FnOnce() -> Result<Vec<(u64, String)>, E>,
    ) -> Result<Result<Self, String>, E> {
        let rest = made.rest.clone();
        Ok(match &made.sizes {
            Sizes::Shares(shares) => {
                let mut sum = 0.0;
                let ends = shares.iter().map(|(name, share)| {
                    sum += share;
                    // Saturates at the largest number; shares sum to less than 1.
                    (name.clone(), (sum * u64::MAX as f64) as u64)
                });
                Ok(Self {
                    ends: ends.collect(),
                    rest,
                })
            }
            Sizes::Counts(counts) => by_count(counts, groups()?).map(|ends| Self { ends, rest }),
        })
    }

    /// The split of a group.
    pub(crate) fn part(&self, number: u64) -> &str {
        let found = self.ends.iter().find(|(_, end)| number <= *end);
        found.map_or(&self.rest, |(name, _)| name)
    }
}

/// For each split the smallest end with which every language has the rows that are asked for.
fn by_count(
    counts: &BTreeMap<String, u64>,
    mut rows: Vec<(u64, String)>,
) -> Result<Vec<(String, u64)>, String> {
    rows.sort();
    let mut languages: Vec<&str> = rows.iter().map(|(_, language)| language.as_str()).collect();
    languages.sort_unstable();
    languages.dedup();
    let mut rows_left = rows.iter().peekable();
    let mut ends = Vec::new();
    for (name, count) in counts {
        let mut lacking: BTreeMap<&str, u64> = languages.iter().map(|l| (*l, *count)).collect();
        let mut end = None;
        // Rows of one number are one group, and a group is not torn apart.
        while let Some((number, language)) =
            rows_left.next_if(|(number, _)| !lacking.is_empty() || end == Some(*number))
        {
            end = Some(*number);
            if let Some(lack) = lacking.get_mut(language.as_str()) {
                *lack -= 1;
                if *lack == 0 {
                    lacking.remove(language.as_str());
                }
            }
        }
        match (end, lacking.first_key_value()) {
            (Some(end), None) => ends.push((name.clone(), end)),
            (_, lack) => {
                let (language, lack) = lack.map_or(("", *count), |(l, n)| (*l, *n));
                return Err(format!(
                    "the split `{name}` should have {count} rows of every language, and {lack} \
                     of the language `{language}` are lacking. Ask for fewer, or use `shares`"
                ));
            }
        }
    }
    Ok(ends)
}

#[cfg(test)]
mod tests;
