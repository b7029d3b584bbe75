//! A step that adds up what is large alone, and what is large together.

use super::added::listed;
use super::variance::Terms;
use crate::kernels::alone::{self, Rule};
use crate::kernels::terms::{Change, Plain, Term};
use mergelab_abi::working::Working;

pub(in crate::program) struct Alone {
    pub(in crate::program) terms: Terms,
    pub(in crate::program) numbers: Vec<f32>,
    pub(in crate::program) limit: f32,
    /// So many are alone.
    pub(in crate::program) alone: f32,
    /// What is divided by how many there are, which is at least the second number.
    pub(in crate::program) over: (f32, f32),
    /// A slot that is added.
    pub(in crate::program) plus: Option<usize>,
}

impl Alone {
    /// Computes elements, of which `tile` and `stored` give those of a slot and of a source.
    pub(super) fn run<'a>(
        &self,
        working: Working,
        out: &mut [f32],
        tile: impl Fn(usize) -> &'a [f32],
        stored: impl Fn(usize) -> &'a [[u8; 2]],
    ) {
        let rule = Rule {
            limit: self.limit,
            alone: self.alone,
            over: self.over.0,
            least: self.over.1,
            plus: self.plus.map(&tile),
        };
        match &self.terms {
            Terms::Plain(slots) => {
                let terms = slots.iter().map(|&slot| Plain { x: tile(slot) });
                self.sum(working, out, terms, rule);
            }
            Terms::Changes { sources, minus } => {
                let minus = tile(*minus);
                let terms = sources.iter().map(|&source| Change {
                    x: stored(source),
                    minus,
                });
                self.sum(working, out, terms, rule);
            }
        }
    }

    fn sum<T: Term>(
        &self,
        working: Working,
        out: &mut [f32],
        terms: impl ExactSizeIterator<Item = T>,
        rule: Rule<'_>,
    ) {
        let terms = terms.zip(self.numbers.iter().copied());
        listed(terms, |terms| alone::sum(working, out, terms, rule));
    }
}
