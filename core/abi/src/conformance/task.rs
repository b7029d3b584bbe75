//! Checks of tasks.

use super::{Finding, UNKNOWN_PARAMETER, description, sample_params};
use crate::{
    PluginError, PluginInfo,
    describe::TaskTraits,
    task::{Request, Response, Task, TaskSetup},
};
use serde_json::json;

/// A task that is checked.
pub struct Subject<'a> {
    /// What it says about itself.
    pub info: &'a PluginInfo,
    /// How to make it.
    pub open: &'a dyn Fn(TaskSetup) -> Result<Box<dyn Task>, PluginError>,
}

/// Runs every check.
pub fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = vec![Finding {
        check: "description",
        result: description(subject.info).and_then(|()| subject.traits().map(|_| ())),
    }];
    let Ok(traits) = subject.traits() else {
        return findings;
    };
    type Check = fn(&Subject<'_>, &TaskTraits) -> Result<(), String>;
    let checks: [(&'static str, Check); 4] = [
        ("parameters", parameters),
        ("determinism", determinism),
        ("missing_field", missing_field),
        ("reads_its_answer", reads_its_answer),
    ];
    findings.extend(checks.map(|(check, run)| Finding {
        check,
        result: run(subject, traits),
    }));
    findings
}

impl Subject<'_> {
    fn traits(&self) -> Result<&TaskTraits, String> {
        self.info
            .task
            .as_ref()
            .ok_or_else(|| "it describes itself as no task".to_owned())
    }

    fn setup(&self) -> TaskSetup {
        TaskSetup {
            params: sample_params(&self.info.parameters),
            language: "en".to_owned(),
            labels: self
                .info
                .task
                .as_ref()
                .map(|t| t.example_labels.clone())
                .unwrap_or_default(),
        }
    }

    fn task(&self) -> Result<Box<dyn Task>, String> {
        (self.open)(self.setup()).map_err(|e| format!("it cannot be made with its defaults: {e}"))
    }
}

fn parameters(subject: &Subject<'_>, _: &TaskTraits) -> Result<(), String> {
    let mut setup = subject.setup();
    setup.params.insert(UNKNOWN_PARAMETER.to_owned(), json!(1));
    match (subject.open)(setup) {
        Err(_) => Ok(()),
        Ok(_) => Err(format!(
            "it accepted the unknown parameter `{UNKNOWN_PARAMETER}`"
        )),
    }
}

fn determinism(subject: &Subject<'_>, traits: &TaskTraits) -> Result<(), String> {
    let rows = [traits.example.clone(), traits.example.clone()];
    let prepared = subject
        .task()?
        .prepare(&rows)
        .map_err(|e| format!("it refused its own example: {e}"))?;
    let again = subject.task()?.prepare(&rows).map_err(|e| e.to_string())?;
    if prepared != again || prepared[0] != prepared[1] {
        return Err("the same row was made ready in two ways".to_owned());
    }
    let (what, text) = match &prepared[0].request {
        Request::Likelihood { text, .. } => ("text", text.as_str()),
        other => ("prompt", other.prompt()),
    };
    if text.is_empty() {
        return Err(format!("the {what} is empty"));
    }
    Ok(())
}

fn missing_field(subject: &Subject<'_>, traits: &TaskTraits) -> Result<(), String> {
    for field in &traits.fields {
        let mut row = traits.example.clone();
        if row.remove(field).is_none() {
            return Err(format!(
                "its example lacks `{field}`, which it says every row must have"
            ));
        }
        match subject.task()?.prepare(&[row]) {
            Err(PluginError::Panic { message }) => {
                return Err(format!("a row without `{field}`: {message}"));
            }
            Err(_) => {}
            Ok(_) => return Err(format!("it took a row without `{field}`")),
        }
    }
    Ok(())
}

/// A model that says just what it was taught must be read as right.
fn reads_its_answer(subject: &Subject<'_>, traits: &TaskTraits) -> Result<(), String> {
    let rows = [traits.example.clone()];
    let task = subject.task()?;
    let prepared = task.prepare(&rows).map_err(|e| e.to_string())?;
    let response = match &prepared[0].request {
        Request::Generate { .. } => Response::Generated {
            text: prepared[0].answer.clone(),
        },
        Request::Choose { choices, .. } => Response::Scored {
            log_likelihoods: choices
                .iter()
                .map(|c| {
                    if c.trim() == prepared[0].answer.trim() {
                        -1.0
                    } else {
                        -9.0
                    }
                })
                .collect(),
            tokens: vec![1; choices.len()],
        },
        Request::Likelihood { .. } => Response::Scored {
            log_likelihoods: vec![-1.0],
            tokens: vec![1],
        },
    };
    let read = task.read(&rows, &[response]).map_err(|e| e.to_string())?;
    let reference = &prepared[0].reference;
    if reference.label.is_some() && read[0].label != reference.label {
        return Err(format!(
            "the answer `{}` was read as {:?} instead of {:?}",
            prepared[0].answer, read[0].label, reference.label
        ));
    }
    if matches!(prepared[0].request, Request::Likelihood { .. }) {
        return match read[0].likelihood {
            Some(_) => Ok(()),
            None => Err("a text's log-likelihood was read as none".to_owned()),
        };
    }
    if reference.label.is_none() && read[0].output.trim().is_empty() {
        return Err("its own answer was read as an empty output".to_owned());
    }
    Ok(())
}
