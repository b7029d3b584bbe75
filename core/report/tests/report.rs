//! Reports of small runs that were written by hand.

use mergelab_report::Report;
use std::{fmt::Write as _, fs, path::Path};

/// A run's folder that is written table by table.
struct Folder {
    place: tempfile::TempDir,
}

/// A model: name, role, method, density.
type Model<'a> = (&'a str, &'a str, &'a str, &'a str);

const MODELS: &[Model] = &[
    ("base", "base", "", ""),
    ("de", "expert", "", ""),
    ("ja", "expert", "", ""),
    ("combined", "combined", "", ""),
    ("ties density=0.2", "merge", "ties", "0.2"),
    ("ties density=0.5", "merge", "ties", "0.5"),
];

fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

impl Folder {
    /// A run with nothing but its record.
    fn bare(experiment: &str, models: &[Model]) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let models: Vec<serde_json::Value> = models
            .iter()
            .map(|(name, role, method, _)| {
                serde_json::json!({
                    "name": name, "role": role, "languages": [name], "key": "k",
                    "method": (!method.is_empty()).then_some(method),
                    "swept": if *role == "merge" { serde_json::json!({"density": 1}) } else { serde_json::json!({}) },
                })
            })
            .collect();
        let record = serde_json::json!({
            "experiment": experiment, "mergelab": "0.1.0", "manifest_blake3": "abc",
            "models": models,
        });
        let folder = Self { place };
        folder.file("run.json", &record.to_string());
        folder
    }

    /// A run with all tables: one task in German and Japanese.
    fn whole(experiment: &str, task: &str, models: &[Model]) -> Self {
        let folder = Self::bare(experiment, models);
        let languages = ["de", "ja", "all"];
        let mut results = String::from(
            "model,method,param_density,task,dataset,language,split,metric,measure,preset,\
             higher_is_better,n,value,ci_low,ci_high,ci_level\n",
        );
        let mut significance = String::from(
            "baseline,model,task,language,metric,measure,higher_is_better,n,model_value,difference,\
             ci_low,ci_high,ci_level,test,p_adjusted,correction,family_size,\
             minimum_detectable_effect,margin,within_margin,alpha,verdict,identical\n",
        );
        for (place, (model, _, method, density)) in models.iter().enumerate() {
            for (turn, language) in languages.iter().enumerate() {
                let value = 0.5 + 0.03 * (place as f64 - 3.0) + 0.01 * turn as f64;
                let (name, task) = (quoted(model), quoted(task));
                let _ = writeln!(
                    results,
                    "{name},{method},{density},{task},made,{language},test,accuracy,accuracy,\
                     accuracy/label,true,100,{value},{},{},0.95",
                    value - 0.05,
                    value + 0.05
                );
                if *model == "combined" {
                    continue;
                }
                let difference = 0.03 * (place as f64 - 3.0);
                let verdict = match place {
                    0 => "worse",
                    4 => "equivalent",
                    5 => "better",
                    _ => "inconclusive",
                };
                let _ = writeln!(
                    significance,
                    "combined,{name},{task},{language},accuracy,accuracy,true,100,{value},\
                     {difference},{},{},0.95,mcnemar_exact,0.04,holm,5,0.1,0.05,{},0.05,{verdict},false",
                    difference - 0.02,
                    difference + 0.02,
                    verdict == "equivalent"
                );
            }
        }
        folder.file("results.csv", &results);
        folder.file("significance.csv", &significance);
        folder.file(
            "costs.csv",
            "stage,name,wall_seconds,cpu_seconds,jobs\ntrain,de,10,9,1\ntrain,combined,30,29,1\n\
             merge,ties density=0.2,0.5,0.5,1\n",
        );
        folder.file(
            "savings.csv",
            "formula,method,language,workers,includes,unit,merged,combined,ratio,replicates\n\
             initial_sequential,ties,,1,training+merge,wall_seconds,21,30,0.7,1\n\
             update_language,ties,all,1,training+merge,wall_seconds,10.5,30,0.35,1\n",
        );
        folder.file(
            "vectors.csv",
            "scope,quantity,model,other,value,null_low,null_high\nmodel,cosine,de,ja,0.25,-0.01,0.01\n",
        );
        folder.file(
            "orthogonality.csv",
            &format!(
                "merge,method,expert,task,language,metric,measure,versus_expert,mean_cosine,\
                 mean_sign_conflict\nties density=0.2,ties,de,{0},de,accuracy,accuracy,-0.1,0.25,0.4\n\
                 ties density=0.2,ties,ja,{0},ja,accuracy,accuracy,0.02,0.25,0.4\n",
                quoted(task)
            ),
        );
        let mut rankings = String::from(
            "task,blocks,models,model,average_rank,friedman_p,cliques,critical_difference,\
             nemenyi_cliques,alpha,note\n",
        );
        // The last two are apart from the first, and the middle ones belong to both groups.
        for (place, (model, ..)) in models.iter().rev().enumerate() {
            let groups = match place {
                0 => "1",
                1..=3 => "1;2",
                _ => "2",
            };
            let (rank, name) = (place as f64 + 1.0, quoted(model));
            let _ = writeln!(rankings, "all,12,6,{name},{rank},0.01,{groups},2.2,1,0.05,");
        }
        folder.file("rankings.csv", &rankings);
        folder.file(
            "manifest.toml",
            "name = \"small\"\n# <script>alert(1)</script>\n",
        );
        folder
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.place.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }

    fn predictions(&self, name: &str, lines: &[(&str, &str, f64)]) {
        let text: String = lines
            .iter()
            .map(|(prompt, output, score)| {
                let line = serde_json::json!({
                    "id": format!("id-{prompt}"), "prompt": prompt, "output": output,
                    "reference": {"texts": ["right"]}, "scores": {"accuracy": {"accuracy": score}},
                });
                format!("{line}\n")
            })
            .collect();
        self.file(&format!("predictions/{name}.jsonl"), &text);
    }

    fn path(&self) -> &Path {
        self.place.path()
    }

    fn html(&self) -> String {
        Report::read(self.path()).expect("a run").html()
    }
}

