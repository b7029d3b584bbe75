//! The step size over the steps.

use crate::error::{ModelError, Result};

/// How the step size changes after the warmup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// Falls along half a cosine to `floor` times the greatest (Loshchilov and Hutter, 2017,
    /// "SGDR", without restarts).
    Cosine {
        /// Share of the greatest step size at the end.
        floor: f64,
    },
}

impl Schedule {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Cosine { floor } if !(0.0..=1.0).contains(&floor) => Err(ModelError::option(
                "schedule.floor",
                format!("{floor} is not in [0, 1]"),
            )),
            _ => Ok(()),
        }
    }

    /// The share of the greatest step size at `step`, from 0, of `total`.
    pub(super) fn share(self, step: usize, warmup: usize, total: usize) -> f64 {
        if step < warmup {
            return (step + 1) as f64 / (warmup + 1) as f64;
        }
        match self {
            Self::Constant => 1.0,
            Self::Cosine { floor } => {
                let done = (step - warmup) as f64 / (total - warmup).max(1) as f64;
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_then_falls_to_the_floor() {
        let schedule = Schedule::Cosine { floor: 0.1 };
        let shares: Vec<f64> = (0..=100)
            .map(|step| schedule.share(step, 10, 100))
            .collect();
        assert_eq!(shares[0], 1.0 / 11.0);
        assert_eq!(shares[10], 1.0);
        assert!(shares[..10].is_sorted() && shares[10..].is_sorted_by(|a, b| a >= b));
        assert!((shares[55] - 0.55).abs() < 1e-12);
        assert!((shares[100] - 0.1).abs() < 1e-12);
    }
}
