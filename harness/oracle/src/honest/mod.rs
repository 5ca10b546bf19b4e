//! Oracle `honest`: what a device says of the state of its work is true.
//!
//! Invariant: a record's badge moves only in legal steps. `syncing` is shown while something is on its
//! way, `synced` only after an answer to a push of the device's last work on the record has come
//! back. A device that calls itself synced, with nothing queued, shows no record that waits; one that
//! is connected to a world that has fallen quiet is neither offline nor busy; one whose last sync is
//! older than declared calls itself stale, unless an error needs its user, and no other does; one at
//! which nobody is signed in calls itself in error. Failed and conflicting records stand in the
//! tray, after a restart as before, and what stands there as failed shows so; every line of the tray
//! says why and offers a way out.
//!
//! Where a disk forgot, by a fault outside the model, or became a copy of another one, nobody
//! knows which badges it holds: they begin anew, with any. After a sign-out they begin anew like
//! those of a device that was never used.
//!
//! Source: the contract's record states and device states.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `illegal-start` | the first badge of a record is none to begin with |
//! | `illegal-move` | a badge makes a step that is not in the table |
//! | `syncing-with-nothing-sent` | `syncing` is shown for long, and nothing of the record is on its way |
//! | `synced-too-early` | `synced` is shown before the answer that allows it |
//! | `badge-too-early` | the device calls itself synced while it shows a record that waits |
//! | `not-in-tray` | a failed or conflicting record is not in the tray |
//! | `failed-not-shown` | failed work is in the tray, and the badge of its record promises another attempt, or that all is well |
//! | `tray-forgotten` | a line of the tray is gone after a restart, and nobody had decided it |
//! | `offline-although-connected` | the device calls itself offline although it is connected and all is quiet |
//! | `busy-with-nothing` | the device calls itself syncing then, with nothing queued |
//! | `stale-not-shown` | the device calls itself something better than stale although its last sync is too old |
//! | `stale-too-early` | it calls itself stale although its last sync is not too old |
//! | `sign-in-not-asked-for` | it was signed out or wiped, and calls itself something better than error |
//! | `saved-without-an-answer` | what needs a fresh sign-in is called saved, and the server has not said so |
//! | `no-reason`, `no-way-out` | a line of the tray does not say why, or offers nothing |

mod at_end;
mod moves;
mod session;
mod stale;
mod step_up;
mod syncing;
mod tray;

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{Action, Badge, Choice, RecordState, Status};
use deadzone_trace::{Entry, Event};

use crate::findings::{Case, Findings};
use crate::history::end::is_pending;
use crate::history::{ActionRun, History, Op, SignOut};
use crate::verdict::Verdict;

