//! The header of a safetensors file: eight bytes of length, JSON, then the tensors' bytes.
//!
//! Format: <https://github.com/huggingface/safetensors#format>. Every promise of the header is
//! checked against the file before any byte of a tensor is handed out.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::{CheckpointError, DType};

/// The longest header that readers of the format accept, in bytes.
const MAX_HEADER: u64 = 100_000_000;

/// One tensor, its bytes counted from the start of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Range<usize>,
}

/// A checked header: the entries follow each other without gap to the end of the file.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) entries: Vec<Entry>,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Header {
    /// Reads the header of `file`, the whole content of `path`.
    pub(crate) fn parse(path: &Path, file: &[u8]) -> Result<Header, CheckpointError> {
        let file_len = file.len() as u64;
        if file.starts_with(b"version https://git-lfs") {
            return Err(CheckpointError::LfsPointer {
                path: path.to_owned(),
            });
        }
        let Some((length, rest)) = file.split_first_chunk::<8>() else {
            return Err(CheckpointError::Truncated {
                path: path.to_owned(),
                expected: 8,
                actual: file_len,
            });
        };
        let header_len = u64::from_le_bytes(*length);
        let json = usize::try_from(header_len)
            .ok()
            .filter(|_| header_len <= MAX_HEADER)
            .and_then(|length| rest.get(..length));
        let Some(json) = json else {
            return Err(CheckpointError::HeaderTooLong {
                path: path.to_owned(),
                header: header_len,
                file: file_len,
            });
        };
        let raw: RawHeader =
            serde_json::from_slice(json).map_err(|error| CheckpointError::BadHeader {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        check(path, raw, 8 + header_len, file_len)
    }
}

struct RawHeader {
    tensors: Vec<(String, RawEntry)>,
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RawEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// Reads the map entry by entry, since a JSON map type would silently keep the last of two
/// entries with the same name.
impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;

        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = RawHeader;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object of tensors")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RawHeader, M::Error> {
                let mut raw = RawHeader {
                    tensors: Vec::new(),
                    metadata: BTreeMap::new(),
                };
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        raw.metadata = map.next_value()?;
                    } else {
                        let entry = map.next_value().map_err(|error| {
                            serde::de::Error::custom(format!("tensor {name:?}: {error}"))
                        })?;
                        raw.tensors.push((name, entry));
                    }
                }
                Ok(raw)
            }
        }

        deserializer.deserialize_map(HeaderVisitor)
    }
}

/// Checks the raw entries against each other and the file; `data` is where the data begins.
fn check(path: &Path, raw: RawHeader, data: u64, file_len: u64) -> Result<Header, CheckpointError> {
    let mut seen = HashSet::with_capacity(raw.tensors.len());
    for (name, _) in &raw.tensors {
        if !seen.insert(name.as_str()) {
            return Err(CheckpointError::DuplicateTensor {
                path: path.to_owned(),
                tensor: name.clone(),
            });
        }
    }
    let mut claims = Vec::with_capacity(raw.tensors.len());
    for (name, entry) in raw.tensors {
        claims.push(claim(path, name, entry)?);
    }
    // Empty tensors sort before the one that begins where they lie.
    claims.sort_by_key(|(_, bytes)| (bytes.start, bytes.end));

    let promised = claims.iter().map(|(_, bytes)| bytes.end).max().unwrap_or(0);
    let expected = data.saturating_add(promised);
    if expected > file_len {
        return Err(CheckpointError::Truncated {
            path: path.to_owned(),
            expected,
            actual: file_len,
        });
    }
    let mut end = 0;
    for (i, (entry, bytes)) in claims.iter().enumerate() {
        if bytes.start < end {
            return Err(CheckpointError::Overlap {
                path: path.to_owned(),
                first: claims[i - 1].0.name.clone(),
                second: entry.name.clone(),
            });
        }
        if bytes.start > end {
            return Err(CheckpointError::Gap {
                path: path.to_owned(),
                place: format!("before tensor {:?}", entry.name),
                bytes: end..bytes.start,
            });
        }
        end = bytes.end;
    }
    if expected < file_len {
        return Err(CheckpointError::Gap {
            path: path.to_owned(),
            place: "after the last tensor".to_owned(),
            bytes: promised..file_len - data,
        });
    }
    let entries = claims
        .into_iter()
        .map(|(mut entry, bytes)| {
            // The sums are at most the file's length, which is the length of a slice.
            entry.bytes = (data + bytes.start) as usize..(data + bytes.end) as usize;
            entry
        })
        .collect();
    Ok(Header {
        entries,
        metadata: raw.metadata,
    })
}

