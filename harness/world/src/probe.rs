//! Looks on while a world runs, for those who plan faults from what they see.

use std::sync::{Arc, Mutex};

use deadzone_disk::{Disk, Point};

use crate::machine::Machine;
use crate::recorder::Recorder;

/// Keeps what a trace does not tell: the disks of a world before each of their operations.
#[derive(Default)]
pub struct Probe {
    disks: Mutex<Vec<(String, Disk)>>,
    records: bool,
}

impl Probe {
    /// Keeps nothing, and costs nothing.
    pub fn none() -> Probe {
        Probe::default()
    }

    /// Keeps every disk before each of its mutating operations.
    pub fn recording() -> Probe {
        Probe { records: true, ..Probe::default() }
    }

    /// The points at which each host's disk was, in order; the mark of each is the number of
    /// entries that the trace had then. Empties the probe.
    pub fn take_points(&self) -> Vec<(String, Vec<Point>)> {
        let disks = std::mem::take(&mut *self.disks.lock().expect("nothing panics here"));
        disks.into_iter().map(|(host, disk)| (host, disk.take_points())).collect()
    }

    pub(crate) fn attach<'a>(
        &self,
        machines: impl Iterator<Item = (&'a String, &'a Arc<Machine>)>,
        recorder: &Recorder,
    ) {
        if !self.records {
            return;
        }
        let mut disks = self.disks.lock().expect("nothing panics here");
        for (name, machine) in machines {
            let recorder = recorder.clone();
            machine.disk.set_mark(move || recorder.len() as u64);
            machine.disk.record(true);
            disks.push((name.clone(), machine.disk.clone()));
        }
    }
}
