//! The tables `records` and `queue`. No row is believed before its seal is looked at.

use deadzone_contract::wire::{Mutation, MutationKind, ServerRecord};
use deadzone_contract::{RecordId, RecordState};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::seal::{Sealer, digest};
use super::{Meta, Result, StoreError};
use crate::policy::Integrity;

/// The state of a row of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowStatus {
    Waiting,
    Sending,
    Retrying,
    Failed,
}

impl RowStatus {
    pub(super) fn name(self) -> &'static str {
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
    /// Its place: the order in which work was saved.
    pub(crate) seq: u64,
    /// The name under which its number was given.
    pub(crate) device: String,
    pub(crate) mutation: Mutation,
    pub(crate) what: String,
    pub(crate) created_ms: u64,
    pub(crate) status: RowStatus,
    pub(crate) refusals: u32,
    pub(crate) reason: Option<String>,
    /// The digest of `mutation` as it stands in the table.
    mutation_digest: u64,
}

impl QueueRow {
    /// With its device, its identity to the server.
    pub(crate) fn number(&self) -> u64 {
        self.mutation.number.expect("every mutation gets its number when it is saved")
    }

    pub(crate) fn is_create(&self) -> bool {
        matches!(self.mutation.kind, MutationKind::Create { .. })
    }

    /// Gives it the next number, under the present name.
    pub(crate) fn take_number(&mut self, meta: &mut Meta) {
        self.mutation.number = Some(meta.take_number());
        self.mutation.stamp.device.clone_from(&meta.device_id);
        self.device.clone_from(&meta.device_id);
    }

    /// New work.
    pub(crate) fn new(device: &str, mutation: Mutation, what: String, created_ms: u64) -> QueueRow {
        QueueRow {
            seq: mutation.number.expect("numbered when it is saved"),
            device: device.to_owned(),
            mutation,
            what,
            created_ms,
            status: RowStatus::Waiting,
            refusals: 0,
            reason: None,
            mutation_digest: 0,
        }
    }

    pub(super) fn seal(&self) -> u64 {
        Sealer::of(3)
            .num(self.seq)
            .text(&self.device)
            .text(&self.mutation.record.0)
            .num(self.mutation_digest)
            .text(&self.what)
            .num(self.created_ms)
            .text(self.status.name())
            .num(u64::from(self.refusals))
            .maybe(self.reason.as_deref())
            .seal()
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
    /// The device id that `server.included` is about.
    pub(crate) asked_by: Option<String>,
    pub(crate) deleted: bool,
    pub(crate) state: Option<RecordState>,
    pub(crate) epoch: i64,
    /// The digest of `server` as it stands in the table.
    server_digest: u64,
}

impl RecordRow {
    /// A record that the server knows nothing of yet.
    pub(crate) fn new(
        record: RecordId,
        entity: String,
        workspace: String,
        parent: Option<RecordId>,
    ) -> RecordRow {
        RecordRow {
            record,
            entity,
            workspace,
            parent,
            server: None,
            asked_by: None,
            deleted: false,
            state: None,
            epoch: 0,
            server_digest: 0,
        }
    }

