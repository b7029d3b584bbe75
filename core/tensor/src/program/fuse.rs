//! Which operations are computed together.
//!
//! An operation whose result is used once, by the next one, needs no tile of its own. Only what
//! merge methods do all the time is looked for; everything else is computed as it was recorded.
//! Fused operations give the same bits: each still rounds.

use super::{in_memory, is_finer, streamed_operands};
use crate::evaluate::{Fact, Facts};
use crate::graph::{Kind, Nodes};
use crate::source::Format;
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;
use std::mem;

/// How a tensor is computed.
pub(super) enum Form {
    /// As recorded.
    Plain,
    /// It lies in memory.
    InMemory,
    /// A stored input less a tensor.
    Change { input: Node, minus: Node },
    /// A tensor where a top-k mask of `by` keeps it.
    Trimmed { x: Node, mask: Node, by: Node },
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
    /// A sum of tensors times numbers.
    ScaledSum(Vec<(Node, Node)>),
    /// A sum of stored inputs times numbers.
    StoredSum(Vec<(Node, Node)>),
    /// A sum of changes from one tensor times numbers.
    ChangeSum {
        terms: Vec<(Node, Node)>,
        minus: Node,
    },
    /// A sum of tensors where their signs are the elected ones.
    AgreeingSum { terms: Vec<Node>, elected: Node },
    /// A sum of tensors times numbers, where the signs of the tensors are the elected ones.
    AgreeingScaledSum {
        terms: Vec<(Node, Node)>,
        elected: Node,
    },
    /// A sum of numbers where the signs of tensors are the elected ones.
    AgreeingWeights {
        terms: Vec<(Node, Node)>,
        elected: Node,
    },
}

/// A stored input less a tensor, where a mask keeps it, divided by a number, times numbers.
pub(super) struct Survivor {
    pub(super) input: Node,
    pub(super) minus: Node,
    pub(super) mask: Option<Node>,
    pub(super) over: Option<Node>,
    /// At most [`FACTORS`].
    pub(super) times: Vec<Node>,
}

/// Factors that a survivor can have.
pub(super) const FACTORS: usize = 2;

/// What is known about the nodes below those wanted.
pub(super) struct Fuse<'a> {
    nodes: &'a Nodes,
    facts: &'a Facts,
    /// How often each node is used, the results wanted included.
    uses: Vec<u32>,
}

impl<'a> Fuse<'a> {
    pub(super) fn new(nodes: &'a Nodes, facts: &'a Facts, wanted: &[Node]) -> Self {
        let mut uses = vec![0; nodes.len()];
        let mut seen = vec![false; nodes.len()];
        let mut open = wanted.to_vec();
        for &node in wanted {
            uses[node as usize] += 1;
        }
        while let Some(node) = open.pop() {
            if mem::replace(&mut seen[node as usize], true) {
                continue;
            }
            for &operand in streamed_operands(nodes, facts, node) {
                uses[operand as usize] += 1;
                open.push(operand);
            }
            // A random mask takes only the shape of its input, so that is no operand.
        }
        Self { nodes, facts, uses }
    }

