//! The host must turn the panic into an error.

use mergelab_sdk::prelude::*;

/// Panics.
#[derive(Params)]
pub struct Panics {}

impl MergeMethod for Panics {
    const ID: &'static str = "panics_in_merge";

    fn merge(&self, group: &Group) -> Result<Tensor> {
        panic!("no merge of `{}` today", group.name())
    }
}

plugin!(Panics);
