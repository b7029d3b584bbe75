//! Where `plugin check` runs merge methods.

use mergelab_abi::{
    PluginError,
    conformance::method::Bench,
    ops::{Host, HostHandle, Node},
    reference::ReferenceHost,
    working::Working,
};
use std::sync::Arc;

struct ReferenceBench(Arc<ReferenceHost>);

/// A place to run one merge.
pub(super) fn new(working: Working) -> Box<dyn Bench> {
    Box::new(ReferenceBench(Arc::new(ReferenceHost::new(working))))
}

impl Bench for ReferenceBench {
    fn input(&self, shape: &[usize], data: Vec<f32>) -> Node {
        self.0.input(shape, data)
    }

    fn host(&self) -> HostHandle {
        Arc::clone(&self.0) as HostHandle
    }

    fn value(&self, node: Node) -> Result<(Vec<usize>, Vec<f32>), PluginError> {
        Ok((self.0.shape(node)?, self.0.read(node)?))
    }
}
