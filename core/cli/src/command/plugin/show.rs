//! `mergelab plugin show`: one plugin with its parameters.

use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_abi::{
    Kind,
    describe::{BaseUse, MethodTraits, PluginInfo, TaskTraits},
    registry::{LookupError, Plugin, Registry},
    schema::{Parameter, ValueType},
    suggest::hint,
};
use std::fmt::Write as _;

const EXAMPLES: &str = "\
Examples:
  mergelab plugin show ties
  mergelab plugin show task/sentiment";

/// Shows a plugin's parameters: type, range, default, what each does.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Id of the plugin, or KIND/ID where plugins of two kinds share an id.
    #[arg(value_name = "ID")]
    name: String,
}

impl Arguments {
    pub(super) fn run(&self, registry: &Registry) -> Result<Exit, Failure> {
        let parts: Vec<String> = find(registry, &self.name)?
            .into_iter()
            .map(describe)
            .collect();
        output::text(&parts.join("\n"))?;
        Ok(Exit::Done)
    }
}

/// The plugins of this name, at least one.
fn find<'a>(registry: &'a Registry, name: &str) -> Result<Vec<&'a Plugin>, Failure> {
    if let Some((kind, id)) = name.split_once('/') {
        let kind = Kind::ALL
            .into_iter()
            .find(|k| k.name() == kind)
            .ok_or_else(|| {
                let names = Kind::ALL.map(Kind::name);
                Failure::refused(format!(
                    "`{kind}` is no kind of plugin.{}",
                    hint(kind, names)
                ))
            })?;
        return match registry.get(kind, id) {
            Ok(plugin) => Ok(vec![plugin]),
            Err(error) => Err(failure(error)),
        };
    }
    let mut found = Vec::new();
    let mut searched = String::new();
    for kind in Kind::ALL {
        match registry.get(kind, name) {
            Ok(plugin) => found.push(plugin),
            Err(LookupError::NotFound(missing)) => searched = missing.searched,
            Err(error) => return Err(failure(error)),
        }
    }
    if found.is_empty() {
        let known: Vec<&str> = registry.plugins().map(|p| p.info.id.as_str()).collect();
        let message = format!(
            "there is no plugin `{name}`.{}",
            hint(name, known.iter().copied())
        );
        return Err(Failure::refused(message).help(searched));
    }
    Ok(found)
}

fn failure(error: LookupError) -> Failure {
    match error {
        LookupError::NotFound(missing) => Failure::refused(format!(
            "there is no {} `{}`.{}",
            missing.kind, missing.id, missing.hint
        ))
        .help(missing.searched),
        error @ LookupError::Ambiguous { .. } => Failure::refused(error),
    }
}

fn describe(plugin: &Plugin) -> String {
    let info = &plugin.info;
    let mut text = format!("{}/{} {}\n", info.kind, info.id, info.version);
    let _ = writeln!(text, "{}\n", info.summary);
    let mut facts: Vec<[String; 2]> = Vec::new();
    let mut fact = |name: &str, value: String| facts.push([format!("  {name}"), value]);
    fact("file", plugin.path().display().to_string());
    fact("blake3", plugin.hash().to_owned());
    fact("sdk", plugin.sdk_version().to_owned());
    for (name, value) in self::facts(info) {
        fact(name, value);
    }
    text.push_str(&output::table(&facts));

    let parameters = &info.parameters.parameters;
    if parameters.is_empty() {
        text.push_str("\nNo parameters.\n");
    } else {
        let head = ["  PARAMETER", "TYPE", "DEFAULT", "RANGE", "MEANING"].map(str::to_owned);
        let mut rows = vec![head];
        rows.extend(parameters.iter().map(row));
        let _ = write!(text, "\nParameters:\n{}", output::table(&rows));
    }
    if let Some(method) = &info.method
        && !method.presets.is_empty()
    {
        text.push_str("\nPresets:\n");
        for (name, values) in &method.presets {
            let values: Vec<String> = values.iter().map(|(k, v)| format!("{k} = {v}")).collect();
            let _ = writeln!(text, "  {}@{name}: {}", info.id, values.join(", "));
        }
    }
    text
}

/// What a plugin of its kind says, beside parameters and presets: names and values.
pub(in crate::command) fn facts(info: &PluginInfo) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut fact = |name, value| facts.push((name, value));
    if let Some(method) = &info.method {
        method_facts(method, &mut fact);
    }
    if let Some(task) = &info.task {
        task_facts(task, &mut fact);
    }
    facts
}

fn method_facts(method: &MethodTraits, fact: &mut impl FnMut(&'static str, String)) {
    let base = match method.base {
        BaseUse::Required => "required",
        BaseUse::Optional => "optional",
        BaseUse::Unused => "unused",
    };
    fact("base model", base.to_owned());
    let models = match method.max_models {
        Some(most) if most == method.min_models => most.to_string(),
        Some(most) => format!("{} to {most}", method.min_models),
        None => format!("{} or more", method.min_models),
    };
    fact("models", models);
    let random = if method.random { "yes" } else { "no" };
    fact("random", random.to_owned());
}

fn task_facts(task: &TaskTraits, fact: &mut impl FnMut(&'static str, String)) {
    fact("fields", task.fields.join(", "));
    if !task.optional_fields.is_empty() {
        fact("optional fields", task.optional_fields.join(", "));
    }
    let labels = if task.labels { "required" } else { "none" };
    fact("label set", labels.to_owned());
    fact("metrics", task.metrics.join(", "));
}

/// A parameter as a row: name, type, default, range, meaning.
pub(in crate::command) fn row(parameter: &Parameter) -> [String; 5] {
    let name = match parameter.value_type {
        ValueType::Float => "float",
        ValueType::Integer => "integer",
        ValueType::Boolean => "boolean",
        ValueType::String => "string",
        ValueType::StringList => "list of strings",
        ValueType::StringMap => "table of strings",
    };
    let value_type = if parameter.per_model {
        format!("{name} per model")
    } else {
        name.to_owned()
    };
    let default = match &parameter.default {
        Some(value) => value.to_string(),
        None if parameter.optional => "none".to_owned(),
        None => "(must be given)".to_owned(),
    };
    [
        format!("  {}", parameter.name),
        value_type,
        default,
        parameter.range(),
        parameter.doc.lines().collect::<Vec<_>>().join(" "),
    ]
}
