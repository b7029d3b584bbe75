//! What buckets say about the masks of a row, by upper bytes.
//!
//! An upper byte leaves open what happens to places between two bounds. From these follow, for one
//! row, two buckets: what is in lower ones is decided one way, what is in higher ones the other. A
//! table of both fits a few registers, so elements are looked up side by side.

#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(
        dead_code,
        reason = "other processors look up one element after the other"
    )
)]

/// Bytes that one pair of registers has entries for.
const BLOCK: usize = 64;
/// Pairs of registers that may be used.
pub(super) const MOST: usize = 4;

/// The bounds of all upper bytes that do not keep, or drop, everything, and of one on either side.
pub(super) struct Window {
    /// The byte of the first entry, or of the last where probabilities fall.
    pub(super) first: u8,
    /// Index of the last entry.
    pub(super) last: u16,
    pub(super) falls: bool,
    /// For each place, the first entry whose lower bound is not below it, and the first whose upper
    /// bound is above it.
    entries: Vec<[u8; 2]>,
}

/// For each entry, the bucket below which, and that from which on, elements are decided: the
/// largest of it and of those before it.
pub(super) struct Table {
    pub(super) low: [u16; MOST * BLOCK],
    pub(super) high: [u16; MOST * BLOCK],
}

impl Default for Table {
    fn default() -> Self {
        Self {
            low: [0; MOST * BLOCK],
            high: [0; MOST * BLOCK],
        }
    }
}

impl Window {
    /// From the places that each byte drops, and those from which on it keeps, counted from where
    /// probabilities are low; and from the bytes that keep, and drop, everything.
    pub(super) fn new(
        decided: &[[u32; 2]; 256],
        [always, never]: [u64; 2],
        row: u32,
        falls: bool,
    ) -> Option<Self> {
        // Buckets and places are numbers of two bytes.
        let longest = u16::MAX;
        if row > u32::from(longest) {
            return None;
        }
        let first = always.saturating_sub(1).min(255) as usize;
        let last = never.clamp(first as u64, 255) as usize;
        let mut bounds: Vec<[u32; 2]> = decided[first..=last].to_vec();
        if falls {
            bounds.reverse();
            for [dropped, kept] in &mut bounds {
                (*dropped, *kept) = (row - *kept, row - *dropped);
            }
        }
        if bounds.len() > usize::from(u8::MAX) {
            return None;
        }
        let mut next = [0; 2];
        let entry = |place: u32| {
            let rest = |side: usize| bounds[next[side]..].iter();
            let below = rest(0).take_while(|bounds| bounds[0] < place).count();
            let up_to = rest(1).take_while(|bounds| bounds[1] <= place).count();
            next = [next[0] + below, next[1] + up_to];
            next.map(|index| index as u8)
        };
        let entries = (0..=row).map(entry).collect();
        Some(Self {
            first: first as u8,
            last: (last - first) as u16,
            falls,
            entries,
        })
    }

    /// Blocks of the table that are used.
    pub(super) fn blocks(&self) -> usize {
        usize::from(self.last) / BLOCK + 1
    }

