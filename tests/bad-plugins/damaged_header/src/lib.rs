//! A header under the right name whose first bytes are wrong.

/// As `mergelab_abi::handshake::Header` has it.
#[repr(C)]
pub struct Header {
    magic: [u8; 8],
    abi_major: u32,
    op_revision: u32,
    unwinds: u32,
    sdk_version_len: u32,
    sdk_version: [u8; 32],
}

#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mergelab_plugin_abi_1: Header = Header {
    magic: *b"lagrange",
    abi_major: 1,
    op_revision: 1,
    unwinds: 1,
    sdk_version_len: 0,
    sdk_version: [0; 32],
};
