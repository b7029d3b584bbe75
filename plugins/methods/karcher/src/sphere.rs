//! The iteration towards the mean of directions on a sphere (Karcher 1977).

use mergelab_sdk::{imitation::wide_norm, interpolate::Per, prelude::*};

/// When the iteration ends.
pub(crate) struct Rule {
    pub(crate) steps: usize,
    pub(crate) tolerance: f64,
}

impl Rule {
    /// The factor of each vector in the mean, from the dot products of all pairs.
    pub(crate) fn coefficients(&self, products: &[Vec<f64>]) -> Vec<f64> {
        let count = products.len();
        let lengths: Vec<f64> = (0..count).map(|i| products[i][i].max(0.0).sqrt()).collect();
        let directed: Vec<usize> = (0..count)
            .filter(|&i| lengths[i] >= self.tolerance)
            .collect();
        let cosine = |i: usize, j: usize| products[i][j] / (lengths[i] * lengths[j]);
        let cosines: Vec<Vec<f64>> = directed
            .iter()
            .map(|&i| directed.iter().map(|&j| cosine(i, j)).collect())
            .collect();
        let mut factors = vec![0.0; count];
        if directed.is_empty() {
            return factors;
        }
        let size = lengths.iter().sum::<f64>() / count as f64;
        let point = self.mean_direction(&cosines);
        for (&i, part) in directed.iter().zip(point) {
            factors[i] = part / lengths[i] * size;
        }
        factors
    }

    /// The mean of unit vectors, as factors of them, from their cosines.
    fn mean_direction(&self, cosines: &[Vec<f64>]) -> Vec<f64> {
        let share = 1.0 / cosines.len() as f64;
        let along = |point: &[f64]| -> Vec<f64> {
            let row = |row: &Vec<f64>| row.iter().zip(point).map(|(c, p)| c * p).sum();
            cosines.iter().map(row).collect()
        };
        let length = |point: &[f64]| {
            let square: f64 = along(point).iter().zip(point).map(|(a, p)| a * p).sum();
            square.max(0.0).sqrt()
        };
        let unit = |point: Vec<f64>| -> Option<Vec<f64>> {
            let length = length(&point);
            (length > 0.0).then(|| point.iter().map(|p| p / length).collect())
        };
        let Some(mut point) = unit(vec![share; cosines.len()]) else {
            // Directions that cancel out: every point between is as good, so the first direction.
            let mut first = vec![0.0; cosines.len()];
            first[0] = 1.0;
            return first;
        };
        for _ in 0..self.steps {
            let cosine = along(&point);
            let pull: Vec<f64> = cosine
                .iter()
                .map(|c| {
                    let angle = c.clamp(-1.0, 1.0).acos();
                    match angle < self.tolerance {
                        true => 0.0,
                        // The point opposite pulls in no direction.
                        false => share * angle / angle.sin().max(1e-12),
                    }
                })
                .collect();
            let back: f64 = pull.iter().zip(&cosine).map(|(k, c)| k * c).sum();
            let step: Vec<f64> = pull.iter().zip(&point).map(|(k, p)| k - back * p).collect();
            let angle = length(&step);
            if angle < self.tolerance {
                break;
            }
            let (along, across) = (angle.cos(), angle.sin() / angle);
            let moved = point.iter().zip(&step).map(|(p, s)| along * p + across * s);
            match unit(moved.collect()) {
                Some(next) => point = next,
                None => break,
            }
        }
        point
    }

