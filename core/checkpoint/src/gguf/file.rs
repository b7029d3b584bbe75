//! A memory-mapped GGUF file and its tensors.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::cursor::Cursor;
use super::{GgmlType, GgufError, Metadata, blocks};
use crate::checkpoint::Mapped;

/// Most dimensions that ggml knows.
const MAX_DIMENSIONS: u32 = 4;

/// One tensor of a file, as its head describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GgufTensor {
    /// Its name in ggml, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// Its storage format.
    pub kind: GgmlType,
    /// Length of each dimension, outermost first: the reverse of the order in the file.
    pub shape: Vec<usize>,
    /// Its bytes, counted from the start of the file.
    bytes: Range<usize>,
}

impl GgufTensor {
    /// Number of elements: the product of the shape.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Elements of a row: the innermost dimension. Rows are decoded independently of each other.
    pub fn row(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }
}

/// A GGUF file of version 2 or 3, memory-mapped.
///
/// Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. Every promise of its head
/// is checked against the file when it is opened. The file must not be changed while it is open.
#[derive(Debug)]
pub struct GgufFile {
    mapped: Mapped,
    version: u32,
    metadata: Metadata,
    tensors: Vec<GgufTensor>,
    by_name: HashMap<String, usize>,
}

impl GgufFile {
    /// Opens a file and checks its head.
    ///
    /// # Errors
    /// When it is no GGUF file, of another version, one part of several, truncated, or
    /// contradicts itself. The types of all tensors are known ones, but not all are decoded.
    pub fn open(path: impl AsRef<Path>) -> Result<GgufFile, GgufError> {
        let path = path.as_ref();
        if let Err(source) = std::fs::metadata(path)
            && source.kind() == std::io::ErrorKind::NotFound
        {
            let path = path.to_owned();
            return Err(crate::CheckpointError::NotFound { path }.into());
        }
        let mapped = Mapped::open(path.to_owned())?;
        let Head {
            version,
            metadata,
            tensors,
        } = Head::parse(path, mapped.bytes())?;
        let by_name = tensors
            .iter()
            .enumerate()
            .map(|(i, tensor)| (tensor.name.clone(), i))
            .collect();
        Ok(GgufFile {
            mapped,
            version,
            metadata,
            tensors,
            by_name,
        })
    }

    /// The path that it was opened with.
    pub fn path(&self) -> &Path {
        self.mapped.path()
    }