    pub(super) fn form(&self, node: Node) -> Form {
        if self.facts.get(&node).is_some_and(in_memory) {
            return Form::InMemory;
        }
        let Some((op, inputs)) = self.operation(node) else {
            return Form::Plain;
        };
        let form = match (op, inputs) {
            (Op::Sub, &[a, b]) if self.once(a) && self.stored(a) && self.is_tensor(b) => {
                Some(Form::Change { input: a, minus: b })
            }
            (Op::Mul | Op::Div, &[a, b]) => match self.survivor(node) {
                Some(survivor) => Some(Form::Survivors(vec![survivor])),
                None if op == Op::Mul => self.masked(a, b).or_else(|| self.masked(b, a)),
                None => None,
            },
            (Op::Select, &[a, b, c]) => self.choice(a, b, c),
            (Op::AddN, terms) => self.sum(node, terms),
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

    fn once(&self, node: Node) -> bool {
        self.uses[node as usize] == 1
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

    /// `x · mask`.
    fn masked(&self, x: Node, mask: Node) -> Option<Form> {
        if !self.is_tensor(x) || x == mask || is_finer(self.nodes, x) {
            return None;
        }
        if self.is_random_mask(mask) {
            return Some(Form::Dropped { x, mask });
        }
        if !self.once(mask) {
            return None;
        }
        match self.operation(mask)? {
            (Op::TopKMask, &[by]) if self.is_tensor(mask) => match self.facts.get(&mask) {
                Some(Fact::Cut(_)) => Some(Form::Trimmed { x, mask, by }),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a node is a random mask that is drawn where it is used, or lies in memory as bits.
    fn is_random_mask(&self, node: Node) -> bool {
        let drawn = || matches!(self.operation(node), Some((Op::KeepMask, _))) && self.once(node);
        self.is_tensor(node) && (self.bits(node) || drawn())
    }

    fn bits(&self, node: Node) -> bool {
        let fact = self.facts.get(&node).map(Fact::part);
        matches!(fact, Some((_, Fact::Bits(_))))
    }

    /// A node as what is left of a task vector, if it is one, and more than the vector itself.
    fn survivor(&self, node: Node) -> Option<Survivor> {
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

    fn sum(&self, sum: Node, terms: &[Node]) -> Option<Form> {
        let working = self.working(sum);
        let product = |&term: &Node| match self.operation(term)? {
            (Op::Mul, &[a, b]) if self.inside(term, working) => Some((a, b)),
            _ => None,
        };
        let products: Option<Vec<(Node, Node)>> = terms.iter().map(product).collect();
        let Some(products) = products else {
            return self.survivors(working, terms);
        };
        let scaled = self.scaled(&products);
        self.agreeing(working, &products)
            .or_else(|| self.agreeing_weights(&products))
            .or_else(|| self.stored_sum(scaled.as_deref()?))
            .or_else(|| self.change_sum(working, scaled.as_deref()?))
            .or_else(|| self.survivors(working, terms))
            .or_else(|| scaled.map(Form::ScaledSum))
    }

    /// The products of tensors and numbers among all others, if there are no others.
    fn scaled(&self, products: &[(Node, Node)]) -> Option<Vec<(Node, Node)>> {
        let scaled = |&(a, b): &(Node, Node)| match (self.is_tensor(a), self.is_tensor(b)) {
            (true, false) => Some((a, b)),
            (false, true) => Some((b, a)),
            _ => None,
        };
        products.iter().map(scaled).collect()
    }

    fn stored_sum(&self, terms: &[(Node, Node)]) -> Option<Form> {
        let stored = terms.iter().all(|&(x, _)| self.once(x) && self.stored(x));
        stored.then(|| Form::StoredSum(terms.to_vec()))
    }

    fn change_sum(&self, working: Working, terms: &[(Node, Node)]) -> Option<Form> {
        let change = |&(x, weight): &(Node, Node)| match self.form(x) {
            Form::Change { input, minus } if self.inside(x, working) => {
                Some((input, weight, minus))
            }
            _ => None,
        };
        let changes: Vec<_> = terms.iter().map(change).collect::<Option<_>>()?;
        let minus = self.one(changes.iter().map(|c| c.2))?;
        let terms = changes.iter().map(|c| (c.0, c.1)).collect();
        Some(Form::ChangeSum { terms, minus })
    }

    fn survivors(&self, working: Working, terms: &[Node]) -> Option<Form> {
        let survivor = |&term: &Node| {
            let inside = self.inside(term, working);
            self.survivor(term).filter(|_| inside)
        };
        let survivors = terms.iter().map(survivor).collect::<Option<_>>()?;
        Some(Form::Survivors(survivors))
    }

    /// Products of tensors with the masks of their elected signs.
    fn agreeing(&self, working: Working, products: &[(Node, Node)]) -> Option<Form> {
        let find = |&(a, b): &(Node, Node)| match (self.agreement(a), self.agreement(b)) {
            (_, Some(agreement)) => Some((a, agreement)),
            (Some(agreement), _) => Some((b, agreement)),
            _ => None,
        };
        let found: Vec<(Node, (Node, Node))> = products.iter().map(find).collect::<Option<_>>()?;
        let elected = self.one(found.iter().map(|f| f.1.1))?;
        if found.iter().all(|&(x, (voter, _))| x == voter) {
            let terms = found.iter().map(|f| f.0).collect();
            return Some(Form::AgreeingSum { terms, elected });
        }
        // Each the voter times a number.
        let weight =
            |&(product, (voter, _)): &(Node, (Node, Node))| match self.operation(product)? {
                (Op::Mul, &[a, b])
                    if self.inside(product, working) && a == voter && !self.is_tensor(b) =>
                {
                    Some((a, b))
                }
                _ => None,
            };
        let terms = found.iter().map(weight).collect::<Option<_>>()?;
        Some(Form::AgreeingScaledSum { terms, elected })
    }

    /// Products of numbers with such masks.
    fn agreeing_weights(&self, products: &[(Node, Node)]) -> Option<Form> {
        let found: Vec<((Node, Node), Node)> = products
            .iter()
            .map(|&(a, b)| match (self.agreement(a), self.agreement(b)) {
                (Some((x, elected)), _) if !self.is_tensor(b) => Some(((x, b), elected)),
                (_, Some((x, elected))) if !self.is_tensor(a) => Some(((x, a), elected)),
                _ => None,
            })
            .collect::<Option<_>>()?;
        let elected = self.one(found.iter().map(|f| f.1))?;
        let terms = found.iter().map(|f| f.0).collect();
        Some(Form::AgreeingWeights { terms, elected })
    }

    /// `x` and `elected` of `sign(x) = elected`. It is cheap enough to be computed twice.
    fn agreement(&self, node: Node) -> Option<(Node, Node)> {
        let (Op::Eq, &[sign, elected]) = self.operation(node)? else {
            return None;
        };
        let (Op::Sign, &[x]) = self.operation(sign)? else {
            return None;
        };
        (self.is_tensor(x) && self.is_tensor(elected)).then_some((x, elected))
    }

    fn one(&self, mut nodes: impl Iterator<Item = Node>) -> Option<Node> {
        let first = nodes.next()?;
        nodes.all(|n| n == first).then_some(first)
    }
}

impl Form {
    /// The tensors that it is computed from; `recorded` are those of the node.
    pub(super) fn operands(&self, recorded: &[Node]) -> Vec<Node> {
        let first = |terms: &[(Node, Node)]| terms.iter().map(|t| t.0).collect();
        match self {
            Form::Plain => recorded.to_vec(),
            Form::InMemory => Vec::new(),
            Form::Change { minus, .. } => vec![*minus],
            Form::Trimmed { x, by, .. } => vec![*x, *by],
            Form::Dropped { x, .. } => vec![*x],
            Form::Survivors(survivors) => survivors.iter().map(|s| s.minus).collect(),
            Form::Choice { a, .. } => vec![*a],
            Form::ScaledSum(terms) => first(terms),
            Form::StoredSum(_) => Vec::new(),
            Form::ChangeSum { minus, .. } => vec![*minus],
            Form::AgreeingSum { terms, elected } => {
                terms.iter().copied().chain([*elected]).collect()
            }
            Form::AgreeingWeights { terms, elected }
            | Form::AgreeingScaledSum { terms, elected } => {
                terms.iter().map(|t| t.0).chain([*elected]).collect()
            }
        }
    }
}
