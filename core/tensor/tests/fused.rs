//! What merge methods do all the time is computed in loops of its own. Those have the bits of the
//! reference evaluator too, for inputs that are stored in bf16 and for others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mergelab_abi::ops::{Host, HostHandle, Node, Op};
use mergelab_abi::reference::ReferenceHost;
use mergelab_abi::working::Working;
use mergelab_tensor::{Format, Memory, Options, Session, Source, SourceError, Stored};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// More than a chunk, and no multiple of what loops take at once.
const LEN: usize = 65_536 + 5_003;
const MODELS: u32 = 3;

/// Elements stored in bf16.
struct Bf16(Vec<u8>);

impl Source for Bf16 {
    fn read(&self, range: Range<usize>, out: &mut [f32]) -> Result<(), SourceError> {
        let bytes = &self.0[2 * range.start..2 * range.end];
        for (out, bytes) in out.iter_mut().zip(bytes.chunks(2)) {
            *out = f32::from_bits(u32::from(u16::from_le_bytes([bytes[0], bytes[1]])) << 16);
        }
        Ok(())
    }

    fn describe(&self) -> String {
        "a test's tensor".to_owned()
    }

    fn stored(&self) -> Option<Stored<'_>> {
        Some(Stored {
            format: Format::Bf16,
            bytes: &self.0,
        })
    }
}

/// On a coarse grid, so that many changes are equal, and many are zero.
fn element(seed: u32, index: u32) -> f32 {
    let x = (index ^ seed.rotate_left(9)).wrapping_mul(0x85EB_CA6B);
    let x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
    ((x >> 26) as f32 - 32.0) / 64.0
}

/// Operation, inputs, bits of scalars, integers.
type Key = (u16, Vec<Node>, Vec<u64>, Vec<u64>);

/// A recorder of one graph on both evaluators.
struct Both<'a> {
    reference: &'a ReferenceHost,
    engine: HostHandle,
    /// The engine records equal operations once, so they must be once in the reference too.
    known: RefCell<HashMap<Key, Node>>,
}

impl Both<'_> {
    fn op(&self, op: Op, inputs: &[Node], scalars: &[f64], integers: &[u64]) -> Node {
        let bits = scalars.iter().map(|x| x.to_bits()).collect();
        let key = (op as u16, inputs.to_vec(), bits, integers.to_vec());
        if let Some(&node) = self.known.borrow().get(&key) {
            return node;
        }
        let node = self
            .reference
            .record(op, inputs, scalars, integers)
            .unwrap();
        let engine = self.engine.record(op, inputs, scalars, integers).unwrap();
        assert_eq!(node, engine, "both number alike what is recorded once");
        self.known.borrow_mut().insert(key, node);
        node
    }

    fn number(&self, x: f64) -> Node {
        self.op(Op::Constant, &[], &[x], &[])
    }
}

/// The base, the models and the task vectors.
struct Inputs {
    base: Node,
    changes: Vec<Node>,
}

