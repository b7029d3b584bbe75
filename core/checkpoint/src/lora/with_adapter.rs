//! A base checkpoint with an adapter added as it is read.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::{AdapterError, LoraAdapter, LoraModule};
use crate::tensor_view::check_range;
use crate::{CheckpointError, LowRankUpdate, TensorInfo, TensorSource};

/// Elements of one row computed at a time; they stay in the innermost cache.
const BLOCK: usize = 1024;

/// The tensors of `base` with `scaling * B A` added to those that the adapter changes.
///
/// Nothing is written and no full tensor is held: an element is computed when it is read. The
/// product and the sum are in f32 and **not** rounded to the base's dtype, whereas PEFT's
/// `merge_and_unload` rounds to it.
#[derive(Debug)]
pub struct WithAdapter<B> {
    base: B,
    adapter: LoraAdapter,
    /// By base tensor.
    products: HashMap<String, Product>,
    /// From a base tensor to the adapter's tensor in its place.
    replaced: HashMap<String, String>,
}

/// `scaling * left right`, in the orientation of the base's tensor.
#[derive(Debug)]
struct Product {
    columns: usize,
    rank: usize,
    scaling: f32,
    /// Shape (rows, rank).
    left: Vec<f32>,
    /// Shape (rank, columns).
    right: Vec<f32>,
}

impl<B: TensorSource> WithAdapter<B> {
    /// Puts `adapter` on `base`.
    ///
    /// # Errors
    /// When the base lacks a module that the adapter changes, or shapes do not go together.
    pub fn new(base: B, adapter: LoraAdapter) -> Result<WithAdapter<B>, AdapterError> {
        let mut products = HashMap::new();
        for (module, scaling) in adapter.modules() {
            let tensor = find(&base, &adapter, &format!("{}.weight", module.module))?;
            let info = base.info(&tensor)?;
            let transposed = module.embedding || adapter.config().fan_in_fan_out;
            let product = Product::new(module, transposed, scaling);
            let update = vec![product.left.len() / product.rank, product.columns];
            if info.shape != update || !info.dtype.is_float() {
                let flipped = info.shape.iter().rev().eq(&update);
                return Err(AdapterError::Shape {
                    dir: adapter.dir().to_owned(),
                    tensor,
                    update,
                    base: info.shape,
                    hint: match flipped {
                        true => "check `fan_in_fan_out` in adapter_config.json",
                        false => "was it trained on another base?",
                    },
                });
            }
            products.insert(tensor, product);
        }
        let mut replaced = HashMap::new();
        for (base_name, view) in adapter.replaced() {
            let tensor = find(&base, &adapter, base_name)?;
            let info = base.info(&tensor)?;
            if info.shape != view.shape {
                return Err(AdapterError::Shape {
                    dir: adapter.dir().to_owned(),
                    tensor,
                    update: view.shape.to_vec(),
                    base: info.shape,
                    hint: "if tokens were added to the vocabulary, use a base that has them",
                });
            }
            replaced.insert(tensor, view.name.to_owned());
        }
        Ok(WithAdapter {
            base,
            adapter,
            products,
            replaced,
        })
    }

    /// The base.
    pub fn base(&self) -> &B {
        &self.base
    }

    /// The adapter.
    pub fn adapter(&self) -> &LoraAdapter {
        &self.adapter
    }
}

/// The base's name for a tensor of the adapted model.
///
/// A checkpoint saved from the inner model lacks the first component of the names (`model.` or
/// `transformer.`); transformers accepts such a base, so it is looked for as well.
fn find(
    base: &impl TensorSource,
    adapter: &LoraAdapter,
    name: &str,
) -> Result<String, AdapterError> {
    match base.info(name) {
        Ok(_) => Ok(name.to_owned()),
        Err(source) => match name
            .split_once('.')
            .filter(|(_, inner)| base.info(inner).is_ok())
        {
            Some((_, inner)) => Ok(inner.to_owned()),
            None => Err(AdapterError::NoSuchModule {
                dir: adapter.dir().to_owned(),
                module: name.strip_suffix(".weight").unwrap_or(name).to_owned(),
                source: Box::new(source),
            }),
        },
    }
}

impl<B: TensorSource> TensorSource for WithAdapter<B> {
    fn names(&self) -> &[String] {
        self.base.names()
    }

    /// The adapter's folder.
    fn path(&self) -> &Path {
        self.adapter.dir()
    }

    /// As in the base: a tensor stored whole in the adapter keeps the base's dtype.
    fn info(&self, name: &str) -> Result<TensorInfo, CheckpointError> {
        self.base.info(name)
    }

    fn read_f32(
        &self,
        name: &str,
        range: Range<usize>,
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        match self.replaced.get(name) {
            Some(own) => {
                self.adapter
                    .weights()
                    .tensor(own)?
                    .read_f32(range.clone(), out)?;
            }
            None => self.base.read_f32(name, range.clone(), out)?,
        }
        if let Some(product) = self.products.get(name) {
            let elements = product.left.len() / product.rank * product.columns;
            check_range(name, elements, &range, out.len())?;
            product.add(range.start, out);
        }
        Ok(())
    }

    /// Refused for a tensor that the adapter changes.
    fn raw_bytes(&self, name: &str) -> Result<&[u8], CheckpointError> {
        if self.products.contains_key(name) || self.replaced.contains_key(name) {
            return Err(CheckpointError::Computed {
                path: self.adapter.dir().to_owned(),
                tensor: name.to_owned(),
            });
        }
        self.base.raw_bytes(name)
    }

    fn low_rank(&self, name: &str) -> Option<LowRankUpdate<'_>> {
        if self.replaced.contains_key(name) {
            return None;
        }
        self.products.get(name).map(|product| LowRankUpdate {
            left: &product.left,
            right: &product.right,
            rank: product.rank,
            scaling: product.scaling,
        })
    }
}

impl Product {
    fn new(module: &LoraModule, transposed: bool, scaling: f64) -> Product {
        let LoraModule {
            rank,
            inputs,
            outputs,
            ref a,
            ref b,
            ..
        } = *module;
        let (columns, left, right) = if transposed {
            (outputs, transpose(a, inputs), transpose(b, rank))
        } else {
            (inputs, b.clone(), a.clone())
        };
        Product {
            columns,
            rank,
            scaling: scaling as f32,
            left,
            right,
        }
    }

    /// Adds the elements from `start` on to `out`. Each is a sum over the rank in ascending
    /// order, so it does not depend on where a range begins.
    fn add(&self, start: usize, out: &mut [f32]) {
        let mut at = start;
        let mut rest = out;
        while !rest.is_empty() {
            let (row, column) = (at / self.columns, at % self.columns);
            let width = rest.len().min(self.columns - column).min(BLOCK);
            let (block, tail) = rest.split_at_mut(width);
            let mut delta = [0.0; BLOCK];
            let delta = &mut delta[..width];
            for k in 0..self.rank {
                let factor = self.left[row * self.rank + k];
                let right = &self.right[k * self.columns + column..][..width];
                for (sum, right) in delta.iter_mut().zip(right) {
                    *sum += factor * right;
                }
            }
            for (value, delta) in block.iter_mut().zip(delta.iter()) {
                *value += self.scaling * delta;
            }
            at += width;
            rest = tail;
        }
    }
}

/// The transpose of a row-major matrix with that many columns.
fn transpose(matrix: &[f32], columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|column| matrix.iter().skip(column).step_by(columns).copied())
        .collect()
}
