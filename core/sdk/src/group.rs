//! The tensors of one name across all models.

use crate::{Error, Result, Tensor, tensor::Session};
use mergelab_abi::{
    method::{GroupInfo, Member},
    ops::{HostHandle, Node},
    random::mask_key,
};
use std::{collections::BTreeMap, rc::Rc};

/// What one call of [`crate::MergeMethod::merge`] works on.
pub struct Group {
    name: String,
    shape: Rc<[usize]>,
    seed: u64,
    base: Option<Tensor>,
    models: Vec<Model>,
    statistics: BTreeMap<String, f64>,
    session: Rc<Session>,
}

/// One model's tensor.
pub struct Model {
    index: usize,
    id: String,
    tensor: Tensor,
    changed: bool,
    low_rank: Option<LowRank>,
}

/// A task vector as a product of two thin matrices.
#[derive(Debug, Clone)]
pub struct LowRank {
    /// `m × r`, the adapter's scaling included.
    pub left: Tensor,
    /// `r × n`.
    pub right: Tensor,
}

impl Model {
    /// Its id in the recipe.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its place among the group's models.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its tensor.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// `false` where the model is known to have the base's tensor, such as the base with an adapter
    /// on other tensors. Its task vector is zero: a method may leave it out where that saves work.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// Its task vector as a product of two thin matrices, where the model is the base with a
    /// low-rank adapter on this tensor.
    pub fn low_rank(&self) -> Option<&LowRank> {
        self.low_rank.as_ref()
    }
}

impl Group {
    pub(crate) fn new(info: &GroupInfo, host: HostHandle) -> Self {
        let session = Rc::new(Session::new(host));
        let tensor = |member: &Member| Session::input(&session, member.node);
        Self {
            name: info.tensor.clone(),
            shape: info.shape.clone().into(),
            seed: info.seed,
            base: info.base.as_ref().map(tensor),
            models: info
                .models
                .iter()
                .enumerate()
                .map(|(index, member)| Model {
                    index,
                    id: member.id.clone(),
                    tensor: tensor(member),
                    changed: member.present,
                    low_rank: member.low_rank.as_ref().map(|factors| LowRank {
                        left: Session::input(&session, factors.left),
                        right: Session::input(&session, factors.right),
                    }),
                })
                .collect(),
            statistics: info.statistics.clone(),
            session,
        }
    }

    /// Name of the tensor, such as `model.layers.0.mlp.up_proj.weight`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shape of the tensor in every model.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements of the tensor.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Seed for methods that draw random numbers.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The models, in recipe order, the base left out.
    pub fn models(&self) -> std::slice::Iter<'_, Model> {
        self.models.iter()
    }

    /// The base model's tensor.
    ///
    /// # Errors
    /// There is no base.
    pub fn base(&self) -> Result<Tensor> {
        self.base.clone().ok_or_else(|| {
            Error::input("the method merges task vectors and needs a base model: set `base` (`base_model` in a mergekit file)")
        })
    }

    /// The base model's tensor, where there is a base.
    pub fn optional_base(&self) -> Option<Tensor> {
        self.base.clone()
    }

    /// The task vector of each model: its tensor minus the base's.
    ///
    /// # Errors
    /// There is no base.
    pub fn task_vectors(&self) -> Result<Vec<Tensor>> {
        let base = self.base()?;
        Ok(self.models().map(|m| m.tensor() - &base).collect())
    }

    /// A number as a tensor of shape `[]`, rounded to the dtype that the merge computes in.
    ///
    /// In f32 it is the number. Where a merge imitates a tool that keeps weights in bf16 tensors,
    /// it is what such a tensor holds.
    pub fn stored(&self, value: f64) -> Tensor {
        Session::stored(&self.session, value)
    }

    /// 1 with probability `p` and 0 otherwise, drawn for this tensor and this model.
    ///
    /// The draw depends on the seed, the tensor's name, the model's id and the element's index
    /// alone: it is the same on every device and with any other models in the merge.
    pub fn keep_mask(&self, model: &Model, p: f64) -> Tensor {
        let key = mask_key(self.seed, &self.name, &model.id);
        model.tensor.keep_mask(p, key)
    }

    /// The same, each element with its own probability, taken as 0 below 0 and as 1 above 1.
    pub fn keep_mask_by(&self, model: &Model, probabilities: &Tensor) -> Tensor {
        let key = mask_key(self.seed, &self.name, &model.id);
        probabilities.keep_mask_by(key)
    }

    /// The same, with a probability that rises linearly with the place of the element's magnitude
    /// in its row ([`Tensor::row_rank`]): from `low` for the smallest to `high` for the largest.
    pub fn ranked_keep_mask(&self, model: &Model, vector: &Tensor, low: f64, high: f64) -> Tensor {
        let key = mask_key(self.seed, &self.name, &model.id);
        vector.ranked_keep_mask(low, high, key)
    }

    /// A tensor that the method computed itself, in row-major order. A misfit of shape and data is
    /// reported as that of an operation is.
    pub fn literal(&self, shape: &[usize], data: &[f32]) -> Tensor {
        Session::literal(&self.session, shape, data)
    }

    /// A number that the method's survey asked for ([`crate::MergeMethod::survey`]).
    ///
    /// # Errors
    /// The survey asked for no such number.
    pub fn statistic(&self, name: &str) -> Result<f64> {
        self.statistics.get(name).copied().ok_or_else(|| {
            Error::failed(format!(
                "the method needs the number `{name}` and its survey did not ask for it"
            ))
        })
    }

    pub(crate) fn check_shapes(&self) -> Result<()> {
        let members = self.models.iter().map(|m| (m.id.as_str(), &m.tensor));
        let base = self.base.iter().map(|t| ("the base", t));
        for (id, tensor) in members.chain(base) {
            if tensor.shape() != &self.shape[..] {
                return Err(Error::input(format!(
                    "`{}` has shape {:?} in {id} and {:?} in the group",
                    self.name,
                    tensor.shape(),
                    self.shape
                )));
            }
        }
        Ok(())
    }

    /// The nodes of tensors, once nothing has failed.
    pub(crate) fn node(&self, tensor: &Tensor) -> Result<Node> {
        self.session.finish(tensor)
    }

    pub(crate) fn finish(&self, result: &Tensor) -> Result<Node> {
        let node = self.session.finish(result)?;
        if result.shape() != &self.shape[..] {
            return Err(Error::failed(format!(
                "the method returned shape {:?} for `{}`, whose shape is {:?}",
                result.shape(),
                self.name,
                self.shape
            )));
        }
        Ok(node)
    }
}
