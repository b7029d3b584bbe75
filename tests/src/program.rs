//! The program, in a folder where it finds what the test put there and nothing else.

use crate::build::profile_folder;
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// The program in a temporary folder: `bin/` has the program, where plugins beside it are found;
/// `home/` is the user's home; `work/` is where it runs.
pub struct Mergelab {
    folder: TempDir,
}

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output, with the stage's folder written as `[stage]`.
    pub stdout: String,
    /// Standard error, with the stage's folder written as `[stage]`.
    pub stderr: String,
}

impl Mergelab {
    /// Stages the program at `program`: a test's `env!("CARGO_BIN_EXE_mergelab")`.
    ///
    /// The folder lies in the target folder, so that a hard link does and nothing is copied.
    pub fn stage(program: impl AsRef<Path>) -> Self {
        let parent = profile_folder().join("mergelab-stages");
        fs::create_dir_all(&parent).expect("the target folder is writable");
        // `bin` in the path would be cut by redaction of a folder that is a link.
        let parent = parent.canonicalize().expect("it was just made");
        let folder = TempDir::new_in(parent).expect("the target folder is writable");
        for name in ["bin", "home", "work"] {
            fs::create_dir(folder.path().join(name)).expect("an empty folder");
        }
        let stage = Self { folder };
        link(program.as_ref(), &stage.program());
        stage
    }

    /// Stages the program with all plugins of the workspace beside it, as an installation has it.
    pub fn install(program: impl AsRef<Path>) -> Self {
        let stage = Self::stage(program);
        for library in crate::libraries::all() {
            stage.add_plugin(&library);
        }
        stage
    }

    /// Puts a library beside the program.
    pub fn add_plugin(&self, library: &Path) {
        let name = library.file_name().expect("a library is a file");
        link(library, &self.path("bin").join(name));
    }

    /// The staged program.
    pub fn program(&self) -> PathBuf {
        let name = format!("mergelab{}", std::env::consts::EXE_SUFFIX);
        self.path("bin").join(name)
    }

    /// A path in the stage.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// The folder that the program runs in.
    pub fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// The program, to be given arguments. It sees no plugin, setting or colour of the user's.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.program());
        command
            .current_dir(self.work())
            .env("HOME", self.path("home"))
            .env("NO_COLOR", "1")
            .env("COLUMNS", "100")
            .env_remove("XDG_DATA_HOME")
            .env_remove("MERGELAB_PLUGIN_PATH")
            .env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs the program.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        self.finish(self.command().args(arguments))
    }

    /// Runs a command that was made by [`command`](Self::command).
    pub fn finish(&self, command: &mut Command) -> Run {
        let output = command.output().expect("the program starts");
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.replace(&self.folder.path().display().to_string(), "[stage]")
        };
        Run {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

fn link(from: &Path, to: &Path) {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).unwrap_or_else(|e| panic!("{} cannot be staged: {e}", from.display()));
    }
}
