//! The device's database: one connection, and transactions that cannot be left half-done.

use std::collections::BTreeSet;

use deadzone_contract::wire::{Mutation, MutationKind, ServerRecord};
use deadzone_contract::{RecordId, RecordState, seam::DatabaseLocation};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use tokio::sync::MutexGuard;

/// What the database could not do. Nothing of the transaction was kept, unless it was the commit
/// that failed: then nobody knows, and the answer is to look.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the local database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the local database holds something unreadable: {0}")]
    Json(#[from] serde_json::Error),
}

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// The open database.
pub(crate) struct Store {
    conn: Connection,
}

/// The state of a row of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowStatus {
    Waiting,
    Sending,
    Retrying,
    Failed,
}

impl RowStatus {
    fn name(self) -> &'static str {
        match self {
            RowStatus::Waiting => "waiting",
            RowStatus::Sending => "sending",
            RowStatus::Retrying => "retrying",
            RowStatus::Failed => "failed",
        }
    }

    fn read(name: &str) -> RowStatus {
        match name {
            "sending" => RowStatus::Sending,
            "retrying" => RowStatus::Retrying,
            "failed" => RowStatus::Failed,
            _ => RowStatus::Waiting,
        }
    }
}

/// A row of the queue.
#[derive(Clone, Debug)]
pub(crate) struct QueueRow {
    pub(crate) number: u64,
    pub(crate) mutation: Mutation,
    pub(crate) what: String,
    pub(crate) created_ms: u64,
    pub(crate) status: RowStatus,
    pub(crate) refusals: u32,
    pub(crate) reason: Option<String>,
}

impl QueueRow {
    pub(crate) fn is_create(&self) -> bool {
        matches!(self.mutation.kind, MutationKind::Create { .. })
    }
}

/// A row of the records table.
#[derive(Clone, Debug)]
pub(crate) struct RecordRow {
    pub(crate) record: RecordId,
    pub(crate) entity: String,
    pub(crate) workspace: String,
    pub(crate) parent: Option<RecordId>,
    pub(crate) server: Option<ServerRecord>,
    pub(crate) deleted: bool,
    pub(crate) state: Option<RecordState>,
}

impl Store {
    pub(crate) fn open(location: &DatabaseLocation) -> Result<Store> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX; // a connection has one owner at a time
        let conn = match &location.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(&location.path, flags, vfs.as_str())?,
            None => Connection::open_with_flags(&location.path, flags)?,
        };
        // In a single-threaded world nobody could release the lock while SQLite waits for it.
        conn.busy_timeout(std::time::Duration::ZERO)?;
        conn.set_prepared_statement_cache_capacity(64);
        conn.execute_batch("PRAGMA synchronous = FULL;")?;
        conn.execute_batch(include_str!("schema.sql"))?;
        Ok(Store { conn })
    }
}

/// A transaction. Dropped before its commit, it rolls back: that is what a crash does to it, and
/// what `?` does.
pub(crate) struct Tx<'a> {
    store: MutexGuard<'a, Store>,
    open: bool,
    /// The records whose view may have changed.
    pub(crate) touched: BTreeSet<RecordId>,
    /// The record whose work this transaction throws away: shown as such for a moment.
    pub(crate) discarded: Option<RecordId>,
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if self.open {
            // An error here leaves the connection in the transaction; the next BEGIN reports it.
            let _ = self.store.conn.execute_batch("ROLLBACK");
        }
    }
}

impl<'a> Tx<'a> {
    pub(crate) fn begin(store: MutexGuard<'a, Store>) -> Result<Tx<'a>> {
        store.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Tx { store, open: true, touched: BTreeSet::new(), discarded: None })
    }

    /// Commits and keeps the lock, so that what is published next is in the order of the commits.
    pub(crate) fn commit(&mut self) -> Result<()> {
        self.store.conn.prepare_cached("COMMIT")?.execute([])?;
        self.open = false;
        Ok(())
    }

    pub(crate) fn meta(&self, key: &str) -> Result<Option<String>> {
        let mut query = self.store.conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        Ok(query.query_row([key], |row| row.get(0)).optional()?)
    }

