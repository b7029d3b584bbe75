use super::*;
use mergelab_sdk::{Value, params::Choice};

mergelab_sdk::conformance!(super::Rouge);

fn context(language: &str) -> MetricContext {
    MetricContext {
        language: language.to_owned(),
        labels: Vec::new(),
    }
}

fn score(preset: Preset, output: &str, references: &[&str]) -> Vec<f64> {
    let case = Case {
        prediction: Prediction {
            output: output.to_owned(),
            ..Prediction::default()
        },
        reference: Reference {
            texts: references.iter().map(|r| (*r).to_owned()).collect(),
            label: None,
        },
    };
    Rouge { preset }
        .score(&case, &context("en"))
        .expect("a score")
}

struct Golden {
    references: Vec<String>,
    output: String,
    expected: [Vec<f64>; 2],
}

fn golden() -> Vec<Golden> {
    let golden: Value = include_str!("../../../../tests/golden/metrics/rouge.json")
        .parse()
        .expect("JSON");
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list");
        list.iter()
            .map(|v| v.as_str().expect("a text").to_owned())
            .collect()
    };
    assert_eq!(texts(&golden["measures"]), MEASURES);
    let cases = golden["cases"].as_array().expect("cases");
    assert!(cases.len() >= 100);
    cases
        .iter()
        .map(|case| Golden {
            references: texts(&case["references"]),
            output: case["output"].as_str().expect("a text").to_owned(),
            expected: ["google", "google+porter"].map(|preset| {
                let values = case[preset].as_array().expect("a list");
                values
                    .iter()
                    .map(|v| v.as_f64().expect("a number"))
                    .collect()
            }),
        })
        .collect()
}

/// The same bits as the Python package, so no tolerance.
#[test]
fn google_presets_equal_rouge_score() {
    for case in golden() {
        let references: Vec<&str> = case.references.iter().map(String::as_str).collect();
        for (preset, expected) in [Preset::Google, Preset::GooglePorter]
            .into_iter()
            .zip(&case.expected)
        {
            let found = score(preset, &case.output, &references);
            assert_eq!(
                &found, expected,
                "{preset:?}: {:?} for {references:?}",
                case.output
            );
        }
    }
}

/// The same words and the same bits as XL-Sum's package.
#[test]
fn the_xlsum_preset_equals_its_package() {
    let golden: Value = include_str!("../../../../tests/golden/metrics/rouge_xlsum.json")
        .parse()
        .expect("JSON");
    let cases = golden["cases"].as_array().expect("cases");
    assert!(cases.len() >= 200);
    for golden in cases {
        let text = |key: &str| golden[key].as_str().expect("a text");
        let list = |key: &str| golden[key].as_array().expect("a list").iter();
        let words = xlsum::Segmenter::of(text("language")).map(|s| s.words(text("reference")));
        let wanted = list("words").map(|w| w.as_str().expect("a word").to_owned());
        assert_eq!(words, Ok(wanted.collect()), "{golden}");
        let case = Case {
            prediction: Prediction {
                output: text("output").to_owned(),
                ..Prediction::default()
            },
            reference: Reference {
                texts: vec![text("reference").to_owned()],
                label: None,
            },
        };
        let metric = Rouge {
            preset: Preset::Xlsum,
        };
        let found = metric.score(&case, &context(text("language")));
        let wanted = list("expected").map(|v| v.as_f64().expect("a number"));
        assert_eq!(found, Ok(wanted.collect()), "{golden}");
    }
}

#[test]
fn the_xlsum_preset_is_refused_where_it_cannot_be_exact() {
    let metric = Rouge {
        preset: Preset::Xlsum,
    };
    for (language, why) in [("ja", "MeCab"), ("th-TH", "PyThaiNLP"), ("de", "stems")] {
        let message = metric
            .check(&context(language))
            .expect_err("refused")
            .to_string();
        assert!(
            message.contains(why) && message.contains("\"icu\""),
            "{message}"
        );
    }
    assert_eq!(metric.check(&context("zh-Hant")), Ok(()));
    let other = Rouge {
        preset: Preset::Icu,
    };
    assert_eq!(other.check(&context("ja")), Ok(()));
}

#[test]
fn presets_are_named_in_results() {
    let names: Vec<String> = Preset::VARIANTS
        .iter()
        .map(|(_, preset)| {
            let measures = Rouge { preset: *preset }.measures(&context("ja"));
            assert!(measures.iter().all(|m| m.preset == measures[0].preset));
            measures[0].preset.clone()
        })
        .collect();
    assert_eq!(
        names,
        [
            "rouge/icu-ja@icu4x-2.3.0",
            "rouge/google@0.1.2",
            "rouge/google+porter@0.1.2",
            "rouge/icu-ja@icu4x-2.3.0",
            "rouge/char@unicode-17.0",
            "rouge/xlsum-ja@afcd803",
        ]
    );
}

