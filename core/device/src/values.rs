//! Elements to the device and back.

use crate::context::Context;
use burn::tensor::{Bool, FloatDType, Int, Tensor, TensorData};
use mergelab_abi::working::Working;
use mergelab_tensor::{Error, Source};
use rayon::prelude::*;
use std::ops::Range;

/// Tensors live on the device in row-major order, whatever their shape.
pub(crate) type Flat = Tensor<burn::Dispatch, 1>;

/// Elements that are or are not.
pub(crate) type Mask = Tensor<burn::Dispatch, 1, Bool>;

/// Whole numbers.
pub(crate) type Indices = Tensor<burn::Dispatch, 1, Int>;

/// What a node holds.
#[derive(Clone)]
pub(crate) enum Value {
    /// Shape `[]`.
    Number(f64),
    /// At least one element.
    Tensor(Flat),
    /// A tensor without elements, which devices do not have.
    Empty,
}

/// Elements that a thread of the processor takes at once.
pub(crate) const PART: usize = 1 << 16;

impl Context {
    pub(crate) fn upload(&self, elements: Vec<f32>) -> Value {
        match elements.len() {
            0 => Value::Empty,
            length => {
                let data = TensorData::new(elements, [length]);
                Value::Tensor(Flat::from_data(data, &self.device))
            }
        }
    }

    pub(crate) fn download(&self, tensor: Flat) -> Result<Vec<f32>, Error> {
        let data = self.executed(tensor.try_into_data())?;
        data.into_vec()
            .map_err(|error| self.failed(format!("{error:?}")))
    }

    /// Elements of a value, in row-major order.
    pub(crate) fn elements(&self, value: Value) -> Result<Vec<f32>, Error> {
        match value {
            Value::Number(x) => Ok(vec![x as f32]),
            Value::Tensor(tensor) => self.download(tensor),
            Value::Empty => Ok(Vec::new()),
        }
    }

    /// A tensor of equal elements.
    pub(crate) fn full(&self, length: usize, element: f32) -> Flat {
        Flat::full([length], element, &self.device)
    }

    /// How many there are.
    pub(crate) fn count(&self, mask: Mask) -> Result<u64, Error> {
        let counted = self.executed(mask.int().sum().try_into_data())?;
        let count = counted.iter::<i64>().next().unwrap_or(0);
        u64::try_from(count).map_err(|_| self.failed("it counts below zero"))
    }

    /// Reads a range of an input, rounded to the working precision.
    pub(crate) fn read(
        &self,
        source: &dyn Source,
        range: Range<usize>,
        working: Working,
    ) -> Result<Vec<f32>, Error> {
        let mut elements = vec![0.0f32; range.len()];
        self.pool.install(|| {
            let parts = elements.par_chunks_mut(PART).enumerate();
            parts.try_for_each(|(number, part)| {
                let start = range.start + number * PART;
                let read = source.read(start..start + part.len(), part);
                read.map_err(|error| Error::Source {
                    tensor: source.describe(),
                    source: error,
                })?;
                working.round_all(part);
                Ok(())
            })
        })?;
        Ok(elements)
    }

    /// Rounds each element to the working precision: on the device where it does that as the
    /// processor does, else on the processor.
    pub(crate) fn rounded(&self, tensor: Flat, working: Working) -> Result<Flat, Error> {
        if working == Working::F32 {
            return Ok(tensor);
        }
        if self.rounds_exactly(working)? {
            return Ok(cast(tensor, working));
        }
        let length = tensor.dims()[0];
        let mut elements = self.download(tensor)?;
        self.pool.install(|| {
            let parts = elements.par_chunks_mut(PART);
            parts.for_each(|part| working.round_all(part));
        });
        let data = TensorData::new(elements, [length]);
        Ok(Flat::from_data(data, &self.device))
    }

    fn rounds_exactly(&self, working: Working) -> Result<bool, Error> {
        let cell = self.rounding(working);
        if let Some(known) = cell.get() {
            return Ok(*known);
        }
        let found = self.supports(working) && self.rounds_samples(working)?;
        Ok(*cell.get_or_init(|| found))
    }

    fn supports(&self, working: Working) -> bool {
        use burn::tensor::backend::Backend as _;
        burn::Dispatch::supports_dtype(&self.device, dtype(working).into())
    }

    /// Compares both on numbers that are hard to round.
    fn rounds_samples(&self, working: Working) -> Result<bool, Error> {
        let mut samples = vec![0.0f32, -0.0, f32::MAX, f32::INFINITY, 65_519.9, 65_520.0];
        for exponent in [1u32, 90, 103, 110, 113, 120, 127, 140, 200] {
            // Halfway between two values of either type, and both neighbours of that; after an
            // even value and after an odd one.
            for half in [0x8000, 0x1_8000, 0x1000, 0x3000, 0x7f_8000u32] {
                for bits in [half - 1, half, half + 1] {
                    samples.push(f32::from_bits(exponent << 23 | bits));
                    samples.push(-f32::from_bits(exponent << 23 | bits));
                }
            }
        }
        let expected: Vec<u32> = samples
            .iter()
            .map(|&x| working.round(x).to_bits())
            .collect();
        let Value::Tensor(tensor) = self.upload(samples) else {
            return Ok(false);
        };
        let got = self.download(cast(tensor, working))?;
        Ok(got.into_iter().map(f32::to_bits).eq(expected))
    }
}

fn dtype(working: Working) -> FloatDType {
    match working {
        Working::F32 => FloatDType::F32,
        Working::Bf16 => FloatDType::BF16,
        Working::F16 => FloatDType::F16,
    }
}

fn cast(tensor: Flat, working: Working) -> Flat {
    tensor.cast(dtype(working)).cast(FloatDType::F32)
}
