//! The header that is read before any typed call.
//!
//! A library exports one C struct under a name that holds the ABI major, so a library of another
//! major is told apart before anything in it is trusted. The struct has fixed size and only
//! integers and bytes.

/// Name of the header's symbol for an ABI major.
pub fn symbol(major: u32) -> String {
    format!("mergelab_plugin_abi_{major}")
}

/// First bytes of every header.
pub const MAGIC: [u8; 8] = *b"mergelab";

/// How a library's panics end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanicStrategy {
    /// They unwind and can be turned into errors.
    Unwind,
    /// They end the process: such a library is refused.
    Abort,
}

/// The header.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`crate::ABI_MAJOR`] of the library.
    pub abi_major: u32,
    /// [`crate::OP_REVISION`] of the library.
    pub op_revision: u32,
    /// 1 where panics unwind, 0 where they abort.
    pub unwinds: u32,
    /// Bytes of `sdk_version` in use.
    pub sdk_version_len: u32,
    /// Version of the library's SDK, UTF-8.
    pub sdk_version: [u8; 32],
}

impl Header {
    /// The header of whatever this crate is linked into.
    pub const fn current() -> Self {
        let version = crate::SDK_VERSION.as_bytes();
        let mut sdk_version = [0u8; 32];
        let mut i = 0;
        while i < version.len() && i < sdk_version.len() {
            sdk_version[i] = version[i];
            i += 1;
        }
        Self {
            magic: MAGIC,
            abi_major: crate::ABI_MAJOR,
            op_revision: crate::OP_REVISION,
            unwinds: cfg!(panic = "unwind") as u32,
            sdk_version_len: i as u32,
            sdk_version,
        }
    }

    /// The SDK's version.
    pub fn sdk_version(&self) -> String {
        let len = (self.sdk_version_len as usize).min(self.sdk_version.len());
        String::from_utf8_lossy(&self.sdk_version[..len]).into_owned()
    }

    /// How the library's panics end.
    pub fn panic_strategy(&self) -> PanicStrategy {
        if self.unwinds == 1 {
            PanicStrategy::Unwind
        } else {
            PanicStrategy::Abort
        }
    }
}

/// The exported header. Its name must be `symbol(ABI_MAJOR)`; a test says so.
// SAFETY: the name is mergelab's own, so it replaces no symbol of another library.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mergelab_plugin_abi_1: Header = Header::current();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_symbol_names_the_major() {
        assert_eq!(symbol(crate::ABI_MAJOR), stringify!(mergelab_plugin_abi_1));
        assert_eq!(mergelab_plugin_abi_1.sdk_version(), crate::SDK_VERSION);
        assert_eq!(
            mergelab_plugin_abi_1.panic_strategy(),
            PanicStrategy::Unwind
        );
    }
}
