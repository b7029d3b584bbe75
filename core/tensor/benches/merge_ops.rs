//! Time per element of whole merges, from memory to memory.
//!
//! `MERGELAB_BENCH_ELEMENTS` sets the size; a million elements is the default, and 16 million
//! exceed every cache. The time per element is the inverse of criterion's throughput: 250
//! Melem/s are 4 ns per element.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mergelab_abi::ops::{HostHandle, Node, Op};
use mergelab_abi::working::Working;
use mergelab_tensor::{Memory, Options, Session};
use std::hint::black_box;
use std::sync::Arc;

const MODELS: u32 = 5;
const DENSITY: f64 = 0.2;

fn elements() -> usize {
    std::env::var("MERGELAB_BENCH_ELEMENTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1 << 20)
}

/// Roughly normal weights with a standard deviation of 0.02, or changes to them of 0.001.
fn weights(elements: usize, seed: u32, scale: f32) -> Vec<f32> {
    (0..elements as u32)
        .map(|i| {
            let mut x = i ^ seed.wrapping_mul(0x9E37_79B9);
            let mut sum = 0.0;
            for _ in 0..4 {
                x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
                x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
                sum += (x >> 8) as f32 / 16_777_216.0 - 0.5;
            }
            sum * 1.7 * scale
        })
        .collect()
}

/// Sources stay, sessions are made anew: a session remembers thresholds.
struct Inputs {
    elements: usize,
    base: Arc<Memory>,
    models: Vec<Arc<Memory>>,
}

impl Inputs {
    fn new(elements: usize) -> Self {
        let base = weights(elements, 0, 0.02);
        let models = (1..=MODELS)
            .map(|model| {
                let change = weights(elements, model, 0.001);
                let sum = base.iter().zip(change).map(|(a, b)| a + b).collect();
                Arc::new(Memory::new(format!("model {model}"), sum))
            })
            .collect();
        Self {
            elements,
            base: Arc::new(Memory::new("base", base)),
            models,
        }
    }

    fn session(&self) -> (Session, Graph, Node, Vec<Node>) {
        let session = Session::new(Working::F32, Options::default());
        let shape = [self.elements];
        let base = session.input(&shape, self.base.clone());
        let models = self
            .models
            .iter()
            .map(|model| session.input(&shape, model.clone()))
            .collect();
        let graph = Graph(session.handle());
        (session, graph, base, models)
    }
}

struct Graph(HostHandle);

impl Graph {
    fn op(&self, op: Op, inputs: &[Node]) -> Node {
        self.record(op, inputs, &[], &[])
    }

    fn record(&self, op: Op, inputs: &[Node], scalars: &[f64], integers: &[u64]) -> Node {
        self.0
            .record(op, inputs, scalars, integers)
            .expect("the benchmark records operations that fit")
    }

    fn number(&self, x: f64) -> Node {
        self.record(Op::Constant, &[], &[x], &[])
    }

    /// Weighted sum.
    fn linear(&self, models: &[Node]) -> Node {
        let weight = self.number(1.0 / f64::from(MODELS));
        let terms: Vec<Node> = models
            .iter()
            .map(|&model| self.op(Op::Mul, &[model, weight]))
            .collect();
        self.op(Op::AddN, &terms)
    }

    fn deltas(&self, base: Node, models: &[Node]) -> Vec<Node> {
        models
            .iter()
            .map(|&model| self.op(Op::Sub, &[model, base]))
            .collect()
    }

    /// TIES: trim, elect a sign, average those that agree.
    fn ties(&self, base: Node, models: &[Node], mask: impl Fn(Node) -> Node) -> Node {
        let (zero, one, minus) = (self.number(0.0), self.number(1.0), self.number(-1.0));
        let weight = self.number(0.4);
        let trimmed: Vec<Node> = self
            .deltas(base, models)
            .into_iter()
            .map(|delta| {
                let kept = self.op(Op::Mul, &[delta, mask(delta)]);
                self.op(Op::Mul, &[kept, weight])
            })
            .collect();
        let total = self.op(Op::AddN, &trimmed);
        let positive = self.op(Op::Ge, &[total, zero]);
        let elected = self.op(Op::Select, &[positive, one, minus]);
        let (mut terms, mut weights) = (Vec::new(), Vec::new());
        for &delta in &trimmed {
            let sign = self.op(Op::Sign, &[delta]);
            let agrees = self.op(Op::Eq, &[sign, elected]);
            terms.push(self.op(Op::Mul, &[delta, agrees]));
            weights.push(self.op(Op::Mul, &[agrees, weight]));
        }
        let sum = self.op(Op::AddN, &terms);
        let count = self.op(Op::AddN, &weights);
        let none = self.op(Op::Eq, &[count, zero]);
        let divisor = self.op(Op::Select, &[none, one, count]);
        let mean = self.op(Op::Div, &[sum, divisor]);
        self.op(Op::Add, &[base, mean])
    }
}

fn merge_ops(c: &mut Criterion) {
    let elements = elements();
    let inputs = Inputs::new(elements);
    let k = (elements as f64 * DENSITY) as u64;
    let mut group = c.benchmark_group("merge_ops");
    group.sample_size(10);
    group.throughput(Throughput::Elements(elements as u64));
    let discard = |_: usize, tile: &[f32]| {
        black_box(tile);
        Ok(())
    };

    group.bench_function(BenchmarkId::new("linear", elements), |b| {
        b.iter(|| {
            let (session, graph, _, models) = inputs.session();
            session.evaluate(graph.linear(&models), &discard)
        });
    });
    group.bench_function(BenchmarkId::new("ties", elements), |b| {
        b.iter(|| {
            let (session, graph, base, models) = inputs.session();
            let mask = |delta| graph.record(Op::TopKMask, &[delta], &[], &[k]);
            session.evaluate(graph.ties(base, &models, mask), &discard)
        });
    });
    // Thresholds are remembered, so from the second evaluation on this is the last pass alone.
    group.bench_function(BenchmarkId::new("ties, thresholds known", elements), |b| {
        let (session, graph, base, models) = inputs.session();
        let mask = |delta| graph.record(Op::TopKMask, &[delta], &[], &[k]);
        let merged = graph.ties(base, &models, mask);
        b.iter(|| session.evaluate(merged, &discard));
    });
    group.bench_function(BenchmarkId::new("thresholds", elements), |b| {
        b.iter(|| {
            let (session, graph, base, models) = inputs.session();
            let thresholds: Vec<Node> = graph
                .deltas(base, &models)
                .into_iter()
                .map(|delta| graph.record(Op::KthLargestMagnitude, &[delta], &[], &[k]))
                .collect();
            session.evaluate(graph.op(Op::AddN, &thresholds), &discard)
        });
    });
    group.bench_function(BenchmarkId::new("norms", elements), |b| {
        b.iter(|| {
            let (session, graph, base, models) = inputs.session();
            let norms: Vec<Node> = graph
                .deltas(base, &models)
                .into_iter()
                .map(|delta| graph.op(Op::Dot, &[delta, delta]))
                .collect();
            session.evaluate(graph.op(Op::AddN, &norms), &discard)
        });
    });
    group.bench_function(BenchmarkId::new("dare_ties", elements), |b| {
        b.iter(|| {
            let (session, graph, base, models) = inputs.session();
            let mask =
                |delta| graph.record(Op::KeepMask, &[delta], &[DENSITY], &[u64::from(delta)]);
            session.evaluate(graph.ties(base, &models, mask), &discard)
        });
    });
    group.finish();
}

criterion_group!(benches, merge_ops);
criterion_main!(benches);
