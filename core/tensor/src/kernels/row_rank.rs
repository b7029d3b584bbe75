//! Places of magnitudes in their row.

use super::magnitude::magnitude;

/// Ranks rows; keeps its buffers from one to the next.
#[derive(Default)]
pub(crate) struct Ranker {
    order: Vec<u64>,
}

impl Ranker {
    /// The place of each magnitude, from 0 for the smallest; equal ones in the order of their
    /// indices.
    pub(crate) fn places(&mut self, row: &[f32], places: &mut [u32]) {
        self.order.clear();
        let keyed = |(index, &x): (usize, &f32)| u64::from(magnitude(x)) << 32 | index as u64;
        self.order.extend(row.iter().enumerate().map(keyed));
        self.order.sort_unstable();
        for (place, key) in self.order.iter().enumerate() {
            places[*key as u32 as usize] = place as u32;
        }
    }
}
