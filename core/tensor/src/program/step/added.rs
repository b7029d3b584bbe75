//! A step that adds up terms which are computed as they are added.

use crate::kernels::terms::{self, Term};
use crate::kernels::trim::{self, Band};
use mergelab_abi::working::Working;

/// What is added up. Terms are slots, or sources where it says so, each with its number.
pub(in crate::program) enum Added {
    Scaled(Vec<(usize, f32)>),
    /// Sources.
    Stored(Vec<(usize, f32)>),
    /// Sources, each less a slot.
    Changes {
        terms: Vec<(usize, f32)>,
        minus: usize,
    },
    /// The same, where masks of the largest magnitudes keep them.
    TrimmedChanges {
        terms: Vec<(usize, f32, Band)>,
        minus: usize,
    },
    /// Squares of slots less one.
    Squares {
        terms: Vec<usize>,
        minus: usize,
    },
    Agreeing {
        terms: Vec<(usize, f32)>,
        elected: usize,
    },
    AgreeingWeights {
        terms: Vec<(usize, f32)>,
        elected: usize,
    },
    Exceeding {
        terms: Vec<usize>,
        limit: f32,
    },
    ExceedingCount {
        terms: Vec<usize>,
        limit: f32,
    },
    /// The same of sources less a slot.
    ExceedingChanges {
        sources: Vec<usize>,
        minus: usize,
        limit: f32,
    },
    /// Times the number where `alone` is not 0, times `other` elsewhere.
    ExceedingChoice {
        terms: Vec<(usize, f32)>,
        limit: f32,
        alone: usize,
        other: usize,
    },
}

impl Added {
    /// The sources that it reads.
    pub(super) fn sources(&self) -> impl Iterator<Item = usize> {
        let plain = match self {
            Added::Stored(terms) | Added::Changes { terms, .. } => &terms[..],
            _ => &[],
        };
        let trimmed = match self {
            Added::TrimmedChanges { terms, .. } => &terms[..],
            _ => &[],
        };
        let exceeding = match self {
            Added::ExceedingChanges { sources, .. } => &sources[..],
            _ => &[],
        };
        let plain = plain.iter().map(|t| t.0);
        plain
            .chain(trimmed.iter().map(|t| t.0))
            .chain(exceeding.iter().copied())
    }

    /// Computes elements from `first` on, of which `tile` and `stored` give those of a slot and
    /// of a source.
    pub(super) fn run<'a>(
        &self,
        working: Working,
        out: &mut [f32],
        tile: impl Fn(usize) -> &'a [f32],
        stored: impl Fn(usize) -> &'a [[u8; 2]],
        first: usize,
    ) {
        match self {
            Added::Scaled(list) => add(working, out, list, |&(slot, weight)| terms::Scaled {
                x: tile(slot),
                weight,
            }),
            Added::Stored(list) => {
                add(working, out, list, |&(source, weight)| {
                    terms::ScaledStored {
                        x: stored(source),
                        weight,
                    }
                });
            }
            Added::Changes { terms, minus } => {
                let minus = tile(*minus);
                add(working, out, terms, |&(source, weight)| {
                    terms::ScaledChange {
                        x: stored(source),
                        minus,
                        weight,
                    }
                });
            }
            Added::TrimmedChanges { terms, minus } => {
                let minus = tile(*minus);
                let bands = terms.iter().map(|t| t.2);
                trim::parts(bands, first, out.len(), |start, end| {
                    add(
                        working,
                        &mut out[start..end],
                        terms,
                        |&(source, weight, band)| terms::TrimmedChange {
                            x: &stored(source)[start..end],
                            minus: &minus[start..end],
                            weight,
                            limits: band.limits(first + start),
                        },
                    );
                });
            }
            Added::Squares { terms, minus } => {
                let minus = tile(*minus);
                add(working, out, terms, |&slot| terms::Square {
                    x: tile(slot),
                    minus,
                });
            }
            Added::Agreeing { terms, elected } => {
                let elected = tile(*elected);
                add(working, out, terms, |&(slot, weight)| terms::Agreeing {
                    x: tile(slot),
                    elected,
                    weight,
                });
            }
            Added::AgreeingWeights { terms, elected } => {
                let elected = tile(*elected);
                add(working, out, terms, |&(slot, weight)| {
                    terms::AgreeingWeight {
                        x: tile(slot),
                        elected,
                        weight,
                    }
                });
            }
            Added::Exceeding { terms, limit } => {
                add(working, out, terms, |&slot| terms::Exceeding {
                    x: tile(slot),
                    limit: *limit,
                });
            }
            Added::ExceedingCount { terms, limit } => {
                add(working, out, terms, |&slot| terms::Exceeds {
                    x: tile(slot),
                    limit: *limit,
                });
            }
            Added::ExceedingChanges {
                sources,
                minus,
                limit,
            } => {
                let minus = tile(*minus);
                add(working, out, sources, |&source| terms::ExceedingChange {
                    x: stored(source),
                    minus,
                    limit: *limit,
                });
            }
            Added::ExceedingChoice {
                terms,
                limit,
                alone,
                other,
            } => {
                let (alone, other) = (tile(*alone), tile(*other));
                add(working, out, terms, |&(slot, weight)| {
                    terms::ExceedingChoice {
                        x: tile(slot),
                        alone,
                        other,
                        weight,
                        limit: *limit,
                    }
                });
            }
        }
    }
}

pub(super) fn add<N, T: Term>(
    working: Working,
    out: &mut [f32],
    list: &[N],
    term: impl Fn(&N) -> T,
) {
    add_up(working, out, list.iter().map(term));
}

pub(super) fn add_up<T: Term>(
    working: Working,
    out: &mut [f32],
    terms: impl ExactSizeIterator<Item = T>,
) {
    listed(terms, |terms| terms::sum(working, out, terms));
}

/// Calls `work` with the terms side by side.
pub(super) fn listed<T: Copy>(
    mut terms: impl ExactSizeIterator<Item = T>,
    work: impl FnOnce(&[T]),
) {
    /// Terms that lie on the stack: getting memory for them takes longer than some tiles do.
    const FEW: usize = 8;
    let count = terms.len();
    match terms.next() {
        Some(first) if count <= FEW => {
            let mut few = [first; FEW];
            for (place, term) in few[1..].iter_mut().zip(terms) {
                *place = term;
            }
            work(&few[..count]);
        }
        first => {
            let all: Vec<T> = first.into_iter().chain(terms).collect();
            work(&all);
        }
    }
}
