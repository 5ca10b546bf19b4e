//! Oracle `honest`: what a device says of the state of its work is true.
//!
//! Invariant: a record's badge moves only in legal steps. `synced` is shown only after an answer
//! to a push of the device's last work on the record has come back. A device that calls itself
//! synced, with nothing queued, shows no record that waits. Failed and conflicting records stand
//! in the tray, and every line of the tray says why and offers a way out.
//!
//! Source: the contract's record states and device states.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `illegal-start` | the first badge of a record is none to begin with |
//! | `illegal-move` | a badge makes a step that is not in the table |
//! | `synced-too-early` | `synced` is shown before the answer that allows it |
//! | `badge-too-early` | the device calls itself synced while it shows a record that waits |
//! | `not-in-tray` | a failed or conflicting record is not in the tray |
//! | `no-reason`, `no-way-out` | a line of the tray does not say why, or offers nothing |

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::view::View;
use deadzone_contract::{Action, Badge, Choice, RecordId, RecordState, Status, TrayItem};
use deadzone_trace::{Entry, Event};

use crate::findings::{Case, Findings};
use crate::history::end::is_pending;
use crate::history::{ActionRun, History};
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut walk = Walk::new(history);
    for (at, entry) in history.entries.iter().enumerate() {
        walk.settle_claims(Some(entry.at_us));
        walk.take(at, entry);
    }
    walk.settle_claims(None);
    if !walk.shown_anything {
        walk.findings.unknown("no device showed anything");
    }
    walk.findings.verdict()
}

/// What a device last showed of a record.
#[derive(Clone, Copy)]
struct Shown {
    state: RecordState,
    at: usize,
    incarnation: u32,
}

