//! Joules that the processor used, from Linux' powercap counters (RAPL).
//!
//! `/sys/class/powercap/intel-rapl:N/energy_uj` counts the microjoules of a processor package, on
//! Intel and AMD alike, and `intel-rapl:N:M` those of a part of it. Packages are added up, and the
//! memory (`dram`), which a package's counter leaves out. `core` and `uncore` are in the package's
//! counter already, and `psys` counts the package again. A counter starts anew at
//! `max_energy_range_uj`. Most systems let only root read it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Where Linux has the counters.
const POWERCAP: &str = "/sys/class/powercap";

/// Counts joules from when it was started.
#[derive(Debug, Default)]
pub struct Meter {
    counters: Mutex<Vec<Counter>>,
}

#[derive(Debug)]
struct Counter {
    file: PathBuf,
    /// Where it starts anew, in microjoules.
    range: u64,
    last: u64,
    /// Microjoules since the start.
    counted: u64,
}

impl Meter {
    /// Starts counting. Where the machine has no counters, or none that may be read, there is
    /// nothing to count.
    pub fn start() -> Self {
        Self::at(Path::new(POWERCAP))
    }

    fn at(folder: &Path) -> Self {
        let mut zones: Vec<PathBuf> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|zone| counts(zone))
            .collect();
        zones.sort();
        let counters = zones.iter().filter_map(|zone| {
            let file = zone.join("energy_uj");
            Some(Counter {
                last: number(&file)?,
                range: number(&zone.join("max_energy_range_uj"))?,
                file,
                counted: 0,
            })
        });
        Self {
            counters: Mutex::new(counters.collect()),
        }
    }

    /// Joules since the start. A counter must be looked at more often than it starts anew, which
    /// takes minutes at least. `None` where there is nothing to count.
    pub fn joules(&self) -> Option<f64> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for counter in counters.iter_mut() {
            // One that cannot be read any more stays where it was.
            if let Some(now) = number(&counter.file) {
                counter.counted += since(counter.last, now, counter.range);
                counter.last = now;
            }
        }
        let all: u64 = counters.iter().map(|c| c.counted).sum();
        (!counters.is_empty()).then(|| all as f64 / 1e6)
    }
}

/// Microjoules between two readings of a counter that starts anew at `range`.
fn since(last: u64, now: u64, range: u64) -> u64 {
    if now >= last {
        now - last
    } else {
        range.saturating_sub(last) + now
    }
}

/// Whether a zone's counter is one of those that add up to the whole.
fn counts(zone: &Path) -> bool {
    let folder = zone.file_name().unwrap_or_default().to_string_lossy();
    let Some(place) = folder.strip_prefix("intel-rapl:") else {
        return false;
    };
    let name = fs::read_to_string(zone.join("name")).unwrap_or_default();
    match place.contains(':') {
        false => name.trim() != "psys",
        true => name.trim() == "dram",
    }
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_started_anew_goes_on() {
        assert_eq!(since(100, 250, 1000), 150);
        assert_eq!(since(900, 50, 1000), 150);
        assert_eq!(since(7, 7, 1000), 0);
    }

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
        let meter = Meter::at(folder.path());
        assert_eq!(meter.joules(), Some(0.0));
        // The package's counter started anew at 10 J.
        all(1_000_000, 1_500_000, 9_999_999);
        assert_eq!(meter.joules(), Some(2.5));
        all(9_000_000, 1_500_000, 5);
        assert_eq!(meter.joules(), Some(10.5));
        all(1_000_000, 1_500_000, 5);
        assert_eq!(meter.joules(), Some(12.5));
    }

    #[test]
    fn without_counters_there_is_no_number() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Meter::at(folder.path()).joules(), None);
        assert_eq!(Meter::at(&folder.path().join("missing")).joules(), None);
    }
}
