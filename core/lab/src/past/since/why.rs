//! Why a stage has another key than one of its name had before.

use crate::{
    cell::PluginStamp,
    plan::spec::{Answerer, ExpertRef, GenerateWhat, MetricRef, SliceRef, TaskRef, TaskRows, What},
};
use serde::Serialize;
use serde_json::Value;

/// What differs between a stage and the one of its name before, each difference in words.
pub(super) fn reasons(new: &What, old: &What) -> Vec<String> {
    let mut why = Why::default();
    match (new, old) {
        (What::Pretrain(new), What::Pretrain(old)) => {
            why.slices("training", &new.train, &old.train);
            why.slices("validation", &new.validation, &old.validation);
            why.settings("recipe", &new.recipe, &old.recipe);
            let sizes = |what: &crate::plan::spec::PretrainWhat| {
                let mut value = serde_json::to_value(what).unwrap_or_default();
                if let Some(map) = value.as_object_mut() {
                    for key in ["train", "validation", "recipe"] {
                        map.shift_remove(key);
                    }
                }
                value
            };
            why.settings("base", &sizes(new), &sizes(old));
        }
        (What::Train(new), What::Train(old)) => {
            why.differs(
                new.base != old.base,
                "the model that it starts from changed",
            );
            why.rows(&new.rows, &old.rows);
            why.settings("recipe", &new.recipe, &old.recipe);
            why.changed("seed", &new.seed, &old.seed);
            why.changed("chat", &new.chat, &old.chat);
            why.changed("device", &new.device, &old.device);
        }
        (What::Merge(new), What::Merge(old)) => {
            why.differs(new.base != old.base, "the base changed");
            why.experts(&new.experts, &old.experts);
            why.plugin("method", &new.plugin, &old.plugin);
            why.changed("method", &new.method, &old.method);
            why.settings("parameters", &new.params, &old.params);
            why.changed("seed", &new.seed, &old.seed);
        }
        (What::Vectors(new), What::Vectors(old)) => {
            why.differs(new.base != old.base, "the base changed");
            why.experts(&new.experts, &old.experts);
        }
        (What::Generate(new), What::Generate(old)) => {
            match (&new.answerer, &old.answerer) {
                (
                    Answerer::Model { key, device, chat },
                    Answerer::Model {
                        key: old_key,
                        device: old_device,
                        chat: old_chat,
                    },
                ) => {
                    why.differs(key != old_key, "its model changed");
                    why.changed("device", device, old_device);
                    why.changed("chat", chat, old_chat);
                }
                (Answerer::Served(new), Answerer::Served(old)) => {
                    why.settings("endpoint", new, old);
                }
                (new, old) => why.differs(new != old, "another one answers"),
            }
            why.task(&new.task, &old.task);
            why.slices(
                "evaluated",
                std::slice::from_ref(&new.rows),
                std::slice::from_ref(&old.rows),
            );
            let shots = |what: &GenerateWhat| what.shots.clone();
            let count = |what: &GenerateWhat| shots(what).map_or(0, |shots| shots.count);
            why.changed("shots", &count(new), &count(old));
            if let (Some(new), Some(old)) = (shots(new), shots(old)) {
                why.changed("shots_seed", &new.seed, &old.seed);
                why.slices(
                    "shown",
                    std::slice::from_ref(&new.rows),
                    std::slice::from_ref(&old.rows),
                );
            }
        }
        (What::Score(new), What::Score(old)) => {
            why.differs(new.responses != old.responses, "the responses are new");
            why.task(&new.task, &old.task);
            why.slices(
                "evaluated",
                std::slice::from_ref(&new.rows),
                std::slice::from_ref(&old.rows),
            );
            why.metrics(&new.metrics, &old.metrics);
        }
        _ => why
            .0
            .push("the run's stage of this name is of another kind".to_owned()),
    }
    if why.0.is_empty() {
        // The version of the stage's code is in the key too.
        why.0.push(
            "this version of mergelab computes it otherwise than the run's version did".to_owned(),
        );
    }
    why.0
}

#[derive(Default)]
struct Why(Vec<String>);

impl Why {
    fn differs(&mut self, differs: bool, reason: &str) {
        if differs {
            self.0.push(reason.to_owned());
        }
    }

    fn changed<T: PartialEq + std::fmt::Display>(&mut self, what: &str, new: &T, old: &T) {
        if new != old {
            self.0.push(format!("{what}: {old} → {new}"));
        }
    }

