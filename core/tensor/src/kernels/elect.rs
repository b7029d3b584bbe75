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

/// The sign that is elected: a number for each side of a limit that the sum of the votes can be on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Election {
    pub(crate) limit: f32,
    pub(crate) above: f32,
    pub(crate) equal: f32,
    pub(crate) below: f32,
    /// Where the sum is NaN.
    pub(crate) neither: f32,
}

impl Election {
    /// That of the sum, and another number where the sum is zero.
    pub(crate) fn sign(of_zero: f32) -> Self {
        Self {
            limit: 0.0,
            above: 1.0,
            equal: of_zero,
            below: -1.0,
            neither: f32::NAN,
        }
    }

    /// `chosen` where the sum is above a number, or equal to it if `equal`; else `other`.
    pub(crate) fn above(limit: f32, equal: bool, chosen: f32, other: f32) -> Self {
        Self {
            limit,
            above: chosen,
            equal: if equal { chosen } else { other },
            below: other,
            neither: other,
        }
    }

    #[inline(always)]
    fn of(self, votes: f32) -> f32 {
        // As bits: else the compiler chooses between addresses, one by one.
        let Self {
            limit,
            above,
            equal,
            below,
            neither,
        } = self;
        let elected = neither.to_bits();
        let elected = if votes < limit {
            below.to_bits()
        } else {
            elected
        };
        let elected = if votes == limit {
            equal.to_bits()
        } else {
            elected
        };
        let elected = if votes > limit {
            above.to_bits()
        } else {
            elected
        };
        f32::from_bits(elected)
    }
}

/// What becomes of a divisor before it divides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Divisor {
    /// Up to this, and where it is `number`, it is `instead`. NaN is no limit and no number.
    most: f32,
    number: f32,
    instead: f32,
}

impl Divisor {
    /// It is at least a number.
    pub(crate) fn at_least(least: f32) -> Self {
        Self {
            most: least,
            number: f32::NAN,
            instead: least,
        }
    }

    /// Where it is the first number, the second one divides.
    pub(crate) fn instead(number: f32, instead: f32) -> Self {
        Self {
            most: f32::NAN,
            number,
            instead,
        }
    }

    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        if (x <= self.most) | (x == self.number) {
            self.instead
        } else {
            x
        }
    }
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
            let plus = match rule.plus {
                Some(plus) => plus.as_chunks::<ROW>().0[number],
                None => NOTHING,
            };
            *out = row(rounding, &kept, voters, rule, plus);
        }
        // What is left is padded to a row.
        if !last.is_empty() {
            for (kept, voter) in kept.iter_mut().zip(voters) {
                for (index, kept) in (done..done + last.len()).zip(kept) {
                    *kept = voter.x.at(rounding, index);
                }
            }
            let mut padded = NOTHING;
            if let Some(plus) = rule.plus {
                padded[..last.len()].copy_from_slice(&plus[done..done + last.len()]);
            }
            let padded = row(rounding, &kept, voters, rule, padded);
            last.copy_from_slice(&padded[..last.len()]);
        }
    }
}

/// Adding this changes no number, not even a negative zero.
const NOTHING: [f32; ROW] = [-0.0; ROW];

#[inline(always)]
fn row<T>(
    rounding: impl Rounding,
    kept: &[[f32; ROW]; VOTERS],
    voters: &[Voter<T>],
    rule: Rule<'_>,
    plus: [f32; ROW],
) -> [f32; ROW] {
    let mut out = [0.0; ROW];
    let Some((first, rest)) = voters.split_first() else {
        return out;
    };
    let mut votes = kept[0];
    for (x, _) in kept[1..].iter().zip(rest) {
        for j in 0..ROW {
            votes[j] += x[j];
        }
    }
    let mut elected = [0.0; ROW];
    for j in 0..ROW {
        elected[j] = rule.election.of(rounding.round(votes[j]));
    }
    let (mut total, mut divisor) = part(rounding, &kept[0], first, &elected);
    for (x, voter) in kept[1..].iter().zip(rest) {
        let (more, share) = part(rounding, x, voter, &elected);
        for j in 0..ROW {
            total[j] += more[j];
            divisor[j] += share[j];
        }
    }
    for j in 0..ROW {
        let divisor = rounding.round(rule.divisor.of(rounding.round(divisor[j])));
        let quotient = rounding.round(rounding.round(total[j]) / divisor);
        let product = rounding.round(quotient * rule.times);
        out[j] = rounding.round(plus[j] + product);
    }
    out
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
