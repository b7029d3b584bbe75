//! Opening a checkpoint and looking tensors up in it.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::header::{Entry, Header};
use crate::layout::{self, Layout};
use crate::{CheckpointError, TensorView};

/// A checkpoint on disk: one safetensors file, or a Hugging Face folder with one or several.
///
/// The files are memory-mapped, so opening is cheap and tensors are paged in as they are read.
/// All headers are checked when it is opened. The files must not be changed while it is open.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    dir: PathBuf,
    files: Vec<Mapped>,
    /// Sorted; `places` has the same order.
    names: Vec<String>,
    places: Vec<Place>,
    by_name: HashMap<String, usize>,
    config: Option<serde_json::Value>,
    metadata: BTreeMap<String, String>,
}

/// A file and its bytes.
#[derive(Debug)]
pub(crate) struct Mapped {
    path: PathBuf,
    map: Mmap,
}

#[derive(Debug)]
struct Place {
    file: usize,
    entry: Entry,
}

impl Checkpoint {
    /// Opens a Hugging Face folder or a single safetensors file and checks it.
    ///
    /// In a folder, `model.safetensors` is taken, else the shards of
    /// `model.safetensors.index.json`, else the only `*.safetensors` file. Files that a header or
    /// an index contradicts are refused.
    ///
    /// # Errors
    /// A [`CheckpointError`] that names the file, the tensor and what to do about it.
    pub fn open(path: impl AsRef<Path>) -> Result<Checkpoint, CheckpointError> {
        let path = path.as_ref();
        let Layout { dir, files, index } = layout::find(path)?;
        let mut checkpoint = Checkpoint {
            path: path.to_owned(),
            config: read_config(&dir)?,
            dir,
            files: Vec::with_capacity(files.len()),
            names: Vec::new(),
            places: Vec::new(),
            by_name: HashMap::new(),
            metadata: BTreeMap::new(),
        };
        let mut places: Vec<Place> = Vec::new();
        for (number, file) in files.into_iter().enumerate() {
            let mapped = Mapped::open(file)?;
            let header = Header::parse(&mapped.path, &mapped.map)?;
            places.extend(header.entries.into_iter().map(|entry| Place {
                file: number,
                entry,
            }));
            checkpoint.metadata.extend(header.metadata);
            checkpoint.files.push(mapped);
        }
        places.sort_by(|a, b| a.entry.name.cmp(&b.entry.name));
        for pair in places.windows(2) {
            if pair[0].entry.name == pair[1].entry.name {
                return Err(CheckpointError::DuplicateAcrossShards {
                    dir: checkpoint.dir,
                    tensor: pair[0].entry.name.clone(),
                    first: file_name(&checkpoint.files[pair[0].file].path),
                    second: file_name(&checkpoint.files[pair[1].file].path),
                });
            }
        }
        checkpoint.names = places
            .iter()
            .map(|place| place.entry.name.clone())
            .collect();
        checkpoint.by_name = checkpoint
            .names
            .iter()
            .enumerate()
            .map(|(i, name)| (name.clone(), i))
            .collect();
        checkpoint.places = places;
        if let Some(index) = index {
            for (tensor, shard) in &index.weight_map {
                let found = checkpoint
                    .by_name
                    .get(tensor)
                    .map(|i| checkpoint.places[*i].file);
                let file = found.map(|file| file_name(&checkpoint.files[file].path));
                if file.as_ref() != Some(shard) {
                    return Err(CheckpointError::MissingTensor {
                        index: index.path,
                        shard: shard.clone(),
                        tensor: tensor.clone(),
                    });
                }
            }
        }
        Ok(checkpoint)
    }

    /// The path that it was opened with.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that holds the weights and, in a Hugging Face folder, the configuration.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The safetensors files, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// All tensors, sorted by name.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = TensorView<'_>> {
        self.places.iter().map(|place| self.view(place))
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// When there is none; the message names the nearest one.
    pub fn tensor(&self, name: &str) -> Result<TensorView<'_>, CheckpointError> {
        match self.by_name.get(name) {
            Some(i) => Ok(self.view(&self.places[*i])),
            None => Err(CheckpointError::unknown_tensor(
                &self.path,
                name,
                &self.names,
            )),
        }
    }

    /// The content of `config.json`, if the folder has one.
    pub fn config(&self) -> Option<&serde_json::Value> {
        self.config.as_ref()
    }

    /// The `__metadata__` of the safetensors headers, those of all shards together.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Bytes of all tensors, headers not counted.
    pub fn total_bytes(&self) -> u64 {
        self.places
            .iter()
            .map(|place| place.entry.bytes.len() as u64)
            .sum()
    }

    fn view<'a>(&'a self, place: &'a Place) -> TensorView<'a> {
        let Entry {
            name,
            dtype,
            shape,
            bytes,
        } = &place.entry;
        let map = &self.files[place.file].map;
        TensorView {
            name,
            dtype: *dtype,
            shape,
            bytes: &map[bytes.clone()],
        }
    }
}

impl Mapped {
    #[allow(unsafe_code)]
    pub(crate) fn open(path: PathBuf) -> Result<Mapped, CheckpointError> {
        let file = File::open(&path).map_err(CheckpointError::io("open", &path))?;
        // SAFETY: the map is read-only and lives as long as the views into it. The bytes are
        // undefined only if another process changes or shortens the file meanwhile, which the
        // documentation of `Checkpoint` forbids; our own writer never changes a finished file,
        // it replaces it by renaming.
        let map = unsafe { Mmap::map(&file) }.map_err(CheckpointError::io("memory-map", &path))?;
        Ok(Mapped { path, map })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn read_config(dir: &Path) -> Result<Option<serde_json::Value>, CheckpointError> {
    let path = dir.join("config.json");
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CheckpointError::io("read", &path)(error)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| CheckpointError::BadJson {
            path,
            reason: format!("not JSON: {error}"),
        })
}
