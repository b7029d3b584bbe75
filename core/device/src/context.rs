//! A device that is open, as its owner thread holds it.

use crate::name::Device;
use crate::open::DeviceError;
use burn::DispatchDevice;
use burn::tensor::backend::ExecutionError;
use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use mergelab_tensor::Error;
use std::sync::OnceLock;

pub(crate) struct Context {
    pub(crate) name: Device,
    pub(crate) device: DispatchDevice,
    /// Threads for what the processor does. Not the caller's: those wait for this device.
    pub(crate) pool: rayon::ThreadPool,
    /// Whether the device rounds to bf16 and f16 as the processor does.
    pub(crate) rounds: [OnceLock<bool>; 2],
}

impl Context {
    /// Does not touch the device yet.
    pub(crate) fn new(name: Device) -> Result<Self, DeviceError> {
        let device = match name {
            #[cfg(feature = "flex")]
            Device::Flex => DispatchDevice::Flex(Default::default()),
            #[cfg(feature = "cuda")]
            Device::Cuda(number) => {
                DispatchDevice::Cuda(burn::backend::cuda::CudaDevice::new(number))
            }
            #[cfg(feature = "vulkan")]
            Device::Vulkan(number) => DispatchDevice::Vulkan(match number {
                Some(number) => burn::backend::wgpu::WgpuDevice::DiscreteGpu(number),
                None => burn::backend::wgpu::WgpuDevice::DefaultDevice,
            }),
            // The CPU's engine is no burn device; the others are not part of this build.
            other => {
                return Err(DeviceError::NotBuilt {
                    name: other.to_string(),
                    feature: other.feature().unwrap_or("flex"),
                });
            }
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .thread_name(move |number| format!("{name} {number}"))
            .build()
            .map_err(|error| DeviceError::Unavailable {
                name: name.to_string(),
                problem: error.to_string(),
            })?;
        Ok(Self {
            name,
            device,
            pool,
            rounds: Default::default(),
        })
    }

    /// Whether matrix products of f32 are computed in TF32, which has 11 bits.
    pub(crate) fn multiplies_in_tf32(&self) -> bool {
        matches!(self.name, Device::Cuda(_))
    }

    /// Whether the device may compute a function so coarsely that the processor does it instead.
    /// Vulkan asks for 11 bits of sines and cosines (Vulkan 1.3, appendix "Precision and Operation
    /// of SPIR-V Instructions"), and drivers give no more than 14 of arc cosines.
    pub(crate) fn leaves(&self, op: Op) -> bool {
        matches!(self.name, Device::Vulkan(_)) && matches!(op, Op::Sin | Op::Cos | Op::Acos)
    }

    pub(crate) fn failed(&self, problem: impl ToString) -> Error {
        Error::Device {
            device: self.name.to_string(),
            problem: problem.to_string(),
        }
    }

    pub(crate) fn executed<T>(&self, result: Result<T, ExecutionError>) -> Result<T, Error> {
        result.map_err(|error| self.failed(error))
    }

    /// The cell that says whether the device rounds to `working`.
    pub(crate) fn rounding(&self, working: Working) -> &OnceLock<bool> {
        &self.rounds[usize::from(working == Working::F16)]
    }
}
