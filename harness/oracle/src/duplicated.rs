//! Oracle `duplicated`: what was done once takes effect once.
//!
//! Invariant: one create makes one record, and an increment counts once, however often it is
//! sent, retried, replayed or delivered; at the end, and at every moment wherever it is visible.
//!
//! Source: the contract's idempotency: a mutation is known by its device and its number.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `counted-twice` | a total has an increment in it more than once |
//! | `made-twice` | two records are visible that one create made |

use deadzone_contract::Rule;

use crate::counter::Sum;
use crate::findings::{Case, Findings};
use crate::history::{ActionRun, Effect, History, Op, RecordHistory, Status};
use crate::invented::{in_brief, place};
use crate::life::{Life, total};
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("duplicated");
    match &history.last {
        Ok(last) => {
            for index in 0..history.records.len() {
                judge_at_end(&Life::new(history, last, index), &mut findings);
            }
        }
        Err(why) => findings.unknown(why.clone()),
    }
    for (index, record) in history.records.iter().enumerate() {
        judge_moments(history, index, record, &mut findings);
        judge_origin(history, index, record, &mut findings);
    }
    findings.verdict()
}

fn judge_at_end(life: &Life<'_, '_>, findings: &mut Findings) {
    let (audits, unknown) = life.audits();
    let counts = life.record.effects.iter().any(|effect| matches!(effect.op, Op::Add(_)));
    // What nobody may see, nobody sees twice.
    if let Some(why) = unknown.first().filter(|_| audits.is_empty() && counts) {
        findings.unknown(why.clone());
    }
    for audit in audits {
        let Some(found) = life.found_in(audit) else { continue };
        for (field, total, sum) in life.counters(found.view) {
            let case = counted_twice(life.record, field.name).evidence([audit.at]);
            match sum {
                Sum::Repeated(effect) => {
                    let effect = &life.record.effects[effect];
                    let attempts = attempts(life.history, life.index, effect);
                    let case = case.device(life.history.action_of(effect).device).evidence(attempts);
                    findings.report(case.says(
                        format!("{} counts more than once: the total is {total}", life.work(effect)),
                        life.expected_total(field),
                    ));
                }
                Sum::TooHigh => findings.report(case.says(
                    format!("{} of {} is {total}, too much", field.name, life.history.name(life.index)),
                    life.expected_total(field),
                )),
                Sum::Explained | Sum::Missing(_) | Sum::Unwanted(_) | Sum::TooLow => {}
            }
        }
    }
}

fn counted_twice(record: &RecordHistory<'_>, field: &str) -> Case {
    Case::new("counted-twice", "add").rule(Some(Rule::Counter)).record(record.id).subject(field).everywhere()
}

/// An increment, and how it went to the server each time.
fn attempts(history: &History<'_>, record: usize, effect: &Effect<'_>) -> Vec<usize> {
    /// More attempts than this tell nothing new.
    const ATTEMPTS_MAX: usize = 3;
    let action = history.action_of(effect);
    let mut evidence = history.outcome(action);
    let attempts = history.wire.pushes(action.device, record).filter(|push| push.sent > action.begun);
    for push in attempts.filter(|push| !push.arrived.is_empty()).take(ATTEMPTS_MAX) {
        evidence.push(push.sent);
        evidence.extend(&push.arrived);
        evidence.extend(push.closed);
    }
    evidence
}

/// No total is ever higher than everything that was added by then.
fn judge_moments(history: &History<'_>, index: usize, record: &RecordHistory<'_>, findings: &mut Findings) {
    for field in record.fields.values() {
        if field.rule != Some(Rule::Counter) || field.opaque {
            continue;
        }
        // Both are in the order of time: walk through them side by side.
        let mut adds =
            record.effects_on(field).filter(|(_, effect)| effect.status != Status::Refused).peekable();
        let mut greatest: i128 = 0;
        for sight in &record.sights {
            while let Some((_, effect)) = adds.next_if(|(_, e)| history.action_of(e).begun < sight.at) {
                if let Op::Add(by) = effect.op {
                    let times = 1 + i128::from(history.may_be_repeated(index, effect));
                    greatest += times * i128::from(by.max(0));
                }
            }
            let shown = total(sight.view.fields.get(field.name)).map_or(0, i128::from);
            // Where nobody added anything, it is no duplicate but an invention.
            if shown > greatest && greatest > 0 {
                let case = counted_twice(record, field.name).evidence([sight.at]);
                let case = match sight.device() {
                    Some(device) => case.device(device),
                    None => case,
                };
                findings.report(case.says(
                    format!(
                        "{} shows {}={shown} on {}, but only {greatest} had been added in all",
                        place(sight.by),
                        field.name,
                        history.name(index),
                    ),
                    format!("at most {greatest}"),
                ));
            }
        }
    }
}

/// A record that nobody is known to have made, and that looks as a create made another one.
fn judge_origin(history: &History<'_>, index: usize, record: &RecordHistory<'_>, findings: &mut Findings) {
    if record.creator.is_some() {
        return;
    }
    let (Some(first), Some(create)) = (record.sights.first(), original(history, record)) else { return };
    let name = create.name.map_or_else(|| history.name(index), str::to_owned);
    let case = Case::new("made-twice", "create")
        .record(record.id)
        .device(create.device)
        .evidence(history.outcome(create))
        .evidence([first.at]);
    findings.report(case.says(
        format!(
            "{} shows a second record that {}'s creation of {name} ({}) made: {}",
            place(first.by),
            create.device,
            create.label,
            in_brief(first.view),
        ),
        "one create makes one record",
    ));
}

/// The create that an unknown record repeats: one that made another record and gave it the same
/// words.
pub(crate) fn original<'h, 't>(
    history: &'h History<'t>,
    record: &RecordHistory<'t>,
) -> Option<&'h ActionRun<'t>> {
    let first = record.sights.first()?;
    history.actions.iter().take_while(|run| run.begun < first.at).find(|run| {
        let place = run.birthplace().filter(|place| !run.refused() && place.telling());
        place.is_some_and(|place| record.sights.iter().any(|sight| place.made(sight.view)))
    })
}