/// Evaluates the end of the graph that `build` records, and compares.
fn check(name: &str, build: impl Fn(&Both<'_>, &Inputs) -> Node) {
    check_within(Options::default().memory, name, build);
}

/// The same with so much memory.
fn check_within(memory: u64, name: &str, build: impl Fn(&Both<'_>, &Inputs) -> Node) {
    for &working in &[Working::F32, Working::Bf16] {
        for stored in [true, false] {
            let reference = ReferenceHost::new(working);
            let options = Options {
                tile: 1008,
                memory,
                ..Options::default()
            };
            let session = Session::new(working, options);
            let input = |seed: u32| {
                let data: Vec<f32> = (0..LEN as u32).map(|i| element(seed, i)).collect();
                let stored_as = |x: &f32| ((x.to_bits() >> 16) as u16).to_le_bytes();
                let bytes: Vec<u8> = data.iter().flat_map(stored_as).collect();
                let source: Arc<dyn Source> = match stored {
                    true => Arc::new(Bf16(bytes)),
                    false => Arc::new(Memory::new("x", data.clone())),
                };
                session.input(&[LEN], source);
                reference.input(&[LEN], data)
            };
            let base = input(0);
            let models: Vec<Node> = (1..=MODELS).map(input).collect();
            let both = Both {
                reference: &reference,
                engine: session.handle(),
                known: RefCell::default(),
            };
            let change = |&model: &Node| both.op(Op::Sub, &[model, base], &[], &[]);
            let inputs = Inputs {
                base,
                changes: models.iter().map(change).collect(),
            };
            let end = build(&both, &inputs);
            let got = session.read(end).unwrap();
            let wanted = reference.value(end).unwrap();
            let same = got
                .iter()
                .zip(&wanted)
                .position(|(a, b)| a.to_bits() != b.to_bits());
            assert_eq!(same, None, "{name}, {working}, stored: {stored}");
        }
    }
}

fn add(both: &Both<'_>, terms: impl IntoIterator<Item = Node>) -> Node {
    let terms: Vec<Node> = terms.into_iter().collect();
    both.op(Op::AddN, &terms, &[], &[])
}

/// Plus or minus one, by the sign of a sum.
fn elected(both: &Both<'_>, votes: Node) -> Node {
    let positive = both.op(Op::Ge, &[votes, both.number(0.0)], &[], &[]);
    let (plus, minus) = (both.number(1.0), both.number(-1.0));
    both.op(Op::Select, &[positive, plus, minus], &[], &[])
}

#[test]
fn outliers_and_small_changes_are_dropped() {
    check("bands", |both, inputs| {
        let parts = inputs.changes.iter().enumerate().map(|(i, &change)| {
            // Thresholds that many share, so that the index decides; one mask has no inner one.
            let outer = both.op(Op::TopKMask, &[change], &[], &[60_000 + i as u64]);
            let inner = both.op(Op::TopKMask, &[change], &[], &[700]);
            let band = match i {
                0 => outer,
                _ => both.op(Op::Sub, &[outer, inner], &[], &[]),
            };
            let kept = both.op(Op::Mul, &[change, band], &[], &[]);
            both.op(Op::Mul, &[kept, both.number(0.3)], &[], &[])
        });
        let sum = add(both, parts.collect::<Vec<_>>());
        both.op(Op::Add, &[inputs.base, sum], &[], &[])
    });
}

#[test]
fn what_agrees_with_the_elected_signs_is_added() {
    for weighted in [false, true] {
        check("signs", |both, inputs| {
            let trimmed = |(i, &change): (usize, &Node)| {
                let mask = match i {
                    // As where a threshold is that of a whole model.
                    0 => {
                        let size = both.op(Op::Abs, &[change], &[], &[]);
                        both.op(Op::Ge, &[size, both.number(0.25)], &[], &[])
                    }
                    _ => both.op(Op::TopKMask, &[change], &[], &[20_000]),
                };
                both.op(Op::Mul, &[change, mask], &[], &[])
            };
            let vectors: Vec<Node> = inputs.changes.iter().enumerate().map(trimmed).collect();
            let weights: Vec<Node> = (1..=MODELS)
                .map(|i| both.number(f64::from(i) / 7.0))
                .collect();
            let pairs = || vectors.iter().zip(&weights);
            let products: Vec<Node> = pairs()
                .map(|(&x, &w)| both.op(Op::Mul, &[x, w], &[], &[]))
                .collect();
            let voting = if weighted { &products } else { &vectors };
            let elected = elected(both, add(both, voting.clone()));
            let masks: Vec<Node> = voting
                .iter()
                .map(|&x| {
                    let sign = both.op(Op::Sign, &[x], &[], &[]);
                    both.op(Op::Eq, &[sign, elected], &[], &[])
                })
                .collect();
            let parts = products.iter().zip(&masks);
            let total = add(
                both,
                parts.map(|(&x, &m)| both.op(Op::Mul, &[x, m], &[], &[])),
            );
            let parts = masks.iter().zip(&weights);
            let divisor = add(
                both,
                parts.map(|(&m, &w)| both.op(Op::Mul, &[m, w], &[], &[])),
            );
            let none = both.op(Op::Eq, &[divisor, both.number(0.0)], &[], &[]);
            let divisor = both.op(Op::Select, &[none, both.number(1.0), divisor], &[], &[]);
            both.op(Op::Div, &[total, divisor], &[], &[])
        });
    }
}

#[test]
fn what_varies_most_is_selected() {
    check("variance", |both, inputs| {
        let count = both.number(f64::from(MODELS));
        let mean = add(both, inputs.changes.clone());
        let mean = both.op(Op::Div, &[mean, count], &[], &[]);
        let square = |&change: &Node| {
            let off = both.op(Op::Sub, &[change, mean], &[], &[]);
            both.op(Op::Mul, &[off, off], &[], &[])
        };
        let squares = add(both, inputs.changes.iter().map(square));
        let variance = both.op(Op::Div, &[squares, count], &[], &[]);
        let mask = both.op(Op::TopShareMask, &[variance], &[0.3], &[]);
        let kept = |&change: &Node| both.op(Op::Mul, &[change, mask], &[], &[]);
        add(both, inputs.changes.iter().map(kept))
    });
}

#[test]
fn what_one_model_changed_is_strengthened() {
    check("alone", |both, inputs| {
        let limit = both.number(0.3);
        let exceeds = |&change: &Node| {
            let size = both.op(Op::Abs, &[change], &[], &[]);
            both.op(Op::Gt, &[size, limit], &[], &[])
        };
        let masks: Vec<Node> = inputs.changes.iter().map(exceeds).collect();
        let count = add(both, masks.clone());
        let one = both.number(1.0);
        let alone = both.op(Op::Eq, &[count, one], &[], &[]);
        let divisor = both.op(Op::Maximum, &[count, one], &[], &[]);
        let share = both.op(Op::Div, &[one, divisor], &[], &[]);
        let kept: Vec<Node> = inputs
            .changes
            .iter()
            .zip(&masks)
            .map(|(&x, &m)| both.op(Op::Mul, &[x, m], &[], &[]))
            .collect();
        let parts = kept.iter().zip(&masks).map(|(&part, &mask)| {
            // Counts, whose sums are exact.
            let of_alone = both.op(Op::Dot, &[mask, alone], &[], &[]);
            let all = both.op(Op::Sum, &[mask], &[], &[]);
            let strength = both.op(Op::Div, &[of_alone, all], &[], &[]);
            let factor = both.op(Op::Select, &[alone, strength, share], &[], &[]);
            both.op(Op::Mul, &[part, factor], &[], &[])
        });
        let strengthened = add(both, parts.collect::<Vec<_>>());
        let mean = both.op(Op::Div, &[add(both, kept), divisor], &[], &[]);
        both.op(Op::Sub, &[strengthened, mean], &[], &[])
    });
}

/// The sum of magnitudes.
fn size(both: &Both<'_>, x: Node) -> Node {
    let magnitudes = both.op(Op::Abs, &[x], &[], &[]);
    both.op(Op::Sum, &[magnitudes], &[], &[])
}

#[test]
fn what_random_masks_leave_is_scaled_to_its_size_before() {
    // With little memory, masks are drawn in both passes.
    for memory in [1 << 30, 1 << 14] {
        check_within(memory, "rescaled", |both, inputs| {
            let kept = |(i, &change): (usize, &Node)| {
                // One bound that the upper byte of a word decides, and others.
                let density = [0.5, 0.37, 0.9][i % 3];
                let mask = both.op(Op::KeepMask, &[change], &[density], &[7 + i as u64]);
                let left = both.op(Op::Mul, &[change, mask], &[], &[]);
                let scale = match i {
                    // Nobody asks for the size before.
                    2 => size(both, left),
                    _ => both.op(Op::Div, &[size(both, change), size(both, left)], &[], &[]),
                };
                let scaled = both.op(Op::Mul, &[left, scale], &[], &[]);
                both.op(Op::Mul, &[scaled, both.number(0.3)], &[], &[])
            };
            let parts: Vec<Node> = inputs.changes.iter().enumerate().map(kept).collect();
            both.op(Op::Add, &[inputs.base, add(both, parts)], &[], &[])
        });
    }
}

/// What changes are multiplied by, so that weights are no whole numbers.
fn weights(both: &Both<'_>) -> Vec<Node> {
    let weight = |i: u32| both.number(f64::from(i) / 7.0);
    (1..=MODELS).map(weight).collect()
}

/// Masks of the terms whose sign is the elected one.
fn agreeing(both: &Both<'_>, terms: &[Node], elected: Node) -> Vec<Node> {
    let agrees = |&x: &Node| {
        let sign = both.op(Op::Sign, &[x], &[], &[]);
        both.op(Op::Eq, &[sign, elected], &[], &[])
    };
    terms.iter().map(agrees).collect()
}

fn products(both: &Both<'_>, a: &[Node], b: &[Node]) -> Vec<Node> {
    let pairs = a.iter().zip(b);
    pairs
        .map(|(&a, &b)| both.op(Op::Mul, &[a, b], &[], &[]))
        .collect()
}

#[test]
fn what_agrees_among_the_varying_is_averaged() {
    check("variance and signs", |both, inputs| {
        let count = both.number(f64::from(MODELS));
        let mean = both.op(
            Op::Div,
            &[add(both, inputs.changes.clone()), count],
            &[],
            &[],
        );
        let square = |&change: &Node| {
            let off = both.op(Op::Sub, &[change, mean], &[], &[]);
            both.op(Op::Mul, &[off, off], &[], &[])
        };
        let squares = add(both, inputs.changes.iter().map(square));
        let variance = both.op(Op::Div, &[squares, count], &[], &[]);
        let mask = both.op(Op::TopShareMask, &[variance], &[0.3], &[]);
        let kept = |&change: &Node| both.op(Op::Mul, &[change, mask], &[], &[]);
        let vectors: Vec<Node> = inputs.changes.iter().map(kept).collect();
        // Weights that depend on what is kept.
        let size = |&x: &Node| {
            let size = both.op(Op::Dot, &[x, x], &[], &[]);
            both.op(Op::Div, &[size, both.number(LEN as f64)], &[], &[])
        };
        let weights: Vec<Node> = vectors.iter().map(size).collect();
        let elected = elected(both, add(both, vectors.clone()));
        let masks = agreeing(both, &vectors, elected);
        let total = add(
            both,
            products(both, &products(both, &vectors, &weights), &masks),
        );
        let divisor = add(both, products(both, &masks, &weights));
        let divisor = both.op(Op::Maximum, &[divisor, both.number(1e-6)], &[], &[]);
        let part = both.op(Op::Div, &[total, divisor], &[], &[]);
        both.op(Op::Add, &[inputs.base, part], &[], &[])
    });
}

#[test]
fn signs_that_are_elected_have_a_sign_for_ties() {
    for counted in [false, true] {
        check("signs of sums", |both, inputs| {
            let trimmed = |(i, &change): (usize, &Node)| {
                let mask = both.op(Op::TopKMask, &[change], &[], &[9_000 * (i as u64 + 1)]);
                both.op(Op::Mul, &[change, mask], &[], &[])
            };
            let vectors: Vec<Node> = inputs.changes.iter().enumerate().map(trimmed).collect();
            let weights = weights(both);
            let sign = both.op(Op::Sign, &[add(both, vectors.clone())], &[], &[]);
            let of_most = both.op(Op::Sum, &[sign], &[], &[]);
            let of_most = elected(both, of_most);
            let elected = both.op(Op::Select, &[sign, sign, of_most], &[], &[]);
            let masks = agreeing(both, &vectors, elected);
            let total = add(
                both,
                products(both, &products(both, &vectors, &weights), &masks),
            );
            let divisor = match counted {
                true => add(both, masks),
                false => add(both, products(both, &masks, &weights)),
            };
            let none = both.op(Op::Eq, &[divisor, both.number(0.0)], &[], &[]);
            let divisor = both.op(Op::Select, &[none, both.number(1.0), divisor], &[], &[]);
            let part = both.op(Op::Div, &[total, divisor], &[], &[]);
            let part = both.op(Op::Mul, &[part, both.number(0.7)], &[], &[]);
            both.op(Op::Add, &[part, inputs.base], &[], &[])
        });
    }
}

#[test]
fn sizes_are_added_up_whoever_else_reads_the_change() {
    check("sizes", |both, inputs| {
        let &[a, b, c] = &inputs.changes[..] else {
            unreachable!("there are {MODELS} models")
        };
        // The size of `a` alone, that of `b` beside its square, and that of what is left of `c`,
        // whose mask is read twice.
        let square = both.op(Op::Dot, &[b, b], &[], &[]);
        let mask = both.op(Op::KeepMask, &[c], &[0.5], &[3]);
        let left = both.op(Op::Mul, &[c, mask], &[], &[]);
        let numbers = [size(both, a), size(both, b), square, size(both, left)];
        let total = add(both, numbers);
        let x = both.op(Op::Mul, &[mask, total], &[], &[]);
        both.op(Op::Sub, &[x, inputs.base], &[], &[])
    });
}

#[test]
fn changes_are_added_up_with_and_without_masks() {
    check("plain changes", |both, inputs| {
        let votes = add(both, inputs.changes.clone());
        let trimmed = |&change: &Node| {
            let mask = both.op(Op::TopKMask, &[change], &[], &[30_000]);
            both.op(Op::Mul, &[change, mask], &[], &[])
        };
        let kept = add(both, inputs.changes.iter().map(trimmed));
        let plain = both.op(Op::Mul, &[votes, both.number(0.5)], &[], &[]);
        add(both, [plain, kept])
    });
    check("untrimmed changes", |both, inputs| {
        add(both, inputs.changes.clone())
    });
    // Two, to which nothing is added on the way.
    check("two changes", |both, inputs| {
        add(both, inputs.changes.iter().copied().take(2))
    });
}
