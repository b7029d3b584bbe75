//! The run in words, made from its numbers by rules.
//!
//! Nothing is said that a test does not support: a difference without a verdict is called
//! undecided, and what is shown to be small needs a margin that was declared.
//!
//! | module | what it tells |
//! |---|---|
//! | `verdicts` | merges beside a baseline |
//! | `experts` | merges beside each language's own expert |
//! | `power` | what could not be decided, and how many examples would |
//! | `cost` | what merging saves |
//! | `cautions` | what else a reader must know |

mod cautions;
mod cost;
mod experts;
mod power;
mod verdicts;

use crate::run::{OWN_EXPERT, Run};

/// Sentences under a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paragraphs {
    pub(crate) heading: String,
    pub(crate) lines: Vec<String>,
}

/// The summary.
pub(crate) fn summary(run: &Run) -> Vec<Paragraphs> {
    let mut all = Vec::new();
    let mut add = |heading: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            all.push(Paragraphs {
                heading: heading.to_owned(),
                lines,
            });
        }
    };
    match run.baseline() {
        None => add("Comparisons", vec![
            "Nothing was compared: the run has no baseline, so this report says nothing of which model \
             is better."
                .to_owned(),
        ]),
        Some(first) => {
            add(&format!("Merges beside {first}"), verdicts::lines(run, first));
            add("Merges beside each language's own expert", experts::lines(run));
            for other in run.baselines() {
                if other != first && !run.model(other).is_some_and(|m| m.is("expert") || m.is(OWN_EXPERT)) {
                    let lines = verdicts::counts(run, other);
                    add(&format!("Merges beside {other}"), lines);
                }
            }
            add("What is not decided", power::lines(run, first));
        }
    }
    add("What it cost and saved", cost::lines(run));
    add("Read with care", cautions::lines(run));
    all
}

/// Names in a sentence: a, b and c. Long lists are cut, and say so.
fn list(names: &[&str]) -> String {
    const MOST: usize = 4;
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [all @ .., last] if names.len() <= MOST => format!("{} and {last}", all.join(", ")),
        _ => format!(
            "{} and {} more",
            names[..MOST - 1].join(", "),
            names.len() - MOST + 1
        ),
    }
}

/// A count with its noun.
fn counted(n: usize, one: &str, many: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{} {many}", crate::plot::number::count(n as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_sentences_do() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c", "d"]), "a, b, c and d");
        assert_eq!(list(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
