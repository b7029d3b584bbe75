//! Joules that the machine counted: those of its processors and memory ([`processor`]), and those of
//! the GPU that a stage ran on ([`gpu`]).

mod gpu;
mod processor;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Counts joules from when it was started.
#[derive(Debug, Default)]
pub struct Meter {
    counters: Mutex<Vec<Counter>>,
}

/// What has been counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Energy {
    /// Joules since the start.
    pub joules: f64,
    /// Names of the parts of the machine that they are of.
    pub of: Vec<String>,
}

/// A number of the machine that only grows, but for new starts.
#[derive(Debug)]
struct Counter {
    /// The part of the machine that it is of.
    name: String,
    reader: Reader,
    /// Where it starts anew, in microjoules. Unknown of one that does so only with its driver.
    range: Option<u64>,
    last: u64,
    /// Microjoules since the start.
    counted: u64,
}

#[derive(Debug)]
enum Reader {
    File(PathBuf),
    Gpu(Box<gpu::Gpu>),
}

impl Reader {
    /// Microjoules that the counter shows.
    fn read(&self) -> Option<u64> {
        match self {
            Self::File(file) => processor::number(file),
            Self::Gpu(gpu) => gpu.microjoules(),
        }
    }
}

impl Counter {
    /// A counter from now on. `None` where it cannot be read.
    fn start(name: String, reader: Reader, range: Option<u64>) -> Option<Self> {
        Some(Self {
            last: reader.read()?,
            name,
            reader,
            range,
            counted: 0,
        })
    }

    fn look(&mut self) {
        // One that cannot be read any more stays where it was.
        if let Some(now) = self.reader.read() {
            self.counted += since(self.last, now, self.range);
            self.last = now;
        }
    }
}

impl Meter {
    /// Starts counting for a stage on a device such as `flex` or `cuda:0`. Where the machine has no
    /// counters, or none that may be read, there is nothing to count.
    pub fn start(device: &str) -> Self {
        Self::at(Path::new(processor::POWERCAP), gpu::Gpu::of(device))
    }

    fn at(powercap: &Path, gpu: Option<gpu::Gpu>) -> Self {
        let gpu = gpu.and_then(|gpu| {
            let name = gpu.name().to_owned();
            Counter::start(name, Reader::Gpu(Box::new(gpu)), None)
        });
        let counters = processor::counters(powercap).into_iter().chain(gpu);
        Self {
            counters: Mutex::new(counters.collect()),
        }
    }

    /// What was counted since the start. A counter must be looked at more often than it starts
    /// anew, which takes minutes at least. `None` where there is nothing to count.
    pub fn energy(&self) -> Option<Energy> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.iter_mut().for_each(Counter::look);
        let all: u64 = counters.iter().map(|c| c.counted).sum();
        (!counters.is_empty()).then(|| Energy {
            joules: all as f64 / 1e6,
            of: counters.iter().map(|c| c.name.clone()).collect(),
        })
    }
}

/// Microjoules between two readings of a counter that starts anew at `range`. Where that is not
/// known, what it had counted when it started anew is lost.
fn since(last: u64, now: u64, range: Option<u64>) -> u64 {
    if now >= last {
        now - last
    } else {
        range.map_or(0, |range| range.saturating_sub(last)) + now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_started_anew_goes_on() {
        assert_eq!(since(100, 250, Some(1000)), 150);
        assert_eq!(since(900, 50, Some(1000)), 150);
        assert_eq!(since(7, 7, Some(1000)), 0);
        // A driver that was loaded anew counts from nothing.
        assert_eq!(since(100, 250, None), 150);
        assert_eq!(since(u64::MAX, 50, None), 50);
    }

    #[test]
    fn without_counters_there_is_no_number() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Meter::at(folder.path(), None).energy(), None);
        assert_eq!(
            Meter::at(&folder.path().join("missing"), None).energy(),
            None
        );
    }

    #[test]
    fn a_number_says_what_it_is_of_and_a_counter_that_is_gone_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let zone = folder.path().join("intel-rapl:0");
        std::fs::create_dir(&zone).expect("writable");
        let write = |file: &str, text: &str| std::fs::write(zone.join(file), text);
        write("name", "package-0\n").expect("writable");
        write("max_energy_range_uj", "10000000\n").expect("writable");
        write("energy_uj", "1000000\n").expect("writable");
        let meter = Meter::at(folder.path(), None);
        write("energy_uj", "3000000\n").expect("writable");
        let expected = Some(Energy {
            joules: 2.0,
            of: vec!["package-0".to_owned()],
        });
        assert_eq!(meter.energy(), expected);
        std::fs::remove_file(zone.join("energy_uj")).expect("there");
        assert_eq!(meter.energy(), expected);
    }
}
