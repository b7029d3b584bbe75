//! Tiny checkpoints, and merging them.

use mergelab_checkpoint::{
    Checkpoint, CheckpointWriter, DType, ExtraFile, LoraAdapter, LoraConfig, LoraModule,
    TensorSpec, WriterOptions,
};
use mergelab_merge::{Linked, MergeError, Options, Recipe, Report, run};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Names and shapes of the tensors: two layers, an embedding, a norm.
pub(crate) const TENSORS: [(&str, &[usize]); 6] = [
    ("lm_head.weight", &[12, 8]),
    ("model.embed_tokens.weight", &[12, 8]),
    ("model.layers.0.mlp.up_proj.weight", &[16, 8]),
    ("model.layers.0.self_attn.q_proj.weight", &[8, 8]),
    ("model.layers.1.mlp.up_proj.weight", &[16, 8]),
    ("model.norm.weight", &[8]),
];

/// A vocabulary for the rows of [`TENSORS`].
pub(crate) const TOKENS: [&str; 12] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "<s>", "</s>",
];

/// A `tokenizer.json` of these tokens, the last two of which are added tokens.
pub(crate) fn tokenizer(from: &str, tokens: &[&str]) -> serde_json::Value {
    let plain = tokens.len().saturating_sub(2);
    let vocab: serde_json::Map<_, _> = tokens[..plain]
        .iter()
        .zip(0..)
        .map(|(token, id)| (token.to_string(), serde_json::json!(id)))
        .collect();
    let added: Vec<_> = tokens[plain..]
        .iter()
        .zip(plain..)
        .map(|(token, id)| serde_json::json!({"id": id, "content": token, "special": true}))
        .collect();
    serde_json::json!({
        "from": from,
        "added_tokens": added,
        "model": {"type": "BPE", "vocab": vocab, "merges": []},
    })
}

/// Numbers in [-1, 1), the same on every machine (Knuth's MMIX congruential generator).
pub(crate) fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

/// A folder with checkpoints for one test.
pub(crate) struct Bench {
    dir: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What lies in the folder, sorted.
    pub(crate) fn listing(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Writes tensors given with their values.
    pub(crate) fn write(
        &self,
        name: &str,
        dtype: DType,
        tensors: &[(&str, &[usize], Vec<f32>)],
        options: WriterOptions,
    ) -> PathBuf {
        let specs = tensors
            .iter()
            .map(|(name, shape, _)| TensorSpec::new(*name, dtype, *shape))
            .collect();
        let path = self.path(name);
        let writer = CheckpointWriter::create(&path, specs, options).unwrap();
        for (i, (_, _, values)) in tensors.iter().enumerate() {
            writer.write_f32(i, 0, values).unwrap();
        }
        let config = serde_json::json!({
            "architectures": ["LlamaForCausalLM"],
            "torch_dtype": dtype.torch_name(),
        });
        let files = [
            ExtraFile::new("config.json", config.to_string()),
            ExtraFile::new("tokenizer.json", tokenizer(name, &TOKENS).to_string()),
            ExtraFile::new("generation_config.json", format!("{{\"from\": {name:?}}}")),
        ];
        writer.finish(&files).unwrap();
        path
    }

    /// A model of [`TENSORS`] with numbers from `seed`.
    pub(crate) fn model(&self, name: &str, dtype: DType, seed: u64) -> PathBuf {
        self.write(name, dtype, &values(seed), WriterOptions::default())
    }

    /// The same, in several shards.
    pub(crate) fn sharded(&self, name: &str, dtype: DType, seed: u64) -> PathBuf {
        let options = WriterOptions {
            max_shard_bytes: 700,
            ..WriterOptions::default()
        };
        self.write(name, dtype, &values(seed), options)
    }

    /// An adapter on two modules of [`TENSORS`].
    pub(crate) fn adapter(&self, name: &str, seed: u64) -> PathBuf {
        let module = |module: &str, outputs: usize, seed: u64| LoraModule {
            module: module.to_owned(),
            embedding: false,
            rank: 2,
            inputs: 8,
            outputs,
            a: numbers(seed, 16),
            b: numbers(seed + 1, 2 * outputs),
        };
        let modules = [
            module("model.layers.0.self_attn.q_proj", 8, seed),
            module("model.layers.1.mlp.up_proj", 16, seed + 2),
        ];
        let path = self.path(name);
        let config = LoraConfig::new(2, 3.0);
        let options = WriterOptions::default();
        LoraAdapter::write(&path, &config, &modules, DType::F32, options).unwrap();
        path
    }

    pub(crate) fn recipe(&self, toml: &str) -> Recipe {
        Recipe::parse_toml(toml, &self.path("merge.toml")).unwrap()
    }

    /// Merges into the folder `out`.
    pub(crate) fn merge(&self, toml: &str, out: &str) -> Result<Report, MergeError> {
        self.run(&self.recipe(toml), out)
    }

    pub(crate) fn run(&self, recipe: &Recipe, out: &str) -> Result<Report, MergeError> {
        run(recipe, &Linked, &self.path(out), &Options::default())
    }

    /// Merges, expects an error, and that it left nothing.
    pub(crate) fn refused(&self, toml: &str) -> String {
        let before = self.listing();
        let recipe = Recipe::parse_toml(toml, &self.path("merge.toml"));
        let error = match recipe {
            Ok(recipe) => self.run(&recipe, "out").unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(self.listing(), before, "after: {error}");
        let prefix = format!("{}/", self.dir.path().display());
        error.replace(&prefix, "")
    }
}

/// The tensors of [`TENSORS`] with numbers from `seed`.
pub(crate) fn values(seed: u64) -> Vec<(&'static str, &'static [usize], Vec<f32>)> {
    TENSORS
        .iter()
        .zip(0..)
        .map(|((name, shape), i)| {
            let count = shape.iter().product();
            (*name, *shape, numbers(seed * 100 + i, count))
        })
        .collect()
}

/// All values of a tensor.
pub(crate) fn read(checkpoint: &Path, tensor: &str) -> Vec<f32> {
    let checkpoint = Checkpoint::open(checkpoint).unwrap();
    checkpoint.tensor(tensor).unwrap().to_f32().unwrap()
}

/// Every file of a folder with its bytes, sorted by name.
pub(crate) fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| {
            let e = e.unwrap();
            (
                e.file_name().into_string().unwrap(),
                std::fs::read(e.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

/// The values as a checkpoint of that format holds them.
pub(crate) fn rounded(dtype: DType, mut values: Vec<f32>) -> Vec<f32> {
    mergelab_checkpoint::round_f32(dtype, &mut values).unwrap();
    values
}
