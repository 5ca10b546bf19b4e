//! Looks on while a world runs, for those who plan faults from what they see.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use deadzone_disk::{Disk, Snapshot};
use deadzone_script::{Class, Crash};
use deadzone_trace::Exchange;

use crate::machine::Machine;
use crate::recorder::Recorder;

/// Keeps what a trace does not tell: the disks of a world before each of their operations, and
/// what the faults of exchanges count.
#[derive(Default)]
pub struct Probe {
    disks: Mutex<Vec<Watched>>,
    sights: Sights,
    records: bool,
}

/// How far a run had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// How many entries the trace had.
    pub entries: usize,
    /// Microseconds of simulated time since the world began.
    pub at_us: u64,
}

/// The moment before a mutating operation of a host's disk.
pub struct CrashPoint {
    /// Whose disk.
    pub host: String,
    /// The number of the operation that is about to happen, counted from the beginning of the
    /// world: what `at disk operation 7` counts.
    pub operation: u64,
    /// When.
    pub moment: Moment,
    machine: Arc<Machine>,
    /// How often the host had lost power before.
    power_losses: u64,
    disk: Snapshot,
}

impl CrashPoint {
    /// Hashes of what would be left if the host went down here: of what processes find, and of
    /// what is on the medium, in case that it goes down again at once. What the run itself would
    /// draw for this crash is drawn here too.
    pub fn survivor(&self, crash: Crash) -> (u64, u64) {
        match crash {
            Crash::Kill => {
                (self.disk.survivor(None), self.disk.survivor(Some(deadzone_disk::Outcome::LoseAll)))
            }
            Crash::PowerLoss(survivors) => {
                let left = self.disk.survivor(Some(self.machine.outcome_after(self.power_losses, survivors)));
                (left, left)
            }
        }
    }
}

/// A place in an exchange at which a fault could have struck. The faults that lie in wait there
/// count exactly these, each device's and each class's for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The exchange.
    pub exchange: Exchange,
    /// Whose it is.
    pub device: String,
    /// What kind of request.
    pub class: Class,
    /// Which place.
    pub what: Sighted,
    /// How many entries the trace had.
    pub entries: usize,
}

/// A place in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighted {
    /// The server's machine has the request.
    Asked,
    /// The server has done what it was asked, and its answer is about to go.
    TookEffect,
    /// The device has the server's whole answer.
    Delivered {
        /// Whether it says that there is another page.
        more: bool,
    },
}

impl Probe {
    /// Keeps nothing, and costs nothing.
    pub fn none() -> Probe {
        Probe::default()
    }

    /// Keeps every disk before each of its mutating operations, and every exchange.
    pub fn recording() -> Probe {
        Probe { sights: Sights(Some(Arc::default())), records: true, ..Probe::default() }
    }

    /// The points at which each host's disk was, by host and then in order. Empties the probe.
    pub fn take_points(&self) -> Vec<CrashPoint> {
        let disks = std::mem::take(&mut *lock(&self.disks));
        disks.into_iter().flat_map(Watched::points).collect()
    }

    /// The exchanges, in order. Empties the probe.
    pub fn take_sightings(&self) -> Vec<Sighting> {
        self.sights.0.as_ref().map(|seen| std::mem::take(&mut *lock(seen))).unwrap_or_default()
    }

    pub(crate) fn sights(&self) -> Sights {
        self.sights.clone()
    }

    pub(crate) fn attach<'a>(&self, machines: impl Iterator<Item = &'a Arc<Machine>>, recorder: &Recorder) {
        if self.records {
            lock(&self.disks).extend(machines.map(|machine| Watched::new(machine, recorder)));
        }
    }
}

/// No code of others runs under a probe's locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics here")
}

/// A disk that is looked at.
struct Watched {
    disk: Disk,
    machine: Arc<Machine>,
    /// The moments that the marks of the disk's points count, each with the power losses so far.
    moments: Arc<Mutex<Vec<(Moment, u64)>>>,
}

impl Watched {
    fn new(machine: &Arc<Machine>, recorder: &Recorder) -> Watched {
        let moments: Arc<Mutex<Vec<(Moment, u64)>>> = Arc::default();
        let (noted, recorder) = (Arc::clone(&moments), recorder.clone());
        // The machine has the disk, and the disk this.
        let of: Weak<Machine> = Arc::downgrade(machine);
        machine.disk.set_mark(move || {
            let power_losses = of.upgrade().map_or(0, |machine| machine.power_losses());
            let now = (Moment { entries: recorder.len(), at_us: recorder.now_us() }, power_losses);
            let mut moments = lock(&noted);
            if moments.last() != Some(&now) {
                moments.push(now);
            }
            moments.len() as u64 - 1
        });
        machine.disk.record(true);
        Watched { disk: machine.disk.clone(), machine: Arc::clone(machine), moments }
    }

    fn points(self) -> Vec<CrashPoint> {
        let moments = lock(&self.moments);
        let point = |point: deadzone_disk::Point| {
            let (moment, power_losses) = moments[usize::try_from(point.mark).expect("an index")];
            CrashPoint {
                host: self.machine.name.clone(),
                operation: point.operation,
                moment,
                machine: Arc::clone(&self.machine),
                power_losses,
                disk: point.disk,
            }
        };
        self.disk.take_points().into_iter().map(point).collect()
    }
}

/// Where exchanges are noted, if anybody looks on.
#[derive(Clone, Default)]
pub(crate) struct Sights(Option<Arc<Mutex<Vec<Sighting>>>>);

impl Sights {
    pub(crate) fn note(
        &self,
        recorder: &Recorder,
        exchange: &Exchange,
        device: &str,
        class: Class,
        what: impl FnOnce() -> Sighted,
    ) {
        if let Some(seen) = &self.0 {
            let (exchange, device) = (exchange.clone(), device.to_owned());
            let sighting = Sighting { exchange, device, class, what: what(), entries: recorder.len() };
            lock(seen).push(sighting);
        }
    }
}
