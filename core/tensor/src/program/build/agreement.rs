//! Steps that compare tensors: how much they differ, and which agree.

use crate::evaluate::Facts;
use crate::graph::Nodes;
use crate::kernels::elect::{Divisor, Election};
use crate::kernels::trim::Band;
use crate::program::fuse;
use crate::program::known::{band, cut, number};
use crate::program::step::{Alone, Elected, Terms, Variance, Voters};
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;

pub(super) fn variance(
    nodes: &Nodes,
    facts: &Facts,
    variance: fuse::Variance,
    source: impl FnMut(Node) -> usize,
    slot: impl Fn(Node) -> usize,
) -> Variance {
    let value = |node: Node| number(facts, node) as f32;
    Variance {
        terms: terms(variance.terms, source, slot),
        counts: (value(variance.counts.0), value(variance.counts.1)),
        cut: variance.mask.map(|mask| cut(nodes, facts, mask)),
    }
}

fn terms(
    terms: fuse::Terms,
    source: impl FnMut(Node) -> usize,
    slot: impl Fn(Node) -> usize,
) -> Terms {
    match terms {
        fuse::Terms::Plain(terms) => Terms::Plain(terms.into_iter().map(slot).collect()),
        fuse::Terms::Changes { inputs, minus } => Terms::Changes {
            sources: inputs.into_iter().map(source).collect(),
            minus: slot(minus),
        },
    }
}

pub(super) fn alone(
    facts: &Facts,
    working: Working,
    alone: fuse::Alone,
    source: impl FnMut(Node) -> usize,
    slot: impl Fn(Node) -> usize,
) -> Alone {
    let value = |node: Node| number(facts, node) as f32;
    let numbers = alone.numbers.into_iter();
    Alone {
        // A choice rounds its numbers.
        numbers: numbers.map(|n| working.round(value(n))).collect(),
        limit: value(alone.limit),
        alone: value(alone.alone),
        over: (value(alone.over.0), value(alone.over.1)),
        plus: alone.plus.map(&slot),
        terms: terms(alone.terms, source, slot),
    }
}

pub(super) fn elected(
    nodes: &Nodes,
    facts: &Facts,
    working: Working,
    elected: fuse::Elected,
    mut source: impl FnMut(Node) -> usize,
    slot: impl Fn(Node) -> usize,
) -> Elected {
    let value = |node: Node| number(facts, node) as f32;
    // A choice rounds its numbers.
    let rounded = |node: Node| working.round(value(node));
    let voters = match elected.voters {
        fuse::Voters::Plain(terms) => Voters::Plain(terms.into_iter().map(&slot).collect()),
        fuse::Voters::Trimmed { terms, minus } => {
            let term = |term: fuse::Change| {
                let band = term.masks.map_or(Band::ALL, |m| band(nodes, facts, m));
                (source(term.input), term.weight.map_or(1.0, value), band)
            };
            Voters::Trimmed {
                terms: terms.into_iter().map(term).collect(),
                minus: slot(minus),
            }
        }
        fuse::Voters::Masked {
            inputs,
            minus,
            mask,
        } => Voters::Masked {
            sources: inputs.into_iter().map(source).collect(),
            minus: slot(minus),
            mask: slot(mask),
        },
    };
    let one = |number: Option<Node>| number.map_or(1.0, value);
    let numbers = elected.numbers.into_iter();
    Elected {
        voters,
        numbers: numbers.map(|(w, s)| (one(w), one(s))).collect(),
        election: match elected.election {
            fuse::Election::Above {
                op,
                limit,
                chosen,
                other,
            } => {
                let (chosen, other) = (rounded(chosen), rounded(other));
                Election::above(value(limit), op == Op::Ge, chosen, other)
            }
            fuse::Election::Sign { of_zero } => Election::sign(rounded(of_zero)),
        },
        divisor: match elected.divisor {
            fuse::Divisor::AtLeast(least) => Divisor::at_least(value(least)),
            fuse::Divisor::Instead(number, instead) => {
                Divisor::instead(value(number), value(instead))
            }
        },
        times: elected.times.map_or(1.0, value),
        plus: elected.plus.map(slot),
    }
}