    /// Finds the buckets for a row, of which `starts` are the places.
    pub(super) fn fill(&self, starts: &[u32], table: &mut Table) {
        let Table { low, high } = table;
        let used = (self.blocks() * BLOCK + 1).min(MOST * BLOCK);
        low[..used].fill(0);
        high[..used].fill(0);
        for (bucket, &start) in starts.iter().enumerate() {
            let [lower, upper] = self.entries[start as usize];
            // Later ones are larger.
            low[usize::from(lower)] = bucket as u16;
            high[usize::from(upper)] = bucket as u16 + 1;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::{BLOCK, MOST, Table, Window};
    use crate::kernels::bits;
    use core::arch::x86_64::__m512i;
    use pulp::NullaryFnOnce;
    use pulp::x86::V4;

    /// Decides about the elements of a row, 64 of them for each word.
    pub(in super::super) struct Decide<'a, const BLOCKS: usize> {
        pub(in super::super) simd: V4,
        pub(in super::super) window: &'a Window,
        pub(in super::super) table: &'a Table,
        pub(in super::super) bytes: &'a [u8],
        /// Filled up to a whole number of words.
        pub(in super::super) buckets: &'a [u16],
        pub(in super::super) kept: &'a mut [u64],
        pub(in super::super) open: &'a mut [u64],
    }

    impl<const BLOCKS: usize> NullaryFnOnce for Decide<'_, BLOCKS> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Decide {
                simd,
                window,
                table,
                bytes,
                buckets,
                kept,
                open,
            } = self;
            let low = registers::<BLOCKS>(simd, &table.low);
            let high = registers::<BLOCKS>(simd, &table.high);
            let first = simd
                .avx512f
                ._mm512_set1_epi16(i16::from(window.first as i8) & 0xff);
            let last = simd.avx512f._mm512_set1_epi16(window.last as i16);
            let words = kept.iter_mut().zip(&mut *open);
            let chunks = bytes.chunks(64).zip(buckets.as_chunks::<64>().0);
            for ((bytes, buckets), (kept, open)) in chunks.zip(words) {
                let bytes: [[u8; 32]; 2] = pulp::cast(bits::padded(bytes));
                let buckets: [[u16; 32]; 2] = pulp::cast(*buckets);
                let mut below = 0;
                let mut from = 0;
                for half in 0..2 {
                    let byte = simd.avx512bw._mm512_cvtepu8_epi16(pulp::cast(bytes[half]));
                    let index = simd.avx512bw._mm512_subs_epu16(byte, first);
                    let mut index = simd.avx512bw._mm512_min_epu16(index, last);
                    if window.falls {
                        index = simd.avx512bw._mm512_sub_epi16(last, index);
                    }
                    let bucket: __m512i = pulp::cast(buckets[half]);
                    let low = look_up(simd, &low, index);
                    let high = look_up(simd, &high, index);
                    let is_below = simd.avx512bw._mm512_cmplt_epu16_mask(bucket, low);
                    let is_from = simd.avx512bw._mm512_cmpge_epu16_mask(bucket, high);
                    below |= u64::from(is_below) << (32 * half);
                    from |= u64::from(is_from) << (32 * half);
                }
                *kept = if window.falls { below } else { from };
                *open = !(below | from);
            }
            let rest = bytes.len() % 64;
            if rest > 0 {
                let there = (1 << rest) - 1;
                if let (Some(kept), Some(open)) = (kept.last_mut(), open.last_mut()) {
                    *kept &= there;
                    *open &= there;
                }
            }
        }
    }

    /// The entries, each the largest so far.
    #[inline(always)]
    fn registers<const BLOCKS: usize>(
        simd: V4,
        table: &[u16; MOST * BLOCK],
    ) -> [[__m512i; 2]; BLOCKS] {
        let mut registers = [[simd.avx512f._mm512_set1_epi16(0); 2]; BLOCKS];
        let mut before = simd.avx512f._mm512_set1_epi16(0);
        let all_last = simd.avx512f._mm512_set1_epi16(31);
        let (halves, _) = table.as_chunks::<32>();
        for (register, &half) in registers.as_flattened_mut().iter_mut().zip(halves) {
            let largest = running_max(simd, pulp::cast(half));
            *register = simd.avx512bw._mm512_max_epu16(largest, before);
            before = simd.avx512bw._mm512_permutexvar_epi16(all_last, *register);
        }
        registers
    }

    /// Of each lane and those before it.
    #[inline(always)]
    fn running_max(simd: V4, lanes: __m512i) -> __m512i {
        const LANES: [u16; 32] = {
            let mut lanes = [0; 32];
            let mut lane = 0;
            while lane < 32 {
                lanes[lane] = lane as u16;
                lane += 1;
            }
            lanes
        };
        let mut largest = lanes;
        for step in [1, 2, 4, 8, 16] {
            let by = simd.avx512f._mm512_set1_epi16(step);
            let from = simd.avx512bw._mm512_sub_epi16(pulp::cast(LANES), by);
            let has = u32::MAX << step;
            let before = simd
                .avx512bw
                ._mm512_maskz_permutexvar_epi16(has, from, largest);
            largest = simd.avx512bw._mm512_max_epu16(largest, before);
        }
        largest
    }

    #[inline(always)]
    fn look_up<const BLOCKS: usize>(
        simd: V4,
        table: &[[__m512i; 2]; BLOCKS],
        index: __m512i,
    ) -> __m512i {
        // The instruction looks at the lower bits of the index alone.
        let mut found = simd
            .avx512bw
            ._mm512_permutex2var_epi16(table[0][0], index, table[0][1]);
        for (block, &[low, high]) in table.iter().enumerate().skip(1) {
            let from = simd.avx512f._mm512_set1_epi16((block * BLOCK) as i16);
            let is_there = simd.avx512bw._mm512_cmpge_epu16_mask(index, from);
            let there = simd.avx512bw._mm512_permutex2var_epi16(low, index, high);
            found = simd.avx512bw._mm512_mask_mov_epi16(found, is_there, there);
        }
        found
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use wide::Decide;
