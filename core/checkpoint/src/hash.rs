//! Hashes of what a checkpoint says, whatever files it is spread over.

use std::collections::BTreeMap;

use blake3::Hash;
use rayon::prelude::*;

use crate::{Checkpoint, DType};

/// Tensors of at least this many bytes are hashed by several threads each.
const PARALLEL_BYTES: usize = 1 << 20;

impl Checkpoint {
    /// BLAKE3 of each tensor's stored bytes, by name; computed in parallel.
    pub fn tensor_hashes(&self) -> BTreeMap<String, Hash> {
        let views: Vec<_> = self.tensors().collect();
        views
            .par_iter()
            .map(|view| (view.name.to_owned(), hash_bytes(view.bytes)))
            .collect()
    }

    /// BLAKE3 of the content: equal for two checkpoints exactly when they have the same tensors
    /// with the same names, dtypes, shapes and bytes. Shards, the order in the files and
    /// metadata do not matter. See [`content_hash`].
    pub fn content_hash(&self) -> Hash {
        self.hash_with(&self.tensor_hashes())
    }

    /// The content hash, given the hashes of the tensors.
    pub(crate) fn hash_with(&self, hashes: &BTreeMap<String, Hash>) -> Hash {
        content_hash(self.tensors().map(|view| {
            // A name without a hash cannot be: the map was made from these very tensors.
            let hash = hashes
                .get(view.name)
                .copied()
                .unwrap_or_else(|| hash_bytes(view.bytes));
            (view.name, view.dtype, view.shape, hash)
        }))
    }
}

/// The content hash of tensors given **sorted by name** as (name, dtype, shape, BLAKE3 of the
/// bytes).
///
/// Each tensor enters as the length of its name (u64, little-endian, as all numbers here), the
/// name, the length of the dtype's safetensors name and that name, the number of dimensions, each
/// dimension, and the hash of its bytes.
pub fn content_hash<'a>(
    tensors: impl IntoIterator<Item = (&'a str, DType, &'a [usize], Hash)>,
) -> Hash {
    let mut hasher = blake3::Hasher::new_derive_key("mergelab checkpoint content v1");
    for (name, dtype, shape, hash) in tensors {
        for text in [name, dtype.name()] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(&(shape.len() as u64).to_le_bytes());
        for dim in shape {
            hasher.update(&(*dim as u64).to_le_bytes());
        }
        hasher.update(hash.as_bytes());
    }
    hasher.finalize()
}

fn hash_bytes(bytes: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    if bytes.len() >= PARALLEL_BYTES {
        hasher.update_rayon(bytes);
    } else {
        hasher.update(bytes);
    }
    hasher.finalize()
}