    pub(super) fn seal(&self) -> u64 {
        let state = self.state.map(|state| state.to_string());
        Sealer::of(2)
            .text(&self.record.0)
            .text(&self.entity)
            .text(&self.workspace)
            .maybe(self.parent.as_ref().map(|parent| parent.0.as_str()))
            .num(self.server_digest)
            .maybe(self.asked_by.as_deref())
            .num(u64::from(self.deleted))
            .maybe(state.as_deref())
            .num(self.epoch as u64)
            .seal()
    }
}

/// The columns that [`read_record`] reads.
macro_rules! record_columns {
    () => {
        "record, entity, workspace, parent, server, asked_by, deleted, state, epoch, seal"
    };
}
pub(super) use record_columns;

/// The columns that [`read_queue`] reads.
macro_rules! queue_columns {
    () => {
        "seq, device, record, mutation, what, created_ms, status, refusals, reason, seal"
    };
}
pub(super) use queue_columns;

/// What a look at every row of a table found.
pub(super) struct Checked {
    pub(super) rows: u64,
    /// The sum of the seals.
    pub(super) sum: u64,
}

pub(super) fn check_records(connection: &Connection) -> Result<Checked> {
    check(connection, concat!("SELECT ", record_columns!(), " FROM records"), seals_of_record)
}

pub(super) fn check_queue(connection: &Connection) -> Result<Checked> {
    check(connection, concat!("SELECT ", queue_columns!(), " FROM queue"), seals_of_queue)
}

fn check(
    connection: &Connection,
    sql: &str,
    seals: impl Fn(&Row<'_>) -> rusqlite::Result<Seals>,
) -> Result<Checked> {
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query([])?;
    let mut checked = Checked { rows: 0, sum: 0 };
    while let Some(row) = rows.next()? {
        let seals = seals(row)?;
        seals.compare(Integrity::Checked)?;
        checked.rows += 1;
        checked.sum = checked.sum.wrapping_add(seals.stored);
    }
    Ok(checked)
}

/// What a row's seal is and what it should be.
struct Seals {
    stored: u64,
    computed: u64,
    /// Of the one long text in the row.
    digest: u64,
}

impl Seals {
    fn compare(&self, integrity: Integrity) -> Result<()> {
        if integrity == Integrity::Trusted || self.stored == self.computed {
            return Ok(());
        }
        Err(StoreError::Damaged("a row is not what was written".to_owned()))
    }
}

/// A column as the text that was written; none where it is NULL.
fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<Option<&'r str>> {
    Ok(row.get_ref(column)?.as_str_or_null()?)
}

/// A column as the number that was written: SQLite has signed ones only.
pub(super) fn num(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    match row.get_ref(column)? {
        ValueRef::Integer(number) => Ok(number as u64),
        other => Err(rusqlite::Error::InvalidColumnType(column, "number".to_owned(), other.data_type())),
    }
}

fn seals_of_record(row: &Row<'_>) -> rusqlite::Result<Seals> {
    let digest = text(row, 4)?.map_or(0, digest);
    let computed = Sealer::of(2)
        .text(text(row, 0)?.unwrap_or_default())
        .text(text(row, 1)?.unwrap_or_default())
        .text(text(row, 2)?.unwrap_or_default())
        .maybe(text(row, 3)?)
        .num(digest)
        .maybe(text(row, 5)?)
        .num(num(row, 6)?)
        .maybe(text(row, 7)?)
        .num(num(row, 8)?)
        .seal();
    Ok(Seals { stored: num(row, 9)?, computed, digest })
}

fn seals_of_queue(row: &Row<'_>) -> rusqlite::Result<Seals> {
    let digest = text(row, 3)?.map_or(0, digest);
    let computed = Sealer::of(3)
        .num(num(row, 0)?)
        .text(text(row, 1)?.unwrap_or_default())
        .text(text(row, 2)?.unwrap_or_default())
        .num(digest)
        .text(text(row, 4)?.unwrap_or_default())
        .num(num(row, 5)?)
        .text(text(row, 6)?.unwrap_or_default())
        .num(num(row, 7)?)
        .maybe(text(row, 8)?)
        .seal();
    Ok(Seals { stored: num(row, 9)?, computed, digest })
}

pub(super) fn read_record(row: &Row<'_>, integrity: Integrity) -> Result<RecordRow> {
    let seals = seals_of_record(row)?;
    seals.compare(integrity)?;
    let server = text(row, 4)?.map(serde_json::from_str).transpose()?;
    let state: Option<String> = row.get(7)?;
    Ok(RecordRow {
        record: RecordId(row.get(0)?),
        entity: row.get(1)?,
        workspace: row.get(2)?,
        parent: row.get::<_, Option<String>>(3)?.map(RecordId),
        server,
        asked_by: row.get(5)?,
        deleted: num(row, 6)? != 0,
        state: state.map(|name| serde_json::from_value(serde_json::Value::String(name))).transpose()?,
        epoch: row.get(8)?,
        server_digest: seals.digest,
    })
}

pub(super) fn read_queue(row: &Row<'_>, integrity: Integrity) -> Result<QueueRow> {
    let seals = seals_of_queue(row)?;
    seals.compare(integrity)?;
    let mutation: Mutation = serde_json::from_str(text(row, 3)?.unwrap_or_default())?;
    if mutation.number.is_none() {
        return Err(StoreError::Damaged("a mutation has no number".to_owned()));
    }
    Ok(QueueRow {
        seq: num(row, 0)?,
        device: row.get(1)?,
        mutation,
        what: row.get(4)?,
        created_ms: num(row, 5)?,
        status: RowStatus::read(&row.get::<_, String>(6)?),
        refusals: num(row, 7)? as u32,
        reason: row.get(8)?,
        mutation_digest: seals.digest,
    })
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data")
}

/// Writes a whole row, in the place of the one with its key if there is one. Answers with its seal.
pub(super) fn put_record(connection: &Connection, row: &mut RecordRow) -> rusqlite::Result<u64> {
    let server = row.server.as_ref().map(json);
    row.server_digest = server.as_deref().map_or(0, digest);
    let seal = row.seal();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO records
             (record, entity, workspace, parent, server, asked_by, deleted, state, epoch, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            row.record.0,
            row.entity,
            row.workspace,
            row.parent.as_ref().map(|parent| &parent.0),
            server,
            row.asked_by,
            row.deleted,
            row.state.map(|state| state.to_string()),
            row.epoch,
            seal as i64
        ])?;
    Ok(seal)
}

