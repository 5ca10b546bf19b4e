//! Which effects must, may or must not be found.
//!
//! A saved effect must be found. One that was never confirmed may be. Its user can throw it away
//! with a discard; whether it may then still be found depends on whether an attempt to send it
//! had left the device before: what left cannot be called back.
//!
//! A sign-out that is forced throws away like a discard whatever was pending on its device. Where a
//! retry makes a record anew that is gone for good, what was done to the old one is in the new one.
//!
//! A disk that forgets, by a fault outside the model, takes along what it alone held: effects
//! that the server had not called done, and discards, whose work may then come back.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{Action, RecordState, Rule};

use super::commits::Commits;
use super::{Effect, Ending, History};

/// What is asked of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It has to be found.
    Must,
    /// It may be found or not.
    May,
    /// It must not be found: its device refused the action.
    Refused,
    /// It must not be found: it was discarded before it left its device.
    Discarded,
}

impl Status {
    /// Whether it must not be found.
    pub(crate) fn is_never(self) -> bool {
        matches!(self, Status::Refused | Status::Discarded)
    }
}

/// From when to when a discard threw an effect away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Void {
    /// Before, the effect stood.
    pub(crate) begun: usize,
    /// After, nothing of it may be shown on its device.
    pub(crate) ended: usize,
}

/// Gives every effect its status.
pub(crate) fn decide(history: &mut History<'_>) {
    for r in 0..history.records.len() {
        for e in 0..history.records[r].effects.len() {
            let effect = &history.records[r].effects[e];
            let status = match history.action_of(effect).ending {
                Ending::Saved if !effect.guessed => Status::Must,
                Ending::Saved => Status::May,
                Ending::Indefinite | Ending::Open => Status::May,
                Ending::Refused => Status::Refused,
            };
            history.records[r].effects[e].status = status;
        }
    }
    let discards: Vec<usize> = (0..history.actions.len())
        .filter(|&i| matches!(history.actions[i].act, Action::Discard { .. }))
        .filter(|&i| !history.actions[i].refused())
        .collect();
    for discard in discards {
        if let Some(record) = history.actions[discard].record {
            discard_own(history, discard, record, &mut BTreeSet::new());
            discard_conflicts(history, discard, record);
        }
    }
    for i in 0..history.actions.len() {
        let run = &history.actions[i];
        match (run.act, run.record) {
            (Action::SignOut { anyway: true }, _) if run.may_have_happened() => {
                for record in 0..history.records.len() {
                    discard_own(history, i, record, &mut BTreeSet::new());
                }
            }
            (Action::Retry { .. }, Some(record)) if run.made_anew.is_some() => move_away(history, i, record),
            _ => {}
        }
    }
    destroy(history);
}

/// What was saved here on a record that is gone for good stands in its copy from now on.
fn move_away(history: &mut History<'_>, retry: usize, record: usize) {
    let run = &history.actions[retry];
    let (device, begun, ended) = (run.device, run.begun, run.ended);
    for e in 0..history.records[record].effects.len() {
        let effect = &history.records[record].effects[e];
        let work = history.action_of(effect);
        if work.device == device && work.begun < begun && effect.void.is_none() {
            let effect = &mut history.records[record].effects[e];
            effect.void = Some(Void { begun, ended });
            if effect.status == Status::Must {
                effect.status = Status::May;
            }
        }
    }
}

/// What a disk forgot and the server had not called done may be gone.
fn destroy(history: &mut History<'_>) {
    let mut commits: BTreeMap<&str, Commits<'_>> = BTreeMap::new();
    let mut destroyed = Vec::new();
    for (r, record) in history.records.iter().enumerate() {
        for (e, effect) in record.effects.iter().enumerate() {
            let work = history.action_of(effect);
            let Some(damage) = history.hosts.destroyed(work.device, work.ended) else { continue };
            let commits = commits.entry(work.device).or_insert_with(|| Commits::of(history, work.device));
            let done = commits.done(history, r, effect, damage.at);
            if work.saved() && done.is_none_or(|done| damage.at <= done) {
                destroyed.push((r, e, damage.at, done.is_some()));
            }
        }
    }
    for (r, e, at, done) in destroyed {
        let effect = &mut history.records[r].effects[e];
        // The device does not have it any more; the server may have got it all the same.
        effect.destroyed = Some(at);
        if effect.status == Status::Must && !done {
            effect.status = Status::May;
        }
    }
}