    fn plugin(&mut self, kind: &str, new: &PluginStamp, old: &PluginStamp) {
        if new == old {
            return;
        }
        let short = |hash: &str| hash.chars().take(8).collect::<String>();
        self.0.push(format!(
            "the {kind} plugin {} changed: {} ({}) → {} ({})",
            new.id,
            old.version,
            short(&old.hash),
            new.version,
            short(&new.hash)
        ));
    }

    /// Rows by dataset, split and language.
    fn slices(&mut self, use_: &str, new: &[SliceRef], old: &[SliceRef]) {
        let place = |s: &SliceRef| (s.dataset.clone(), s.split.clone(), s.language.clone());
        let say = |s: &SliceRef, what: &str| {
            format!("the {use_} rows of {} in {} {what}", s.dataset, s.language)
        };
        for slice in new {
            match old.iter().find(|old| place(old) == place(slice)) {
                None => self.0.push(say(slice, "are new")),
                Some(old) if old.limit != slice.limit => {
                    let rows = |limit: Option<usize>| {
                        limit.map_or("all".to_owned(), |limit| limit.to_string())
                    };
                    let (old, new) = (rows(old.limit), rows(slice.limit));
                    self.0.push(say(slice, &format!("are {new}, not {old}")));
                }
                Some(old) if old.hash != slice.hash => self.0.push(say(slice, "changed")),
                Some(_) => {}
            }
        }
        for slice in old {
            if !new.iter().any(|new| place(new) == place(slice)) {
                self.0.push(say(slice, "are no longer used"));
            }
        }
    }

    fn task(&mut self, new: &TaskRef, old: &TaskRef) {
        self.plugin("task", &new.plugin, &old.plugin);
        self.settings(&format!("task {}", new.name), &new.params, &old.params);
        self.differs(new.labels != old.labels, "the dataset's labels changed");
    }

    fn rows(&mut self, new: &[TaskRows], old: &[TaskRows]) {
        for rows in new {
            match old.iter().find(|old| old.task.name == rows.task.name) {
                None => self.0.push(format!("it learns {} too", rows.task.name)),
                Some(old) => {
                    self.task(&rows.task, &old.task);
                    self.slices("training", &rows.train, &old.train);
                    self.slices("validation", &rows.validation, &old.validation);
                }
            }
        }
        for rows in old {
            if !new.iter().any(|new| new.task.name == rows.task.name) {
                self.0
                    .push(format!("it no longer learns {}", rows.task.name));
            }
        }
    }

    fn experts(&mut self, new: &[ExpertRef], old: &[ExpertRef]) {
        for expert in new {
            match old.iter().find(|old| old.name == expert.name) {
                None => self.0.push(format!("the expert {} is new", expert.name)),
                Some(old) if old.key != expert.key => {
                    self.0.push(format!("the expert {} changed", expert.name));
                }
                Some(_) => {}
            }
        }
        for expert in old {
            if !new.iter().any(|new| new.name == expert.name) {
                self.0
                    .push(format!("the expert {} is no longer merged", expert.name));
            }
        }
    }

    fn metrics(&mut self, new: &[MetricRef], old: &[MetricRef]) {
        for metric in new {
            let id = &metric.plugin.id;
            match old.iter().find(|old| old.plugin.id == *id) {
                None => self.0.push(format!("the metric {id} is new")),
                Some(old) => {
                    self.plugin("metric", &metric.plugin, &old.plugin);
                    self.settings(&format!("metric {id}"), &metric.params, &old.params);
                }
            }
        }
        for metric in old {
            let id = &metric.plugin.id;
            if !new.iter().any(|new| new.plugin.id == *id) {
                self.0.push(format!("the metric {id} is no longer used"));
            }
        }
    }

    /// Whatever differs between two groups of settings.
    fn settings(&mut self, group: &str, new: &impl Serialize, old: &impl Serialize) {
        let value = |of: &dyn Fn() -> serde_json::Result<Value>| of().unwrap_or_default();
        let new = value(&|| serde_json::to_value(new));
        let old = value(&|| serde_json::to_value(old));
        let mut found = Vec::new();
        differences("", &new, &old, &mut found);
        self.0.extend(
            found
                .into_iter()
                .map(|difference| format!("{group}: {difference}")),
        );
    }
}

