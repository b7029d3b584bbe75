//! Whether plugins, data, the base and kept weights are still those of the run.

use super::{ReplicateError, Request, lineage::Lineage};
use crate::{
    cell::PluginStamp,
    content::Content,
    dataset::{Card, SplitRows},
    past::{Places, StageRecord},
    plan::{
        imported_key,
        spec::{SliceRef, What},
    },
};
use mergelab_abi::{Kind, loader::PluginLibrary};
use mergelab_checkpoint::Checkpoint;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Something that was checked before anything ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is, such as `plugin method/ties`.
    pub what: String,
    /// What the run used.
    pub run: String,
    /// What is here.
    pub here: String,
    /// Whether they are the same.
    pub same: bool,
    /// Whether nothing can run where they are not.
    pub matters: bool,
}

/// Where the run's inputs lay, with the store that was asked for.
///
/// # Errors
/// Neither the run nor the request says where.
pub(super) fn places(request: &Request<'_>) -> Result<Places, ReplicateError> {
    let mut places = match (request.run.places()?, &request.artifacts) {
        (Some(places), _) => places,
        (None, Some(_)) => Places::default(),
        (None, None) => {
            return Err(ReplicateError::Store(format!(
                "{} is missing, so it is not known where the run's artifacts are: give their store \
                 with --artifacts",
                request.run.folder.join("places.json").display()
            )));
        }
    };
    if let Some(store) = &request.artifacts {
        places.store.clone_from(store);
    }
    // A stage runs in this folder too, but an artifact that was linked may not.
    places.store = places.store.canonicalize().unwrap_or(places.store);
    Ok(places)
}

/// Checks all inputs; also says where each lies.
///
/// # Errors
/// A store that has what is to be made anew.
pub(super) fn check(
    request: &Request<'_>,
    lineage: &Lineage<'_>,
    places: &Places,
) -> Result<(Vec<Check>, BTreeMap<String, PathBuf>), ReplicateError> {
    for stage in &lineage.again {
        if request.store.has(stage.what.kind(), &stage.key) {
            return Err(ReplicateError::Store(format!(
                "{} has the artifact of `{}` already, so nothing would run: give an empty folder",
                request.store.root().display(),
                stage.name
            )));
        }
    }
    let mut found = Found {
        request,
        places,
        checks: Vec::new(),
        located: BTreeMap::new(),
    };
    let (run, here) = (&request.run.record.mergelab, env!("CARGO_PKG_VERSION"));
    // Another version may well compute the same.
    found.add("mergelab", run, here, false);
    for stage in &lineage.again {
        for (kind, plugin) in plugins(&stage.what) {
            found.plugin(kind, plugin);
        }
        for slice in slices(&stage.what) {
            found.rows(slice);
        }
    }
    for key in &lineage.imported {
        found.base(key);
    }
    for stage in &lineage.kept {
        found.kept(stage);
    }
    Ok((found.checks, found.located))
}

struct Found<'a> {
    request: &'a Request<'a>,
    places: &'a Places,
    checks: Vec<Check>,
    located: BTreeMap<String, PathBuf>,
}

