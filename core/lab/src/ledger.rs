//! What a stage cost.
//!
//! | module | what it is |
//! |---|---|
//! | [`energy`] | joules, where the machine counts them |
//! | [`flops`] | floating-point operations, estimated from a model's size and its sequences |
//! | [`processes`] | the account of a stage that took several processes |

pub mod energy;
pub mod flops;
pub mod processes;

use serde::{Deserialize, Serialize};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One stage's line in the accounts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Wall seconds of the stage's process, from its start to the end of its work. Of several
    /// processes, where it was stopped and went on: the sum.
    pub wall_seconds: f64,
    /// Processor seconds over all threads and processes. `None` where the system does not tell.
    pub cpu_seconds: Option<f64>,
    /// Seconds on an accelerator. 0 on the CPU.
    pub device_seconds: f64,
    /// Peak resident memory in bytes. `None` where the system does not tell.
    pub peak_memory: Option<u64>,
    /// Bytes of the artifact.
    pub bytes: u64,
    /// Tokens that a training or generation processed.
    pub tokens: u64,
    /// Floating-point operations, estimated as [`flops`] says. `None` where they are not.
    #[serde(default)]
    pub flops: Option<f64>,
    /// Joules of the whole machine's processors and of the stage's GPU while it ran. `None` where
    /// the machine does not count them.
    #[serde(default)]
    pub energy_joules: Option<f64>,
    /// The parts of the machine that `energy_joules` is of.
    #[serde(default)]
    pub energy_of: Vec<String>,
    /// Processes that it took: more than one where a training was stopped and went on.
    #[serde(default = "one")]
    pub processes: usize,
    /// Examples that it processed.
    pub examples: u64,
    /// Threads that it could use.
    pub threads: usize,
    /// Stages that ran beside it at most, itself included: wall seconds of stages that share the
    /// machine are longer than alone.
    pub jobs: usize,
    /// Device, such as `flex` or `cuda:0`.
    pub device: String,
    /// Start, in seconds since 1970.
    pub started_at: u64,
    /// BLAKE3 of the plugin library that it used.
    #[serde(default)]
    pub plugin_hash: Option<String>,
    /// Version of mergelab.
    pub mergelab: String,
}

fn one() -> usize {
    1
}

impl Ledger {
    /// Tokens in a second of wall time. `None` where there are no tokens.
    pub fn tokens_per_second(&self) -> Option<f64> {
        (self.tokens > 0 && self.wall_seconds > 0.0).then(|| self.tokens as f64 / self.wall_seconds)
    }
}

/// A running measurement.
#[derive(Debug)]
pub struct Meter {
    start: Instant,
    started_at: u64,
    energy: energy::Meter,
}

impl Meter {
    /// Starts measuring a stage on a device such as `flex` or `cuda:0`.
    pub fn start(device: &str) -> Self {
        Self {
            start: Instant::now(),
            started_at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| d.as_secs()),
            energy: energy::Meter::start(device),
        }
    }

    /// What this process has used so far.
    pub fn spent(&self) -> processes::Spent {
        let energy = self.energy.energy();
        processes::Spent {
            started_at: self.started_at,
            wall_seconds: self.start.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds(),
            peak_memory: peak_memory(),
            energy_joules: energy.as_ref().map(|energy| energy.joules),
            energy_of: energy.map(|energy| energy.of).unwrap_or_default(),
        }
    }

    /// Fills in what this process has used so far.
    pub fn fill(&self, ledger: &mut Ledger) {
        processes::total(&[self.spent()], ledger);
        ledger.threads = std::env::var("RAYON_NUM_THREADS")
            .ok()
            .and_then(|n| n.parse().ok())
            .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
            .unwrap_or(1);
        ledger.mergelab = env!("CARGO_PKG_VERSION").to_owned();
    }
}

/// User and system time of this process, from `/proc/self/stat`.
///
/// The kernel counts in ticks, of which every Linux ABI has 100 in a second.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets and may hold spaces.
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

/// Largest resident set of this process so far, from `/proc/self/status`.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_time_and_memory() {
        let meter = Meter::start("flex");
        let mut sum = 0u64;
        for i in 0..30_000_000u64 {
            sum = sum.wrapping_add(i.wrapping_mul(i));
        }
        std::hint::black_box(sum);
        let mut ledger = Ledger::default();
        meter.fill(&mut ledger);
        assert!(ledger.wall_seconds > 0.0);
        assert!(ledger.cpu_seconds.is_some());
        assert!(ledger.peak_memory.is_some_and(|b| b > 100_000));
    }
}
