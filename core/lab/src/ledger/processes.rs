//! The account of a stage that took several processes.
//!
//! Each process keeps what it has spent in a file of its own beside the stage's snapshots, written
//! four times a second. A killed process leaves its file, and the one that ends the stage adds all
//! of them up. So a kill loses at most a quarter of a second of the account.

use super::{Ledger, Meter};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{Scope, ScopedJoinHandle},
    time::Duration,
};

/// Time between two writes of the account.
const PACE: Duration = Duration::from_millis(250);

/// What one process has spent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Start, in seconds since 1970.
    pub started_at: u64,
    /// Wall seconds.
    pub wall_seconds: f64,
    /// Processor seconds.
    pub cpu_seconds: Option<f64>,
    /// Peak resident memory in bytes.
    pub peak_memory: Option<u64>,
    /// Joules.
    pub energy_joules: Option<f64>,
    /// The parts of the machine that they are of.
    #[serde(default)]
    pub energy_of: Vec<String>,
}

/// Writes the sums over all processes into a ledger: seconds and joules are added, of peaks the
/// largest counts, and the first start is the stage's. A number that one process lacks is lacking;
/// so are the joules where the processes counted those of different parts of the machine.
pub fn total(all: &[Spent], ledger: &mut Ledger) {
    fn sum(parts: impl Iterator<Item = Option<f64>>) -> Option<f64> {
        parts.sum()
    }
    ledger.processes = all.len();
    ledger.started_at = all.iter().map(|s| s.started_at).min().unwrap_or(0);
    ledger.wall_seconds = all.iter().map(|s| s.wall_seconds).sum();
    ledger.cpu_seconds = sum(all.iter().map(|s| s.cpu_seconds));
    let alike = all.windows(2).all(|p| p[0].energy_of == p[1].energy_of);
    ledger.energy_joules = sum(all.iter().map(|s| s.energy_joules)).filter(|_| alike);
    ledger.energy_of = match (ledger.energy_joules, all.first()) {
        (Some(_), Some(first)) => first.energy_of.clone(),
        _ => Vec::new(),
    };
    ledger.peak_memory = all.iter().filter_map(|s| s.peak_memory).max();
}

/// Looks at the meter four times a second until the returned sender is dropped: so no counter of
/// joules starts anew twice unseen, and the account, where there is one, is up to date.
pub fn watch<'scope>(
    scope: &'scope Scope<'scope, '_>,
    meter: &'scope Meter,
    accounts: Option<&'scope Accounts>,
) -> (Sender<()>, ScopedJoinHandle<'scope, ()>) {
    let (end, ended) = channel::<()>();
    let watcher = scope.spawn(move || {
        loop {
            let spent = meter.spent();
            if let Some(accounts) = accounts {
                accounts.write(&spent);
            }
            match ended.recv_timeout(PACE) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return,
            }
        }
    });
    (end, watcher)
}

/// The accounts of a stage, a file for each process.
#[derive(Debug)]
pub struct Accounts {
    folder: PathBuf,
    own: PathBuf,
}

impl Accounts {
    /// The accounts in `folder`, to which this process adds its own.
    pub fn open(folder: &Path, meter: &Meter) -> Self {
        let name = format!("{}-{}.json", meter.started_at, std::process::id());
        Self {
            folder: folder.to_owned(),
            own: folder.join(name),
        }
    }

    /// Writes what this process has spent. An account that cannot be written is no reason to stop
    /// the work: what is lost is the time of a process that is killed later.
    pub fn write(&self, spent: &Spent) {
        let temporary = self.own.with_extension("tmp");
        let written = serde_json::to_vec(spent)
            .map_err(std::io::Error::other)
            .and_then(|text| {
                fs::create_dir_all(&self.folder)?;
                fs::write(&temporary, text)?;
                fs::rename(&temporary, &self.own)
            });
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
    }

    /// What earlier processes left, in the order of their starts.
    pub fn earlier(&self) -> Vec<Spent> {
        let mut files: Vec<PathBuf> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|file| *file != self.own && file.extension().is_some_and(|e| e == "json"))
            .collect();
        files.sort();
        files
            .iter()
            .filter_map(|file| serde_json::from_slice(&fs::read(file).ok()?).ok())
            .collect()
    }

    /// Removes the accounts of a stage that is done.
    pub fn close(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(started_at: u64, seconds: f64, peak: u64) -> Spent {
        Spent {
            started_at,
            wall_seconds: seconds,
            cpu_seconds: Some(2.0 * seconds),
            peak_memory: Some(peak),
            energy_joules: None,
            energy_of: Vec::new(),
        }
    }

    #[test]
    fn processes_add_up() {
        let mut ledger = Ledger::default();
        total(&[spent(50, 1.5, 10), spent(40, 2.0, 30)], &mut ledger);
        assert_eq!((ledger.processes, ledger.started_at), (2, 40));
        assert_eq!((ledger.wall_seconds, ledger.cpu_seconds), (3.5, Some(7.0)));
        assert_eq!((ledger.peak_memory, ledger.energy_joules), (Some(30), None));
    }

    #[test]
    fn joules_add_up_where_they_are_of_the_same_parts() {
        let counted = |joules, of: &[&str]| Spent {
            energy_joules: Some(joules),
            energy_of: of.iter().map(|&part| part.to_owned()).collect(),
            ..spent(1, 1.0, 1)
        };
        let mut ledger = Ledger::default();
        let first = counted(1.5, &["package-0", "A GPU"]);
        total(
            &[first.clone(), counted(2.0, &["package-0", "A GPU"])],
            &mut ledger,
        );
        assert_eq!(ledger.energy_joules, Some(3.5));
        assert_eq!(ledger.energy_of, ["package-0", "A GPU"]);
        total(&[first.clone(), counted(2.0, &["package-0"])], &mut ledger);
        assert_eq!((ledger.energy_joules, ledger.energy_of.len()), (None, 0));
        total(&[first, spent(1, 1.0, 1)], &mut ledger);
        assert_eq!((ledger.energy_joules, ledger.energy_of.len()), (None, 0));
    }

    #[test]
    fn a_process_finds_what_earlier_ones_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("key");
        let meter = Meter::start("flex");
        let accounts = Accounts::open(&place, &meter);
        assert!(accounts.earlier().is_empty());
        // One that was killed, and one that was killed while it wrote.
        fs::create_dir_all(&place).expect("writable");
        let left = spent(7, 3.0, 9);
        fs::write(
            place.join("7-1.json"),
            serde_json::to_vec(&left).expect("JSON"),
        )
        .expect("writable");
        fs::write(place.join("8-2.tmp"), "{").expect("writable");
        std::thread::scope(|scope| {
            let (end, watcher) = watch(scope, &meter, Some(&accounts));
            drop(end);
            watcher.join().expect("no panic");
        });
        assert!(accounts.own.is_file());
        assert_eq!(accounts.earlier(), [left]);
        accounts.close();
        assert!(!place.exists());
    }
}
