//! Rule `set`: an observed-remove set. A removal takes away only the additions it had seen.

use std::collections::BTreeSet;

use deadzone_contract::Value;

use crate::findings::Findings;
use crate::history::{FieldHistory, Knew, Op};
use crate::life::{Found, Life};

use super::at_end::missing;

/// Judges every member that the set has or ever had.
pub(super) fn judge(
    life: &Life<'_, '_>,
    field: &FieldHistory<'_>,
    found: Found<'_, '_>,
    findings: &mut Findings,
) {
    let members = match found.view.fields.get(field.name) {
        Some(Value::Set(members)) => members.iter().map(String::as_str).collect(),
        _ => BTreeSet::new(),
    };
    let touched = life.record.effects_on(field).filter_map(|(_, effect)| match effect.op {
        Op::Insert(member) | Op::Remove(member) => Some(member),
        _ => None,
    });
    for member in touched.collect::<BTreeSet<_>>() {
        if members.contains(member) {
            judge_present(life, field, member, found, findings);
        } else {
            judge_absent(life, field, member, found, findings);
        }
    }
}

/// A member that is there has an addition that no must-removal is sure to have seen.
fn judge_present(
    life: &Life<'_, '_>,
    field: &FieldHistory<'_>,
    member: &str,
    found: Found<'_, '_>,
    findings: &mut Findings,
) {
    let removals: Vec<usize> =
        on(life, field, &Op::Remove(member)).filter(|&removal| life.firm(removal)).collect();
    let mut taken_by = None;
    for addition in on(life, field, &Op::Insert(member)) {
        let seen = |&&removal: &&usize| life.history.knew(life.index, addition, removal) == Knew::Yes;
        match removals.iter().find(seen) {
            Some(&removal) => taken_by = Some(removal),
            None => return,
        }
    }
    // Without any addition it was invented, which is for another oracle to say.
    let Some(removal) = taken_by.map(|removal| &life.record.effects[removal]) else { return };
    findings.report(missing(life, "at-end", removal, found.audit).subject(tag(field, member)).says(
        format!("{} was saved, but the server still has it", life.work(removal)),
        format!("no {member} in {}: every addition was known to who removed it", field.name),
    ));
}

/// A member that is not there has no must-addition that every removal is sure to have missed.
fn judge_absent(
    life: &Life<'_, '_>,
    field: &FieldHistory<'_>,
    member: &str,
    found: Found<'_, '_>,
    findings: &mut Findings,
) {
    let removals: Vec<usize> = on(life, field, &Op::Remove(member)).collect();
    for addition in on(life, field, &Op::Insert(member)).filter(|&addition| life.firm(addition)) {
        let missed = |&removal: &usize| life.history.knew(life.index, addition, removal) == Knew::No;
        if removals.iter().all(missed) {
            let effect = &life.record.effects[addition];
            findings.report(missing(life, "at-end", effect, found.audit).subject(tag(field, member)).says(
                format!("{} was saved, but the server does not have it", life.work(effect)),
                format!("{member} in {}: nobody who knew of this addition removed it", field.name),
            ));
        }
    }
}

/// The effects that do `op` and that the server may have.
fn on<'a>(
    life: &'a Life<'_, '_>,
    field: &'a FieldHistory<'_>,
    op: &'a Op<'_>,
) -> impl Iterator<Item = usize> + 'a {
    field
        .effects
        .iter()
        .copied()
        .filter(move |&effect| life.record.effects[effect].op == *op && life.possible(effect))
}

fn tag(field: &FieldHistory<'_>, member: &str) -> String {
    format!("{}:{member}", field.name)
}
