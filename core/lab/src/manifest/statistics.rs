//! `[statistics]`: how models are compared.

use super::{ManifestError, Span, reader::Reader};
use crate::compare::{Choice, Correction, FamilyKey, Fits, IntervalChoice, Settings, TestChoice};
use mergelab_abi::suggest::hint;
use std::collections::BTreeMap;

const CORRECTIONS: [Correction; 5] = [
    Correction::Holm,
    Correction::Bh,
    Correction::By,
    Correction::MaxT,
    Correction::None,
];

/// Where `[statistics]` names what only a plan knows.
#[derive(Debug, Clone, Default)]
pub struct StatisticsSpans {
    /// The baselines, in the order of the settings.
    pub baselines: Vec<Span>,
    /// Measures and metrics with a margin, by name: of equivalence, then of non-inferiority.
    pub margins: Vec<(String, Span)>,
    /// The key `dominance`.
    pub dominance: Span,
    /// The `[[statistics.tests]]`, in the order of the settings.
    pub tests: Vec<ChoiceSpans>,
}

/// Where one of `[[statistics.tests]]` says what it says; the entry itself where it does not.
#[derive(Debug, Clone)]
pub struct ChoiceSpans {
    /// The name of a measure or metric.
    pub measure: Span,
    /// The test.
    pub test: Span,
    /// The interval.
    pub interval: Span,
}

/// Reads the table, and says where it names what. `tasks` are the tasks of the manifest.
pub(super) fn statistics(
    root: &Reader<'_>,
    seed: u64,
    tasks: &[String],
) -> Result<(Settings, StatisticsSpans), ManifestError> {
    let mut settings = Settings {
        seed,
        ..Settings::default()
    };
    let mut spans = StatisticsSpans::default();
    let Some(reader) = root.table("statistics")? else {
        return Ok((settings, spans));
    };
    if let Some(alpha) = reader.number("alpha")? {
        if !(alpha.value > 0.0 && alpha.value < 1.0) {
            return Err(reader.error(alpha.span, "`alpha` is a probability between 0 and 1."));
        }
        settings.alpha = alpha.value;
        settings.level = 1.0 - alpha.value;
    }
    if let Some(resamples) = reader.whole("resamples")? {
        if resamples < 100 {
            return Err(reader.error(
                reader.span_of("resamples"),
                "`resamples` below 100 give no usable p-value: 10000 is the default.",
            ));
        }
        settings.resamples = resamples as usize;
    }
    if let Some(seed) = reader.whole("seed")? {
        settings.seed = seed;
    }
    if let Some(correction) = reader.text("correction")? {
        let found = CORRECTIONS.iter().find(|c| c.name() == correction.value);
        settings.correction = *found.ok_or_else(|| {
            reader.error(
                correction.span,
                format!(
                    "`correction` = \"{}\" is not one of {}.",
                    correction.value,
                    CORRECTIONS.map(Correction::name).join(", ")
                ),
            )
        })?;
    }
    settings.family = family(&reader)?;
    for baseline in reader.texts("baselines")?.unwrap_or_default() {
        settings.baselines.push(baseline.value);
        spans.baselines.push(baseline.span);
    }
    settings.margins = margins(&reader, "margin", &mut spans.margins)?;
    settings.non_inferiority = margins(&reader, "non_inferiority", &mut spans.margins)?;
    if let Some(dominance) = reader.flag("dominance")? {
        settings.dominance = dominance;
        spans.dominance = reader.span_of("dominance");
    }
    for table in reader.tables("tests")? {
        let choice = choice(&table, tasks)?;
        let place = |c: &Choice| (c.task.clone(), c.measure.clone());
        if settings
            .tests
            .iter()
            .any(|known| place(known) == place(&choice))
        {
            return Err(table.error(
                table.span(),
                "there are two [[statistics.tests]] for one task and measure: make them one.",
            ));
        }
        settings.tests.push(choice);
        spans.tests.push(ChoiceSpans {
            measure: table.span_of("measure"),
            test: table.span_of("test"),
            interval: table.span_of("interval"),
        });
    }
    // What is left are settings that do not go together.
    settings
        .check()
        .map_err(|e| reader.error(reader.span_of("correction"), format!("{e}.")))?;
    reader.finish()?;
    Ok((settings, spans))
}

fn family(reader: &Reader<'_>) -> Result<Option<Vec<FamilyKey>>, ManifestError> {
    let Some(words) = reader.texts("family")? else {
        return Ok(None);
    };
    let mut keys = Vec::with_capacity(words.len());
    for word in words {
        let found = FamilyKey::ALL.iter().find(|key| key.name() == word.value);
        keys.push(*found.ok_or_else(|| {
            let known = FamilyKey::ALL.map(FamilyKey::name);
            let hint = hint(&word.value, known.iter().copied());
            let message = format!("families do not differ by `{}`.{hint}", word.value);
            reader.error(word.span, message)
        })?);
    }
    Ok(Some(keys))
}

