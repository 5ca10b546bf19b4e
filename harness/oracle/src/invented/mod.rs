//! Oracle `invented`: nothing is visible that nobody wrote.
//!
//! Invariant: whatever a device or the server shows was written by somebody, into that record
//! and that field, by an action that had begun by then; and nothing is shown of an action that
//! its device refused, or that its user threw away before it had left the device. What an undo
//! writes is what was there before.
//!
//! Source: the contract's field rules, and the promises of `Discard`, of `Undo` and of a refusal.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `record-from-nowhere` | a record is visible that no create can have made |
//! | `place` | a record is visible elsewhere than it was created |
//! | `value-from-nowhere` | a field shows what nobody wrote into it |
//! | `conflict-from-nowhere` | an open conflict is about a value that nobody wrote |
//! | `refused-work` | something of a refused action is visible |
//! | `discarded-work` | something is visible that was discarded before it left its device |
//! | `undone-wrongly` | an undo wrote something else than the opposite of what it undid: a value that its device had not shown before, or another sum |

mod undone;

use deadzone_contract::{RecordView, Rule, Value};

use crate::counter::Sum;
use crate::findings::{Case, Findings};
use crate::history::{Effect, FieldHistory, History, Op, RecordHistory, Sight, Status, Viewer, words};
use crate::life::Life;
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("invented");
    for (index, record) in history.records.iter().enumerate() {
        let subject = Subject { history, index, record };
        match record.creator {
            None => subject.judge_origin(&mut findings),
            Some(_) => record.sights.iter().for_each(|sight| subject.judge_sight(sight, &mut findings)),
        }
    }
    judge_totals(history, &mut findings);
    undone::judge(history, &mut findings);
    if !history.anybody_looked() {
        findings.unknown("nothing was ever shown");
    }
    findings.verdict()
}

/// Whether what made something visible explains it.
enum Origin<'a, 't> {
    /// Somebody wrote it.
    Written,
    /// Only this effect explains it, which its device had refused.
    Refused(&'a Effect<'t>),
    /// Only this effect explains it, which was discarded before it left.
    Discarded(&'a Effect<'t>),
    /// Nothing does.
    Nowhere,
}

struct Subject<'h, 't> {
    history: &'h History<'t>,
    index: usize,
    record: &'h RecordHistory<'t>,
}

impl<'h, 't> Subject<'h, 't> {
    fn place(&self, sight: &Sight<'t>) -> String {
        place(sight.by)
    }

    fn case(
        &self,
        clause: &'static str,
        effect: &'static str,
        rule: Option<Rule>,
        sight: &Sight<'t>,
    ) -> Case {
        let case = Case::new(clause, effect).rule(rule).record(self.record.id).everywhere();
        let case = case.evidence([sight.at]);
        match sight.by {
            Viewer::Device(device) => case.device(device),
            Viewer::Server(_) => case,
        }
    }

    /// A record that no create made. One that looks like another is a duplicate, which is for
    /// another oracle to say.
    fn judge_origin(&self, findings: &mut Findings) {
        let Some(first) = self.record.sights.first() else { return };
        if crate::duplicated::original(self.history, self.record).is_some() {
            return;
        }
        let refused = self.history.actions.iter().filter(|run| run.refused() && run.begun < first.at);
        let mut refused = refused.filter_map(|run| Some((run, run.birthplace()?)));
        if let Some((run, _)) = refused.find(|(_, place)| place.telling() && place.made(first.view)) {
            let case = self.case("refused-work", "create", None, first);
            findings.report(case.evidence(self.history.outcome(run)).says(
                format!(
                    "{} shows a {} that {} refused to create ({}): {}",
                    self.place(first),
                    first.view.entity,
                    run.device,
                    run.label,
                    in_brief(first.view),
                ),
                "nothing of it is visible anywhere",
            ));
            return;
        }
        findings.report(self.case("record-from-nowhere", "create", None, first).says(
            format!(
                "{} shows a {} that nobody created: {}",
                self.place(first),
                first.view.entity,
                in_brief(first.view),
            ),
            "only records that somebody created",
        ));
    }

    fn judge_sight(&self, sight: &Sight<'t>, findings: &mut Findings) {
        self.judge_place(sight, findings);
        let create = self.record.effects.iter().find(|effect| effect.op == Op::Create);
        if let Some(create) = create.filter(|create| self.excluded(create, sight)) {
            let name = self.history.name(self.index);
            self.report_never(create, sight, format!("{} shows {name}", self.place(sight)), findings);
            return;
        }
        for (name, value) in &sight.view.fields {
            match self.record.fields.get(name.as_str()) {
                Some(field) => self.judge_value(field, value, sight, findings),
                None if is_empty(value) => {}
                None => self.report_nowhere(name, value, sight, findings),
            }
        }
        for open in &sight.view.conflicts {
            for value in std::iter::once(&open.mine).chain(&open.theirs) {
                self.judge_conflict(&open.field, value, sight, findings);
            }
        }
    }

