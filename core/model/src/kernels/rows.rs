//! Tensors of the CPU as slices, and their rows spread over the threads.

use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use burn_flex::FlexTensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Elements that one task handles: small enough to share work, large enough to pay for a task.
pub(super) const TASK_ELEMENTS: usize = 1 << 14;

/// The elements of a tensor, contiguous.
pub(super) struct View(FlexTensor);

impl View {
    pub(super) fn of<const D: usize>(tensor: &Tensor<Flex, D>) -> Self {
        Self(tensor.clone().into_primitive().tensor().to_contiguous())
    }

    pub(super) fn elements(&self) -> &[f32] {
        self.0.storage()
    }
}

/// Takes a tensor apart to change its elements in place; they are copied if another tensor shares
/// them.
pub(super) fn owned<const D: usize>(tensor: Tensor<Flex, D>) -> FlexTensor {
    let primitive = tensor.into_primitive().tensor();
    if primitive.is_contiguous() {
        // `to_contiguous` would hold a second reference and force a copy.
        let whole = primitive.storage::<f32>().len() == primitive.layout().num_elements();
        if whole && primitive.layout().start_offset() == 0 {
            return primitive;
        }
    }
    primitive.to_contiguous()
}

pub(super) fn wrap<const D: usize>(tensor: FlexTensor) -> Tensor<Flex, D> {
    Tensor::from_primitive(TensorPrimitive::Float(tensor))
}

pub(super) fn build<const D: usize>(elements: Vec<f32>, shape: [usize; D]) -> Tensor<Flex, D> {
    wrap(FlexTensor::from_data(TensorData::new(elements, shape)))
}

/// Runs a task as it is compiled for the vector unit of the machine.
///
/// The closure has to be `#[inline(always)]`, and is called by reference: what is not inlined here, as
/// the shim by which a closure is called once, is compiled for the least processor.
#[inline(always)]
pub(super) fn dispatch<R>(arch: Arch, task: impl FnMut() -> R) -> R {
    struct Task<F>(F);
    impl<R, F: FnMut() -> R> WithSimd for Task<F> {
        type Output = R;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> R {
            let mut task = self.0;
            task()
        }
    }
    arch.dispatch(Task(task))
}

/// Runs `task(first_row, rows)` over the rows of `out`.
pub(super) fn for_rows(out: &mut [f32], width: usize, task: impl Fn(usize, &mut [f32]) + Sync) {
    let arch = Arch::new();
    if width == 0 {
        return;
    }
    let rows = (TASK_ELEMENTS / width).max(1);
    if out.len() <= TASK_ELEMENTS {
        dispatch(
            arch,
            #[inline(always)]
            || task(0, out),
        );
        return;
    }
    out.par_chunks_mut(rows * width)
        .enumerate()
        .for_each(|(index, chunk)| {
            dispatch(
                arch,
                #[inline(always)]
                || task(index * rows, chunk),
            )
        });
}

/// As [`for_rows`], with two outputs of the same number of rows.
pub(super) fn for_row_pairs(
    (a, a_width): (&mut [f32], usize),
    (b, b_width): (&mut [f32], usize),
    task: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    let arch = Arch::new();
    let rows = (TASK_ELEMENTS / a_width.max(b_width).max(1)).max(1);
    a.par_chunks_mut(rows * a_width)
        .zip(b.par_chunks_mut(rows * b_width))
        .enumerate()
        .for_each(|(index, (a, b))| {
            dispatch(
                arch,
                #[inline(always)]
                || task(index * rows, a, b),
            )
        });
}
