//! The Nvidia GPU that a stage runs on, from the driver's own library (NVML).
//!
//! `libnvidia-ml` comes with the driver and is looked for when the program runs. Where it is not
//! there, or the GPU keeps no count (those before Volta, and slices of one), there is no number.
//! `nvmlDeviceGetTotalEnergyConsumption` counts the millijoules of a whole GPU since its driver was
//! loaded, whoever uses it.

use nvml_wrapper::Nvml;

/// A GPU whose counter can be read.
#[derive(Debug)]
pub(super) struct Gpu {
    nvml: Nvml,
    uuid: String,
    name: String,
}

/// What NVML calls a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    uuid: String,
    name: String,
}

impl Gpu {
    /// The GPU that a device such as `cuda:0` is. `None` of other devices, and where there is no
    /// telling which GPU it is.
    pub(super) fn of(device: &str) -> Option<Self> {
        let number = number(device)?;
        Self::opened(Nvml::init().ok()?, number)
    }

    fn opened(nvml: Nvml, number: usize) -> Option<Self> {
        let listed = |index| {
            let gpu = nvml.device_by_index(index).ok()?;
            Some(Listed {
                uuid: gpu.uuid().ok()?,
                name: gpu.name().ok()?,
            })
        };
        let all = (0..nvml.device_count().ok()?).map(listed);
        let all: Vec<Listed> = all.collect::<Option<_>>()?;
        let variable = |name| std::env::var(name).ok();
        let (visible, order) = (
            variable("CUDA_VISIBLE_DEVICES"),
            variable("CUDA_DEVICE_ORDER"),
        );
        let by_bus = order.as_deref() == Some("PCI_BUS_ID");
        let Listed { uuid, name } = choose(number, visible.as_deref(), by_bus, &all)?.clone();
        Some(Self { nvml, uuid, name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Microjoules that it has used since its driver was loaded.
    pub(super) fn microjoules(&self) -> Option<u64> {
        let gpu = self.nvml.device_by_uuid(self.uuid.as_str()).ok()?;
        gpu.total_energy_consumption().ok()?.checked_mul(1000)
    }
}

/// The number that CUDA gives the device.
fn number(device: &str) -> Option<usize> {
    match device.strip_prefix("cuda")? {
        "" => Some(0),
        index => index.strip_prefix(':')?.parse().ok(),
    }
}

/// The GPU that CUDA gives a number, of all in NVML's order, which is that of the bus.
///
/// CUDA's own order is the fastest first unless it is told to go by the bus. Which is the fastest
/// is not known here: among GPUs of one name the order is taken to be that of the bus, and of others
/// none is chosen.
fn choose<'a>(
    number: usize,
    visible: Option<&str>,
    by_bus: bool,
    all: &'a [Listed],
) -> Option<&'a Listed> {
    let at = |index: usize| {
        let alike = all.windows(2).all(|pair| pair[0].name == pair[1].name);
        all.get(index).filter(|_| by_bus || alike)
    };
    let Some(visible) = visible else {
        return at(number);
    };
    let wanted = visible.split(',').nth(number)?.trim();
    if let Ok(index) = wanted.parse() {
        return at(index);
    }
    // The beginning of a UUID is enough where no other GPU's begins so.
    let mut found = all.iter().filter(|gpu| gpu.uuid.starts_with(wanted));
    let first = found.next().filter(|_| wanted.starts_with("GPU-"))?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpus(names: &[&str]) -> Vec<Listed> {
        let gpu = |(index, name): (usize, &&str)| Listed {
            uuid: format!("GPU-{index}a-b"),
            name: (*name).to_owned(),
        };
        names.iter().enumerate().map(gpu).collect()
    }

    #[test]
    fn only_devices_of_cuda_have_a_number() {
        assert_eq!([number("cuda"), number("cuda:0")], [Some(0), Some(0)]);
        assert_eq!(number("cuda:3"), Some(3));
        for other in ["flex", "cpu", "vulkan", "cuda:", "cuda:x", "cudax", ""] {
            assert_eq!(number(other), None, "{other}");
            assert!(Gpu::of(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_missing_library_is_no_number_and_no_error() {
        let missing = Nvml::builder()
            .lib_path("/nowhere/libnvidia-ml.so".as_ref())
            .init();
        assert!(missing.ok().and_then(|n| Gpu::opened(n, 0)).is_none());
    }

    #[test]
    fn the_gpu_is_the_one_that_cuda_means() {
        let same = gpus(&["A", "A", "A"]);
        let place = |number, visible, by_bus, all: &[Listed]| {
            let chosen = choose(number, visible, by_bus, all)?;
            all.iter().position(|gpu| gpu == chosen)
        };
        assert_eq!(place(1, None, false, &same), Some(1));
        assert_eq!(place(3, None, false, &same), None);
        assert_eq!(place(0, Some("2,1"), false, &same), Some(2));
        assert_eq!(place(1, Some("2, 1"), false, &same), Some(1));
        assert_eq!(place(2, Some("2,1"), false, &same), None);
        assert_eq!(place(0, Some("GPU-1a-b"), false, &same), Some(1));
        assert_eq!(place(0, Some("GPU-2"), false, &same), Some(2));
        assert_eq!(place(0, Some("GPU-"), false, &same), None);
        assert_eq!(place(0, Some("MIG-1"), false, &same), None);
        assert_eq!(place(0, Some(""), false, &same), None);
        assert_eq!(place(0, Some("-1"), false, &same), None);
        let mixed = gpus(&["A", "B"]);
        assert_eq!(place(0, None, false, &mixed), None);
        assert_eq!(place(1, None, true, &mixed), Some(1));
        assert_eq!(place(0, Some("1"), false, &mixed), None);
        assert_eq!(place(0, Some("GPU-1a-b"), false, &mixed), Some(1));
        assert_eq!(place(0, None, false, &[]), None);
    }
}
