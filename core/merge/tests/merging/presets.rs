//! Presets of merge methods against their rules, written out plainly over whole models.
//!
//! Both sides compute in f32 in the same order, sums apart: values agree within 1e-6.

use crate::checkpoints::{Bench, TENSORS, read, values};
use mergelab_checkpoint::DType;

/// Three models and a base.
fn family() -> Bench {
    let bench = Bench::new();
    for (name, seed) in [("base", 1), ("x", 2), ("y", 3), ("z", 4)] {
        bench.model(name, DType::F32, seed);
    }
    bench
}

/// Merges the family and returns all tensors, one after the other.
fn merged(bench: &Bench, head: &str, weights: [f32; 3]) -> Vec<f32> {
    let models: String = ["x", "y", "z"]
        .iter()
        .zip(weights)
        .map(|(name, weight)| format!("[[models]]\npath = \"{name}\"\nweight = {weight:?}\n"))
        .collect();
    let recipe = format!("{head}base = \"base\"\n{models}");
    let report = bench.merge(&recipe, "out").unwrap();
    let tensors = TENSORS.iter();
    tensors
        .flat_map(|(name, _)| read(&report.dir, name))
        .collect()
}

fn all(seed: u64) -> Vec<f32> {
    values(seed).into_iter().flat_map(|t| t.2).collect()
}

/// The family's task vectors over the whole model.
fn task_vectors() -> [Vec<f32>; 3] {
    let base = all(1);
    [2, 3, 4].map(|seed| {
        let model = all(seed).into_iter();
        model.zip(&base).map(|(x, b)| x - b).collect()
    })
}

/// How the plain TIES below differs from tool to tool.
struct Ties {
    /// Trim over the whole model with the published threshold, or each tensor to exactly k.
    whole: bool,
    majority: bool,
    divide: Divide,
    lambda: f32,
}

enum Divide {
    Weights,
    Count,
    No,
}

/// Keeps what is at least the `(⌊0.2 d⌋ + 1)`-th largest.
fn trim_whole(vector: &mut [f32]) {
    let mut sizes: Vec<f32> = vector.iter().map(|x| x.abs()).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    let threshold = sizes[sizes.len() / 5];
    for x in vector.iter_mut().filter(|x| x.abs() < threshold) {
        *x = 0.0;
    }
}

/// Keeps the `⌊0.2 n⌋` largest; the numbers here have no ties.
fn trim_exactly(vector: &mut [f32]) {
    let mut sizes: Vec<f32> = vector.iter().map(|x| x.abs()).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    let threshold = sizes[sizes.len() / 5];
    for x in vector.iter_mut().filter(|x| x.abs() <= threshold) {
        *x = 0.0;
    }
}

impl Ties {
    fn merge(&self, weights: [f32; 3]) -> Vec<f32> {
        let mut vectors = task_vectors();
        for vector in &mut vectors {
            if self.whole {
                trim_whole(vector);
            } else {
                let mut rest = &mut vector[..];
                for (_, shape) in TENSORS {
                    let (tensor, others) = rest.split_at_mut(shape.iter().product());
                    trim_exactly(tensor);
                    rest = others;
                }
            }
        }
        let base = all(1);
        let votes: Vec<f32> = (0..base.len())
            .map(|i| vectors.iter().map(|v| v[i]).sum())
            .collect();
        let sign = |x: f32| if x == 0.0 { 0.0 } else { x.signum() };
        let balance: f32 = votes.iter().map(|&v| sign(v)).sum();
        let tie = if self.majority && balance < 0.0 {
            -1.0
        } else {
            1.0
        };
        (0..base.len())
            .map(|i| {
                let elected = if votes[i] == 0.0 { tie } else { sign(votes[i]) };
                let agree = || (0..3).filter(|&m| sign(vectors[m][i]) == elected);
                let total: f32 = agree().map(|m| weights[m] * vectors[m][i]).sum();
                let divisor = match self.divide {
                    Divide::Weights => agree().map(|m| weights[m]).sum(),
                    Divide::Count => agree().count() as f32,
                    Divide::No => 1.0,
                };
                let divisor = if divisor == 0.0 { 1.0 } else { divisor };
                base[i] + self.lambda * total / divisor
            })
            .collect()
    }
}