use moves::{STATES, may_follow, may_follow_restart, word};
use syncing::Syncing;
use tray::Trays;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut walk = Walk::new(history);
    for (at, entry) in history.entries.iter().enumerate() {
        walk.settle_claims(Some(entry.at_us));
        walk.take(at, entry);
    }
    walk.settle_claims(None);
    at_end::judge(history, &mut walk.findings);
    session::judge(history, &mut walk.findings);
    stale::judge(history, &mut walk.findings);
    step_up::judge(history, &mut walk.findings);
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
    /// What each device has shown and then not any more.
    gone: BTreeSet<(&'t str, usize)>,
    /// The records that each device shows as waiting.
    waiting: BTreeMap<&'t str, BTreeSet<usize>>,
    /// Devices that just called themselves synced: when, and in which entry.
    claims: BTreeMap<&'t str, (u64, usize)>,
    syncing: Syncing<'t>,
    /// By the moment of its arrival on the device: which request was answered.
    answers: BTreeMap<usize, usize>,
    /// When the last accepted push of work on a record had left; and the last request of any kind.
    proven: BTreeMap<(&'t str, usize), usize>,
    heard: BTreeMap<&'t str, usize>,
    /// When the work of an action was thrown away.
    voided: BTreeMap<usize, usize>,
    trays: Trays<'t>,
    /// When a device's disk last forgot its badges.
    forgot: BTreeMap<&'t str, usize>,
    /// The sign-outs, by the moment at which each ended.
    sign_outs: BTreeMap<usize, (&'t str, SignOut)>,
    /// When a sign-out last wiped a device.
    wiped: BTreeMap<&'t str, usize>,
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
            gone: BTreeSet::new(),
            waiting: BTreeMap::new(),
            claims: BTreeMap::new(),
            syncing: Syncing::default(),
            answers: requests.filter_map(|(i, request)| Some((request.accepted?, i))).collect(),
            proven: BTreeMap::new(),
            heard: BTreeMap::new(),
            voided: effects.filter_map(|effect| Some((effect.action, effect.void?.begun))).collect(),
            trays: Trays::new(history),
            forgot: BTreeMap::new(),
            sign_outs: sign_outs(history),
            wiped: BTreeMap::new(),
        }
    }

    fn take(&mut self, at: usize, entry: &'t Entry) {
        let host = entry.host.as_str();
        if let Some(&(device, out)) = self.sign_outs.get(&at) {
            self.sign_out(at, device, out);
        }
        match &entry.event {
            Event::HostUp { incarnation } => {
                self.started.insert(host, (*incarnation, at));
                self.waiting.remove(host);
                self.claims.remove(host);
                self.syncing.forget(host);
                self.trays.restart(host);
            }
            Event::Resumed => self.syncing.resume(host, at),
            Event::CopiesLost { .. } | Event::Restored { .. } | Event::Wiped | Event::Cloned { .. } => {
                self.begin_anew(host);
                self.forgot.insert(host, at);
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
                    self.gone.insert((host, record));
                    self.syncing.end(host, record);
                    self.waiting.entry(host).or_default().remove(&record);
                }
            }
            Event::Delivered { .. } => self.answer(at, host),
            Event::Status(status) => self.claim(at, entry, status),
            Event::Tray { items } => self.trays.judge(self.history, at, host, items, &mut self.findings),
            Event::Viewed(view) => {
                self.shown_anything = true;
                self.trays.judge(self.history, at, host, &view.tray, &mut self.findings);
                tray::judge_view(self.history, at, host, view, &mut self.findings);
                self.syncing.judge(self.history, at, host, &mut self.findings);
            }
            _ => {}
        }
    }

    fn begin_anew(&mut self, device: &'t str) {
        self.shown.retain(|(shown_on, _), _| *shown_on != device);
        self.gone.retain(|(gone_on, _)| *gone_on != device);
        self.waiting.remove(device);
        self.claims.remove(device);
        self.syncing.forget(device);
        self.trays.forget(device);
    }

    /// Nothing of before is left; whether that is so after a sign-out that nobody confirmed, its
    /// badges do not tell.
    fn sign_out(&mut self, at: usize, device: &'t str, out: SignOut) {
        self.begin_anew(device);
        let since = if out.certain { &mut self.wiped } else { &mut self.forgot };
        since.insert(device, at);
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
                    may_follow(before.state, state) || self.ended(before.state, state, host, record, at)
                } else {
                    let decided = self.trays.decided(host, before.at, at);
                    let unheard = self.is_unheard(host, record, before.at);
                    may_follow_restart(before.state, state, decided, unheard)
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
        if state == RecordState::Syncing {
            self.syncing.begin(host, record, at);
        } else {
            self.syncing.end(host, record);
        }
    }

    /// Work that waits for another attempt fails without one where its record is not there any
    /// more for this user.
    fn ended(&self, from: RecordState, to: RecordState, host: &str, record: usize, at: usize) -> bool {
        (from, to) == (RecordState::Retrying, RecordState::Failed) && self.was_told_gone(host, record, at)
    }

    fn was_told_gone(&self, host: &str, record: usize, at: usize) -> bool {
        let told = self.history.wire.told(record).iter().take_while(|told| told.at < at);
        told.into_iter().any(|told| {
            let ended = told.state.removed || (told.state.gone && told.state.version.is_some());
            told.device == host && ended
        })
    }

    /// Whether no answer told a device of a record before `at` that it must have kept.
    fn is_unheard(&self, host: &str, record: usize, at: usize) -> bool {
        let begun = self.forgot.get(host).max(self.wiped.get(host)).copied().unwrap_or_default();
        let told = self.history.wire.told(record).iter();
        !told.skip_while(|told| told.at < begun).take_while(|told| told.at < at).any(|told| {
            told.device == host
                && !told.hinted()
                && told.state.version.is_some()
                && self.history.must_keep(host, told.at)
        })
    }

    fn case(&self, clause: &'static str, effect: &'static str, host: &str, record: usize) -> Case {
        Case::new(clause, effect).record(self.history.records[record].id).device(host)
    }

    fn judge_start(&mut self, at: usize, host: &str, record: usize, state: RecordState, started: usize) {
        let life = &self.history.records[record];
        let wiped = self.wiped.get(host).copied().unwrap_or_default();
        let actions = || life.actions.iter().map(|&i| &self.history.actions[i]);
        let own = || actions().filter(|run| run.device == host && wiped <= run.begun);
        let created = own().any(|run| run.birthplace().is_some() || run.made_anew == Some(record));
        // What was done before the device went down need never have been shown.
        let resumed = own().any(|run| run.begun < started);
        let deleted = self.history.deleted_by(life, at, |device| device == host);
        let back = life.effects.iter().any(|effect| {
            let run = self.history.action_of(effect);
            effect.op == Op::Restore && run.device == host && !run.refused() && run.begun < at
        });
        let forgotten = self
            .forgot
            .get(host)
            .is_some_and(|&forgot| life.timeline.first().is_some_and(|&(first, _)| first < forgot));
        // Work on what was gone stands in the tray, and is shown as such when it comes back.
        let in_tray = self.trays.lists(host, life.id)
            || (own().any(|run| is_work(run) && run.begun < at) && self.was_told_gone(host, record, at));
        let legal = match state {
            _ if forgotten => true,
            RecordState::Synced | RecordState::Conflict => true,
            // An undone delete brings its record back.
            RecordState::Saved | RecordState::Modified if back => true,
            RecordState::Saved => created || resumed,
            // A delete that was refused or thrown away brings its record back.
            RecordState::Failed | RecordState::Discarded => deleted || resumed || in_tray,
            // Deleted elsewhere and brought back by an edit, it is shown again with the work that
            // this device had under way all the while.
            RecordState::Modified | RecordState::Syncing | RecordState::Retrying => {
                resumed
                    || self.gone.contains(&(host, record)) && own().any(|run| is_work(run) && run.begun < at)
            }
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
        let forgot = self.forgot.get(host).max(self.wiped.get(host)).copied().unwrap_or_default();
        let stands = |&&action: &&usize| {
            let run = &self.history.actions[action];
            // A record that is there was kept, whatever was said of its creation.
            let kept = run.saved() || (!run.refused() && run.birthplace().is_some());
            run.device == host
                && kept
                && forgot < run.ended
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
}

/// The sign-outs of every device, by the moment at which each ended.
fn sign_outs<'t>(history: &History<'t>) -> BTreeMap<usize, (&'t str, SignOut)> {
    let devices = history.header.devices.keys().map(String::as_str);
    devices
        .flat_map(|device| history.users.sign_outs(device).map(move |out| (out.ended, (device, out))))
        .collect()
}

/// Whether an action leaves something to be sent.
fn is_work(run: &ActionRun<'_>) -> bool {
    match run.act {
        Action::Create { .. } | Action::Edit { .. } | Action::Delete { .. } | Action::Resolve { .. } => true,
        Action::Undo { .. } => !run.undid.is_empty(),
        _ => false,
    }
}
