//! What changed behind a commit, as far as one caller may see it.
//!
//! Each workspace has its history in an index of its own, and so has what a user lost sight of.
//! The first changes of all of them together are what a page needs, so reading one costs what it
//! holds, however much others do elsewhere.

use std::collections::BTreeSet;

use deadzone_contract::wire::PulledChange;
use deadzone_contract::{RecordId, rules};
use rusqlite::params;

use crate::failure::Failure;
use crate::policy::Entities;
use crate::records::{self, Record, record_rows};
use crate::sight::Eyes;

/// What a device subscribes to.
#[derive(Debug)]
pub(crate) struct Scope {
    /// None: all of its user's.
    workspaces: Option<BTreeSet<String>>,
    /// None: all.
    entities: Option<BTreeSet<String>>,
}

impl Scope {
    /// As a query names workspaces and entities: with commas in between.
    ///
    /// # Errors
    /// The entities are not such that a device can have them and nothing else.
    pub(crate) fn parse(workspaces: Option<&str>, entities: Option<&str>) -> Result<Scope, Failure> {
        let names = |list: &str| list.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
        let scope = Scope { workspaces: workspaces.map(names), entities: entities.map(names) };
        for name in scope.entities.iter().flatten() {
            let Some(declared) = rules::entity(name) else {
                let known: Vec<_> = rules::ENTITIES.iter().map(|declared| declared.name).collect();
                let detail = format!("there is no entity `{name}`; the entities are {}", known.join(", "));
                return Err(Failure::malformed(detail));
            };
            if let Some(parent) = declared.parent.filter(|parent| !scope.has(parent)) {
                let detail = format!("whoever asks for `{name}` asks for `{parent}`, which it hangs under");
                return Err(Failure::malformed(detail));
            }
        }
        Ok(scope)
    }

    fn covers(&self, workspace: &str) -> bool {
        self.workspaces.as_ref().is_none_or(|names| names.contains(workspace))
    }

    /// Whether an entity is in it.
    fn has(&self, entity: &str) -> bool {
        self.entities.as_ref().is_none_or(|names| names.contains(entity))
    }

    /// Whether an entity is delivered.
    fn brings(&self, entity: &str, eyes: &Eyes<'_>) -> bool {
        eyes.policy.entities == Entities::Ignored || self.has(entity)
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

/// The first `limit` changes behind a commit that the caller may see, in commit order, of what the
/// caller's device asks about. Each record stands once in the history, at its latest change.
///
/// Workspaces that are not asked about cost nothing; entities that are not, the step over their
/// index entries: an index for each of them would cost every write.
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
        first.merge(changed(eyes, workspace, scope, filter, &first)?);
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
        "SELECT r.workspace, r.entity, r.id, l.commit_seq FROM losses l CROSS JOIN records r ON r.key = l.record
         WHERE l.user = ?1 AND l.commit_seq > ?2 AND l.commit_seq < ?3
         ORDER BY l.commit_seq",
    )?;
    let mut rows = statement.query(params![eyes.caller.user, first.behind, first.end()])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()?
        && changes.len() < first.limit
    {
        if scope.covers(row.get_ref(0)?.as_str()?) && scope.brings(row.get_ref(1)?.as_str()?, eyes) {
            changes.push(Change::Lost { record: RecordId(row.get(2)?), commit_seq: row.get(3)? });
        }
    }
    Ok(changes)
}

fn changed(
    eyes: &Eyes<'_>,
    workspace: &str,
    scope: &Scope,
    filter: Filter,
    first: &First,
) -> rusqlite::Result<Vec<Change>> {
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
        if !scope.brings(&record.entity, eyes) {
            continue;
        }
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
