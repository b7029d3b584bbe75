//! A whole merge of a few small tensors, for the tests of a method's crate.

use super::ReferenceBench;
use crate::{Error, MergeMethod, Result, method};
use mergelab_abi::{
    conformance::method::{Bench, survey},
    method::{GroupInfo, LowRank, Member, MethodSetup},
    reference::ReferenceHost,
    working::Working,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// Tensors to merge on the reference evaluator, in f32.
///
/// ```
/// use mergelab_sdk::{conformance::{Trial, TrialTensor}, prelude::*};
///
/// /// The mean of the models.
/// #[derive(Params)]
/// struct Mean {}
///
/// impl MergeMethod for Mean {
///     const ID: &'static str = "mean";
///     const BASE: BaseUse = BaseUse::Unused;
///     fn merge(&self, group: &Group) -> Result<Tensor> {
///         let sum: Tensor = group.models().map(|m| m.tensor()).sum();
///         Ok(sum / group.models().len() as f64)
///     }
/// }
///
/// let weight = TrialTensor::new("w", &[2])
///     .model("german", vec![1.0, 2.0])
///     .model("french", vec![3.0, 6.0]);
/// let merged = Trial::new(json!({})).tensor(weight).run::<Mean>()?;
/// assert_eq!(merged[0].values, [2.0, 4.0]);
/// # Ok::<(), mergelab_sdk::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trial {
    params: Value,
    seed: u64,
    tensors: Vec<TrialTensor>,
}

/// One tensor of a trial: its values in each model.
#[derive(Debug, Clone)]
pub struct TrialTensor {
    name: String,
    shape: Vec<usize>,
    base: Option<Vec<f32>>,
    models: Vec<TrialModel>,
}

#[derive(Debug, Clone)]
struct TrialModel {
    id: String,
    values: Vec<f32>,
    changed: bool,
    factors: Option<Factors>,
}

#[derive(Debug, Clone)]
struct Factors {
    rank: usize,
    left: Vec<f32>,
    right: Vec<f32>,
}

/// What a method made of one tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The merged tensor, in row-major order.
    pub values: Vec<f32>,
    /// What it handed out besides, by name: shape and elements.
    pub artifacts: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Trial {
    /// A trial without tensors. `params` is a JSON object, as a recipe has it.
    pub fn new(params: Value) -> Self {
        Self {
            params,
            seed: 0,
            tensors: Vec::new(),
        }
    }

    /// Sets the seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Adds a tensor. All tensors have the same models.
    pub fn tensor(mut self, tensor: TrialTensor) -> Self {
        self.tensors.push(tensor);
        self
    }

    /// Surveys, merges and hands out artifacts as the host does: one result a tensor.
    ///
    /// # Errors
    /// Refused parameters, and what the method says.
    ///
    /// # Panics
    /// A tensor has as many elements as its shape does not have. This is for tests.
    pub fn run<M: MergeMethod>(&self) -> Result<Vec<Merged>> {
        let Value::Object(params) = &self.params else {
            return Err(Error::input("the parameters are no JSON object"));
        };
        let bench = ReferenceBench(Arc::new(ReferenceHost::new(Working::F32)));
        let first = self.tensors.iter().flat_map(|t| &t.models);
        let count = self.tensors.first().map_or(0, |t| t.models.len());
        let method = method::open::<M>(MethodSetup {
            params: Map::clone(params),
            models: first.take(count).map(|m| m.id.clone()).collect(),
        })?;
        let group = |tensor: &TrialTensor| tensor.group(self.seed, &bench);
        let mut groups: Vec<GroupInfo> = self.tensors.iter().map(group).collect();
        if M::SURVEYS {
            survey(&*method, &mut groups, &bench)?;
        }
        let merged = |group: &GroupInfo| {
            let (_, values) = bench.value(method.merge(group, bench.host())?)?;
            let made = match M::ARTIFACTS {
                true => method.artifacts(group, bench.host())?,
                false => Vec::new(),
            };
            let artifacts = made
                .into_iter()
                .map(|artifact| Ok((artifact.name, bench.value(artifact.node)?)))
                .collect::<Result<_>>()?;
            Ok(Merged { values, artifacts })
        };
        groups.iter().map(merged).collect()
    }
}

impl TrialTensor {
    /// A tensor that is in no model yet.
    pub fn new(name: &str, shape: &[usize]) -> Self {
        Self {
            name: name.to_owned(),
            shape: shape.to_vec(),
            base: None,
            models: Vec::new(),
        }
    }

    /// Its values in the base model.
    pub fn base(mut self, values: Vec<f32>) -> Self {
        self.base = Some(values);
        self
    }

    /// Its values in one more model.
    pub fn model(mut self, id: &str, values: Vec<f32>) -> Self {
        self.models.push(TrialModel {
            id: id.to_owned(),
            values,
            changed: true,
            factors: None,
        });
        self
    }

