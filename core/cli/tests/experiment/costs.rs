//! What stages cost, and what merging saves.

use crate::setting::{MANIFEST, Setting, rows};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

type Rows = Vec<BTreeMap<String, String>>;

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    let text = &row[column];
    text.parse()
        .unwrap_or_else(|e| panic!("{column} is {text:?}: {e} in {row:?}"))
}

/// One column of the stages of a kind, by name.
fn stages(costs: &Rows, kind: &str, column: &str) -> BTreeMap<String, f64> {
    costs
        .iter()
        .filter(|row| row["stage"] == kind)
        .map(|row| (row["name"].clone(), number(row, column)))
        .collect()
}

#[test]
fn savings_add_up_to_what_the_stages_cost() {
    let setting = Setting::new(MANIFEST);
    let run = setting.complete(&[]);
    let out = setting.path("runs/small");
    let costs = rows(&out.join("costs.csv"));
    for row in &costs {
        assert_eq!(row["processes"], "1");
        let with_model =
            ["pretrain", "train", "merge", "generate"].contains(&row["stage"].as_str());
        assert_eq!(with_model, !row["flops"].is_empty(), "{row:?}");
        if ["pretrain", "train", "generate"].contains(&row["stage"].as_str()) {
            let speed = number(row, "tokens") / number(row, "wall_seconds");
            assert!((number(row, "tokens_per_second") - speed).abs() <= 1e-9 * speed);
            // At least two operations for each weight and token, of some 20,000 weights.
            assert!(number(row, "flops") > 2.0 * 20_000.0 * number(row, "tokens"));
        }
    }

    let savings = rows(&out.join("savings.csv"));
    let find = |formula: &str, method: &str, language: &str, includes: &str, unit: &str| {
        let mut found = savings.iter().filter(|row| {
            row["formula"] == formula
                && row["method"] == method
                && row["language"] == language
                && row["includes"] == includes
                && row["unit"] == unit
        });
        found.next().expect("a row")
    };
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a}, not {b}");
    for unit in ["wall_seconds", "cpu_seconds", "tokens", "flops"] {
        let trained = stages(&costs, "train", unit);
        let merged = stages(&costs, "merge", unit);
        let (de, en, combined) = (trained["de"], trained["en"], trained["combined"]);

        let row = find("initial_sequential", "linear", "", "training", unit);
        close(number(row, "merged"), de + en);
        close(number(row, "combined"), combined);
        close(number(row, "saving"), combined - de - en);
        close(number(row, "ratio"), (de + en) / combined);
        assert_eq!(row["ratio_low"], "");
        assert!(row["note"].contains("one replicate"), "{row:?}");

        let row = find("update_language", "linear", "de", "training+merge", unit);
        close(number(row, "merged"), de + merged["linear"]);
        // TIES was tried with two densities; one merge costs their mean.
        let row = find("add_language", "ties", "all", "training+merge", unit);
        let ties = (merged["ties density=0.5"] + merged["ties density=1.0"]) / 2.0;
        close(number(row, "merged"), (de + en) / 2.0 + ties);
        assert_eq!(row["candidates"], "2");
        // Two seeds are draws of one setting.
        let row = find("add_language", "dare_linear", "all", "training+merge", unit);
        assert_eq!(row["candidates"], "1");

        let evaluated = |model: &str| -> f64 {
            ["generate", "score"]
                .iter()
                .flat_map(|kind| stages(&costs, kind, "wall_seconds"))
                .filter(|(name, _)| name.starts_with(&format!("{model} · ")))
                .map(|(_, seconds)| seconds)
                .sum()
        };
        if unit == "wall_seconds" {
            let whole = "training+merge+evaluation";
            let row = find("update_language", "linear", "de", whole, unit);
            close(
                number(row, "merged"),
                de + merged["linear"] + evaluated("linear"),
            );
            close(number(row, "combined"), combined + evaluated("combined"));
            let whole = "training+merge+evaluation+search";
            let row = find("update_language", "ties", "en", whole, unit);
            let all =
                ["ties density=0.5", "ties density=1.0"].map(|name| merged[name] + evaluated(name));
            close(number(row, "merged"), en + all[0] + all[1]);
        }
    }
    let parallel: Vec<_> = savings
        .iter()
        .filter(|row| row["formula"] == "initial_parallel_lpt" && row["method"] == "linear")
        .filter(|row| row["includes"] == "training")
        .collect();
    let trained = stages(&costs, "train", "wall_seconds");
    assert_eq!(parallel.len(), 2);
    close(number(parallel[0], "merged"), trained["de"] + trained["en"]);
    close(
        number(parallel[1], "merged"),
        trained["de"].max(trained["en"]),
    );

    let summary = fs::read_to_string(out.join("summary.md")).expect("a summary");
    assert!(summary.contains("**Cost**, wall time"), "{summary}");
    assert!(run.stdout.contains("Cost, wall time"), "{}", run.stdout);

    // Later runs take stages from the store, and say the same about work.
    setting.complete(&["--out", "again"]);
    let again = rows(&setting.path("again/savings.csv"));
    assert_eq!(savings, again);
}

