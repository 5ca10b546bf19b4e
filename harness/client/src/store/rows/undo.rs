//! The rows of `undo`: what takes back a device's last change of a record.

use deadzone_contract::wire::ServerRecord;
use deadzone_contract::{FieldChange, RecordId};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::{Checked, Seals, check, json, num, text, whole};
use crate::policy::Integrity;
use crate::store::Result;
use crate::store::seal::{Sealer, digest};

/// A row of the undo table.
#[derive(Clone, Debug)]
pub(crate) struct UndoRow {
    pub(crate) record: RecordId,
    /// The place in the queue of the change that it takes back.
    pub(crate) seq: u64,
    pub(crate) inverse: Inverse,
    /// The digest of `inverse` as it stands in the table.
    inverse_digest: u64,
}

/// What takes a change back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Inverse {
    /// Of a create.
    Delete,
    /// Of an edit.
    Edit {
        changes: Vec<FieldChange>,
        /// Fields that had no value before: nothing puts that back.
        blank: Vec<String>,
    },
    /// Of a delete.
    Restore {
        /// When its user deleted it, by the server's clock as far as that was known.
        deleted_ms: u64,
        /// The record, once it is not in `records` any more.
        copy: Option<Copy>,
    },
}

/// A record that was deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Copy {
    pub(crate) server: ServerRecord,
    /// The device id that the server's `included` is about.
    pub(crate) asked_by: Option<String>,
}

impl UndoRow {
    pub(crate) fn new(record: RecordId, seq: u64, inverse: Inverse) -> UndoRow {
        UndoRow { record, seq, inverse, inverse_digest: 0 }
    }

    pub(in crate::store) fn seal(&self) -> u64 {
        Sealer::of(4).text(&self.record.0).num(self.seq).num(self.inverse_digest).seal()
    }
}

/// The columns that [`read_undo`] reads.
macro_rules! undo_columns {
    () => {
        "record, seq, inverse, seal"
    };
}
pub(in crate::store) use undo_columns;

pub(in crate::store) fn check_undo(connection: &Connection) -> Result<Checked> {
    check(connection, concat!("SELECT ", undo_columns!(), " FROM undo"), seals)
}

fn seals(row: &Row<'_>) -> rusqlite::Result<Seals> {
    let digest = text(row, 2)?.map_or(0, digest);
    let record = text(row, 0)?.unwrap_or_default();
    let computed = Sealer::of(4).text(record).num(num(row, 1)?).num(digest).seal();
    Ok(Seals { stored: num(row, 3)?, computed, digest })
}

pub(in crate::store) fn read_undo(row: &Row<'_>, integrity: Integrity) -> Result<UndoRow> {
    let seals = seals(row)?;
    seals.compare(integrity)?;
    Ok(UndoRow {
        record: RecordId(row.get(0)?),
        seq: num(row, 1)?,
        inverse: serde_json::from_str(text(row, 2)?.unwrap_or_default())?,
        inverse_digest: seals.digest,
    })
}

/// Writes a whole row, in the place of the one with its key if there is one. Answers with its seal.
pub(in crate::store) fn put_undo(connection: &Connection, row: &mut UndoRow) -> rusqlite::Result<u64> {
    let inverse = json(&row.inverse);
    row.inverse_digest = digest(&inverse);
    let seal = row.seal();
    connection
        .prepare_cached("INSERT OR REPLACE INTO undo (record, seq, inverse, seal) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![row.record.0, row.seq as i64, inverse, seal as i64])?;
    Ok(seal)
}

/// The rows that are whole in a damaged database.
pub(in crate::store) fn whole_undo(connection: &Connection, keep: &mut impl FnMut(UndoRow)) -> Result<()> {
    whole(connection, "undo", |row| read_undo(row, Integrity::Checked), keep)
}
