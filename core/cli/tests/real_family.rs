//! Every shipped method on three real checkpoints. `tests/real/minilm_family.sh` fetches them and
//! runs this.

use mergelab_abi::describe::{Kind, MethodTraits, PluginInfo};
use mergelab_abi::registry::{Registry, search_places};
use mergelab_checkpoint::{Checkpoint, DType};
use mergelab_tests::Mergelab;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// The tensor of integers that only the base has.
const POSITIONS: &str = "embeddings.position_ids";
/// The matrix that no tuning touched.
const UNTOUCHED: &str = "pooler.dense.weight";
const EXPERTS: [&str; 2] = ["reliability", "resumes"];

#[test]
#[ignore = "needs models that tests/real/minilm_family.sh fetches"]
fn every_method_merges_a_real_family() {
    let Some(models) = std::env::var_os("MERGELAB_REAL_MODELS").map(PathBuf::from) else {
        eprintln!("skipped: MERGELAB_REAL_MODELS names no folder");
        return;
    };
    let lab = Mergelab::install(env!("CARGO_BIN_EXE_mergelab"));
    let registry = Registry::search(&search_places(&[lab.path("bin")], &[]));
    let methods: Vec<PluginInfo> = registry
        .plugins()
        .map(|plugin| plugin.info.clone())
        .filter(|info| info.kind == Kind::Method)
        .collect();
    let shipped = mergelab_tests::libraries::ids();
    let shipped = shipped.iter().filter(|(kind, _)| *kind == "method").count();
    assert_eq!(methods.len(), shipped, "every method is found");

    let base = Checkpoint::open(models.join("base")).expect("the base opens");
    let experts = EXPERTS.map(|name| Checkpoint::open(models.join(name)).expect("experts open"));
    for info in methods {
        let name = info.id.clone();
        let recipe = recipe(&info, &models);
        fs::write(lab.work().join("merge.toml"), &recipe).expect("writable");
        let run = lab.run(["merge", "merge.toml", "merged", "--overwrite"]);
        assert_eq!(run.code, Some(0), "{name}: {}\n{recipe}", run.stderr);
        let merged = Checkpoint::open(lab.work().join("merged")).expect("the merge opens");
        check(&name, &base, &experts, &merged);
        eprintln!("{name}: {}", run.stdout.trim());
    }
}

fn recipe(info: &PluginInfo, models: &Path) -> String {
    let traits: &MethodTraits = info.method.as_ref().expect("a method");
    let folder = |name: &str| models.join(name).display().to_string();
    let count = EXPERTS.len().min(traits.max_models.unwrap_or(usize::MAX));
    let mut text = format!("method = \"{}\"\nbase = {:?}\n", info.id, folder("base"));
    for expert in &EXPERTS[..count] {
        let _ = writeln!(text, "[[models]]\npath = {:?}", folder(expert));
    }
    text.push_str("[params]\n");
    for parameter in &info.parameters.parameters {
        if parameter.default.is_none() && !parameter.optional {
            // A weight of one, an interpolation half way.
            let value = if parameter.name == "t" { 0.5 } else { 1.0 };
            let _ = writeln!(text, "{} = {value:?}", parameter.name);
        }
    }
    text
}

fn values(checkpoint: &Checkpoint, tensor: &str) -> Vec<f32> {
    let view = checkpoint.tensor(tensor).expect("it has the tensor");
    view.to_f32().expect("it holds floats")
}

fn check(method: &str, base: &Checkpoint, experts: &[Checkpoint; 2], merged: &Checkpoint) {
    assert_eq!(merged.names(), base.names(), "{method}");
    for name in base.names() {
        let (from, to) = (
            base.tensor(name).expect("listed"),
            merged.tensor(name).expect("checked"),
        );
        assert_eq!(
            (from.dtype, from.shape),
            (to.dtype, to.shape),
            "{method}: {name}"
        );
        if name == POSITIONS {
            assert_eq!(from.dtype, DType::I64);
            assert_eq!(from.bytes, to.bytes, "{method}: {name}");
            continue;
        }
        let result = values(merged, name);
        assert!(result.iter().all(|x| x.is_finite()), "{method}: {name}");
        let inputs = [values(&experts[0], name), values(&experts[1], name)];
        if name == UNTOUCHED {
            let original = values(base, name);
            assert_eq!(inputs, [original.clone(), original.clone()]);
            // Methods that go through angles or decompositions round a few times.
            for (x, y) in result.iter().zip(&original) {
                let near = (x - y).abs() <= 1e-5 * y.abs() + 1e-7;
                assert!(near, "{method}: {name} changed from {y} to {x}");
            }
        }
        if method == "linear" {
            for (i, x) in result.iter().enumerate() {
                let (low, high) = (
                    inputs[0][i].min(inputs[1][i]),
                    inputs[0][i].max(inputs[1][i]),
                );
                assert!(
                    low <= *x && *x <= high,
                    "{name}: {x} is not in {low} to {high}"
                );
            }
        }
    }
}
