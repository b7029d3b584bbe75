//! Tensors where masks keep them.

use super::{Form, Fuse};
use crate::evaluate::Fact;
use crate::program::known::is_finer;
use mergelab_abi::ops::{Node, Op};

impl Fuse<'_> {
    /// The node `a · b` where one of them is a mask or a number.
    pub(super) fn product(&self, node: Node, a: Node, b: Node) -> Option<Form> {
        self.masked(node, a, b)
            .or_else(|| self.masked(node, b, a))
            .or_else(|| self.weighted(node, a, b))
    }

    /// The node `x · mask`.
    fn masked(&self, node: Node, x: Node, mask: Node) -> Option<Form> {
        if !self.is_tensor(x) || x == mask || is_finer(self.nodes, x) {
            return None;
        }
        if self.is_random_mask(mask) {
            return Some(Form::Dropped { x, mask });
        }
        if !self.once(mask) {
            return self.masked_change(node, x, mask);
        }
        let (by, masks) = self.largest(x, mask)?;
        Some(self.trimmed(node, x, by, masks))
    }

    /// A task vector times a mask of the largest magnitudes, which others are multiplied by too.
    fn masked_change(&self, node: Node, x: Node, mask: Node) -> Option<Form> {
        let (Op::TopKMask | Op::TopShareMask, _) = self.operation(mask)? else {
            return None;
        };
        let fits = self.is_tensor(mask) && self.working(x) == self.working(node);
        let (input, minus) = fits.then(|| self.stored_change(x))??;
        Some(Form::MaskedChange { input, minus, mask })
    }

    /// A mask of the largest magnitudes, or the difference of two, which `x` is multiplied by, and
    /// whose magnitudes they are.
    fn largest(&self, x: Node, mask: Node) -> Option<(Node, (Node, Option<Node>))> {
        if let Some(by) = self.keeps_largest(x, mask) {
            return Some((by, (mask, None)));
        }
        let (Op::Sub, &[outer, inner]) = self.operation(mask)? else {
            return None;
        };
        let (by, of_inner) = (self.keeps_largest(x, outer)?, self.keeps_largest(x, inner)?);
        let fits = by == of_inner && outer != inner && self.once(outer) && self.once(inner);
        fits.then_some((by, (outer, Some(inner))))
    }

    fn keeps_largest(&self, x: Node, mask: Node) -> Option<Node> {
        match self.operation(mask)? {
            (Op::TopKMask | Op::TopShareMask, &[by]) => {
                let known = matches!(self.facts.get(&mask), Some(Fact::Cut(_)));
                (known && self.is_tensor(mask)).then_some(by)
            }
            // What differs is whether NaN is kept, which does not matter where it is `x`.
            (Op::Ge | Op::Gt, &[size, limit]) if !self.is_tensor(limit) => {
                let (Op::Abs, &[by]) = self.operation(size)? else {
                    return None;
                };
                (by == x).then_some(by)
            }
            _ => None,
        }
    }

    /// `x` where masks of the magnitudes of `by` keep it.
    fn trimmed(&self, node: Node, x: Node, by: Node, masks: (Node, Option<Node>)) -> Form {
        // The product and each mask use it.
        let uses = 2 + u32::from(masks.1.is_some());
        if x == by
            && self.uses(x) == uses
            && self.working(x) == self.working(node)
            && let Some((input, minus)) = self.stored_change(x)
        {
            return Form::TrimmedChange {
                input,
                minus,
                masks,
                weight: None,
            };
        }
        Form::Trimmed { x, by, masks }
    }

    /// What is kept of a change, times a number.
    fn weighted(&self, node: Node, a: Node, b: Node) -> Option<Form> {
        let (x, number) = self.times_number(a, b)?;
        if !self.inside(x, self.working(node)) {
            return None;
        }
        let (Op::Mul, &[a, b]) = self.operation(x)? else {
            return None;
        };
        let masked = self.masked(x, a, b).or_else(|| self.masked(x, b, a));
        match masked? {
            Form::TrimmedChange {
                input,
                minus,
                masks,
                weight: None,
            } => Some(Form::TrimmedChange {
                input,
                minus,
                masks,
                weight: Some(number),
            }),
            _ => None,
        }
    }
}
