//! What a trace tells, put in order once for all oracles.
//!
//! | Module | Holds |
//! |---|---|
//! | `scan` | the one pass over the trace that collects everything below |
//! | `actions` | what users did, and what each action does to which field |
//! | `records` | everything about one record, in the order of time |
//! | `undo` | what an undo comes to |
//! | `births` | which create made which record, where no device said so |
//! | `status` | which effects must, may or must not be found |
//! | `knowledge` | what a device's user had seen when acting |
//! | `wire` | requests and their answers |
//! | `bodies` | what pushes carry, and what is said of each mutation |
//! | `answers` | what answers told devices of records |
//! | `commits` | which effects an answer called done |
//! | `users` | who is signed in on which device |
//! | `rights` | who is entitled to see what, and when |
//! | `apps` | what apps of an older version call fields |
//! | `hosts` | what happened to machines: sleep, disks that fail and disks that forget |
//! | `end` | the last state of the server and of every device |
//! | `words` | how people call all of this |
//!
//! Every moment is the index of its entry in the trace: the order of entries is the order of
//! time.

pub(crate) mod actions;
mod answers;
pub(crate) mod apps;
mod births;
pub(crate) mod bits;
mod bodies;
mod commits;
pub(crate) mod end;
mod hosts;
pub(crate) mod knowledge;
pub(crate) mod records;
mod rights;
mod scan;
pub(crate) mod status;
pub(crate) mod undo;
mod users;
mod wire;
pub(crate) mod words;

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::rules::{self, EntityDecl};
use deadzone_contract::wire::SCHEMA_VERSION;
use deadzone_contract::{RecordId, RecordState, Rule};
use deadzone_trace::{Entry, Event, Header, Trace};

pub(crate) use actions::{ActionRun, Ending, Op};
pub(crate) use answers::{Open, Told};
pub(crate) use bodies::{Kind, Outcome};
pub(crate) use end::{Demand, End, Last};
pub(crate) use hosts::Hosts;
pub(crate) use knowledge::Knew;
pub(crate) use records::{Effect, FieldHistory, RecordHistory, Sight, Viewer, What};
pub(crate) use rights::Rights;
pub(crate) use status::{Status, Void};
pub(crate) use users::{SignOut, Users};
pub(crate) use wire::{Answer, Class, Request, Wire};

/// The host that the server runs on.
pub(crate) const SERVER: &str = "server";

/// Which record an identity names.
pub(crate) type Ids<'t> = BTreeMap<&'t str, usize>;

/// Where a record was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'t> {
    pub(crate) entity: &'t str,
    pub(crate) workspace: &'t str,
    pub(crate) parent: Option<&'t RecordId>,
}

/// A trace, put in order.
pub(crate) struct History<'t> {
    pub(crate) entries: &'t [Entry],
    pub(crate) header: &'t Header,
    /// In the order in which they began.
    pub(crate) actions: Vec<ActionRun<'t>>,
    /// In the order in which the trace first names them.
    pub(crate) records: Vec<RecordHistory<'t>>,
    ids: Ids<'t>,
    /// The moments at which each device was looked at as a whole.
    pub(crate) views: BTreeMap<&'t str, Vec<usize>>,
    pub(crate) wire: Wire<'t>,
    pub(crate) hosts: Hosts<'t>,
    pub(crate) users: Users<'t>,
    pub(crate) rights: Rights<'t>,
    pub(crate) end: End<'t>,
    /// The last state, or why it is not one to judge.
    pub(crate) last: Result<Last<'t>, String>,
}

