//! A step that elects signs and adds up what has them.

use super::added::listed;
use crate::kernels::elect::{self, Divisor, Election, Rule, Voter};
use crate::kernels::terms::{MaskedChange, Plain, Term, TrimmedChange};
use crate::kernels::trim::{self, Band};
use mergelab_abi::working::Working;

pub(in crate::program) struct Elected {
    pub(in crate::program) voters: Voters,
    /// What each is multiplied by, and what it adds to the divisor.
    pub(in crate::program) numbers: Vec<(f32, f32)>,
    pub(in crate::program) election: Election,
    pub(in crate::program) divisor: Divisor,
    pub(in crate::program) times: f32,
    /// A slot that is added.
    pub(in crate::program) plus: Option<usize>,
}

pub(in crate::program) enum Voters {
    /// Slots.
    Plain(Vec<usize>),
    /// Sources, each less a slot, where masks of the largest magnitudes keep them.
    Trimmed {
        terms: Vec<(usize, f32, Band)>,
        minus: usize,
    },
    /// Sources, each less a slot, times another.
    Masked {
        sources: Vec<usize>,
        minus: usize,
        mask: usize,
    },
}

impl Elected {
    /// The sources that it reads.
    pub(super) fn sources(&self) -> impl Iterator<Item = usize> {
        let trimmed = match &self.voters {
            Voters::Trimmed { terms, .. } => &terms[..],
            _ => &[],
        };
        let masked = match &self.voters {
            Voters::Masked { sources, .. } => &sources[..],
            _ => &[],
        };
        let trimmed = trimmed.iter().map(|t| t.0);
        trimmed.chain(masked.iter().copied())
    }

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
        let plus = self.plus.map(&tile);
        match &self.voters {
            Voters::Plain(slots) => {
                let terms = slots.iter().map(|&slot| Plain { x: tile(slot) });
                self.agreeing(working, out, terms, plus);
            }
            Voters::Trimmed { terms, minus } => {
                let minus = tile(*minus);
                let bands = terms.iter().map(|t| t.2);
                trim::parts(bands, first, out.len(), |start, end| {
                    let parts = terms.iter().map(|&(source, weight, band)| TrimmedChange {
                        x: &stored(source)[start..end],
                        minus: &minus[start..end],
                        weight,
                        limits: band.limits(first + start),
                    });
                    let plus = plus.map(|plus| &plus[start..end]);
                    self.agreeing(working, &mut out[start..end], parts, plus);
                });
            }
            Voters::Masked {
                sources,
                minus,
                mask,
            } => {
                let (minus, mask) = (tile(*minus), tile(*mask));
                let terms = sources.iter().map(|&source| MaskedChange {
                    x: stored(source),
                    minus,
                    mask,
                });
                self.agreeing(working, out, terms, plus);
            }
        }
    }

    fn agreeing<T: Term>(
        &self,
        working: Working,
        out: &mut [f32],
        terms: impl ExactSizeIterator<Item = T>,
        plus: Option<&[f32]>,
    ) {
        let rule = Rule {
            election: self.election,
            divisor: self.divisor,
            times: self.times,
            plus,
        };
        let numbers = self.numbers.iter();
        let voters = terms
            .zip(numbers)
            .map(|(x, &(weight, share))| Voter { x, weight, share });
        listed(voters, |voters| elect::agreeing(working, out, voters, rule));
    }
}
