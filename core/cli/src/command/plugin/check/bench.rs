//! Where `plugin check` runs merge methods: the tensor engine that real merges use.

use mergelab_abi::{
    PluginError,
    conformance::method::Bench,
    ops::{HostHandle, Node},
    working::Working,
};
use mergelab_tensor::{Memory, Options, Session};
use std::sync::Arc;

struct EngineBench(Session);

/// A place to run one merge.
pub(super) fn new(working: Working) -> Box<dyn Bench> {
    Box::new(EngineBench(Session::new(working, Options::default())))
}

impl Bench for EngineBench {
    fn input(&self, shape: &[usize], data: Vec<f32>) -> Node {
        self.0.input(shape, Arc::new(Memory::new("input", data)))
    }

    fn host(&self) -> HostHandle {
        self.0.handle()
    }

    fn value(&self, node: Node) -> Result<(Vec<usize>, Vec<f32>), PluginError> {
        Ok((self.0.handle().shape(node)?, self.0.read(node)?))
    }
}
