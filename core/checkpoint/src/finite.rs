//! Looking for NaN and infinities.

use std::path::Path;

use rayon::prelude::*;

use crate::{Checkpoint, CheckpointError, TensorView};

/// Elements looked at at a time; their values stay in the cache.
const BLOCK: usize = 1 << 13;

/// The values of one tensor that are not finite.
#[derive(Clone, Debug, PartialEq)]
pub struct NonFinite {
    /// The tensor.
    pub tensor: String,
    /// Index of the first such value, row-major.
    pub element: usize,
    /// That value: NaN or an infinity.
    pub value: f32,
    /// How many there are.
    pub count: usize,
}

impl Checkpoint {
    /// Every floating-point tensor that holds NaN or an infinity, sorted by name.
    ///
    /// An F64 beyond the range of f32 counts as infinite, since values are read as f32.
    ///
    /// # Errors
    /// Passes on what reading a tensor returns; a checkpoint that opened has no reason to fail.
    pub fn find_non_finite(&self) -> Result<Vec<NonFinite>, CheckpointError> {
        let views: Vec<_> = self
            .tensors()
            .filter(|view| view.dtype.is_float())
            .collect();
        let found: Result<Vec<_>, _> = views.par_iter().map(scan).collect();
        Ok(found?.into_iter().flatten().collect())
    }
}

fn scan(view: &TensorView<'_>) -> Result<Option<NonFinite>, CheckpointError> {
    let elements = view.elements();
    let blocks = elements.div_ceil(BLOCK);
    let found = (0..blocks)
        .into_par_iter()
        .map_init(
            || vec![0.0; BLOCK],
            |buffer, block| {
                let start = block * BLOCK;
                let end = elements.min(start + BLOCK);
                let values = &mut buffer[..end - start];
                view.read_f32(start..end, values)?;
                let count = values
                    .iter()
                    .map(|value| usize::from(!value.is_finite()))
                    .sum();
                if count == 0 {
                    return Ok(None);
                }
                let first = values
                    .iter()
                    .enumerate()
                    .find(|(_, value)| !value.is_finite());
                Ok(first.map(|(i, value)| (start + i, *value, count)))
            },
        )
        .collect::<Result<Vec<_>, CheckpointError>>()?;
    let mut blocks = found.into_iter().flatten();
    let Some((element, value, first_count)) = blocks.next() else {
        return Ok(None);
    };
    let count = blocks
        .map(|(_, _, count)| count)
        .fold(first_count, |sum, count: usize| sum + count);
    Ok(Some(NonFinite {
        tensor: view.name.to_owned(),
        element,
        value,
        count,
    }))
}

/// Opens the checkpoint at `path` and refuses it if any value is NaN or infinite.
///
/// # Errors
/// When it does not open, or [`CheckpointError::NonFinite`] for the first such tensor by name.
pub fn validate_finite(path: impl AsRef<Path>) -> Result<(), CheckpointError> {
    let checkpoint = Checkpoint::open(path)?;
    match checkpoint.find_non_finite()?.into_iter().next() {
        None => Ok(()),
        Some(NonFinite {
            tensor,
            element,
            value,
            count,
        }) => Err(CheckpointError::NonFinite {
            path: checkpoint.path().to_owned(),
            tensor,
            element,
            value,
            count,
        }),
    }
}
