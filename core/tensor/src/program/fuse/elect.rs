//! Terms that elect a sign, and the sum of those that have it.

use super::sum::{Change, Sum, one};
use super::{Form, Fuse};
use crate::kernels::elect::VOTERS;
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;

/// The sum of the terms that have the elected sign, divided by what they share.
pub(in crate::program) struct Elected {
    pub(in crate::program) voters: Voters,
    /// What each is multiplied by, and what it adds to the divisor: 1 where there is none.
    pub(in crate::program) numbers: Vec<(Option<Node>, Option<Node>)>,
    pub(in crate::program) election: Election,
    pub(in crate::program) divisor: Divisor,
    /// What the quotient is multiplied by.
    pub(in crate::program) times: Option<Node>,
    /// What is added to it.
    pub(in crate::program) plus: Option<Node>,
}

/// The terms.
pub(in crate::program) enum Voters {
    Plain(Vec<Node>),
    /// Task vectors where masks of the largest magnitudes keep them.
    Trimmed {
        terms: Vec<Change>,
        minus: Node,
    },
    /// Task vectors times one mask.
    Masked {
        inputs: Vec<Node>,
        minus: Node,
        mask: Node,
    },
}

/// How the sign follows from the sum of the terms.
pub(in crate::program) enum Election {
    /// `select(sum op limit, chosen, other)`.
    Above {
        op: Op,
        limit: Node,
        chosen: Node,
        other: Node,
    },
    /// The sum's own, or this where there is none.
    Sign { of_zero: Node },
}

/// What becomes of the sum of shares before it divides.
pub(in crate::program) enum Divisor {
    AtLeast(Node),
    /// Where it is the first, the second divides.
    Instead(Node, Node),
}

impl Elected {
    /// The tensors that it is computed from.
    pub(super) fn operands(&self) -> Vec<Node> {
        let voters = match &self.voters {
            Voters::Plain(terms) => terms.clone(),
            Voters::Trimmed { minus, .. } => vec![*minus],
            Voters::Masked { minus, mask, .. } => vec![*minus, *mask],
        };
        voters.into_iter().chain(self.plus).collect()
    }
}

