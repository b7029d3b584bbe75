//! Processors and memory, from Linux' powercap counters (RAPL).
//!
//! `/sys/class/powercap/intel-rapl:N/energy_uj` counts the microjoules of a processor package, on
//! Intel and AMD alike, and `intel-rapl:N:M` those of a part of it. Packages are added up, and the
//! memory (`dram`), which a package's counter leaves out. `core` and `uncore` are in the package's
//! counter already, and `psys` counts the package again. A counter starts anew at
//! `max_energy_range_uj`. Most systems let only root read it.

use super::{Counter, Reader};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where Linux has the counters.
pub(super) const POWERCAP: &str = "/sys/class/powercap";

/// The counters that add up to the whole.
pub(super) fn counters(folder: &Path) -> Vec<Counter> {
    let mut zones: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    zones.sort();
    zones.iter().filter_map(|zone| counter(zone)).collect()
}

/// A zone's counter, if it is one of those that add up.
fn counter(zone: &Path) -> Option<Counter> {
    let folder = zone.file_name()?.to_string_lossy();
    let place = folder.strip_prefix("intel-rapl:")?;
    let name = fs::read_to_string(zone.join("name")).unwrap_or_default();
    let (name, package) = (name.trim(), place.split(':').next()?);
    let (counts, name) = match place.contains(':') {
        false => (name != "psys", name.to_owned()),
        true => (name == "dram", format!("{name}-{package}")),
    };
    let range = number(&zone.join("max_energy_range_uj"))?;
    let file = Reader::File(zone.join("energy_uj"));
    counts.then(|| Counter::start(name, file, Some(range)))?
}

pub(super) fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Energy, Meter};
    use super::*;

    #[test]
    fn packages_and_memory_add_up_and_nothing_counts_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let zone = |place: &str, name: &str, energy: u64| {
            let zone = folder.path().join(place);
            fs::create_dir_all(&zone).expect("writable");
            for (file, text) in [
                ("name", name.to_owned()),
                ("energy_uj", energy.to_string()),
                ("max_energy_range_uj", "10000000".to_owned()),
            ] {
                fs::write(zone.join(file), format!("{text}\n")).expect("writable");
            }
        };
        let all = |package: u64, memory: u64, other: u64| {
            zone("intel-rapl:0", "package-0", package);
            zone("intel-rapl:0:0", "core", other);
            zone("intel-rapl:0:1", "dram", memory);
            zone("intel-rapl:1", "psys", other);
            zone("intel-rapl-mmio:0", "package-0", other);
        };
        all(9_000_000, 1_000_000, 5);
        let meter = Meter::at(folder.path(), None);
        let counted = |joules| {
            Some(Energy {
                joules,
                of: vec!["package-0".to_owned(), "dram-0".to_owned()],
            })
        };
        assert_eq!(meter.energy(), counted(0.0));
        // The package's counter started anew at 10 J.
        all(1_000_000, 1_500_000, 9_999_999);
        assert_eq!(meter.energy(), counted(2.5));
        all(9_000_000, 1_500_000, 5);
        assert_eq!(meter.energy(), counted(10.5));
        all(1_000_000, 1_500_000, 5);
        assert_eq!(meter.energy(), counted(12.5));
    }
}
