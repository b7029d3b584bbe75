//! Places among many equal magnitudes.
//!
//! Task vectors have many zeros, and few other magnitudes where models are stored in bf16. Where an
//! element has the magnitude of many others, its place is asked for many times: the row is gone
//! over once, and each place is found from how many are equal before its part of the row.

use super::dispatch;
use super::magnitude::magnitude;
use pulp::NullaryFnOnce;

/// Elements of a part.
const PART: usize = 64;
/// Magnitudes of a row that are remembered.
const MOST: usize = 8;

/// The magnitudes of a row that many elements have.
#[derive(Default)]
pub(super) struct Ties {
    ties: [Tie; MOST],
    known: usize,
}

#[derive(Default)]
struct Tie {
    magnitude: u32,
    /// Elements that are smaller.
    smaller: u32,
    /// For each part, which elements are equal, and how many are before it.
    parts: Vec<(u64, u32)>,
}

impl Ties {
    /// Forgets the last row.
    pub(super) fn clear(&mut self) {
        self.known = 0;
    }

    /// The place of an element, unless there is no room to remember its magnitude.
    pub(super) fn place(&mut self, row: &[f32], index: usize) -> Option<u32> {
        let own = magnitude(row[index]);
        let known = self.ties[..self.known].iter();
        let number = match known.clone().position(|tie| tie.magnitude == own) {
            Some(number) => number,
            None => {
                let tie = self.ties.get_mut(self.known)?;
                tie.magnitude = own;
                tie.smaller = dispatch(Find(row, own, &mut tie.parts));
                self.known += 1;
                self.known - 1
            }
        };
        let tie = &self.ties[number];
        let (equal, before) = tie.parts[index / PART];
        let earlier = equal & ((1 << (index % PART)) - 1);
        Some(tie.smaller + before + earlier.count_ones())
    }
}

/// Counts what is smaller, and finds what is equal.
struct Find<'a>(&'a [f32], u32, &'a mut Vec<(u64, u32)>);

impl NullaryFnOnce for Find<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        let Find(row, own, parts) = self;
        let (mut smaller, mut before) = (0, 0);
        parts.clear();
        parts.reserve_exact(row.len() / PART + 1);
        let (whole, rest) = row.as_chunks::<PART>();
        let mut last = [f32::NAN; PART];
        last[..rest.len()].copy_from_slice(rest);
        for part in whole.iter().chain([&last]) {
            let mut flags = [0u8; PART];
            let mut less = 0;
            for j in 0..PART {
                // Magnitudes fit 31 bits; comparing them as signed numbers is one instruction.
                let magnitude = magnitude(part[j]) as i32;
                less += u32::from(magnitude < own as i32);
                flags[j] = u8::from(magnitude == own as i32);
            }
            smaller += less;
            let equal = bits_of(&flags);
            parts.push((equal, before));
            before += equal.count_ones();
        }
        // NaN, which the last part is filled up with, is not smaller than anything.
        smaller
    }
}

/// Bit `i` is flag `i`, which is 0 or 1.
#[inline(always)]
fn bits_of(flags: &[u8; PART]) -> u64 {
    let eights = flags.as_chunks::<8>().0.iter().enumerate();
    eights.fold(0, |bits, (number, eight)| {
        // Flag `i` comes to bit `56 + i`, and no two to the same bit.
        let upper = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080);
        bits | upper >> 56 << (8 * number)
    })
}
