//! Methods that misbehave: the error names method and tensor, and nothing is left.

use crate::checkpoints::Bench;
use mergelab_checkpoint::DType;
use mergelab_sdk::prelude::*;

/// Misbehaves on request.
#[derive(Params)]
struct Misbehaving {
    /// How.
    #[param(default = "panic")]
    how: String,
}

impl MergeMethod for Misbehaving {
    const ID: &'static str = "misbehaving";
    const BASE: BaseUse = BaseUse::Unused;

    fn check(&self) -> Result<()> {
        assert!(self.how != "panic_in_check", "dropped the setup");
        Ok(())
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let first = group.models().next().map(|m| m.tensor().clone());
        let first = first.ok_or_else(|| Error::input("no models"))?;
        if !group.name().contains("norm") {
            return Ok(first);
        }
        match self.how.as_str() {
            "panic" => panic!("dropped a tensor"),
            "shape" => Ok(first.sum_all()),
            "nan" => Ok(&first / Tensor::scalar(0.0)),
            "error" => Err(Error::failed("does not like norms")),
            other => Err(Error::parameter("how", format!("`{other}` is unknown"))),
        }
    }
}

plugin!(Misbehaving);

fn refused(how: &str) -> String {
    let bench = Bench::new();
    bench.model("a", DType::F32, 1);
    bench.refused(&format!(
        "method = \"misbehaving\"\nparams.how = \"{how}\"\n[[models]]\npath = \"a\"\n"
    ))
}

#[test]
fn a_panic() {
    assert_eq!(
        refused("panic"),
        "the method `misbehaving` failed on tensor `model.norm.weight`: the plugin panicked: \
         dropped a tensor"
    );
    assert_eq!(
        refused("panic_in_check"),
        "the method `misbehaving` failed: the plugin panicked: dropped the setup"
    );
}

#[test]
fn a_wrong_shape() {
    let error = refused("shape");
    assert!(
        error.contains("`misbehaving`") && error.contains("`model.norm.weight`"),
        "{error}"
    );
    assert!(error.contains("[]") && error.contains("[8]"), "{error}");
}

#[test]
fn a_nan() {
    let error = refused("nan");
    assert!(
        error.starts_with(
            "the method `misbehaving` gave a bad value: tensor \"model.norm.weight\": the value of \
             element 0 is not finite"
        ),
        "{error}"
    );
}

#[test]
fn an_error_of_its_own() {
    assert_eq!(
        refused("error"),
        "the method `misbehaving` failed on tensor `model.norm.weight`: does not like norms"
    );
}