fn assert_near(found: &[f32], wanted: &[f32], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert!(
            (found - wanted).abs() <= 1e-6,
            "{what}: element {i} is {found}, not {wanted}"
        );
    }
}

#[test]
fn ties_over_the_whole_model_is_the_published_one() {
    let bench = family();
    for (preset, divide, lambda) in [
        ("paper", Divide::Weights, 1.0),
        ("fusionbench", Divide::No, 0.3),
    ] {
        let rule = Ties {
            whole: true,
            majority: true,
            divide,
            lambda,
        };
        let head = format!("method = \"ties@{preset}\"\n");
        let found = merged(&bench, &head, [1.0, 1.0, 1.0]);
        assert_near(&found, &rule.merge([1.0, 1.0, 1.0]), preset);
        // Trimming each tensor by itself keeps other entries.
        let head = format!("method = \"ties@{preset}\"\nparams.scope = \"tensor\"\n");
        assert_ne!(merged(&bench, &head, [1.0, 1.0, 1.0]), found, "{preset}");
    }
}

#[test]
fn peft_divides_by_the_count_of_what_agrees() {
    let bench = family();
    let weights = [0.5, 2.0, 1.25];
    let rule = Ties {
        whole: false,
        majority: false,
        divide: Divide::Count,
        lambda: 1.0,
    };
    let found = merged(&bench, "method = \"ties@peft\"\n", weights);
    assert_near(&found, &rule.merge(weights), "peft");
    // DARE at density 1 drops nothing, so that only sign election and divisor are left.
    let ties = "method = \"ties@peft\"\nparams.density = 1.0\n";
    let dare = "method = \"dare_ties@peft\"\nparams.density = 1.0\n";
    assert_eq!(merged(&bench, dare, weights), merged(&bench, ties, weights));
}

#[test]
fn a_balance_of_signs_below_zero_elects_minus() {
    // x and y cancel out in the first two entries; the third makes minus the majority. A zero sum
    // elects minus there, which y agrees with.
    let bench = Bench::new();
    let write = |name: &str, values: [f32; 4]| {
        let tensors = [("w", &[4usize][..], values.to_vec())];
        bench.write(name, DType::F32, &tensors, Default::default());
    };
    write("base", [0.0; 4]);
    write("x", [1.0, 2.0, -3.0, 0.0]);
    write("y", [-1.0, -2.0, -1.0, 0.0]);
    for scope in ["model", "tensor"] {
        for (zero_sign, sign) in [("majority", -1.0), ("positive", 1.0)] {
            let recipe = format!(
                "method = \"ties@paper\"\nbase = \"base\"\n[params]\ndensity = 1.0\n\
                 scope = \"{scope}\"\nzero_sign = \"{zero_sign}\"\n\
                 [[models]]\npath = \"x\"\n[[models]]\npath = \"y\"\n"
            );
            let report = bench.merge(&recipe, "out").unwrap();
            assert_eq!(
                read(&report.dir, "w"),
                [sign, 2.0 * sign, -2.0, 0.0],
                "{scope} {zero_sign}"
            );
        }
    }
}

#[test]
fn ramplus_counts_over_the_whole_model() {
    let bench = family();
    let (epsilon, r, alpha) = (0.9f32, 0.5, 3.0);
    let vectors = task_vectors();
    let changed = |m: usize, i: usize| vectors[m][i].abs() > epsilon;
    let count = |i: usize| (0..3).filter(|&m| changed(m, i)).count();
    let entries = 0..vectors[0].len();
    let strength = |m: usize| {
        let own = entries.clone().filter(|&i| changed(m, i));
        let (alone, shared): (Vec<usize>, Vec<usize>) = own.partition(|&i| count(i) == 1);
        let ratio = shared.len() as f32 / alone.len() as f32;
        assert!(ratio < alpha, "the test reaches no bound");
        1.0 + r * ratio
    };
    let strengths = [0, 1, 2].map(strength);
    let base = all(1);
    let wanted: Vec<f32> = entries
        .clone()
        .map(|i| {
            let parts = (0..3).filter(|&m| changed(m, i)).map(|m| match count(i) {
                1 => strengths[m] * vectors[m][i],
                n => vectors[m][i] / n as f32,
            });
            base[i] + parts.sum::<f32>()
        })
        .collect();
    let models = "[[models]]\npath = \"x\"\n[[models]]\npath = \"y\"\n[[models]]\npath = \"z\"\n";
    let recipe = format!(
        "method = \"ramplus_tl\"\nbase = \"base\"\n\
         [params]\nepsilon = {epsilon}\nr = {r}\nalpha = {alpha:?}\n{models}"
    );
    let report = bench.merge(&recipe, "out").unwrap();
    let found: Vec<f32> = TENSORS
        .iter()
        .flat_map(|(name, _)| read(&report.dir, name))
        .collect();
    assert_near(&found, &wanted, "ramplus_tl");
}

