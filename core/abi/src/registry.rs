//! Finding plugins by name.

use crate::{
    describe::{Kind, PluginInfo},
    error::PluginError,
    loader::{PluginLibrary, Refusal, is_library_name},
    method::{Method, MethodSetup},
    metric::{Metric, MetricSetup},
    suggest::hint,
    task::{Task, TaskSetup},
};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why a place was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `--plugin PATH`.
    CommandLine,
    /// The manifest's `plugins`.
    Manifest,
    /// `$MERGELAB_PLUGIN_PATH`.
    Environment,
    /// Beside the program.
    Executable,
    /// The user's data directory.
    UserData,
}

impl Origin {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Origin::CommandLine => "--plugin",
            Origin::Manifest => "the manifest's `plugins`",
            Origin::Environment => "$MERGELAB_PLUGIN_PATH",
            Origin::Executable => "beside the program",
            Origin::UserData => "the user's data directory",
        }
    }
}

/// A file or folder to search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub path: PathBuf,
    /// Why.
    pub origin: Origin,
}

/// The places to search, first ones first: `--plugin`, the manifest's `plugins`,
/// `$MERGELAB_PLUGIN_PATH`, the folder of the program, the user's data directory.
pub fn search_places(command_line: &[PathBuf], manifest: &[PathBuf]) -> Vec<Place> {
    let place = |origin| move |path: PathBuf| Place { path, origin };
    let mut places: Vec<Place> = command_line
        .iter()
        .cloned()
        .map(place(Origin::CommandLine))
        .collect();
    places.extend(manifest.iter().cloned().map(place(Origin::Manifest)));
    if let Some(paths) = std::env::var_os("MERGELAB_PLUGIN_PATH") {
        places.extend(
            std::env::split_paths(&paths)
                .filter(|p| !p.as_os_str().is_empty())
                .map(place(Origin::Environment)),
        );
    }
    if let Ok(program) = std::env::current_exe()
        && let Some(folder) = program.parent()
    {
        places.push(place(Origin::Executable)(folder.to_owned()));
    }
    let data = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/share")));
    if let Some(data) = data {
        places.push(place(Origin::UserData)(data.join("mergelab/plugins")));
    }
    places
}

/// One file or folder that was looked at, and what came of it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The file or folder.
    pub path: PathBuf,
    /// Why it was looked at.
    pub origin: Origin,
    /// What came of it.
    pub outcome: AttemptOutcome,
}

/// What came of looking at a place.
#[derive(Debug, Clone)]
pub enum AttemptOutcome {
    /// The library holds this many plugins.
    Loaded(usize),
    /// The library was refused.
    Refused(Refusal),
    /// A folder without libraries, or that does not exist.
    Nothing,
}

/// A plugin and the library that holds it.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// What it says about itself.
    pub info: PluginInfo,
    library: Arc<PluginLibrary>,
}

impl Plugin {
    /// The file that holds it.
    pub fn path(&self) -> &Path {
        self.library.path()
    }

    /// BLAKE3 of that file, in hex.
    pub fn hash(&self) -> &str {
        self.library.hash()
    }

    /// Version of the SDK that it was built with.
    pub fn sdk_version(&self) -> &str {
        self.library.sdk_version()
    }

    /// Makes a merge method.
    ///
    /// # Errors
    /// Parameters that the method refuses.
    pub fn open_method(&self, setup: &MethodSetup) -> Result<Box<dyn Method>, PluginError> {
        self.library.open_method(&self.info.id, setup)
    }

    /// Makes a task.
    ///
    /// # Errors
    /// Parameters that the task refuses.
    pub fn open_task(&self, setup: &TaskSetup) -> Result<Box<dyn Task>, PluginError> {
        self.library.open_task(&self.info.id, setup)
    }

    /// Makes a metric.
    ///
    /// # Errors
    /// Parameters that the metric refuses.
    pub fn open_metric(&self, setup: &MetricSetup) -> Result<Box<dyn Metric>, PluginError> {
        self.library.open_metric(&self.info.id, setup)
    }
}

/// A name that no library has. The display tells every place that was searched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} `{id}`.{hint}\n{searched}")]
pub struct NotFound {
    /// Kind of the plugin.
    pub kind: Kind,
    /// The name.
    pub id: String,
    /// Did you mean, or the known names.
    pub hint: String,
    /// What was searched, one line each.
    pub searched: String,
}

/// A name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No library has it.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// Two libraries have it, so neither is taken.
    #[error(
        "there are two {kind} plugins `{id}`: {} and {}. Remove one of both files, or rename one",
        first.display(), second.display()
    )]
    Ambiguous {
        /// Kind of the plugins.
        kind: Kind,
        /// The name.
        id: String,
        /// The library found first.
        first: PathBuf,
        /// The library found second.
        second: PathBuf,
    },
}