impl Found<'_> {
    fn add(&mut self, what: &str, run: &str, here: &str, matters: bool) {
        self.checks.push(Check {
            what: what.to_owned(),
            run: run.to_owned(),
            here: here.to_owned(),
            same: run == here,
            matters,
        });
    }

    fn plugin(&mut self, kind: Kind, stamp: &PluginStamp) {
        if self.located.contains_key(&stamp.hash) {
            return;
        }
        let id = &stamp.id;
        let registry = self.request.registry;
        let mut plugins = registry.plugins();
        let at_hand = plugins.find(|p| p.info.kind == kind && p.info.id == *id);
        let recorded = self.places.inputs.get(&stamp.hash);
        let same = at_hand
            .filter(|plugin| plugin.hash() == stamp.hash)
            .map(|plugin| plugin.path().to_owned())
            .or_else(|| {
                let library = PluginLibrary::open(recorded?).ok()?;
                (library.hash() == stamp.hash).then(|| library.path().to_owned())
            });
        let run = format!("{} {}", stamp.version, stamp.hash);
        let here = match (&same, at_hand) {
            (Some(_), _) => run.clone(),
            (None, Some(plugin)) => format!(
                "{} {} ({})",
                plugin.info.version,
                plugin.hash(),
                plugin.path().display()
            ),
            (None, None) => "not found".to_owned(),
        };
        if let Some(path) = same {
            let path = path.canonicalize().unwrap_or(path);
            self.located.insert(stamp.hash.clone(), path);
        }
        self.add(&format!("plugin {kind}/{id}"), &run, &here, true);
    }

    fn rows(&mut self, slice: &SliceRef) {
        if self.located.contains_key(&slice.hash) {
            return;
        }
        let limit = slice.limit.map(|n| format!(", {n} at most"));
        let what = format!(
            "rows of {}, {}, {}{}",
            slice.dataset,
            slice.split,
            slice.language,
            limit.unwrap_or_default()
        );
        let here = match self.places.inputs.get(&slice.hash) {
            None => "not found: the run does not say where".to_owned(),
            Some(path) => match hash_of(path, slice) {
                Ok(hash) => {
                    if hash == slice.hash {
                        self.located.insert(hash.clone(), path.clone());
                    }
                    hash
                }
                Err(message) => format!("not readable: {message}"),
            },
        };
        self.add(&what, &slice.hash, &here, true);
    }

    fn base(&mut self, key: &str) {
        let here = match self.places.inputs.get(key) {
            None => "not found: the run does not say where".to_owned(),
            Some(path) if self.places.hub => {
                self.located.insert(key.to_owned(), path.clone());
                match path.is_dir() {
                    true => key.to_owned(),
                    false => format!("not found: {}", path.display()),
                }
            }
            Some(path) => match Checkpoint::open(path) {
                Ok(checkpoint) => {
                    self.located.insert(key.to_owned(), path.clone());
                    imported_key(&checkpoint)
                }
                Err(error) => format!("not readable: {error}"),
            },
        };
        self.add("base", key, &here, true);
    }

    /// Weights of a training, or answers of a server, against the hashes that the run recorded of them.
    fn kept(&mut self, stage: &StageRecord) {
        let folder = self.places.store.join(stage.what.kind()).join(&stage.key);
        let (what, place) = match &stage.what {
            What::Generate(_) => ("answers", folder.clone()),
            _ => ("weights", folder.join("model")),
        };
        self.located.insert(stage.key.clone(), place);
        let what = format!("{what} of `{}`", stage.name);
        let here = match Content::of(&folder) {
            Ok(content) => content,
            Err(_) => {
                let missing = format!("not found: {}", folder.display());
                return self.add(&what, &stage.key, &missing, true);
            }
        };
        let Some(recorded) = &stage.content else {
            let unknown = "the run recorded no hashes of them: taken as they are";
            return self.add(&what, unknown, unknown, true);
        };
        for (file, hash) in &recorded.0 {
            let own = here.0.get(file).map_or("not found", String::as_str);
            if own != hash {
                self.add(&format!("{what}, {file}"), hash, own, true);
            }
        }
        if here == *recorded {
            let all = format!("{} files", recorded.0.len());
            self.add(&what, &all, &all, true);
        }
    }
}

fn hash_of(card: &Path, slice: &SliceRef) -> Result<String, String> {
    let card = Card::read(card).map_err(|e| e.to_string())?;
    let rows = SplitRows::read(&card, &slice.split).map_err(|e| e.to_string())?;
    let found = rows.slice(&slice.language, slice.limit);
    Ok(found.map_err(|e| e.to_string())?.hash)
}

fn plugins(what: &What) -> Vec<(Kind, &PluginStamp)> {
    match what {
        What::Pretrain(_) | What::Vectors(_) => Vec::new(),
        What::Train(what) => {
            let rows = what.rows.iter();
            rows.map(|own| (Kind::Task, &own.task.plugin)).collect()
        }
        What::Merge(what) => vec![(Kind::Method, &what.plugin)],
        What::Generate(what) => vec![(Kind::Task, &what.task.plugin)],
        What::Score(what) => {
            let metrics = what.metrics.iter().map(|m| (Kind::Metric, &m.plugin));
            metrics.chain([(Kind::Task, &what.task.plugin)]).collect()
        }
    }
}

fn slices(what: &What) -> Vec<&SliceRef> {
    match what {
        What::Pretrain(what) => what.train.iter().chain(&what.validation).collect(),
        What::Train(what) => what
            .rows
            .iter()
            .flat_map(|own| own.train.iter().chain(&own.validation))
            .collect(),
        What::Merge(_) | What::Vectors(_) => Vec::new(),
        What::Generate(what) => {
            let shown = what.shots.iter().map(|shots| &shots.rows);
            shown.chain([&what.rows]).collect()
        }
        What::Score(what) => vec![&what.rows],
    }
}
