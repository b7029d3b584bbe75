//! Terms whose signs agree with the one that they elect.
//!
//! What is summed up, what it is divided by and the signs stay in registers.

use super::dispatch;
use super::rounding::{ForRounding, Rounding, with_rounding};
use super::terms::{ROW, Term, agrees};
use mergelab_abi::working::Working;
use pulp::NullaryFnOnce;

/// Terms that can vote: those of a row are kept on the stack.
pub(crate) const VOTERS: usize = 8;

/// A term and its numbers.
#[derive(Clone, Copy)]
pub(crate) struct Voter<T> {
    pub(crate) x: T,
    /// What the term is multiplied by where it agrees.
    pub(crate) weight: f32,
    /// What it adds to the divisor there.
    pub(crate) share: f32,
}

/// The sign that is elected.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Election {
    /// `chosen` where the sum of the votes is above a number, or equal to it if `equal`; else
    /// `other`.
    Above {
        limit: f32,
        equal: bool,
        chosen: f32,
        other: f32,
    },
    /// That of the sum, and another number where the sum is zero.
    Sign { of_zero: f32 },
}

/// What becomes of a divisor before it divides.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Divisor {
    /// It is at least a number.
    AtLeast(f32),
    /// Where it is the first number, the second one divides.
    Instead(f32, f32),
}

/// What is done with those that agree.
#[derive(Clone, Copy)]
pub(crate) struct Rule<'a> {
    pub(crate) election: Election,
    pub(crate) divisor: Divisor,
    /// What the quotient is multiplied by.
    pub(crate) times: f32,
    /// What is added to it.
    pub(crate) plus: Option<&'a [f32]>,
}

struct Elect<'a, T, R> {
    out: &'a mut [f32],
    voters: &'a [Voter<T>],
    rule: Rule<'a>,
    rounding: R,
}

impl<T: Term, R: Rounding> NullaryFnOnce for Elect<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            out,
            voters,
            rule,
            rounding,
        } = self;
        let (rows, last) = out.as_chunks_mut::<ROW>();
        let done = rows.len() * ROW;
        let mut kept = [[0.0; ROW]; VOTERS];
        for (number, out) in rows.iter_mut().enumerate() {
            for (kept, voter) in kept.iter_mut().zip(voters) {
                *kept = voter.x.row(rounding, number);
            }
            let kept = &kept[..voters.len().min(VOTERS)];
            row(rounding, out, kept, voters, rule);
            if let Some(plus) = rule.plus {
                let plus = &plus.as_chunks::<ROW>().0[number];
                for j in 0..ROW {
                    out[j] = rounding.round(plus[j] + out[j]);
                }
            }
        }
        // What is left is padded to a row.
        if !last.is_empty() {
            for (kept, voter) in kept.iter_mut().zip(voters) {
                for (index, kept) in (done..done + last.len()).zip(kept) {
                    *kept = voter.x.at(rounding, index);
                }
            }
            let mut padded = [0.0; ROW];
            let kept = &kept[..voters.len().min(VOTERS)];
            row(rounding, &mut padded, kept, voters, rule);
            for (index, out) in last.iter_mut().enumerate() {
                *out = match rule.plus {
                    Some(plus) => rounding.round(plus[done + index] + padded[index]),
                    None => padded[index],
                };
            }
        }
    }
}

#[inline(always)]
fn row<T, R: Rounding>(
    rounding: R,
    out: &mut [f32; ROW],
    kept: &[[f32; ROW]],
    voters: &[Voter<T>],
    rule: Rule<'_>,
) {
    let Some((first, rest)) = kept.split_first() else {
        return;
    };
    let mut elected = *first;
    for x in rest {
        for j in 0..ROW {
            elected[j] += x[j];
        }
    }
    for elected in &mut elected {
        *elected = rounding.round(*elected);
    }
    elect(rule.election, &mut elected);
    let (mut total, mut divisor) = part(rounding, first, &voters[0], &elected);
    for (x, voter) in rest.iter().zip(&voters[1..]) {
        let (more, share) = part(rounding, x, voter, &elected);
        for j in 0..ROW {
            total[j] += more[j];
            divisor[j] += share[j];
        }
    }
    for j in 0..ROW {
        total[j] = rounding.round(total[j]);
        divisor[j] = rounding.round(divisor[j]);
    }
    guard(rule.divisor, &mut divisor);
    for j in 0..ROW {
        let quotient = rounding.round(total[j] / rounding.round(divisor[j]));
        out[j] = rounding.round(quotient * rule.times);
    }
}

/// What one adds to the total and to the divisor.
#[inline(always)]
fn part<T>(
    rounding: impl Rounding,
    x: &[f32; ROW],
    voter: &Voter<T>,
    elected: &[f32; ROW],
) -> ([f32; ROW], [f32; ROW]) {
    let (mut total, mut divisor) = ([0.0; ROW], [0.0; ROW]);
    for j in 0..ROW {
        let agrees = agrees(x[j], elected[j]);
        total[j] = rounding.round(rounding.round(x[j] * voter.weight) * agrees);
        divisor[j] = rounding.round(agrees * voter.share);
    }
    (total, divisor)
}

#[inline(always)]
fn elect(election: Election, votes: &mut [f32; ROW]) {
    match election {
        Election::Above {
            limit,
            equal,
            chosen,
            other,
        } => {
            // As bits, and moved: else the compiler chooses between two addresses, one by one.
            let (chosen, other) = (chosen.to_bits(), other.to_bits());
            if equal {
                for x in votes {
                    *x = f32::from_bits(if *x >= limit { chosen } else { other });
                }
            } else {
                for x in votes {
                    *x = f32::from_bits(if *x > limit { chosen } else { other });
                }
            }
        }
        Election::Sign { of_zero } => {
            for x in votes {
                let nonzero = if *x < 0.0 { -1.0 } else { *x };
                let sign = if *x > 0.0 { 1.0 } else { nonzero };
                *x = if sign == 0.0 { of_zero } else { sign };
            }
        }
    }
}

#[inline(always)]
fn guard(guard: Divisor, divisor: &mut [f32; ROW]) {
    match guard {
        Divisor::AtLeast(least) => {
            for x in divisor {
                *x = if *x > least || x.is_nan() { *x } else { least };
            }
        }
        Divisor::Instead(number, instead) => {
            for x in divisor {
                *x = if *x == number { instead } else { *x };
            }
        }
    }
}

struct Call<'a, T> {
    out: &'a mut [f32],
    voters: &'a [Voter<T>],
    rule: Rule<'a>,
}

impl<T: Term> ForRounding for Call<'_, T> {
    type Output = ();

    fn with(self, rounding: impl Rounding) {
        dispatch(Elect {
            out: self.out,
            voters: self.voters,
            rule: self.rule,
            rounding,
        });
    }
}

/// Elects a sign for each element, and adds up the terms that have it, divided by their shares if
/// they are. Every operation is rounded, each sum once.
pub(crate) fn agreeing<T: Term>(
    working: Working,
    out: &mut [f32],
    voters: &[Voter<T>],
    rule: Rule<'_>,
) {
    debug_assert!(voters.len() <= VOTERS);
    debug_assert!(voters.iter().all(|v| v.x.length() >= out.len()));
    with_rounding(working, Call { out, voters, rule });
}
