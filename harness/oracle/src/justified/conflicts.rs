//! Open conflicts: those that are shown, and those that the server makes.

use deadzone_contract::{RecordState, RecordView, Value};

use super::grounds::Grounds;
use crate::findings::{Case, Findings};
use crate::history::{FieldHistory, History, Op, Open, RecordHistory, Request, words};

/// Judges the conflicts that a device or, without grounds, the server shows.
pub(super) fn judge_shown(
    history: &History<'_>,
    grounds: Option<&Grounds<'_, '_>>,
    at: usize,
    place: &str,
    view: &RecordView,
    findings: &mut Findings,
) {
    let record = history.record(&view.record);
    let name = || record.map_or_else(|| format!("record {}", view.record), |record| history.name(record));
    for open in &view.conflicts {
        let rule = history.rule(&view.entity, &open.field);
        let case = |clause| {
            let case = Case::new(clause, "conflict").rule(rule).record(&view.record).subject(&open.field);
            let case = if grounds.is_some() { case.device(place) } else { case };
            case.evidence([at])
        };
        let shows = |what: String| {
            format!("{place} shows a conflict of {}={} on {}{what}", open.field, open.mine, name())
        };
        if !rule.is_some_and(deadzone_contract::Rule::asks) {
            findings.report(
                case("conflict-without-a-rule")
                    .says(shows(String::new()), "no question: the field's rule decides by itself"),
            );
        }
        if open.theirs.as_ref() == Some(&open.mine) {
            findings.report(
                case("nothing-to-decide")
                    .says(shows(String::from(" with itself")), "no question where both sides say the same"),
            );
        }
        if let (Some(grounds), Some(record)) = (grounds, record)
            && !grounds.knows_conflict(place, record, Some((&open.field, &open.mine)), at)
        {
            findings.report(case("conflict-from-nowhere").says(
                shows(String::from(", but no answer told of it")),
                "only conflicts of which the server told",
            ));
        }
    }
    if let (Some(grounds), Some(record), RecordState::Conflict) = (grounds, record, view.state)
        && !grounds.knows_conflict(place, record, None, at)
    {
        let case = Case::new("conflict-from-nowhere", "conflict").record(&view.record).device(place);
        findings.report(case.evidence([at]).says(
            format!("{place} shows {} as a conflict, but no answer told of one", name()),
            "only conflicts of which the server told",
        ));
    }
}

/// Judges the conflicts that the server's answers made of writes.
pub(super) fn judge_made(history: &History<'_>, findings: &mut Findings) {
    // A server that forgot counts its versions anew.
    if !history.hosts.damages(crate::history::SERVER).is_empty() {
        return;
    }
    for push in history.wire.requests() {
        for answer in &push.answers {
            for (position, open) in &answer.content.opened {
                if let Some(made) = Made::of(history, push, *position, open) {
                    made.judge(answer.at, findings);
                }
            }
        }
    }
}

/// An open conflict that a push made.
struct Made<'h, 't> {
    history: &'h History<'t>,
    push: &'h Request<'t>,
    open: &'h Open,
    index: usize,
    record: &'h RecordHistory<'t>,
    field: &'h FieldHistory<'t>,
    /// The version that the write was based on.
    base: u64,
}

impl<'h, 't> Made<'h, 't> {
    fn of(
        history: &'h History<'t>,
        push: &'h Request<'t>,
        position: usize,
        open: &'h Open,
    ) -> Option<Made<'h, 't>> {
        let mutation = push.mutations.get(position)?;
        let index = mutation.record?;
        let record = &history.records[index];
        let field = record.fields.get(open.field.as_str())?;
        let base = mutation.fields.get(&open.field)?.base()?;
        Some(Made { history, push, open, index, record, field, base })
    }

    fn judge(&self, at: usize, findings: &mut Findings) {
        let theirs = words::shown(self.open.theirs.as_ref());
        let why = if self.open.version == Some(self.base) {
            format!("it was based on version {}, which is what the server has", self.base)
        } else if self.was_in_view(at) {
            format!("its author had {theirs} in view")
        } else {
            return;
        };
        let case = Case::new("needless-conflict", "conflict").rule(self.field.rule).record(self.record.id);
        let case = case.device(self.push.device).subject(&self.open.field).evidence([self.push.sent, at]);
        findings.report(case.says(
            format!(
                "{}'s {}={} on {} became a conflict with {theirs}, but {why}",
                self.push.device,
                self.open.field,
                self.open.mine,
                self.history.name(self.index),
            ),
            format!("{}={} as the value: nobody came in between", self.open.field, self.open.mine),
        ));
    }

    /// Whether the device surely showed, as what the server has, what stands in the way of every
    /// write of its own that this may be.
    fn was_in_view(&self, at: usize) -> bool {
        let device = self.push.device;
        let hosts = &self.history.hosts;
        let is_plain = hosts.damages(device).is_empty() && !hosts.became_a_copy(device, 0, at);
        let Some(theirs) = self.open.theirs.as_ref().filter(|_| is_plain) else { return false };
        let writers: Vec<usize> = self
            .record
            .writers(self.field, theirs, at, &self.history.actions)
            .filter(|(_, effect)| !self.history.action_of(effect).refused())
            .map(|(position, _)| position)
            .collect();
        let mut own = self
            .record
            .effects_on(self.field)
            .filter(|(_, effect)| {
                let run = self.history.action_of(effect);
                let writes = matches!(effect.op, Op::Put(_) | Op::Resolve(_));
                let mine = effect.op.values().contains(&&self.open.mine);
                run.device == device && run.begun < self.push.sent && writes && mine && !run.refused()
            })
            .peekable();
        !writers.is_empty()
            && own.peek().is_some()
            && own.all(|(position, effect)| {
                let seen = &self.field.seen[position].certain;
                writers.iter().all(|writer| seen.contains(*writer))
                    && self.last_shown(device, self.history.action_of(effect).begun) == Some(theirs)
            })
    }

    /// What the device had last shown in the field before a moment, if it called the record synced.
    fn last_shown(&self, device: &str, before: usize) -> Option<&'t Value> {
        let sights = &self.record.sights;
        let before = &sights[..sights.partition_point(|sight| sight.at < before)];
        let last = before.iter().rev().find(|sight| sight.device() == Some(device))?;
        let synced = last.view.state == RecordState::Synced;
        last.view.fields.get(self.field.name).filter(|_| synced)
    }
}
