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
    for &member in field.by_member.keys() {
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
    let mut removals = on(life, field, member, &Op::Remove(member));
    removals.retain(|&removal| life.firm(removal));
    let mut taken_by = None;
    for addition in on(life, field, member, &Op::Insert(member)) {
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
    let removals = on(life, field, member, &Op::Remove(member));
    let mut additions = on(life, field, member, &Op::Insert(member));
    additions.retain(|&addition| life.firm(addition));
    for addition in additions {
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

/// The effects that do `op` to a member and that the server may have.
fn on(life: &Life<'_, '_>, field: &FieldHistory<'_>, member: &str, op: &Op<'_>) -> Vec<usize> {
    let changes = life.record.on_member(field, member);
    changes
        .filter(|(index, effect)| effect.op == *op && life.possible(*index))
        .map(|(index, _)| index)
        .collect()
}

fn tag(field: &FieldHistory<'_>, member: &str) -> String {
    format!("{}:{member}", field.name)
}
