//! The number formats of ggml: how many elements a block has and how many bytes it takes.

use std::fmt;

/// A storage format of ggml's tensors.
///
/// Elements are stored in blocks along the innermost dimension. Sizes: `ggml.c` of llama.cpp and
/// the PyPI package `gguf` (`GGML_QUANT_SIZES`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GgmlType(u32);

/// (number, name, elements of a block, bytes of a block, whether it is decoded)
const TYPES: [(u32, &str, usize, usize, bool); 34] = [
    (0, "F32", 1, 4, true),
    (1, "F16", 1, 2, true),
    (2, "Q4_0", 32, 18, true),
    (3, "Q4_1", 32, 20, true),
    (6, "Q5_0", 32, 22, true),
    (7, "Q5_1", 32, 24, true),
    (8, "Q8_0", 32, 34, true),
    (9, "Q8_1", 32, 40, false),
    (10, "Q2_K", 256, 84, true),
    (11, "Q3_K", 256, 110, true),
    (12, "Q4_K", 256, 144, true),
    (13, "Q5_K", 256, 176, true),
    (14, "Q6_K", 256, 210, true),
    (15, "Q8_K", 256, 292, false),
    (16, "IQ2_XXS", 256, 66, false),
    (17, "IQ2_XS", 256, 74, false),
    (18, "IQ3_XXS", 256, 98, false),
    (19, "IQ1_S", 256, 50, false),
    (20, "IQ4_NL", 32, 18, true),
    (21, "IQ3_S", 256, 110, false),
    (22, "IQ2_S", 256, 82, false),
    (23, "IQ4_XS", 256, 136, true),
    (24, "I8", 1, 1, false),
    (25, "I16", 1, 2, false),
    (26, "I32", 1, 4, false),
    (27, "I64", 1, 8, false),
    (28, "F64", 1, 8, false),
    (29, "IQ1_M", 256, 56, false),
    (30, "BF16", 1, 2, true),
    (34, "TQ1_0", 256, 54, false),
    (35, "TQ2_0", 256, 66, false),
    (39, "MXFP4", 32, 17, false),
    (40, "NVFP4", 64, 36, false),
    (41, "Q1_0", 128, 18, false),
];

impl GgmlType {
    /// IEEE 754 binary32.
    pub const F32: GgmlType = GgmlType(0);
    /// IEEE 754 binary16.
    pub const F16: GgmlType = GgmlType(1);
    /// 4 bits and a scale.
    pub const Q4_0: GgmlType = GgmlType(2);
    /// 4 bits, a scale and a minimum.
    pub const Q4_1: GgmlType = GgmlType(3);
    /// 5 bits and a scale.
    pub const Q5_0: GgmlType = GgmlType(6);
    /// 5 bits, a scale and a minimum.
    pub const Q5_1: GgmlType = GgmlType(7);
    /// 8 bits and a scale.
    pub const Q8_0: GgmlType = GgmlType(8);
    /// 2 bits, in super-blocks whose scales and minima are quantised too.
    pub const Q2_K: GgmlType = GgmlType(10);
    /// 3 bits, in super-blocks whose scales are quantised too.
    pub const Q3_K: GgmlType = GgmlType(11);
    /// 4 bits, in super-blocks whose scales and minima are quantised too.
    pub const Q4_K: GgmlType = GgmlType(12);
    /// 5 bits, in super-blocks as [`Q4_K`](Self::Q4_K).
    pub const Q5_K: GgmlType = GgmlType(13);
    /// 6 bits, in super-blocks whose scales are quantised too.
    pub const Q6_K: GgmlType = GgmlType(14);
    /// 4 bits that stand for values of a table, and a scale.
    pub const IQ4_NL: GgmlType = GgmlType(20);
    /// As [`IQ4_NL`](Self::IQ4_NL), in super-blocks whose scales are quantised too.
    pub const IQ4_XS: GgmlType = GgmlType(23);
    /// The upper 16 bits of a binary32.
    pub const BF16: GgmlType = GgmlType(30);

    /// The formats that are decoded to f32.
    pub const DECODED: [GgmlType; 15] = [
        GgmlType::F32,
        GgmlType::F16,
        GgmlType::BF16,
        GgmlType::Q4_0,
        GgmlType::Q4_1,
        GgmlType::Q5_0,
        GgmlType::Q5_1,
        GgmlType::Q8_0,
        GgmlType::Q2_K,
        GgmlType::Q3_K,
        GgmlType::Q4_K,
        GgmlType::Q5_K,
        GgmlType::Q6_K,
        GgmlType::IQ4_NL,
        GgmlType::IQ4_XS,
    ];

    /// The format of that number, if ggml has one.
    pub fn from_id(id: u32) -> Option<GgmlType> {
        let known = TYPES.iter().any(|(known, ..)| *known == id);
        known.then_some(GgmlType(id))
    }

    fn row(self) -> &'static (u32, &'static str, usize, usize, bool) {
        let found = TYPES.iter().find(|(id, ..)| *id == self.0);
        // `from_id` and the constants give numbers of the table alone; a test goes through them.
        found.unwrap_or(&TYPES[0])
    }

    /// Its number in the file.
    pub fn id(self) -> u32 {
        self.0
    }

    /// Its name, such as `Q4_K`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Elements of a block.
    pub fn block_elements(self) -> usize {
        self.row().2
    }

    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        self.row().3
    }

    /// Whether [`GgufFile::read_f32`](super::GgufFile::read_f32) decodes it.
    pub fn is_decoded(self) -> bool {
        self.row().4
    }

    pub(super) fn decoded_names() -> String {
        Self::DECODED.map(GgmlType::name).join(", ")
    }
}

impl fmt::Display for GgmlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_those_of_the_table() {
        let decoded: Vec<GgmlType> = TYPES
            .iter()
            .filter_map(|(id, .., decoded)| decoded.then(|| GgmlType::from_id(*id)).flatten())
            .collect();
        let mut constants = GgmlType::DECODED.to_vec();
        constants.sort();
        assert_eq!(decoded, constants);
        assert_eq!(GgmlType::Q6_K.name(), "Q6_K");
        assert_eq!(GgmlType::from_id(4), None, "removed from ggml");
    }
}