/// Walks through the trace as the devices' users do.
struct Walk<'h, 't> {
    history: &'h History<'t>,
    findings: Findings,
    shown_anything: bool,
    /// Each device's start: its number and its moment.
    started: BTreeMap<&'t str, (u32, usize)>,
    shown: BTreeMap<(&'t str, usize), Shown>,
    /// The records that each device shows as waiting.
    waiting: BTreeMap<&'t str, BTreeSet<usize>>,
    /// Devices that just called themselves synced: when, and in which entry.
    claims: BTreeMap<&'t str, (u64, usize)>,
    /// By the moment of its arrival on the device: which request was answered.
    answers: BTreeMap<usize, usize>,
    /// When the last accepted push of work on a record had left; and the last request of any kind.
    proven: BTreeMap<(&'t str, usize), usize>,
    heard: BTreeMap<&'t str, usize>,
    /// When the work of an action was thrown away.
    voided: BTreeMap<usize, usize>,
}

impl<'h, 't> Walk<'h, 't> {
    fn new(history: &'h History<'t>) -> Walk<'h, 't> {
        let requests = history.wire.requests().iter().enumerate();
        let effects = history.records.iter().flat_map(|record| &record.effects);
        Walk {
            history,
            findings: Findings::new("honest"),
            shown_anything: false,
            started: BTreeMap::new(),
            shown: BTreeMap::new(),
            waiting: BTreeMap::new(),
            claims: BTreeMap::new(),
            answers: requests.filter_map(|(i, request)| Some((request.accepted?, i))).collect(),
            proven: BTreeMap::new(),
            heard: BTreeMap::new(),
            voided: effects.filter_map(|effect| Some((effect.action, effect.void?.begun))).collect(),
        }
    }

    fn take(&mut self, at: usize, entry: &'t Entry) {
        let host = entry.host.as_str();
        match &entry.event {
            Event::HostUp { incarnation } => {
                self.started.insert(host, (*incarnation, at));
                self.waiting.remove(host);
                self.claims.remove(host);
            }
            Event::Shown(view) => {
                self.shown_anything = true;
                if let Some(record) = self.history.record(&view.record) {
                    self.show(at, host, record, view.state);
                }
            }
            Event::Gone { record } => {
                if let Some(record) = self.history.record(record) {
                    self.shown.remove(&(host, record));
                    self.waiting.entry(host).or_default().remove(&record);
                }
            }
            Event::Delivered { .. } => self.answer(at, host),
            Event::Status(status) => self.claim(at, entry, status),
            Event::Tray { items } => self.judge_tray(at, host, items),
            Event::Viewed(view) => self.judge_view(at, host, view),
            _ => {}
        }
    }

    fn answer(&mut self, at: usize, host: &'t str) {
        let Some(&request) = self.answers.get(&at) else { return };
        let request = &self.history.wire.requests()[request];
        let heard = self.heard.entry(host).or_default();
        *heard = (*heard).max(request.sent);
        for &record in &request.done {
            let proven = self.proven.entry((host, record)).or_default();
            *proven = (*proven).max(request.sent);
        }
    }

    fn show(&mut self, at: usize, host: &'t str, record: usize, state: RecordState) {
        let (incarnation, started) = self.started.get(host).copied().unwrap_or_default();
        match self.shown.get(&(host, record)).copied() {
            None => self.judge_start(at, host, record, state, started),
            Some(before) => {
                let legal = if before.incarnation == incarnation {
                    may_follow(before.state, state)
                } else {
                    may_follow_restart(before.state, state)
                };
                if !legal {
                    self.illegal_move(at, host, record, before, state);
                }
            }
        }
        self.shown.insert((host, record), Shown { state, at, incarnation });
        let waiting = self.waiting.entry(host).or_default();
        if is_pending(state) {
            waiting.insert(record);
        } else {
            waiting.remove(&record);
        }
        if state == RecordState::Synced {
            self.judge_synced(at, host, record);
        }
    }

    fn case(&self, clause: &'static str, effect: &'static str, host: &str, record: usize) -> Case {
        Case::new(clause, effect).record(self.history.records[record].id).device(host)
    }

    fn judge_start(&mut self, at: usize, host: &str, record: usize, state: RecordState, started: usize) {
        let life = &self.history.records[record];
        let own = || life.actions.iter().map(|&i| &self.history.actions[i]).filter(|run| run.device == host);
        let created = own().any(|run| run.birthplace().is_some());
        // What was done before the device went down need never have been shown.
        let resumed = own().any(|run| run.begun < started);
        let deleted = own().any(|run| matches!(run.act, Action::Delete { .. }) && run.begun < at);
        let legal = match state {
            RecordState::Synced | RecordState::Conflict => true,
            RecordState::Saved => created || resumed,
            // A delete that was refused or thrown away brings its record back.
            RecordState::Failed | RecordState::Discarded => deleted || resumed,
            RecordState::Modified | RecordState::Syncing | RecordState::Retrying => resumed,
        };
        if !legal {
            let name = self.history.name(record);
            let case = self.case("illegal-start", word(state), host, record).evidence([at]);
            self.findings.report(case.says(
                format!("{host} begins to show {name} as {state}"),
                if created { "saved" } else { "synced or conflict: it was not made on this device" },
            ));
        }
    }

    fn illegal_move(&mut self, at: usize, host: &str, record: usize, before: Shown, state: RecordState) {
        let name = self.history.name(record);
        let allowed: Vec<String> = STATES
            .iter()
            .filter(|&&next| next != before.state && may_follow(before.state, next))
            .map(ToString::to_string)
            .collect();
        let case = self.case("illegal-move", word(state), host, record).evidence([before.at, at]);
        self.findings.report(case.subject(word(before.state)).says(
            format!("{host} shows {name} as {state} right after {}", before.state),
            format!("after {}: {}", before.state, allowed.join(", ")),
        ));
    }

    /// `synced` needs an answer to a push that left after the last work had begun.
    fn judge_synced(&mut self, at: usize, host: &'t str, record: usize) {
        let life = &self.history.records[record];
        let stands = |&&action: &&usize| {
            let run = &self.history.actions[action];
            run.device == host
                && run.saved()
                && run.ended < at
                && is_work(run)
                && self.voided.get(&action).is_none_or(|&voided| at < voided)
        };
        let Some(&last) = life.actions.iter().rev().find(stands) else { return };
        let last = &self.history.actions[last];
        // A decision for the server's value may turn out to have been made elsewhere already.
        let by_pull = matches!(last.act, Action::Resolve { choice: Choice::UseTheirs, .. });
        let pushed = self.proven.get(&(host, record)).is_some_and(|&sent| sent > last.begun);
        let heard = self.heard.get(host).is_some_and(|&sent| sent > last.begun);
        if pushed || (by_pull && heard) {
            return;
        }
        let name = self.history.name(record);
        let pushes = self.history.wire.pushes(host, record).rev();
        let attempt = pushes.into_iter().find(|push| push.sent > last.begun && push.sent < at);
        let what = match attempt {
            Some(_) => "the push that carries it has brought no answer that says so",
            None => "no push has carried it yet",
        };
        let case = self.case("synced-too-early", "synced", host, record);
        let case = case.evidence(self.history.outcome(last)).evidence([at]);
        self.findings.report(case.evidence(attempt.map(|push| push.sent)).says(
            format!("{host} shows {name} as synced after {}, but {what}", last.label),
            "synced only once the server's answer is there",
        ));
    }

    fn claim(&mut self, at: usize, entry: &'t Entry, status: &Status) {
        if status.badge == Badge::Synced && status.queued == 0 {
            self.claims.insert(&entry.host, (entry.at_us, at));
        } else {
            self.claims.remove(entry.host.as_str());
        }
    }

    /// Looks at the claims of instants that are over: within one, the badge may come before the
    /// records that it speaks of.
    fn settle_claims(&mut self, now_us: Option<u64>) {
        if self.claims.values().all(|(claimed_us, _)| Some(*claimed_us) == now_us) {
            return;
        }
        for (host, (claimed_us, at)) in std::mem::take(&mut self.claims) {
            if Some(claimed_us) == now_us {
                self.claims.insert(host, (claimed_us, at));
                continue;
            }
            let Some(&record) = self.waiting.get(host).and_then(BTreeSet::first) else { continue };
            let (name, shown) = (self.history.name(record), self.shown[&(host, record)]);
            let case = self.case("badge-too-early", "synced", host, record).evidence([shown.at, at]);
            self.findings.report(case.says(
                format!(
                    "{host} calls itself synced with nothing queued, but shows {name} as {}",
                    shown.state
                ),
                "syncing, or offline, until nothing waits",
            ));
        }
    }

    fn judge_tray(&mut self, at: usize, host: &str, items: &[TrayItem]) {
        for item in items {
            let about = self.history.record(&item.record).map(|record| self.history.name(record));
            let about = about.unwrap_or_else(|| format!("record {}", item.record));
            let case = |clause| {
                let case = Case::new(clause, word(item.state)).record(&item.record).device(host);
                case.subject(&item.what).evidence([at])
            };
            if item.reason.trim().is_empty() {
                self.findings.report(case("no-reason").says(
                    format!("{host}'s tray does not say why `{}` on {about} is in it", item.what),
                    "a reason on every line of the tray",
                ));
            }
            if item.ways_out.is_empty() {
                self.findings.report(case("no-way-out").says(
                    format!("{host}'s tray offers no way out for `{}` on {about}", item.what),
                    "at least one way out on every line of the tray",
                ));
            }
        }
    }

    fn judge_view(&mut self, at: usize, host: &str, view: &View) {
        self.judge_tray(at, host, &view.tray);
        let listed: BTreeSet<&RecordId> = view.tray.iter().map(|item| &item.record).collect();
        for shown in &view.records {
            let needs_user = matches!(shown.state, RecordState::Failed | RecordState::Conflict);
            if !needs_user || listed.contains(&shown.record) {
                continue;
            }
            let Some(record) = self.history.record(&shown.record) else { continue };
            let name = self.history.name(record);
            let case = self.case("not-in-tray", word(shown.state), host, record).evidence([at]);
            self.findings.report(case.says(
                format!("{host} shows {name} as {}, but its tray does not list it", shown.state),
                format!("{name} in {host}'s tray, with its reason and its ways out"),
            ));
        }
    }
}

/// Whether an action leaves something to be sent.
fn is_work(run: &ActionRun<'_>) -> bool {
    match run.act {
        Action::Create { .. } | Action::Edit { .. } | Action::Delete { .. } | Action::Resolve { .. } => true,
        Action::SignIn { .. } | Action::Discard { .. } | Action::Retry { .. } => false,
    }
}

const STATES: [RecordState; 8] = [
    RecordState::Saved,
    RecordState::Modified,
    RecordState::Syncing,
    RecordState::Retrying,
    RecordState::Synced,
    RecordState::Failed,
    RecordState::Conflict,
    RecordState::Discarded,
];

/// The table of legal steps, as the contract has it.
fn may_follow(from: RecordState, to: RecordState) -> bool {
    use RecordState::{Conflict, Discarded, Failed, Modified, Retrying, Saved, Synced, Syncing};
    from == to
        || match from {
            Saved | Modified => matches!(to, Syncing | Failed | Conflict),
            Syncing => matches!(to, Synced | Retrying | Modified | Failed | Conflict),
            Retrying => matches!(to, Syncing | Modified | Discarded),
            Synced => matches!(to, Modified | Conflict),
            Failed => matches!(to, Syncing | Discarded),
            Conflict => matches!(to, Syncing | Discarded | Synced),
            Discarded => to == Synced,
        }
}

/// Over a restart, `syncing` may have become `saved`, if the server never had the record, or
/// `modified`. A step whose commit the device's death overtook was never shown, and neither was
/// the one that led to it.
fn may_follow_restart(from: RecordState, to: RecordState) -> bool {
    use RecordState::{Failed, Modified, Retrying, Saved, Syncing};
    let is_new = matches!(from, Saved | Syncing | Retrying | Failed);
    let unseen = STATES.iter().copied().filter(|&next| may_follow(from, next));
    unseen
        .flat_map(|one| STATES.iter().copied().filter(move |&two| may_follow(one, two)))
        .any(|last| last == to || (last == Syncing && (to == Modified || (to == Saved && is_new))))
}

/// A state as violations name it.
fn word(state: RecordState) -> &'static str {
    match state {
        RecordState::Saved => "saved",
        RecordState::Modified => "modified",
        RecordState::Syncing => "syncing",
        RecordState::Retrying => "retrying",
        RecordState::Synced => "synced",
        RecordState::Failed => "failed",
        RecordState::Conflict => "conflict",
        RecordState::Discarded => "discarded",
    }
}
