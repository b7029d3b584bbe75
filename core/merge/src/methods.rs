//! Where merge methods are found.

use mergelab_abi::describe::{Kind, MethodTraits, PluginInfo};
use mergelab_abi::method::{Method, MethodSetup};
use mergelab_abi::register::{self, Opener};
use mergelab_abi::registry::{LookupError, NotFound, Registry};
use mergelab_abi::suggest::hint;
use mergelab_abi::{ABI_MAJOR, PluginError};
use std::fmt;
use std::path::PathBuf;

type Open<'a> = dyn Fn(&MethodSetup) -> Result<Box<dyn Method>, PluginError> + Send + Sync + 'a;

/// A merge method that was found.
pub struct MethodPlugin<'a> {
    /// What it says about itself.
    pub info: PluginInfo,
    /// The library that holds it; `None` where it is part of the program.
    pub file: Option<PathBuf>,
    /// BLAKE3 of that file, in hex.
    pub hash: Option<String>,
    open: Box<Open<'a>>,
}

impl fmt::Debug for MethodPlugin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodPlugin")
            .field("id", &self.info.id)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl MethodPlugin<'_> {
    /// Makes an instance.
    ///
    /// # Errors
    /// Parameters that the method refuses.
    pub fn open(&self, setup: &MethodSetup) -> Result<Box<dyn Method>, PluginError> {
        (self.open)(setup)
    }

    /// What it needs and promises.
    ///
    /// # Errors
    /// A plugin that describes itself as a method without saying so.
    pub(crate) fn traits(&self) -> Result<&MethodTraits, PluginError> {
        self.info.method.as_ref().ok_or_else(|| {
            PluginError::failed(format!(
                "the plugin `{}` does not say what it needs as a merge method: rebuild it (plugin \
                 ABI {ABI_MAJOR})",
                self.info.id
            ))
        })
    }
}

/// A place to find merge methods in: a [`Registry`] of libraries, or [`Linked`].
pub trait Methods {
    /// The method of this id.
    ///
    /// # Errors
    /// Names the nearest id and what was searched.
    fn find(&self, id: &str) -> Result<MethodPlugin<'_>, LookupError>;
}

impl Methods for Registry {
    fn find(&self, id: &str) -> Result<MethodPlugin<'_>, LookupError> {
        let plugin = self.get(Kind::Method, id)?;
        Ok(MethodPlugin {
            info: plugin.info.clone(),
            file: Some(plugin.path().to_owned()),
            hash: Some(plugin.hash().to_owned()),
            open: Box::new(|setup| plugin.open_method(setup)),
        })
    }
}

/// The methods that are linked into the program.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linked;

impl Methods for Linked {
    fn find(&self, id: &str) -> Result<MethodPlugin<'_>, LookupError> {
        let mut infos = register::infos();
        infos.retain(|info| info.kind == Kind::Method);
        let found = infos.iter().find(|info| info.id == id).cloned();
        match (found, register::find(Kind::Method, id)) {
            (Some(info), Ok(Opener::Method(open))) => Ok(MethodPlugin {
                info,
                file: None,
                hash: None,
                open: Box::new(move |setup| open(setup.clone())),
            }),
            _ => Err(LookupError::NotFound(NotFound {
                kind: Kind::Method,
                id: id.to_owned(),
                hint: hint(id, infos.iter().map(|info| info.id.as_str())),
                searched: format!(
                    "Searched: the {} methods that are part of the program",
                    infos.len()
                ),
            })),
        }
    }
}
