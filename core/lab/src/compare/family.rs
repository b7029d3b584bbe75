//! Families of comparisons: what is corrected together.

use std::collections::BTreeMap;

use mergelab_stats::{StatsError, benjamini_hochberg, benjamini_yekutieli, holm};

use super::settings::Correction;

/// Adjusted p-values and the size of each member's family, in the order given. Members without a
/// p-value are in no family's count.
pub(super) fn adjust(
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
