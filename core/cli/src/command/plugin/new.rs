//! `mergelab plugin new`: writes a crate with a small plugin that works.

mod name;
mod sdk;
mod template;

use super::KindArgument;
use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_abi::Kind;
use name::Name;
use sdk::Sdk;
use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fs, io,
    path::{Path, PathBuf},
};

const EXAMPLES: &str = "\
Examples:
  mergelab plugin new my_method --kind method
  mergelab plugin new overlap --kind metric --path plugins/metrics";

/// Writes a crate with a small plugin that builds, passes its tests, and can be changed from there.
///
/// In a `plugins/...` folder of mergelab's own source the crate joins that workspace. Anywhere else
/// it stands alone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Id of the plugin: lower-case letters, digits and `_`. With `-` for `_` it is taken too.
    name: String,
    /// What the plugin is.
    #[arg(long)]
    kind: KindArgument,
    /// The folder that the crate's folder is made in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// mergelab's source, or the mergelab-sdk folder in it, to build against instead of the
    /// published version. Found by itself inside mergelab's source.
    #[arg(long, value_name = "PATH")]
    sdk_path: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let kind = Kind::from(self.kind);
        let name = Name::parse(&self.name).map_err(Failure::refused)?;
        let folder = self.path.join(&self.name);
        let refuse = |e| Failure::refused(format!("{} cannot be made: {e}", folder.display()));
        fs::create_dir_all(&self.path).map_err(refuse)?;
        let sdk = Sdk::choose(self.sdk_path.as_deref(), &self.path)?;
        let files = template::files(kind, &name, &sdk);
        match fs::create_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                return Err(
                    Failure::refused(format!("{} exists already", folder.display()))
                        .help("choose another name, or another folder with --path"),
                );
            }
            made => made.map_err(refuse)?,
        }
        write(&folder, &files).map_err(|e| {
            // Half a crate would be in the way of the next try.
            let _ = fs::remove_dir_all(&folder);
            refuse(e)
        })?;
        output::text(&next_steps(kind, &name, &sdk, &folder))?;
        Ok(Exit::Done)
    }
}

fn write(folder: &Path, files: &[(&str, String)]) -> io::Result<()> {
    fs::create_dir(folder.join("src"))?;
    for (path, text) in files {
        fs::write(folder.join(path), text)?;
    }
    Ok(())
}

fn next_steps(kind: Kind, name: &Name, sdk: &Sdk, folder: &Path) -> String {
    let library = format!("{DLL_PREFIX}mergelab_{kind}_{}{DLL_SUFFIX}", name.id());
    let folder = folder.display();
    let commands = match sdk {
        Sdk::Workspace { root } => {
            let package = name.package(kind);
            format!(
                "  cargo test -p {package}\n  cargo build -p {package}\n  \
                 mergelab plugin check {}\n\n\
                 Its place in the end-to-end tests: a line in {}\n",
                root.join("target/debug").join(library).display(),
                root.join("tests/Cargo.toml").display(),
            )
        }
        Sdk::Path(_) | Sdk::Published => format!(
            "  cd {folder}\n  cargo test\n  cargo build --release\n  \
             mergelab plugin check target/release/{library}\n  \
             mergelab plugin list --plugin target/release/{library}\n"
        ),
    };
    format!(
        "Made the {kind} `{}` in {folder}\n\nNext:\n{commands}",
        name.id()
    )
}
