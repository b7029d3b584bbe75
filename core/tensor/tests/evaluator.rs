//! A session hands its graph to the evaluator in its options and remembers what that finds out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mergelab_abi::ops::Op;
use mergelab_abi::reference::scalar;
use mergelab_abi::working::Working;
use mergelab_tensor::view::deliver;
use mergelab_tensor::{
    CHUNK, Error, Evaluator, Format, GraphView, Memory, NodeView, Numbers, Options, Session, Sink,
    SinkError,
};
use std::sync::{Arc, Mutex};

/// Adds up inputs and nodes of shape `[]`, node by node.
#[derive(Debug, Default)]
struct Plain {
    /// Numbers that were computed, in order.
    computed: Mutex<Vec<f64>>,
}

impl Plain {
    fn number(&self, graph: &GraphView, node: u32, found: &mut Numbers) -> f64 {
        if let Some(known) = graph.number(node) {
            return known;
        }
        let x = match graph.node(node) {
            NodeView::Operation {
                op: Op::Constant,
                scalars,
                ..
            } => scalars[0],
            NodeView::Operation { op, inputs, .. } => {
                let inputs = inputs.iter();
                let numbers: Vec<f64> = inputs.map(|&n| self.number(graph, n, found)).collect();
                scalar(op, graph.working(), &numbers)
            }
            NodeView::Input(_) => f64::NAN,
        };
        self.computed.lock().unwrap().push(x);
        found.insert(node, x);
        x
    }
}

impl Evaluator for Plain {
    fn name(&self) -> String {
        "plain".to_owned()
    }

    fn evaluate(&self, graph: &GraphView, sink: &dyn Sink) -> Result<Numbers, Error> {
        graph.check_interrupt()?;
        let mut found = Numbers::new();
        let target = graph.target();
        let elements = match graph.node(target) {
            NodeView::Input(source) => {
                let mut elements = vec![0.0; graph.elements(target)];
                source.read(0..elements.len(), &mut elements).unwrap();
                elements
            }
            NodeView::Operation { .. } => vec![self.number(graph, target, &mut found) as f32],
        };
        deliver(sink, 0, &elements)?;
        Ok(found)
    }
}

fn session() -> (Session, Arc<Plain>) {
    let plain = Arc::new(Plain::default());
    let evaluator: Arc<dyn Evaluator> = plain.clone();
    let options = Options {
        evaluator: Some(evaluator),
        ..Options::default()
    };
    (Session::new(Working::F32, options), plain)
}

#[test]
fn numbers_are_found_once_and_keep_f64() {
    let (session, plain) = session();
    let record = |op, inputs: &[u32], x: &[f64]| session.handle().record(op, inputs, x, &[]);
    let a = record(Op::Constant, &[], &[0.1]).unwrap();
    let b = record(Op::Constant, &[], &[0.2]).unwrap();
    let sum = record(Op::Add, &[a, b], &[]).unwrap();
    assert_eq!(session.number(sum).unwrap(), 0.1 + 0.2);
    let root = record(Op::Sqrt, &[sum], &[]).unwrap();
    assert_eq!(session.number(root).unwrap(), (0.1f64 + 0.2).sqrt());
    let computed = plain.computed.lock().unwrap();
    assert_eq!(*computed, [0.1, 0.2, 0.1 + 0.2, (0.1f64 + 0.2).sqrt()]);
}

/// A file in bf16 that refuses what is not finite.
#[derive(Default)]
struct Stored {
    parts: Mutex<Vec<(usize, usize)>>,
}

impl Sink for Stored {
    fn write(&self, _: usize, _: &[f32]) -> Result<(), SinkError> {
        Err("this sink has a format".into())
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Bf16)
    }

    fn write_stored(&self, offset: usize, bytes: &[u8]) -> Result<(), SinkError> {
        assert_eq!(bytes[..2], [0xc0, 0x3f]);
        self.parts.lock().unwrap().push((offset, bytes.len()));
        Ok(())
    }

    fn see_non_finite(&self, _: usize, _: &[f32]) -> Result<(), SinkError> {
        Err("not finite".into())
    }
}

#[test]
fn elements_are_delivered_as_the_sink_wants_them() {
    let (session, _) = session();
    let mut data = vec![1.5; CHUNK + 10];
    let x = session.input(&[data.len()], Arc::new(Memory::new("x", data.clone())));
    let sink = Stored::default();
    session.evaluate(x, &sink).unwrap();
    let mut parts = sink.parts.into_inner().unwrap();
    parts.sort_unstable();
    assert_eq!(parts, [(0, 2 * CHUNK), (CHUNK, 20)]);
    assert_eq!(session.read(x).unwrap(), data);
    // Finite in f32, infinite in bf16.
    data[CHUNK + 3] = f32::MAX;
    let y = session.input(&[data.len()], Arc::new(Memory::new("y", data)));
    let error = session.evaluate(y, &Stored::default()).unwrap_err();
    assert!(error.to_string().contains("not finite"), "{error}");
}
