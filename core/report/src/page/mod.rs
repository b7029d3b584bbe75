//! The page: one HTML file with everything in it.
//!
//! | module | what it is |
//! |---|---|
//! | `figures` | sections with figures and the tables behind them |
//! | `browser` | the examples |
//! | `provenance` | models, recipes, plugins, settings, the manifest |
//! | `style.css`, `browser.js` | what is put into the page |

mod browser;
mod figures;
mod provenance;

use crate::{
    examples::Examples,
    figure::Section,
    plot::{
        number::count,
        palette::{self, Schemes},
    },
    run::{ALL, Run},
    words::Paragraphs,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("browser.js");

/// The whole page.
pub(crate) fn page(
    run: &Run,
    summary: &[Paragraphs],
    sections: &[Section],
    examples: &Examples,
) -> String {
    let name = &run.record.experiment;
    let style = format!("{STYLE}{}", palette::style("figure ", Schemes::Both));
    let script = (!examples.is_empty()).then_some(SCRIPT);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(&style, script));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "mergelab " (run.record.mergelab) };
                title { (name) " – mergelab report" }
                style { (PreEscaped(&style)) }
            }
            body {
                a.skip href="#summary" { "Skip to the summary" }
                header {
                    h1 { (name) }
                    p.facts { (facts(run)) }
                    nav aria-label="Sections" { (contents(sections, examples)) }
                }
                main {
                    (words(summary))
                    @for section in sections {
                        (figures::section(section))
                    }
                    (browser::section(examples))
                    (provenance::section(run))
                }
                footer {
                    p {
                        "Made by mergelab " (run.record.mergelab) " from the tables of the run. They have \
                         all numbers: results.csv, significance.csv and the others beside this file."
                    }
                }
                @if let Some(script) = script {
                    script { (PreEscaped(script)) }
                }
            }
        }
    }
    .into_string()
        + "\n"
}

/// Nothing is fetched, and only this style sheet and this script run.
fn policy(style: &str, script: Option<&str>) -> String {
    let hash = |text: &str| {
        let digest = Sha256::digest(text.as_bytes());
        format!("'sha256-{}'", BASE64_STANDARD.encode(digest))
    };
    let script = script.map_or("'none'".to_owned(), hash);
    format!(
        "default-src 'none'; style-src {}; script-src {script}; base-uri 'none'; form-action 'none'",
        hash(style)
    )
}

/// What the run is, in a line.
fn facts(run: &Run) -> Markup {
    let tasks = run.tasks();
    let languages: std::collections::BTreeSet<&str> = tasks
        .iter()
        .flat_map(|task| run.languages(task))
        .filter(|language| *language != ALL)
        .collect();
    let number = |n: usize, one: &str, many: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{} {many}", count(n as u64)),
    };
    let role = |role: &str| run.shown().filter(|m| m.is(role)).count();
    let seeds = run.shown().map(|m| m.replicates.len()).max().unwrap_or(0);
    let mut facts = vec![
        number(role("merge"), "merge", "merges"),
        number(role("expert"), "expert", "experts"),
        number(tasks.len(), "task", "tasks"),
        number(languages.len(), "language", "languages"),
    ];
    if seeds > 0 {
        facts.push(format!("{seeds} seeds"));
    }
    if let Some(baseline) = run.baseline() {
        facts.push(format!("compared with {baseline}"));
    }
    html! { (facts.join(" · ")) }
}

fn contents(sections: &[Section], examples: &Examples) -> Markup {
    html! {
        ul {
            li { a href="#summary" { "Summary" } }
            @for section in sections {
                @if section.missing.is_none() {
                    li { a href={ "#" (section.id) } { (section.title) } }
                }
            }
            @if !examples.is_empty() {
                li { a href="#examples" { "Examples" } }
            }
            li { a href="#provenance" { "Provenance" } }
        }
    }
}

fn words(summary: &[Paragraphs]) -> Markup {
    html! {
        section id="summary" {
            h2 { "Summary" }
            @for part in summary {
                h3 { (part.heading) }
                ul {
                    @for line in &part.lines {
                        li { (line) }
                    }
                }
            }
        }
    }
}
