//! Room on the disk that is kept for draining the queue.
//!
//! A row that leaves the queue needs space before it gives some back: the log takes the changed
//! pages first. On a full disk nothing would ever be sent, answered and deleted. So a file of a
//! fixed size stands beside the database. When a step of the drain finds the disk full, the file
//! is deleted, and the step has its room. Users' actions and pulls never get that room: while
//! the reserve is not there they are refused, until there is space to make it again.

use super::connect::{self, Missing};
use super::{Result, Store, StoreError};

/// The size of the reserve.
///
/// A step of the drain changes at most [`DRAIN_ROWS`] rows of the queue and as many records.
/// Each stands on a page of its own at worst, which the log takes once: twice 8 pages, three
/// levels of inner pages, the index and the free list come to less than 32 pages of 4 KiB. The
/// answers that stay as records' states and the log that could not be reset because the database
/// had to grow first need as much again.
const RESERVE_BYTES: i64 = 256 * 1024;

/// How many rows a push carries while the disk is full.
pub(crate) const DRAIN_ROWS: usize = 8;

/// Few large pages are written faster than many small ones.
const PAGE_BYTES: i64 = 65_536;

/// What is known of the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserve {
    /// Nobody has looked since the start.
    Unknown,
    Kept,
    /// Given up, or never made.
    Gone,
}

impl Store {
    /// Whether the drain has had to take the reserve.
    pub(crate) fn is_draining(&self) -> bool {
        self.reserve == Reserve::Gone
    }

    /// Makes sure that the reserve is there.
    ///
    /// # Errors
    /// [`StoreError::Full`] where there is no room for it; others where the disk fails.
    pub(crate) fn ensure_reserve(&mut self) -> Result<()> {
        if self.reserve == Reserve::Kept {
            return Ok(());
        }
        // A database in memory needs none.
        let kept = connect::in_memory(self.open_connection())? || self.has_reserve() || {
            self.reserve = Reserve::Gone;
            let made = self.make_reserve();
            if made.is_err() {
                // Half of it would be in the way.
                self.files.remove(&self.files.reserve())?;
            }
            made?;
            true
        };
        if kept {
            self.reserve = Reserve::Kept;
        }
        Ok(())
    }

    fn has_reserve(&self) -> bool {
        let location = self.files.at(&self.files.reserve());
        let size = connect::open(&location, Missing::Refuse).and_then(|reserve| {
            let number = |sql| reserve.query_row(sql, [], |row| row.get::<_, i64>(0));
            Ok(number("PRAGMA page_count")? * number("PRAGMA page_size")?)
        });
        size.is_ok_and(|bytes| bytes >= RESERVE_BYTES)
    }

    fn make_reserve(&self) -> Result<()> {
        self.files.remove(&self.files.reserve())?;
        let reserve = connect::open(&self.files.at(&self.files.reserve()), Missing::Create)?;
        reserve.execute_batch(&format!(
            "PRAGMA page_size = {PAGE_BYTES}; PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL;
             BEGIN; CREATE TABLE room (bytes BLOB); INSERT INTO room VALUES (zeroblob({RESERVE_BYTES})); COMMIT"
        ))?;
        reserve.close().map_err(|(_, error)| StoreError::from(error))
    }

    /// Gives the reserve up. False where there is none to give.
    pub(crate) fn give_up_reserve(&mut self) -> bool {
        if self.reserve == Reserve::Gone {
            return false;
        }
        let given = self.files.remove(&self.files.reserve()).is_ok();
        self.reserve = Reserve::Gone;
        given
    }
}
