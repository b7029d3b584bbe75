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
const MOST: usize = 4;

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
    /// For each part, how many are equal before it.
    before: Vec<u32>,
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
                tie.smaller = dispatch(Count(row, own, &mut tie.before));
                self.known += 1;
                self.known - 1
            }
        };
        let tie = &self.ties[number];
        let part = index / PART;
        let equal = dispatch(Equal(&row[part * PART..index], own));
        Some(tie.smaller + tie.before[part] + equal)
    }
}

struct Equal<'a>(&'a [f32], u32);

impl NullaryFnOnce for Equal<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        let Equal(row, own) = self;
        row.iter().map(|&x| u32::from(magnitude(x) == own)).sum()
    }
}

/// Counts what is smaller, and what is equal before each part.
struct Count<'a>(&'a [f32], u32, &'a mut Vec<u32>);

impl NullaryFnOnce for Count<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        let Count(row, own, before) = self;
        let (mut smaller, mut equal) = (0, 0);
        before.clear();
        before.reserve_exact(row.len().div_ceil(PART));
        for part in row.chunks(PART) {
            before.push(equal);
            for &x in part {
                // Magnitudes fit 31 bits; comparing them as signed numbers is one instruction.
                let magnitude = magnitude(x) as i32;
                smaller += u32::from(magnitude < own as i32);
                equal += u32::from(magnitude == own as i32);
            }
        }
        smaller
    }
}
