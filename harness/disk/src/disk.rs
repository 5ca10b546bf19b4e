//! The owner's handle on a disk.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fault::{Flip, IoError, Strikes, Trap};
use crate::mount::Mount;
use crate::outcome::{Losses, Outcome};
use crate::record::Point;
use crate::snapshot::Snapshot;
use crate::state::State;

/// A simulated disk. A clone is the same disk. It belongs to a machine and outlives its crashes;
/// what runs on the machine sees it through a [`Mount`].
///
/// Names are taken as they are given: one directory holds all files.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// An empty disk, without limits or faults.
    pub fn new() -> Disk {
        Disk::default()
    }

    /// Registers a VFS with SQLite under a name of its own. `wall_ms` tells SQLite the time, in
    /// milliseconds since 1970; it is called without a lock.
    pub fn mount(&self, wall_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Mount {
        let number = self.with(State::mount);
        Mount::new(self.clone(), number, Box::new(wall_ms))
    }

    /// How many mutating operations there have been since the disk was made: creations, writes,
    /// truncations, syncs, deletions. Those that failed count too. It never goes back, whatever
    /// happens to the content; it leaps ahead where a snapshot comes from a disk that had more.
    pub fn operations(&self) -> u64 {
        self.with(|state| state.content.operations)
    }

    /// The highest number such that no power loss can now undo an operation up to it. A sync
    /// that lied makes nothing durable. What an earlier power loss has taken is not at risk any
    /// more: its [`Losses`] tell what that was.
    pub fn durable_operations(&self) -> u64 {
        self.with(|state| state.content.durable_operations())
    }

    /// The disk as it is now. Costs a few reference counts.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.with(|state| state.content.clone()))
    }

    /// Makes the whole disk what it, or another one, was, with what was not durable then. Every mount dies.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.with(|state| state.replace(snapshot.0.clone()));
    }

    /// Empties the disk. Every mount dies.
    pub fn wipe(&self) {
        self.restore(&Snapshot::default());
    }

    /// The machine loses its power. Every mount dies, and what is not durable is kept or lost as
    /// the outcome says. Faults stay as they are.
    pub fn power_loss(&self, outcome: Outcome) -> Losses {
        self.with(|state| state.power_loss(outcome))
    }

    /// Sets a trap, in place of one that has not sprung.
    pub fn arm(&self, trap: Trap) {
        // What the old one holds is dropped outside the lock.
        drop(self.with(|state| state.trap.replace(trap)));
    }

    /// Takes the trap away, if it has not sprung.
    pub fn disarm(&self) {
        drop(self.with(|state| state.trap.take()));
    }

    /// Limits the size of the disk, in bytes: what would make files longer than that altogether
    /// is refused with `SQLITE_FULL`. Deleting and truncating make room.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.with(|state| state.capacity = bytes);
    }

    /// The length of all files, in bytes: those that have a name, and those that are deleted but
    /// still open.
    pub fn used_bytes(&self) -> u64 {
        self.with(|state| state.used())
    }

    /// Lets operations fail, in place of an earlier order to do so.
    pub fn set_error(&self, error: Option<IoError>) {
        self.with(|state| state.error = error);
    }

    /// Lets syncs say that all is well and do nothing. What was not made durable becomes so with
    /// the first honest sync of its file.
    pub fn set_lying(&self, lying: bool) {
        self.with(|state| state.lying = lying);
    }

    /// Inverts one bit of a file, in the page cache, on the medium and in what is on its way
    /// there. `draw` chooses it. `None` where the file is absent or empty.
    pub fn flip_bit(&self, name: &str, draw: u64) -> Option<Flip> {
        self.with(|state| state.flip(name, draw))
    }

    /// How often each fault did something, since the disk was made.
    pub fn strikes(&self) -> Strikes {
        self.with(|state| state.strikes)
    }

    /// Starts or stops keeping the disk as it is before each mutating operation.
    pub fn record(&self, on: bool) {
        self.with(|state| state.recorder.set(on));
    }

    /// What was recorded since the last call, in order.
    pub fn take_points(&self) -> Vec<Point> {
        self.with(|state| state.recorder.take())
    }

    /// What [`Point::mark`] is. Called before each operation that is recorded, without a lock.
    pub fn set_mark(&self, mark: impl Fn() -> u64 + Send + Sync + 'static) {
        drop(self.with(|state| state.recorder.mark.replace(Arc::new(mark))));
    }

    /// Mounts that were dropped while SQLite still had files open on them, since the disk was
    /// made. Their VFS lives on, unregistered, until SQLite closes the last of those files.
    pub fn orphans(&self) -> u64 {
        self.with(|state| state.orphans)
    }

    /// Runs with the disk locked; what a trap has to call is called afterwards.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = act(&mut state);
        let sprung = state.sprung.take();
        drop(state);
        if let Some((trap, sprung)) = sprung {
            (trap.sprung)(sprung);
        }
        result
    }

    /// The same for a mutating operation, before which the mark is asked for where one records.
    pub(crate) fn mutate<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let recording = |state: &State| state.recorder.mark.clone().filter(|_| state.recorder.is_on());
        let mark = recording(&self.lock());
        let marked = mark.map(|mark| mark());
        self.with(|state| {
            state.recorder.marked = marked.unwrap_or(0);
            act(state)
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while it was held is a defect of this crate that a test will show; to panic
        // again inside SQLite would abort.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> = self.snapshot().files().map(|(name, len)| format!("{name}: {len}")).collect();
        f.debug_struct("Disk").field("operations", &self.operations()).field("files", &files).finish()
    }
}
