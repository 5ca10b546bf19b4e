//! Reads records as one caller may see them.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::rules::{self, Rule};
use deadzone_contract::wire::{AddId, OpenConflict, PulledChange, Role, ServerField, ServerRecord};
use deadzone_contract::{RecordId, Stamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::policy::PrivateRows;
use crate::sight::{self, Eyes};
use crate::stored::{StoredRole, StoredValue};

/// Selects rows for [`Record::read`], where parameter 1 is the caller and 2 the calling device. A
/// `WHERE` follows, in which `r` is the record.
macro_rules! record_rows {
    () => {
        "SELECT r.key, r.id, r.entity, r.workspace, r.parent, r.version, r.commit_seq,
             r.deleted_ms IS NOT NULL, r.deleter, r.purged, g.role, t.number,
             p.task IS NOT NULL AND g.role IS NOT 'admin' AND p.assignee IS NOT ?1
         FROM records r
         LEFT JOIN grants g ON g.user = ?1 AND g.workspace = r.workspace
         LEFT JOIN private_tasks p ON p.task = coalesce(r.task, r.key)
         LEFT JOIN touches t ON t.record = r.key AND t.device = ?2"
    };
}
pub(crate) use record_rows;

/// A row of `records` with what the caller has to do with it.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) key: i64,
    pub(crate) id: RecordId,
    pub(crate) entity: String,
    pub(crate) workspace: String,
    pub(crate) parent: Option<RecordId>,
    pub(crate) version: u64,
    pub(crate) commit_seq: u64,
    pub(crate) deleted: bool,
    /// The device that deleted it, where it is deleted.
    pub(crate) deleter: Option<String>,
    pub(crate) purged: bool,
    /// None: the caller must not learn that it exists.
    pub(crate) role: Option<Role>,
    /// It is, or hangs under, a private task of others.
    pub(crate) hidden: bool,
    /// The calling device's highest mutation in it.
    pub(crate) included: Option<u64>,
}

impl Record {
    pub(crate) fn read(row: &Row<'_>, eyes: &Eyes<'_>) -> rusqlite::Result<Record> {
        let role: Option<StoredRole> = row.get(10)?;
        let hidden = match eyes.policy.private_rows {
            PrivateRows::Hidden => row.get(12)?,
            PrivateRows::Shown => false,
        };
        Ok(Record {
            key: row.get(0)?,
            id: RecordId(row.get(1)?),
            entity: row.get(2)?,
            workspace: row.get(3)?,
            parent: row.get::<_, Option<String>>(4)?.map(RecordId),
            version: row.get(5)?,
            commit_seq: row.get(6)?,
            deleted: row.get(7)?,
            deleter: row.get(8)?,
            purged: row.get(9)?,
            role: role.filter(|_| !hidden).map(|stored| stored.0),
            hidden,
            included: row.get(11)?,
        })
    }

    /// Finds a record whoever asks; `role` tells what the caller may know of it.
    pub(crate) fn find(eyes: &Eyes<'_>, id: &RecordId) -> rusqlite::Result<Option<Record>> {
        eyes.db
            .prepare_cached(concat!(record_rows!(), " WHERE r.id = ?3"))?
            .query_row(params![eyes.caller.user, eyes.caller.device, id.0], |row| Record::read(row, eyes))
            .optional()
    }

    /// What a pull says of it.
    pub(crate) fn into_pulled(self, eyes: &Eyes<'_>) -> rusqlite::Result<PulledChange> {
        if self.deleted {
            let Record { id: record, version, included, .. } = self;
            return Ok(PulledChange::Tombstone { record, version, included });
        }
        self.into_state(eyes).map(PulledChange::Record)
    }

    /// Its present state, or the one under its tombstone. The caller may see it.
    pub(crate) fn into_state(self, eyes: &Eyes<'_>) -> rusqlite::Result<ServerRecord> {
        Ok(ServerRecord {
            fields: fields(eyes, self.key, &self.entity)?,
            conflicts: conflicts(eyes, self.key, self.role)?,
            record: self.id,
            entity: self.entity,
            workspace: self.workspace,
            parent: self.parent,
            version: self.version,
            included: self.included,
            deleted: self.deleted,
        })
    }
}

