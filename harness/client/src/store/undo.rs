//! What a transaction does with the undo table.

use std::collections::BTreeSet;

use deadzone_contract::RecordId;
use deadzone_contract::wire::ServerRecord;
use rusqlite::OptionalExtension;

use super::Result;
use super::rows::{self, Copy, Inverse, UndoRow, read_undo, undo_columns};
use super::tx::{Change, Tx};

/// The records whose last change can be taken back, after each pull.
const UNDO_MAX: usize = 1_000;

impl Tx<'_> {
    /// What takes back this device's last change of a record.
    pub(crate) fn undo_of(&self, record: &RecordId) -> Result<Option<UndoRow>> {
        let integrity = self.integrity();
        self.sql(|db| {
            let sql = concat!("SELECT ", undo_columns!(), " FROM undo WHERE record = ?1");
            let mut query = db.prepare_cached(sql)?;
            query.query_row([&record.0], |row| Ok(read_undo(row, integrity))).optional()?.transpose()
        })
    }

    /// Remembers what takes back the last change of a record, in the place of what was there.
    pub(crate) fn put_undo(&mut self, mut row: UndoRow) -> Result<()> {
        let before = self.undo_of(&row.record)?;
        let seal = self.sql(|db| Ok(rows::put_undo(db, &mut row)?))?;
        self.changed(before.as_ref().map_or(0, UndoRow::seal), seal, Change::Undo(row.record, before));
        Ok(())
    }

    pub(crate) fn drop_undo(&mut self, record: &RecordId) -> Result<()> {
        let Some(before) = self.undo_of(record)? else { return Ok(()) };
        self.sql(|db| {
            db.prepare_cached("DELETE FROM undo WHERE record = ?1")?.execute([&record.0])?;
            Ok(())
        })?;
        self.changed(before.seal(), 0, Change::Undo(record.clone(), Some(before)));
        Ok(())
    }

    /// A change did not come to stand: there is nothing to take back.
    pub(crate) fn drop_undo_at(&mut self, record: &RecordId, seq: u64) -> Result<()> {
        match self.undo_of(record)? {
            Some(undo) if undo.seq == seq => self.drop_undo(record),
            _ => Ok(()),
        }
    }

    /// A record that is gone leaves the table `records`, and nothing of it is left on the disk: should
    /// its user lose the right to see it, no pull would tell. Where this device has deleted it, a copy
    /// stays with what takes that back.
    pub(crate) fn retire_record(&mut self, record: &RecordId) -> Result<()> {
        match (self.undo_of(record)?, self.record(record)?) {
            (Some(UndoRow { seq, inverse: Inverse::Restore { deleted_ms, .. }, .. }), Some(row))
                if row.server.is_some() =>
            {
                let copy = row.server.map(|server| Copy { server, asked_by: row.asked_by });
                self.put_undo(UndoRow::new(record.clone(), seq, Inverse::Restore { deleted_ms, copy }))?;
            }
            (Some(_), _) => self.drop_undo(record)?,
            (None, _) => {}
        }
        self.meta.shred = true;
        self.drop_record(record)
    }

    /// Forgets the oldest changes beyond a bound.
    pub(crate) fn prune_undo(&mut self) -> Result<()> {
        let kept = self.sql(|db| {
            let mut count = db.prepare_cached("SELECT count(*) FROM undo")?;
            Ok(count.query_row([], |row| rows::num(row, 0))?)
        })?;
        // Most devices never get there, and to find the oldest of them is to sort all.
        if kept <= UNDO_MAX as u64 {
            return Ok(());
        }
        let sql = format!("SELECT record FROM undo ORDER BY seq DESC LIMIT -1 OFFSET {UNDO_MAX}");
        for record in self.ids(&sql, [])? {
            self.drop_undo(&record)?;
        }
        Ok(())
    }

    /// Every row, in the order of records.
    pub(crate) fn undos(&self) -> Result<Vec<UndoRow>> {
        self.undos_by(concat!("SELECT ", undo_columns!(), " FROM undo ORDER BY record"))
    }

    fn undos_by(&self, sql: &str) -> Result<Vec<UndoRow>> {
        let integrity = self.integrity();
        self.sql(|db| {
            let mut query = db.prepare_cached(sql)?;
            let rows = query.query_map([], |row| Ok(read_undo(row, integrity)))?;
            rows.map(|row| row?).collect()
        })
    }

    /// What the server had of the records that were deleted here, kept for an undo, each with the
    /// moment of its delete in ms of the server's clock. Every pull asks, so no other row is read.
    pub(crate) fn copies(&self) -> Result<Vec<(u64, ServerRecord)>> {
        let deletes = self.undos_by(concat!(
            "SELECT ",
            undo_columns!(),
            r#" FROM undo WHERE inverse LIKE '{"restore"%' ORDER BY record"#
        ))?;
        let copy = |undo: UndoRow| match undo.inverse {
            Inverse::Restore { deleted_ms, copy: Some(copy) } => Some((deleted_ms, copy.server)),
            _ => None,
        };
        Ok(deletes.into_iter().filter_map(copy).collect())
    }

    /// Whether copies of deleted records are all that is left here of some workspace, for an undo
    /// (then it is one of those given) or under work that was refused: should its user lose the right
    /// to see it, no pull would tell.
    pub(crate) fn keeps_copies_alone(&self, mut workspaces: BTreeSet<String>) -> Result<bool> {
        workspaces.extend(self.deleted_under_refused_work()?.into_iter().map(|row| row.workspace));
        for workspace in workspaces {
            let in_view = self.sql(|db| {
                let sql = "SELECT EXISTS (SELECT 1 FROM records
                           WHERE workspace = ?1 AND server IS NOT NULL AND NOT deleted)";
                Ok(db.prepare_cached(sql)?.query_row([workspace], |row| row.get::<_, bool>(0))?)
            })?;
            if !in_view {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
