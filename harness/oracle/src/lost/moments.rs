//! At every moment, a device shows what was saved on it.

use std::collections::BTreeMap;

use deadzone_contract::{RecordState, Rule, Value};

use crate::findings::{Case, Findings};
use crate::history::{Effect, FieldHistory, History, Op, RecordHistory, Sight, Status, What, words};

/// Judges every moment of every device.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    for (index, record) in history.records.iter().enumerate() {
        if record.effects.is_empty() {
            continue;
        }
        let own = Own { history, index, record };
        for &(_, what) in &record.timeline {
            match what {
                What::Seen(sight) => own.judge_sight(&record.sights[sight], findings),
                What::Gone(gone) => {
                    let (at, device) = record.gones[gone];
                    own.judge_gone(at, device, "stopped showing it", findings);
                }
                What::Begun(_) | What::Ended(_) => {}
            }
        }
        own.judge_views(findings);
    }
}

/// One record, and what its devices did to it themselves.
struct Own<'h, 't> {
    history: &'h History<'t>,
    index: usize,
    record: &'h RecordHistory<'t>,
}

impl<'t> Own<'_, 't> {
    /// Whether a device's own effect was saved and neither thrown away nor forgotten at a moment,
    /// and nobody has signed out since.
    fn in_force(&self, effect: &Effect<'t>, device: &str, at: usize) -> bool {
        let run = self.history.action_of(effect);
        run.device == device
            && run.saved()
            && run.ended < at
            && effect.void.is_none_or(|void| at < void.begun)
            && effect.destroyed.is_none_or(|destroyed| at < destroyed)
            && self.history.users.wiped(device, at).is_none_or(|wiped| wiped < run.begun)
            && !self.history.hosts.is_behind(device, run.ended, at)
    }

    fn judge_sight(&self, sight: &Sight<'t>, findings: &mut Findings) {
        let Some(device) = sight.device() else { return };
        // What became of failed and discarded work need not show in the values.
        if sight.troubled || sight.discarded() {
            return;
        }
        for field in self.record.fields.values().filter(|field| !field.opaque) {
            match field.rule {
                // An open conflict is shown with the server's value.
                Some(rule) if rule.asks() && sight.view.state == RecordState::Conflict => {}
                Some(Rule::Lww | Rule::Version | Rule::Manual | Rule::Immutable | Rule::Custom) => {
                    self.judge_write(field, sight, device, findings);
                }
                Some(Rule::Counter) => self.judge_counter(field, sight, device, findings),
                Some(Rule::Set) => self.judge_set(field, sight, device, findings),
                None => {}
            }
        }
    }

    fn regress(
        &self,
        effect: &Effect<'t>,
        sight: &Sight<'t>,
        device: &str,
        expected: String,
        findings: &mut Findings,
    ) {
        let value = effect.field.and_then(|field| sight.view.fields.get(field));
        let case = Case::new("on-own-device", effect.op.kind())
            .rule(effect.rule)
            .record(self.record.id)
            .device(device)
            .subject(effect.field.unwrap_or_default())
            .evidence(self.history.outcome(self.history.action_of(effect)))
            .evidence([sight.at]);
        findings.report(case.says(
            format!(
                "{} was saved, but {device} then shows {}={}",
                self.history.work(self.index, effect),
                effect.field.unwrap_or_default(),
                words::shown(value),
            ),
            expected,
        ));
    }

    /// A device does not show again what its own last write had replaced.
    fn judge_write(
        &self,
        field: &FieldHistory<'t>,
        sight: &Sight<'t>,
        device: &str,
        findings: &mut Findings,
    ) {
        let mut own = self.record.effects_on(field).rev();
        let Some((position, write)) = own.find(|(_, effect)| self.in_force(effect, device, sight.at)) else {
            return;
        };
        if matches!(write.op, Op::UseTheirs(_)) {
            // It asks for whatever the server has.
            return;
        }
        let replaced = match sight.view.fields.get(field.name) {
            None => true,
            // What had come first, or what the product makes of both, may well be the older value.
            Some(_) if matches!(field.rule, Some(Rule::Immutable | Rule::Custom)) => false,
            Some(value) => {
                let mut writers = self.record.writers(field, value, sight.at, &self.history.actions);
                let mut writers =
                    writers.by_ref().filter(|(_, other)| other.status != Status::Refused).peekable();
                let seen = &field.seen[position].certain;
                let is_over = |(other, effect): (usize, &Effect<'t>)| {
                    seen.contains(other) && !self.retried(effect, write, device, sight.at)
                };
                writers.peek().is_some() && writers.all(is_over)
            }
        };
        if replaced {
            let expected = format!("{}, or something newer", words::change(write));
            self.regress(write, sight, device, expected, findings);
        }
    }

    /// Whether somebody wanted failed work once more, on the device where it was done, after it had
    /// done `since` there: a retry is the newest thing that its user said.
    fn retried(&self, work: &Effect<'t>, since: &Effect<'t>, device: &str, at: usize) -> bool {
        let since = self.history.action_of(since).begun;
        let is_here = self.history.hosts.holds_work_of(device, self.history.action_of(work).device);
        is_here
            && self.record.actions.iter().map(|&action| &self.history.actions[action]).any(|run| {
                let retries = matches!(run.act, deadzone_contract::Action::Retry { .. });
                retries && run.device == device && !run.refused() && (since..at).contains(&run.begun)
            })
    }

    /// A total is not lower than the device's own increments, however much others took away.
    fn judge_counter(
        &self,
        field: &FieldHistory<'t>,
        sight: &Sight<'t>,
        device: &str,
        findings: &mut Findings,
    ) {
        let Some(total) = crate::life::total(sight.view.fields.get(field.name)) else { return };
        let mut least: i128 = 0;
        let mut last = None;
        for (_, effect) in self.record.effects_on(field) {
            let Op::Add(by) = effect.op else { continue };
            if self.in_force(effect, device, sight.at) {
                least += i128::from(by);
                last = Some(effect);
            } else if effect.status != Status::Refused && self.history.action_of(effect).begun < sight.at {
                least += i128::from(by.min(0));
            }
        }
        if let Some(effect) = last.filter(|_| i128::from(total) < least) {
            let expected =
                format!("at least {least}: what was added on {device} itself, less what was taken away");
            self.regress(effect, sight, device, expected, findings);
        }
    }

    /// A member that was added here and that nobody removed since is shown.
    fn judge_set(&self, field: &FieldHistory<'t>, sight: &Sight<'t>, device: &str, findings: &mut Findings) {
        let shown = |member: &str| match sight.view.fields.get(field.name) {
            Some(Value::Set(members)) => members.contains(member),
            _ => false,
        };
        let mut missing: BTreeMap<&str, &Effect<'t>> = BTreeMap::new();
        for (_, effect) in self.record.effects_on(field) {
            match effect.op {
                Op::Insert(member) if self.in_force(effect, device, sight.at) && !shown(member) => {
                    missing.insert(member, effect);
                }
                _ => {}
            }
        }
        if missing.is_empty() {
            return;
        }
        for (_, effect) in self.record.effects_on(field) {
            let run = self.history.action_of(effect);
            let Op::Remove(member) = effect.op else { continue };
            // A removal that was over before the addition began cannot have meant it.
            let meant = missing.get(member).is_some_and(|add| self.history.action_of(add).begun < run.ended);
            if meant && !run.refused() && run.begun < sight.at {
                missing.remove(member);
            }
        }
        for (member, effect) in missing {
            let expected = format!("{member} in {}: nobody removed it since", field.name);
            self.regress(effect, sight, device, expected, findings);
        }
    }

    /// A device that holds saved work on a record shows it whenever it is looked at as a whole.
    fn judge_views(&self, findings: &mut Findings) {
        let mut devices: Vec<&str> =
            self.record.effects.iter().map(|effect| self.history.action_of(effect).device).collect();
        devices.sort_unstable();
        devices.dedup();
        for device in devices {
            let views = self.history.views.get(device).map(Vec::as_slice).unwrap_or_default();
            for &at in views {
                let from = self.record.sights.partition_point(|sight| sight.at < at);
                let shown = self.record.sights.get(from).is_some_and(|sight| sight.at == at);
                if !shown {
                    self.judge_gone(at, device, "does not show it", findings);
                }
            }
        }
    }

    /// What was saved here is not shown any more, although nobody deleted or discarded it.
    fn judge_gone(&self, at: usize, device: &str, how: &str, findings: &mut Findings) {
        let Some(kept) = self.record.effects.iter().find(|effect| self.in_force(effect, device, at)) else {
            return;
        };
        let explained = self.record.actions.iter().any(|&action| {
            let run = &self.history.actions[action];
            let by_author = self.record.creator.is_none_or(|creator| {
                run.device == self.history.actions[creator].device || run.device == device
            });
            let discards = matches!(run.act, deadzone_contract::Action::Discard { .. }) && by_author;
            discards && !run.refused() && run.begun < at
        }) || self.history.deleted_by(self.record, at, |_| true);
        // It is not for this user's eyes any more: unsent words stand in the tray, at the end.
        let kept_since = self.history.action_of(kept).ended;
        if self.history.lost_sight(device, self.index, kept_since, at) {
            return;
        }
        // A discard can take a record away by taking away what it hangs under.
        let voided = self.record.effects.iter().any(|effect| effect.void.is_some_and(|void| void.begun < at));
        if explained || voided {
            return;
        }
        let name = self.history.name(self.index);
        let case = Case::new("record-gone", kept.op.kind())
            .rule(kept.rule)
            .record(self.record.id)
            .device(device)
            .evidence(self.history.outcome(self.history.action_of(kept)))
            .evidence([at]);
        findings.report(case.says(
            format!("{} was saved, but {device} {how}", self.history.work(self.index, kept)),
            format!("{name} on {device}: nobody deleted or discarded it"),
        ));
    }
}
