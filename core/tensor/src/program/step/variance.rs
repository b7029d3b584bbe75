//! A step that computes how much tensors differ.

use super::added::listed;
use crate::kernels::mask::{self, Cut};
use crate::kernels::terms::{Change, Plain};
use crate::kernels::variance;
use mergelab_abi::working::Working;

pub(in crate::program) struct Variance {
    pub(in crate::program) terms: Terms,
    /// What the sum of the tensors is divided by, and that of the squares.
    pub(in crate::program) counts: (f32, f32),
    /// What a mask keeps, where the mask is what is computed.
    pub(in crate::program) cut: Option<Cut>,
}

pub(in crate::program) enum Terms {
    /// Slots.
    Plain(Vec<usize>),
    /// Sources less a slot.
    Changes { sources: Vec<usize>, minus: usize },
}

impl Terms {
    /// The sources that are read.
    pub(super) fn sources(&self) -> &[usize] {
        match self {
            Terms::Plain(_) => &[],
            Terms::Changes { sources, .. } => sources,
        }
    }
}

impl Variance {
    /// Computes elements from `first` on, of which `tile` and `stored` give those of a slot and
    /// of a source.
    pub(super) fn run<'a>(
        &self,
        working: Working,
        out: &mut [f32],
        tile: impl Fn(usize) -> &'a [f32],
        stored: impl Fn(usize) -> &'a [[u8; 2]],
        first: usize,
    ) {
        match &self.terms {
            Terms::Plain(slots) => {
                let terms = slots.iter().map(|&slot| Plain { x: tile(slot) });
                listed(terms, |terms| {
                    variance::variance(working, out, terms, self.counts);
                });
            }
            Terms::Changes { sources, minus } => {
                let minus = tile(*minus);
                let terms = sources.iter().map(|&source| Change {
                    x: stored(source),
                    minus,
                });
                listed(terms, |terms| {
                    variance::variance(working, out, terms, self.counts);
                });
            }
        }
        if let Some(cut) = self.cut {
            mask::keep(out, cut, first);
        }
    }
}
