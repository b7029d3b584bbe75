//! Every merge method gives on a device what it gives on the CPU's engine.

use super::{Agreement, assert_agrees, devices, noise, options};
use mergelab_abi::describe::Kind;
use mergelab_abi::method::{GroupInfo, Member, Method, MethodSetup, SurveyKind};
use mergelab_abi::register::{self, Opener};
use mergelab_abi::working::Working;
// Linked so that they register themselves.
use mergelab_method_arcee_fusion as _;
use mergelab_method_breadcrumbs as _;
use mergelab_method_breadcrumbs_ties as _;
use mergelab_method_consensus_ta as _;
use mergelab_method_dare_linear as _;
use mergelab_method_dare_ties as _;
use mergelab_method_della as _;
use mergelab_method_della_linear as _;
use mergelab_method_emr as _;
use mergelab_method_iso_c as _;
use mergelab_method_iso_cts as _;
use mergelab_method_karcher as _;
use mergelab_method_knots as _;
use mergelab_method_linear as _;
use mergelab_method_localize_and_stitch as _;
use mergelab_method_lora_svd as _;
use mergelab_method_model_stock as _;
use mergelab_method_multislerp as _;
use mergelab_method_nearswap as _;
use mergelab_method_nuslerp as _;
use mergelab_method_passthrough as _;
use mergelab_method_ram as _;
use mergelab_method_ramplus_tl as _;
use mergelab_method_sce as _;
use mergelab_method_slerp as _;
use mergelab_method_task_arithmetic as _;
use mergelab_method_ties as _;
use mergelab_method_tsv_m as _;
use mergelab_method_wudi as _;
use mergelab_tensor::{Memory, Options, Session};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Larger than what is ranked on the processor.
const LARGE: [usize; 2] = [300, 257];

/// For decompositions, which take long without optimisation.
const SMALL: [usize; 2] = [48, 40];

struct Case {
    id: &'static str,
    params: Value,
    shape: [usize; 2],
    models: usize,
    /// The largest difference: 0 where a method adds no elements up.
    error: f64,
    /// Elements of a thousand that may differ by more: those next to a threshold that is
    /// computed from sums or from functions.
    loose: usize,
}

fn cases() -> Vec<Case> {
    let case = |id, params, shape, models, error| Case {
        id,
        params,
        shape,
        models,
        error,
        loose: 0,
    };
    // Same bits.
    let exact = |id, params| case(id, params, LARGE, 3, 0.0);
    // Factors that are quotients of sums, off by a few 2^-16 of themselves, on elements below 1.
    let sums = |id, params| case(id, params, LARGE, 3, 1e-4);
    let pair = |id, params| case(id, params, LARGE, 2, 1e-4);
    let one = |id, params| case(id, params, LARGE, 1, 1e-4);
    // Products of matrices with entries below 1 over up to 144 places, several in a row.
    let matrix = |id, params| case(id, params, SMALL, 3, 5e-4);
    vec![
        exact("linear", json!({})),
        exact("linear", json!({"weight": [0.3, 0.9, 0.1]})),
        exact("task_arithmetic", json!({"lambda": 0.7})),
        exact("ties", json!({})),
        exact("ties", json!({"density": 0.5, "sign_vote": "weighted"})),
        sums("ties", json!({"rescale": "l1"})),
        exact("dare_linear", json!({"density": 0.4})),
        sums("dare_linear", json!({"density": 0.4, "rescale": "l1"})),
        exact("dare_ties", json!({"density": 0.6})),
        exact("della", json!({})),
        exact("della_linear", json!({})),
        exact("breadcrumbs", json!({})),
        exact("breadcrumbs_ties", json!({})),
        exact("consensus_ta", json!({})),
        exact("ram", json!({})),
        sums("ramplus_tl", json!({})),
        exact("localize_and_stitch", json!({})),
        sums("emr", json!({})),
        sums("sce", json!({"select_topk": 0.5})),
        sums("model_stock", json!({})),
        sums("model_stock", json!({"filter_wise": true})),
        sums("multislerp", json!({})),
        sums("karcher", json!({})),
        pair("nuslerp", json!({})),
        pair("nuslerp", json!({"per": "row"})),
        one("slerp", json!({})),
        one("nearswap", json!({"t": 0.1})),
        one("passthrough", json!({"scale": 0.5})),
        Case {
            loose: 5,
            ..one("arcee_fusion", json!({}))
        },
        matrix("iso_c", json!({})),
        matrix("iso_cts", json!({})),
        matrix("tsv_m", json!({})),
        matrix("knots", json!({"inner": "task_arithmetic"})),
        matrix("lora_svd", json!({"rank": 4, "dense": true})),
        matrix("wudi", json!({"steps": 5})),
    ]
}

