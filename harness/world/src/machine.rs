//! What belongs to a machine and outlives its crashes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use deadzone_disk::{Disk, Outcome, Snapshot};
use deadzone_net::{DrawKey, Draws};
use deadzone_script::Survivors;

use crate::clock::WallClock;
use crate::gate::Gate;
use crate::wear::Wear;

/// A machine: its clock, its disk, its store for secrets.
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) clock: WallClock,
    pub(crate) disk: Disk,
    pub(crate) gate: Gate,
    /// The longest that storage takes, in ms.
    pub(crate) disk_latency_max_ms: u64,
    secrets: Mutex<BTreeMap<String, String>>,
    /// The databases that were ever opened here, in the order in which they were.
    databases: Mutex<Vec<String>>,
    wear: Mutex<Wear>,
    draws: Draws,
    drawn: Mutex<BTreeMap<&'static str, Drawn>>,
}

/// The draws for one purpose.
struct Drawn {
    kind: &'static str,
    /// What the keys of all of them begin with.
    prefix: DrawKey,
    count: u64,
}

/// What draws of what is left after a power loss are for.
const SURVIVORS: &str = "survivors";

/// What the draw of a power loss makes of what the script says.
fn outcome(key: DrawKey, survivors: Option<Survivors>) -> Outcome {
    let drawn = [Survivors::LoseAll, Survivors::KeepAll, Survivors::TornPrefix, Survivors::Subset(0)];
    let survivors = survivors.unwrap_or_else(|| *key.clone().pick(&drawn).expect("there are four"));
    let seed = |number: u32| key.num(number.into()).u64();
    match survivors {
        Survivors::LoseAll => Outcome::LoseAll,
        Survivors::KeepAll => Outcome::KeepAll,
        Survivors::TornPrefix => Outcome::TornPrefix { seed: seed(0) },
        Survivors::Subset(number) => Outcome::Subset { seed: seed(number) },
    }
}

/// No code of others runs under a machine's locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics here")
}

impl Machine {
    pub(crate) fn new(name: &str, clock: WallClock, draws: &Draws, disk_latency_max_ms: u64) -> Machine {
        Machine {
            name: name.to_owned(),
            clock,
            disk: Disk::new(),
            gate: Gate::default(),
            disk_latency_max_ms,
            secrets: Mutex::default(),
            databases: Mutex::default(),
            wear: Mutex::default(),
            draws: draws.key("machine").text(name).draws(),
            drawn: Mutex::default(),
        }
    }

    /// A draw for a purpose that is asked for again and again. Each asking has its own.
    pub(crate) fn draw(&self, kind: &'static str, purpose: &'static str) -> DrawKey {
        let prefix = || self.draws.key(kind).text(purpose);
        let mut drawn = lock(&self.drawn);
        let drawn = drawn.entry(purpose).or_insert_with(|| Drawn { kind, prefix: prefix(), count: 0 });
        drawn.count += 1;
        if drawn.kind != kind {
            (drawn.kind, drawn.prefix) = (kind, prefix());
        }
        drawn.prefix.clone().num(drawn.count)
    }

    /// What a power loss leaves: as the script says, or as the seed does.
    pub(crate) fn outcome(&self, survivors: Option<Survivors>) -> Outcome {
        outcome(self.draw(SURVIVORS, SURVIVORS), survivors)
    }

    /// How often [`Machine::outcome`] was asked so far.
    pub(crate) fn power_losses(&self) -> u64 {
        lock(&self.drawn).get(SURVIVORS).map_or(0, |drawn| drawn.count)
    }

    /// What [`Machine::outcome`] says when it was asked so often before.
    pub(crate) fn outcome_after(&self, power_losses: u64, survivors: Option<Survivors>) -> Outcome {
        outcome(self.draws.key(SURVIVORS).text(SURVIVORS).num(power_losses + 1), survivors)
    }

    /// Notes that a database is used here.
    pub(crate) fn note_database(&self, name: &str) {
        let mut databases = lock(&self.databases);
        if !databases.iter().any(|known| known == name) {
            databases.push(name.to_owned());
        }
    }

    pub(crate) fn databases(&self) -> Vec<String> {
        lock(&self.databases).clone()
    }

    /// Notes that a bit has flipped in a file of a database.
    pub(crate) fn note_flip(&self, database: &str, file: &str, offset: u64) {
        lock(&self.wear).note(database, file, offset, &self.disk.snapshot());
    }

    /// Notes that an app deleted a database. Whether it had been damaged.
    pub(crate) fn forget_wear(&self, database: &str) -> bool {
        lock(&self.wear).forget(database)
    }

    /// The flipped bits of its disk.
    pub(crate) fn wear(&self) -> Wear {
        lock(&self.wear).clone()
    }

    /// Puts a copy back onto the disk, with the bits that had flipped when it was made.
    pub(crate) fn restore(&self, disk: &Snapshot, wear: Wear) {
        self.disk.restore(disk);
        self.disk.power_loss(Outcome::KeepAll);
        *lock(&self.wear) = wear;
    }

    /// Whether nobody is signed in here: an app keeps what proves it among the secrets.
    pub(crate) fn has_no_secrets(&self) -> bool {
        lock(&self.secrets).is_empty()
    }

    pub(crate) fn secret(&self, name: &str) -> Option<String> {
        lock(&self.secrets).get(name).cloned()
    }

    pub(crate) fn set_secret(&self, name: &str, secret: Option<String>) {
        let mut secrets = lock(&self.secrets);
        match secret {
            Some(secret) => secrets.insert(name.to_owned(), secret),
            None => secrets.remove(name),
        };
    }

    /// A new device: nothing on the disk, no secrets.
    pub(crate) fn wipe(&self) {
        self.disk.wipe();
        *lock(&self.wear) = Wear::default();
        lock(&self.secrets).clear();
    }

    /// Becomes a copy of another machine: its disk and its secrets, not its clock.
    pub(crate) fn copy_from(&self, other: &Machine) {
        self.restore(&other.disk.snapshot(), other.wear());
        *lock(&self.secrets) = lock(&other.secrets).clone();
        other.databases().iter().for_each(|name| self.note_database(name));
    }
}
