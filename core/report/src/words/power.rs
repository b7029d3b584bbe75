//! What could not be decided, and how many examples would.

use super::{counted, verdicts::merges};
use crate::{
    plot::number::{count, decimals, fixed},
    run::{Difference, Run, Verdict},
};

/// Level and power that the tables' detectable differences are for.
const POWER: f64 = 0.8;

/// For each task the undecided comparisons, what their tests could have found, and how many examples
/// would find a difference as large as the margin.
pub(super) fn lines(run: &Run, baseline: &str) -> Vec<String> {
    let mut lines: Vec<String> = run
        .tasks()
        .into_iter()
        .filter_map(|task| line(run, baseline, task))
        .collect();
    if !lines.is_empty() {
        lines.push(
            "Numbers of examples are rough: they take further examples to be like these, and the spread \
             between trainings, which examples do not shrink, to be small."
                .to_owned(),
        );
    }
    lines
}

fn line(run: &Run, baseline: &str, task: &str) -> Option<String> {
    let all = merges(run, baseline, task);
    let open: Vec<&Difference> = all
        .iter()
        .copied()
        .filter(|d| d.verdict == Verdict::Inconclusive)
        .collect();
    let first = open.first()?;
    let mut detectable: Vec<f64> = open.iter().filter_map(|d| d.detectable).collect();
    detectable.sort_by(f64::total_cmp);
    let middle = *detectable.get(detectable.len().saturating_sub(1) / 2)?;
    let digits = decimals([middle].into_iter());
    let start = format!(
        "{task}: {} of {} undecided. On {} examples the tests find a difference of about {} four times \
         in five, before correction.",
        open.len(),
        counted(all.len(), "merge is", "merges are"),
        first.n,
        fixed(middle, digits)
    );
    let Some(margin) = open.iter().find_map(|d| d.margin) else {
        return Some(format!(
            "{start} The manifest declares no margin for {}, so nothing says how small a difference \
             would matter, or how many examples would find it.",
            first.measure.name
        ));
    };
    let need = needed(middle, first.n, margin)?;
    let end = if need <= first.n {
        format!(
            "That is less than the margin of {}: the correction for {} comparisons, or true differences \
             near the margin, keep them open.",
            fixed(margin, digits),
            first.family_size.unwrap_or(1)
        )
    } else {
        format!(
            "To find a difference as large as the margin of {}, or to show that there is none, about {} \
             examples would be needed.",
            fixed(margin, digits),
            count(need)
        )
    };
    Some(format!("{start} {end}"))
}

/// Examples that find a difference of `margin`, and show equivalence where there is none, four times
/// in five, when `n` find `detectable`. Two digits.
fn needed(detectable: f64, n: u64, margin: f64) -> Option<u64> {
    let alpha = 0.05;
    // The standard deviation of one example's difference that the table's number came from.
    let unit =
        mergelab_stats::power::minimum_detectable_effect(1.0, n as f64, alpha, POWER).ok()?;
    let sd = detectable / unit;
    let differ = mergelab_stats::power::sample_size(margin, sd, alpha, POWER).ok()?;
    let alike = mergelab_stats::power::sample_size_equivalence(margin, sd, alpha, POWER).ok()?;
    let need = differ.max(alike);
    let round = 10u64.pow((need.max(1).ilog10()).saturating_sub(1));
    Some(need.div_ceil(round) * round)
}

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn four_times_the_examples_find_half_the_difference() {
        // Equivalence needs (1.645 + 1.282)^2 / (1.960 + 0.842)^2 = 1.091 times as many.
        assert_eq!(needed(0.1, 100, 0.05), Some(440));
        assert_eq!(needed(0.05, 100, 0.1), Some(28));
        assert_eq!(needed(0.05, 0, 0.1), None);
        assert_eq!(needed(0.05, 100, 0.0), None);
    }
}
