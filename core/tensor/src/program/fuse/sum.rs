//! Sums whose terms are computed as they are added.

use super::{Form, Fuse};
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;

/// What is added up.
pub(in crate::program) enum Sum {
    /// Tensors times numbers.
    Scaled(Vec<(Node, Node)>),
    /// Stored inputs times numbers.
    Stored(Vec<(Node, Node)>),
    /// Changes from one tensor times numbers, each where its masks keep it.
    Changes { terms: Vec<Change>, minus: Node },
    /// Squares of what tensors are above one.
    Squares { terms: Vec<Node>, minus: Node },
    /// Tensors, times numbers where there are any, where the tensors' signs are the elected ones.
    Agreeing {
        terms: Vec<(Node, Option<Node>)>,
        elected: Node,
    },
    /// Numbers where the signs of tensors are the elected ones.
    AgreeingWeights {
        terms: Vec<(Node, Node)>,
        elected: Node,
    },
    /// Tensors where their magnitudes are above a number.
    Exceeding { terms: Vec<Node>, limit: Node },
    /// How many magnitudes are above a number.
    ExceedingCount { terms: Vec<Node>, limit: Node },
    /// The same of changes from one tensor.
    ExceedingChanges {
        inputs: Vec<Node>,
        minus: Node,
        limit: Node,
    },
    /// Tensors where their magnitudes are above a number, times a number of their own where
    /// `alone` is not 0 and `other` elsewhere.
    ExceedingChoice {
        terms: Vec<(Node, Node)>,
        limit: Node,
        alone: Node,
        other: Node,
    },
}

/// A stored input less a tensor, times a number if there is one.
pub(in crate::program) struct Change {
    pub(in crate::program) input: Node,
    pub(in crate::program) weight: Option<Node>,
    /// Masks of the largest magnitudes: what one keeps, less what the other does.
    pub(in crate::program) masks: Option<(Node, Option<Node>)>,
}

impl Sum {
    /// The tensors that it is computed from.
    pub(super) fn operands(&self) -> Vec<Node> {
        let firsts = |terms: &[(Node, Node)]| terms.iter().map(|t| t.0).collect();
        let with = |terms: &[Node], more: &[Node]| [terms, more].concat();
        match self {
            Sum::Scaled(terms) => firsts(terms),
            Sum::Stored(_) => Vec::new(),
            Sum::Changes { minus, .. } | Sum::ExceedingChanges { minus, .. } => vec![*minus],
            Sum::Squares { terms, minus } => with(terms, &[*minus]),
            Sum::Agreeing { terms, elected } => {
                terms.iter().map(|t| t.0).chain([*elected]).collect()
            }
            Sum::AgreeingWeights { terms, elected } => {
                terms.iter().map(|t| t.0).chain([*elected]).collect()
            }
            Sum::Exceeding { terms, .. } | Sum::ExceedingCount { terms, .. } => terms.clone(),
            Sum::ExceedingChoice {
                terms,
                alone,
                other,
                ..
            } => terms.iter().map(|t| t.0).chain([*alone, *other]).collect(),
        }
    }
}

