//! What cannot be seen from outside: ranges and the nodes that are evaluated.

use super::*;
use crate::name::Device;
use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use mergelab_tensor::view::deliver;
use mergelab_tensor::{Evaluator, Memory, Options, Session, Sink};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A device without a thread of its own.
struct InRanges {
    context: Context,
    range: usize,
    /// Ranges that were evaluated.
    ranges: AtomicUsize,
}

impl fmt::Debug for InRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ranges of {}", self.range)
    }
}

impl Evaluator for InRanges {
    fn name(&self) -> String {
        format!("{self:?}")
    }

    fn evaluate(&self, graph: &GraphView, sink: &dyn Sink) -> Result<Numbers, Error> {
        let mut found = vec![0.0; graph.elements(graph.target())];
        let numbers = evaluate(&self.context, graph, self.range, &mut |offset, elements| {
            self.ranges.fetch_add(1, Ordering::Relaxed);
            found[offset..offset + elements.len()].copy_from_slice(&elements);
            Ok(())
        })?;
        deliver(sink, 0, &found)?;
        Ok(numbers)
    }
}

/// The elements of what `record` makes, and how many ranges they took.
fn read(range: usize, record: impl Fn(&Session) -> Node) -> (Vec<f32>, usize) {
    let device = Arc::new(InRanges {
        context: Context::new(Device::Flex).unwrap(),
        range,
        ranges: AtomicUsize::new(0),
    });
    let evaluator: Arc<dyn Evaluator> = device.clone();
    let options = Options {
        evaluator: Some(evaluator),
        ..Options::default()
    };
    let session = Session::new(Working::F32, options);
    let elements = session.read(record(&session)).unwrap();
    (elements, device.ranges.load(Ordering::Relaxed))
}

fn elementwise(session: &Session) -> Node {
    let op = |op, inputs: &[Node], scalars: &[f64], integers: &[u64]| {
        let host = session.handle();
        host.record(op, inputs, scalars, integers).unwrap()
    };
    let data = (0..1000).map(|i| i as f32 / 1000.0).collect();
    let x = session.input(&[10, 100], Arc::new(Memory::new("x", data)));
    let half = op(Op::Constant, &[], &[0.5], &[]);
    let scaled = op(Op::Mul, &[x, half], &[], &[]);
    let mask = op(Op::KeepMask, &[x], &[0.3], &[7]);
    let other = op(Op::KeepMaskBy, &[x], &[], &[8]);
    let kept = op(Op::Mul, &[scaled, mask], &[], &[]);
    op(Op::Select, &[other, kept, x], &[], &[])
}

#[test]
fn ranges_give_what_the_whole_gives() {
    let (whole, ranges) = read(1 << 20, elementwise);
    assert_eq!(ranges, 1);
    assert_eq!(read(300, elementwise), (whole, 4));
}

#[test]
fn sums_are_not_taken_in_ranges() {
    let centred = |session: &Session| {
        let x = elementwise(session);
        let host = session.handle();
        let sum = host.record(Op::Sum, &[x], &[], &[]).unwrap();
        host.record(Op::Sub, &[x, sum], &[], &[]).unwrap()
    };
    let (whole, _) = read(1 << 20, centred);
    assert_eq!(read(300, centred), (whole, 1));
}
