//! Makes a base and models that differ from it a little, in bf16.

use crate::Result;
use crate::shapes::{Shapes, elements};
use rayon::prelude::*;
use serde_json::{Map, json};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Elements that are made at once.
const CHUNK: usize = 1 << 20;
/// Standard deviation of the base's weights.
const BASE: f32 = 0.02;
/// Standard deviation of what a model changes.
const CHANGE: f32 = 0.000_5;

/// Where the checkpoints are.
pub(crate) struct Folders {
    pub(crate) base: PathBuf,
    pub(crate) models: Vec<PathBuf>,
}

/// Makes those checkpoints that are missing.
pub(crate) fn make(dir: &Path, shapes: &Shapes, models: usize, sparse: bool) -> Result<Folders> {
    let kind = if sparse { "-sparse" } else { "" };
    let dir = dir.join(format!("{}{kind}", shapes.name));
    let checkpoint = |name: String, seed: u64| -> Result<PathBuf> {
        let folder = dir.join(name);
        if !folder.join("config.json").exists() {
            eprintln!("making {}", folder.display());
            write(&folder, shapes, seed, sparse)?;
        }
        // Last, as it says that the rest is there.
        let config = format!("{:#}\n", shapes.config);
        std::fs::write(folder.join("config.json"), config)?;
        Ok(folder)
    };
    Ok(Folders {
        base: checkpoint("base".to_owned(), 0)?,
        models: (1..=models)
            .map(|model| checkpoint(format!("model-{model}"), model as u64))
            .collect::<Result<_>>()?,
    })
}

/// Written here and not by the library's writer, which is what gets measured.
fn write(folder: &Path, shapes: &Shapes, seed: u64, sparse: bool) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut entries = Map::new();
    entries.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    let mut end = 0;
    let mut pieces = Vec::new();
    for (name, shape) in &shapes.tensors {
        let count = elements(shape);
        for start in (0..count).step_by(CHUNK) {
            pieces.push((end / 2 + start, CHUNK.min(count - start)));
        }
        let begin = end;
        end += 2 * count;
        let entry = json!({"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]});
        entries.insert(name.clone(), entry);
    }
    let mut header = serde_json::to_vec(&entries)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let file = File::create(folder.join("model.safetensors"))?;
    file.write_all_at(&(header.len() as u64).to_le_bytes(), 0)?;
    file.write_all_at(&header, 8)?;
    let data = 8 + header.len();
    file.set_len((data + end) as u64)?;
    if !sparse {
        pieces
            .into_par_iter()
            .try_for_each(|(first, count)| -> std::io::Result<()> {
                let mut bytes = Vec::with_capacity(2 * count);
                for index in first..first + count {
                    let mut value = BASE * normal(0, index as u64);
                    if seed > 0 {
                        value += CHANGE * normal(seed, index as u64);
                    }
                    let bits = (value.to_bits() + 0x8000) >> 16;
                    bytes.extend((bits as u16).to_le_bytes());
                }
                file.write_all_at(&bytes, (data + 2 * first) as u64)
            })?;
    }
    Ok(())
}

/// Close to a standard normal number: four uniform ones added.
fn normal(seed: u64, index: u64) -> f32 {
    // SplitMix64.
    let mut x = (seed << 48 ^ index).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^= x >> 31;
    let sum: u64 = (0..4).map(|i| (x >> (16 * i)) & 0xffff).sum();
    // Each has a variance of 65536^2 / 12.
    (sum as f32 - 131_070.0) / 37_837.0
}
