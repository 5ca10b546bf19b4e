//! What devices report of their oldest pending work, against what they had saved.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::Action;
use deadzone_trace::{Entry, Event};

use crate::findings::{Case, Findings};
use crate::history::end::is_pending;
use crate::history::{ActionRun, Class, History, Outcome, Request};

/// A device need not know of what it has just saved, and its clock may run slow by so much.
const SLACK_MS: u64 = 5_000;
const DRIFT_MAX: u64 = 50;

/// Judges every push and every pull.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    let mut walk = Walk::new(history);
    for (at, entry) in history.entries.iter().enumerate() {
        walk.take(at, entry, findings);
    }
}

struct Walk<'h, 't> {
    history: &'h History<'t>,
    /// By the entry in which it ended, or began.
    ended: BTreeMap<usize, usize>,
    begun: BTreeMap<usize, usize>,
    sent: BTreeMap<usize, &'h Request<'t>>,
    closed: BTreeMap<usize, &'h Request<'t>>,
    /// By device: the actions whose work nobody has answered, in the order in which they were saved.
    pending: BTreeMap<&'t str, BTreeSet<usize>>,
    /// By device: the records that it last showed as waiting.
    waiting: BTreeMap<&'t str, BTreeSet<usize>>,
    /// The devices whose app tells of ages at all.
    telling: BTreeSet<&'t str>,
}

impl<'h, 't> Walk<'h, 't> {
    fn new(history: &'h History<'t>) -> Walk<'h, 't> {
        let actions = || history.actions.iter().enumerate();
        let requests = || history.wire.requests().iter();
        Walk {
            history,
            ended: actions().filter(|(_, run)| run.saved()).map(|(i, run)| (run.ended, i)).collect(),
            begun: actions().map(|(i, run)| (run.begun, i)).collect(),
            sent: requests().map(|request| (request.sent, request)).collect(),
            closed: requests().filter_map(|request| Some((request.closed?, request))).collect(),
            pending: BTreeMap::new(),
            waiting: BTreeMap::new(),
            telling: BTreeSet::new(),
        }
    }

    fn take(&mut self, at: usize, entry: &'t Entry, findings: &mut Findings) {
        let host = entry.host.as_str();
        match &entry.event {
            Event::Invoked { .. } => self.begin(at),
            Event::Saved { .. } => {
                if let Some(&action) = self.ended.get(&at) {
                    let run = &self.history.actions[action];
                    if leaves_work(run) && !self.was_answered(run, at) {
                        self.pending.entry(host).or_default().insert(action);
                    }
                }
            }
            Event::Shown(view) => self.show(host, self.history.record(&view.record), is_pending(view.state)),
            Event::Gone { record } => self.show(host, self.history.record(record), false),
            Event::CopiesLost { .. } | Event::Restored { .. } | Event::Wiped | Event::Cloned { .. } => {
                self.pending.remove(host);
            }
            Event::Sent { .. } => {
                if let Some(&request) = self.sent.get(&at) {
                    if request.queue_age_ms.is_some() {
                        self.telling.insert(host);
                    }
                    self.judge(at, request, findings);
                }
            }
            Event::Delivered { .. } => {
                if let Some(&request) = self.closed.get(&at) {
                    self.answer(request);
                }
            }
            _ => {}
        }
    }

    fn show(&mut self, device: &'t str, record: Option<usize>, waits: bool) {
        let waiting = self.waiting.entry(device).or_default();
        match record {
            Some(record) if waits => waiting.insert(record),
            Some(record) => waiting.remove(&record),
            None => false,
        };
    }

    /// Whether an answer came before the device called the work saved.
    fn was_answered(&self, run: &ActionRun<'_>, at: usize) -> bool {
        let pushes = run.record.map(|record| self.history.wire.pushes(run.device, record));
        pushes
            .into_iter()
            .flatten()
            .any(|push| push.sent > run.begun && push.accepted.is_some_and(|accepted| accepted < at))
    }

