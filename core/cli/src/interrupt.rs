//! Ctrl-C: asked once, work ends at the next safe point; asked twice, it ends at once.

use crate::failure::Failure;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A flag that Ctrl-C and a termination signal set.
pub(crate) fn flag() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let own = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if own.swap(true, Ordering::Relaxed) {
            // What is half-written has a temporary name, so ending here loses only work.
            std::process::exit(130);
        }
    })
    .map_err(|e| Failure::internal(format!("Ctrl-C cannot be watched: {e}")))?;
    Ok(flag)
}