const MODELS: [&str; 3] = ["de", "fr", "zh"];

fn open(case: &Case) -> Box<dyn Method> {
    let setup = MethodSetup {
        params: case.params.as_object().unwrap().clone(),
        models: MODELS[..case.models]
            .iter()
            .map(|&m| m.to_owned())
            .collect(),
    };
    match register::find(Kind::Method, case.id) {
        Ok(Opener::Method(open)) => open(setup).unwrap(),
        _ => panic!("{} is linked", case.id),
    }
}

fn merge(method: &dyn Method, case: &Case, working: Working, options: Options) -> Vec<f32> {
    let session = Session::new(working, options);
    let length = case.shape.iter().product();
    let base = noise(1, length);
    let member = |id: &str, seed: u32| {
        let far = if seed == 1 { 0.0 } else { 0.25 };
        let data = noise(seed, length);
        let data = base.iter().zip(data).map(|(b, x)| b + far * x).collect();
        Member {
            id: id.to_owned(),
            node: session.input(&case.shape, Arc::new(Memory::new(id, data))),
            present: true,
            low_rank: None,
        }
    };
    let models = MODELS[..case.models].iter().zip(2..);
    let mut group = GroupInfo {
        tensor: "model.layers.0.mlp.up_proj.weight".to_owned(),
        shape: case.shape.to_vec(),
        base: Some(member("base", 1)),
        models: models.map(|(id, seed)| member(id, seed)).collect(),
        seed: 11,
        statistics: BTreeMap::new(),
    };
    // One tensor is the whole model here.
    for _ in 0..3 {
        for survey in method.survey(&group, session.handle()).unwrap() {
            let answer = match survey.kind {
                SurveyKind::Sum => session.number(survey.node).unwrap(),
                SurveyKind::KthLargestMagnitude { share, more } => {
                    let mut sizes = session.read(survey.node).unwrap();
                    sizes.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
                    let k = SurveyKind::rank(share, more, sizes.len() as u64);
                    f64::from(sizes[k as usize - 1].abs())
                }
            };
            group.statistics.entry(survey.name).or_insert(answer);
        }
    }
    let node = method.merge(&group, session.handle()).unwrap();
    session.read(node).unwrap()
}

#[test]
fn methods_give_what_they_give_on_the_cpu() {
    for case in cases() {
        let method = open(&case);
        let want = merge(&*method, &case, Working::F32, Options::default());
        for device in devices() {
            let mut got = merge(&*method, &case, Working::F32, options(device));
            let vulkan = device.name().starts_with("vulkan");
            let agreement = match case.error {
                // Divisions by the weights of those that agree.
                0.0 if vulkan => Agreement::Places(3.0),
                0.0 => Agreement::Same,
                error => Agreement::Within(error),
            };
            let mut loose = case.loose * want.len() / 1000;
            for (got, want) in got.iter_mut().zip(&want) {
                if loose > 0 && f64::from((*got - want).abs()) > case.error {
                    (*got, loose) = (*want, loose - 1);
                }
            }
            let what = format!("{} with {}", case.id, case.params);
            assert_agrees(&got, &want, agreement, Working::F32, device, &what);
        }
    }
}

/// Without sums, the numbers of a merge in bf16 are the same too.
#[test]
fn bf16_is_rounded_as_on_the_cpu() {
    let exact = |case: &Case| case.error == 0.0;
    for case in cases().into_iter().filter(exact) {
        let method = open(&case);
        let want = merge(&*method, &case, Working::Bf16, Options::default());
        for device in devices() {
            let got = merge(&*method, &case, Working::Bf16, options(device));
            let agreement = match device.name().starts_with("vulkan") {
                true => Agreement::Places(3.0),
                false => Agreement::Same,
            };
            assert_agrees(&got, &want, agreement, Working::Bf16, device, case.id);
        }
    }
}

/// A method that is not in [`cases`] would go untested.
#[test]
fn every_linked_method_is_merged() {
    let tested = cases();
    for info in register::infos() {
        let found = tested.iter().any(|case| case.id == info.id);
        assert!(info.kind != Kind::Method || found, "{}", info.id);
    }
}
