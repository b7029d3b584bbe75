//! The report of a run.

use crate::setting::{MANIFEST, Setting, bytes};
use std::fs;

#[test]
fn a_run_leaves_its_report_and_figures_follow_on_request() {
    let setting = Setting::new(MANIFEST);
    let run = setting.complete(&[]);
    let out = setting.path("runs/small");
    let page = out.join("report.html");
    assert!(
        run.stdout.contains("Report: runs/small/report.html"),
        "{}",
        run.stdout
    );
    let html = fs::read_to_string(&page).expect("a report");
    // Every part that this experiment has something for, examples from the predictions too.
    for part in [
        "id=\"values-sentiment\"",
        "id=\"difference-sentiment-from-combined\"",
        "id=\"over-density\"",
        "id=\"ranks\"",
        "id=\"cosines\"",
        "id=\"orthogonality\"",
        "id=\"savings\"",
        "id=\"costs\"",
        "id=\"example-data\"",
        "each model was trained once",
    ] {
        assert!(html.contains(part), "{part}");
    }
    // 9 examples of sentiment and 6 of summarization in each of two languages.
    assert!(html.contains("All 30 examples."));

    let again = setting.run(&["report", "runs/small", "--plots", "figures"]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""));
    assert_eq!(fs::read_to_string(&page).expect("a report"), html);
    for name in ["values-sentiment", "ranks", "orthogonality"] {
        let png = bytes(&setting.path(&format!("figures/{name}.png")));
        assert!(png.starts_with(b"\x89PNG"));
        assert!(setting.path(&format!("figures/{name}.svg")).is_file());
    }
    let same = bytes(&setting.path("figures/orthogonality.svg"));
    assert_eq!(same, bytes(&out.join("orthogonality.svg")));
}

#[test]
fn a_folder_without_a_run_is_refused() {
    let setting = Setting::new(MANIFEST);
    let run = setting.run(&["report", "data"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("there is no run at data"),
        "{}",
        run.stderr
    );
}
