//! The book in `docs/`: every page is in its summary, and every link of a page leads somewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// All Markdown files in a folder and its folders.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text without fenced blocks and code spans, in which brackets are no links.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let outside = line.split('`').step_by(2);
            prose.push_str(&outside.collect::<Vec<_>>().join("code"));
            prose.push('\n');
        }
    }
    prose
}

/// Targets of the links.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// Names of the headings, as mdBook and GitHub make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let heading = line.trim_start_matches('#');
        if fenced || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let slug: String = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let count = known.entry(slug.clone()).or_default();
        all.insert(match *count {
            0 => slug,
            n => format!("{slug}-{n}"),
        });
        *count += 1;
    }
    all
}

#[test]
fn every_page_is_in_the_summary_once() {
    let docs = mergelab_tests::workspace_root().join("docs");
    let summary = docs.join("SUMMARY.md");
    let text = fs::read_to_string(&summary).expect("a summary");
    let listed: Vec<PathBuf> = links(&text).iter().map(|link| docs.join(link)).collect();
    let once: BTreeSet<&PathBuf> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice");
    let pages = pages(&docs);
    let there: BTreeSet<&PathBuf> = pages.iter().filter(|page| **page != summary).collect();
    let unlisted: Vec<_> = there.difference(&once).collect();
    assert!(unlisted.is_empty(), "not in docs/SUMMARY.md: {unlisted:?}");
    let missing: Vec<_> = once.difference(&there).collect();
    assert!(
        missing.is_empty(),
        "in docs/SUMMARY.md and not there: {missing:?}"
    );
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let root = mergelab_tests::workspace_root();
    let mut files = pages(&root.join("docs"));
    for folder in ["experiments", "plugins", "datasets"] {
        files.extend(pages(&root.join(folder)));
    }
    files.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root.join(name)));
    let mut broken = Vec::new();
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a page");
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (path, anchor) = match link.split_once('#') {
                Some((path, anchor)) => (path, Some(anchor)),
                None => (link.as_str(), None),
            };
            let target = match path {
                "" => file.clone(),
                path => file.parent().expect("in a folder").join(path),
            };
            let place = || format!("{} -> {link}", file.display());
            if !target.exists() {
                broken.push(place());
            } else if let Some(anchor) = anchor {
                let text = fs::read_to_string(&target).unwrap_or_default();
                if !anchors(&text).contains(anchor) {
                    broken.push(place());
                }
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
    assert!(seen > 100, "only {seen} links were found");
}

#[test]
fn links_and_headings_are_found() {
    let text = "# The `x` table\n\nSee [a](b.md#c) and `[no](link)`.\n\n```\n[no](block)\n# no\n```\n## A.b, [[c]]\n## A.b, [[c]]\n";
    assert_eq!(links(text), ["b.md#c"]);
    let anchors: Vec<String> = anchors(text).into_iter().collect();
    assert_eq!(anchors, ["ab-c", "ab-c-1", "the-x-table"]);
}
