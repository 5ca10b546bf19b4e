//! Where changes get their places in the commit order.
//!
//! Two things move through it without being changed. The devices of somebody who comes to see a
//! record may stand behind its place already, so the record gets a new one. Somebody who loses
//! sight of a record gets a *loss*: a place where pulls find that the record has to go. It names
//! the record and nothing else, and it ends with the horizon of tombstones, like every other word
//! about what is not there.

use rusqlite::{Connection, params};

use crate::policy::{Cursors, Revocations, ServerPolicy};

/// Gives out places, in one transaction.
#[derive(Clone, Copy)]
pub(crate) struct Ledger<'a> {
    pub(crate) db: &'a Connection,
    pub(crate) now_ms: u64,
    pub(crate) policy: &'a ServerPolicy,
}

impl Ledger<'_> {
    /// Allocates the next place. A roll-back returns it.
    pub(crate) fn next(&self) -> rusqlite::Result<u64> {
        match self.policy.cursors {
            Cursors::Commits => self
                .db
                .prepare_cached("UPDATE server SET commit_seq = commit_seq + 1 RETURNING commit_seq")?
                .query_row([], |row| row.get(0)),
            Cursors::WallClock => {
                self.db
                    .prepare_cached("UPDATE server SET commit_seq = max(commit_seq, ?1)")?
                    .execute([self.now_ms])?;
                Ok(self.now_ms)
            }
        }
    }

    /// Gives records a new place, so that every device that may see them gets them once more.
    pub(crate) fn deliver_again(&self, records: &[i64]) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare_cached("UPDATE records SET commit_seq = ?2 WHERE key = ?1")?;
        for record in records {
            statement.execute(params![record, self.next()?])?;
        }
        Ok(())
    }

    /// A user cannot see these records any more.
    pub(crate) fn lose(&self, user: &str, records: &[i64]) -> rusqlite::Result<()> {
        if self.policy.revocations == Revocations::Silent {
            return Ok(());
        }
        let mut statement = self.db.prepare_cached(
            "INSERT INTO losses (user, record, commit_seq, lost_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET commit_seq = excluded.commit_seq, lost_ms = excluded.lost_ms",
        )?;
        for record in records {
            statement.execute(params![user, record, self.next()?, self.now_ms])?;
        }
        Ok(())
    }

    /// A user can see these records now; they still have to be delivered.
    pub(crate) fn gain(&self, user: &str, records: &[i64]) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare_cached("DELETE FROM losses WHERE user = ?1 AND record = ?2")?;
        for record in records {
            statement.execute(params![user, record])?;
        }
        Ok(())
    }
}
