//! What a transaction reads from the tables and writes into them.
//!
//! A row is changed by reading it, changing it and writing it back sealed anew. What is read has
//! its seal looked at, so damage is never carried on under a good seal.

use std::collections::BTreeSet;

use deadzone_contract::wire::ServerRecord;
use deadzone_contract::{RecordId, RecordState};
use rusqlite::{OptionalExtension, params};

use super::rows::{
    self, QueueRow, RecordRow, RowStatus, queue_columns, read_queue, read_record, record_columns,
};
use super::tx::{Change, Tx};
use super::{Result, StoreError};

impl Tx<'_> {
    pub(crate) fn record(&self, record: &RecordId) -> Result<Option<RecordRow>> {
        if let Some(known) = self.known.borrow().get(record) {
            return Ok(Some(known.clone()));
        }
        let integrity = self.integrity();
        let found = self.sql(|db| {
            let sql = concat!("SELECT ", record_columns!(), " FROM records WHERE record = ?1");
            let mut query = db.prepare_cached(sql)?;
            query.query_row([&record.0], |row| Ok(read_record(row, integrity))).optional()?.transpose()
        })?;
        if let Some(row) = &found {
            self.known.borrow_mut().insert(record.clone(), row.clone());
        }
        Ok(found)
    }

    pub(crate) fn record_ids(&self) -> Result<Vec<RecordId>> {
        self.ids("SELECT record FROM records ORDER BY record", [])
    }

    pub(crate) fn children(&self, parent: &RecordId) -> Result<Vec<RecordId>> {
        self.ids("SELECT record FROM records WHERE parent = ?1 ORDER BY record", [&parent.0])
    }

    /// Records of the server that the full resync `epoch` did not bring.
    pub(crate) fn missed_by(&self, epoch: i64) -> Result<Vec<RecordId>> {
        self.ids(
            "SELECT record FROM records WHERE server IS NOT NULL AND epoch < ?1 ORDER BY record",
            [epoch],
        )
    }

    /// Whether a full resync is under way that has yet to bring records which were here before.
    pub(crate) fn is_pulling_anew(&self) -> Result<bool> {
        self.sql(|db| {
            let sql = "SELECT EXISTS (SELECT 1 FROM records WHERE server IS NOT NULL AND epoch < ?1)";
            Ok(db.prepare_cached(sql)?.query_row([self.meta.epoch], |row| row.get(0))?)
        })
    }

    /// Records whose open conflicts stand in the tray.
    pub(crate) fn conflicting(&self) -> Result<Vec<RecordId>> {
        self.ids("SELECT record FROM records WHERE state IN ('conflict', 'failed') ORDER BY record", [])
    }

    pub(super) fn ids(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<RecordId>> {
        self.sql(|db| {
            let mut query = db.prepare_cached(sql)?;
            let rows = query.query_map(params, |row| row.get(0).map(RecordId))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub(crate) fn insert_local(&mut self, row: RecordRow) -> Result<()> {
        self.write_record(None, row)
    }

    /// Keeps what the server told the device `asked_by` of a record, in the place of `known`.
    pub(crate) fn put_server(
        &mut self,
        known: Option<RecordRow>,
        server: ServerRecord,
        asked_by: &str,
    ) -> Result<()> {
        let mut row = match &known {
            Some(row) => row.clone(),
            None => RecordRow::new(
                server.record.clone(),
                server.entity.clone(),
                server.workspace.clone(),
                server.parent.clone(),
            ),
        };
        row.deleted = server.deleted;
        row.server = Some(server);
        row.asked_by = Some(asked_by.to_owned());
        row.epoch = self.meta.epoch;
        // What was discarded and has taken effect all the same is in view from now on.
        let included = row.server.as_ref().and_then(|server| server.included);
        if included >= self.meta.discarded.get(&row.record).copied() {
            self.meta.discarded.remove(&row.record);
        }
        self.write_record(known, row)
    }

    /// The server has deleted a record, in this version of it. An answer that left before and comes
    /// after does not bring it back.
    pub(crate) fn bury(&mut self, record: &RecordId, version: u64) -> Result<()> {
        let Some(known) = self.record(record)? else { return Ok(()) };
        let mut row = known.clone();
        row.deleted = true;
        if let Some(server) = &mut row.server {
            server.version = server.version.max(version);
        }
        self.write_record(Some(known), row)
    }

    pub(crate) fn mark_deleted(&mut self, record: &RecordId) -> Result<()> {
        self.mark_record(record, |row| row.deleted = true)
    }

    pub(crate) fn set_state(&mut self, record: &RecordId, state: Option<RecordState>) -> Result<()> {
        self.mark_record(record, |row| row.state = state)
    }

    /// Changes what stands beside the server's word on a record, if it is there.
    fn mark_record(&mut self, record: &RecordId, change: impl FnOnce(&mut RecordRow)) -> Result<()> {
        self.touched.insert(record.clone());
        let Some(before) = self.record(record)? else { return Ok(()) };
        let mut row = before.clone();
        change(&mut row);
        let seal = row.seal();
        self.sql(|db| {
            let mut update = db
                .prepare_cached("UPDATE records SET deleted = ?2, state = ?3, seal = ?4 WHERE record = ?1")?;
            let state = row.state.map(|state| state.to_string());
            update.execute(params![row.record.0, row.deleted, state, seal as i64])?;
            Ok(())
        })?;
        self.known.get_mut().insert(record.clone(), row);
        self.changed(before.seal(), seal, Change::Record(record.clone(), Some(before)));
        Ok(())
    }

    /// What the server told of a record goes; what stands here without it stays.
    pub(crate) fn drop_server(&mut self, record: &RecordId) -> Result<()> {
        let Some(known) = self.record(record)?.filter(|row| row.server.is_some()) else { return Ok(()) };
        let mut own = known.clone();
        (own.server, own.asked_by) = (None, None);
        self.write_record(Some(known), own)
    }

    /// Puts one row of a record in the place of another.
    pub(crate) fn replace_record(&mut self, before: RecordRow, after: RecordRow) -> Result<()> {
        self.write_record(Some(before), after)
    }

    /// Puts `row` in the place of `before`.
    pub(super) fn write_record(&mut self, before: Option<RecordRow>, mut row: RecordRow) -> Result<()> {
        self.touched.insert(row.record.clone());
        let seal = self.sql(|db| Ok(rows::put_record(db, &mut row)?))?;
        let record = row.record.clone();
        self.known.get_mut().insert(record.clone(), row);
        self.changed(before.as_ref().map_or(0, RecordRow::seal), seal, Change::Record(record, before));
        Ok(())
    }

    pub(crate) fn drop_record(&mut self, record: &RecordId) -> Result<()> {
        self.touched.insert(record.clone());
        self.meta.discarded.remove(record);
        let Some(before) = self.record(record)? else { return Ok(()) };
        self.sql(|db| {
            db.prepare_cached("DELETE FROM records WHERE record = ?1")?.execute([&record.0])?;
            Ok(())
        })?;
        self.known.get_mut().remove(record);
        self.changed(before.seal(), 0, Change::Record(record.clone(), Some(before)));
        Ok(())
    }

    /// Puts new work behind all other.
    pub(crate) fn enqueue(&mut self, row: QueueRow) -> Result<()> {
        self.write_queue(None, row)
    }

    /// Every row of the queue, oldest first.
    pub(crate) fn queue(&self) -> Result<Vec<QueueRow>> {
        self.rows(concat!("SELECT ", queue_columns!(), " FROM queue ORDER BY seq"), [])
    }

    /// The next rows of the queue after a place, oldest first.
    pub(crate) fn queue_after(&self, seq: u64, most: usize) -> Result<Vec<QueueRow>> {
        let sql = concat!("SELECT ", queue_columns!(), " FROM queue WHERE seq > ?1 ORDER BY seq LIMIT ?2");
        self.rows(sql, params![seq as i64, most as i64])
    }

    /// The rows of one record, oldest first.
    pub(crate) fn queue_of(&self, record: &RecordId) -> Result<Vec<QueueRow>> {
        let sql = concat!("SELECT ", queue_columns!(), " FROM queue WHERE record = ?1 ORDER BY seq");
        let rows = self.rows(sql, [&record.0])?;
        if rows.iter().all(|row| row.mutation.record == *record) {
            return Ok(rows);
        }
        self.sql(|_| Err(StoreError::Damaged("an index leads to another record".to_owned())))
    }

    /// The rows that the server refused, oldest first.
    pub(crate) fn failed(&self) -> Result<Vec<QueueRow>> {
        self.rows(
            concat!("SELECT ", queue_columns!(), " FROM queue WHERE status = 'failed' ORDER BY seq"),
            [],
        )
    }

    /// The deleted records of which a copy of the server's stands under nothing but refused work.
    pub(crate) fn deleted_under_refused_work(&self) -> Result<Vec<RecordRow>> {
        let refused: BTreeSet<RecordId> = self.failed()?.into_iter().map(|row| row.mutation.record).collect();
        let mut deleted = Vec::new();
        for record in refused {
            let Some(row) = self.record(&record)?.filter(|row| row.deleted && row.server.is_some()) else {
                continue;
            };
            if self.queue_of(&record)?.iter().all(|row| row.status == RowStatus::Failed) {
                deleted.push(row);
            }
        }
        Ok(deleted)
    }

    /// How many rows wait for an answer.
    pub(crate) fn pending(&self) -> Result<u64> {
        let failed = self.sql(|db| {
            let mut query = db.prepare_cached("SELECT count(*) FROM queue WHERE status = 'failed'")?;
            Ok(query.query_row([], |row| rows::num(row, 0))?)
        })?;
        Ok(self.queued().saturating_sub(failed))
    }

    /// Whether there is work of its user here that the server does not have, or that needs a
    /// decision.
    pub(crate) fn has_work(&self) -> Result<bool> {
        Ok(self.queued() > 0 || !self.conflicting()?.is_empty())
    }

    /// When the oldest row that waits for an answer was saved: the earliest moment of all of them,
    /// because the clock may have been set back since the first.
    pub(crate) fn oldest_ms(&self) -> Result<Option<u64>> {
        self.sql(|db| {
            let mut query = db.prepare_cached(
                "SELECT created_ms FROM queue WHERE status <> 'failed' ORDER BY created_ms LIMIT 1",
            )?;
            Ok(query.query_row([], |row| rows::num(row, 0)).optional()?)
        })
    }

    fn rows(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<QueueRow>> {
        let integrity = self.integrity();
        self.sql(|db| {
            let mut query = db.prepare_cached(sql)?;
            let rows = query.query_map(params, |row| Ok(read_queue(row, integrity)))?;
            rows.map(|row| row?).collect()
        })
    }

    /// The row as it stands now; none if it is not in the queue any more.
    pub(crate) fn again(&self, row: &QueueRow) -> Result<Option<QueueRow>> {
        let sql = concat!("SELECT ", queue_columns!(), " FROM queue WHERE seq = ?1");
        let found = self.rows(sql, [row.seq as i64])?.pop();
        Ok(found.filter(|found| found.device == row.device && found.number() == row.number()))
    }

    pub(crate) fn mark(&mut self, row: &QueueRow, status: RowStatus, reason: Option<&str>) -> Result<()> {
        self.change_row(row, |row| {
            row.status = status;
            if let Some(reason) = reason {
                row.reason = Some(reason.to_owned());
            }
        })
    }

    /// Changes what stands beside a mutation, if it is still in the queue.
    pub(crate) fn change_row(&mut self, row: &QueueRow, change: impl FnOnce(&mut QueueRow)) -> Result<()> {
        self.touched.insert(row.mutation.record.clone());
        let Some(before) = self.again(row)? else { return Ok(()) };
        let mut row = before.clone();
        change(&mut row);
        let seal = row.seal();
        self.sql(|db| {
            let mut update = db.prepare_cached(
                "UPDATE queue SET status = ?2, attempts = ?3, refusals = ?4, reason = ?5, seal = ?6
                 WHERE seq = ?1",
            )?;
            update.execute(params![
                row.seq as i64,
                row.status.name(),
                row.attempts,
                row.refusals,
                row.reason,
                seal as i64
            ])?;
            Ok(())
        })?;
        self.changed(before.seal(), seal, Change::Queue(row.seq, Some(before)));
        Ok(())
    }

    /// Puts `new` in the place of `old`, if that is still in the queue.
    pub(crate) fn replace(&mut self, old: &QueueRow, new: QueueRow) -> Result<()> {
        let Some(before) = self.again(old)? else { return Ok(()) };
        if before.seq == new.seq {
            return self.write_queue(Some(before), new);
        }
        self.dequeue(old)?;
        self.write_queue(None, new)
    }

    pub(super) fn write_queue(&mut self, before: Option<QueueRow>, mut row: QueueRow) -> Result<()> {
        self.touched.insert(row.mutation.record.clone());
        let seal = self.sql(|db| Ok(rows::put_queue(db, &mut row)?))?;
        self.count_rows(before.is_some(), true);
        self.changed(before.as_ref().map_or(0, QueueRow::seal), seal, Change::Queue(row.seq, before));
        Ok(())
    }

    pub(crate) fn dequeue(&mut self, row: &QueueRow) -> Result<()> {
        self.touched.insert(row.mutation.record.clone());
        let Some(before) = self.again(row)? else { return Ok(()) };
        self.sql(|db| {
            db.prepare_cached("DELETE FROM queue WHERE seq = ?1")?.execute([row.seq as i64])?;
            Ok(())
        })?;
        self.count_rows(true, false);
        self.changed(before.seal(), 0, Change::Queue(row.seq, Some(before)));
        Ok(())
    }

    /// What was on its way when the app ended waits again.
    pub(crate) fn requeue_sending(&mut self) -> Result<()> {
        let sql = concat!("SELECT ", queue_columns!(), " FROM queue WHERE status = 'sending' ORDER BY seq");
        for row in self.rows(sql, [])? {
            self.mark(&row, RowStatus::Waiting, None)?;
        }
        Ok(())
    }

    /// Takes back what another transaction did.
    pub(crate) fn take_back(&mut self, changes: Vec<Change>) -> Result<()> {
        for change in changes.into_iter().rev() {
            match change {
                Change::Record(record, None) => self.drop_record(&record)?,
                Change::Record(record, Some(before)) => {
                    let now = self.record(&record)?;
                    self.write_record(now, before)?;
                }
                Change::Undo(record, None) => self.drop_undo(&record)?,
                Change::Undo(_, Some(before)) => self.put_undo(before)?,
                Change::Queue(seq, before) => {
                    let sql = concat!("SELECT ", queue_columns!(), " FROM queue WHERE seq = ?1");
                    let now = self.rows(sql, [seq as i64])?.pop();
                    match (now, before) {
                        (Some(now), None) => self.dequeue(&now)?,
                        (now, Some(before)) => self.write_queue(now, before)?,
                        (None, None) => {}
                    }
                }
            }
        }
        Ok(())
    }
}
