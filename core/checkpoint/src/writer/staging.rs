//! A temporary folder that becomes the output, or vanishes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{ExtraFile, WriteError};

/// The folder that is filled; removed when dropped before [`publish`](Staging::publish).
#[derive(Debug)]
pub(super) struct Staging {
    dir: PathBuf,
    out: PathBuf,
    parent: PathBuf,
    overwrite: bool,
    published: bool,
}

/// Tells apart the temporary folders of one process.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Staging {
    pub(super) fn create(out: &Path, overwrite: bool) -> Result<Staging, WriteError> {
        // A link to a folder stays a link: what it points to is what gets replaced.
        let out = match out.canonicalize() {
            Ok(target) => target,
            Err(_) => out.to_owned(),
        };
        let Some(name) = out.file_name() else {
            return Err(WriteError::OutName { out });
        };
        let parent = match out.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        check_free(&out, overwrite)?;
        fs::create_dir_all(&parent).map_err(WriteError::io("create", &parent))?;
        let dir = parent.join(temporary(name, "tmp"));
        fs::create_dir(&dir).map_err(WriteError::io("create", &dir))?;
        Ok(Staging {
            dir,
            out,
            parent,
            overwrite,
            published: false,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn out(&self) -> &Path {
        &self.out
    }

    /// Writes a file, which must be new.
    pub(super) fn add(&self, extra: &ExtraFile) -> Result<(), WriteError> {
        if extra.name.is_empty() || extra.name.contains(['/', '\\']) || extra.name.starts_with("..")
        {
            return Err(WriteError::ExtraName {
                name: extra.name.clone(),
            });
        }
        let path = self.dir.join(&extra.name);
        let mut file = File::create_new(&path).map_err(WriteError::io("create", &path))?;
        file.write_all(&extra.bytes)
            .map_err(WriteError::io("write", &path))
    }

    /// Renames the folder to the output path; if `durable`, once the disk has it.
    pub(super) fn publish(mut self, durable: bool) -> Result<(), WriteError> {
        let sync = |path: &Path| if durable { sync(path) } else { Ok(()) };
        for entry in fs::read_dir(&self.dir).map_err(WriteError::io("list", &self.dir))? {
            let path = entry.map_err(WriteError::io("list", &self.dir))?.path();
            sync(&path)?;
        }
        sync(&self.dir)?;
        // Looked at again, since hours may have passed.
        let replaced = match check_free(&self.out, self.overwrite)? {
            Existing::Checkpoint => {
                let name = self.out.file_name().unwrap_or_default();
                let old = self.parent.join(temporary(name, "old"));
                fs::rename(&self.out, &old).map_err(WriteError::io("rename", &self.out))?;
                Some(old)
            }
            Existing::Nothing => None,
        };
        if let Err(error) = fs::rename(&self.dir, &self.out) {
            if let Some(old) = replaced {
                fs::rename(&old, &self.out).map_err(WriteError::io("restore", &old))?;
            }
            return Err(WriteError::io("rename", &self.dir)(error));
        }
        self.published = true;
        if let Some(old) = replaced {
            fs::remove_dir_all(&old).map_err(WriteError::io("remove", &old))?;
        }
        sync(&self.parent)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published {
            // Nobody is left to tell; the folder's name says what it is.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn temporary(name: &std::ffi::OsStr, kind: &str) -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(
        ".{}.{kind}-{}-{number}",
        name.to_string_lossy(),
        std::process::id()
    )
}

fn sync(path: &Path) -> Result<(), WriteError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(WriteError::io("sync", path))
}

/// Whether a folder holds checkpoints and nothing else.
fn holds_checkpoints(folder: &Path) -> Result<bool, WriteError> {
    for entry in fs::read_dir(folder).map_err(WriteError::io("list", folder))? {
        let path = entry.map_err(WriteError::io("list", folder))?.path();
        match path.is_dir() && matches!(check_free(&path, true), Ok(Existing::Checkpoint)) {
            true => {}
            false => return Ok(false),
        }
    }
    Ok(true)
}

/// What is at the output path and may be there.
enum Existing {
    /// Nothing, or an empty folder, which a rename replaces.
    Nothing,
    Checkpoint,
}

/// Folder in a checkpoint with further ones that belong to it: what a merge hands out beside its
/// result.
pub const ARTIFACTS: &str = "artifacts";

/// Refuses an output path that is in use, or that holds more than a checkpoint.
fn check_free(out: &Path, overwrite: bool) -> Result<Existing, WriteError> {
    let entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::Nothing),
        Err(error) => return Err(WriteError::io("write a folder at", out)(error)),
    };
    let mut weights = false;
    let mut stranger = None;
    let mut empty = true;
    for entry in entries {
        let entry = entry.map_err(WriteError::io("list", out))?;
        let kind = entry
            .file_type()
            .map_err(WriteError::io("look at", &entry.path()))?;
        empty = false;
        let artifacts = entry.file_name() == ARTIFACTS && holds_checkpoints(&entry.path())?;
        if kind.is_dir() && !artifacts {
            stranger = Some(entry.file_name().to_string_lossy().into_owned());
        }
        weights |= entry.path().extension().is_some_and(|e| e == "safetensors");
    }
    if empty {
        return Ok(Existing::Nothing);
    }
    if !overwrite {
        return Err(WriteError::Exists {
            out: out.to_owned(),
        });
    }
    match stranger {
        Some(entry) => Err(WriteError::NotACheckpoint {
            out: out.to_owned(),
            reason: format!("it holds the folder {entry:?}"),
        }),
        None if !weights => Err(WriteError::NotACheckpoint {
            out: out.to_owned(),
            reason: "it holds no *.safetensors".to_owned(),
        }),
        None => Ok(Existing::Checkpoint),
    }
}
