//! Everything a disk is, behind its one lock: the content, who has what open, the faults.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::sync::{Arc, LazyLock};

use rusqlite::ffi;

use crate::content::{Content, FileId};
use crate::fault::{Flip, IoError, OperationKind, Sprung, Strikes, Trap};
use crate::file::Change;
use crate::hash::mix;
use crate::image::FILE_MAX;
use crate::lock::{Locks, Owner};
use crate::outcome::{Losses, Outcome, survivor};
use crate::record::{About, Recorder};
use crate::shm::SharedMemory;

/// What the directory is called where an operation names its file.
static DIRECTORY: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("."));

/// An error code of SQLite.
pub(crate) type Code = c_int;

/// What is known of a file only while somebody has it open.
#[derive(Debug, Default)]
pub(crate) struct Node {
    open: BTreeSet<Owner>,
    pub(crate) locks: Locks,
    pub(crate) memory: SharedMemory,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) content: Content,
    nodes: BTreeMap<FileId, Node>,
    alive: BTreeSet<u64>,
    mounts: u64,
    handles: u64,
    /// A trap has sprung and nobody has said yet what the stop was.
    stopped: bool,
    pub(crate) trap: Option<Trap>,
    /// What is to be called once the lock is released.
    pub(crate) sprung: Option<(Trap, Sprung)>,
    pub(crate) capacity: Option<u64>,
    pub(crate) error: Option<IoError>,
    pub(crate) lying: bool,
    pub(crate) strikes: Strikes,
    pub(crate) recorder: Recorder,
    pub(crate) orphans: u64,
}

/// What an operation may still do.
enum Leave {
    All,
    /// Only so many bytes; then the machine stands still.
    Torn(usize),
}

/// Mounts and their ends.
impl State {
    pub(crate) fn mount(&mut self) -> u64 {
        self.mounts += 1;
        self.alive.insert(self.mounts);
        self.mounts
    }

    pub(crate) fn is_alive(&self, mount: u64) -> bool {
        self.alive.contains(&mount)
    }

    /// Whether the mount was alive until now. Its locks are free, its handles are stale.
    pub(crate) fn unmount(&mut self, mount: u64) -> bool {
        let was_alive = self.alive.remove(&mount);
        for node in self.nodes.values_mut() {
            node.open.retain(|owner| owner.mount != mount);
            node.locks.release(mount);
            node.memory.detach(|owner| owner.mount == mount);
        }
        self.nodes.retain(|_, node| !node.open.is_empty());
        self.collect();
        was_alive
    }

    /// A crash of one process: others go on, on a machine that runs.
    pub(crate) fn kill(&mut self, mount: u64) {
        if self.unmount(mount) {
            self.stopped = false;
        }
    }

    pub(crate) fn power_loss(&mut self, outcome: Outcome) -> Losses {
        let (content, losses) = survivor(&self.content, outcome);
        self.strikes.losses += u64::from(losses.struck());
        self.replace(content);
        losses
    }

    /// Puts another content in place. Every mount dies.
    pub(crate) fn replace(&mut self, mut content: Content) {
        content.operations = content.operations.max(self.content.operations);
        self.content = content;
        self.nodes.clear();
        self.alive.clear();
        self.stopped = false;
        self.collect();
    }

    fn collect(&mut self) {
        self.content.collect(|id| self.nodes.contains_key(&id));
    }

    pub(crate) fn used(&self) -> u64 {
        self.content.used(|id| self.nodes.contains_key(&id))
    }

    pub(crate) fn flip(&mut self, name: &str, draw: u64) -> Option<Flip> {
        let id = self.content.find(name)?;
        let len = self.content.file(id)?.volatile().len() as u64;
        let drawn = mix(draw);
        let offset = drawn.checked_rem(len)?;
        let bit = (drawn >> 61) as u8;
        self.content.flip(id, offset as usize, bit);
        self.strikes.flipped += 1;
        Some(Flip { offset, bit })
    }
}

/// What SQLite asks.
impl State {
    /// Whether the owner's process and the machine still run.
    pub(crate) fn check(&self, mount: u64, code: Code) -> Result<(), Code> {
        if self.stopped || !self.is_alive(mount) { Err(code) } else { Ok(()) }
    }

    /// Opens a file, and makes it where it is not there and `flags` ask for it.
    pub(crate) fn open(
        &mut self,
        mount: u64,
        name: &Arc<str>,
        flags: c_int,
    ) -> Result<(Owner, FileId), Code> {
        self.check(mount, ffi::SQLITE_CANTOPEN)?;
        let id = match self.content.find(name) {
            Some(_) if flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0 => return Err(ffi::SQLITE_CANTOPEN),
            Some(id) => id,
            None if flags & ffi::SQLITE_OPEN_CREATE == 0 => return Err(ffi::SQLITE_CANTOPEN),
            None => {
                self.begin(&About { kind: OperationKind::Create, file: name, offset: 0, len: 0 })?;
                self.content.create(name)
            }
        };
        self.handles += 1;
        let owner = Owner { mount, handle: self.handles };
        self.nodes.entry(id).or_default().open.insert(owner);
        Ok((owner, id))
    }

