//! How much tensors differ, and masks of the elements that differ most.

use super::sum::{Sum, one};
use super::{Form, Fuse};
use crate::evaluate::Fact;
use mergelab_abi::ops::{Node, Op};

/// The mean square distance of tensors from their mean.
pub(in crate::program) struct Variance {
    pub(in crate::program) terms: Terms,
    /// What the sum of the tensors is divided by, and that of the squares.
    pub(in crate::program) counts: (Node, Node),
    /// A mask of the largest, which is then what is computed.
    pub(in crate::program) mask: Option<Node>,
}

/// Tensors.
pub(in crate::program) enum Terms {
    Plain(Vec<Node>),
    /// Stored inputs less one tensor.
    Changes {
        inputs: Vec<Node>,
        minus: Node,
    },
}

impl Terms {
    /// The tensors that they are computed from.
    pub(super) fn operands(&self) -> Vec<Node> {
        match self {
            Terms::Plain(terms) => terms.clone(),
            Terms::Changes { minus, .. } => vec![*minus],
        }
    }
}

impl Fuse<'_> {
    /// A sum of squares of what tensors are above their mean, divided by a number.
    pub(super) fn variance(&self, node: Node) -> Option<Variance> {
        let working = self.working(node);
        let (squares, last) = self.over_number(node)?;
        let (Op::AddN, terms) = self
            .inside(squares, working)
            .then(|| self.operation(squares))??
        else {
            return None;
        };
        let Some(Form::Sum(Sum::Squares { terms, minus })) = self.sum(squares, terms) else {
            return None;
        };
        // Each difference takes it once.
        if self.uses(minus) as usize != terms.len() || self.working(minus) != working {
            return None;
        }
        let (sum, first) = self.over_number(minus)?;
        let (Op::AddN, summed) = self.operation(sum)? else {
            return None;
        };
        if *summed != terms || !self.inside(sum, working) {
            return None;
        }
        Some(Variance {
            terms: self.terms(terms),
            counts: (first, last),
            mask: None,
        })
    }

    /// A mask of those that differ most, once it is known what it keeps.
    pub(super) fn variance_mask(&self, mask: Node) -> Option<Form> {
        let (Op::TopKMask | Op::TopShareMask, &[of]) = self.operation(mask)? else {
            return None;
        };
        let known = matches!(self.facts.get(&mask), Some(Fact::Cut(_)));
        if !known || !self.is_tensor(mask) || !self.once(of) {
            return None;
        }
        let variance = self.variance(of)?;
        // It compares what is rounded.
        (self.working(of) == self.working(mask)).then_some(Form::Variance(Variance {
            mask: Some(mask),
            ..variance
        }))
    }

    /// A tensor divided by a number.
    fn over_number(&self, node: Node) -> Option<(Node, Node)> {
        let (Op::Div, &[a, b]) = self.operation(node)? else {
            return None;
        };
        (self.is_tensor(a) && !self.is_tensor(b)).then_some((a, b))
    }

    /// Task vectors are cheap enough to be computed wherever they are used.
    pub(super) fn terms(&self, terms: Vec<Node>) -> Terms {
        let changes: Option<Vec<(Node, Node)>> =
            terms.iter().map(|&term| self.stored_change(term)).collect();
        let changes = changes.filter(|_| {
            let first = terms.first().map(|&term| self.working(term));
            terms.iter().all(|&term| Some(self.working(term)) == first)
        });
        let inputs_of = |changes: &Vec<(Node, Node)>| changes.iter().map(|c| c.0).collect();
        match changes
            .as_ref()
            .and_then(|changes| Some((inputs_of(changes), one(changes.iter().map(|c| c.1))?)))
        {
            Some((inputs, minus)) => Terms::Changes { inputs, minus },
            None => Terms::Plain(terms),
        }
    }
}