/// As [`put_record`].
pub(super) fn put_queue(connection: &Connection, row: &mut QueueRow) -> rusqlite::Result<u64> {
    let mutation = json(&row.mutation);
    row.mutation_digest = digest(&mutation);
    let seal = row.seal();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO queue
             (seq, device, record, mutation, what, created_ms, status, refusals, reason, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            row.seq as i64,
            row.device,
            row.mutation.record.0,
            mutation,
            row.what,
            row.created_ms as i64,
            row.status.name(),
            row.refusals,
            row.reason,
            seal as i64
        ])?;
    Ok(seal)
}

/// The rows of `table` that are whole, whatever is wrong with the rest. A damaged page ends a
/// walk through the table, so it is walked from both of its ends. Columns go by their places:
/// their names may be damaged too.
fn whole<T>(
    connection: &Connection,
    table: &str,
    read: impl Fn(&Row<'_>) -> Result<T>,
    keep: &mut impl FnMut(T),
) -> Result<()> {
    for order in ["ASC", "DESC"] {
        let sql = format!("SELECT * FROM {table} ORDER BY 1 {order}");
        let walk = || -> Result<Vec<T>> {
            let mut found = Vec::new();
            let mut select = connection.prepare(&sql)?;
            let mut rows = select.query([])?;
            loop {
                match rows.next().map_err(StoreError::from) {
                    Ok(Some(row)) => match read(row) {
                        Ok(row) => found.push(row),
                        Err(StoreError::Damaged(_)) => {}
                        Err(error) => return Err(error),
                    },
                    Ok(None) | Err(StoreError::Damaged(_)) => return Ok(found),
                    Err(error) => return Err(error),
                }
            }
        };
        match walk() {
            Ok(found) => found.into_iter().for_each(&mut *keep),
            Err(StoreError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The records that are whole in a damaged database.
pub(super) fn whole_records(connection: &Connection, keep: &mut impl FnMut(RecordRow)) -> Result<()> {
    whole(connection, "records", |row| read_record(row, Integrity::Checked), keep)
}

/// The rows of the queue that are whole in a damaged database.
pub(super) fn whole_queue(connection: &Connection, keep: &mut impl FnMut(QueueRow)) -> Result<()> {
    whole(connection, "queue", |row| read_queue(row, Integrity::Checked), keep)
}
