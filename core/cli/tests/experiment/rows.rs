//! How many rows a training reads.

use crate::setting::{MANIFEST, Setting};
use serde_json::Value;

const SENTIMENT: &str = "dataset = \"data/sentiment\"";

/// The limits of training and validation rows of a task, by training: sentiment's, then the other's.
fn limits(setting: &Setting, training: &str) -> Vec<(Value, Value)> {
    let run = setting.run(&["plan", "experiment.toml", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let plan: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let stages = plan["stages"].as_array().expect("a list");
    let stage = stages
        .iter()
        .find(|s| s["name"] == training)
        .expect("it trains");
    let rows = stage["what"]["rows"].as_array().expect("a list");
    let limit = |slices: &Value| slices[0]["limit"].clone();
    rows.iter()
        .map(|task| (limit(&task["train"]), limit(&task["validation"])))
        .collect()
}

#[test]
fn a_task_bounds_the_rows_that_trainings_read() {
    let own = format!("{SENTIMENT}\ntrain_rows = 5\nvalidation_rows = 3");
    let manifest = MANIFEST.replacen(SENTIMENT, &own, 1);
    let setting = Setting::new(&manifest);
    setting.complete(&[]);
    let none = || (Value::Null, Value::Null);
    let five = (Value::from(5), Value::from(3));
    assert_eq!(limits(&setting, "train de"), [five.clone(), none()]);
    assert_eq!(limits(&setting, "train combined"), [five, none()]);

    // Other limits are other trainings; the base and its answers stay.
    setting.write_manifest(&manifest.replace("train_rows = 5", "train_rows = 4"));
    let to_run = setting.to_run();
    for name in ["train en", "train de", "train combined", "merge linear"] {
        assert!(to_run.iter().any(|n| n == name), "{name}: {to_run:?}");
    }
    let base = |n: &String| n.starts_with("pretrain") || n.contains(" base ");
    assert!(!to_run.iter().any(base), "{to_run:?}");
    let all = MANIFEST.replacen(SENTIMENT, &format!("{SENTIMENT}\ntrain_rows = 2"), 1);
    let recipe = all.replacen("max_steps = 4", "max_steps = 4\nrows = 3", 1);
    setting.write_manifest(&recipe);
    // The smaller of the task's and the recipe's bound holds.
    let (two, three) = (Value::from(2), Value::from(3));
    assert_eq!(
        limits(&setting, "train de"),
        [(two, Value::Null), (three, Value::Null)]
    );
}
