//! The faults of a disk, as data, and how often each of them did something.

use std::ffi::c_int;
use std::fmt;

use rusqlite::ffi;

/// What SQLite may ask of a file or of the directory. All but reading changes the disk and is
/// counted ([`crate::Disk::operations`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationKind {
    /// A file that is not there yet is opened.
    Create,
    /// Bytes are read. The only kind that changes nothing.
    Read,
    /// Bytes are written.
    Write,
    /// A file is cut or extended.
    Truncate,
    /// A file is made durable, or the directory, which is called `.` then.
    Sync,
    /// A name is removed.
    Delete,
}

impl OperationKind {
    /// What SQLite is told when it fails.
    pub(crate) fn code(self) -> c_int {
        match self {
            OperationKind::Create => ffi::SQLITE_CANTOPEN,
            OperationKind::Read => ffi::SQLITE_IOERR_READ,
            OperationKind::Write => ffi::SQLITE_IOERR_WRITE,
            OperationKind::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            OperationKind::Sync => ffi::SQLITE_IOERR_FSYNC,
            OperationKind::Delete => ffi::SQLITE_IOERR_DELETE,
        }
    }
}

/// Operations of one kind that fail, and do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoError {
    /// Which kind.
    pub on: OperationKind,
    /// Which of them.
    pub nth: Nth,
}

/// Which of a row of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nth {
    /// Each one.
    Every,
    /// The one with this number, counted from now; the next is 1. Later ones go well.
    Only(u64),
}

impl IoError {
    /// Whether the next operation is to fail. Counts it.
    pub(crate) fn strikes(&mut self, kind: OperationKind) -> bool {
        if kind != self.on {
            return false;
        }
        match &mut self.nth {
            Nth::Every => true,
            // It stays at 0 once it has struck.
            Nth::Only(left) => {
                let struck = *left == 1;
                *left = left.saturating_sub(1);
                struck
            }
        }
    }
}

/// A crash at one operation.
///
/// When it springs, the machine stands still: every call of every mount fails until a
/// [`power_loss`](crate::Disk::power_loss), a [`restore`](crate::Disk::restore), a
/// [`wipe`](crate::Disk::wipe) or the [`kill`](crate::Mount::kill) of a mount says what the stop
/// was.
pub struct Trap {
    /// Springs when the operation with this number ([`crate::Disk::operations`]) is about to
    /// happen, or at the next one if that number has passed.
    pub at: u64,
    /// If that is a write, its first `n` bytes still reach the page cache.
    pub torn: Option<usize>,
    /// Called inside SQLite's call, once, when no lock of the disk is held. A panic in it is
    /// swallowed, because it must not unwind through C.
    pub sprung: Box<dyn FnOnce(Sprung) + Send>,
}

impl fmt::Debug for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trap").field("at", &self.at).field("torn", &self.torn).finish_non_exhaustive()
    }
}

/// Where a trap sprang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sprung {
    /// The number of the operation that did not happen, or only in part.
    pub operation: u64,
    /// Its kind.
    pub kind: OperationKind,
    /// The file.
    pub file: String,
    /// Where it was to write or cut, in bytes.
    pub offset: u64,
    /// How many bytes it was to write.
    pub len: usize,
    /// How many of them reached the page cache.
    pub landed: usize,
}

/// How often each fault changed what would have happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strikes {
    /// Writes and truncations refused because the disk was full.
    pub full: u64,
    /// Operations that [`IoError`] made fail.
    pub errors: u64,
    /// Syncs that lied: something was not durable, and they said that it was.
    pub lied: u64,
    /// Traps that sprang.
    pub sprung: u64,
    /// Bits flipped.
    pub flipped: u64,
    /// Power losses that took something.
    pub losses: u64,
}

/// One inverted bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip {
    /// The byte, counted from the start of the file.
    pub offset: u64,
    /// The bit of that byte, 0 to 7.
    pub bit: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_is_counted_from_one_among_its_kind() {
        let struck = |nth| {
            let mut error = IoError { on: OperationKind::Write, nth };
            let mut row = [false; 4];
            for strikes in &mut row {
                assert!(!error.strikes(OperationKind::Sync), "another kind");
                *strikes = error.strikes(OperationKind::Write);
            }
            row
        };
        assert_eq!(struck(Nth::Only(1)), [true, false, false, false]);
        assert_eq!(struck(Nth::Only(3)), [false, false, true, false]);
        assert_eq!(struck(Nth::Every), [true; 4]);
        assert_eq!(struck(Nth::Only(0)), [false; 4]);
    }
}
