//! Whether a library's file is whole.
//!
//! Linux maps the parts of a library without comparing them with the file's length. A file that
//! was cut off, by a copy or download that broke, is mapped as if it were whole, and the first
//! look at a missing page ends the process with SIGBUS: no error comes back. So the header is
//! asked first how long the file must be.

/// Bytes that an ELF file must have for everything that its header names. `None` where the content
/// is no ELF file or its tables cannot be read: the system's loader says what is wrong with it.
pub(super) fn needed_bytes(content: &[u8]) -> Option<u64> {
    if content.get(..4)? != b"\x7fELF" {
        return None;
    }
    let wide = content[4..].first()? == &2;
    let big_endian = content.get(5)? == &2;
    let number = |at: usize, bytes: usize| -> Option<u64> {
        let part = content.get(at..at.checked_add(bytes)?)?.iter();
        let join = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
        Some(if big_endian {
            part.fold(0, join)
        } else {
            part.rev().fold(0, join)
        })
    };
    // Places of fields in the header and in a program header, ELF64 or ELF32.
    let word = if wide { 8 } else { 4 };
    let (segments_at, sections_at, sizes_at) = if wide { (32, 40, 54) } else { (28, 32, 42) };
    let (offset_at, size_at) = if wide { (8, 32) } else { (4, 16) };

    let segments = number(segments_at, word)?;
    let (segment_size, segment_count) = (number(sizes_at, 2)?, number(sizes_at + 2, 2)?);
    let (section_size, section_count) = (number(sizes_at + 4, 2)?, number(sizes_at + 6, 2)?);
    // The table of sections is what linkers write last.
    let mut needed = number(sections_at, word)?.saturating_add(section_size * section_count);
    needed = needed.max(segments.saturating_add(segment_size * segment_count));
    for i in 0..segment_count {
        let at = usize::try_from(segments.checked_add(i * segment_size)?).ok()?;
        // A table that is cut off itself: what is known so far tells enough.
        let (Some(offset), Some(size)) = (
            number(at.checked_add(offset_at)?, word),
            number(at.checked_add(size_at)?, word),
        ) else {
            break;
        };
        needed = needed.max(offset.saturating_add(size));
    }
    Some(needed)
}

#[cfg(test)]
mod tests {
    use super::needed_bytes;

    #[test]
    fn a_whole_file_is_as_long_as_it_must_be_and_no_cut_is() {
        let path = std::env::current_exe().expect("a test is a file");
        let content = std::fs::read(path).expect("a readable file");
        if !cfg!(target_os = "linux") {
            assert_eq!(needed_bytes(&content), None);
            return;
        }
        let whole = content.len();
        let is_cut = |length: usize| needed_bytes(&content[..length]).map(|n| n > length as u64);
        assert_eq!(is_cut(whole), Some(false));
        for length in [64, 4096, whole / 2, whole - 1] {
            assert_eq!(is_cut(length), Some(true), "{length} of {whole} bytes");
        }
    }

    #[test]
    fn other_content_is_left_to_the_loader() {
        for content in [
            &b""[..],
            b"\x7fEL",
            b"\x7fELF",
            b"\x7fELF\x02\x01",
            b"shopping list",
        ] {
            assert_eq!(needed_bytes(content), None);
        }
        // Numbers as large as they go do not overflow.
        let mut wild = b"\x7fELF\x02\x01".to_vec();
        wild.resize(64, 0xff);
        assert!(needed_bytes(&wild).is_none_or(|n| n > 64));
    }
}
