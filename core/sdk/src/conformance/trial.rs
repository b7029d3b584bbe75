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
            factors: Some(Factors { rank, left, right }),
        });
        self
    }

    /// The same tensor with every adapter baked in, so that no model has factors.
    pub fn dense(mut self) -> Self {
        self.models.iter_mut().for_each(|m| m.factors = None);
        self
    }

    /// Its values in the base model, where there is one.
    pub fn base_values(&self) -> Option<&[f32]> {
        self.base.as_deref()
    }

    /// Its values in each model.
    pub fn model_values(&self) -> impl Iterator<Item = &[f32]> {
        self.models.iter().map(|m| &m.values[..])
    }

    fn group(&self, seed: u64, bench: &ReferenceBench) -> GroupInfo {
        let member = |id: &str, values: &[f32], factors: Option<&Factors>| Member {
            id: id.to_owned(),
            node: bench.input(&self.shape, values.to_vec()),
            present: true,
            low_rank: factors.map(|f| {
                let shape = |n: usize| n / f.rank.max(1);
                LowRank {
                    left: bench.input(&[shape(f.left.len()), f.rank], f.left.clone()),
                    right: bench.input(&[f.rank, shape(f.right.len())], f.right.clone()),
                }
            }),
        };
        GroupInfo {
            tensor: self.name.clone(),
            shape: self.shape.clone(),
            models: self
                .models
                .iter()
                .map(|m| member(&m.id, &m.values, m.factors.as_ref()))
                .collect(),
            base: self
                .base
                .as_ref()
                .map(|values| member("base", values, None)),
            seed,
            statistics: BTreeMap::new(),
        }
    }
}
