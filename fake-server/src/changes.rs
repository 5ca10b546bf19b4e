//! What changed behind a commit, as far as one caller may see it.
//!
//! Each workspace has its history in an index of its own, and so has what a user lost sight of.
//! The first changes of all of them together are what a page needs, so reading one costs what it
//! holds, however much others do elsewhere.

use std::collections::BTreeSet;

use deadzone_contract::RecordId;
use deadzone_contract::wire::PulledChange;
use rusqlite::params;

use crate::records::{self, Record, record_rows};
use crate::sight::Eyes;

/// The workspaces that a device subscribes to.
#[derive(Debug)]
pub(crate) struct Scope(Option<BTreeSet<String>>);

impl Scope {
    /// As a query names them: with commas in between. Without a name, all of the user's.
    pub(crate) fn parse(names: Option<&str>) -> Scope {
        Scope(names.map(|names| names.split(',').map(str::to_owned).collect()))
    }

    fn covers(&self, workspace: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.contains(workspace))
    }
}

/// Which changes a caller gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Those that the caller may see.
    Rights,
    /// Those of all workspaces.
    AnyWorkspace,
    /// All.
    None,
}

/// One change in the history.
pub(crate) enum Change {
    /// A record is there or was deleted.
    Record(Record),
    /// The caller cannot see a record any more.
    Lost {
        /// Which.
        record: RecordId,
        /// Its place.
        commit_seq: u64,
    },
}

impl Change {
    /// Its place in the commit order.
    pub(crate) fn commit_seq(&self) -> u64 {
        match self {
            Change::Record(record) => record.commit_seq,
            Change::Lost { commit_seq, .. } => *commit_seq,
        }
    }

    /// What a pull says of it.
    pub(crate) fn into_pulled(self, eyes: &Eyes<'_>) -> rusqlite::Result<PulledChange> {
        match self {
            Change::Record(record) => record.into_pulled(eyes),
            Change::Lost { record, .. } => Ok(PulledChange::Removed { record }),
        }
    }
}

/// The first `limit` changes behind a commit that the caller may see, in commit order, of the
/// workspaces that the caller's device asks about. Each record
/// stands once in the history, at its latest change.
pub(crate) fn behind(
    eyes: &Eyes<'_>,
    scope: &Scope,
    filter: Filter,
    commit_seq: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Change>> {
    let mut first = First { behind: commit_seq, limit, changes: Vec::new() };
    first.merge(lost(eyes, scope, &first)?);
    let workspaces = match filter {
        Filter::Rights => records::roles(eyes.db, &eyes.caller.user)?.into_keys().collect(),
        Filter::AnyWorkspace | Filter::None => records::workspaces(eyes.db)?,
    };
    for workspace in workspaces.iter().filter(|workspace| scope.covers(workspace)) {
        first.merge(changed(eyes, workspace, filter, &first)?);
    }
    Ok(first.changes)
}

/// The first changes of some histories.
struct First {
    behind: u64,
    limit: usize,
    /// In commit order.
    changes: Vec<Change>,
}

impl First {
    /// Changes from here on are no more among the first.
    fn end(&self) -> u64 {
        let last = self.changes.last().filter(|_| self.changes.len() == self.limit);
        last.map_or(i64::MAX.unsigned_abs(), Change::commit_seq)
    }

    fn merge(&mut self, more: Vec<Change>) {
        self.changes.extend(more);
        self.changes.sort_by_key(Change::commit_seq);
        self.changes.truncate(self.limit);
    }
}

fn lost(eyes: &Eyes<'_>, scope: &Scope, first: &First) -> rusqlite::Result<Vec<Change>> {
    // The cross join keeps the order of the losses.
    let mut statement = eyes.db.prepare_cached(
        "SELECT r.workspace, r.id, l.commit_seq FROM losses l CROSS JOIN records r ON r.key = l.record
         WHERE l.user = ?1 AND l.commit_seq > ?2 AND l.commit_seq < ?3
         ORDER BY l.commit_seq",
    )?;
    let mut rows = statement.query(params![eyes.caller.user, first.behind, first.end()])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()?
        && changes.len() < first.limit
    {
        if scope.covers(row.get_ref(0)?.as_str()?) {
            changes.push(Change::Lost { record: RecordId(row.get(1)?), commit_seq: row.get(2)? });
        }
    }
    Ok(changes)
}

fn changed(eyes: &Eyes<'_>, workspace: &str, filter: Filter, first: &First) -> rusqlite::Result<Vec<Change>> {
    let mut statement = eyes.db.prepare_cached(concat!(
        record_rows!(),
        " WHERE r.workspace = ?3 AND r.commit_seq > ?4 AND r.commit_seq < ?5 AND r.purged = 0
          ORDER BY r.commit_seq"
    ))?;
    let (user, device) = (&eyes.caller.user, &eyes.caller.device);
    let mut rows = statement.query(params![user, device, workspace, first.behind, first.end()])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()?
        && changes.len() < first.limit
    {
        let record = Record::read(row, eyes)?;
        let shown = match filter {
            Filter::Rights => record.role.is_some(),
            Filter::AnyWorkspace => !record.hidden,
            Filter::None => true,
        };
        if shown {
            changes.push(Change::Record(record));
        }
    }
    Ok(changes)
}
