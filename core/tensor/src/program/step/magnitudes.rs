//! Adding up the magnitudes of task vectors, without tiles of them.

use super::{Buffers, Draw};
use crate::error::Error;
use crate::kernels::sum;
use mergelab_abi::working::Working;

/// A source less a slot, and what a mask leaves of it.
pub(in crate::program) struct Magnitudes {
    pub(in crate::program) source: usize,
    pub(in crate::program) minus: usize,
    pub(in crate::program) draw: Draw,
    /// Lanes of the sum over everything.
    pub(in crate::program) whole: Option<usize>,
    /// Lanes of the sum over what is left.
    pub(in crate::program) left: Option<usize>,
}

impl Magnitudes {
    pub(super) fn run(
        &self,
        working: Working,
        buffers: &mut Buffers<'_>,
        first: usize,
        length: usize,
    ) -> Result<(), Error> {
        buffers.inputs[self.source].check(&mut buffers.scratch, first, length)?;
        let flags = match &mut buffers.flags[..] {
            [flags, ..] => &mut flags[..length],
            [] => &mut [],
        };
        self.draw.flags(flags, first);
        let lanes = |lanes: Option<usize>| lanes.map(|at| buffers.lanes[at]).unwrap_or_default();
        let mut sums = [lanes(self.whole), lanes(self.left)];
        let change = sum::Change {
            x: buffers.inputs[self.source].elements(first, length),
            minus: &buffers.tiles[self.minus][..length],
            flags,
        };
        sum::change_magnitudes(working, &mut sums, change);
        for (at, sum) in [self.whole, self.left].into_iter().zip(sums) {
            if let Some(at) = at {
                buffers.lanes[at] = sum;
            }
        }
        Ok(())
    }
}