/// `path old → new` for each leaf that differs.
pub(in crate::past) fn differences(path: &str, new: &Value, old: &Value, found: &mut Vec<String>) {
    if new == old {
        return;
    }
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            let missing = Value::Null;
            let mut keys: Vec<&String> = new.keys().chain(old.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = match path {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                let (new, old) = (new.get(key), old.get(key));
                differences(
                    &path,
                    new.unwrap_or(&missing),
                    old.unwrap_or(&missing),
                    found,
                );
            }
        }
        _ => {
            let text = |value: &Value| match value {
                Value::Null => "none".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            found.push(format!("{path} {} → {}", text(old), text(new)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::spec::{MergeWhat, ScoreWhat, VectorsWhat};
    use serde_json::{Map, json};

    fn stamp(id: &str, hash: &str) -> PluginStamp {
        PluginStamp {
            id: id.into(),
            version: "0.1.0".into(),
            hash: hash.into(),
        }
    }

    fn slice(language: &str, hash: &str) -> SliceRef {
        SliceRef {
            dataset: "reviews".into(),
            split: "train".into(),
            language: language.into(),
            limit: None,
            hash: hash.into(),
        }
    }

    fn merge(key: &str, density: f64) -> MergeWhat {
        let params = json!({"density": density, "lambda": 1.0});
        MergeWhat {
            base: "b".into(),
            experts: vec![ExpertRef {
                name: "de".into(),
                key: key.into(),
            }],
            plugin: stamp("ties", "0123456789"),
            method: "ties".into(),
            params: params.as_object().expect("a map").clone(),
            seed: 0,
        }
    }

    #[test]
    fn a_merge_says_which_expert_and_parameter() {
        let old = What::Merge(merge("one", 0.5));
        let why = |new: MergeWhat| reasons(&What::Merge(new), &old);
        assert_eq!(why(merge("two", 0.5)), ["the expert de changed"]);
        assert_eq!(why(merge("one", 0.2)), ["parameters: density 0.5 → 0.2"]);
        let mut more = merge("one", 0.5);
        more.experts.push(ExpertRef {
            name: "fr".into(),
            key: "three".into(),
        });
        more.plugin.hash = "9876543210".into();
        assert_eq!(
            why(more),
            [
                "the expert fr is new",
                "the method plugin ties changed: 0.1.0 (01234567) → 0.1.0 (98765432)"
            ]
        );
        assert!(why(merge("one", 0.5))[0].starts_with("this version of mergelab"));
        let vectors = What::Vectors(VectorsWhat {
            base: "b".into(),
            experts: Vec::new(),
        });
        assert!(reasons(&vectors, &old)[0].contains("another kind"));
    }

    #[test]
    fn rows_say_which_language() {
        let mut why = Why::default();
        let limited = SliceRef {
            limit: Some(100),
            ..slice("en", "1")
        };
        why.slices(
            "training",
            &[slice("de", "2"), limited, slice("fr", "1")],
            &[slice("de", "1"), slice("en", "1"), slice("ja", "1")],
        );
        assert_eq!(
            why.0,
            [
                "the training rows of reviews in de changed",
                "the training rows of reviews in en are 100, not all",
                "the training rows of reviews in fr are new",
                "the training rows of reviews in ja are no longer used",
            ]
        );
    }

    #[test]
    fn evaluations_say_what_changed() {
        let task = TaskRef {
            name: "sentiment".into(),
            plugin: stamp("classify", "0"),
            params: Map::new(),
            labels: Vec::new(),
        };
        let generate = |key: &str| {
            What::Generate(GenerateWhat {
                answerer: Answerer::Model {
                    key: key.into(),
                    device: "flex".into(),
                    chat: false,
                },
                task: task.clone(),
                rows: slice("de", "1"),
                shots: None,
            })
        };
        assert_eq!(
            reasons(&generate("two"), &generate("one")),
            ["its model changed"]
        );
        let score = |responses: &str, metric: &str| {
            What::Score(ScoreWhat {
                responses: responses.into(),
                task: task.clone(),
                rows: slice("de", "1"),
                metrics: vec![MetricRef {
                    plugin: stamp(metric, "0"),
                    params: Map::new(),
                }],
            })
        };
        assert_eq!(
            reasons(&score("r", "f1"), &score("r", "accuracy")),
            [
                "the metric f1 is new",
                "the metric accuracy is no longer used"
            ]
        );
    }
}
