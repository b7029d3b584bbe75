//! One recording in the reference evaluator and in a session, whatever evaluates that.
//!
//! The tests of `mergelab-device` include this file too.

use mergelab_abi::ops::{Host, HostHandle, Node, Op};
use mergelab_abi::reference::ReferenceHost;
use mergelab_abi::working::Working;
use mergelab_tensor::{Memory, Options, Session};
use std::sync::Arc;

/// The same operations recorded in both.
pub(crate) struct Both {
    pub(crate) working: Working,
    pub(crate) reference: ReferenceHost,
    pub(crate) session: Session,
    pub(crate) host: HostHandle,
    /// Each node in both, as numbers differ where the session records equal operations once.
    pub(crate) nodes: Vec<(Node, Node)>,
}

impl Both {
    pub(crate) fn new(working: Working, options: Options) -> Self {
        let session = Session::new(working, options);
        Self {
            working,
            reference: ReferenceHost::new(working),
            host: session.handle(),
            session,
            nodes: Vec::new(),
        }
    }

    pub(crate) fn input(&mut self, shape: &[usize], data: Vec<f32>) -> usize {
        let memory = Memory::new("x", data.clone());
        self.nodes.push((
            self.reference.input(shape, data),
            self.session.input(shape, Arc::new(memory)),
        ));
        self.nodes.len() - 1
    }

    /// Records in both without reading; nothing where both refuse.
    pub(crate) fn push(
        &mut self,
        op: Op,
        inputs: &[usize],
        scalars: &[f64],
        integers: &[u64],
    ) -> Option<usize> {
        let reference: Vec<Node> = inputs.iter().map(|&i| self.nodes[i].0).collect();
        let session: Vec<Node> = inputs.iter().map(|&i| self.nodes[i].1).collect();
        let expected = self.reference.record(op, &reference, scalars, integers);
        let actual = self.host.record(op, &session, scalars, integers);
        match (expected, actual) {
            (Ok(expected), Ok(actual)) => {
                assert_eq!(
                    self.reference.shape(expected).unwrap(),
                    self.host.shape(actual).unwrap(),
                    "{op:?}"
                );
                self.nodes.push((expected, actual));
                Some(self.nodes.len() - 1)
            }
            (expected, actual) => {
                assert!(expected.is_err() && actual.is_err(), "{op:?}");
                None
            }
        }
    }

    /// Elements of a node in the reference.
    pub(crate) fn value(&self, node: usize) -> Vec<f32> {
        self.reference.value(self.nodes[node].0).unwrap()
    }
}
