//! What a user should know about a plan.

use super::{Action, Plan, PlannedTensor, Which};
use serde_json::Value;

impl Plan<'_> {
    /// Adds what follows from the tensors.
    pub(super) fn take_notes(&mut self) {
        let notes = [
            self.copied(),
            self.partly(),
            self.left_out(),
            self.single_values(),
        ];
        self.notes.extend(notes.into_iter().flatten());
    }

    fn copied(&self) -> Option<String> {
        let copied = |t: &&PlannedTensor| matches!(t.action, Action::Copy { .. });
        let first = self.tensors.iter().find(copied)?;
        let count = self.tensors.iter().filter(copied).count();
        let donor = self.origins(first).next().map(|(input, _)| input);
        Some(format!(
            "{count} of {} tensors are not merged but copied from {} (`{}`, for one)",
            self.tensors.len(),
            donor.unwrap_or(&self.donor).role,
            first.name
        ))
    }

    /// Tensors that are merged from some models only.
    fn partly(&self) -> Option<String> {
        let members = |t: &PlannedTensor| self.parts.get(t.part).map_or(0, |p| p.members.len());
        let partly = |t: &&PlannedTensor| {
            matches!(t.action, Action::Merge { .. }) && t.present.len() < members(t)
        };
        let first = self.tensors.iter().find(partly)?;
        let count = self.tensors.iter().filter(partly).count();
        let models = first.origins.iter().filter_map(|o| match o.which {
            Which::Base => None,
            Which::Model(i) => self.models.get(i).map(|m| m.role.as_str()),
        });
        Some(format!(
            "{count} of {} tensors are merged from those models only that have them (`{}`, for \
             one, from {})",
            self.tensors.len(),
            first.name,
            models.collect::<Vec<_>>().join(", ")
        ))
    }

    fn left_out(&self) -> Option<String> {
        let first = self.dropped.first()?;
        Some(format!(
            "{} tensors of the inputs are not in the result (`{}`, for one: {})",
            self.dropped.len(),
            first.name,
            first.reason
        ))
    }

    /// Tensors of which a density keeps less than one value. Methods that keep the largest values
    /// keep one then, as published TIES does (it keeps ⌊density · n⌋ + 1); mergekit ends the run.
    /// A few small tensors are no reason to refuse a model.
    fn single_values(&self) -> Option<String> {
        let traits = self.plugin.traits().ok()?;
        if traits.random {
            return None;
        }
        let smallest = |t: &PlannedTensor| -> Option<f64> {
            let Action::Merge { parameters, .. } = t.action else {
                return None;
            };
            let params = self.parameters(parameters)?;
            let of_model = params.get("scope").and_then(Value::as_str) == Some("model");
            let densities = params.get("density")?.as_array()?.iter();
            let smallest = densities.filter_map(Value::as_f64).reduce(f64::min)?;
            (!of_model && smallest * (t.elements() as f64) < 1.0).then_some(smallest)
        };
        let mut small = self.tensors.iter().filter_map(|t| Some((t, smallest(t)?)));
        let (first, density) = small.next()?;
        Some(format!(
            "`density` = {density} of the {} values of `{}`{} is less than one: the largest is kept",
            first.elements(),
            first.name,
            match small.count() {
                0 => String::new(),
                more => format!(", and of those of {more} other tensors,"),
            },
        ))
    }
}
