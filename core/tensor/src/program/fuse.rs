//! Which operations are computed together.
//!
//! An operation whose result is used once, by the next one, needs no tile of its own. Only what
//! merge methods do all the time is looked for; everything else is computed as it was recorded.
//! Fused operations give the same bits: each still rounds.

mod alone;
mod elect;
mod magnitudes;
mod sum;
mod survive;
mod trim;
mod variance;

use super::known::in_memory;
use super::streamed_operands;
use crate::evaluate::Facts;
use crate::graph::{Kind, Nodes};
use crate::source::Format;
pub(super) use alone::Alone;
pub(super) use elect::{Divisor, Elected, Election, Voters};
pub(crate) use magnitudes::{Magnitudes, magnitudes};
use mergelab_abi::ops::{Node, Op, rows};
use mergelab_abi::working::Working;
use std::mem;
pub(super) use sum::{Change, Sum};
pub(super) use survive::{FACTORS, Survivor};
pub(super) use variance::{Terms, Variance};

/// How a tensor is computed.
pub(super) enum Form {
    /// As recorded.
    Plain,
    /// It lies in memory.
    InMemory,
    /// A stored input less a tensor.
    Change { input: Node, minus: Node },
    /// A tensor where a mask of the largest magnitudes of `by` keeps it, and a second one, if any,
    /// does not.
    Trimmed {
        x: Node,
        by: Node,
        masks: (Node, Option<Node>),
    },
    /// A stored input less a tensor, where such masks of the difference keep it, times a number.
    TrimmedChange {
        input: Node,
        minus: Node,
        masks: (Node, Option<Node>),
        weight: Option<Node>,
    },
    /// A stored input less a tensor, times a mask that others use too.
    MaskedChange {
        input: Node,
        minus: Node,
        mask: Node,
    },
    /// A tensor where a random mask keeps it.
    Dropped { x: Node, mask: Node },
    /// A sum of what is left of task vectors; often of one.
    Survivors(Vec<Survivor>),
    /// `chosen` where `a op b` holds, else `other`; all but `a` are numbers.
    Choice {
        op: Op,
        a: Node,
        b: Node,
        chosen: Node,
        other: Node,
    },
    /// A tensor and, as the second operand, a number for each row.
    ByRow {
        op: Op,
        x: Node,
        spread: Node,
        /// What is spread, where it is computed beside.
        beside: Option<Node>,
    },
    /// Whether the magnitude of a tensor is above a number.
    Exceeds { x: Node, limit: Node },
    /// A sum.
    Sum(Sum),
    /// Sums of magnitudes, which are no tensor.
    Magnitudes(Magnitudes),
    /// How much tensors differ.
    Variance(Variance),
    /// A sum of what is large alone or together.
    Alone(Alone),
    /// A sum of what has the elected sign.
    Elected(Elected),
}

/// What is known about the nodes below those wanted.
pub(super) struct Fuse<'a> {
    nodes: &'a Nodes,
    facts: &'a Facts,
    /// How often each node is used, the results wanted included.
    uses: Vec<u32>,
    /// What is added up instead of some nodes.
    sums: &'a [Magnitudes],
}

impl<'a> Fuse<'a> {
    pub(super) fn new(
        nodes: &'a Nodes,
        facts: &'a Facts,
        wanted: &[Node],
        sums: &'a [Magnitudes],
    ) -> Self {
        let mut uses = vec![0; nodes.len()];
        let mut seen = vec![false; nodes.len()];
        let mut open = wanted.to_vec();
        for &node in wanted {
            uses[node as usize] += 1;
        }
        while let Some(node) = open.pop() {
            // What a number was collected from is not computed again for it.
            if mem::replace(&mut seen[node as usize], true) || nodes[node as usize].is_scalar() {
                continue;
            }
            for &operand in streamed_operands(nodes, facts, node) {
                uses[operand as usize] += 1;
                open.push(operand);
            }
            // A random mask takes only the shape of its input, so that is no operand.
        }
        Self {
            nodes,
            facts,
            uses,
            sums,
        }
    }

    pub(super) fn form(&self, node: Node) -> Form {
        if self.facts.get(&node).is_some_and(in_memory) {
            return Form::InMemory;
        }
        if let Some(form) = self.summed(node) {
            return form;
        }
        let Some((op, inputs)) = self.operation(node) else {
            return Form::Plain;
        };
        if let Some(form) = self.by_row(op, inputs) {
            return form;
        }
        if let Some(elected) = self.elected(node) {
            return Form::Elected(elected);
        }
        if let Some(alone) = self.alone(node) {
            return Form::Alone(alone);
        }
        let form = match (op, inputs) {
            (Op::Sub, _) => self
                .stored_change(node)
                .map(|(input, minus)| Form::Change { input, minus }),
            (Op::Mul | Op::Div, &[a, b]) => match self.survivor(node) {
                Some(survivor) => Some(Form::Survivors(vec![survivor])),
                None if op == Op::Mul => self.product(node, a, b),
                None => self.variance(node).map(Form::Variance),
            },
            (Op::Gt, _) => match self.exceeding_count(self.working(node), &[node]) {
                Some(Sum::ExceedingCount { terms, limit }) => {
                    Some(Form::Exceeds { x: terms[0], limit })
                }
                changes => changes.map(Form::Sum),
            },
            (Op::Select, &[a, b, c]) => self.choice(a, b, c),
            (Op::AddN, terms) => self.sum(node, terms),
            (Op::TopKMask | Op::TopShareMask, _) => self.variance_mask(node),
            _ => None,
        };
        form.unwrap_or(Form::Plain)
    }

