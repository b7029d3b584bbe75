//! Families of comparisons: what is corrected together, and what can be said after that.

use std::collections::BTreeMap;

use mergelab_stats::{StatsError, benjamini_hochberg, benjamini_yekutieli, holm, verdict};

use super::comparison::Comparison;
use super::dominance::order;
use super::error::CompareError;
use super::row::Undecided;
use super::settings::{Correction, Settings};

/// Adjusted p-values and the size of each member's family, in the order given. Members without a
/// p-value are in no family's count.
fn adjust(
    members: &[(String, Option<f64>)],
    correction: Correction,
) -> Result<Vec<(Option<f64>, usize)>, StatsError> {
    let mut families: BTreeMap<&str, Vec<(usize, f64)>> = BTreeMap::new();
    let mut adjusted = vec![(None, 0); members.len()];
    for (index, (family, p)) in members.iter().enumerate() {
        let tested = families.entry(family).or_default();
        if let Some(p) = *p {
            tested.push((index, p));
        }
    }
    for tested in families.values() {
        let p_values: Vec<f64> = tested.iter().map(|&(_, p)| p).collect();
        let corrected = match correction {
            Correction::Holm | Correction::MaxT => holm(&p_values)?,
            Correction::Bh => benjamini_hochberg(&p_values)?,
            Correction::By => benjamini_yekutieli(&p_values)?,
            Correction::None => p_values,
        };
        for (&(index, _), p) in tested.iter().zip(corrected) {
            adjusted[index].0 = Some(p);
        }
    }
    for ((family, _), adjusted) in members.iter().zip(&mut adjusted) {
        adjusted.1 = families.get(family.as_str()).map_or(0, Vec::len);
    }
    Ok(adjusted)
}

/// Corrects the p-values of each family and says what follows. `exchanged` are those of max-T; what it
/// does not have is corrected by Holm.
pub(super) fn decide(
    rows: &mut [Comparison],
    undecided: &[Undecided],
    exchanged: &BTreeMap<usize, f64>,
    settings: &Settings,
) -> Result<(), CompareError> {
    let members: Vec<_> = rows
        .iter()
        .map(|row| (row.family.clone(), row.p_value))
        .collect();
    let failed = |source| CompareError::Statistics {
        place: "all models".to_owned(),
        measure: "the correction for several comparisons".to_owned(),
        source,
    };
    let correction = match settings.correction {
        Correction::MaxT => Correction::Holm,
        other => other,
    };
    let adjusted = adjust(&members, correction).map_err(failed)?;
    let decided = rows.iter_mut().zip(adjusted).zip(undecided).enumerate();
    for (number, ((row, (p, size)), undecided)) in decided {
        let (p, correction) = match exchanged.get(&number) {
            // The exchanges are not those of the row's own test, whose p-value may be above.
            Some(&shared) => (row.p_value.map(|own| own.max(shared)), Correction::MaxT),
            None => (p, correction),
        };
        row.correction = correction;
        row.p_adjusted = p;
        row.family_size = size;
        order(row, &undecided.trainings, settings).map_err(failed)?;
        if let (Some(difference), Some(p)) = (row.difference, p) {
            let higher = row.measure.higher_is_better;
            let said = verdict(
                difference,
                p,
                settings.alpha,
                undecided.equivalence.as_ref(),
                higher,
            )
            .map_err(failed)?;
            row.verdict = said.verdict;
            row.within_margin = said.within_margin;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_is_corrected_on_its_own() {
        let member = |family: &str, p| (family.to_owned(), p);
        let members = [
            member("a", Some(0.01)),
            member("b", Some(0.02)),
            member("a", Some(0.04)),
            member("a", None),
            member("a", Some(0.03)),
        ];
        // Holm: 3 x 0.01; then 2 x 0.03; then the larger of 0.04 and that.
        let holm = adjust(&members, Correction::Holm).unwrap();
        assert_eq!(
            holm,
            [
                (Some(0.03), 3),
                (Some(0.02), 1),
                (Some(0.06), 3),
                (None, 3),
                (Some(0.06), 3)
            ]
        );
        let none = adjust(&members, Correction::None).unwrap();
        assert_eq!(none[2], (Some(0.04), 3));
        // Benjamini-Hochberg: the smallest of 0.04, 3/2 x 0.03 and 3 x 0.01 upwards in rank.
        let bh = adjust(&members, Correction::Bh).unwrap();
        assert_eq!(bh[0].0, Some(0.03));
        assert_eq!(bh[4].0, Some(0.04));
    }
}
