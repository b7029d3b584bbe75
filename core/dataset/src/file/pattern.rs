//! Names of files with `*`.

use std::path::Path;

/// Whether a path with `/` between folders fits a pattern. `*` stands for any signs but `/`, `**`
/// as a folder for any folders, also none.
///
/// ```text
/// data/*/train-*.parquet   fits   data/de/train-00000.parquet
/// de/**/train.parquet      fits   de/train.parquet and de/a/b/train.parquet
/// ```
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    folders(&pattern, &path)
}

fn folders(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => {
            folders(rest, path) || path.split_first().is_some_and(|(_, p)| folders(pattern, p))
        }
        ([first, rest @ ..], [name, others @ ..]) => {
            segment(first.as_bytes(), name.as_bytes()) && folders(rest, others)
        }
        _ => false,
    }
}

fn segment(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            segment(rest, name) || name.split_first().is_some_and(|(_, n)| segment(pattern, n))
        }
        ([p, rest @ ..], [n, others @ ..]) => p == n && segment(rest, others),
        _ => false,
    }
}

/// Paths of all files under a folder, relative to it, with `/`, in order. Hidden ones and
/// unfinished downloads are passed over; a folder that cannot be read has none.
pub(crate) fn under(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            match entry.path() {
                _ if name.starts_with('.') || name.ends_with(".part") => {}
                inner if inner.is_dir() => folders.push((inner, format!("{path}/"))),
                _ => found.push(path),
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stay_in_their_folder_and_double_stars_do_not() {
        for (pattern, path, fits) in [
            ("a.jsonl", "a.jsonl", true),
            ("*.jsonl", "a.jsonl", true),
            ("*.jsonl", "b/a.jsonl", false),
            (
                "data/*/train-*.parquet",
                "data/de/train-00000.parquet",
                true,
            ),
            (
                "data/*/train-*.parquet",
                "data/de/test-00000.parquet",
                false,
            ),
            ("de/**/train.parquet", "de/train.parquet", true),
            ("de/**/train.parquet", "de/a/b/train.parquet", true),
            ("de/**/train.parquet", "fr/train.parquet", false),
            ("**/*", "a/b/c", true),
            ("*a*b*", "xaxxbx", true),
            ("*a*b*", "xbxxax", false),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }
}
