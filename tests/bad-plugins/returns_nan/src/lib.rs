//! The checks must find it.

use mergelab_sdk::prelude::*;

/// Divides zero by zero.
#[derive(Params)]
pub struct ReturnsNan {}

impl MergeMethod for ReturnsNan {
    const ID: &'static str = "returns_nan";

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let zero = &base - &base;
        Ok(base + &zero / &zero)
    }
}

plugin!(ReturnsNan);
