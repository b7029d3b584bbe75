//! Every merge method gives on a device what it gives on the CPU's engine.

use super::{Agreement, assert_agrees, devices, noise, options};
use mergelab_abi::describe::Kind;
use mergelab_abi::method::{GroupInfo, Member, Method, MethodSetup};
use mergelab_abi::register::{self, Opener};
use mergelab_abi::working::Working;
// Linked so that they register themselves.
use mergelab_method_dare_linear as _;
use mergelab_method_dare_ties as _;
use mergelab_method_linear as _;
use mergelab_method_task_arithmetic as _;
use mergelab_method_ties as _;
use mergelab_tensor::{Memory, Options, Session};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Larger than what is ranked on the processor.
const SHAPE: [usize; 2] = [300, 257];

/// Methods, parameters, and the largest difference: 0 where a method adds no elements up.
fn merges() -> Vec<(&'static str, Value, f64)> {
    vec![
        ("linear", json!({}), 0.0),
        ("linear", json!({"weight": [0.3, 0.9, 0.1]}), 0.0),
        ("task_arithmetic", json!({"lambda": 0.7}), 0.0),
        ("ties", json!({}), 0.0),
        ("ties", json!({"density": 0.5, "sign_vote": "weighted"}), 0.0),
        // Scales by a quotient of two sums: four times the error of a sum, of elements below 1.
        ("ties", json!({"rescale": "l1"}), 2e-5),
        ("dare_linear", json!({"density": 0.4}), 0.0),
        ("dare_linear", json!({"density": 0.4, "rescale": "l1"}), 2e-5),
        ("dare_ties", json!({"density": 0.6}), 0.0),
    ]
}

fn open(id: &str, params: &Value) -> Box<dyn Method> {
    let models: Vec<String> = ["de", "fr", "zh"].map(str::to_owned).to_vec();
    let mut filled = Map::new();
    for (name, value) in params.as_object().unwrap() {
        filled.insert(name.clone(), value.clone());
    }
    let setup = MethodSetup {
        params: filled,
        models,
    };
    match register::find(Kind::Method, id) {
        Ok(Opener::Method(open)) => open(setup).unwrap(),
        _ => panic!("{id} is linked"),
    }
}

fn merge(method: &dyn Method, working: Working, options: Options) -> Vec<f32> {
    let session = Session::new(working, options);
    let length = SHAPE.iter().product();
    let base = noise(1, length);
    let mut member = |id: &str, seed: u32| {
        let far = if seed == 1 { 0.0 } else { 0.25 };
        let data = noise(seed, length);
        let data = base.iter().zip(data).map(|(b, x)| b + far * x).collect();
        Member {
            id: id.to_owned(),
            node: session.input(&SHAPE, Arc::new(Memory::new(id, data))),
            present: true,
            low_rank: None,
        }
    };
    let group = GroupInfo {
        tensor: "model.layers.0.mlp.up_proj.weight".to_owned(),
        shape: SHAPE.to_vec(),
        base: Some(member("base", 1)),
        models: vec![member("de", 2), member("fr", 3), member("zh", 4)],
        seed: 11,
        statistics: BTreeMap::new(),
    };
    let node = method.merge(&group, session.handle()).unwrap();
    session.read(node).unwrap()
}

#[test]
fn methods_give_what_they_give_on_the_cpu() {
    for (id, params, error) in merges() {
        let method = open(id, &params);
        for working in [Working::F32, Working::Bf16] {
            let want = merge(&*method, working, Options::default());
            for device in devices() {
                let got = merge(&*method, working, options(device));
                let vulkan = device.name().starts_with("vulkan");
                let agreement = match error {
                    // Divisions by the weights of those that agree.
                    0.0 if vulkan => Agreement::Places(3.0),
                    0.0 => Agreement::Same,
                    error => Agreement::Within(error),
                };
                let what = format!("{id} with {params}");
                assert_agrees(&got, &want, agreement, working, device, &what);
            }
        }
    }
}

/// A method that is not in [`merges`] would go untested.
#[test]
fn every_linked_method_is_merged() {
    let tested = merges();
    for info in register::infos() {
        let found = tested.iter().any(|(id, ..)| *id == info.id);
        assert!(info.kind != Kind::Method || found, "{}", info.id);
    }
}
