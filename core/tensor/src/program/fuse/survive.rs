//! What masks leave of task vectors.

use super::{Form, Fuse};
use crate::evaluate::Fact;
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;

/// A stored input less a tensor, where a mask keeps it, divided by a number, times numbers.
pub(in crate::program) struct Survivor {
    pub(in crate::program) input: Node,
    pub(in crate::program) minus: Node,
    pub(in crate::program) mask: Option<Node>,
    pub(in crate::program) over: Option<Node>,
    /// At most [`FACTORS`].
    pub(in crate::program) times: Vec<Node>,
}

/// Factors that a survivor can have.
pub(in crate::program) const FACTORS: usize = 2;

impl Fuse<'_> {
    /// Whether a node is a random mask that is drawn where it is used, or lies in memory as bits.
    pub(super) fn is_random_mask(&self, node: Node) -> bool {
        let drawn = || matches!(self.operation(node), Some((Op::KeepMask, _))) && self.once(node);
        self.is_tensor(node) && (self.bits(node) || drawn())
    }

    fn bits(&self, node: Node) -> bool {
        let fact = self.facts.get(&node).map(Fact::part);
        matches!(fact, Some((_, Fact::Bits(_))))
    }

    /// A node as what is left of a task vector, if it is one, and more than the vector itself.
    pub(super) fn survivor(&self, node: Node) -> Option<Survivor> {
        let working = self.working(node);
        let mut times = Vec::new();
        let (mut mask, mut over) = (None, None);
        let mut at = node;
        loop {
            if at != node && !self.inside(at, working) {
                return None;
            }
            // Outermost first: numbers, the one that divides, the mask, the task vector.
            at = match self.operation(at)? {
                (Op::Mul, &[a, b]) if mask.is_none() && self.is_random_mask(b) => {
                    mask = Some(b);
                    a
                }
                (Op::Mul, &[a, b]) if mask.is_none() && self.is_random_mask(a) => {
                    mask = Some(a);
                    b
                }
                (Op::Mul, &[a, b]) if mask.is_none() && over.is_none() && times.len() < FACTORS => {
                    let (tensor, number) = if self.is_tensor(a) { (a, b) } else { (b, a) };
                    if !self.is_tensor(tensor) || self.is_tensor(number) {
                        return None;
                    }
                    times.insert(0, number);
                    tensor
                }
                (Op::Div, &[a, b])
                    if mask.is_none()
                        && over.is_none()
                        && self.is_tensor(a)
                        && !self.is_tensor(b) =>
                {
                    over = Some(b);
                    a
                }
                (Op::Sub, &[input, minus]) if at != node => {
                    let fits = self.once(input) && self.stored(input) && self.is_tensor(minus);
                    return fits.then_some(Survivor {
                        input,
                        minus,
                        mask,
                        over,
                        times,
                    });
                }
                _ => return None,
            };
        }
    }

    /// Terms of which each is what is left of a task vector.
    pub(super) fn survivors(&self, working: Working, terms: &[Node]) -> Option<Form> {
        let survivor = |&term: &Node| {
            let inside = self.inside(term, working);
            self.survivor(term).filter(|_| inside)
        };
        let survivors = terms.iter().map(survivor).collect::<Option<_>>()?;
        Some(Form::Survivors(survivors))
    }
}
