//! Agreement with reference implementations, on the cases of `tests/golden/make_stats.py`.

// clippy.toml allows this in test functions; here the functions they share need it too.
#![allow(clippy::unwrap_used)]

mod cases;
mod comparisons;
mod rankings;
