//! Terms that are large where no other one is, and those that are large together.
//!
//! How many are large, and what is added up, stay in registers.

use super::dispatch;
use super::rounding::{ForRounding, Rounding, with_rounding};
use super::terms::{ROW, Term, exceeds};
use mergelab_abi::working::Working;
use pulp::NullaryFnOnce;

/// Terms that can be added up: those of a row are kept on the stack.
pub(crate) const MOST: usize = 8;

/// How much of a term counts.
#[derive(Clone, Copy)]
pub(crate) struct Rule<'a> {
    /// The magnitude above which a term is large; others do not count.
    pub(crate) limit: f32,
    /// So many large ones are alone: each is multiplied by its number.
    pub(crate) alone: f32,
    /// Elsewhere they are multiplied by this number, divided by how many are large, or by `least`.
    pub(crate) over: f32,
    pub(crate) least: f32,
    /// What is added to the sum.
    pub(crate) plus: Option<&'a [f32]>,
}

struct Sum<'a, T, R> {
    out: &'a mut [f32],
    /// With the number of each, rounded.
    terms: &'a [(T, f32)],
    rule: Rule<'a>,
    rounding: R,
}

impl<T: Term, R: Rounding> NullaryFnOnce for Sum<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            out,
            terms,
            rule,
            rounding,
        } = self;
        let (rows, last) = out.as_chunks_mut::<ROW>();
        let done = rows.len() * ROW;
        let mut kept = [[0.0; ROW]; MOST];
        for (number, out) in rows.iter_mut().enumerate() {
            for (kept, (x, _)) in kept.iter_mut().zip(terms) {
                *kept = x.row(rounding, number);
            }
            let plus = match rule.plus {
                Some(plus) => plus.as_chunks::<ROW>().0[number],
                None => NOTHING,
            };
            *out = row(rounding, &kept, terms, rule, plus);
        }
        // What is left is padded to a row.
        if !last.is_empty() {
            for (kept, (x, _)) in kept.iter_mut().zip(terms) {
                for (index, kept) in (done..done + last.len()).zip(kept) {
                    *kept = x.at(rounding, index);
                }
            }
            let mut padded = NOTHING;
            if let Some(plus) = rule.plus {
                padded[..last.len()].copy_from_slice(&plus[done..done + last.len()]);
            }
            let padded = row(rounding, &kept, terms, rule, padded);
            last.copy_from_slice(&padded[..last.len()]);
        }
    }
}

/// Adding this changes no number, not even a negative zero.
const NOTHING: [f32; ROW] = [-0.0; ROW];

#[inline(always)]
fn row<T>(
    rounding: impl Rounding,
    kept: &[[f32; ROW]; MOST],
    terms: &[(T, f32)],
    rule: Rule<'_>,
    plus: [f32; ROW],
) -> [f32; ROW] {
    let mut out = [0.0; ROW];
    let Some(((_, first), rest)) = terms.split_first() else {
        return out;
    };
    // Small numbers, whose sums are exact in every precision.
    let mut count = [0.0; ROW];
    for (x, _) in kept.iter().zip(terms) {
        for j in 0..ROW {
            count[j] += exceeds(x[j], rule.limit);
        }
    }
    let mut share = [0.0; ROW];
    for j in 0..ROW {
        let count = if count[j] > rule.least {
            count[j]
        } else {
            rule.least
        };
        share[j] = rounding.round(rule.over / rounding.round(count));
    }
    let mut sum = part(rounding, &kept[0], *first, rule, &count, &share);
    for (x, (_, number)) in kept[1..].iter().zip(rest) {
        let more = part(rounding, x, *number, rule, &count, &share);
        for j in 0..ROW {
            sum[j] += more[j];
        }
    }
    for j in 0..ROW {
        out[j] = rounding.round(plus[j] + rounding.round(sum[j]));
    }
    out
}

/// What one adds.
#[inline(always)]
fn part(
    rounding: impl Rounding,
    x: &[f32; ROW],
    number: f32,
    rule: Rule<'_>,
    count: &[f32; ROW],
    share: &[f32; ROW],
) -> [f32; ROW] {
    let mut out = [0.0; ROW];
    for j in 0..ROW {
        let factor = if count[j] == rule.alone {
            number
        } else {
            share[j]
        };
        out[j] = rounding.round(x[j] * exceeds(x[j], rule.limit) * factor);
    }
    out
}

struct Call<'a, T> {
    out: &'a mut [f32],
    terms: &'a [(T, f32)],
    rule: Rule<'a>,
}

impl<T: Term> ForRounding for Call<'_, T> {
    type Output = ();

    fn with(self, rounding: impl Rounding) {
        dispatch(Sum {
            out: self.out,
            terms: self.terms,
            rule: self.rule,
            rounding,
        });
    }
}

/// Adds up the terms, each with a number of its own where it is alone. Every operation is rounded,
/// each sum once.
pub(crate) fn sum<T: Term>(working: Working, out: &mut [f32], terms: &[(T, f32)], rule: Rule<'_>) {
    debug_assert!(terms.len() <= MOST);
    debug_assert!(terms.iter().all(|(x, _)| x.length() >= out.len()));
    with_rounding(working, Call { out, terms, rule });
}
