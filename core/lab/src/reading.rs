//! How whole texts were read, which is part of what a number made of their likelihoods is.
//!
//! A text that is longer than a window is read in several, and tokens at the beginning of a window know
//! less of what came before. No metric knows of it, so the preset that it reports is completed here.

use mergelab_abi::metric::Measure;
use serde::{Deserialize, Serialize};

/// Name of the file in which a stage that scores whole texts says how it read them.
pub(crate) const READINGS: &str = "readings.json";

/// Begins what is added to a preset.
const ADDED: &str = "/window=";

/// How a text that is longer than a window was read, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// Most tokens read at a time.
    pub(crate) window: usize,
    /// Tokens that each window after the first adds.
    pub(crate) stride: usize,
}

/// A metric's measures as they are of texts that were read so.
pub(crate) fn read_so(mut measures: Vec<Measure>, readings: &[Reading]) -> Vec<Measure> {
    for measure in &mut measures {
        for Reading { window, stride } in readings {
            let added = format!("{ADDED}{window},stride={stride}");
            measure.preset.push_str(&added);
        }
    }
    measures
}

/// Whether a preset of a row is a metric's own one, however texts were read.
pub(crate) fn is_preset_of(row: &str, metric: &str) -> bool {
    let added = row.strip_prefix(metric);
    added.is_some_and(|added| added.is_empty() || added.starts_with(ADDED))
}

/// Whether a measure of a cell is a metric's own one, however texts were read.
pub(crate) fn is_measure_of(scored: &Measure, metric: &Measure) -> bool {
    let own = Measure {
        preset: metric.preset.clone(),
        ..scored.clone()
    };
    own == *metric && is_preset_of(&scored.preset, &metric.preset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mergelab_abi::metric::Shape;

    #[test]
    fn windows_complete_a_preset_and_nothing_else_does() {
        let own = Measure {
            name: "bits".to_owned(),
            preset: "bits/utf-8".to_owned(),
            shape: Shape::Corpus,
            width: 2,
            higher_is_better: false,
            tested: true,
        };
        let reading = Reading {
            window: 64,
            stride: 32,
        };
        let read = read_so(vec![own.clone()], &[reading]).remove(0);
        assert_eq!(read.preset, "bits/utf-8/window=64,stride=32");
        assert_eq!(read_so(vec![own.clone()], &[]), std::slice::from_ref(&own));
        assert!(is_measure_of(&read, &own) && is_measure_of(&own, &own));
        assert!(!is_measure_of(&own, &read));
        let wider = Measure { width: 3, ..read };
        assert!(!is_measure_of(&wider, &own));
        assert!(!is_preset_of("bits/utf-8@2", "bits/utf-8"));
        assert!(!is_preset_of("bits", "bits/utf-8"));
    }
}
