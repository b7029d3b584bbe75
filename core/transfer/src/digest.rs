//! Hashes of files.

use std::fs::File;
use std::io::{self, BufReader, Result, Write};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Bytes that are read at a time.
const BUFFER: usize = 1 << 20;

/// SHA-256 of a file, in hex.
///
/// # Errors
/// The file cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    digest(path, Sha256::new())
}

/// The name that git gives the content of a file of `size` bytes: a SHA-1, in hex.
///
/// # Errors
/// The file cannot be read.
pub fn blob_sha1(path: &Path, size: u64) -> Result<String> {
    digest(path, Sha1::new_with_prefix(format!("blob {size}\0")))
}

fn digest(path: &Path, mut hasher: impl Digest + Write) -> Result<String> {
    let file = File::open(path)?;
    io::copy(&mut BufReader::with_capacity(BUFFER, file), &mut hasher)?;
    let bytes = hasher.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_hashes_that_other_programs_give() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "hello\n").expect("writable");
        // `sha256sum` and `git hash-object`.
        assert_eq!(
            sha256(&path).expect("readable"),
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
        );
        assert_eq!(
            blob_sha1(&path, 6).expect("readable"),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
    }
}
