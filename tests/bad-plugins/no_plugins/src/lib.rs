//! A plugin whose author forgot `plugin!`.

use mergelab_sdk::prelude::*;

/// Gives back the base.
#[derive(Params)]
pub struct Forgotten {}

impl MergeMethod for Forgotten {
    const ID: &'static str = "forgotten";

    fn merge(&self, group: &Group) -> Result<Tensor> {
        group.base()
    }
}
