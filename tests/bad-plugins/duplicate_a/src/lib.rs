//! One of two libraries with one id.

use mergelab_sdk::prelude::*;

/// Gives back the base.
#[derive(Params)]
pub struct Twice {}

impl MergeMethod for Twice {
    const ID: &'static str = "twice";

    fn merge(&self, group: &Group) -> Result<Tensor> {
        group.base()
    }
}

plugin!(Twice);