impl Fuse<'_> {
    /// A quotient of sums of what has the elected sign; what it is multiplied by and added to.
    pub(super) fn elected(&self, node: Node) -> Option<Elected> {
        let working = self.working(node);
        // Only these are looked into, so that a long chain is not walked again for each link.
        let part_of = |part: Node, ops: &[Op]| {
            let fits = self
                .operation(part)
                .is_some_and(|(op, _)| ops.contains(&op));
            (fits && self.inside(part, working)).then(|| self.elected(part))?
        };
        match self.operation(node)? {
            (Op::Add, &[a, b]) => {
                let with = |plus: Node, part: Node| {
                    let elected = self
                        .is_tensor(plus)
                        .then(|| part_of(part, &[Op::Mul, Op::Div]))??;
                    Some(Elected {
                        plus: Some(plus),
                        ..elected
                    })
                };
                with(a, b).or_else(|| with(b, a))
            }
            (Op::Mul, &[a, b]) => {
                let (part, times) = self.times_number(a, b)?;
                let elected = part_of(part, &[Op::Div])?;
                Some(Elected {
                    times: Some(times),
                    ..elected
                })
            }
            (Op::Div, &[total, divisor]) => self.elected_quotient(working, total, divisor),
            _ => None,
        }
    }

    fn elected_quotient(&self, working: Working, total: Node, divisor: Node) -> Option<Elected> {
        let fits = self.inside(total, working) && self.inside(divisor, working);
        let (Op::AddN, terms) = fits.then(|| self.operation(total))?? else {
            return None;
        };
        let Some(Form::Sum(Sum::Agreeing { terms, elected })) = self.sum(total, terms) else {
            return None;
        };
        let (shares, uses, divisor) = self.guarded(divisor)?;
        let shares_fit = self.uses(shares) == uses && self.working(shares) == working;
        let (Op::AddN, summed) = shares_fit.then(|| self.operation(shares))?? else {
            return None;
        };
        // What each adds to the divisor.
        let (votes, shares, of) = match self.sum(shares, summed) {
            Some(Form::Sum(Sum::AgreeingWeights { terms, elected })) => {
                let (votes, shares): (Vec<Node>, Vec<_>) =
                    terms.into_iter().map(|(x, w)| (x, Some(w))).unzip();
                (votes, shares, elected)
            }
            _ => {
                let agreements: Vec<(Node, Node)> = summed
                    .iter()
                    .map(|&mask| self.agreement(mask))
                    .collect::<Option<_>>()?;
                let of = one(agreements.iter().map(|a| a.1))?;
                let votes: Vec<Node> = agreements.iter().map(|a| a.0).collect();
                let shares = vec![None; votes.len()];
                (votes, shares, of)
            }
        };
        let same = terms.len() <= VOTERS && terms.iter().map(|t| t.0).eq(votes.iter().copied());
        if !same || of != elected || self.uses(elected) as usize != votes.len() {
            return None;
        }
        let (sum, election) = self.election(elected)?;
        let (Op::AddN, summed) = self.operation(sum)? else {
            return None;
        };
        if *summed != votes || self.working(sum) != working || self.working(elected) != working {
            return None;
        }
        let weights = terms.iter().map(|t| t.1);
        let numbers: Vec<_> = weights.zip(shares).collect();
        Some(Elected {
            voters: self.voters(working, votes),
            numbers,
            election,
            divisor,
            times: None,
            plus: None,
        })
    }

    /// What is guarded against zero, how often that uses it, and how.
    fn guarded(&self, divisor: Node) -> Option<(Node, u32, Divisor)> {
        match self.operation(divisor)? {
            (Op::Maximum, &[x, least]) => {
                let fits = self.is_tensor(x) && !self.is_tensor(least);
                fits.then_some((x, 1, Divisor::AtLeast(least)))
            }
            (Op::Select, &[condition, instead, x]) => {
                let (Op::Eq, &[compared, number]) = self.operation(condition)? else {
                    return None;
                };
                let fits = self.once(condition)
                    && compared == x
                    && self.is_tensor(x)
                    && !self.is_tensor(number)
                    && !self.is_tensor(instead);
                fits.then_some((x, 2, Divisor::Instead(number, instead)))
            }
            _ => None,
        }
    }

    /// The sum of the votes, and how the sign follows from it.
    fn election(&self, elected: Node) -> Option<(Node, Election)> {
        let (Op::Select, &[condition, chosen, other]) = self.operation(elected)? else {
            return None;
        };
        if let Some(Form::Choice {
            op,
            a,
            b,
            chosen,
            other,
        }) = self.choice(condition, chosen, other)
        {
            let above = Election::Above {
                op,
                limit: b,
                chosen,
                other,
            };
            return self.once(a).then_some((a, above));
        }
        let (Op::Sign, &[sum]) = self.operation(condition)? else {
            return None;
        };
        // It is the condition, and what is chosen.
        let fits = condition == chosen
            && self.uses(condition) == 2
            && self.once(sum)
            && self.is_tensor(sum)
            && !self.is_tensor(other);
        fits.then_some((sum, Election::Sign { of_zero: other }))
    }

    fn voters(&self, working: Working, votes: Vec<Node>) -> Voters {
        let plain = votes.iter().any(|&x| self.working(x) != working);
        let found = match plain {
            true => None,
            false => self
                .trimmed_voters(&votes)
                .or_else(|| self.masked_voters(&votes)),
        };
        found.unwrap_or(Voters::Plain(votes))
    }

    fn trimmed_voters(&self, votes: &[Node]) -> Option<Voters> {
        /// The sum of the votes, the sign and the product.
        const USES: u32 = 3;
        let found: Vec<(Change, Node)> = votes
            .iter()
            .map(|&x| (self.uses(x) <= USES).then(|| self.as_change(x))?)
            .collect::<Option<_>>()?;
        let minus = one(found.iter().map(|f| f.1))?;
        let terms = found.into_iter().map(|f| f.0).collect();
        Some(Voters::Trimmed { terms, minus })
    }

    fn masked_voters(&self, votes: &[Node]) -> Option<Voters> {
        let found: Vec<(Node, Node, Node)> = votes
            .iter()
            .map(|&x| match self.operation(x)? {
                (Op::Mul, &[a, b]) => match self.product(x, a, b)? {
                    Form::MaskedChange { input, minus, mask } => Some((input, minus, mask)),
                    _ => None,
                },
                _ => None,
            })
            .collect::<Option<_>>()?;
        let (minus, mask) = one(found.iter().map(|f| (f.1, f.2)))?;
        let inputs = found.iter().map(|f| f.0).collect();
        Some(Voters::Masked {
            inputs,
            minus,
            mask,
        })
    }
}