/// Paraphrases of one another, and a sentence on another subject.
const PARAPHRASES: [[&str; 3]; 4] = [
    [
        "市場は火事のため閉まりました。",
        "火事で市場が閉まる。",
        "先生が新しい本を読む。",
    ],
    [
        "列車は大雪で運休しています。",
        "大雪のため列車は運休です。",
        "彼女はピアノを習う。",
    ],
    [
        "博物馆因火灾关闭。",
        "火灾让博物馆关闭了。",
        "老师读一本新书。",
    ],
    ["大雪导致列车停运。", "列车因为大雪停运了。", "她在学钢琴。"],
];

#[test]
fn japanese_and_chinese_get_scores_where_google_has_none() {
    for [reference, paraphrase, other] in PARAPHRASES {
        assert_eq!(score(Preset::Google, paraphrase, &[reference]), [0.0; 4]);
        // The tokenizer of Google's package drops both texts whole: not even a copy scores.
        assert_eq!(score(Preset::Google, reference, &[reference]), [0.0; 4]);
        for preset in [Preset::Icu, Preset::Char] {
            let near = score(preset, paraphrase, &[reference]);
            let far = score(preset, other, &[reference]);
            let same = score(preset, reference, &[reference]);
            assert_eq!(same, [1.0; 4], "{preset:?} {reference}");
            assert!(near[0] > 0.25 && near[0] < 1.0, "{preset:?}: {near:?}");
            // ROUGE-1, ROUGE-L and ROUGE-Lsum; short paraphrases may share no pair of words.
            for i in [0, 2, 3] {
                assert!(
                    near[i] > far[i],
                    "{preset:?} {paraphrase}: {near:?}, {other}: {far:?}"
                );
            }
        }
    }
}

/// Chinese and Japanese sentences are found without line breaks.
#[test]
fn the_order_of_sentences_counts_for_l_and_not_for_lsum() {
    for [first, second] in [
        ["雨が降った。", "試合は中止だ！"],
        ["下雨了。", "比赛取消了！"],
        ["It rained. ", "The match is off! "],
    ] {
        for preset in [Preset::Icu, Preset::Char] {
            let there = format!("{first}{second}");
            let back = format!("{second}{first}");
            let [_, _, l, lsum] = score(preset, &back, &[&there])[..] else {
                panic!("four measures")
            };
            assert!(l < 1.0, "{preset:?} {there}");
            assert_eq!(lsum, 1.0, "{preset:?} {there}");
        }
    }
}

#[test]
fn icu_and_google_agree_on_plain_english() {
    for (output, reference) in [
        ("the cat sat on a mat", "a cat is on the mat"),
        ("It's late, isn't it?", "isn't it late"),
        ("First the rain\nthen the sun", "the sun\nfirst the rain"),
    ] {
        assert_eq!(
            score(Preset::Icu, output, &[reference]),
            score(Preset::Google, output, &[reference])
        );
    }
}

#[test]
fn scores_are_symmetric_and_within_bounds() {
    for case in golden() {
        let (output, reference) = (case.output.as_str(), case.references[0].as_str());
        // English is not among the languages of `xlsum`.
        let presets = Preset::VARIANTS.iter().map(|(_, preset)| preset);
        for preset in presets.filter(|p| **p != Preset::Xlsum) {
            let there = score(*preset, output, &[reference]);
            let back = score(*preset, reference, &[output]);
            assert!(there.iter().all(|v| (0.0..=1.0).contains(v)));
            // ROUGE-Lsum takes unions over the reference's sentences, so it has sides. F of
            // exchanged precision and recall differs by rounding.
            for i in 0..3 {
                assert!((there[i] - back[i]).abs() < 1e-15, "{preset:?} {output:?}");
            }
        }
    }
}

#[test]
fn the_best_reference_counts_for_each_measure() {
    let references = ["a b c d", "a c b"];
    let best = score(Preset::Icu, "a b c", &references);
    let each = references.map(|r| score(Preset::Icu, "a b c", &[r]));
    for i in 0..4 {
        assert_eq!(best[i], each[0][i].max(each[1][i]));
    }
    assert!(each[1][0] > each[0][0] && each[0][1] > each[1][1]);
}

#[test]
fn a_case_without_reference_is_an_error() {
    let case = Case {
        prediction: Prediction::default(),
        reference: Reference::default(),
    };
    let metric = Rouge {
        preset: Preset::Auto,
    };
    assert!(metric.score(&case, &context("en")).is_err());
}
