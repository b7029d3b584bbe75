//! The `mergelab` program.
fn main() {}
