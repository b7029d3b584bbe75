//! Tensors where masks of the largest magnitudes keep them.

use super::dispatch;
use super::magnitude::magnitude;
use super::map::{Operand, map2};
use super::mask::Cut;
use super::rounding::{ForRounding, Rounding, with_rounding};
use mergelab_abi::working::Working;
use pulp::NullaryFnOnce;

impl Cut {
    /// Keeps magnitudes above a number, or equal to it if `equal`; NaN is kept or not.
    pub(crate) fn compared(limit: f32, equal: bool) -> Self {
        match limit {
            limit if limit.is_nan() => Cut::NOTHING,
            limit if limit < 0.0 => Cut::ALL,
            limit => Cut {
                threshold: magnitude(limit),
                cutoff: if equal { usize::MAX } else { 0 },
            },
        }
    }
}

/// What a mask keeps, less what a second one keeps: without outliers, or all that is large.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Band {
    pub(crate) outer: Cut,
    pub(crate) inner: Option<Cut>,
}

impl Band {
    /// Keeps everything.
    pub(crate) const ALL: Band = Band {
        outer: Cut::ALL,
        inner: None,
    };

    fn cutoffs(self) -> impl Iterator<Item = usize> {
        let inner = self.inner.map_or(0, |inner| inner.cutoff);
        [self.outer.cutoff, inner].into_iter()
    }

    /// The limits at an index, and at all before the next cutoff.
    pub(crate) fn limits(self, index: usize) -> Limits {
        let limit = |cut: Cut| {
            let last = i64::from(cut.threshold) - i64::from(index < cut.cutoff);
            // Ranks fit 31 bits; comparing them as signed numbers is one instruction.
            i32::try_from(last).unwrap_or(i32::MAX)
        };
        Limits {
            outer: limit(self.outer),
            inner: self.inner.map_or(i32::MAX, limit),
        }
    }
}

/// Ranks that magnitudes must exceed to be kept by each mask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) outer: i32,
    pub(crate) inner: i32,
}

impl Limits {
    /// The difference of both masks; `BAND` says whether there is a second.
    #[inline(always)]
    pub(crate) fn keep<const BAND: bool>(self, x: f32) -> f32 {
        let above = |limit: i32| {
            if magnitude(x) as i32 > limit {
                1.0
            } else {
                0.0
            }
        };
        match BAND {
            false => above(self.outer),
            true => above(self.outer) - above(self.inner),
        }
    }
}

/// Calls `work` for the parts of elements `first .. first + length` within which no cutoff lies,
/// each with its first element, counted from `first`, and the one after its last.
pub(crate) fn parts(
    bands: impl Iterator<Item = Band> + Clone,
    first: usize,
    length: usize,
    mut work: impl FnMut(usize, usize),
) {
    let end = first + length;
    let mut start = first;
    while start < end {
        let cutoffs = bands.clone().flat_map(Band::cutoffs);
        let stop = cutoffs.filter(|&c| c > start).fold(end, usize::min);
        work(start - first, stop - first);
        start = stop;
    }
}

/// `x` times the mask of the elements of `by` that are kept. The tile starts at index `first`.
pub(crate) fn trim(out: &mut [f32], x: &[f32], by: &[f32], band: Band, first: usize) {
    parts([band].into_iter(), first, out.len(), |start, end| {
        let limits = band.limits(first + start);
        let (x, by) = (
            Operand::Tile(&x[start..end]),
            Operand::Tile(&by[start..end]),
        );
        let out = &mut out[start..end];
        match band.inner {
            None => map2(out, x, by, move |x, by| x * limits.keep::<false>(by)),
            Some(_) => map2(out, x, by, move |x, by| x * limits.keep::<true>(by)),
        }
    });
}

/// What is kept of stored bf16 elements less a tile.
struct Change<'a, R, const BAND: bool> {
    out: &'a mut [f32],
    stored: &'a [[u8; 2]],
    minus: &'a [f32],
    limits: Limits,
    weight: f32,
    rounding: R,
}

impl<R: Rounding, const BAND: bool> NullaryFnOnce for Change<'_, R, BAND> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            out,
            stored,
            minus,
            limits,
            weight,
            rounding,
        } = self;
        for ((out, &bytes), &minus) in out.iter_mut().zip(stored).zip(minus) {
            let x = f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16);
            let change = rounding.round(x - minus);
            *out = rounding.round(change * limits.keep::<BAND>(change) * weight);
        }
    }
}

/// Stored bf16 elements less a tile, and a number that what is kept is multiplied by.
pub(crate) struct TrimmedChange<'a> {
    pub(crate) stored: &'a [[u8; 2]],
    pub(crate) minus: &'a [f32],
    pub(crate) band: Band,
    pub(crate) weight: f32,
}

struct Call<'a> {
    out: &'a mut [f32],
    change: TrimmedChange<'a>,
    first: usize,
}

impl ForRounding for Call<'_> {
    type Output = ();

    fn with(self, rounding: impl Rounding) {
        let Self { out, change, first } = self;
        let TrimmedChange {
            stored,
            minus,
            band,
            weight,
        } = change;
        parts([band].into_iter(), first, out.len(), |start, end| {
            let limits = band.limits(first + start);
            let (out, stored, minus) = (
                &mut out[start..end],
                &stored[start..end],
                &minus[start..end],
            );
            match band.inner {
                None => dispatch(Change::<_, false> {
                    out,
                    stored,
                    minus,
                    limits,
                    weight,
                    rounding,
                }),
                Some(_) => dispatch(Change::<_, true> {
                    out,
                    stored,
                    minus,
                    limits,
                    weight,
                    rounding,
                }),
            }
        });
    }
}

/// What is kept of a change, times its weight. The tile starts at index `first`.
pub(crate) fn change(working: Working, out: &mut [f32], change: TrimmedChange<'_>, first: usize) {
    with_rounding(working, Call { out, change, first });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_cuts() {
        let numbers = [
            0.0,
            -0.0,
            1e-45,
            0.5,
            0.500_000_1,
            7.0,
            f32::INFINITY,
            f32::NAN,
            -2.0,
        ];
        for limit in numbers {
            for equal in [false, true] {
                let band = Band {
                    outer: Cut::compared(limit, equal),
                    inner: None,
                };
                for x in numbers {
                    let kept = x.abs() > limit || equal && x.abs() == limit;
                    let got = band.limits(3).keep::<false>(x);
                    assert!(
                        x.is_nan() || got == f32::from(u8::from(kept)),
                        "{x} {limit}"
                    );
                }
            }
        }
    }

    #[test]
    fn parts_end_at_cutoffs() {
        let cut = |cutoff| Cut {
            threshold: 7,
            cutoff,
        };
        let bands = [(130, Some(116)), (usize::MAX, None), (116, Some(400))];
        let bands = bands.map(|(outer, inner)| Band {
            outer: cut(outer),
            inner: inner.map(cut),
        });
        let mut found = Vec::new();
        parts(bands.into_iter(), 100, 64, |a, b| found.push((a, b)));
        assert_eq!(found, [(0, 16), (16, 30), (30, 64)]);
        let limits = bands[0].limits(120);
        assert_eq!((limits.outer, limits.inner), (6, 7));
        let nothing = Band {
            outer: Cut::NOTHING,
            inner: None,
        };
        assert_eq!(nothing.limits(0).keep::<false>(f32::NAN), 0.0);
    }
}
