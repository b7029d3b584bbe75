//! Checks of merge methods.

use super::{Finding, UNKNOWN_PARAMETER, description, numbers, sample_params};
use crate::{
    PluginError, PluginInfo,
    describe::{BaseUse, MethodTraits},
    method::{GroupInfo, Member, Method, MethodSetup, Survey, SurveyKind},
    ops::{HostHandle, Node},
    working::Working,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A place to run a method: [`crate::reference`] or the real tensor engine.
pub trait Bench {
    /// Adds a tensor.
    fn input(&self, shape: &[usize], data: Vec<f32>) -> Node;
    /// The host to record in.
    fn host(&self) -> HostHandle;
    /// Evaluates a node.
    ///
    /// # Errors
    /// What the engine says.
    fn value(&self, node: Node) -> Result<(Vec<usize>, Vec<f32>), PluginError>;
}

/// A method that is checked.
pub struct Subject<'a> {
    /// What it says about itself.
    pub info: &'a PluginInfo,
    /// How to make it.
    pub open: &'a dyn Fn(MethodSetup) -> Result<Box<dyn Method>, PluginError>,
    /// How to make a place to run it.
    pub bench: &'a dyn Fn(Working) -> Box<dyn Bench>,
}

/// Runs every check that applies to the method.
pub fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = vec![Finding {
        check: "description",
        result: description(subject.info).and_then(|()| subject.traits().map(|_| ())),
    }];
    let Ok(traits) = subject.traits() else {
        return findings;
    };
    type Check = fn(&Subject<'_>, &MethodTraits) -> Result<(), String>;
    let mut add = |name: &'static str, check: Check| {
        findings.push(Finding {
            check: name,
            result: check(subject, traits),
        });
    };
    add("parameters", parameters);
    add("shapes", shapes);
    add("determinism", determinism);
    add("dtype", dtype);
    add("shape_errors", shape_errors);
    if traits.base == BaseUse::Required {
        add("missing_base", missing_base);
    }
    if traits.identity {
        add("identity", identity);
    }
    if traits.order_independent {
        add("model_order", model_order);
    }
    if traits.random {
        add("seed", seed);
    }
    findings
}

struct Input {
    shape: Vec<usize>,
    base: Option<Vec<f32>>,
    models: Vec<(String, Vec<f32>)>,
}

impl Input {
    fn random(traits: &MethodTraits, shape: &[usize]) -> Self {
        let n = shape.iter().product();
        let count = 3
            .max(traits.min_models)
            .min(traits.max_models.unwrap_or(usize::MAX));
        Self {
            shape: shape.to_vec(),
            base: (traits.base != BaseUse::Unused).then(|| numbers(100, n)),
            models: (0..count)
                .map(|i| (format!("model-{i}"), numbers(i as u64, n)))
                .collect(),
        }
    }
}

impl Subject<'_> {
    fn traits(&self) -> Result<&MethodTraits, String> {
        self.info
            .method
            .as_ref()
            .ok_or_else(|| "it describes itself as no merge method".to_owned())
    }

    fn merge(
        &self,
        input: &Input,
        params: &Map<String, Value>,
        seed: u64,
        working: Working,
    ) -> Result<(Vec<usize>, Vec<f32>), PluginError> {
        let always_f32 = self.info.method.as_ref().is_some_and(|m| m.always_f32);
        let within = if always_f32 { Working::F32 } else { working };
        let bench = (self.bench)(within);
        let ids: Vec<String> = input.models.iter().map(|(id, _)| id.clone()).collect();
        let params = self.info.parameters.complete(params, ids.len())?;
        let method = (self.open)(MethodSetup {
            params,
            models: ids,
        })?;
        let member = |id: &str, data: &[f32]| Member {
            id: id.to_owned(),
            node: bench.input(
                &input.shape,
                data.iter().map(|&x| working.round(x)).collect(),
            ),
            present: true,
            low_rank: None,
        };
        let mut group = GroupInfo {
            tensor: "model.layers.0.mlp.up_proj.weight".to_owned(),
            shape: input.shape.clone(),
            models: input.models.iter().map(|(id, x)| member(id, x)).collect(),
            base: input.base.as_ref().map(|x| member("base", x)),
            seed,
            statistics: BTreeMap::new(),
        };
        if self.info.method.as_ref().is_some_and(|m| m.surveys) {
            survey(&*method, std::slice::from_mut(&mut group), &*bench)?;
        }
        let node = method.merge(&group, bench.host())?;
        let (shape, data) = bench.value(node)?;
        Ok((shape, data.iter().map(|&x| working.round(x)).collect()))
    }

    fn plain(&self, input: &Input) -> Result<(Vec<usize>, Vec<f32>), String> {
        self.merge(
            input,
            &sample_params(&self.info.parameters),
            1,
            Working::F32,
        )
        .map_err(|e| format!("it failed on plain input: {e}"))
    }
}

