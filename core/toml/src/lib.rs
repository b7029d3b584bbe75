//! TOML read key by key: every error has a file and a line, and no key is passed over.
//!
//! | module | what it does |
//! |---|---|
//! | [`source`] | a file with its text, places in it, and errors that point there |
//! | [`reader`] | tables asked for key by key; what nobody asked for is refused |
#![forbid(unsafe_code)]

pub mod reader;
pub mod source;
