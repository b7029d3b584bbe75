//! Seeds that depend on what is computed and on nothing else.

/// The seed of one row's random draws: the first eight bytes of a BLAKE3 hash over the seed and the
/// names, each with its length so that no two lists of names run together.
///
/// A row therefore keeps its numbers when models, tasks or languages are added to the experiment.
pub(super) fn stream(seed: u64, names: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    for name in names {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
    }
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::stream;

    #[test]
    fn seeds_and_names_decide() {
        assert_eq!(stream(1, &["a", "b"]), stream(1, &["a", "b"]));
        assert_ne!(stream(1, &["a", "b"]), stream(2, &["a", "b"]));
        assert_ne!(stream(1, &["ab", "c"]), stream(1, &["a", "bc"]));
        assert_ne!(stream(1, &["a", ""]), stream(1, &["a"]));
    }
}
