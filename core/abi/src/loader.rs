//! Opening a plugin library: file, header, layout, list. In that order, and each refusal says why.

mod whole;

use crate::{
    ABI_MAJOR, OP_REVISION,
    boundary::{Library as BoundaryLibrary, PluginRootRef},
    describe::{Kind, PluginInfo},
    error::PluginError,
    handshake::{self, Header, MAGIC, PanicStrategy},
    method::{Method, MethodSetup},
    metric::{Metric, MetricSetup},
    task::{Task, TaskSetup},
};
use abi_stable::library::AbiHeaderRef;
use std::{
    ffi::OsStr,
    mem::ManuallyDrop,
    path::{Path, PathBuf},
};

/// Why a library was refused. The display is one line: reason, then what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The system's loader does not take it.
    #[error("is not a shared library that this system can load: {0}")]
    NotALibrary(String),
    /// The file ends too early. Loading it would end the process.
    #[error(
        "is not a shared library that this system can load: it was cut off, {length} bytes are \
         there of at least {needed}. Copy or build it again"
    )]
    CutOff {
        /// Bytes of the file.
        length: u64,
        /// Bytes that its header names.
        needed: u64,
    },
    /// There is no header of any ABI major.
    #[error(
        "is not a mergelab plugin: it has no symbol `{symbol}`. A plugin is a crate of type \
         cdylib that depends on mergelab-sdk and calls `plugin!`",
        symbol = handshake::symbol(ABI_MAJOR)
    )]
    NotAPlugin,
    /// The header is of another ABI major.
    #[error(
        "was built for plugin ABI {found}, this mergelab speaks ABI {ABI_MAJOR}: rebuild it with \
         the mergelab-sdk that belongs to this mergelab"
    )]
    AbiMajor {
        /// The library's major.
        found: u32,
    },
    /// The header's bytes make no sense.
    #[error("has a damaged plugin header: rebuild it")]
    DamagedHeader,
    /// It uses newer tensor operations.
    #[error(
        "needs tensor operations of revision {found}, this mergelab has revision {OP_REVISION}: \
         update mergelab, or build the plugin with SDK {version}",
        version = crate::SDK_VERSION
    )]
    OpRevision {
        /// The library's revision.
        found: u32,
    },
    /// Its panics end the process.
    #[error(
        "was built with panic = \"abort\": a panic in it would end the whole run. Set \
         panic = \"unwind\" in the profile that builds it"
    )]
    PanicAbort,
    /// The layout of a type differs.
    #[error(
        "has a different binary layout (SDK {sdk}): rebuild it with this mergelab's SDK. {detail}"
    )]
    Layout {
        /// Version of the library's SDK.
        sdk: String,
        /// First difference.
        detail: String,
    },
    /// It failed while it described itself.
    #[error("failed to describe itself: {0}")]
    Describe(String),
    /// It holds no plugin.
    #[error("holds no plugin: it calls `plugin!` for nothing")]
    Empty,
    /// It holds two plugins of one kind and id.
    #[error("holds two {kind} plugins with the id `{id}`: rename one")]
    DuplicateInside {
        /// Their kind.
        kind: Kind,
        /// Their id.
        id: String,
    },
    /// Another library already gave a plugin of the same kind and id.
    #[error("has {kind} `{id}`, which {other} has too: remove one of both files")]
    Duplicate {
        /// Their kind.
        kind: Kind,
        /// Their id.
        id: String,
        /// The library that was found first.
        other: PathBuf,
    },
}

/// A loaded plugin library. It is never unloaded: values that it made may outlive every handle.
pub struct PluginLibrary {
    path: PathBuf,
    hash: String,
    sdk_version: String,
    plugins: Vec<PluginInfo>,
    library: BoundaryLibrary,
}

impl std::fmt::Debug for PluginLibrary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginLibrary")
            .field("path", &self.path)
            .field("sdk_version", &self.sdk_version)
            .finish_non_exhaustive()
    }
}

impl PluginLibrary {
    /// Opens a library and checks it.
    ///
    /// # Errors
    /// Why it was refused. Nothing of the library but its static initialisers has run unless the
    /// header was right.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        let content = std::fs::read(path).map_err(|e| Refusal::Unreadable(e.to_string()))?;
        let hash = blake3::hash(&content).to_hex().to_string();
        let length = content.len() as u64;
        if let Some(needed) = whole::needed_bytes(&content).filter(|needed| *needed > length) {
            return Err(Refusal::CutOff { length, needed });
        }
        drop(content);

        // SAFETY: loading runs the library's initialisers. A user who names a library asks for
        // that; a library is never loaded from a place that the user did not name or install to.
        let library = unsafe { libloading::Library::new(path) }
            .map_err(|e| Refusal::NotALibrary(one_line(&e)))?;
        // Never unloaded, also when refused: its initialisers may have left pointers behind.
        let library = ManuallyDrop::new(library);
        let header = read_header(&library)?;
        check_header(&header)?;

