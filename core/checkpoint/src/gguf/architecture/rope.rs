//! How the rotary angles are stretched for long contexts, as `config.json` says it.

use serde_json::{Map, Value, json};

use super::super::{GgufError, GgufFile};
use super::Architecture;

/// `rope_scaling` of a file, if its angles are stretched. `head` is the number of rotated features
/// of a head, `theta` the base of the angles.
pub(super) fn rope_scaling(
    file: &GgufFile,
    architecture: Architecture,
    head: u64,
    theta: f64,
) -> Result<Option<Value>, GgufError> {
    let metadata = file.metadata();
    let key = |name: &str| format!("{}.rope.scaling.{name}", architecture.name());
    if let Some(factors) = factors(file, "rope_freqs.weight")? {
        return llama3(file, &factors, head, theta).map(Some);
    }
    let original = metadata.unsigned(&key("original_context_length"))?;
    if let (Some(long), Some(short)) = (
        factors(file, "rope_factors_long.weight")?,
        factors(file, "rope_factors_short.weight")?,
    ) {
        return Ok(Some(json!({
            "type": "longrope", "rope_type": "longrope",
            "long_factor": long, "short_factor": short,
        })));
    }
    // Older files have the factor under another key and no type.
    let old = metadata.float(&format!("{}.rope.scale_linear", architecture.name()))?;
    let factor = metadata.float(&key("factor"))?.or(old);
    let kind = metadata.string(&key("type"))?;
    let kind = kind.or(factor.map(|_| "linear"));
    match (kind, factor) {
        (None | Some("none"), _) => Ok(None),
        (Some("linear"), Some(1.0)) => Ok(None),
        (Some(kind @ ("linear" | "yarn")), Some(factor)) => {
            let mut scaling = Map::new();
            scaling.insert("rope_type".to_owned(), kind.into());
            scaling.insert("factor".to_owned(), factor.into());
            if kind == "yarn" {
                let original =
                    original.ok_or_else(|| metadata.missing(&key("original_context_length")))?;
                scaling.insert(
                    "original_max_position_embeddings".to_owned(),
                    original.into(),
                );
            }
            Ok(Some(Value::Object(scaling)))
        }
        (Some("linear" | "yarn"), None) => Err(metadata.missing(&key("factor"))),
        (Some(other), _) => Err(metadata.bad(
            &key("type"),
            format!("is {other:?}, which is not imported (imported: none, linear, yarn)"),
        )),
    }
}

fn factors(file: &GgufFile, name: &str) -> Result<Option<Vec<f32>>, GgufError> {
    let Some(tensor) = file.tensor(name) else {
        return Ok(None);
    };
    if tensor.elements() > 1 << 12 {
        let reason = "is too large for factors of the rotary angles";
        return Err(GgufError::malformed(
            file.path(),
            format!("tensor {name:?}"),
            reason,
        ));
    }
    let mut factors = vec![0.0; tensor.elements()];
    file.read_f32(tensor, 0, &mut factors)?;
    Ok(Some(factors))
}

/// Llama 3's stretching. GGUF has the resulting factors, not the four constants: those that give
/// the factors are looked for among the ones in use.
fn llama3(file: &GgufFile, factors: &[f32], head: u64, theta: f64) -> Result<Value, GgufError> {
    let factor = factors.iter().copied().fold(1.0, f32::max);
    for original in [8192.0, 4096.0, 16384.0, 32768.0] {
        let (low, high) = (1.0, 4.0);
        let computed = (0..factors.len()).map(|i| {
            let exponent = 2.0 * i as f64 / head as f64;
            let wavelength = std::f64::consts::TAU * theta.powf(exponent);
            // Llama 3.1's code: unchanged below one wavelength, divided above another, smooth
            // between.
            if wavelength < original / high {
                1.0
            } else if wavelength > original / low {
                f64::from(factor)
            } else {
                let smooth = (original / wavelength - low) / (high - low);
                1.0 / ((1.0 - smooth) / f64::from(factor) + smooth)
            }
        });
        // The file's are rounded to f32, and were computed in f32 from rounded frequencies.
        let close = computed
            .zip(factors)
            .all(|(computed, factor)| (computed - f64::from(*factor)).abs() < 1e-3 * computed);
        if close && factors.len() as u64 == head / 2 {
            return Ok(json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low,
                "high_freq_factor": high,
                "original_max_position_embeddings": original as u64,
            }));
        }
    }
    Err(GgufError::BadValue {
        path: file.path().to_owned(),
        key: "rope_freqs.weight".to_owned(),
        reason: "holds factors of the rotary angles that are not Llama 3's; config.json cannot \
                 say them"
            .to_owned(),
    })
}
