//! Which elements of a tensor were written.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of element indices, kept as disjoint ranges that do not touch.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// From the start of a range to its end.
    ranges: BTreeMap<usize, usize>,
}

impl Coverage {
    /// Adds a range, or gives back the part of it that is already there and changes nothing.
    pub(super) fn claim(&mut self, range: Range<usize>) -> Result<(), Range<usize>> {
        let Range { start, mut end } = range;
        if start >= end {
            return Ok(());
        }
        let before = self
            .ranges
            .range(..=start)
            .next_back()
            .map(|(s, e)| (*s, *e));
        let after = self.ranges.range(start..).next().map(|(s, e)| (*s, *e));
        if let Some((_, before_end)) = before.filter(|(_, e)| *e > start) {
            return Err(start..before_end.min(end));
        }
        if let Some((after_start, after_end)) = after.filter(|(s, _)| *s < end) {
            return Err(after_start..after_end.min(end));
        }
        if let Some((after_start, after_end)) = after.filter(|(s, _)| *s == end) {
            self.ranges.remove(&after_start);
            end = after_end;
        }
        let start = before
            .filter(|(_, e)| *e == start)
            .map_or(start, |(s, _)| s);
        self.ranges.insert(start, end);
        Ok(())
    }

    /// The first elements of `0..elements` that are not in the set.
    pub(super) fn first_gap(&self, elements: usize) -> Option<Range<usize>> {
        let mut ranges = self.ranges.iter();
        let (start, next) = match ranges.next() {
            Some((0, end)) => (*end, ranges.next()),
            first => (0, first),
        };
        (start < elements).then(|| start..next.map_or(elements, |(s, _)| *s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_one_flag_per_element(
            claims in prop::collection::vec((0usize..40, 0usize..12), 0..30)
        ) {
            let mut coverage = Coverage::default();
            let mut flags = [false; 64];
            for (start, len) in claims {
                let range = start..start + len;
                let first = range.clone().find(|i| flags[*i]);
                match coverage.claim(range.clone()) {
                    Ok(()) => {
                        prop_assert_eq!(first, None);
                        flags[range].fill(true);
                    }
                    Err(twice) => {
                        prop_assert_eq!(first, Some(twice.start));
                        prop_assert!(flags[twice].iter().all(|flag| *flag));
                    }
                }
                let gap = coverage.first_gap(flags.len());
                prop_assert_eq!(gap.clone().map(|g| g.start), flags.iter().position(|f| !f));
                prop_assert!(gap.is_none_or(|g| flags[g].iter().all(|flag| !flag)));
            }
        }
    }
}