    fn operation(&self, node: Node) -> Option<(Op, &'a [Node])> {
        match &self.nodes[node as usize].kind {
            Kind::Operation { op, inputs, .. } if !self.facts.get(&node).is_some_and(in_memory) => {
                Some((*op, inputs))
            }
            _ => None,
        }
    }

    fn is_tensor(&self, node: Node) -> bool {
        !self.nodes[node as usize].is_scalar()
    }

    fn working(&self, node: Node) -> Working {
        self.nodes[node as usize].working
    }

    /// A tensor and one that has the same number everywhere in a row.
    fn by_row(&self, op: Op, inputs: &[Node]) -> Option<Form> {
        /// Elements of a row for which a loop of its own pays.
        const SHORT: usize = 64;
        let (Op::Add | Op::Sub | Op::Mul | Op::Div, &[x, spread]) = (op, inputs) else {
            return None;
        };
        let fits = matches!(self.operation(spread)?, (Op::SpreadRows, _))
            && self.once(spread)
            && self.is_tensor(x)
            && rows(&self.nodes[spread as usize].shape).1 >= SHORT;
        let beside = streamed_operands(self.nodes, self.facts, spread);
        fits.then_some(Form::ByRow {
            op,
            x,
            spread,
            beside: beside.first().copied(),
        })
    }

    fn uses(&self, node: Node) -> u32 {
        self.uses[node as usize]
    }

    fn once(&self, node: Node) -> bool {
        self.uses(node) == 1
    }

    /// The input and the tensor of a stored input less a tensor.
    fn stored_change(&self, node: Node) -> Option<(Node, Node)> {
        let (Op::Sub, &[a, b]) = self.operation(node)? else {
            return None;
        };
        (self.once(a) && self.stored(a) && self.is_tensor(b)).then_some((a, b))
    }

    /// `x` and `limit` of `|x| > limit`. It is cheap enough to be computed twice.
    fn exceeds(&self, node: Node) -> Option<(Node, Node)> {
        let (Op::Gt, &[size, limit]) = self.operation(node)? else {
            return None;
        };
        let (Op::Abs, &[x]) = self.operation(size)? else {
            return None;
        };
        (self.is_tensor(x) && !self.is_tensor(limit)).then_some((x, limit))
    }

    /// Whether a node can be computed within another one that is rounded to this precision.
    fn inside(&self, node: Node, working: Working) -> bool {
        self.once(node) && self.working(node) == working
    }

    /// Whether an input can be taken as it is stored: in bf16, which loses nothing in f32 and in
    /// bf16.
    fn stored(&self, node: Node) -> bool {
        let recorded = &self.nodes[node as usize];
        let Kind::Input(source) = &recorded.kind else {
            return false;
        };
        recorded.working != Working::F16
            && !recorded.is_scalar()
            && source
                .stored()
                .is_some_and(|s| s.format == Format::Bf16 && s.bytes.len() == 2 * recorded.len)
    }

    /// `select(a op b, chosen, other)`.
    fn choice(&self, condition: Node, chosen: Node, other: Node) -> Option<Form> {
        if !self.once(condition) {
            return None;
        }
        let (op, &[a, b]) = self.operation(condition)? else {
            return None;
        };
        let numbers = [b, chosen, other].iter().all(|&n| !self.is_tensor(n));
        let known = matches!(op, Op::Ge | Op::Gt);
        (known && numbers && self.is_tensor(a)).then_some(Form::Choice {
            op,
            a,
            b,
            chosen,
            other,
        })
    }
}

impl Form {
    /// The tensors that it is computed from; `recorded` are those of the node.
    pub(super) fn operands(&self, recorded: &[Node]) -> Vec<Node> {
        match self {
            Form::Plain => recorded.to_vec(),
            Form::InMemory => Vec::new(),
            Form::Change { minus, .. } | Form::TrimmedChange { minus, .. } => vec![*minus],
            Form::Trimmed { x, by, .. } => vec![*x, *by],
            Form::Dropped { x, .. } => vec![*x],
            Form::Survivors(survivors) => survivors.iter().map(|s| s.minus).collect(),
            Form::Choice { a, .. } => vec![*a],
            Form::ByRow { x, beside, .. } => [*x].into_iter().chain(*beside).collect(),
            Form::Exceeds { x, .. } => vec![*x],
            Form::Sum(sum) => sum.operands(),
            Form::Magnitudes(sums) => vec![sums.minus],
            Form::MaskedChange { minus, mask, .. } => vec![*minus, *mask],
            Form::Variance(variance) => variance.terms.operands(),
            Form::Alone(alone) => alone.operands(),
            Form::Elected(elected) => elected.operands(),
        }
    }
}