/// Throws away what the discarding device had not brought to the server; where that is the
/// record itself, also what it had put under it.
fn discard_own(history: &mut History<'_>, discard: usize, record: usize, done: &mut BTreeSet<usize>) {
    if !done.insert(record) {
        return;
    }
    let (begun, ended, certain) = {
        let run = &history.actions[discard];
        let forgotten = history.hosts.destroyed(run.device, run.ended).is_some();
        (run.begun, run.ended, run.saved() && !forgotten)
    };
    let mut took_record = false;
    for e in 0..history.records[record].effects.len() {
        let effect = &history.records[record].effects[e];
        if effect.void.is_some() || effect.status.is_never() || !discardable(history, discard, record, effect)
        {
            continue;
        }
        let left = left_before(history, effect, record, ended) || copied_before(history, effect, ended);
        let status = if !certain || left { Status::May } else { Status::Discarded };
        let effect = &mut history.records[record].effects[e];
        took_record |= effect.op == super::Op::Create;
        effect.status = status;
        effect.void = Some(Void { begun, ended });
    }
    if took_record {
        let id = history.records[record].id;
        let under =
            |r: &usize| history.place(&history.records[*r]).is_some_and(|place| place.parent == Some(id));
        let children: Vec<usize> = (0..history.records.len()).filter(under).collect();
        for child in children {
            discard_own(history, discard, child, done);
        }
    }
}

/// Whether a discard reaches an effect: work of the same device, begun before, that was not yet
/// on the server for all that its user had been told and the wire had told the device.
fn discardable(history: &History<'_>, discard: usize, record: usize, effect: &Effect<'_>) -> bool {
    let discard = &history.actions[discard];
    let work = history.action_of(effect);
    if work.device != discard.device || work.begun > discard.begun {
        return false;
    }
    let sights = &history.records[record].sights;
    let from = sights.partition_point(|sight| sight.at <= work.ended);
    let shown = sights[from..]
        .iter()
        .take_while(|sight| sight.at < discard.begun)
        .any(|sight| sight.device() == Some(discard.device) && sight.view.state == RecordState::Synced);
    let accepted = history.wire.pushes(work.device, record).any(|push| {
        push.sent > work.begun
            && push.accepted.is_some_and(|at| at < discard.begun)
            && push.done.contains(&record)
    });
    !(shown && accepted)
}

/// Whether an attempt that may carry an effect left its device before `until`, and reached the
/// server, be it late.
fn left_before(history: &History<'_>, effect: &Effect<'_>, record: usize, until: usize) -> bool {
    let work = history.action_of(effect);
    history
        .wire
        .pushes(work.device, record)
        .any(|push| work.begun < push.sent && push.sent < until && !push.arrived.is_empty())
}

/// Whether the device was copied, with an effect and before `until`: the copy still sends it.
fn copied_before(history: &History<'_>, effect: &Effect<'_>, until: usize) -> bool {
    let work = history.action_of(effect);
    history.hosts.copies_of(work.device, work.begun).values().any(|&at| at < until)
}

/// An open conflict is shown on every device of who may decide it: discarded on another one, the
/// value that lost need not be kept.
fn discard_conflicts(history: &mut History<'_>, discard: usize, record: usize) {
    let run = &history.actions[discard];
    let (device, user, begun) = (run.device, run.user, run.begun);
    let before = history.records[record].sights.partition_point(|sight| sight.at < begun);
    let shown = history.records[record].sights[..before].iter().rev().find(|s| s.device() == Some(device));
    let conflicts = shown.map(|sight| sight.view.conflicts.as_slice()).unwrap_or_default();
    for e in 0..history.records[record].effects.len() {
        let effect = &history.records[record].effects[e];
        let work = history.action_of(effect);
        let in_conflict = effect.rule.is_some_and(Rule::asks)
            && conflicts
                .iter()
                .any(|c| Some(c.field.as_str()) == effect.field && effect.op.values().contains(&&c.mine));
        // Under rule `manual` any member may decide.
        let decides = work.user == user || effect.rule == Some(Rule::Manual);
        if effect.status == Status::Must && decides && work.begun < begun && in_conflict {
            history.records[record].effects[e].status = Status::May;
        }
    }
}
