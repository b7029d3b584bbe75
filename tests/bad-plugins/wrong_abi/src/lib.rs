//! The header's symbol of ABI 2. Nothing of it may be read: what it holds is that ABI's business.

#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mergelab_plugin_abi_2: [u8; 4] = [0xff; 4];
