//! The last state of the server and of every device, and whether it is one to judge.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::view::View;
use deadzone_contract::{RecordId, RecordState, RecordView};
use deadzone_trace::{Entry, Event};

use super::{Effect, History, Status};

/// How a run came to its end.
#[derive(Debug, Default)]
pub(crate) struct End<'t> {
    /// The script came to its end.
    pub(crate) finished: bool,
    /// The last wait for quiet.
    pub(crate) settle: Option<Settle<'t>>,
    /// The last thing that a user did, or began to.
    last_work: usize,
    audits: BTreeMap<&'t str, (usize, &'t [RecordView])>,
    failed_audits: BTreeMap<&'t str, (usize, &'t str)>,
    views: BTreeMap<&'t str, (usize, &'t View)>,
}

/// One wait for quiet.
#[derive(Debug)]
pub(crate) struct Settle<'t> {
    /// When it ended, and whether in quiet; none where the trace ends before.
    ended: Option<(usize, bool)>,
    /// Devices that could not settle, with the reason.
    exempt: &'t BTreeMap<String, String>,
}

impl<'t> End<'t> {
    pub(super) fn take(&mut self, at: usize, entry: &'t Entry) {
        match &entry.event {
            Event::SettleBegan { exempt, .. } => self.settle = Some(Settle { ended: None, exempt }),
            Event::Settled | Event::Unsettled { .. } => {
                if let Some(settle) = &mut self.settle {
                    settle.ended = Some((at, entry.event == Event::Settled));
                }
            }
            Event::Invoked { .. } => self.last_work = at,
            Event::Audited { user, records } => {
                self.audits.insert(user, (at, records));
            }
            Event::AuditFailed { user, why } => {
                self.failed_audits.insert(user, (at, why));
            }
            Event::Viewed(view) => {
                self.views.insert(&entry.host, (at, view));
            }
            Event::Finished(_) => self.finished = true,
            _ => {}
        }
    }

    /// The state after the world last fell quiet, if nothing was done since.
    ///
    /// # Errors
    /// Why the last state is not one to judge.
    pub(super) fn close(&self) -> Result<Last<'t>, String> {
        let settle = self.settle.as_ref().ok_or("nobody waited for the world to settle")?;
        let quiet = match settle.ended {
            Some((at, true)) if self.last_work < at => at,
            Some((_, true)) => return Err("users went on after the world had settled last".to_owned()),
            Some((_, false)) => return Err("the world did not settle".to_owned()),
            None => return Err("the trace ends while the world settles".to_owned()),
        };
        let audits = self.audits.iter().filter(|(_, (at, _))| *at > quiet);
        let audits = audits.map(|(&user, &(at, records))| (user, Audit::new(at, user, records)));
        let views = self.views.iter().filter(|(_, (at, _))| *at > quiet);
        Ok(Last {
            quiet,
            exempt: settle.exempt,
            audits: audits.collect(),
            failed_audits: self
                .failed_audits
                .iter()
                .filter(|(_, (at, _))| *at > quiet)
                .map(|(&user, &(_, why))| (user, why))
                .collect(),
            looks: views.map(|(&device, &(at, view))| (device, Look::new(at, view))).collect(),
        })
    }
}

/// The state of everything once the world has settled for the last time.
#[derive(Debug)]
pub(crate) struct Last<'t> {
    /// When the world fell quiet.
    pub(crate) quiet: usize,
    exempt: &'t BTreeMap<String, String>,
    audits: BTreeMap<&'t str, Audit<'t>>,
    failed_audits: BTreeMap<&'t str, &'t str>,
    looks: BTreeMap<&'t str, Look<'t>>,
}

/// What the server has, as one user sees it.
#[derive(Debug)]
pub(crate) struct Audit<'t> {
    pub(crate) at: usize,
    pub(crate) user: &'t str,
    pub(crate) records: BTreeMap<&'t RecordId, &'t RecordView>,
}

/// What a device shows.
#[derive(Debug)]
pub(crate) struct Look<'t> {
    pub(crate) at: usize,
    pub(crate) view: &'t View,
    pub(crate) records: BTreeMap<&'t RecordId, &'t RecordView>,
    /// The records with failed work in its tray.
    pub(crate) failed: BTreeSet<&'t RecordId>,
}