    /// A whole number kept under `key`; 0 where there is none.
    pub(crate) fn meta_number(&self, key: &str) -> Result<i64> {
        Ok(self.meta(key)?.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    pub(crate) fn set_meta(&self, key: &str, value: &str) -> Result<()> {
        let mut insert = self.store.conn.prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
        )?;
        insert.execute([key, value])?;
        Ok(())
    }

    pub(crate) fn set_meta_number(&self, key: &str, value: i64) -> Result<()> {
        self.set_meta(key, &value.to_string())
    }

    /// The number of the next mutation, used up.
    pub(crate) fn take_number(&self) -> Result<u64> {
        let number = self.meta_number("next_number")?.max(1);
        self.set_meta_number("next_number", number + 1)?;
        Ok(number as u64)
    }

    pub(crate) fn record(&self, record: &RecordId) -> Result<Option<RecordRow>> {
        let mut query = self.store.conn.prepare_cached(
            "SELECT record, entity, workspace, parent, server, deleted, state FROM records WHERE record = ?1",
        )?;
        query.query_row([&record.0], |row| Ok(read_record(row))).optional()?.transpose()
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

    /// Records whose open conflicts stand in the tray.
    pub(crate) fn conflicting(&self) -> Result<Vec<RecordId>> {
        self.ids("SELECT record FROM records WHERE state IN ('conflict', 'failed') ORDER BY record", [])
    }

    fn ids(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<RecordId>> {
        let mut query = self.store.conn.prepare_cached(sql)?;
        let rows = query.query_map(params, |row| row.get(0).map(RecordId))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn insert_local(&mut self, row: &RecordRow) -> Result<()> {
        self.touched.insert(row.record.clone());
        let mut insert = self.store.conn.prepare_cached(
            "INSERT INTO records (record, entity, workspace, parent) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let parent = row.parent.as_ref().map(|p| &p.0);
        insert.execute(params![row.record.0, row.entity, row.workspace, parent])?;
        Ok(())
    }

    /// Keeps what the server says of a record.
    pub(crate) fn put_server(&mut self, server: &ServerRecord, epoch: i64) -> Result<()> {
        self.touched.insert(server.record.clone());
        let mut upsert = self.store.conn.prepare_cached(
            "INSERT INTO records (record, entity, workspace, parent, server, deleted, epoch)
             VALUES (?1, ?2, ?3, ?4, ?5, ?7, ?6)
             ON CONFLICT (record) DO UPDATE SET server = ?5, deleted = ?7, epoch = ?6",
        )?;
        let parent = server.parent.as_ref().map(|p| &p.0);
        let json = serde_json::to_string(server)?;
        upsert.execute(params![
            server.record.0,
            server.entity,
            server.workspace,
            parent,
            json,
            epoch,
            server.deleted
        ])?;
        Ok(())
    }

    pub(crate) fn mark_deleted(&mut self, record: &RecordId) -> Result<()> {
        self.touched.insert(record.clone());
        let mut update =
            self.store.conn.prepare_cached("UPDATE records SET deleted = 1 WHERE record = ?1")?;
        update.execute([&record.0])?;
        Ok(())
    }

    pub(crate) fn drop_record(&mut self, record: &RecordId) -> Result<()> {
        self.touched.insert(record.clone());
        self.store.conn.prepare_cached("DELETE FROM records WHERE record = ?1")?.execute([&record.0])?;
        Ok(())
    }

    pub(crate) fn set_state(&self, record: &RecordId, state: Option<RecordState>) -> Result<()> {
        let mut update = self.store.conn.prepare_cached("UPDATE records SET state = ?2 WHERE record = ?1")?;
        update.execute(params![record.0, state.map(|state| state.to_string())])?;
        Ok(())
    }

    pub(crate) fn enqueue(&mut self, mutation: &Mutation, what: &str, created_ms: u64) -> Result<()> {
        self.touched.insert(mutation.record.clone());
        let mut insert = self.store.conn.prepare_cached(
            "INSERT INTO queue (number, record, mutation, what, created_ms, status)
             VALUES (?1, ?2, ?3, ?4, ?5, 'waiting')",
        )?;
        let number = mutation.number.map(|n| n as i64);
        let json = serde_json::to_string(mutation)?;
        insert.execute(params![number, mutation.record.0, json, what, created_ms as i64])?;
        Ok(())
    }

    /// Every row of the queue, oldest first.
    pub(crate) fn queue(&self) -> Result<Vec<QueueRow>> {
        self.rows(
            "SELECT number, mutation, what, created_ms, status, refusals, reason FROM queue ORDER BY number",
            [],
        )
    }

    /// The rows of one record, oldest first.
    pub(crate) fn queue_of(&self, record: &RecordId) -> Result<Vec<QueueRow>> {
        self.rows(
            "SELECT number, mutation, what, created_ms, status, refusals, reason FROM queue
             WHERE record = ?1 ORDER BY number",
            [&record.0],
        )
    }

    fn rows(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<QueueRow>> {
        let mut query = self.store.conn.prepare_cached(sql)?;
        let rows = query.query_map(params, |row| Ok(read_row(row)))?;
        rows.map(|row| row?).collect()
    }

    pub(crate) fn mark(&mut self, row: &QueueRow, status: RowStatus, reason: Option<&str>) -> Result<()> {
        self.touched.insert(row.mutation.record.clone());
        let mut update = self.store.conn.prepare_cached(
            "UPDATE queue SET status = ?2, reason = COALESCE(?3, reason),
             attempts = attempts + (?2 = 'sending') WHERE number = ?1",
        )?;
        update.execute(params![row.number as i64, status.name(), reason])?;
        Ok(())
    }

    pub(crate) fn set_refusals(&mut self, row: &QueueRow, refusals: u32) -> Result<()> {
        let mut update =
            self.store.conn.prepare_cached("UPDATE queue SET refusals = ?2 WHERE number = ?1")?;
        update.execute(params![row.number as i64, refusals])?;
        Ok(())
    }

    /// Puts `row` in the place of the row with number `old`, whatever number it has itself.
    pub(crate) fn replace(&mut self, old: u64, row: &QueueRow) -> Result<()> {
        self.touched.insert(row.mutation.record.clone());
        let mut update = self.store.conn.prepare_cached(
            "UPDATE queue SET number = ?2, mutation = ?3, status = ?4, reason = ?5 WHERE number = ?1",
        )?;
        let json = serde_json::to_string(&row.mutation)?;
        update.execute(params![old as i64, row.number as i64, json, row.status.name(), row.reason])?;
        Ok(())
    }

    pub(crate) fn dequeue(&mut self, row: &QueueRow) -> Result<()> {
        self.touched.insert(row.mutation.record.clone());
        self.store
            .conn
            .prepare_cached("DELETE FROM queue WHERE number = ?1")?
            .execute([row.number as i64])?;
        Ok(())
    }

    /// What was on its way when the app ended waits again.
    pub(crate) fn requeue_sending(&mut self) -> Result<()> {
        self.store.conn.execute("UPDATE queue SET status = 'waiting' WHERE status = 'sending'", [])?;
        Ok(())
    }
}

fn read_record(row: &Row<'_>) -> Result<RecordRow> {
    let server: Option<String> = row.get(4)?;
    let state: Option<String> = row.get(6)?;
    Ok(RecordRow {
        record: RecordId(row.get(0)?),
        entity: row.get(1)?,
        workspace: row.get(2)?,
        parent: row.get::<_, Option<String>>(3)?.map(RecordId),
        server: server.map(|json| serde_json::from_str(&json)).transpose()?,
        deleted: row.get(5)?,
        state: state.map(|name| serde_json::from_value(serde_json::Value::String(name))).transpose()?,
    })
}

fn read_row(row: &Row<'_>) -> Result<QueueRow> {
    let mutation: String = row.get(1)?;
    Ok(QueueRow {
        number: row.get::<_, i64>(0)? as u64,
        mutation: serde_json::from_str(&mutation)?,
        what: row.get(2)?,
        created_ms: row.get::<_, i64>(3)? as u64,
        status: RowStatus::read(&row.get::<_, String>(4)?),
        refusals: row.get(5)?,
        reason: row.get(6)?,
    })
}
