//! Where a device stands in the history of commits.
//!
//! A cursor is a commit sequence, never a time: two commits can share a millisecond, and a
//! commit can become visible after one with a later time.
//!
//! A cursor below the highest purged tombstone has missed that tombstone, unless the pull began
//! at the start and nothing was purged since: then its device never held the record. So that
//! such a pull comes to its end however many pages it has, a cursor also counts the purges that
//! came before it, in its upper bits. Devices keep cursors and never look inside.

use deadzone_contract::wire::CURSOR_START;
use rusqlite::Connection;

/// Four trillion commits, and four million purges.
const SEQ_BITS: u32 = 42;

/// How far the history goes, and how much of it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct History {
    /// The latest commit.
    pub(crate) head: u64,
    /// The highest commit sequence among purged tombstones; 0 when none was.
    pub(crate) purged: u64,
    /// How often tombstones were purged.
    pub(crate) epoch: u64,
}

impl History {
    /// The history at this moment.
    pub(crate) fn read(db: &Connection) -> rusqlite::Result<History> {
        db.prepare_cached("SELECT commit_seq, purge_seq, purge_epoch FROM server")?
            .query_row([], |row| Ok(History { head: row.get(0)?, purged: row.get(1)?, epoch: row.get(2)? }))
    }

    /// The cursor behind commit `seq`, handed out now.
    pub(crate) fn cursor(&self, seq: u64) -> u64 {
        (self.epoch << SEQ_BITS) + seq
    }

    /// The commit behind which a pull from `cursor` goes on. None when what the cursor has not
    /// seen is gone, or when it comes from another history than this one: from before the
    /// server was restored from a backup.
    pub(crate) fn resume(&self, cursor: u64) -> Option<u64> {
        if cursor == CURSOR_START {
            return Some(0);
        }
        let seq = cursor & ((1 << SEQ_BITS) - 1);
        let epoch = cursor >> SEQ_BITS;
        let of_this_history = seq <= self.head && epoch <= self.epoch;
        let missed_nothing = seq >= self.purged || epoch == self.epoch;
        (of_this_history && missed_nothing).then_some(seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_resumes_only_where_nothing_was_missed() {
        let before = History { head: 9, purged: 0, epoch: 0 };
        let after = History { head: 9, purged: 5, epoch: 1 };
        for (cursor, expect) in [
            (CURSOR_START, Some(0)),     // has nothing, so can miss nothing
            (before.cursor(4), None),    // never saw the tombstone at 5
            (before.cursor(5), Some(5)), // saw it
            (before.cursor(9), Some(9)), // at the head
            (before.cursor(10), None),   // not of this history
            (after.cursor(4), Some(4)),  // began after the purge
            ((2 << SEQ_BITS) | 4, None), // from a history with more purges
            (u64::MAX, None),            // nonsense
        ] {
            assert_eq!(after.resume(cursor), expect, "{cursor:#x}");
        }
        assert_eq!(before.cursor(7), 7, "without purges a cursor is the commit sequence");
    }
}