/// Asks the method about all groups until it has no question left, and puts the answers into them.
///
/// # Errors
/// What the method or the bench says.
pub fn survey(
    method: &dyn Method,
    groups: &mut [GroupInfo],
    bench: &dyn Bench,
) -> Result<(), PluginError> {
    loop {
        let mut asked = Vec::new();
        for group in groups.iter() {
            let questions = method.survey(group, bench.host())?.into_iter();
            asked.extend(questions.filter(|q| !group.statistics.contains_key(&q.name)));
        }
        if asked.is_empty() {
            return Ok(());
        }
        let found = answers(bench, asked)?;
        for group in groups.iter_mut() {
            group.statistics.extend(found.clone());
        }
    }
}

/// Answers questions in the plainest way.
fn answers(bench: &dyn Bench, asked: Vec<Survey>) -> Result<BTreeMap<String, f64>, PluginError> {
    let mut values: BTreeMap<String, (SurveyKind, Vec<f32>)> = BTreeMap::new();
    for survey in asked {
        let (_, data) = bench.value(survey.node)?;
        let (_, all) = values
            .entry(survey.name)
            .or_insert((survey.kind, Vec::new()));
        all.extend(data);
    }
    let answer = |(kind, mut all): (SurveyKind, Vec<f32>)| match kind {
        SurveyKind::Sum => all.iter().map(|&x| f64::from(x)).sum(),
        SurveyKind::KthLargestMagnitude { share, more } => {
            all.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
            let k = SurveyKind::rank(share, more, all.len() as u64) as usize;
            k.checked_sub(1)
                .and_then(|i| all.get(i))
                .map_or(0.0, |x| f64::from(x.abs()))
        }
    };
    Ok(values.into_iter().map(|(k, v)| (k, answer(v))).collect())
}

const SHAPES: &[&[usize]] = &[&[1], &[7], &[4, 6], &[64, 33], &[2, 3, 5]];

fn parameters(subject: &Subject<'_>, traits: &MethodTraits) -> Result<(), String> {
    let mut params = sample_params(&subject.info.parameters);
    params.insert(UNKNOWN_PARAMETER.to_owned(), json!(1));
    let models = vec!["a".to_owned(); traits.min_models.max(1)];
    match (subject.open)(MethodSetup { params, models }) {
        Err(_) => Ok(()),
        Ok(_) => Err(format!(
            "it accepted the unknown parameter `{UNKNOWN_PARAMETER}`"
        )),
    }
}

fn shapes(subject: &Subject<'_>, traits: &MethodTraits) -> Result<(), String> {
    for shape in SHAPES {
        let (found, values) = subject.plain(&Input::random(traits, shape))?;
        if found != *shape {
            return Err(format!("a group of shape {shape:?} gave shape {found:?}"));
        }
        if let Some(i) = values.iter().position(|v| !v.is_finite()) {
            return Err(format!(
                "shape {shape:?}: element {i} is {} for finite input",
                values[i]
            ));
        }
    }
    Ok(())
}

fn determinism(subject: &Subject<'_>, traits: &MethodTraits) -> Result<(), String> {
    let input = Input::random(traits, &[16, 9]);
    let bits = |x: &[f32]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let (first, second) = (subject.plain(&input)?.1, subject.plain(&input)?.1);
    if bits(&first) == bits(&second) {
        Ok(())
    } else {
        Err("the same input and seed gave other bits the second time".to_owned())
    }
}

fn dtype(subject: &Subject<'_>, traits: &MethodTraits) -> Result<(), String> {
    let params = sample_params(&subject.info.parameters);
    for working in [Working::Bf16, Working::F16] {
        let mut input = Input::random(traits, &[8, 5]);
        for x in input
            .base
            .iter_mut()
            .chain(input.models.iter_mut().map(|m| &mut m.1))
        {
            x.iter_mut().for_each(|v| *v = working.round(*v));
        }
        let (_, values) = subject
            .merge(&input, &params, 1, working)
            .map_err(|e| format!("it failed in {working}: {e}"))?;
        if let Some(v) = values
            .iter()
            .find(|v| !v.is_finite() || working.round(**v) != **v)
        {
            return Err(format!("computing in {working} gave {v}"));
        }
    }
    Ok(())
}

