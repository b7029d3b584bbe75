//! Where a model runs.

use std::fmt;
use std::str::FromStr;

use burn::tensor::DType;
use burn::tensor::backend::{Backend, DTypeUsage};

use crate::error::ModelError;

/// A device, by name: `flex` (or `cpu`), `cuda:0`, `vulkan`.
///
/// ```
/// use mergelab_model::Device;
/// let device: Device = "cpu".parse()?;
/// assert_eq!(device.to_string(), "flex");
/// # Ok::<(), mergelab_model::ModelError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Device {
    /// The CPU.
    #[cfg(feature = "flex")]
    Flex,
    /// An Nvidia GPU, by index.
    #[cfg(feature = "cuda")]
    Cuda(usize),
    /// The default GPU with a Vulkan driver.
    #[cfg(feature = "vulkan")]
    Vulkan,
}

/// Device names, and the cargo feature that each needs.
const DEVICES: [(&str, &str); 4] = [
    ("flex", "flex"),
    ("cpu", "flex"),
    ("cuda", "cuda"),
    ("vulkan", "vulkan"),
];

impl Device {
    /// Reads a device's name.
    ///
    /// # Errors
    /// If the name is unknown, or this build lacks the cargo feature for it; the message names
    /// the feature.
    pub fn parse(name: &str) -> Result<Self, ModelError> {
        let fail = |reason: String| ModelError::Device {
            name: name.into(),
            reason,
        };
        let (kind, index) = match name.split_once(':') {
            Some((kind, index)) => (kind, Some(index)),
            None => (name, None),
        };
        let kind = kind.to_ascii_lowercase();
        let Some((_, feature)) = DEVICES.iter().find(|(known, _)| *known == kind) else {
            let nearest = DEVICES
                .iter()
                .map(|(known, _)| (strsim::jaro_winkler(known, &kind), known))
                .filter(|(likeness, _)| *likeness > 0.7)
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map_or(String::new(), |(_, known)| {
                    format!("; did you mean \"{known}\"?")
                });
            return Err(fail(format!(
                "unknown device{nearest} Devices: flex (or cpu), cuda:<index>, vulkan"
            )));
        };
        let index = match index {
            None => 0,
            Some(index) if *feature == "cuda" => index
                .parse::<usize>()
                .map_err(|_| fail(format!("\"{index}\" is not the index of a GPU, such as 0")))?,
            Some(_) => return Err(fail(format!("\"{kind}\" takes no index"))),
        };
        // Unused where the cuda feature is off.
        let _ = index;
        match *feature {
            #[cfg(feature = "flex")]
            "flex" => Ok(Self::Flex),
            #[cfg(feature = "cuda")]
            "cuda" => Ok(Self::Cuda(index)),
            #[cfg(feature = "vulkan")]
            "vulkan" => Ok(Self::Vulkan),
            feature => Err(ModelError::NotBuilt {
                name: name.into(),
                feature: feature.into(),
            }),
        }
    }

    /// Whether it computes in bfloat16. The CPU's products would be in f32, on rounded numbers:
    /// slower, and nothing saved.
    pub fn computes_in_bf16(self) -> bool {
        #[cfg(feature = "flex")]
        if self == Self::Flex {
            return false;
        }
        let usage = <burn::Dispatch as Backend>::dtype_usage(&self.dispatch(), DType::BF16);
        usage.is_superset(DTypeUsage::general())
    }

    /// Burn's device, for all but the CPU's own kernels.
    pub(crate) fn dispatch(self) -> burn::DispatchDevice {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => burn::DispatchDevice::Flex(Default::default()),
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => {
                burn::DispatchDevice::Cuda(burn::backend::cuda::CudaDevice::new(index))
            }
            #[cfg(feature = "vulkan")]
            Self::Vulkan => burn::DispatchDevice::Vulkan(Default::default()),
        }
    }
}

impl FromStr for Device {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        Self::parse(name)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => f.write_str("flex"),
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => f.write_str("vulkan"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "flex")]
    fn cpu_is_another_name_of_flex() {
        assert_eq!(Device::parse("cpu").unwrap(), Device::Flex);
        assert_eq!(Device::parse("FLEX").unwrap(), Device::Flex);
    }

    #[test]
    fn messages_say_what_to_do() {
        for (name, expected) in [
            ("cude:0", "did you mean \"cuda\"?"),
            ("cpu:1", "takes no index"),
            ("cuda:first", "not the index of a GPU"),
            #[cfg(not(feature = "cuda"))]
            ("cuda:0", "--features cuda"),
            #[cfg(not(feature = "vulkan"))]
            ("vulkan", "--features vulkan"),
            ("quantum", "Devices: flex"),
        ] {
            let message = Device::parse(name).unwrap_err().to_string();
            assert!(message.contains(expected), "{name}: {message}");
        }
    }
}
