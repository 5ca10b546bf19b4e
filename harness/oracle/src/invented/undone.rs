//! What an undo writes was there before.

use std::collections::BTreeSet;

use deadzone_contract::{Action, Change, FieldChange, Value};

use crate::findings::{Case, Findings};
use crate::history::{ActionRun, History, undo, words};

/// Judges every undo that told what it did, where it is certain what it undid.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    for (i, run) in history.actions.iter().enumerate().filter(|(_, run)| run.saved()) {
        let (Action::Undo { .. }, Some(record)) = (run.act, run.record) else { continue };
        // What a disk forgot was undone with it.
        if run.undid.is_empty() || !history.hosts.damages(run.device).is_empty() {
            continue;
        }
        let undone = undo::undone(&history.records[record], &history.actions, &history.hosts, i);
        let (true, [undone]) = (undone.certain, &undone.actions[..]) else { continue };
        let undo = Undo { history, record, run, undone: &history.actions[*undone] };
        for change in run.undid {
            undo.judge(change, findings);
        }
    }
}

struct Undo<'h, 't> {
    history: &'h History<'t>,
    record: usize,
    run: &'h ActionRun<'t>,
    /// What it undid.
    undone: &'h ActionRun<'t>,
}

impl<'t> Undo<'_, 't> {
    fn judge(&self, change: &FieldChange, findings: &mut Findings) {
        match &change.change {
            Change::Put(value) => {
                let before = self.shown_before(&change.field);
                if !before.is_empty() && !before.contains(value) {
                    let before: Vec<&Value> = before.into_iter().collect();
                    let was = words::any_of(&before);
                    self.report(&change.field, &format!("={value}"), &format!("={was}"), findings);
                }
            }
            Change::Add(by) => {
                let all = self.undone_changes().filter(|undone| undone.field == change.field);
                let added: Vec<i128> = all
                    .filter_map(|undone| match undone.change {
                        Change::Add(by) => Some(i128::from(by)),
                        _ => None,
                    })
                    .collect();
                let sum: i128 = added.iter().sum();
                if !added.is_empty() && sum + i128::from(*by) != 0 {
                    self.report(&change.field, &format!("+={by}"), &format!("+={}", -sum), findings);
                }
            }
            Change::Insert(_) | Change::Remove(_) => {}
        }
    }

    fn undone_changes(&self) -> impl Iterator<Item = &'t FieldChange> {
        self.undone.act.changes().iter().chain(self.undone.undid)
    }

    /// What the device showed in a field right before what was undone; while it went on, the
    /// screen may still have changed. An undo of an undo may go back to it or go on beyond it.
    fn shown_before(&self, field: &str) -> BTreeSet<&'t Value> {
        let sights = self.history.records[self.record].sights.iter();
        let here = sights.filter(|sight| sight.device() == Some(self.run.device));
        let shown = here.filter_map(|sight| Some((sight.at, sight.view.fields.get(field)?)));
        let goes_on = matches!(self.undone.act, Action::Undo { .. });
        let mut last = None;
        let mut values = BTreeSet::new();
        for (at, value) in shown.take_while(|(at, _)| *at <= self.undone.ended) {
            if at < self.undone.begun {
                last = Some(value);
            } else if !self.wrote(field, value) {
                values.insert(value);
            }
            if goes_on {
                values.insert(value);
            }
        }
        values.extend(last);
        values
    }

    fn wrote(&self, field: &str, value: &Value) -> bool {
        self.undone_changes()
            .any(|change| change.field == field && change.change == Change::Put(value.clone()))
    }

    fn report(&self, field: &str, did: &str, was: &str, findings: &mut Findings) {
        let record = &self.history.records[self.record];
        let rule = record.fields.get(field).and_then(|field| field.rule);
        let case = Case::new("undone-wrongly", "undo").rule(rule).record(record.id).device(self.run.device);
        let case = case.subject(format!("{} {field}", self.run.label));
        let evidence = self.history.outcome(self.undone).into_iter().chain(self.history.outcome(self.run));
        findings.report(case.evidence(evidence).says(
            format!(
                "{} undid {} on {} with {field}{did} ({})",
                self.run.device,
                self.undone.label,
                self.history.name(self.record),
                self.run.label,
            ),
            format!("{field}{was}: what was there before"),
        ));
    }
}
