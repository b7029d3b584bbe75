//! Terms that are large where no other one is, and those that are large together.

use super::sum::{Sum, one};
use super::variance::Terms;
use super::{Form, Fuse};
use crate::kernels::alone::MOST;
use mergelab_abi::ops::{Node, Op};

/// Tensors where their magnitudes are above a number, times a number of their own where one alone
/// is, and divided by how many are elsewhere.
pub(in crate::program) struct Alone {
    pub(in crate::program) terms: Terms,
    pub(in crate::program) numbers: Vec<Node>,
    pub(in crate::program) limit: Node,
    /// So many are alone.
    pub(in crate::program) alone: Node,
    /// What is divided by how many there are, which is at least the second number.
    pub(in crate::program) over: (Node, Node),
    /// What is added to the sum.
    pub(in crate::program) plus: Option<Node>,
}

impl Alone {
    /// The tensors that it is computed from.
    pub(super) fn operands(&self) -> Vec<Node> {
        let terms = self.terms.operands();
        terms.into_iter().chain(self.plus).collect()
    }
}

impl Fuse<'_> {
    /// A sum of such tensors, and what it is added to.
    pub(super) fn alone(&self, node: Node) -> Option<Alone> {
        match self.operation(node)? {
            (Op::Add, &[a, b]) => {
                let with = |plus: Node, part: Node| {
                    let fits = matches!(self.operation(part), Some((Op::AddN, _)))
                        && self.is_tensor(plus)
                        && self.inside(part, self.working(node));
                    Some(Alone {
                        plus: Some(plus),
                        ..fits.then(|| self.alone(part))??
                    })
                };
                with(a, b).or_else(|| with(b, a))
            }
            (Op::AddN, terms) => self.alone_sum(node, terms),
            _ => None,
        }
    }

    fn alone_sum(&self, node: Node, terms: &[Node]) -> Option<Alone> {
        let working = self.working(node);
        let Some(Form::Sum(Sum::ExceedingChoice {
            terms,
            limit,
            alone,
            other,
        })) = self.sum(node, terms)
        else {
            return None;
        };
        let (Op::Eq, &[count, alone]) = self.operation(alone)? else {
            return None;
        };
        let (Op::Div, &[over, divisor]) = self.operation(other)? else {
            return None;
        };
        let (Op::Maximum, &[same, least]) = self.operation(divisor)? else {
            return None;
        };
        let (Op::AddN, masks) = self.operation(count)? else {
            return None;
        };
        let masks: Vec<(Node, Node)> = masks
            .iter()
            .map(|&mask| self.exceeds(mask))
            .collect::<Option<_>>()?;
        let (xs, numbers): (Vec<Node>, Vec<Node>) = terms.into_iter().unzip();
        let numbers_fit = [alone, over, least].iter().all(|&n| !self.is_tensor(n));
        let tensors = [other, divisor, count];
        let fits = numbers_fit
            && same == count
            && xs.len() <= MOST
            && one(masks.iter().map(|m| m.1)) == Some(limit)
            && masks.iter().map(|m| m.0).eq(xs.iter().copied())
            && tensors
                .iter()
                .chain(&xs)
                .all(|&n| self.is_tensor(n) && self.working(n) == working);
        fits.then(|| Alone {
            terms: self.terms(xs),
            numbers,
            limit,
            alone,
            over: (over, least),
            plus: None,
        })
    }
}