        let root = check_layout(&library, &header)?;
        let library = BoundaryLibrary(root);
        let plugins = library
            .plugins()
            .map_err(|e| Refusal::Describe(e.to_string()))?;
        if plugins.is_empty() {
            return Err(Refusal::Empty);
        }
        for (i, info) in plugins.iter().enumerate() {
            if plugins[..i]
                .iter()
                .any(|p| (p.kind, &p.id) == (info.kind, &info.id))
            {
                return Err(Refusal::DuplicateInside {
                    kind: info.kind,
                    id: info.id.clone(),
                });
            }
        }
        Ok(Self {
            path: path.to_owned(),
            hash,
            sdk_version: header.sdk_version(),
            plugins,
            library,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// BLAKE3 of the file, in hex.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Version of the SDK that it was built with.
    pub fn sdk_version(&self) -> &str {
        &self.sdk_version
    }

    /// Its plugins.
    pub fn plugins(&self) -> &[PluginInfo] {
        &self.plugins
    }

    /// Makes a merge method.
    ///
    /// # Errors
    /// An unknown id, or parameters that the method refuses.
    pub fn open_method(
        &self,
        id: &str,
        setup: &MethodSetup,
    ) -> Result<Box<dyn Method>, PluginError> {
        self.library.open_method(id, setup)
    }

    /// Makes a task.
    ///
    /// # Errors
    /// An unknown id, or parameters that the task refuses.
    pub fn open_task(&self, id: &str, setup: &TaskSetup) -> Result<Box<dyn Task>, PluginError> {
        self.library.open_task(id, setup)
    }

    /// Makes a metric.
    ///
    /// # Errors
    /// An unknown id, or parameters that the metric refuses.
    pub fn open_metric(
        &self,
        id: &str,
        setup: &MetricSetup,
    ) -> Result<Box<dyn Metric>, PluginError> {
        self.library.open_metric(id, setup)
    }
}

fn one_line(error: &dyn std::error::Error) -> String {
    error.to_string().replace('\n', " ")
}

fn symbol_address(library: &libloading::Library, name: &str) -> Option<*const Header> {
    // SAFETY: only the address is taken; whoever reads through it checks what it may read.
    unsafe { library.get::<*const Header>(name.as_bytes()) }
        .ok()
        .map(|symbol| *symbol)
}

fn read_header(library: &libloading::Library) -> Result<Header, Refusal> {
    if let Some(address) = symbol_address(library, &handshake::symbol(ABI_MAJOR)) {
        // SAFETY: a symbol of this name is a `Header`: its size and fields belong to the ABI
        // major in the name, and the struct has integers and bytes only, so any content is valid.
        return Ok(unsafe { address.read_unaligned() });
    }
    // Majors grow by one at a time, so a short look ahead finds libraries of later versions.
    let other = (0..ABI_MAJOR + 32)
        .filter(|major| *major != ABI_MAJOR)
        .find(|major| symbol_address(library, &handshake::symbol(*major)).is_some());
    Err(match other {
        Some(found) => Refusal::AbiMajor { found },
        None => Refusal::NotAPlugin,
    })
}

fn check_header(header: &Header) -> Result<(), Refusal> {
    if header.magic != MAGIC {
        return Err(Refusal::DamagedHeader);
    }
    if header.abi_major != ABI_MAJOR {
        return Err(Refusal::AbiMajor {
            found: header.abi_major,
        });
    }
    if header.op_revision > OP_REVISION {
        return Err(Refusal::OpRevision {
            found: header.op_revision,
        });
    }
    if header.panic_strategy() == PanicStrategy::Abort {
        return Err(Refusal::PanicAbort);
    }
    Ok(())
}

fn check_layout(library: &libloading::Library, header: &Header) -> Result<PluginRootRef, Refusal> {
    let refuse = |detail: String| Refusal::Layout {
        sdk: header.sdk_version(),
        detail: detail
            .lines()
            .map(str::trim)
            .find(|l| !l.is_empty())
            .unwrap_or_default()
            .to_owned(),
    };
    let name = abi_stable::library::ROOT_MODULE_LOADER_NAME_WITH_NUL;
    // SAFETY: abi_stable exports a `LibHeader` under this name, whose first field is the header
    // that `AbiHeaderRef` points to and whose version `upgrade` checks before anything else is
    // read. The library is never unloaded, so the reference stays valid.
    let root = unsafe { library.get::<AbiHeaderRef>(name.as_bytes()) }
        .map_err(|e| refuse(one_line(&e)))?;
    // Not `RootModule::load_from*`: that keeps one library per type, so a second plugin would be
    // the first one again.
    root.upgrade()
        .and_then(|header| header.check_layout::<PluginRootRef>())
        .map_err(|e| refuse(e.to_string()))
}

/// Whether a file's name is that of a shared library on this system.
pub fn is_library_name(path: &Path) -> bool {
    path.extension() == Some(OsStr::new(std::env::consts::DLL_EXTENSION))
}