fn shape_errors(subject: &Subject<'_>, traits: &MethodTraits) -> Result<(), String> {
    let bench = (subject.bench)(Working::F32);
    let count = 2
        .max(traits.min_models)
        .min(traits.max_models.unwrap_or(usize::MAX));
    if count < 2 && traits.base == BaseUse::Unused {
        return Ok(());
    }
    let ids: Vec<String> = (0..count).map(|i| format!("model-{i}")).collect();
    let params = subject
        .info
        .parameters
        .complete(&sample_params(&subject.info.parameters), count)
        .map_err(|e| e.to_string())?;
    let method = (subject.open)(MethodSetup {
        params,
        models: ids.clone(),
    })
    .map_err(|e| e.to_string())?;
    let member = |id: &str, shape: &[usize]| Member {
        id: id.to_owned(),
        node: bench.input(shape, numbers(1, shape.iter().product())),
        present: true,
        low_rank: None,
    };
    let group = GroupInfo {
        tensor: "t".to_owned(),
        shape: vec![3, 4],
        // The last model differs.
        models: ids
            .iter()
            .enumerate()
            .map(|(i, id)| {
                let odd = i + 1 == count;
                member(id, if odd { &[4, 3] } else { &[3, 4] })
            })
            .collect(),
        base: (traits.base != BaseUse::Unused).then(|| member("base", &[3, 4])),
        seed: 0,
        statistics: BTreeMap::new(),
    };
    match method.merge(&group, bench.host()) {
        Err(PluginError::Panic { message }) => {
            Err(format!("models that differ in shape: {message}"))
        }
        Err(_) => Ok(()),
        Ok(_) => Err("it merged models that differ in shape".to_owned()),
    }
}

fn missing_base(subject: &Subject<'_>, traits: &MethodTraits) -> Result<(), String> {
    let mut input = Input::random(traits, &[4]);
    input.base = None;
    match subject.merge(
        &input,
        &sample_params(&subject.info.parameters),
        1,
        Working::F32,
    ) {
        Err(PluginError::Panic { message }) => Err(format!("without a base: {message}")),
        Err(_) => Ok(()),
        Ok(_) => Err("it says that it needs a base and merged without one".to_owned()),
    }
}

/// f32 arithmetic over a handful of models: a few units in the last place of the largest input.
const ROUNDING: f32 = 2e-6;

fn near(found: &[f32], wanted: &[f32]) -> Option<usize> {
    let scale = wanted.iter().fold(1.0f32, |m, v| m.max(v.abs()));
    found
        .iter()
        .zip(wanted)
        .position(|(a, b)| (a - b).is_nan() || (a - b).abs() > ROUNDING * scale)
}

fn identity(subject: &Subject<'_>, traits: &MethodTraits) -> Result<(), String> {
    for shape in SHAPES {
        let mut input = Input::random(traits, shape);
        let one = numbers(42, shape.iter().product());
        input.base = input.base.map(|_| one.clone());
        input.models.iter_mut().for_each(|m| m.1 = one.clone());
        let (_, found) = subject.plain(&input)?;
        if let Some(i) = near(&found, &one) {
            return Err(format!(
                "shape {shape:?}: merging copies of one model gave {} where it has {}",
                found[i], one[i]
            ));
        }
    }
    Ok(())
}

fn model_order(subject: &Subject<'_>, traits: &MethodTraits) -> Result<(), String> {
    let mut input = Input::random(traits, &[32, 5]);
    let (_, wanted) = subject.plain(&input)?;
    input.models.reverse();
    let (_, found) = subject.plain(&input)?;
    match near(&found, &wanted) {
        None => Ok(()),
        Some(i) => Err(format!(
            "the models in reverse order gave {} instead of {}",
            found[i], wanted[i]
        )),
    }
}

fn seed(subject: &Subject<'_>, traits: &MethodTraits) -> Result<(), String> {
    let input = Input::random(traits, &[32, 33]);
    let mut params = sample_params(&subject.info.parameters);
    // At density 1 nothing is drawn.
    if subject.info.parameters.get("density").is_some() {
        params.insert("density".to_owned(), json!(0.5));
    }
    let run = |params: &Map<String, Value>, seed| {
        let (_, values) = subject
            .merge(&input, params, seed, Working::F32)
            .map_err(|e| e.to_string())?;
        Ok::<_, String>(values)
    };
    if run(&params, 1)? != run(&params, 1)? {
        return Err("one seed gave two results".to_owned());
    }
    // A method may draw for some of its parameters only; then a preset has such ones.
    let presets = traits.presets.values().map(|preset| {
        let mut params = params.clone();
        params.extend(preset.clone());
        params
    });
    for params in std::iter::once(params.clone()).chain(presets) {
        if run(&params, 1)? != run(&params, 2)? {
            return Ok(());
        }
    }
    Err("it says that it is random, and two seeds gave one result, with every preset".to_owned())
}