/// Headings, figures with their marks, and folded parts, in order.
fn structure(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        let end = rest.find('>').unwrap_or(rest.len() - 1);
        let tag = &rest[1..end];
        let name = tag.split([' ', '.']).next().unwrap_or("");
        let inside = |close: &str| {
            let text = &rest[end + 1..];
            text[..text.find(close).unwrap_or(0)].to_owned()
        };
        match name {
            "h1" | "h2" | "h3" => {
                let _ = writeln!(out, "{name}: {}", inside("</"));
            }
            "summary" => {
                let _ = writeln!(out, "  fold: {}", inside("</"));
            }
            "figure" => {
                let body = inside("</svg>");
                let id = tag.split("id=\"").nth(1).and_then(|t| t.split('"').next());
                let id = id.unwrap_or("");
                // Marks for data have a text of their own.
                let marks = body.matches("<title>").count();
                let _ = writeln!(out, "figure {id}: {marks} marks");
            }
            "p" if tag.contains("missing") => {
                let _ = writeln!(out, "missing: {}", inside("</"));
            }
            _ => {}
        }
        rest = &rest[end + 1..];
    }
    out
}

/// The words of the summary.
fn summary(html: &str) -> String {
    let start = html.find("<section id=\"summary\">").expect("a summary");
    let section = &html[start..start + html[start..].find("</section>").expect("an end")];
    let mut out = String::new();
    for part in section.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or(("", part));
        match tag.split(' ').next().unwrap_or("") {
            "h3" => {
                let _ = writeln!(out, "# {text}");
            }
            "li" => {
                let _ = writeln!(out, "{text}");
            }
            _ => {}
        }
    }
    out
}