    /// The mean as mergekit computes it where tensors are in bf16 or f16.
    pub(crate) fn imitate(&self, vectors: &[Tensor]) -> Result<Tensor> {
        let norm = |x: &Tensor| wide_norm(Per::Tensor, x);
        let unit = |x: &Tensor| (x / norm(x)).stored();
        let lengths: Vec<Tensor> = vectors.iter().map(norm).collect();
        let size = Tensor::sum_of(&lengths) / vectors.len() as f64;
        // Reading what depends on all makes one pass find all.
        size.item()?;
        let mut directions = Vec::new();
        for (vector, length) in vectors.iter().zip(&lengths) {
            if length.item()? >= self.tolerance {
                directions.push((vector / length).stored());
            }
        }
        let Some(first) = directions.first() else {
            return Ok(Tensor::sum_of(vectors) * 0.0);
        };
        let share = 1.0 / directions.len() as f64;
        let nothing = Tensor::scalar(0.0);
        let sum = directions
            .iter()
            .fold(nothing.clone(), |s, x| s + x * share);
        let sum_length = norm(&sum);
        let mut point = match sum_length.item()? > 0.0 {
            true => (&sum / sum_length).stored(),
            false => first.clone(),
        }
        .materialize();
        for _ in 0..self.steps {
            let cosines: Vec<Tensor> = directions.iter().map(|d| point.dot(d)).collect();
            Tensor::sum_of(&cosines).item()?;
            let mut step: Option<Tensor> = None;
            for (direction, cosine) in directions.iter().zip(&cosines) {
                let angle = cosine.acos();
                if angle.item()? < self.tolerance {
                    continue;
                }
                let pull = (&angle / angle.sin()) * share;
                let cosine = cosine
                    .minimum(&Tensor::scalar(1.0))
                    .maximum(&Tensor::scalar(-1.0));
                let across = (direction - &point * cosine) * pull;
                step = Some(step.unwrap_or(nothing.clone()) + across);
            }
            let Some(step) = step else {
                break;
            };
            let angle = norm(&step);
            if angle.item()? < self.tolerance {
                break;
            }
            // A number on the left of a product is rounded as tensors are, one on the right is not.
            let (along, across) = (angle.cos(), angle.sin().stored());
            let moved = (&point * along).stored() + across * (step / angle).stored();
            point = unit(&moved).materialize();
        }
        Ok((point * size).stored())
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;

    const RULE: Rule = Rule {
        steps: 100,
        tolerance: 1e-12,
    };

    #[test]
    fn the_mean_of_two_directions_halves_their_angle() {
        // Unit vectors 1 rad apart: the mean is as far from one as from the other.
        let cosine = 1f64.cos();
        let factors = RULE.coefficients(&[vec![1.0, cosine], vec![cosine, 1.0]]);
        assert!((factors[0] - factors[1]).abs() < 1e-12);
        let to_first = factors[0] + factors[1] * cosine;
        assert!((to_first - 0.5f64.cos()).abs() < 1e-12);
    }

    #[test]
    fn the_gradient_vanishes_at_the_mean() {
        // Three directions that are not symmetric. At the mean the pulls add up to nothing.
        let g = [[1.0, 0.3, -0.2], [0.3, 1.0, 0.5], [-0.2, 0.5, 1.0]];
        let products: Vec<Vec<f64>> = g.iter().map(|row| row.to_vec()).collect();
        let point = RULE.coefficients(&products);
        let cosine: Vec<f64> = g
            .iter()
            .map(|row| row.iter().zip(&point).map(|(a, b)| a * b).sum())
            .collect();
        let pull: Vec<f64> = cosine.iter().map(|c| c.acos() / c.acos().sin()).collect();
        let back: f64 = pull.iter().zip(&cosine).map(|(k, c)| k * c).sum();
        for (k, p) in pull.iter().zip(&point) {
            assert!((k - back * p).abs() < 1e-9, "{k} and {}", back * p);
        }
    }

    #[test]
    fn lengths_are_averaged_and_what_has_none_is_left_out() {
        // Parallel vectors of lengths 2 and 4, and a zero: the mean length is 2.
        let factors = RULE.coefficients(&[
            vec![4.0, 8.0, 0.0],
            vec![8.0, 16.0, 0.0],
            vec![0.0, 0.0, 0.0],
        ]);
        assert_eq!(factors[2], 0.0);
        assert!((factors[0] * 2.0 + factors[1] * 4.0 - 2.0).abs() < 1e-12);
        assert_eq!(RULE.coefficients(&[vec![0.0]]), [0.0]);
    }
}
