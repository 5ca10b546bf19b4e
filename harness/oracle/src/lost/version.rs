//! Rules `version` and `manual`: every must-write stands, was seen by a later write, or is an open
//! conflict: of its author, or of any member.

use deadzone_contract::{RecordState, RecordView, Rule, TrayItem};

use crate::findings::Findings;
use crate::history::knowledge::Seen;
use crate::history::{Effect, FieldHistory, Op, words};
use crate::life::{Found, Life};

use super::at_end::missing;

/// Judges the last value of a field, and its open conflicts.
pub(super) fn judge(
    life: &Life<'_, '_>,
    field: &FieldHistory<'_>,
    found: Found<'_, '_>,
    findings: &mut Findings,
) {
    let value = found.view.fields.get(field.name);
    if life.unwanted(field, value) {
        return;
    }
    for (position, write) in life.record.effects_on(field) {
        let asked = life.firm(field.effects[position]) && !matches!(write.op, Op::UseTheirs(_));
        let stands = value.is_some_and(|value| write.op.values().contains(&value));
        if !asked || stands || superseded(life, field, position) {
            continue;
        }
        match open(life, write) {
            Ok(true) => {}
            Ok(false) => findings.report(missing(life, "at-end", write, found.audit).says(
                format!(
                    "{} was saved, but the server has {}, and nobody is asked about it",
                    life.work(write),
                    words::shown(value),
                ),
                format!(
                    "{}={} as the value, as an open conflict or in the tray: nobody who knew of it wrote \
                     anything else",
                    field.name,
                    words::any_of(write.op.values()),
                ),
            )),
            Err(why) => findings.unknown(why),
        }
    }
}

/// Whether another write, or a delete, may have been made in knowledge of this one, or of one
/// that agrees with it: who writes the same value without knowing of each other has nothing to
/// decide.
pub(super) fn superseded(life: &Life<'_, '_>, field: &FieldHistory<'_>, position: usize) -> bool {
    let write = &life.record.effects[field.effects[position]];
    let agrees = |(other, effect): &(usize, &Effect<'_>)| {
        let same = effect.op.values().iter().any(|value| write.op.values().contains(value));
        *other == position || (same && !field.seen[position].certain.contains(*other))
    };
    let agreeing: Vec<usize> =
        life.record.effects_on(field).filter(agrees).map(|(position, _)| position).collect();
    let knew = |seen: &Seen| agreeing.iter().any(|&agreeing| seen.possible.contains(agreeing));
    let by_write = (0..field.effects.len())
        .any(|other| other != position && life.possible(field.effects[other]) && knew(&field.seen[other]));
    by_write || field.seen_by_delete.iter().any(|(&delete, seen)| life.possible(delete) && knew(seen))
}

/// Whether somebody who may decide is asked about a write: on the server, or on a device itself.
fn open(life: &Life<'_, '_>, write: &Effect<'_>) -> Result<bool, String> {
    let author = life.history.action_of(write);
    let asks = |view: &&RecordView| {
        let of_field = view.conflicts.iter().filter(|open| Some(open.field.as_str()) == write.field);
        of_field.into_iter().any(|open| write.op.values().contains(&&open.mine))
    };
    let in_tray = |item: &TrayItem| item.record == *life.record.id && item.state == RecordState::Conflict;
    let by_all = write.rule == Some(Rule::Manual);
    let looks = life.last.looks().filter(|(device, _)| by_all || *device == author.device);
    for (_, look) in looks {
        if look.records.get(life.record.id).is_some_and(asks) || look.view.tray.iter().any(in_tray) {
            return Ok(true);
        }
    }
    let mut audits = life.last.audits().filter(|audit| by_all || audit.user == author.user);
    if audits.any(|audit| audit.records.get(life.record.id).is_some_and(asks)) {
        return Ok(true);
    }
    // Who does not see the record any more cannot be asked about it.
    let sees = life.history.rights.surely_sees(author.user, life.index, life.last.quiet, life.last.quiet);
    if !sees {
        return Ok(true);
    }
    life.last.audit(author.user).map(|_| false)
}