impl<'t> Audit<'t> {
    fn new(at: usize, user: &'t str, records: &'t [RecordView]) -> Audit<'t> {
        Audit { at, user, records: records.iter().map(|view| (&view.record, view)).collect() }
    }
}

impl<'t> Look<'t> {
    fn new(at: usize, view: &'t View) -> Look<'t> {
        let failed = view.tray.iter().filter(|item| item.state == RecordState::Failed);
        Look {
            at,
            view,
            records: view.records.iter().map(|view| (&view.record, view)).collect(),
            failed: failed.map(|item| &item.record).collect(),
        }
    }

    /// Whether the device counts more work as waiting than its badges account for.
    fn has_unshown_work(&self) -> bool {
        let pending = self.records.values().filter(|view| is_pending(view.state));
        self.view.status.queued > pending.count() as u64
    }
}

impl<'t> Last<'t> {
    /// What the server has, as a user sees it.
    ///
    /// # Errors
    /// Why nobody knows.
    pub(crate) fn audit(&self, user: &str) -> Result<&Audit<'t>, String> {
        match (self.failed_audits.get(user), self.audits.get(user)) {
            (Some(why), _) => Err(format!("the server could not be asked on behalf of {user}: {why}")),
            (None, Some(audit)) => Ok(audit),
            (None, None) => Err(format!("the server was not asked on behalf of {user} at the end")),
        }
    }

    /// What the server has, as each user sees it who was asked for.
    pub(crate) fn audits(&self) -> impl Iterator<Item = &Audit<'t>> {
        self.audits.values().filter(|audit| !self.failed_audits.contains_key(audit.user))
    }

    /// What each device shows.
    pub(crate) fn looks(&self) -> impl Iterator<Item = (&'t str, &Look<'t>)> {
        self.looks.iter().map(|(&device, look)| (device, look))
    }

    /// What a device shows; none where it does not run.
    pub(crate) fn look(&self, device: &str) -> Option<&Look<'t>> {
        self.looks.get(device)
    }

    /// Why a device did not have to settle.
    pub(crate) fn exemption(&self, device: &str) -> Option<&'t str> {
        self.exempt.get(device).map(String::as_str)
    }
}

/// Whether a state says that the device still has something to send.
pub(crate) fn is_pending(state: RecordState) -> bool {
    use RecordState::{Modified, Retrying, Saved, Syncing};
    matches!(state, Saved | Modified | Syncing | Retrying)
}

/// What is asked of an effect when the world has settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// The server has to have it.
    Firm,
    /// It may be missing: it was never promised, or its user sees it stand elsewhere.
    Free,
    /// Whether it stands elsewhere cannot be told: its device shows nothing.
    Blind,
}

impl<'t> History<'t> {
    /// What is asked of an effect at the end: a must may stand in the tray of its device, or,
    /// where the device did not have to settle, in its queue.
    pub(crate) fn demand(&self, last: &Last<'t>, record: usize, effect: &Effect<'_>) -> Demand {
        if effect.status != Status::Must {
            return Demand::Free;
        }
        let device = self.action_of(effect).device;
        let id = self.records[record].id;
        let exempt = last.exemption(device).is_some();
        match last.look(device) {
            None if exempt => Demand::Free,
            None => Demand::Blind,
            Some(look) => {
                let queued = exempt && self.may_wait(device, record, look);
                if queued || look.failed.contains(id) { Demand::Free } else { Demand::Firm }
            }
        }
    }

    /// Whether a device may have work on a record in its queue, as far as it shows. A conflict covers
    /// the badge of what waits, and what waits to be deleted is not shown.
    fn may_wait(&self, device: &str, record: usize, look: &Look<'_>) -> bool {
        let life = &self.records[record];
        match look.records.get(life.id) {
            Some(view) => {
                is_pending(view.state) || view.state == RecordState::Conflict && look.has_unshown_work()
            }
            None => look.has_unshown_work() && self.deleted_by(life, look.at, |deleter| deleter == device),
        }
    }
}
