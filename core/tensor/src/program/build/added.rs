//! Steps that add up.

use crate::evaluate::Facts;
use crate::graph::Nodes;
use crate::kernels::trim::Band;
use crate::program::fuse::Sum;
use crate::program::known::{band, number};
use crate::program::step::Added;
use mergelab_abi::ops::Node;
use mergelab_abi::working::Working;

/// What a sum adds up.
pub(super) fn added(
    nodes: &Nodes,
    facts: &Facts,
    working: Working,
    sum: Sum,
    mut source: impl FnMut(Node) -> usize,
    slot: impl Fn(Node) -> usize,
) -> Added {
    let value = |node: Node| number(facts, node) as f32;
    let slots = |terms: Vec<Node>| terms.into_iter().map(&slot).collect();
    let weighted = |terms: Vec<(Node, Node)>| {
        let terms = terms.into_iter();
        terms.map(|(x, weight)| (slot(x), value(weight))).collect()
    };
    match sum {
        Sum::Scaled(terms) => Added::Scaled(weighted(terms)),
        Sum::Stored(terms) => {
            let terms = terms.into_iter();
            Added::Stored(terms.map(|(x, w)| (source(x), value(w))).collect())
        }
        Sum::Changes { terms, minus } => {
            let minus = slot(minus);
            let weight = |weight: Option<Node>| weight.map_or(1.0, value);
            if terms.iter().all(|change| change.masks.is_none()) {
                let terms = terms.iter();
                let terms = terms.map(|c| (source(c.input), weight(c.weight))).collect();
                return Added::Changes { terms, minus };
            }
            let terms = terms.iter().map(|change| {
                let band = change
                    .masks
                    .map_or(Band::ALL, |masks| band(nodes, facts, masks));
                (source(change.input), weight(change.weight), band)
            });
            let terms = terms.collect();
            Added::TrimmedChanges { terms, minus }
        }
        Sum::Squares { terms, minus } => Added::Squares {
            terms: slots(terms),
            minus: slot(minus),
        },
        Sum::Agreeing { terms, elected } => {
            let terms = terms.into_iter();
            let terms = terms.map(|(x, weight)| (slot(x), weight.map_or(1.0, value)));
            Added::Agreeing {
                terms: terms.collect(),
                elected: slot(elected),
            }
        }
        Sum::AgreeingWeights { terms, elected } => Added::AgreeingWeights {
            terms: weighted(terms),
            elected: slot(elected),
        },
        Sum::Exceeding { terms, limit } => Added::Exceeding {
            terms: slots(terms),
            limit: value(limit),
        },
        Sum::ExceedingCount { terms, limit } => Added::ExceedingCount {
            terms: slots(terms),
            limit: value(limit),
        },
        Sum::ExceedingChanges {
            inputs,
            minus,
            limit,
        } => Added::ExceedingChanges {
            sources: inputs.into_iter().map(source).collect(),
            minus: slot(minus),
            limit: value(limit),
        },
        Sum::ExceedingChoice {
            terms,
            limit,
            alone,
            other,
        } => Added::ExceedingChoice {
            // A choice rounds its numbers.
            terms: terms
                .into_iter()
                .map(|(x, weight)| (slot(x), working.round(value(weight))))
                .collect(),
            limit: value(limit),
            alone: slot(alone),
            other: slot(other),
        },
    }
}