/// Every plugin that was found, and every attempt to find one.
#[derive(Debug, Default)]
pub struct Registry {
    plugins: BTreeMap<(Kind, String), Plugin>,
    /// Names that two files claim, with the file found second.
    ambiguous: BTreeMap<(Kind, String), PathBuf>,
    attempts: Vec<Attempt>,
}

impl Registry {
    /// Searches places in order. A bad library is kept as an attempt with its reason; it stops
    /// nothing. The same kind and id in two files is such a reason too: the file found second is
    /// refused whole, and the name cannot be used until one of both is gone.
    pub fn search(places: &[Place]) -> Self {
        let mut registry = Self::default();
        let mut seen: Vec<PathBuf> = Vec::new();
        for place in places {
            let files = if place.path.is_dir() {
                library_files(&place.path)
            } else if place.origin == Origin::CommandLine
                || place.origin == Origin::Manifest
                || place.path.exists()
            {
                vec![place.path.clone()]
            } else {
                Vec::new()
            };
            if files.is_empty() {
                registry.attempts.push(Attempt {
                    path: place.path.clone(),
                    origin: place.origin,
                    outcome: AttemptOutcome::Nothing,
                });
            }
            for file in files {
                // One file reached by two ways is one file.
                let real = file.canonicalize().unwrap_or_else(|_| file.clone());
                if seen.contains(&real) {
                    continue;
                }
                seen.push(real);
                let outcome = match registry.add(&file) {
                    Ok(count) => AttemptOutcome::Loaded(count),
                    // Folders hold other libraries too; those are no failed plugins.
                    Err(Refusal::NotAPlugin) if place.path.is_dir() => continue,
                    Err(refusal) => AttemptOutcome::Refused(refusal),
                };
                registry.attempts.push(Attempt {
                    path: file,
                    origin: place.origin,
                    outcome,
                });
            }
        }
        registry
    }

    fn add(&mut self, file: &Path) -> Result<usize, Refusal> {
        let library = Arc::new(PluginLibrary::open(file)?);
        for info in library.plugins() {
            if let Some(other) = self.plugins.get(&(info.kind, info.id.clone())) {
                // The same bytes under two paths (a build's own copy) are one library.
                if other.hash() == library.hash() {
                    return Ok(library.plugins().len());
                }
                self.ambiguous
                    .insert((info.kind, info.id.clone()), file.to_owned());
                return Err(Refusal::Duplicate {
                    kind: info.kind,
                    id: info.id.clone(),
                    other: other.path().to_owned(),
                });
            }
        }
        for info in library.plugins() {
            self.plugins.insert(
                (info.kind, info.id.clone()),
                Plugin {
                    info: info.clone(),
                    library: Arc::clone(&library),
                },
            );
        }
        Ok(library.plugins().len())
    }

    /// Every plugin, by kind and id.
    pub fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.values()
    }

    /// Every attempt, in the order of the search.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The plugin of this kind and id.
    ///
    /// # Errors
    /// Names the nearest id and lists what was searched, or names both files that have the id.
    pub fn get(&self, kind: Kind, id: &str) -> Result<&Plugin, LookupError> {
        let key = (kind, id.to_owned());
        let Some(plugin) = self.plugins.get(&key) else {
            return Err(LookupError::NotFound(NotFound {
                kind,
                id: id.to_owned(),
                hint: self.hint(kind, id),
                searched: self.searched(),
            }));
        };
        match self.ambiguous.get(&key) {
            None => Ok(plugin),
            Some(second) => Err(LookupError::Ambiguous {
                kind,
                id: id.to_owned(),
                first: plugin.path().to_owned(),
                second: second.clone(),
            }),
        }
    }

    fn hint(&self, kind: Kind, id: &str) -> String {
        let ids: Vec<&str> = self
            .plugins
            .keys()
            .filter(|(k, _)| *k == kind)
            .map(|(_, id)| id.as_str())
            .collect();
        hint(id, ids.iter().copied())
    }

    fn searched(&self) -> String {
        let mut text = String::from("Searched:");
        for attempt in &self.attempts {
            let what = match &attempt.outcome {
                AttemptOutcome::Loaded(1) => "1 plugin".to_owned(),
                AttemptOutcome::Loaded(n) => format!("{n} plugins"),
                AttemptOutcome::Refused(refusal) => refusal.to_string(),
                AttemptOutcome::Nothing => "no library there".to_owned(),
            };
            let _ = write!(
                text,
                "\n  {} ({}): {what}",
                attempt.path.display(),
                attempt.origin.words()
            );
        }
        text
    }
}

/// The libraries of a folder, sorted, so that a search does not depend on the file system.
fn library_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_library_name(path) && path.is_file())
        .collect();
    files.sort();
    files
}