#[test]
fn della_divides_survivors_by_their_own_probability() {
    let bench = Bench::new();
    bench.model("base", DType::F32, 1);
    bench.model("x", DType::F32, 2);
    let (density, epsilon) = (0.6f32, 0.3f32);
    let recipe = format!(
        "method = \"della_linear\"\nbase = \"base\"\nseed = 3\n\
         [params]\ndensity = {density}\nepsilon = {epsilon}\n[[models]]\npath = \"x\"\n"
    );
    let report = bench.merge(&recipe, "out").unwrap();
    let (mut kept, mut smallest, mut largest, mut rows) = (0, 0, 0, 0);
    for (name, shape) in TENSORS {
        let row = shape[shape.len() - 1];
        let (base, x) = (
            read(&bench.path("base"), name),
            read(&bench.path("x"), name),
        );
        let out = read(&report.dir, name);
        for start in (0..base.len()).step_by(row) {
            let delta: Vec<f32> = (start..start + row).map(|i| x[i] - base[i]).collect();
            let mut order: Vec<usize> = (0..row).collect();
            order.sort_by(|&a, &b| delta[a].abs().total_cmp(&delta[b].abs()));
            for (place, &i) in order.iter().enumerate() {
                let rank = place as f32 / (row - 1) as f32;
                let probability = density - epsilon + 2.0 * epsilon * rank;
                let change = out[start + i] - base[start + i];
                let survivor = (change - delta[i] / probability).abs() < 1e-5;
                assert!(survivor || change == 0.0, "{name} {i}: {change}");
                kept += usize::from(survivor);
                smallest += usize::from(survivor && place == 0);
                largest += usize::from(survivor && place == row - 1);
            }
            rows += 1;
        }
    }
    let elements: usize = values(1).iter().map(|t| t.2.len()).sum();
    // Six standard deviations around what the probabilities say.
    let within = |count: usize, n: usize, p: f64| {
        let spread = 6.0 * (n as f64 * p * (1.0 - p)).sqrt();
        (count as f64 - n as f64 * p).abs() <= spread
    };
    assert!(within(kept, elements, 0.6), "{kept} of {elements}");
    assert!(within(smallest, rows, 0.3), "{smallest} of {rows}");
    assert!(within(largest, rows, 0.9), "{largest} of {rows}");
}

#[test]
fn rows_of_a_tensor_with_three_axes_lie_along_the_last() {
    let bench = Bench::new();
    let shapes: [(&str, &[usize]); 2] = [("cube", &[2, 3, 5]), ("flat", &[6, 5])];
    for (kind, shape) in shapes {
        for (name, seed) in [("base", 1), ("x", 2), ("y", 3)] {
            let tensors = [("w", shape, crate::checkpoints::numbers(seed, 30))];
            bench.write(
                &format!("{name}-{kind}"),
                DType::F32,
                &tensors,
                Default::default(),
            );
        }
    }
    for (method, params, models) in [
        ("nuslerp", "per = \"row\"\n", &["x", "y"][..]),
        ("model_stock", "filter_wise = true\n", &["x", "y"]),
        ("arcee_fusion", "", &["x"]),
    ] {
        for compute in ["float32", "bfloat16"] {
            let out = |kind: &str| {
                let models: String = models
                    .iter()
                    .map(|name| format!("[[models]]\npath = \"{name}-{kind}\"\n"))
                    .collect();
                let recipe = format!(
                    "method = \"{method}\"\nbase = \"base-{kind}\"\ncompute = \"{compute}\"\n\
                     [params]\n{params}{models}"
                );
                let report = bench.merge(&recipe, "out").unwrap();
                read(&report.dir, "w")
            };
            assert_eq!(out("cube"), out("flat"), "{method} {compute}");
        }
    }
}