impl<'t> History<'t> {
    /// Puts a trace in order; none where it does not begin with its header.
    pub(crate) fn of(trace: &'t Trace) -> Option<History<'t>> {
        let header = trace.header()?;
        let mut history = scan::scan(&trace.entries, header);
        births::bind(&mut history);
        records::lay_out(&mut history);
        history.users = Users::read(header, &history.actions, &trace.entries);
        history.rights = Rights::read(&history);
        status::decide(&mut history);
        knowledge::learn(&mut history);
        Some(history)
    }

    /// The index of a record; none where no entry but a request names it.
    pub(crate) fn record(&self, id: &RecordId) -> Option<usize> {
        self.ids.get(id.0.as_str()).copied()
    }

    /// What is declared of a record's entity.
    pub(crate) fn entity(&self, record: &RecordHistory<'t>) -> Option<&'static EntityDecl> {
        rules::entity(records::entity_of(record, &self.actions)?)
    }

    /// The rule of a field in this run; none where there is no such field.
    pub(crate) fn rule(&self, entity: &str, field: &str) -> Option<Rule> {
        rules::entity(entity)?.field(field)?.rule_in(self.header.model)
    }

    /// Whether an effect that deletes a record had begun before `at`, on a device that counts.
    pub(crate) fn deleted_by(
        &self,
        record: &RecordHistory<'t>,
        at: usize,
        counts: impl Fn(&str) -> bool,
    ) -> bool {
        record.effects.iter().filter(|effect| effect.op == Op::Delete).any(|effect| {
            let run = self.action_of(effect);
            !run.refused() && run.begun < at && counts(run.device)
        })
    }

    /// Whether the server may have taken an effect: from its own device, or from a copy of that.
    pub(crate) fn may_have_taken(&self, record: usize, effect: &Effect<'t>) -> bool {
        let mut senders = self.senders(effect);
        senders.any(|(device, from)| self.wire.may_have_taken(device, from, record, effect))
    }

    /// Whether the server called an effect done: to its own device, or to a copy of that.
    pub(crate) fn was_done(&self, record: usize, effect: &Effect<'t>) -> bool {
        self.senders(effect).any(|(device, from)| self.wire.was_done(device, from, record, effect))
    }

    /// The devices that may send an effect, each with the moment from which on it does.
    fn senders(&self, effect: &Effect<'t>) -> impl Iterator<Item = (&'t str, usize)> {
        let work = self.action_of(effect);
        let (device, begun) = (work.device, work.begun);
        std::iter::once((device, begun)).chain(self.hosts.copies_of(device, begun))
    }

    /// Whether anything was shown, or a device was seen to show nothing.
    pub(crate) fn anybody_looked(&self) -> bool {
        !self.views.is_empty() || self.records.iter().any(|record| !record.sights.is_empty())
    }

    /// The users who surely may see a record at a moment, by name.
    pub(crate) fn entitled(&self, record: usize, at: usize) -> Vec<&'t str> {
        self.rights.users().filter(|user| self.rights.surely_sees(user, record, at, at)).collect()
    }

    /// Whether a device may have stopped showing a record, between two moments, because it is not
    /// for its user's eyes any more: it was not in between, or the device was told in between that it
    /// had not been, however late that came.
    pub(crate) fn lost_sight(&self, device: &str, record: usize, from: usize, to: usize) -> bool {
        let Some(user) = self.users.surely_at(device, to) else { return true };
        let told = self.wire.told(record).iter().filter(|told| told.device == device && told.state.removed);
        let late = told.filter(|told| (from..to).contains(&told.at)).map(|told| told.asked);
        let from = late.chain([from]).min().unwrap_or(from);
        !self.rights.surely_sees(user, record, from, to)
    }

    /// Whether a device must have kept what it had in an entry.
    pub(crate) fn must_keep(&self, device: &str, had: usize) -> bool {
        self.hosts.must_keep(self.entries, self.header.parameters.save_bound, device, had)
    }

    /// How much of its user's work a device said last before `at` that it keeps: what is queued,
    /// and what stands in its tray as failed.
    pub(crate) fn kept(&self, device: &str, at: usize) -> u64 {
        let before = || {
            let before = self.entries.get(..at).unwrap_or_default().iter().rev();
            before.filter(|entry| entry.host == device)
        };
        let queued = before().find_map(|entry| match &entry.event {
            Event::Status(status) => Some(status.queued),
            Event::Viewed(view) => Some(view.status.queued),
            _ => None,
        });
        let tray = before().find_map(|entry| match &entry.event {
            Event::Tray { items } => Some(items),
            Event::Viewed(view) => Some(&view.tray),
            _ => None,
        });
        let failed = tray.into_iter().flatten().filter(|item| item.state == RecordState::Failed);
        queued.unwrap_or_default().saturating_add(failed.count() as u64)
    }

    /// Where a record was made; none where nobody is known to have made it.
    pub(crate) fn place(&self, record: &RecordHistory<'t>) -> Option<Place<'t>> {
        let creator = &self.actions[record.creator?];
        if let Some(born) = creator.birthplace() {
            return Some(Place { entity: born.entity, workspace: born.workspace, parent: born.parent });
        }
        let view = record.copy_of?;
        Some(Place { entity: &view.entity, workspace: &view.workspace, parent: view.parent.as_ref() })
    }

    /// Whether an effect on a record may take place twice: nobody could say whether it had, its user
    /// was told so, and wanted it once more.
    pub(crate) fn may_be_repeated(&self, record: usize, effect: &Effect<'t>) -> bool {
        let device = self.action_of(effect).device;
        let Some(told) = self.wire.expired(device, record, effect) else { return false };
        self.records[record].actions.iter().map(|&action| &self.actions[action]).any(|run| {
            let retries = matches!(run.act, deadzone_contract::Action::Retry { .. }) && !run.refused();
            retries && run.device == device && told < run.begun
        })
    }

    /// The record that another one hangs under.
    pub(crate) fn parent(&self, record: usize) -> Option<usize> {
        let record = &self.records[record];
        let seen = || record.sights.first().and_then(|sight| sight.view.parent.as_ref());
        self.place(record).and_then(|place| place.parent).or_else(seen).and_then(|parent| self.record(parent))
    }

    /// A record and all that it hangs under.
    pub(crate) fn lineage(&self, record: usize) -> BTreeSet<usize> {
        let mut lineage = BTreeSet::new();
        let mut next = Some(record);
        // A trace may say that records hang under each other.
        while let Some(record) = next.filter(|record| lineage.insert(*record)) {
            next = self.parent(record);
        }
        lineage
    }

    /// The record that was made anew of another one, which was gone for good.
    pub(crate) fn anew(&self, record: usize) -> Option<usize> {
        let retries = self.records[record].actions.iter().map(|&action| &self.actions[action]);
        retries.filter(|run| run.record == Some(record)).find_map(|run| run.made_anew)
    }

    /// The version of a device's app at the end.
    pub(crate) fn app(&self, device: &str) -> u32 {
        let declared = || self.header.apps.get(device).copied();
        self.hosts.app(device).or_else(declared).unwrap_or(SCHEMA_VERSION)
    }

    /// Whether some device does not subscribe to everything.
    pub(crate) fn has_scopes(&self) -> bool {
        !(self.header.scopes.is_empty() && self.header.entities.is_empty())
    }

    /// Whether a device subscribes to an entity in a workspace, by what was declared of it.
    pub(crate) fn subscribes(&self, device: &str, workspace: &str, entity: &str) -> bool {
        let names = |lists: &BTreeMap<String, Vec<String>>, wanted: &str| {
            lists.get(device).is_none_or(|list| list.iter().any(|name| name == wanted))
        };
        names(&self.header.scopes, workspace) && names(&self.header.entities, entity)
    }

    /// When a device last began anew before `at`: its disk forgot, or a sign-out wiped it.
    pub(crate) fn forgot(&self, device: &str, at: usize) -> Option<usize> {
        let damaged = self.hosts.damaged(device, at).map(|damage| damage.at);
        damaged.max(self.users.wiped(device, at))
    }

    /// The action that an effect is part of.
    pub(crate) fn action_of(&self, effect: &Effect<'t>) -> &ActionRun<'t> {
        &self.actions[effect.action]
    }
}
