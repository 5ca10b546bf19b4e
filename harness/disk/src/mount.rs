//! A disk as one process sees it.

use std::fmt;
use std::sync::Arc;

use rusqlite::ffi;

use crate::disk::Disk;
use crate::vfs::Slot;

/// What the callbacks of a VFS reach.
pub(crate) struct Mounted {
    pub(crate) disk: Disk,
    pub(crate) number: u64,
    pub(crate) wall_ms: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// A disk as one process sees it: an SQLite VFS. Dropping it is the end of that process, like
/// [`kill`](Mount::kill), and takes the VFS away from SQLite.
///
/// Connections may outlive it, and may be used and closed: every call of theirs fails. One that
/// holds the write lock of a database in WAL mode with *shared memory* must be closed before
/// another mount writes: it keeps a pointer into that memory, which nothing can take back.
pub struct Mount {
    mounted: Arc<Mounted>,
    slot: &'static Slot,
    name: String,
}

impl Mount {
    pub(crate) fn new(disk: Disk, number: u64, wall_ms: Box<dyn Fn() -> u64 + Send + Sync>) -> Mount {
        let mounted = Arc::new(Mounted { disk, number, wall_ms });
        let (slot, name) = Slot::occupy(Arc::clone(&mounted));
        Mount { mounted, slot, name }
    }

    /// The name under which SQLite knows the VFS. No other mount of this process ever has it.
    pub fn vfs(&self) -> &str {
        &self.name
    }

    /// The process crashes: the page cache stays, its handles go stale, its locks are released.
    /// Other mounts go on, also after a trap.
    pub fn kill(&self) {
        self.mounted.disk.with(|state| state.kill(self.mounted.number));
    }

    /// Deletes a file for good: the directory is synced. One that is not there is deleted already.
    ///
    /// # Errors
    /// What SQLite would be told: the process is dead, or the operation failed.
    pub fn delete(&self, name: &str) -> Result<(), ffi::Error> {
        let deleted = self.mounted.disk.mutate(|state| state.delete(self.mounted.number, &name.into(), true));
        match deleted {
            Err(ffi::SQLITE_IOERR_DELETE_NOENT) | Ok(()) => Ok(()),
            Err(code) => Err(ffi::Error::new(code)),
        }
    }

    /// Whether nothing has ended it yet.
    pub fn is_alive(&self) -> bool {
        self.mounted.disk.with(|state| state.is_alive(self.mounted.number))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let is_orphan = self.slot.vacate();
        self.mounted.disk.with(|state| {
            state.unmount(self.mounted.number);
            state.orphans += u64::from(is_orphan);
        });
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount").field("vfs", &self.name).field("is_alive", &self.is_alive()).finish()
    }
}