fn margins(
    reader: &Reader<'_>,
    key: &str,
    spans: &mut Vec<(String, Span)>,
) -> Result<BTreeMap<String, f64>, ManifestError> {
    let mut found = BTreeMap::new();
    if let Some(margins) = reader.table(key)? {
        for key in margins.keys() {
            if let Some(margin) = margins.number(&key.value)? {
                if !(margin.value > 0.0 && margin.value.is_finite()) {
                    return Err(margins.error(margin.span, "a margin is a number above 0."));
                }
                spans.push((key.value.clone(), key.span));
                found.insert(key.value, margin.value);
            }
        }
        margins.finish()?;
    }
    Ok(found)
}

fn choice(reader: &Reader<'_>, tasks: &[String]) -> Result<Choice, ManifestError> {
    let task = reader.text("task")?;
    if let Some(task) = task.as_ref().filter(|task| !tasks.contains(&task.value)) {
        let hint = hint(&task.value, tasks.iter().map(String::as_str));
        let message = format!("there is no task `{}`.{hint}", task.value);
        return Err(reader.error(task.span.clone(), message));
    }
    let choice = Choice {
        task: task.map(|task| task.value),
        measure: reader.text("measure")?.map(|measure| measure.value),
        test: word::<TestChoice>(reader, "test")?,
        interval: word::<IntervalChoice>(reader, "interval")?,
    };
    if choice.test.is_none() && choice.interval.is_none() {
        return Err(reader.error(
            reader.span(),
            "nothing is chosen here: give a `test`, an `interval` or both.",
        ));
    }
    reader.finish()?;
    Ok(choice)
}

fn word<T: Fits>(reader: &Reader<'_>, key: &str) -> Result<Option<T>, ManifestError> {
    let Some(word) = reader.text(key)? else {
        return Ok(None);
    };
    match T::find(&word.value) {
        Some(found) => Ok(Some(found)),
        None => {
            let known = T::ALL.iter().map(|choice| choice.name());
            let hint = hint(&word.value, known);
            let message = format!("there is no {key} `{}`.{hint}", word.value);
            Err(reader.error(word.span, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::source::read_toml;

    fn read(text: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("experiment.toml");
        std::fs::write(&path, text).unwrap();
        let tasks = ["topics".to_owned(), "summaries".to_owned()];
        read_toml(&path, |root| Ok(statistics(root, 7, &tasks)?.0)).map_err(|e| e.message)
    }

    #[test]
    fn everything_that_can_be_declared() {
        let settings = read(
            "[statistics]\ncorrection = \"max_t\"\nbaselines = [\"joint\"]\n\
             [statistics.margin]\naccuracy = 0.02\n\
             [statistics.non_inferiority]\nrouge1 = 0.01\n\
             [[statistics.tests]]\ntask = \"topics\"\ninterval = \"bca\"\n\
             [[statistics.tests]]\nmeasure = \"rouge1\"\ntest = \"sign_flip\"\n",
        )
        .unwrap();
        assert_eq!(settings.correction, Correction::MaxT);
        assert_eq!(settings.seed, 7);
        assert_eq!(settings.margins["accuracy"], 0.02);
        assert_eq!(settings.non_inferiority["rouge1"], 0.01);
        assert_eq!(settings.tests.len(), 2);
        assert_eq!(settings.tests[0].interval, Some(IntervalChoice::Bca));
        assert_eq!(settings.tests[1].test, Some(TestChoice::SignFlip));
        let family = read("[statistics]\nfamily = [\"baseline\", \"task\"]\n").unwrap();
        assert_eq!(
            family.family,
            Some(vec![FamilyKey::Baseline, FamilyKey::Task])
        );
        assert_eq!(read("").unwrap().tests, []);
    }

    #[test]
    fn what_is_wrong_says_what_is_right() {
        let test = |lines: &str| read(&format!("[[statistics.tests]]\n{lines}\n")).unwrap_err();
        let hint = test("test = \"wilcoxn\"");
        assert!(hint.contains("Did you mean `wilcoxon`?"), "{hint}");
        let hint = test("interval = \"BCa\"");
        assert!(hint.contains("`bca`"), "{hint}");
        let hint = test("task = \"topic\"\ntest = \"wilcoxon\"");
        assert!(hint.contains("Did you mean `topics`?"), "{hint}");
        assert!(test("task = \"topics\"").contains("nothing is chosen"));
        let twice = "test = \"bootstrap\"\n[[statistics.tests]]\ninterval = \"bca\"";
        assert!(test(twice).contains("two [[statistics.tests]]"));
        let family = read("[statistics]\nfamily = [\"languages\"]\n").unwrap_err();
        assert!(family.contains("Did you mean `language`?"), "{family}");
        let correction = read("[statistics]\ncorrection = \"bonferroni\"\n").unwrap_err();
        assert!(
            correction.contains("holm, bh, by, max_t, none"),
            "{correction}"
        );
        let max_t = "[statistics]\ncorrection = \"max_t\"\nfamily = [\"baseline\"]\n";
        assert!(read(max_t).unwrap_err().contains("`task`"));
    }
}
