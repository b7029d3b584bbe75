//! Singular values of a task vector's matrices, and what they say of its rank.

use faer::{Mat, Side};

use crate::VectorError;
use crate::input::{Change, Inputs, finite};

/// Elements of a block that is added to the Gram matrix at a time.
const BLOCK: usize = 1 << 20;

/// How many directions a matrix uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranks {
    /// exp(entropy) of the singular values divided by their sum (Roy and Vetterli, 2007, "The
    /// effective rank").
    pub effective: f64,
    /// Squared Frobenius norm over squared largest singular value (Rudelson and Vershynin, 2007).
    pub stable: f64,
}

impl Ranks {
    /// From singular values in any order; `None` where all are zero.
    ///
    /// ```
    /// use mergelab_vectors::Ranks;
    /// let ranks = Ranks::of(&[2.0, 2.0, 2.0]).unwrap();
    /// assert!((ranks.effective - 3.0).abs() < 1e-12 && (ranks.stable - 3.0).abs() < 1e-12);
    /// assert_eq!(Ranks::of(&[5.0, 0.0]).unwrap().effective, 1.0);
    /// assert!(Ranks::of(&[0.0]).is_none());
    /// ```
    pub fn of(singular_values: &[f64]) -> Option<Ranks> {
        let sum: f64 = singular_values.iter().sum();
        let largest = singular_values.iter().copied().fold(0.0, f64::max);
        if sum <= 0.0 || !sum.is_finite() {
            return None;
        }
        let shares = singular_values.iter().map(|value| value / sum);
        let entropy: f64 = shares
            .filter(|share| *share > 0.0)
            .map(|share| -share * share.ln())
            .sum();
        let squares = singular_values
            .iter()
            .map(|value| (value / largest).powi(2));
        Some(Ranks {
            effective: entropy.exp(),
            stable: squares.sum(),
        })
    }
}

/// The singular values of a row-major matrix, largest first, from the eigenvalues of its Gram
/// matrix on the smaller side, in f64.
///
/// Squaring costs half of the digits: a value is right to about 1e-8 of the largest, which moves
/// neither rank. `read` gives the elements from a place on.
///
/// # Errors
/// What `read` says, and the solver's word where it does not converge.
pub fn singular_values<E>(
    rows: usize,
    columns: usize,
    mut read: impl FnMut(usize, &mut [f32]) -> Result<(), E>,
    failed: impl FnOnce(String) -> E,
) -> Result<Vec<f64>, E> {
    let small = rows.min(columns);
    let mut gram = Mat::<f64>::zeros(small, small);
    if columns <= rows {
        // Blocks of whole rows.
        let step = (BLOCK / columns.max(1)).max(1);
        let mut buffer = vec![0.0; step.min(rows) * columns];
        for start in (0..rows).step_by(step) {
            let count = step.min(rows - start);
            let buffer = &mut buffer[..count * columns];
            read(start * columns, buffer)?;
            let block = Mat::from_fn(count, columns, |i, j| f64::from(buffer[i * columns + j]));
            gram += block.transpose() * &block;
        }
    } else {
        // Blocks of whole columns, a piece of each row at a time.
        let step = (BLOCK / rows.max(1)).max(1);
        let mut buffer = vec![0.0; step.min(columns) * rows];
        for start in (0..columns).step_by(step) {
            let count = step.min(columns - start);
            let buffer = &mut buffer[..count * rows];
            for (row, piece) in buffer.chunks_exact_mut(count).enumerate() {
                read(row * columns + start, piece)?;
            }
            let block = Mat::from_fn(rows, count, |i, j| f64::from(buffer[i * count + j]));
            gram += &block * block.transpose();
        }
    }
    let eigenvalues = match gram.self_adjoint_eigenvalues(Side::Lower) {
        Ok(values) => values,
        Err(error) => return Err(failed(format!("{error:?}"))),
    };
    // Rounding makes zeros slightly negative.
    let mut values: Vec<f64> = eigenvalues.iter().map(|v| v.max(0.0).sqrt()).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    Ok(values)
}

/// The ranks of each model's change of a matrix; `None` where a model does not change it.
pub(crate) fn ranks(
    inputs: &Inputs,
    tensor: &str,
    rows: usize,
    columns: usize,
    model: usize,
) -> Result<Option<Ranks>, VectorError> {
    let model = &inputs.models[model];
    let failed = |reason| VectorError::Spectrum {
        role: model.name.clone(),
        tensor: tensor.to_owned(),
        reason,
    };
    let values = match model.change(tensor) {
        Change::Nothing => return Ok(None),
        Change::LowRank(factors) => factors.singular_values().map_err(failed)?,
        Change::Dense => {
            let mut base = Vec::new();
            let read = |start: usize, out: &mut [f32]| {
                base.resize(out.len(), 0.0);
                let range = start..start + out.len();
                read_base(inputs, tensor, start, &mut base)?;
                model.read(tensor, range, &base, out)
            };
            singular_values(rows, columns, read, failed)?
        }
    };
    Ok(Ranks::of(&values))
}

/// The base's elements from `start` on.
pub(crate) fn read_base(
    inputs: &Inputs,
    tensor: &str,
    start: usize,
    out: &mut [f32],
) -> Result<(), VectorError> {
    let failed = |source| VectorError::Checkpoint {
        role: "the base".to_owned(),
        source: Box::new(source),
    };
    let view = inputs.base.tensor(tensor).map_err(failed)?;
    view.read_f32(start..start + out.len(), out)
        .map_err(failed)?;
    finite(out, start, tensor, "the base")
}