/// One entry with the range of the data section that it claims, checked against its own shape.
fn claim(path: &Path, name: String, raw: RawEntry) -> Result<(Entry, Range<u64>), CheckpointError> {
    let known = DType::ALL
        .into_iter()
        .find(|dtype| dtype.name() == raw.dtype);
    let Some(dtype) = known else {
        return Err(CheckpointError::UnknownDType {
            path: path.to_owned(),
            tensor: name,
            dtype: raw.dtype,
        });
    };
    let bytes = raw.data_offsets.0..raw.data_offsets.1;
    let size = raw
        .shape
        .iter()
        .try_fold(dtype.size() as u64, |n, dim| n.checked_mul(*dim));
    let shape = raw.shape.iter().map(|dim| *dim as usize).collect();
    if size.is_none() || bytes.end.checked_sub(bytes.start) != size {
        return Err(CheckpointError::SizeMismatch {
            path: path.to_owned(),
            tensor: name,
            dtype,
            shape,
            bytes,
        });
    }
    Ok((
        Entry {
            name,
            dtype,
            shape,
            bytes: 0..0,
        },
        bytes,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(json: &str, data: usize) -> Vec<u8> {
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(json.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    fn refusal(json: &str, data: usize) -> CheckpointError {
        Header::parse(Path::new("m.safetensors"), &file(json, data)).unwrap_err()
    }

    fn entry(name: &str, dtype: &str, shape: &str, begin: u64, end: u64) -> String {
        format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
    }

    /// Two F32 tensors of two elements each, at the byte ranges given.
    fn two(first: Range<u64>, second: Range<u64>) -> String {
        let a = entry("a", "F32", "[2]", first.start, first.end);
        let b = entry("b", "F32", "[1,2]", second.start, second.end);
        format!("{{{a},{b}}}")
    }

    #[test]
    fn a_good_header_gives_ranges_of_the_file() {
        let json = two(8..16, 0..8).replacen('{', r#"{"__metadata__":{"format":"pt"},"#, 1);
        let header = Header::parse(Path::new("m"), &file(&json, 16)).unwrap();
        assert_eq!(header.metadata["format"], "pt");
        let data = 8 + json.len();
        let found: Vec<_> = header
            .entries
            .iter()
            .map(|e| (e.name.as_str(), e.bytes.clone()))
            .collect();
        assert_eq!(found, [("b", data..data + 8), ("a", data + 8..data + 16)]);
        assert_eq!(header.entries[0].shape, [1, 2]);
    }

    #[test]
    fn every_cut_of_a_good_file_is_refused() {
        let json = two(0..8, 8..16);
        let whole = file(&json, 16);
        for len in 0..whole.len() {
            let error = Header::parse(Path::new("m"), &whole[..len]).unwrap_err();
            match len {
                0..8 => assert!(
                    matches!(error, CheckpointError::Truncated { .. }),
                    "{error}"
                ),
                _ if len < 8 + json.len() => {
                    assert!(
                        matches!(error, CheckpointError::HeaderTooLong { .. }),
                        "{error}"
                    );
                }
                _ => assert!(
                    matches!(error, CheckpointError::Truncated { expected, actual, .. }
                        if expected == whole.len() as u64 && actual == len as u64),
                    "{error}"
                ),
            }
        }
    }

    #[test]
    fn a_lying_length_field_is_refused() {
        for length in [1 << 20, MAX_HEADER + 1, u64::MAX] {
            let mut bytes = file("{}", 0);
            bytes[..8].copy_from_slice(&length.to_le_bytes());
            let error = Header::parse(Path::new("m"), &bytes).unwrap_err();
            assert!(
                matches!(error, CheckpointError::HeaderTooLong { header, .. } if header == length)
            );
        }
    }

    #[test]
    fn gaps_are_refused_wherever_they_are() {
        for (json, data, gap) in [
            (two(0..8, 12..20), 20, 8..12),
            (two(4..12, 12..20), 20, 0..4),
            (two(0..8, 8..16), 24, 16..24),
            ("{}".to_owned(), 4, 0..4),
        ] {
            match refusal(&json, data) {
                CheckpointError::Gap { bytes, .. } => assert_eq!(bytes, gap),
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn overlaps_name_both_tensors() {
        match refusal(&two(0..8, 4..12), 12) {
            CheckpointError::Overlap { first, second, .. } => {
                assert_eq!((first.as_str(), second.as_str()), ("a", "b"));
            }
            other => panic!("{other}"),
        }
        assert!(matches!(
            refusal(&two(0..8, 0..8), 8),
            CheckpointError::Overlap { .. }
        ));
    }

    #[test]
    fn offsets_that_do_not_fit_the_shape_are_refused() {
        for (shape, begin, end) in [
            ("[2]", 0, 7),
            ("[3]", 0, 8),
            ("[2]", 8, 0),
            ("[4294967296,4294967296]", 0, 0),
            ("[18446744073709551615,2]", 0, 8),
        ] {
            let json = format!("{{{}}}", entry("w", "F32", shape, begin, end));
            let error = refusal(&json, 8);
            assert!(
                matches!(error, CheckpointError::SizeMismatch { .. }),
                "{shape}: {error}"
            );
            assert!(error.to_string().contains("\"w\""), "{error}");
        }
    }

    #[test]
    fn unknown_dtypes_name_tensor_and_dtype() {
        let json = format!("{{{}}}", entry("w", "F4", "[2]", 0, 1));
        let message = refusal(&json, 1).to_string();
        for part in ["m.safetensors", "\"w\"", "\"F4\"", "BF16"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_name_given_twice_is_refused() {
        let (a, again) = (entry("a", "U8", "[4]", 0, 4), entry("a", "U8", "[4]", 4, 8));
        let error = refusal(&format!("{{{a},{again}}}"), 8);
        assert!(matches!(error, CheckpointError::DuplicateTensor { tensor, .. } if tensor == "a"));
    }

    #[test]
    fn what_is_not_the_format_is_refused() {
        for json in [
            "[]",
            "{",
            r#"{"a":1}"#,
            r#"{"a":{"dtype":"F32"}}"#,
            r#"{"__metadata__":3}"#,
        ] {
            assert!(
                matches!(refusal(json, 0), CheckpointError::BadHeader { .. }),
                "{json}"
            );
        }
        let negative = entry("a", "U8", "[4]", 0, 4).replace("[4]", "[-4]");
        assert!(matches!(
            refusal(&format!("{{{negative}}}"), 4),
            CheckpointError::BadHeader { .. }
        ));
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n";
        let error = Header::parse(Path::new("m"), pointer).unwrap_err();
        assert!(matches!(error, CheckpointError::LfsPointer { .. }));
    }

    #[test]
    fn empty_tensors_may_lie_anywhere() {
        let none = |name, at| entry(name, "F32", "[0,3]", at, at);
        let some = entry("b", "F32", "[2]", 0, 8);
        let json = format!("{{{},{some},{}}}", none("c", 0), none("a", 8));
        let header = Header::parse(Path::new("m"), &file(&json, 8)).unwrap();
        assert_eq!(header.entries.len(), 3);
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes: Vec<u8>, length in 0u64..64) {
            let _ = Header::parse(Path::new("m"), &bytes);
            if bytes.len() >= 8 {
                bytes[..8].copy_from_slice(&length.to_le_bytes());
                let _ = Header::parse(Path::new("m"), &bytes);
            }
        }

        #[test]
        fn arbitrary_offsets_are_refused_or_cover_the_data(
            offsets in proptest::collection::vec((0u64..12, 0u64..12), 1..4),
            data in 0usize..12,
        ) {
            let entries: Vec<_> = offsets
                .iter()
                .enumerate()
                .map(|(i, (begin, end))| {
                    let shape = format!("[{}]", end.saturating_sub(*begin));
                    entry(&i.to_string(), "U8", &shape, *begin, *end)
                })
                .collect();
            let bytes = file(&format!("{{{}}}", entries.join(",")), data);
            if let Ok(header) = Header::parse(Path::new("m"), &bytes) {
                let mut owners = vec![0; data];
                for entry in header.entries {
                    for at in entry.bytes {
                        owners[at - (bytes.len() - data)] += 1;
                    }
                }
                proptest::prop_assert!(owners.iter().all(|owners| *owners == 1));
            }
        }
    }
}