#[test]
fn a_whole_run_has_every_part() {
    let folder = Folder::whole("small", "topics", MODELS);
    folder.predictions("base.topics.de", &[("a", "x", 0.0), ("b", "y", 1.0)]);
    folder.predictions("combined.topics.de", &[("a", "z", 1.0), ("b", "y", 1.0)]);
    let html = folder.html();
    insta::assert_snapshot!("structure", structure(&html));
    insta::assert_snapshot!("summary", summary(&html));
    assert!(html.contains("All 2 examples."));
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let folder = Folder::whole("small", "topics", MODELS);
    let first = folder.path().join("first.html");
    let report = Report::read(folder.path()).expect("a run");
    report.write(&first).expect("writable");
    let again = Report::read(folder.path()).expect("a run");
    assert_eq!(fs::read_to_string(&first).expect("a file"), again.html());
    let [a, b] = ["a", "b"].map(|name| {
        let paths = report.plots(&folder.path().join(name)).expect("plots");
        let files = paths.iter().map(|p| fs::read(p).expect("a file"));
        files.collect::<Vec<_>>()
    });
    assert!(a.len() >= 14 && a == b, "{}", a.len());
    assert!(a.iter().any(|bytes| bytes.starts_with(b"\x89PNG")));
}

#[test]
fn nothing_is_fetched_and_nothing_foreign_runs() {
    let folder = Folder::whole("small", "topics", MODELS);
    folder.predictions("base.topics.de", &[("a", "x", 0.0)]);
    let html = folder.html();
    for foreign in [
        "http://", "https://", "@import", "url(", "<link", " src=", " style=", "onclick",
    ] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn hostile_names_stay_text() {
    let evil = "</title></script><script>alert(1)</script>\"'&<b>";
    let models: Vec<Model> = MODELS
        .iter()
        .copied()
        .chain([(evil, "merge", "ties", "0.9")])
        .collect();
    let folder = Folder::whole(evil, evil, &models);
    folder.predictions(
        "base.--title---script--script-alert-1---script-----b-.de",
        &[(evil, evil, 0.0)],
    );
    folder.file("manifest.toml", evil);
    let html = folder.html();
    assert!(!html.contains("<script>alert"));
    assert!(!html.contains("<b>"));
    // The page's own two scripts, and nothing else that begins or ends one.
    assert_eq!(
        html.matches("<script").count(),
        html.matches("</script").count()
    );
    assert!(html.matches("<script").count() <= 2);
    let plots = folder.path().join("plots");
    let paths = Report::read(folder.path())
        .expect("a run")
        .plots(&plots)
        .expect("plots");
    for path in paths {
        assert_eq!(path.parent(), Some(plots.as_path()));
        if path.extension().is_some_and(|e| e == "svg") {
            let svg = fs::read_to_string(&path).expect("text");
            assert!(
                !svg.contains("<script") && !svg.contains("<b>"),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn what_is_missing_is_left_out_and_said() {
    let bare = Folder::bare("bare", MODELS);
    insta::assert_snapshot!("bare", structure(&bare.html()));
    for table in [
        "significance.csv",
        "costs.csv",
        "savings.csv",
        "vectors.csv",
        "orthogonality.csv",
        "rankings.csv",
        "results.csv",
        "manifest.toml",
    ] {
        let folder = Folder::whole("small", "topics", MODELS);
        fs::remove_file(folder.path().join(table)).expect("a file");
        let html = folder.html();
        assert!(html.contains(table), "{table} is not named");
    }
    let nowhere = Report::read(&bare.path().join("no")).expect_err("no run");
    assert!(
        nowhere.to_string().contains("there is no run at"),
        "{nowhere}"
    );
}

#[test]
fn one_model_alone_has_a_report() {
    let folder = Folder::whole("one", "topics", &MODELS[3..4]);
    let html = folder.html();
    assert!(html.contains("Nothing was compared"));
    assert!(html.contains("values-topics"));
}

#[test]
fn numbers_that_are_none_are_left_out() {
    let folder = Folder::whole("nan", "topics", MODELS);
    for table in [
        "results.csv",
        "significance.csv",
        "costs.csv",
        "savings.csv",
        "vectors.csv",
    ] {
        let path = folder.path().join(table);
        let text = fs::read_to_string(&path).expect("a table");
        let broken: String = text
            .lines()
            .enumerate()
            .map(|(i, line)| match i {
                0 => format!("{line}\n"),
                i => {
                    let words = ["NaN", "inf", "", "-inf", "1e999"];
                    let fields = line.split(',').enumerate().map(|(j, field)| {
                        let number = field.parse::<f64>().is_ok() && (i + j) % 2 == 0;
                        if number {
                            words[(i + j) / 2 % 5]
                        } else {
                            field
                        }
                    });
                    format!("{}\n", fields.collect::<Vec<_>>().join(","))
                }
            })
            .collect();
        fs::write(path, broken).expect("writable");
    }
    let html = folder.html();
    for bad in ["NaN", "\"inf", ">inf", "-inf", "\u{2212}inf"] {
        assert!(!html.contains(bad), "{bad}");
    }
    Report::read(folder.path())
        .expect("a run")
        .plots(&folder.path().join("p"))
        .expect("plots");
}

#[test]
fn a_hundred_models_have_a_report() {
    let names: Vec<String> = (0..100)
        .map(|i| {
            format!(
                "a_merge_with_a_very_long_name_indeed density={:.2} lambda=0.5 seed=1",
                f64::from(i) / 100.0
            )
        })
        .collect();
    let densities: Vec<String> = (0..100)
        .map(|i| format!("{:.2}", f64::from(i) / 100.0))
        .collect();
    let mut models: Vec<Model> = MODELS[..4].to_vec();
    for (name, density) in names.iter().zip(&densities) {
        models.push((name, "merge", "long", density));
    }
    let folder = Folder::whole("many", "topics", &models);
    let html = folder.html();
    assert!(html.contains("shows the best 30 of 104 models"));
    assert!(html.len() < 3_000_000, "{}", html.len());
    // All are in the map of values.
    assert!(structure(&html).contains("figure values-topics: "));
    let last = names.last().expect("a name");
    assert!(html.contains(&format!("{last}, de: ")));
}

#[test]
fn examples_beyond_the_budget_are_counted() {
    let folder = Folder::whole("long", "topics", MODELS);
    let long = "语言模型".repeat(1_000);
    let prompts: Vec<String> = (0..1_500).map(|i| format!("{i} {long}")).collect();
    let lines: Vec<(&str, &str, f64)> = prompts.iter().map(|p| (p.as_str(), "x", 0.5)).collect();
    folder.predictions("base.topics.de", &lines);
    let html = folder.html();
    assert!(html.len() < 9_000_000, "{}", html.len());
    assert!(html.contains("1\u{202f}500 examples: the first "), "said");
}

#[test]
fn japanese_and_chinese_are_kept() {
    let models: Vec<Model> = MODELS
        .iter()
        .copied()
        .chain([("合成モデル 密度=0.9", "merge", "ties", "0.9")])
        .collect();
    let folder = Folder::whole("言語の統合", "要約", &models);
    folder.predictions("base.要約.ja", &[("町は静かでした。", "否定的", 0.0)]);
    let html = folder.html();
    for text in [
        "言語の統合",
        "合成モデル 密度=0.9",
        "町は静かでした。",
        "id=\"values-要約\"",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

/// The section of ranks.
fn ranks(html: &str) -> &str {
    let start = html.find("<section id=\"ranks\">").expect("a section");
    &html[start..start + html[start..].find("</section>").expect("an end")]
}

// The table is not what could be computed from the results, so what is shown can only come from it.
#[test]
fn ranks_are_those_of_the_table() {
    let folder = Folder::whole("small", "topics", MODELS);
    let html = folder.html();
    let section = ranks(&html);
    assert!(
        section.contains("12 pairs of task and language"),
        "{section}"
    );
    assert!(section.contains("CD = 2.20"), "{section}");
    let table = &section[section.find("<table").expect("a table")..];
    let cells: Vec<&str> = table
        .split("<t")
        .filter_map(|cell| cell.split_once('>')?.1.split("</t").next())
        .filter(|text| !text.trim().is_empty())
        .collect();
    let place = |text: &str| cells.iter().position(|cell| cell.contains(text));
    assert!(place("ties density=0.5") < place("base"), "{cells:?}");
    assert!(cells.contains(&"1, 2"), "{cells:?}");

    let note = "a ranking needs two models with values in two blocks";
    folder.file(
        "rankings.csv",
        &format!("task,blocks,model,average_rank,alpha,note\ntopics,1,base,,0.05,{note}\n"),
    );
    assert!(ranks(&folder.html()).contains(note));
    fs::remove_file(folder.path().join("rankings.csv")).expect("a file");
    let html = folder.html();
    assert!(ranks(&html).contains("the run has no rankings.csv"));
    assert!(!html.contains("CD = "));
}