    /// Its values in one more model, which is the base with an adapter: `left · right` is added,
    /// with `left` of shape `[m, rank]` and `right` of shape `[rank, n]`. Set the base first.
    pub fn adapter(mut self, id: &str, rank: usize, left: Vec<f32>, right: Vec<f32>) -> Self {
        let columns = right.len() / rank.max(1);
        let base = self.base.clone().unwrap_or_default();
        let values = base.iter().enumerate().map(|(i, b)| {
            let (row, column) = (i / columns, i % columns);
            let products = (0..rank)
                .map(|k| f64::from(left[row * rank + k]) * f64::from(right[k * columns + column]));
            (f64::from(*b) + products.sum::<f64>()) as f32
        });
        self.models.push(TrialModel {
            id: id.to_owned(),
            values: values.collect(),
            changed: true,
            factors: Some(Factors { rank, left, right }),
        });
        self
    }

    /// One more model, which is known to have the base's values: the base with an adapter on other
    /// tensors. Set the base first.
    pub fn unchanged(mut self, id: &str) -> Self {
        let values = self.base.clone().unwrap_or_default();
        self = self.model(id, values);
        if let Some(model) = self.models.last_mut() {
            model.changed = false;
        }
        self
    }

    /// The same tensor with every adapter baked in: no model has factors, and of none is known that
    /// it is unchanged.
    pub fn dense(mut self) -> Self {
        for model in &mut self.models {
            (model.factors, model.changed) = (None, true);
        }
        self
    }

    /// A tensor of a base and of `models` models, in [-0.1, 0.1) and the same on every machine. The
    /// task vectors are products of factors of rank `rank`, or of full rank where that is 0.
    pub fn random(seed: u64, shape: [usize; 2], models: usize, rank: usize) -> Self {
        let numbers = |stream: usize, n: usize| -> Vec<f32> {
            let word = |i| mergelab_abi::random::word(seed.wrapping_mul(1000) + stream as u64, i);
            let unit = |i| (word(i) >> 8) as f32 / 8_388_608.0 - 1.0;
            (0..n as u64).map(|i| unit(i) * 0.1).collect()
        };
        let [m, n] = shape;
        let base = numbers(0, m * n);
        let start = Self::new("w", &shape).base(base.clone());
        (0..models).fold(start, |tensor, model| {
            let id = format!("expert-{model}");
            let stream = 10 * model;
            if rank > 0 {
                let (left, right) = (numbers(stream + 1, m * rank), numbers(stream + 2, rank * n));
                return tensor.adapter(&id, rank, left, right);
            }
            let delta = numbers(stream + 3, m * n);
            tensor.model(&id, base.iter().zip(delta).map(|(b, d)| b + d).collect())
        })
    }

    /// Its values in the base model, where there is one.
    pub fn base_values(&self) -> Option<&[f32]> {
        self.base.as_deref()
    }

    /// What each model adds to the base.
    pub fn task_vectors(&self) -> Vec<Vec<f32>> {
        self.models.iter().map(|m| self.change(&m.values)).collect()
    }

    /// What the method adds to the base where this is the only tensor.
    ///
    /// # Errors
    /// As [`Trial::run`].
    pub fn merged<M: MergeMethod>(&self, params: Value) -> Result<Vec<f32>> {
        let merged = Trial::new(params).tensor(self.clone()).run::<M>()?;
        Ok(merged.iter().flat_map(|m| self.change(&m.values)).collect())
    }

    fn change(&self, values: &[f32]) -> Vec<f32> {
        let base = self.base.iter().flatten().copied();
        let pairs = values.iter().zip(base.chain(std::iter::repeat(0.0)));
        pairs.map(|(value, base)| value - base).collect()
    }

    fn group(&self, seed: u64, bench: &ReferenceBench) -> GroupInfo {
        let member = |id: &str, values: &[f32]| Member {
            id: id.to_owned(),
            node: bench.input(&self.shape, values.to_vec()),
            present: true,
            low_rank: None,
        };
        let of_model = |model: &TrialModel| Member {
            present: model.changed,
            low_rank: model.factors.as_ref().map(|f| {
                let shape = |n: usize| n / f.rank.max(1);
                LowRank {
                    left: bench.input(&[shape(f.left.len()), f.rank], f.left.clone()),
                    right: bench.input(&[f.rank, shape(f.right.len())], f.right.clone()),
                }
            }),
            ..member(&model.id, &model.values)
        };
        GroupInfo {
            tensor: self.name.clone(),
            shape: self.shape.clone(),
            models: self.models.iter().map(of_model).collect(),
            base: self.base.as_ref().map(|values| member("base", values)),
            seed,
            statistics: BTreeMap::new(),
        }
    }
}