    /// The version of the format.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The key-value pairs of its head.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The tensors, in the order of the file.
    pub fn tensors(&self) -> &[GgufTensor] {
        &self.tensors
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&GgufTensor> {
        self.by_name.get(name).map(|i| &self.tensors[*i])
    }

    /// Bytes of all tensors.
    pub fn total_bytes(&self) -> u64 {
        self.tensors.iter().map(|t| t.bytes.len() as u64).sum()
    }

    /// BLAKE3 of the whole file.
    pub fn file_hash(&self) -> blake3::Hash {
        blake3::Hasher::new()
            .update_rayon(self.mapped.bytes())
            .finalize()
    }

    /// `general.architecture`, such as `llama`.
    ///
    /// # Errors
    /// When the key is not there.
    pub fn architecture(&self) -> Result<&str, GgufError> {
        let key = "general.architecture";
        let name = self.metadata.string(key)?;
        name.ok_or_else(|| self.metadata.missing(key))
    }

    /// Decodes the elements from `start` on, as many as `out` holds, in row-major order.
    ///
    /// Faster where both ends of the range are ends of blocks; rows are.
    ///
    /// # Errors
    /// When the elements are not all in the tensor, or its type is not decoded.
    pub fn read_f32(
        &self,
        tensor: &GgufTensor,
        start: usize,
        out: &mut [f32],
    ) -> Result<(), GgufError> {
        let elements = tensor.elements();
        let end = start.checked_add(out.len()).filter(|end| *end <= elements);
        let Some(end) = end else {
            return Err(GgufError::Range {
                tensor: tensor.name.clone(),
                elements,
                start,
                count: out.len(),
            });
        };
        let (block, size) = (tensor.kind.block_elements(), tensor.kind.block_bytes());
        let (first, last) = (start / block, end.div_ceil(block));
        let bytes = self.mapped.bytes().get(tensor.bytes.clone());
        let bytes = bytes.and_then(|bytes| bytes.get(first * size..last * size));
        let decoded = match bytes {
            // Of another file.
            None => false,
            Some(bytes) if (last - first) * block == out.len() => {
                blocks::decode(tensor.kind, bytes, out)
            }
            Some(bytes) => {
                let mut whole = vec![0.0; (last - first) * block];
                let decoded = blocks::decode(tensor.kind, bytes, &mut whole);
                let skipped = start - first * block;
                out.copy_from_slice(&whole[skipped..skipped + out.len()]);
                decoded
            }
        };
        if decoded {
            return Ok(());
        }
        Err(GgufError::UnsupportedType {
            path: self.path().to_owned(),
            tensor: tensor.name.clone(),
            kind: tensor.kind.name(),
        })
    }
}

/// What comes before the data.
struct Head {
    version: u32,
    metadata: Metadata,
    tensors: Vec<GgufTensor>,
}

impl Head {
    fn parse(path: &Path, file: &[u8]) -> Result<Head, GgufError> {
        let mut cursor = Cursor::new(path, file);
        let not_gguf = |hint: &str| GgufError::NotGguf {
            path: path.to_owned(),
            hint: hint.to_owned(),
        };
        if file.starts_with(b"version https://git-lfs") {
            return Err(not_gguf(
                "it is a Git LFS pointer; run `git lfs pull` in its folder",
            ));
        }
        if !file.starts_with(b"GGUF") {
            return Err(not_gguf(
                "it does not begin with the letters GGUF (older ggml formats are not read)",
            ));
        }
        cursor.take(4, "the magic number")?;
        let version = cursor.u32("the version")?;
        if !(2..=3).contains(&version) {
            if version & 0xffff == 0 && version != 0 {
                return Err(not_gguf(
                    "it is big-endian GGUF, which is not read; convert it",
                ));
            }
            let path = path.to_owned();
            return Err(GgufError::Version { path, version });
        }
        let tensor_count = cursor.u64("the number of tensors")?;
        let pair_count = cursor.u64("the number of metadata keys")?;
        // The least that a tensor (name length, dimensions, type, offset) and a pair (key length,
        // type, value) take.
        for (what, count, least) in [
            ("tensors", tensor_count, 24),
            ("metadata keys", pair_count, 13),
        ] {
            if count > cursor.remaining() as u64 / least {
                let reason = format!("{count} {what} do not fit in the file");
                return Err(GgufError::malformed(path, "the head", reason));
            }
        }
        let metadata = Metadata::read(path, &mut cursor, pair_count)?;
        if let Some(count) = metadata.unsigned("split.count")?.filter(|n| *n > 1) {
            let path = path.to_owned();
            return Err(GgufError::Split { path, count });
        }
        let mut tensors = Vec::new();
        for _ in 0..tensor_count {
            tensors.push(described(path, &mut cursor)?);
        }
        let alignment = alignment(&metadata)?;
        let data = (cursor.position() as u64).next_multiple_of(alignment);
        let tensors = tensors
            .into_iter()
            .map(|described| described.placed(path, file.len(), data, alignment))
            .collect::<Result<Vec<_>, _>>()?;
        check_apart(path, &tensors)?;
        Ok(Head {
            version,
            metadata,
            tensors,
        })
    }
}

fn alignment(metadata: &Metadata) -> Result<u64, GgufError> {
    let key = "general.alignment";
    let alignment = metadata.unsigned(key)?.unwrap_or(32);
    if alignment.is_power_of_two() && alignment <= 1 << 20 {
        return Ok(alignment);
    }
    Err(metadata.bad(key, format!("is {alignment}, not a small power of two")))
}

struct Described {
    name: String,
    kind: GgmlType,
    /// Innermost first, as in the file.
    dimensions: Vec<u64>,
    offset: u64,
}

fn described(path: &Path, cursor: &mut Cursor<'_>) -> Result<Described, GgufError> {
    let name = cursor.string("a tensor's name")?.to_owned();
    let rank = cursor.u32(&name)?;
    if rank > MAX_DIMENSIONS {
        let reason = format!("it has {rank} dimensions, at most {MAX_DIMENSIONS} are possible");
        return Err(GgufError::malformed(
            path,
            format!("tensor {name:?}"),
            reason,
        ));
    }
    let dimensions = (0..rank)
        .map(|_| cursor.u64(&name))
        .collect::<Result<_, _>>()?;
    let id = cursor.u32(&name)?;
    let offset = cursor.u64(&name)?;
    let kind = GgmlType::from_id(id).ok_or_else(|| GgufError::UnknownType {
        path: path.to_owned(),
        tensor: name.clone(),
        id,
    })?;
    Ok(Described {
        name,
        kind,
        dimensions,
        offset,
    })
}

impl Described {
    /// The tensor, where its bytes are in the file.
    fn placed(
        self,
        path: &Path,
        file: usize,
        data: u64,
        alignment: u64,
    ) -> Result<GgufTensor, GgufError> {
        let Described {
            name,
            kind,
            dimensions,
            offset,
        } = self;
        let refuse = |reason: String| {
            Err(GgufError::malformed(
                path,
                format!("tensor {name:?}"),
                reason,
            ))
        };
        if dimensions.contains(&0) {
            return refuse("one of its dimensions is 0".to_owned());
        }
        let innermost = dimensions.first().copied().unwrap_or(1);
        if !innermost.is_multiple_of(kind.block_elements() as u64) {
            return refuse(format!(
                "rows of {innermost} elements are not whole blocks of {kind} ({} elements)",
                kind.block_elements()
            ));
        }
        let elements = dimensions
            .iter()
            .try_fold(1u64, |product, n| product.checked_mul(*n));
        let size = elements.and_then(|elements| {
            (elements / kind.block_elements() as u64).checked_mul(kind.block_bytes() as u64)
        });
        if !offset.is_multiple_of(alignment) {
            return refuse(format!(
                "its offset {offset} is no multiple of the alignment, {alignment}"
            ));
        }
        let start = data.checked_add(offset);
        let end = start.and_then(|start| start.checked_add(size?));
        let (Some(start), Some(end)) = (start, end.filter(|end| *end <= file as u64)) else {
            return refuse(format!(
                "{kind} of dimensions {dimensions:?} at offset {offset} of the data goes past the \
                 end of the file ({file} bytes, data from byte {data})"
            ));
        };
        // Both are at most `file`, which is a usize.
        let bytes = start as usize..end as usize;
        let shape = dimensions.iter().rev().map(|n| usize::try_from(*n));
        let Ok(shape) = shape.collect::<Result<Vec<_>, _>>() else {
            return refuse("a dimension is too large for this machine".to_owned());
        };
        Ok(GgufTensor {
            name,
            kind,
            shape,
            bytes,
        })
    }
}

/// Refuses two tensors of one name or with common bytes.
fn check_apart(path: &Path, tensors: &[GgufTensor]) -> Result<(), GgufError> {
    let mut names = HashMap::new();
    for tensor in tensors {
        if names.insert(&tensor.name, ()).is_some() {
            let place = format!("tensor {:?}", tensor.name);
            return Err(GgufError::malformed(path, place, "it is there twice"));
        }
    }
    let mut places: Vec<&GgufTensor> = tensors.iter().filter(|t| !t.bytes.is_empty()).collect();
    places.sort_by_key(|tensor| tensor.bytes.start);
    for pair in places.windows(2) {
        if pair[1].bytes.start < pair[0].bytes.end {
            let place = format!("tensor {:?}", pair[1].name);
            let reason = format!("it overlaps {:?}", pair[0].name);
            return Err(GgufError::malformed(path, place, reason));
        }
    }
    Ok(())
}