    /// A decision of its user may take back what waits.
    fn begin(&mut self, at: usize) {
        let Some(run) = self.begun.get(&at).map(|&i| &self.history.actions[i]) else { return };
        match run.act {
            Action::SignOut { .. } => drop(self.pending.remove(run.device)),
            Action::Discard { .. } | Action::Undo { .. } | Action::Delete { .. } | Action::Retry { .. } => {
                // It takes along what hangs under the record.
                let history = self.history;
                let is_under = |other: &ActionRun<'_>| match (other.record, run.record) {
                    (Some(record), Some(above)) => history.lineage(record).contains(&above),
                    (record, above) => record == above,
                };
                self.forget(run.device, is_under);
            }
            _ => {}
        }
    }

    fn forget(&mut self, device: &str, mut which: impl FnMut(&ActionRun<'_>) -> bool) {
        if let Some(pending) = self.pending.get_mut(device) {
            pending.retain(|&action| !which(&self.history.actions[action]));
        }
    }

    /// What an answer speaks of is not pending any more; what was deferred is.
    fn answer(&mut self, request: &Request<'t>) {
        if !request.status.is_some_and(|status| status < 500 && !matches!(status, 401 | 426 | 429)) {
            return;
        }
        for &record in &request.records {
            let of = request.mutations.iter().enumerate().filter(|(_, m)| m.record == Some(record));
            // Where several copies were answered, nobody knows which answer the device had.
            let is_open = |position: usize| {
                let mut outcomes = request.outcomes(position).peekable();
                outcomes.peek().is_some() && outcomes.all(|(_, outcome)| *outcome == Outcome::Open)
            };
            let (open, decided): (Vec<_>, Vec<_>) = of.partition(|&(position, _)| is_open(position));
            // Of work on one record the oldest goes first, so it is the oldest that was decided.
            let mut left = if open.is_empty() { usize::MAX } else { decided.len() };
            self.forget(request.device, |run| {
                let goes = left > 0 && run.record == Some(record) && run.begun < request.sent;
                left -= usize::from(goes);
                goes
            });
        }
    }

    fn judge(&self, at: usize, request: &Request<'t>, findings: &mut Findings) {
        let is_asked = matches!(request.class, Class::Push | Class::Pull);
        if !is_asked || !self.telling.contains(request.device) {
            return;
        }
        let (Some(pending), Some(waiting)) =
            (self.pending.get(request.device), self.waiting.get(request.device))
        else {
            return;
        };
        let runs = pending.iter().map(|&action| &self.history.actions[action]);
        let waits = |run: &&ActionRun<'_>| run.record.is_some_and(|record| waiting.contains(&record));
        let Some(oldest) = runs.into_iter().find(waits) else { return };
        if self.history.hosts.lost_time(request.device, oldest.begun, at) {
            return;
        }
        let us = |at: usize| self.history.entries[at].at_us;
        let age_ms = us(at).saturating_sub(us(oldest.ended)) / 1_000;
        let least_ms = age_ms.saturating_sub(SLACK_MS + age_ms / DRIFT_MAX);
        if request.queue_age_ms.unwrap_or_default() >= least_ms {
            return;
        }
        let case = Case::new("age-not-reported", "device").device(request.device);
        let told = request.queue_age_ms.map_or("no age".to_owned(), |age_ms| format!("{age_ms} ms"));
        findings.report(case.evidence(self.history.outcome(oldest)).evidence([at]).says(
            format!("{} tells of {told}, but has had {} for {age_ms} ms", request.device, oldest.label),
            "the age of the oldest saved work that nobody has answered",
        ));
    }
}

/// Whether an action leaves something in the queue.
fn leaves_work(run: &ActionRun<'_>) -> bool {
    match run.act {
        Action::Create { .. } | Action::Edit { .. } | Action::Resolve { .. } => true,
        Action::Delete { password, .. } => password.is_none(),
        _ => false,
    }
}