#[cfg(target_os = "linux")]
#[test]
fn a_training_that_was_killed_counts_all_its_processes() {
    // Long enough to be killed after its account was written, which happens four times a second.
    let manifest = MANIFEST.replace(
        "recipe = \"short\"\n\n[recipes.short]",
        "recipe = \"long\"\n\n[recipes.short]",
    ) + "\n[recipes.long]\nepochs = 1000000\nmax_steps = 120\nbatch_size = 4\n\
           learning_rate = 1e-3\n";
    let setting = Setting::new(&manifest);
    let partial = setting.path("runs/store/partial");
    let mut child = setting.start();
    // The account of the pretraining, with a fifth of a second on it.
    let account = || -> Option<(PathBuf, f64)> {
        let folders = fs::read_dir(&partial).ok()?.flatten();
        let files = folders.flat_map(|f| fs::read_dir(f.path()).into_iter().flatten().flatten());
        files
            .filter(|file| file.path().extension().is_some_and(|e| e == "json"))
            .filter(|file| file.path().to_string_lossy().contains(".accounts"))
            .find_map(|file| {
                let text = fs::read(file.path()).ok()?;
                let spent: serde_json::Value = serde_json::from_slice(&text).ok()?;
                let seconds = spent["wall_seconds"].as_f64()?;
                (seconds > 0.2).then(|| (file.path(), seconds))
            })
    };
    let patience = Instant::now() + Duration::from_secs(300);
    let (file, spent) = loop {
        if let Some(found) = account() {
            break found;
        }
        assert!(Instant::now() < patience, "no account was written");
        assert!(child.try_wait().expect("a child").is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(5));
    };
    let name = file
        .file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let stage = name.rsplit_once('-').expect("start and process").1;
    child.kill().expect("a child");
    let killed = Command::new("kill").args(["-9", stage]).status();
    assert!(killed.expect("kill is there").success());
    child.wait().expect("a child");

    setting.complete(&[]);
    let costs = rows(&setting.path("runs/small/costs.csv"));
    let base = costs
        .iter()
        .find(|row| row["stage"] == "pretrain")
        .expect("a row");
    assert_eq!(base["processes"], "2");
    let folder = setting.path("runs/store/pretrain").join(&base["key"]);
    let report = fs::read(folder.join("training.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
    let last = report["seconds"].as_f64().expect("seconds");
    let wall = number(base, "wall_seconds");
    assert!(wall >= spent + last, "{wall} is less than {spent} + {last}");
    assert!(number(base, "cpu_seconds") > 0.0);
    assert!(
        costs
            .iter()
            .filter(|row| row["stage"] != "pretrain")
            .all(|row| row["processes"] == "1")
    );
    let left = fs::read_dir(&partial).expect("a folder").count();
    assert_eq!(left, 0, "accounts of finished stages are removed");
}