    fn judge_place(&self, sight: &Sight<'t>, findings: &mut Findings) {
        let creator = self.record.creator.map(|creator| &self.history.actions[creator]);
        let Some((creator, place)) = creator.zip(self.history.place(self.record)) else { return };
        let view = sight.view;
        // A parent that was made anew took its children along.
        let anew = place.parent.and_then(|parent| self.history.anew(self.history.record(parent)?));
        let moved = anew.map(|anew| self.history.records[anew].id);
        let parent = view.parent.as_ref();
        let is_there = place.entity == view.entity
            && place.workspace == view.workspace
            && (place.parent == parent || (moved.is_some() && moved == parent));
        if is_there {
            return;
        }
        let under = |parent: Option<&_>| match parent {
            Some(parent) => match self.history.record(parent) {
                Some(parent) => self.history.name(parent),
                None => "an unknown record".to_owned(),
            },
            None => "nothing".to_owned(),
        };
        let tell = |entity: &str, workspace: &str, parent: Option<&_>| {
            format!("a {entity} in {workspace} under {}", under(parent))
        };
        let name = self.history.name(self.index);
        let case = self.case("place", "create", None, sight).evidence(self.history.outcome(creator));
        findings.report(case.says(
            format!("{} shows {name} as {}", self.place(sight), tell(&view.entity, &view.workspace, parent)),
            tell(place.entity, place.workspace, place.parent),
        ));
    }

    fn judge_value(
        &self,
        field: &'h FieldHistory<'t>,
        value: &Value,
        sight: &Sight<'t>,
        findings: &mut Findings,
    ) {
        match (field.rule, value) {
            (Some(Rule::Set), Value::Set(members)) => {
                for member in members {
                    let changes = self.record.on_member(field, member).map(|(_, effect)| effect);
                    let inserts = changes.filter(|effect| matches!(effect.op, Op::Insert(_)));
                    let origin = self.origin(inserts, sight);
                    self.report_origin(&origin, field.name, &Value::text(member), sight, findings);
                }
            }
            (Some(Rule::Counter), Value::Int(total)) => self.judge_total(field, *total, sight, findings),
            (Some(Rule::Set | Rule::Counter), value) => {
                self.report_nowhere(field.name, value, sight, findings);
            }
            (_, value) => {
                let writers = self.record.writers(field, value, sight.at, &self.history.actions);
                let origin = self.origin(writers.map(|(_, effect)| effect), sight);
                self.report_origin(&origin, field.name, value, sight, findings);
            }
        }
    }

    /// A total is none of increments that do not exist. That one counts twice is for another
    /// oracle to say.
    fn judge_total(&self, field: &FieldHistory<'t>, total: i64, sight: &Sight<'t>, findings: &mut Findings) {
        if field.opaque {
            return;
        }
        let (mut least, mut greatest, mut with_discarded) = (0, 0, 0);
        let mut discarded = None;
        for (_, effect) in self.record.effects_on(field) {
            let Op::Add(by) = effect.op else { continue };
            if effect.status == Status::Refused || self.history.action_of(effect).begun >= sight.at {
                continue;
            }
            least += i128::from(by.min(0));
            with_discarded += i128::from(by.max(0));
            if self.excluded(effect, sight) {
                discarded = Some(effect);
            } else {
                greatest += i128::from(by.max(0));
            }
        }
        let total_wide = i128::from(total);
        if let Some(effect) = discarded.filter(|_| greatest < total_wide && total_wide <= with_discarded) {
            let what = format!("{} shows {}={total}", self.place(sight), field.name);
            self.report_never(effect, sight, what, findings);
        } else if total_wide < least || (with_discarded == 0 && total > 0) {
            self.report_nowhere(field.name, &Value::Int(total), sight, findings);
        }
    }

    fn judge_conflict(&self, name: &str, value: &Value, sight: &Sight<'t>, findings: &mut Findings) {
        let writers = self.record.fields.get(name).into_iter().flat_map(|field| {
            self.record.writers(field, value, sight.at, &self.history.actions).map(|(_, effect)| effect)
        });
        match self.origin(writers, sight) {
            Origin::Nowhere => {
                let rule = self.record.fields.get(name).and_then(|field| field.rule);
                let case = self.case("conflict-from-nowhere", "conflict", rule, sight).subject(name);
                findings.report(case.says(
                    format!(
                        "{} shows a conflict about {name}={value} of {}, which nobody wrote",
                        self.place(sight),
                        self.history.name(self.index),
                    ),
                    "only conflicts between values that somebody wrote",
                ));
            }
            origin => self.report_origin(&origin, name, value, sight, findings),
        }
    }

