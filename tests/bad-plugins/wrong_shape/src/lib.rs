//! The host must refuse the result.

use mergelab_sdk::prelude::*;

/// Sums the base up to one number.
#[derive(Params)]
pub struct WrongShape {}

impl MergeMethod for WrongShape {
    const ID: &'static str = "wrong_shape";

    fn merge(&self, group: &Group) -> Result<Tensor> {
        Ok(group.base()?.sum_all())
    }
}

plugin!(WrongShape);
