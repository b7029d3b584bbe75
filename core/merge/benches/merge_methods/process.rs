//! Running a program and watching what it takes.

use crate::Result;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often the memory of the program is looked at.
const EVERY: Duration = Duration::from_millis(5);
/// Clock ticks in a second, in `/proc` (`USER_HZ`, the same on every Linux).
const TICKS: f64 = 100.0;

/// What a program took.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    seconds: f64,
    /// Seconds of all processors, user and system.
    processor: f64,
    /// Peak of anonymous pages, in bytes. Mapped files do not count: the system takes their pages
    /// back when it needs them.
    memory: f64,
}

impl Usage {
    pub(crate) fn seconds(runs: &[Usage]) -> Option<f64> {
        median(runs.iter().map(|u| Some(u.seconds)))
    }

    pub(crate) fn processor(runs: &[Usage]) -> Option<f64> {
        median(runs.iter().map(|u| Some(u.processor)))
    }

    /// The largest of all runs.
    pub(crate) fn memory(runs: &[Usage]) -> Option<f64> {
        runs.iter().map(|u| u.memory).reduce(f64::max)
    }
}

/// The median of those that are known.
pub(crate) fn median(numbers: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.flatten().collect();
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => None,
        n if n % 2 == 1 => Some(numbers[middle]),
        _ => Some((numbers[middle - 1] + numbers[middle]) / 2.0),
    }
}

/// Runs a program to its end. Gives back what it printed.
pub(crate) fn run(command: &mut Command) -> Result<(Usage, String)> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let stat = format!("/proc/{}/stat", child.id());
    let (mut memory, mut ticks): (f64, f64) = (0.0, 0.0);
    while child.try_wait()?.is_none() {
        if let Some(kilobytes) = anonymous(&status) {
            memory = memory.max(kilobytes * 1024.0);
        }
        ticks = ticks.max(processor(&stat).unwrap_or(0.0));
        std::thread::sleep(EVERY);
    }
    let seconds = start.elapsed().as_secs_f64();
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed: {errors}").into());
    }
    let usage = Usage {
        seconds,
        processor: ticks / TICKS,
        memory,
    };
    Ok((usage, String::from_utf8(output.stdout)?))
}

fn anonymous(status: &str) -> Option<f64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Processor seconds of this process so far.
pub(crate) fn own_processor() -> f64 {
    processor("/proc/self/stat").unwrap_or(f64::NAN) / TICKS
}

/// User and system time in ticks: fields 14 and 15, counted from 1. The second field, in
/// parentheses, is the program's name, which may hold spaces.
fn processor(stat: &str) -> Option<f64> {
    let text = std::fs::read_to_string(stat).ok()?;
    let after = &text[text.rfind(')')? + 1..];
    let mut fields = after.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some(ticks()? + ticks()?)
}

/// `mergekit-yaml`, where it is on the path.
pub(crate) fn mergekit() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("mergekit-yaml"))
        .find(|program| program.is_file())
}
