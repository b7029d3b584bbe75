//! Normal and Student distributions, in the few forms the tests use.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal, StudentsT};

use crate::error::{Result, StatsError};

/// P(Z <= z) for a standard normal Z.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// P(Z > z), accurate in the upper tail.
pub(crate) fn normal_sf(z: f64) -> f64 {
    Normal::standard().sf(z)
}

/// The z with P(Z <= z) = `probability` for a standard normal Z; infinite at 0 and 1.
///
/// ```
/// assert!((mergelab_stats::normal_quantile(0.975) - 1.96).abs() < 1e-4);
/// ```
pub fn normal_quantile(probability: f64) -> f64 {
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

/// P(X > `x`) for a chi-squared X.
pub(crate) fn chi_squared_sf(x: f64, degrees: f64) -> Result<f64> {
    if x <= 0.0 {
        return Ok(1.0);
    }
    let chi_squared = ChiSquared::new(degrees).map_err(|_| bad_degrees(degrees))?;
    Ok(chi_squared.sf(x))
}

/// P(X > `x`) for Fisher's F.
pub(crate) fn fisher_sf(x: f64, numerator: f64, denominator: f64) -> Result<f64> {
    if x <= 0.0 {
        return Ok(1.0);
    }
    let fisher =
        FisherSnedecor::new(numerator, denominator).map_err(|_| bad_degrees(denominator))?;
    Ok(fisher.sf(x))
}

/// P(largest minus smallest of `count` standard normals > q): the studentized range with a known standard deviation.
///
/// One minus the integral of `k phi(z) (Phi(z) - Phi(z - q))^(k - 1)` over the largest, z. The integrand is smooth and
/// vanishes at both ends, so that the trapezoidal rule is as exact as the normal distribution it is given.
pub(crate) fn normal_range_sf(q: f64, count: usize) -> f64 {
    const END: f64 = 8.5;
    const STEP: f64 = 0.05;
    if q <= 0.0 {
        return 1.0;
    }
    let k = count as f64;
    let steps = (2.0 * END / STEP) as usize;
    let inside: f64 = (0..=steps)
        .map(|step| {
            let z = -END + STEP * step as f64;
            let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            k * density * (normal_cdf(z) - normal_cdf(z - q)).powf(k - 1.0)
        })
        .sum();
    (1.0 - STEP * inside).clamp(0.0, 1.0)
}

/// The q that the range of `count` standard normals stays below with this probability.
pub(crate) fn normal_range_quantile(probability: f64, count: usize) -> f64 {
    // The range of even a billion normals is below 20.
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if normal_range_sf(middle, count) > 1.0 - probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

fn student(degrees: f64) -> Result<StudentsT> {
    StudentsT::new(0.0, 1.0, degrees).map_err(|_| bad_degrees(degrees))
}

fn bad_degrees(degrees: f64) -> StatsError {
    StatsError::OutOfRange {
        name: "degrees of freedom",
        value: degrees,
        expected: "a number above 0",
    }
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

    // The difference of two standard normals has standard deviation sqrt(2). The error function of statrs is good to
    // about 1e-11.
    #[test]
    fn the_range_of_two_is_their_difference() {
        let q = normal_range_quantile(0.95, 2);
        assert!((q / 2.0f64.sqrt() - 1.959_963_984_540_054).abs() < 1e-9);
        assert_eq!(normal_range_sf(0.0, 3), 1.0);
    }

    #[test]
    fn tails_add_to_one() {
        assert!((normal_cdf(1.3) + normal_sf(1.3) - 1.0).abs() < 1e-15);
        let both = student_sf(0.7, 4.0).unwrap() + student_sf(-0.7, 4.0).unwrap();
        assert!((both - 1.0).abs() < 1e-14);
        assert_eq!(student_sf(f64::INFINITY, 3.0).unwrap(), 0.0);
    }
}