    pub(crate) fn close(&mut self, owner: Owner, id: FileId) {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.open.contains(&owner)) else {
            return; // Its process is dead, and all that it held is gone.
        };
        node.locks.unlock(owner, crate::lock::Level::None);
        node.memory.detach(|holder| holder == owner);
        node.open.remove(&owner);
        if node.open.is_empty() {
            self.nodes.remove(&id);
            self.collect();
        }
    }

    /// The locks and the shared memory of a file that the owner has open.
    pub(crate) fn node(&mut self, owner: Owner, id: FileId, code: Code) -> Result<&mut Node, Code> {
        self.check(owner.mount, code)?;
        self.nodes.get_mut(&id).ok_or(code)
    }

    /// Reads, and says how many bytes were there.
    pub(crate) fn read(
        &mut self,
        owner: Owner,
        id: FileId,
        offset: usize,
        out: &mut [u8],
    ) -> Result<usize, Code> {
        let code = OperationKind::Read.code();
        self.check(owner.mount, code)?;
        self.err_at(OperationKind::Read)?;
        self.content.file(id).map(|file| file.volatile().read(offset, out)).ok_or(code)
    }

    pub(crate) fn len(&self, owner: Owner, id: FileId) -> Result<usize, Code> {
        self.check(owner.mount, ffi::SQLITE_IOERR_FSTAT)?;
        self.content.file(id).map(|file| file.volatile().len()).ok_or(ffi::SQLITE_IOERR_FSTAT)
    }

    pub(crate) fn write(
        &mut self,
        owner: Owner,
        id: FileId,
        name: &Arc<str>,
        offset: usize,
        data: &[u8],
    ) -> Result<(), Code> {
        let kind = OperationKind::Write;
        self.check(owner.mount, kind.code())?;
        let leave = self.begin(&About { kind, file: name, offset, len: data.len() })?;
        let (data, result) = match leave {
            Leave::All => {
                self.grow(id, offset.saturating_add(data.len()), kind.code())?;
                (data, Ok(()))
            }
            Leave::Torn(landed) => (&data[..landed], Err(kind.code())),
        };
        let change = Change::Write { offset, data: data.into() };
        self.content.change(id, change).ok_or(kind.code())?;
        result
    }

    pub(crate) fn truncate(
        &mut self,
        owner: Owner,
        id: FileId,
        name: &Arc<str>,
        len: usize,
    ) -> Result<(), Code> {
        let kind = OperationKind::Truncate;
        self.check(owner.mount, kind.code())?;
        self.begin(&About { kind, file: name, offset: len, len: 0 })?;
        self.grow(id, len, kind.code())?;
        self.content.change(id, Change::Truncate { len }).ok_or(kind.code())
    }

    /// Syncs a file and then, where `directory` says so, the directory in which it is.
    pub(crate) fn sync(
        &mut self,
        owner: Owner,
        id: FileId,
        name: &Arc<str>,
        directory: bool,
    ) -> Result<(), Code> {
        let kind = OperationKind::Sync;
        self.check(owner.mount, kind.code())?;
        self.begin(&About { kind, file: name, offset: 0, len: 0 })?;
        self.content.file(id).ok_or(kind.code())?;
        if self.lying {
            self.strikes.lied += u64::from(self.content.promise(id));
        } else {
            self.content.sync(id);
        }
        if directory { self.sync_directory() } else { Ok(()) }
    }

    pub(crate) fn delete(&mut self, mount: u64, name: &Arc<str>, directory: bool) -> Result<(), Code> {
        let kind = OperationKind::Delete;
        self.check(mount, kind.code())?;
        if self.content.find(name).is_none() {
            return Err(ffi::SQLITE_IOERR_DELETE_NOENT);
        }
        self.begin(&About { kind, file: name, offset: 0, len: 0 })?;
        self.content.delete(name);
        self.collect();
        if directory { self.sync_directory() } else { Ok(()) }
    }

    /// An operation of its own: a crash can strike before it. `os_unix.c` takes no notice when it
    /// fails after the sync of a file; here SQLite is told.
    fn sync_directory(&mut self) -> Result<(), Code> {
        let about = About { kind: OperationKind::Sync, file: &DIRECTORY, offset: 0, len: 0 };
        self.begin(&about).map_err(|_| ffi::SQLITE_IOERR_DIR_FSYNC)?;
        if self.lying {
            self.strikes.lied += u64::from(self.content.promise_directory());
        } else {
            self.content.sync_directory();
            self.collect();
        }
        Ok(())
    }

    /// What every mutating operation passes: it is counted and recorded, the trap may spring,
    /// an error may strike.
    fn begin(&mut self, about: &About<'_>) -> Result<Leave, Code> {
        self.recorder.note(about, &self.content);
        self.content.operations += 1;
        if let Some(trap) = self.trap.take_if(|trap| trap.at <= self.content.operations) {
            return self.spring(trap, about);
        }
        self.err_at(about.kind)?;
        Ok(Leave::All)
    }

    fn spring(&mut self, trap: Trap, about: &About<'_>) -> Result<Leave, Code> {
        let torn = trap.torn.filter(|_| about.kind == OperationKind::Write).unwrap_or(0);
        let landed = torn.min(about.len);
        let sprung = Sprung {
            operation: self.content.operations,
            kind: about.kind,
            file: about.file.to_string(),
            offset: about.offset as u64,
            len: about.len,
            landed,
        };
        self.stopped = true;
        self.strikes.sprung += 1;
        self.sprung = Some((trap, sprung));
        if landed > 0 { Ok(Leave::Torn(landed)) } else { Err(about.kind.code()) }
    }

    fn err_at(&mut self, kind: OperationKind) -> Result<(), Code> {
        if self.error.as_mut().is_some_and(|error| error.strikes(kind)) {
            self.strikes.errors += 1;
            return Err(kind.code());
        }
        Ok(())
    }

    /// Whether there is room for a file of that length.
    fn grow(&mut self, id: FileId, end: usize, code: Code) -> Result<(), Code> {
        let len = self.content.file(id).ok_or(code)?.volatile().len();
        if end <= len {
            return Ok(());
        }
        let over = |capacity| self.used() + (end - len) as u64 > capacity;
        if end > FILE_MAX || self.capacity.is_some_and(over) {
            self.strikes.full += 1;
            return Err(ffi::SQLITE_FULL);
        }
        Ok(())
    }
}
