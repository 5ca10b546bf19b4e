//! The rows of `queue`.

use deadzone_contract::Code;
use deadzone_contract::wire::{Mutation, MutationKind};
use rusqlite::{Connection, Row, params};

use super::{Checked, Seals, check, json, num, text, whole};
use crate::policy::Integrity;
use crate::store::seal::{Sealer, digest};
use crate::store::{Meta, Result, StoreError};

/// The state of a row of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowStatus {
    Waiting,
    Sending,
    Retrying,
    Failed,
}

impl RowStatus {
    pub(in crate::store) fn name(self) -> &'static str {
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
    /// Its words are somebody else's, which its user has only chosen.
    pub(crate) borrowed: bool,
    pub(crate) status: RowStatus,
    /// How often it was sent without an answer that tells what became of it.
    pub(crate) attempts: u32,
    /// The server's own errors in a row.
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

    pub(crate) fn is_delete(&self) -> bool {
        matches!(self.mutation.kind, MutationKind::Delete { .. })
    }

    /// Why the server refused it; none where it did not, or not for anything of its own.
    pub(crate) fn refused_for(&self) -> Option<Code> {
        Code::named(self.reason.as_deref()?.split(':').next()?)
    }

    /// Whether it took effect is not known: it was sent, and no answer has said so.
    pub(crate) fn is_indefinite(&self) -> bool {
        self.attempts > 0
    }

    /// Gives it the next number, under the present name.
    pub(crate) fn take_number(&mut self, meta: &mut Meta) {
        self.mutation.number = Some(meta.take_number());
        self.mutation.stamp.device.clone_from(&meta.device_id);
        self.device.clone_from(&meta.device_id);
        self.attempts = 0;
    }

    /// New work.
    pub(crate) fn new(device: &str, mutation: Mutation, what: String, created_ms: u64) -> QueueRow {
        QueueRow {
            seq: mutation.number.expect("numbered when it is saved"),
            device: device.to_owned(),
            mutation,
            what,
            created_ms,
            borrowed: false,
            status: RowStatus::Waiting,
            attempts: 0,
            refusals: 0,
            reason: None,
            mutation_digest: 0,
        }
    }

    pub(in crate::store) fn seal(&self) -> u64 {
        Sealer::of(3)
            .num(self.seq)
            .text(&self.device)
            .text(&self.mutation.record.0)
            .num(self.mutation_digest)
            .text(&self.what)
            .num(self.created_ms)
            .num(u64::from(self.borrowed))
            .text(self.status.name())
            .num(u64::from(self.attempts))
            .num(u64::from(self.refusals))
            .maybe(self.reason.as_deref())
            .seal()
    }
}

/// The columns that [`read_queue`] reads.
macro_rules! queue_columns {
    () => {
        "seq, device, record, mutation, what, created_ms, borrowed, status, attempts, refusals, reason, seal"
    };
}
pub(in crate::store) use queue_columns;

pub(in crate::store) fn check_queue(connection: &Connection) -> Result<Checked> {
    check(connection, concat!("SELECT ", queue_columns!(), " FROM queue"), seals_of_queue)
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
        .num(num(row, 6)?)
        .text(text(row, 7)?.unwrap_or_default())
        .num(num(row, 8)?)
        .num(num(row, 9)?)
        .maybe(text(row, 10)?)
        .seal();
    Ok(Seals { stored: num(row, 11)?, computed, digest })
}

pub(in crate::store) fn read_queue(row: &Row<'_>, integrity: Integrity) -> Result<QueueRow> {
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
        borrowed: num(row, 6)? != 0,
        status: RowStatus::read(&row.get::<_, String>(7)?),
        attempts: num(row, 8)? as u32,
        refusals: num(row, 9)? as u32,
        reason: row.get(10)?,
        mutation_digest: seals.digest,
    })
}

/// As [`put_record`].
pub(in crate::store) fn put_queue(connection: &Connection, row: &mut QueueRow) -> rusqlite::Result<u64> {
    let mutation = json(&row.mutation);
    row.mutation_digest = digest(&mutation);
    let seal = row.seal();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO queue
             (seq, device, record, mutation, what, created_ms, borrowed, status, attempts, refusals, reason, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            row.seq as i64,
            row.device,
            row.mutation.record.0,
            mutation,
            row.what,
            row.created_ms as i64,
            row.borrowed,
            row.status.name(),
            row.attempts,
            row.refusals,
            row.reason,
            seal as i64
        ])?;
    Ok(seal)
}

/// The rows of the queue that are whole in a damaged database.
pub(in crate::store) fn whole_queue(connection: &Connection, keep: &mut impl FnMut(QueueRow)) -> Result<()> {
    whole(connection, "queue", |row| read_queue(row, Integrity::Checked), keep)
}
