//! The examples.

use crate::{examples::Examples, plot::number::count};
use maud::{Markup, PreEscaped, html};

pub(super) fn section(examples: &Examples) -> Markup {
    if examples.is_empty() {
        return html! {
            section id="examples" {
                h2 { "Examples" }
                p.missing { "No examples: the run's folder has no predictions that can be read." }
            }
        };
    }
    let (shown, all) = examples.counts();
    html! {
        section id="examples" {
            h2 { "Examples" }
            p { (what(examples, shown, all)) }
            noscript {
                p.missing { "The browser of examples needs scripts; the folder predictions has the same." }
            }
            p.paper { "The browser of examples is left out on paper." }
            div #browser .browser hidden {
                form.filters aria-label="Which examples" {
                    label { "Task" select name="task" {} }
                    label { "Language" select name="language" {} }
                    label { "Model" select name="a" {} }
                    label { "beside" select name="b" {} }
                    label { "Show" select name="show" {
                        option value="all" { "all examples" }
                        option value="differ" { "where both answer differently" }
                        option value="a" { "where the first scores higher" }
                        option value="b" { "where the second scores higher" }
                    } }
                    label { "Text" input type="search" name="text" placeholder="in prompt or answers"; }
                }
                p.found role="status" aria-live="polite" {}
                ol.examples {}
                button.next type="button" { "Show more" }
            }
            script type="application/json" id="example-data" { (PreEscaped(data(examples))) }
        }
    }
}

/// What is shown, and what is left out.
fn what(examples: &Examples, shown: usize, all: usize) -> String {
    let mut text = match shown == all {
        true => format!("All {} examples.", count(all as u64)),
        false => {
            let most = examples.cells.iter().map(|c| c.examples.len()).max();
            format!(
                "{} of {} examples: the first {} of each task and language, so that the page stays \
                 small. The folder predictions has all.",
                count(shown as u64),
                count(all as u64),
                most.unwrap_or(0)
            )
        }
    };
    if examples.replicated {
        text.push_str(" Of a model with several seeds the first one's answers are shown.");
    }
    if examples.cut > 0 {
        text.push_str(&format!(
            " {} long texts are cut, with […] at their end.",
            examples.cut
        ));
    }
    text.push_str(
        " A score is the example's own; where the measure is made of counts it is 1 for the right label \
         and 0 for a wrong one.",
    );
    text
}

/// JSON that cannot end the element it lies in.
fn data(examples: &Examples) -> String {
    let text = serde_json::to_string(examples).unwrap_or_else(|_| "{}".to_owned());
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn data_stays_in_its_element_and_reads_back() {
        let text = "</script><!--\u{2028}&";
        let mut examples = Examples::default();
        examples.models.push(text.to_owned());
        let data = data(&examples);
        assert!(!data.contains('<') && !data.contains('\u{2028}'), "{data}");
        let read: Value = serde_json::from_str(&data).expect("JSON");
        assert_eq!(read["models"], json!([text]));
    }
}