    /// Whether an effect must not be visible in a sight.
    fn excluded(&self, effect: &Effect<'t>, sight: &Sight<'t>) -> bool {
        let run = self.history.action_of(effect);
        let at_home = sight.device() == Some(run.device);
        match effect.status {
            Status::Must | Status::May => false,
            // Until the device says so, it may show what it will refuse.
            Status::Refused => !at_home || run.ended < sight.at,
            Status::Discarded => {
                let void = effect.void.expect("discarded work has the moment of its discard");
                !at_home || (void.ended < sight.at && !sight.discarded())
            }
        }
    }

    fn origin<'a>(&self, writers: impl Iterator<Item = &'a Effect<'t>>, sight: &Sight<'t>) -> Origin<'a, 't>
    where
        't: 'a,
    {
        let mut origin = Origin::Nowhere;
        for effect in writers {
            if self.history.action_of(effect).begun >= sight.at {
                continue;
            }
            if !self.excluded(effect, sight) {
                return Origin::Written;
            }
            match effect.status {
                Status::Discarded => origin = Origin::Discarded(effect),
                _ if matches!(origin, Origin::Nowhere) => origin = Origin::Refused(effect),
                _ => {}
            }
        }
        origin
    }

    fn report_origin(
        &self,
        origin: &Origin<'_, 't>,
        field: &str,
        value: &Value,
        sight: &Sight<'t>,
        findings: &mut Findings,
    ) {
        match origin {
            Origin::Written => {}
            Origin::Refused(effect) | Origin::Discarded(effect) => {
                let what = format!("{} shows {field}={value}", self.place(sight));
                self.report_never(effect, sight, what, findings);
            }
            Origin::Nowhere => self.report_nowhere(field, value, sight, findings),
        }
    }

    fn report_never(&self, effect: &Effect<'t>, sight: &Sight<'t>, what: String, findings: &mut Findings) {
        let refused = effect.status == Status::Refused;
        let clause = if refused { "refused-work" } else { "discarded-work" };
        let fate = if refused { "was refused" } else { "was discarded before it had left the device" };
        let case = self
            .case(clause, effect.op.kind(), effect.rule, sight)
            .subject(words::change(effect))
            .evidence(self.history.outcome(self.history.action_of(effect)))
            .evidence(effect.void.map(|void| void.begun));
        findings.report(case.says(
            format!("{what}, but {} {fate}", self.history.work(self.index, effect)),
            "nothing of it is visible anywhere",
        ));
    }

    fn report_nowhere(&self, field: &str, value: &Value, sight: &Sight<'t>, findings: &mut Findings) {
        let rule = self.record.fields.get(field).map(|field| field.rule);
        let rule = rule.unwrap_or_else(|| self.history.rule(&sight.view.entity, field));
        let effect = match rule {
            Some(Rule::Counter) => "add",
            Some(Rule::Set) => "insert",
            _ => "put",
        };
        let name = self.history.name(self.index);
        let case = self.case("value-from-nowhere", effect, rule, sight).subject(field);
        findings.report(case.says(
            format!("{} shows {field}={value} on {name}, which nobody wrote", self.place(sight)),
            format!("only what somebody wrote into {field} of {name}"),
        ));
    }
}

/// At the end, a total is not explained by an increment that must not be in it.
fn judge_totals(history: &History<'_>, findings: &mut Findings) {
    let Ok(last) = &history.last else { return };
    for (index, record) in history.records.iter().enumerate() {
        let life = Life::new(history, last, index);
        for audit in life.audits().0 {
            let Some(found) = life.found_in(audit) else { continue };
            for (field, total, sum) in life.counters(found.view) {
                let Sum::Unwanted(effect) = sum else { continue };
                let subject = Subject { history, index, record };
                let sight = record.sights.iter().rev().find(|sight| sight.at == audit.at);
                if let Some(sight) = sight {
                    let what = format!("{} shows {}={total}", subject.place(sight), field.name);
                    subject.report_never(&record.effects[effect], sight, what, findings);
                }
            }
        }
    }
}

/// Where something is visible, as a sentence begins with it.
pub(crate) fn place(by: Viewer<'_>) -> String {
    match by {
        Viewer::Device(device) => device.to_owned(),
        Viewer::Server(user) => format!("the server, asked by {user},"),
    }
}

/// What tells a record from others: its words.
pub(crate) fn in_brief(view: &RecordView) -> String {
    let words = view.fields.iter().filter(|(_, value)| matches!(value, Value::Text(_)));
    let words: Vec<String> = words.map(|(field, value)| format!("{field}={value}")).collect();
    if words.is_empty() { format!("record {}", view.record) } else { words.join(" ") }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Int(n) => *n == 0,
        Value::Text(_) => false,
        Value::Set(members) => members.is_empty(),
    }
}
