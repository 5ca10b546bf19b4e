//! The rows of `records`.

use deadzone_contract::wire::ServerRecord;
use deadzone_contract::{Code, RecordId, RecordState};
use rusqlite::{Connection, Row, params};

use super::queue::{QueueRow, RowStatus};
use super::undo::Copy;
use super::{Checked, Seals, check, json, num, text, whole};
use crate::policy::Integrity;
use crate::store::Result;
use crate::store::seal::{Sealer, digest};

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

    /// A record that was deleted, for work that brings it back.
    pub(crate) fn deleted(copy: Copy, epoch: i64) -> RecordRow {
        let Copy { server, asked_by } = copy;
        let ServerRecord { record, entity, workspace, parent, .. } = server.clone();
        let mut row = RecordRow::new(record, entity, workspace, parent);
        row.server = Some(server);
        row.asked_by = asked_by;
        row.deleted = true;
        row.epoch = epoch;
        row
    }

    /// The server refused `row` because the record is gone there, for good.
    pub(crate) fn is_gone_with(&self, row: &QueueRow) -> bool {
        self.deleted && row.status == RowStatus::Failed && row.refused_for() == Some(Code::Gone)
    }

    pub(in crate::store) fn seal(&self) -> u64 {
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
pub(in crate::store) use record_columns;

pub(in crate::store) fn check_records(connection: &Connection) -> Result<Checked> {
    check(connection, concat!("SELECT ", record_columns!(), " FROM records"), seals_of_record)
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

pub(in crate::store) fn read_record(row: &Row<'_>, integrity: Integrity) -> Result<RecordRow> {
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

/// Writes a whole row, in the place of the one with its key if there is one. Answers with its seal.
pub(in crate::store) fn put_record(connection: &Connection, row: &mut RecordRow) -> rusqlite::Result<u64> {
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

/// The records that are whole in a damaged database.
pub(in crate::store) fn whole_records(
    connection: &Connection,
    keep: &mut impl FnMut(RecordRow),
) -> Result<()> {
    whole(connection, "records", |row| read_record(row, Integrity::Checked), keep)
}
