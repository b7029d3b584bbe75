//! Right in every way but the profile that builds it.

use mergelab_sdk::prelude::*;

/// Gives back the base.
#[derive(Params)]
pub struct KeepBase {}

impl MergeMethod for KeepBase {
    const ID: &'static str = "keep_base";

    fn merge(&self, group: &Group) -> Result<Tensor> {
        group.base()
    }
}

plugin!(KeepBase);
