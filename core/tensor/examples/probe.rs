use mergelab_abi::ops::{Host, HostHandle, Node, Op};
use mergelab_abi::working::Working;
use mergelab_tensor::{Format, Options, Session, Sink, Source, Stored};
use std::sync::Arc;

struct Bf16(Vec<u8>);
impl Source for Bf16 {
    fn read(&self, range: std::ops::Range<usize>, out: &mut [f32]) -> Result<(), mergelab_tensor::SourceError> {
        for (o, i) in out.iter_mut().zip(range) {
            *o = f32::from_bits(u32::from(u16::from_le_bytes([self.0[2 * i], self.0[2 * i + 1]])) << 16);
        }
        Ok(())
    }
    fn describe(&self) -> String { "x".into() }
    fn stored(&self) -> Option<Stored<'_>> { Some(Stored { format: Format::Bf16, bytes: &self.0 }) }
}
struct Out;
impl Sink for Out {
    fn write(&self, _: usize, _: &[f32]) -> Result<(), mergelab_tensor::SinkError> { Ok(()) }
    fn format(&self) -> Option<Format> { Some(Format::Bf16) }
    fn write_stored(&self, _: usize, b: &[u8]) -> Result<(), mergelab_tensor::SinkError> { std::hint::black_box(b); Ok(()) }
}
fn normal(seed: u64, index: u64) -> f32 {
    let mut x = (seed << 48 ^ index).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^= x >> 31;
    let sum: u64 = (0..4).map(|i| (x >> (16 * i)) & 0xffff).sum();
    (sum as f32 - 131_070.0) / 37_837.0
}
fn make(seed: u64, n: usize) -> Arc<Bf16> {
    let mut b = Vec::with_capacity(2 * n);
    for i in 0..n as u64 {
        let mut v = 0.02 * normal(0, i);
        if seed > 0 { v += 0.0005 * normal(seed, i); }
        b.extend((((v.to_bits() + 0x8000) >> 16) as u16).to_le_bytes());
    }
    Arc::new(Bf16(b))
}
fn cpu() -> u64 {
    std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split(' ').next().unwrap().parse().unwrap()
}
struct H(HostHandle);
impl H {
    fn op(&self, op: Op, i: &[Node]) -> Node { self.0.record(op, i, &[], &[]).unwrap() }
    fn c(&self, x: f64) -> Node { self.0.record(Op::Constant, &[], &[x], &[]).unwrap() }
    fn keep(&self, x: Node, p: f64, key: u64) -> Node { self.0.record(Op::KeepMask, &[x], &[p], &[key]).unwrap() }
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let tile: usize = args.get(1).map_or(2048, |s| s.parse().unwrap());
    let row: usize = args.get(2).map_or(896, |s| s.parse().unwrap());
    let only = args.get(3).cloned().unwrap_or_default();
    let n = (4 << 20) / row * row;
    let base = make(0, n);
    let models: Vec<_> = (1..=5).map(|s| make(s, n)).collect();
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().unwrap();
    for name in ["task", "dare", "dare.3", "dare_exp.3", "dare_l1", "dare_ties", "dare_ties_l1", "dare_ties_paper", "ties", "della_l1", "ranks"] {
        if !only.is_empty() && only != name { continue; }
        let mut best = u64::MAX;
        for _ in 0..3 {
            let session = Session::new(Working::F32, Options { tile, ..Options::default() });
            let h = H(session.handle());
            let shape = [n / row, row];
            let b = session.input(&shape, base.clone());
            let p = if name.ends_with(".3") { 0.3 } else { 0.5 };
            let w = h.c(0.2);
            let mut vs = vec![]; let mut ps = vec![];
            for (k, m) in models.iter().enumerate() {
                let x = session.input(&shape, m.clone());
                let d = h.op(Op::Sub, &[x, b]);
                let masked = name.starts_with("dare") || name.starts_with("della") || name == "ranks";
                let mut v = d;
                if masked {
                    let mask = if name.starts_with("dare") { h.keep(x, p, 77 + k as u64) } else { h.0.record(Op::RankedKeepMask, &[d], &[0.4, 0.6], &[77 + k as u64]).unwrap() };
                    v = h.op(Op::Mul, &[d, mask]);
                    if name.contains("l1") {
                        let before = h.op(Op::Sum, &[h.op(Op::Abs, &[d])]);
                        let after = h.op(Op::Sum, &[h.op(Op::Abs, &[v])]);
                        v = h.op(Op::Mul, &[v, h.op(Op::Div, &[before, after])]);
                    } else if name.contains("exp") || name.contains("paper") {
                        v = h.op(Op::Div, &[v, h.c(p)]);
                    }
                }
                vs.push(v);
                ps.push(h.op(Op::Mul, &[v, w]));
            }
            let total = if name.contains("ties") || name == "della_l1" {
                let paper = name.contains("paper");
                let votes = h.op(Op::AddN, if paper { &vs } else { &ps });
                let plus = |x| h.op(Op::Select, &[h.op(Op::Ge, &[x, h.c(0.0)]), h.c(1.0), h.c(-1.0)]);
                let elected = if paper {
                    let sign = h.op(Op::Sign, &[votes]);
                    h.op(Op::Select, &[sign, sign, plus(h.op(Op::Sum, &[sign]))])
                } else { plus(votes) };
                let masks: Vec<Node> = (0..5).map(|k| h.op(Op::Eq, &[h.op(Op::Sign, &[if paper { vs[k] } else { ps[k] }]), elected])).collect();
                let terms: Vec<Node> = (0..5).map(|k| h.op(Op::Mul, &[ps[k], masks[k]])).collect();
                let total = h.op(Op::AddN, &terms);
                if paper || name == "ties" || name == "della_l1" {
                    let ws: Vec<Node> = (0..5).map(|k| h.op(Op::Mul, &[masks[k], w])).collect();
                    let ws = h.op(Op::AddN, &ws);
                    let none = h.op(Op::Eq, &[ws, h.c(0.0)]);
                    h.op(Op::Div, &[total, h.op(Op::Select, &[none, h.c(1.0), ws])])
                } else { total }
            } else { h.op(Op::AddN, &ps) };
            let out = h.op(Op::Add, &[b, h.op(Op::Mul, &[total, h.c(1.0)])]);
            let t = cpu();
            session.evaluate(out, &Out).unwrap();
            best = best.min(cpu() - t);
        }
        println!("{name:16} {:.3} ns per element and model", best as f64 / (5 * n) as f64);
    }
}
