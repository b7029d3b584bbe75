//! Stages that compare the task vectors of experts: one for each set of experts that is merged.

use super::{
    Builder,
    spec::{How, Node, VectorsWhat, What},
};
use crate::cell::Role;

/// A set of experts that is merged: the specification, where its inputs lie, what it needs, and
/// the merge that asks for it.
struct Set {
    what: VectorsWhat,
    how: How,
    needs: Vec<usize>,
    span: crate::manifest::Span,
}

impl Builder<'_> {
    /// A set that is part of another is left out: the other's table has its pairs. Where nothing is
    /// merged, all experts are one set.
    pub(super) fn vectors(&mut self) {
        let mut sets: Vec<Set> = Vec::new();
        let merges = self.nodes.iter().filter_map(set_of_merge);
        for set in merges.chain(self.set_of_experts()) {
            let within = |a: &Set, b: &Set| {
                a.what.base == b.what.base
                    && a.what.experts.iter().all(|e| b.what.experts.contains(e))
            };
            if sets.iter().any(|known| within(&set, known)) {
                continue;
            }
            sets.retain(|known| !within(known, &set));
            sets.push(set);
        }
        for set in sets {
            let names: Vec<&str> = set.what.experts.iter().map(|e| e.name.as_str()).collect();
            let mut name = format!("vectors {}", names.join("+"));
            let keys: Vec<&String> = set.what.experts.iter().map(|e| &e.key).collect();
            let trained = self.models.iter().map(|m| &m.label);
            let replicate = trained
                .filter(|label| keys.contains(&&label.key))
                .find_map(|label| label.replicate);
            if let Some(replicate) = replicate {
                name.push_str(&format!(" replicate={replicate}"));
            }
            self.node(name, What::Vectors(set.what), set.how, set.needs, set.span);
        }
    }

    fn set_of_experts(&self) -> Option<Set> {
        if self
            .nodes
            .iter()
            .any(|n| matches!(n.spec.what, What::Merge(_)))
        {
            return None;
        }
        let base = self.base_model()?;
        let experts = self.models.iter().filter(|m| m.label.role == Role::Expert);
        let mut set = Set {
            what: VectorsWhat {
                base: base.label.key.clone(),
                experts: Vec::new(),
            },
            how: How::default(),
            needs: base.node.into_iter().collect(),
            span: 0..0,
        };
        set.how
            .places
            .insert(base.label.key.clone(), base.folder.clone());
        for expert in experts {
            let (label, node) = (&expert.label, expert.node);
            set.what.experts.push(super::spec::ExpertRef {
                name: label.name.clone(),
                key: label.key.clone(),
            });
            set.how
                .places
                .insert(label.key.clone(), expert.folder.clone());
            set.needs.extend(node.filter(|n| !set.needs.contains(n)));
        }
        (!set.what.experts.is_empty()).then_some(set)
    }
}

fn set_of_merge(node: &Node) -> Option<Set> {
    let What::Merge(merge) = &node.spec.what else {
        return None;
    };
    let mut how = How::default();
    let keys = merge.experts.iter().map(|e| &e.key).chain([&merge.base]);
    for key in keys {
        if let Some(place) = node.spec.how.places.get(key) {
            how.places.insert(key.clone(), place.clone());
        }
    }
    Some(Set {
        what: VectorsWhat {
            base: merge.base.clone(),
            experts: merge.experts.clone(),
        },
        how,
        needs: node.needs.clone(),
        span: node.span.clone(),
    })
}
