//! A server whose database lies on a simulated disk, and what can happen to the two.

use std::fmt;

use bytes::Bytes;
use deadzone_contract::problem::Problem;
use deadzone_contract::wire::{Mutation, Outcome as Result_, PushAnswer};
use deadzone_disk::{Disk, Mount, Outcome, Snapshot};
use deadzone_server::ServerPolicy;
use http::{Method, Response};
use rusqlite::{Connection, OpenFlags};

use crate::lab::Lab;
use crate::write::{Write, base, delete, task, update};

/// How a server goes down.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Crash {
    /// Its process ends; what it wrote is in the page cache.
    Kill,
    /// The machine goes out.
    PowerLoss(Outcome),
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Crash::Kill => f.write_str("kill"),
            Crash::PowerLoss(outcome) => write!(f, "power loss, {outcome:?}"),
        }
    }
}

/// Every way down.
pub(crate) const CRASHES: [Crash; 5] = [
    Crash::Kill,
    Crash::PowerLoss(Outcome::LoseAll),
    Crash::PowerLoss(Outcome::KeepAll),
    Crash::PowerLoss(Outcome::TornPrefix { seed: 1 }),
    Crash::PowerLoss(Outcome::Subset { seed: 1 }),
];

pub(crate) struct Machine {
    pub(crate) lab: Lab,
    pub(crate) disk: Disk,
    /// Outlives the connection that the lab's server holds.
    mount: Mount,
}

impl Machine {
    /// A machine with an empty disk, on which nothing runs.
    pub(crate) fn new(policy: ServerPolicy) -> Machine {
        let mut lab = Lab::started(|_| (), policy);
        lab.stop();
        let disk = Disk::new();
        let mount = disk.mount(|| 0);
        Machine { lab, disk, mount }
    }

    /// Starts the server on what the disk holds.
    pub(crate) fn boot(&mut self) -> Result<(), String> {
        self.lab.stop();
        self.mount = self.disk.mount(|| 0);
        self.lab.use_mount(&self.mount);
        self.lab.try_restart()
    }

    /// Takes the server down.
    pub(crate) fn crash(&mut self, crash: Crash) {
        match crash {
            Crash::Kill => self.mount.kill(),
            Crash::PowerLoss(outcome) => drop(self.disk.power_loss(outcome)),
        }
        self.lab.stop();
    }

    /// Takes the server down, makes the disk what it was, and starts it.
    pub(crate) fn boot_from(&mut self, snapshot: &Snapshot) {
        self.crash(Crash::Kill);
        self.disk.restore(snapshot);
        self.boot().unwrap();
    }

    /// What SQLite finds wrong with the database while no server runs.
    pub(crate) fn complaints(&mut self) -> rusqlite::Result<Vec<String>> {
        self.lab.stop();
        self.mount = self.disk.mount(|| 0);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let db = Connection::open_with_flags_and_vfs("server", flags, self.mount.vfs())?;
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        let mut found = Vec::new();
        for check in ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] {
            let mut statement = db.prepare(check)?;
            for row in statement.query_map([], |row| row.get::<_, String>(0))? {
                found.extend(Some(row?).filter(|row| row != "ok"));
            }
        }
        Ok(found)
    }

    pub(crate) fn push(&self) -> Result<PushAnswer, Problem> {
        self.lab.try_push("ana/phone", batch())
    }

    /// Everything that a device is shown.
    pub(crate) fn state(&self) -> String {
        self.lab.all("ana/phone")
    }

    /// The answer to the batch, as it goes over the wire.
    pub(crate) fn raw_push(&self) -> Response<Bytes> {
        let request = deadzone_contract::wire::PushRequest { mutations: batch() };
        let body = serde_json::to_vec(&request).unwrap();
        self.lab.send(self.lab.request("ana/phone", Method::POST, "/sync/mutations", body))
    }
}

/// Ten mutations of every kind and rule. Whatever takes effect twice or not at all shows.
pub(crate) fn batch() -> Vec<Mutation> {
    let writes: [Write; 10] = [
        task(1, "a").put("title", "Bread"),
        update(2, "a").add("completed_count", 1).put("created_at", "monday"),
        update(3, "a").add("completed_count", 10).put("created_at", "tuesday"),
        update(4, "t").add("completed_count", 100).put("title", "Oat milk"),
        update(5, "t").tags(["shop"], []),
        update(6, "t").set("status", "done", base(0)).set("description", "mine", base(3)),
        task(7, "b").add("completed_count", 1_000),
        update(8, "b").tags(["x", "y"], []).set("priority", "high", base(3)),
        delete(9, "b", base(0)),
        update(10, "a").add("completed_count", 10_000),
    ];
    writes.into_iter().map(Mutation::from).collect()
}

/// What became of each mutation, without the state of its record, which goes on.
pub(crate) fn outcomes(answer: &PushAnswer) -> Vec<(Option<u64>, Result_)> {
    answer.results.iter().map(|result| (result.number, result.outcome.clone())).collect()
}