impl Fuse<'_> {
    /// How a sum of these terms is computed, where there is a way of its own.
    pub(super) fn sum(&self, sum: Node, terms: &[Node]) -> Option<Form> {
        let working = self.working(sum);
        if let Some(counted) = self.exceeding_count(working, terms) {
            return Some(Form::Sum(counted));
        }
        let product = |&term: &Node| match self.operation(term)? {
            (Op::Mul, &[a, b]) if self.inside(term, working) => Some((a, b)),
            _ => None,
        };
        let products: Option<Vec<(Node, Node)>> = terms.iter().map(product).collect();
        let Some(products) = products else {
            return self
                .survivors(working, terms)
                .or_else(|| self.plain_changes(working, terms).map(Form::Sum));
        };
        let scaled = self.scaled(&products);
        self.agreeing(working, &products)
            .or_else(|| self.agreeing_weights(&products))
            .or_else(|| self.squares(working, &products))
            .or_else(|| self.exceeding(&products))
            .or_else(|| self.exceeding_choice(working, &products))
            .or_else(|| self.stored_sum(scaled.as_deref()?))
            .or_else(|| self.changes(working, scaled.as_deref()?))
            .map(Form::Sum)
            .or_else(|| self.survivors(working, terms))
            .or_else(|| self.plain_changes(working, terms).map(Form::Sum))
            .or_else(|| Some(Form::Sum(Sum::Scaled(scaled?))))
    }

    /// The products as tensors and numbers, if all are.
    fn scaled(&self, products: &[(Node, Node)]) -> Option<Vec<(Node, Node)>> {
        let products = products.iter();
        products.map(|&(a, b)| self.times_number(a, b)).collect()
    }

    fn stored_sum(&self, terms: &[(Node, Node)]) -> Option<Sum> {
        let stored = terms.iter().all(|&(x, _)| self.once(x) && self.stored(x));
        stored.then(|| Sum::Stored(terms.to_vec()))
    }

    fn changes(&self, working: Working, terms: &[(Node, Node)]) -> Option<Sum> {
        let change = |&(x, weight): &(Node, Node)| {
            let inside = self.inside(x, working);
            inside.then(|| self.change(x, weight))?
        };
        let changes: Vec<(Change, Node)> = terms.iter().map(change).collect::<Option<_>>()?;
        let minus = one(changes.iter().map(|c| c.1))?;
        let terms = changes.into_iter().map(|c| c.0).collect();
        Some(Sum::Changes { terms, minus })
    }

    /// A tensor and a number.
    pub(super) fn times_number(&self, a: Node, b: Node) -> Option<(Node, Node)> {
        match (self.is_tensor(a), self.is_tensor(b)) {
            (true, false) => Some((a, b)),
            (false, true) => Some((b, a)),
            _ => None,
        }
    }

    /// The same without numbers.
    fn plain_changes(&self, working: Working, terms: &[Node]) -> Option<Sum> {
        let change = |&x: &Node| self.inside(x, working).then(|| self.as_change(x))?;
        let changes: Vec<(Change, Node)> = terms.iter().map(change).collect::<Option<_>>()?;
        let minus = one(changes.iter().map(|c| c.1))?;
        let terms = changes.into_iter().map(|c| c.0).collect();
        Some(Sum::Changes { terms, minus })
    }

    fn change(&self, x: Node, weight: Node) -> Option<(Change, Node)> {
        let (change, minus) = self.as_change(x)?;
        let weight = Some(weight);
        let free = change.weight.is_none();
        free.then_some((Change { weight, ..change }, minus))
    }

    /// A change with its masks and its number, and what it is a change of.
    pub(super) fn as_change(&self, x: Node) -> Option<(Change, Node)> {
        let (input, minus, masks, weight) = match self.operation(x)? {
            (Op::Sub, _) => {
                let (input, minus) = self.stored_change(x)?;
                (input, minus, None, None)
            }
            (Op::Mul, &[a, b]) => match self.product(x, a, b)? {
                Form::TrimmedChange {
                    input,
                    minus,
                    masks,
                    weight,
                } => (input, minus, Some(masks), weight),
                _ => return None,
            },
            _ => return None,
        };
        let change = Change {
            input,
            weight,
            masks,
        };
        Some((change, minus))
    }

    /// Products of tensors, or of tensors and numbers, with the masks of their elected signs.
    fn agreeing(&self, working: Working, products: &[(Node, Node)]) -> Option<Sum> {
        let found: Vec<(Node, Option<Node>, Node)> = products
            .iter()
            .map(|&(a, b)| {
                self.agreeing_term(working, a, b)
                    .or_else(|| self.agreeing_term(working, b, a))
            })
            .collect::<Option<_>>()?;
        let elected = one(found.iter().map(|f| f.2))?;
        let terms = found.iter().map(|f| (f.0, f.1)).collect();
        Some(Sum::Agreeing { terms, elected })
    }

    /// The tensor, the number, and the elected signs of `value` times `mask`.
    fn agreeing_term(
        &self,
        working: Working,
        value: Node,
        mask: Node,
    ) -> Option<(Node, Option<Node>, Node)> {
        let (x, elected) = self.agreement(mask)?;
        if x == value {
            return Some((x, None, elected));
        }
        match self.operation(value)? {
            (Op::Mul, &[a, b]) if self.inside(value, working) => {
                let (tensor, weight) = self.times_number(a, b)?;
                (tensor == x).then_some((x, Some(weight), elected))
            }
            _ => None,
        }
    }

    /// Products of numbers with such masks.
    fn agreeing_weights(&self, products: &[(Node, Node)]) -> Option<Sum> {
        let found: Vec<((Node, Node), Node)> = products
            .iter()
            .map(|&(a, b)| match (self.agreement(a), self.agreement(b)) {
                (Some((x, elected)), _) if !self.is_tensor(b) => Some(((x, b), elected)),
                (_, Some((x, elected))) if !self.is_tensor(a) => Some(((x, a), elected)),
                _ => None,
            })
            .collect::<Option<_>>()?;
        let elected = one(found.iter().map(|f| f.1))?;
        let terms = found.iter().map(|f| f.0).collect();
        Some(Sum::AgreeingWeights { terms, elected })
    }

    /// `x` and `elected` of `sign(x) = elected`. It is cheap enough to be computed twice.
    pub(super) fn agreement(&self, node: Node) -> Option<(Node, Node)> {
        let (Op::Eq, &[sign, elected]) = self.operation(node)? else {
            return None;
        };
        let (Op::Sign, &[x]) = self.operation(sign)? else {
            return None;
        };
        (self.is_tensor(x) && self.is_tensor(elected)).then_some((x, elected))
    }

    /// Squares of differences from one tensor.
    fn squares(&self, working: Working, products: &[(Node, Node)]) -> Option<Sum> {
        let found: Vec<(Node, Node)> = products
            .iter()
            .map(|&(a, b)| match self.operation(a)? {
                // Both factors are uses.
                (Op::Sub, &[x, minus])
                    if a == b && self.uses(a) == 2 && self.working(a) == working =>
                {
                    Some((x, minus))
                }
                _ => None,
            })
            .collect::<Option<_>>()?;
        let minus = one(found.iter().map(|f| f.1))?;
        let terms: Vec<Node> = found.iter().map(|f| f.0).collect();
        let tensors = terms.iter().chain([&minus]).all(|&n| self.is_tensor(n));
        tensors.then_some(Sum::Squares { terms, minus })
    }

    /// Masks of the magnitudes above a number.
    pub(super) fn exceeding_count(&self, working: Working, terms: &[Node]) -> Option<Sum> {
        let found: Vec<(Node, Node)> = terms
            .iter()
            .map(|&term| self.exceeds(term))
            .collect::<Option<_>>()?;
        let limit = one(found.iter().map(|f| f.1))?;
        let terms: Vec<Node> = found.iter().map(|f| f.0).collect();
        let change = |&x: &Node| {
            let fits = self.working(x) == working;
            fits.then(|| self.stored_change(x))?
        };
        let changes: Option<Vec<(Node, Node)>> = terms.iter().map(change).collect();
        let minus = changes.as_ref().and_then(|c| one(c.iter().map(|c| c.1)));
        Some(match (changes, minus) {
            (Some(changes), Some(minus)) => Sum::ExceedingChanges {
                inputs: changes.iter().map(|c| c.0).collect(),
                minus,
                limit,
            },
            _ => Sum::ExceedingCount { terms, limit },
        })
    }

    /// Products of tensors with such masks of their own.
    fn exceeding(&self, products: &[(Node, Node)]) -> Option<Sum> {
        let found: Vec<(Node, Node)> = products
            .iter()
            .map(|&(a, b)| self.exceeding_term(a, b))
            .collect::<Option<_>>()?;
        let limit = one(found.iter().map(|f| f.1))?;
        let terms = found.iter().map(|f| f.0).collect();
        Some(Sum::Exceeding { terms, limit })
    }

    /// `x` and the limit of `x` times its own mask.
    fn exceeding_term(&self, a: Node, b: Node) -> Option<(Node, Node)> {
        match (self.exceeds(a), self.exceeds(b)) {
            (_, Some((x, limit))) if x == a => Some((x, limit)),
            (Some((x, limit)), _) if x == b => Some((x, limit)),
            _ => None,
        }
    }

    /// Such products times choices between a number and a tensor.
    fn exceeding_choice(&self, working: Working, products: &[(Node, Node)]) -> Option<Sum> {
        let term = |value: Node, choice: Node| {
            let (Op::Mul, &[a, b]) = self.operation(value)? else {
                return None;
            };
            let (Op::Select, &[alone, number, other]) = self.operation(choice)? else {
                return None;
            };
            let fits = self.once(value)
                && self.inside(choice, working)
                && self.is_tensor(alone)
                && !self.is_tensor(number)
                && self.is_tensor(other);
            let (x, limit) = self.exceeding_term(a, b)?;
            fits.then_some(((x, number), (limit, alone, other)))
        };
        let found: Vec<_> = products
            .iter()
            .map(|&(a, b)| term(a, b).or_else(|| term(b, a)))
            .collect::<Option<Vec<_>>>()?;
        let (limit, alone, other) = one(found.iter().map(|f| f.1))?;
        let terms = found.iter().map(|f| f.0).collect();
        Some(Sum::ExceedingChoice {
            terms,
            limit,
            alone,
            other,
        })
    }
}

/// What all of them are.
pub(super) fn one<T: PartialEq>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.all(|n| n == first).then_some(first)
}
