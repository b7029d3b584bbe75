//! Merge method: adds what one model changed, strengthened, and averages what several changed.
#![forbid(unsafe_code)]

use mergelab_sdk::{Value, imitation::is_coarse, prelude::*, scope::Scope};

/// Adds what one model alone changed, strengthened where the model shares much with others, and the
/// mean of what several changed.
#[derive(Params)]
pub struct RamplusTl {
    /// Magnitude above which an entry of a task vector counts as changed.
    #[param(default = 1e-5, min = 0.0)]
    epsilon: f64,
    /// How much sharing strengthens what a model alone changed.
    #[param(default = 0.1, min = 0.0)]
    r: f64,
    /// The most that the ratio of shared to unshared entries counts.
    #[param(default = 0.2, min = 0.0)]
    alpha: f64,
    /// Whether shared and unshared entries are counted in each tensor or in the whole model.
    #[param(default = "model")]
    scope: Scope,
}

/// What the models changed in one tensor.
struct Changes {
    vectors: Vec<Tensor>,
    /// 1 where a model changed an entry.
    changed: Vec<Tensor>,
    /// How many models changed an entry.
    count: Tensor,
}

impl Changes {
    /// 1 where the model alone changed an entry.
    fn alone(&self, model: &Model) -> Tensor {
        &self.changed[model.index()] * self.count.eq(&Tensor::scalar(1.0))
    }

    /// 1 where the model changed an entry and others did.
    fn shared(&self, model: &Model) -> Tensor {
        &self.changed[model.index()] * self.count.gt(&Tensor::scalar(1.0))
    }
}

impl RamplusTl {
    fn changes(&self, group: &Group) -> Result<Changes> {
        let vectors = group.task_vectors()?;
        let smallest = group.stored(self.epsilon);
        let changed: Vec<Tensor> = vectors.iter().map(|v| v.abs().gt(&smallest)).collect();
        let count = changed.iter().sum();
        Ok(Changes {
            vectors,
            changed,
            count,
        })
    }

    /// The factor on what a model alone changed.
    fn strength(&self, group: &Group, model: &Model, changes: &Changes) -> Result<Tensor> {
        let (shared, alone) = match self.scope {
            // Counts, in which `shared` and `alone` need not be written out.
            Scope::Tensor => {
                let changed = changes.changed[model.index()].widen();
                let single = changes.count.eq(&Tensor::scalar(1.0)).widen();
                let alone = changed.dot(&single);
                (changed.sum_all() - &alone, alone)
            }
            Scope::Model => {
                let (shared, alone) = counted(group, model)?;
                (Tensor::scalar(shared), Tensor::scalar(alone))
            }
        };
        let ratio = shared / alone.maximum(&Tensor::scalar(self.epsilon));
        let ratio = ratio.minimum(&Tensor::scalar(self.alpha));
        Ok(ratio * self.r + 1.0)
    }

    /// The same as mergekit rounds it: factors are in f32, and so is all that they touch.
    fn imitate(&self, group: &Group) -> Result<Tensor> {
        let changes = self.changes(group)?;
        let alone = changes.count.eq(&Tensor::scalar(1.0));
        let divisor = changes.count.maximum(&Tensor::scalar(1.0));
        let mut merged = group.base()?.widen();
        for model in group.models() {
            let strength = self.strength(group, model, &changes)?;
            let vector = changes.vectors[model.index()].widen();
            let part = alone.select(&(strength * &vector), &(vector / &divisor));
            let moved = &merged + part;
            merged = changes.changed[model.index()].select(&moved, &merged);
        }
        Ok(merged.stored())
    }
}

/// How many entries the model shares with others in the whole model, and how many it has alone.
fn counted(group: &Group, model: &Model) -> Result<(f64, f64)> {
    let [shared, alone] = names(model);
    Ok((group.statistic(&shared)?, group.statistic(&alone)?))
}

fn names(model: &Model) -> [String; 2] {
    ["shared", "alone"].map(|what| format!("{what}.{}", model.id()))
}

impl MergeMethod for RamplusTl {
    const ID: &'static str = "ramplus_tl";
    const SURVEYS: bool = true;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({"scope": "tensor"}))]
    }

    fn survey(&self, group: &Group) -> Result<Vec<Survey>> {
        if self.scope == Scope::Tensor {
            return Ok(Vec::new());
        }
        let changes = self.changes(group)?;
        let ask = |m| {
            let [shared, alone] = names(m);
            [
                Survey::sum(shared, changes.shared(m)),
                Survey::sum(alone, changes.alone(m)),
            ]
        };
        Ok(group.models().flat_map(ask).collect())
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        if is_coarse(group)? {
            return self.imitate(group);
        }
        let base = group.base()?;
        let changes = self.changes(group)?;
        let alone = changes.count.eq(&Tensor::scalar(1.0));
        let divisor = changes.count.maximum(&Tensor::scalar(1.0));
        let parts = group
            .models()
            .map(|m| {
                let strength = self.strength(group, m, &changes)?;
                let part = &changes.vectors[m.index()] * &changes.changed[m.index()];
                Ok(part * alone.select(&strength, &(1.0 / &divisor)))
            })
            .collect::<Result<Vec<Tensor>>>()?;
        Ok(base + Tensor::sum_of(&parts))
    }
}

plugin!(RamplusTl);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::RamplusTl);
}
