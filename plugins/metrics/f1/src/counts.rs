//! Sufficient statistics of one class, and F1 from them.

use std::iter::Sum;

/// True positives, predictions and references of one class.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Counts {
    true_positive: f64,
    predicted: f64,
    actual: f64,
}

impl Counts {
    /// Those of one example, from whether the class was said and whether it is right.
    pub(crate) fn of(said: bool, right: bool) -> Self {
        Self {
            true_positive: f64::from(said && right),
            predicted: f64::from(said),
            actual: f64::from(right),
        }
    }

    pub(crate) fn to_array(self) -> [f64; 3] {
        [self.true_positive, self.predicted, self.actual]
    }

    /// `2 tp / (predicted + actual)`, which is the harmonic mean of precision and recall. 0 for a
    /// class that is neither said nor right anywhere.
    pub(crate) fn f1(self) -> f64 {
        let both = self.predicted + self.actual;
        if both == 0.0 {
            0.0
        } else {
            2.0 * self.true_positive / both
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |a, b| Self {
            true_positive: a.true_positive + b.true_positive,
            predicted: a.predicted + b.predicted,
            actual: a.actual + b.actual,
        })
    }
}

/// Counts of each class from their sums, three numbers a class.
pub(crate) fn from_sums(sums: &[f64]) -> Vec<Counts> {
    sums.chunks_exact(3)
        .map(|c| Counts {
            true_positive: c[0],
            predicted: c[1],
            actual: c[2],
        })
        .collect()
}

/// Mean of the classes' F1.
pub(crate) fn macro_average(each: &[Counts]) -> f64 {
    each.iter().map(|c| c.f1()).sum::<f64>() / each.len() as f64
}

/// Mean of the classes' F1, weighted by the number of references of each. 0 without any.
pub(crate) fn weighted_average(each: &[Counts]) -> f64 {
    let support: f64 = each.iter().map(|c| c.actual).sum();
    if support == 0.0 {
        return 0.0;
    }
    each.iter().map(|c| c.f1() * c.actual).sum::<f64>() / support
}