fn fields(eyes: &Eyes<'_>, key: i64, entity: &str) -> rusqlite::Result<BTreeMap<String, ServerField>> {
    let mut fields = BTreeMap::new();
    let Some(entity) = rules::entity(entity) else { return Ok(fields) };
    let mut statement = eyes.db.prepare_cached(
        "SELECT field, value, stamp_ms, stamp_n, stamp_device, version FROM fields WHERE record = ?1",
    )?;
    let mut rows = statement.query([key])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let field = match entity.field(&name).and_then(|decl| decl.rule_in(eyes.model)) {
            Some(Rule::Lww) => ServerField::Lww {
                value: row.get::<_, StoredValue>(1)?.0,
                stamp: Stamp { ms: row.get(2)?, n: row.get(3)?, device: row.get(4)? },
            },
            Some(Rule::Version | Rule::Manual | Rule::Custom) => {
                ServerField::Version { value: row.get::<_, StoredValue>(1)?.0, version: row.get(5)? }
            }
            Some(Rule::Counter) => ServerField::Counter { total: row.get(1)? },
            Some(Rule::Immutable) => ServerField::Fixed { value: row.get::<_, StoredValue>(1)?.0 },
            Some(Rule::Set) | None => continue,
        };
        fields.insert(name, field);
    }
    if entity.fields.iter().any(|decl| decl.rule_in(eyes.model) == Some(Rule::Set)) {
        sets(eyes.db, key, &mut fields)?;
    }
    Ok(fields)
}

fn sets(db: &Connection, key: i64, fields: &mut BTreeMap<String, ServerField>) -> rusqlite::Result<()> {
    let mut statement =
        db.prepare_cached("SELECT field, member, addition FROM additions WHERE record = ?1 ORDER BY field")?;
    let mut rows = statement.query([key])?;
    while let Some(row) = rows.next()? {
        let empty = || ServerField::Set { members: BTreeMap::new() };
        if let ServerField::Set { members } = fields.entry(row.get(0)?).or_insert_with(empty) {
            let additions: &mut BTreeSet<AddId> = members.entry(row.get(1)?).or_default();
            additions.insert(row.get(2)?);
        }
    }
    Ok(())
}

/// The conflicts that are for the caller to decide: the caller's own and, with the right to
/// write, those that everybody is asked about.
fn conflicts(eyes: &Eyes<'_>, key: i64, role: Option<Role>) -> rusqlite::Result<Vec<OpenConflict>> {
    let mut statement = eyes.db.prepare_cached(
        "SELECT c.id, c.field, c.mine, f.value, coalesce(f.version, 0) FROM conflicts c
         LEFT JOIN fields f ON f.record = c.record AND f.field = c.field
         WHERE c.record = ?1 AND (c.user = ?2 OR c.shared AND ?3) ORDER BY c.field, c.id",
    )?;
    let open = statement.query_map(params![key, eyes.caller.user, sight::writes(role)], |row| {
        Ok(OpenConflict {
            id: row.get(0)?,
            field: row.get(1)?,
            mine: row.get::<_, StoredValue>(2)?.0,
            theirs: row.get::<_, Option<StoredValue>>(3)?.map(|stored| stored.0),
            version: row.get(4)?,
        })
    })?;
    open.collect()
}

/// The caller's role in a workspace.
pub(crate) fn role(db: &Connection, user: &str, workspace: &str) -> rusqlite::Result<Option<Role>> {
    db.prepare_cached("SELECT role FROM grants WHERE user = ?1 AND workspace = ?2")?
        .query_row(params![user, workspace], |row| row.get::<_, StoredRole>(0))
        .optional()
        .map(|stored| stored.map(|role| role.0))
}

/// The caller's memberships.
pub(crate) fn roles(db: &Connection, user: &str) -> rusqlite::Result<BTreeMap<String, Role>> {
    db.prepare_cached("SELECT workspace, role FROM grants WHERE user = ?1")?
        .query_map([user], |row| Ok((row.get(0)?, row.get::<_, StoredRole>(1)?.0)))?
        .collect()
}

/// Every workspace in which there is something.
pub(crate) fn workspaces(db: &Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached("SELECT DISTINCT workspace FROM records ORDER BY workspace")?
        .query_map([], |row| row.get(0))?
        .collect()
}
