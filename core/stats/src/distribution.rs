//! Normal and Student distributions, in the few forms the tests use.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::error::{Result, StatsError};

/// P(Z <= z) for a standard normal Z.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// P(Z > z), accurate in the upper tail.
pub(crate) fn normal_sf(z: f64) -> f64 {
    Normal::standard().sf(z)
}

/// The z with P(Z <= z) = `probability`; infinite at 0 and 1.
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability)
}

/// P(T > t) for Student's T with `degrees` degrees of freedom, accurate in the upper tail and at infinite t.
pub(crate) fn student_sf(t: f64, degrees: f64) -> Result<f64> {
    if t == f64::INFINITY {
        return Ok(0.0);
    }
    if t == f64::NEG_INFINITY {
        return Ok(1.0);
    }
    Ok(student(degrees)?.sf(t))
}

/// The t with P(T <= t) = `probability`.
pub(crate) fn student_quantile(probability: f64, degrees: f64) -> Result<f64> {
    Ok(student(degrees)?.inverse_cdf(probability))
}

fn student(degrees: f64) -> Result<StudentsT> {
    StudentsT::new(0.0, 1.0, degrees).map_err(|_| StatsError::OutOfRange {
        name: "degrees of freedom",
        value: degrees,
        expected: "a number above 0",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Reference values: scipy 1.17.1. statrs finds quantiles of t by bisection, hence the wider tolerance.
    #[test]
    fn quantiles_match_the_reference() {
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-12);
        let t = student_quantile(0.975, 9.0).unwrap();
        assert!((t - 2.262_157_162_798_205).abs() < 1e-9, "{t}");
        assert!(student_quantile(0.975, 0.0).is_err());
    }

    #[test]
    fn tails_add_to_one() {
        assert!((normal_cdf(1.3) + normal_sf(1.3) - 1.0).abs() < 1e-15);
        let both = student_sf(0.7, 4.0).unwrap() + student_sf(-0.7, 4.0).unwrap();
        assert!((both - 1.0).abs() < 1e-14);
        assert_eq!(student_sf(f64::INFINITY, 3.0).unwrap(), 0.0);
    }
}
