//! The names of devices.

use crate::open::DeviceError;
use mergelab_abi::suggest;
use std::fmt;
use std::str::FromStr;

/// Kinds of devices, and the cargo feature that each needs.
const KINDS: [(&str, Option<&str>); 4] = [
    ("cpu", None),
    ("flex", Some("flex")),
    ("vulkan", Some("vulkan")),
    ("cuda", Some("cuda")),
];

/// Where graphs are evaluated.
///
/// ```
/// use mergelab_device::Device;
/// let device: Device = "cuda".parse()?;
/// assert_eq!(device.to_string(), "cuda:0");
/// assert!("vulcan".parse::<Device>().unwrap_err().to_string().contains("`vulkan`"));
/// # Ok::<(), mergelab_device::DeviceError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Device {
    /// `cpu`: the engine of `mergelab-tensor`, in tiles.
    #[default]
    Cpu,
    /// `flex`: burn's CPU backend. It computes as the GPUs do and checks what they compute.
    Flex,
    /// `vulkan`: the GPU that the Vulkan driver prefers; `vulkan:N`: the discrete GPU number N.
    Vulkan(Option<usize>),
    /// `cuda:N`: the Nvidia GPU number N; `cuda` is `cuda:0`.
    Cuda(usize),
}

impl Device {
    /// The cargo feature that it needs.
    pub(crate) fn feature(self) -> Option<&'static str> {
        let (_, feature) = KINDS[self.kind()];
        feature
    }

    fn kind(self) -> usize {
        match self {
            Device::Cpu => 0,
            Device::Flex => 1,
            Device::Vulkan(_) => 2,
            Device::Cuda(_) => 3,
        }
    }
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let (kind, index) = match name.split_once(':') {
            Some((kind, index)) => (kind, Some(index)),
            None => (name, None),
        };
        let wrong = |problem: String| DeviceError::Index {
            name: name.to_owned(),
            problem,
        };
        let number = match index {
            None => None,
            Some(_) if kind == "cpu" || kind == "flex" => {
                return Err(wrong(format!(
                    "`{kind}` takes no number; write `--device {kind}`"
                )));
            }
            Some(index) => Some(index.parse().map_err(|_| {
                wrong(format!(
                    "`{index}` is not the number of a GPU, such as 0 in `{kind}:0`"
                ))
            })?),
        };
        match kind {
            "cpu" => Ok(Device::Cpu),
            "flex" => Ok(Device::Flex),
            "vulkan" => Ok(Device::Vulkan(number)),
            "cuda" => Ok(Device::Cuda(number.unwrap_or(0))),
            _ => {
                let known = KINDS.map(|(known, _)| known);
                let near = suggest::nearest(kind, known);
                let feature = KINDS
                    .iter()
                    .find(|(known, _)| near == Some(known))
                    .and_then(|(_, feature)| *feature)
                    .filter(|feature| *feature != "flex");
                let needs = feature.map_or(String::new(), |feature| {
                    format!(" It needs a build with `--features {feature}`.")
                });
                Err(DeviceError::Unknown {
                    name: name.to_owned(),
                    hint: format!("{}{needs}", suggest::hint(kind, known)),
                })
            }
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = KINDS[self.kind()];
        match self {
            Device::Vulkan(Some(number)) | Device::Cuda(number) => write!(f, "{name}:{number}"),
            _ => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for name in ["cpu", "flex", "vulkan", "vulkan:1", "cuda:0", "cuda:3"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
    }

    #[test]
    fn messages_say_what_to_write() {
        for (name, expected) in [
            ("cude:0", "Did you mean `cuda`?"),
            ("cude:0", "--features cuda"),
            ("quantum", "cpu, flex, vulkan, cuda"),
            ("cpu:1", "takes no number"),
            ("cuda:first", "`cuda:0`"),
            ("vulkan:", "not the number of a GPU"),
        ] {
            let message = name.parse::<Device>().unwrap_err().to_string();
            assert!(message.contains(expected), "{name}: {message}");
        }
    }
}
