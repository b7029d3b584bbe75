//! How much tensors differ, element by element.

use super::dispatch;
use super::rounding::{ForRounding, Rounding, with_rounding};
use super::terms::{ROW, Term};
use mergelab_abi::working::Working;
use pulp::NullaryFnOnce;

/// Both sums stay in registers, and the terms are computed twice rather than written.
struct Variance<'a, T, R> {
    out: &'a mut [f32],
    terms: &'a [T],
    counts: (f32, f32),
    rounding: R,
}

impl<T: Term, R: Rounding> NullaryFnOnce for Variance<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            out,
            terms,
            counts,
            rounding,
        } = self;
        let Some((first, rest)) = terms.split_first() else {
            return out.fill(f32::NAN);
        };
        let (rows, last) = out.as_chunks_mut::<ROW>();
        let done = rows.len() * ROW;
        for (number, out) in rows.iter_mut().enumerate() {
            let mut mean = first.row(rounding, number);
            for term in rest {
                let x = term.row(rounding, number);
                for j in 0..ROW {
                    mean[j] += x[j];
                }
            }
            for mean in &mut mean {
                *mean = over(rounding, *mean, counts.0);
            }
            let x = first.row(rounding, number);
            let mut sum = [0.0; ROW];
            for j in 0..ROW {
                sum[j] = square(rounding, x[j], mean[j]);
            }
            for term in rest {
                let x = term.row(rounding, number);
                for j in 0..ROW {
                    sum[j] += square(rounding, x[j], mean[j]);
                }
            }
            for j in 0..ROW {
                out[j] = over(rounding, sum[j], counts.1);
            }
        }
        for (index, out) in (done..).zip(last) {
            let mut mean = first.at(rounding, index);
            for term in rest {
                mean += term.at(rounding, index);
            }
            let mean = over(rounding, mean, counts.0);
            let mut sum = square(rounding, first.at(rounding, index), mean);
            for term in rest {
                sum += square(rounding, term.at(rounding, index), mean);
            }
            *out = over(rounding, sum, counts.1);
        }
    }
}

#[inline(always)]
fn square(rounding: impl Rounding, x: f32, mean: f32) -> f32 {
    let off = rounding.round(x - mean);
    rounding.round(off * off)
}

/// A sum, which is rounded once, divided by a number.
#[inline(always)]
fn over(rounding: impl Rounding, sum: f32, count: f32) -> f32 {
    rounding.round(rounding.round(sum) / count)
}

struct Call<'a, T> {
    out: &'a mut [f32],
    terms: &'a [T],
    counts: (f32, f32),
}

impl<T: Term> ForRounding for Call<'_, T> {
    type Output = ();

    fn with(self, rounding: impl Rounding) {
        dispatch(Variance {
            out: self.out,
            terms: self.terms,
            counts: self.counts,
            rounding,
        });
    }
}

/// The sum of the terms' squared distances from their mean, divided by the second number; the mean
/// is their sum divided by the first. Every operation is rounded, each sum once.
pub(crate) fn variance<T: Term>(
    working: Working,
    out: &mut [f32],
    terms: &[T],
    counts: (f32, f32),
) {
    debug_assert!(terms.iter().all(|t| t.length() >= out.len()));
    with_rounding(working, Call { out, terms, counts });
}
