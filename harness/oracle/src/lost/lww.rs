//! Rule `lww`: the highest stamp among the writes that no must-write had seen stands.

use deadzone_contract::Stamp;

use crate::findings::Findings;
use crate::history::{Effect, FieldHistory, Op, words};
use crate::life::{Found, Life};

use super::at_end::missing;

/// Judges the last value of a field.
pub(super) fn judge(
    life: &Life<'_, '_>,
    field: &FieldHistory<'_>,
    found: Found<'_, '_>,
    findings: &mut Findings,
) {
    let candidates = candidates(life, field);
    let firm = || candidates.iter().copied().filter(|&position| life.firm(field.effects[position]));
    // The one that has to stand, if stamps tell; else the youngest.
    let Some(best) = firm().max_by_key(|&position| (own_stamp(life, field, position), position)) else {
        return;
    };
    let value = found.view.fields.get(field.name);
    let standing: Vec<usize> = candidates
        .iter()
        .copied()
        .filter(|&position| {
            value.is_some_and(|value| write(life, field, position).op.values().contains(&value))
        })
        .collect();
    if life.unwanted(field, value) || (!standing.is_empty() && !beaten(life, field, &standing, best)) {
        return;
    }
    let effect = write(life, field, best);
    let why = if standing.is_empty() { "" } else { ", which has a lower stamp" };
    findings.report(missing(life, "at-end", effect, found.audit).says(
        format!("{} was saved, but the server has {}{why}", life.work(effect), words::shown(value)),
        expected(life, field, &candidates, best, !standing.is_empty()),
    ));
}

/// The writes that may stand: those that no must-write had surely seen.
fn candidates(life: &Life<'_, '_>, field: &FieldHistory<'_>) -> Vec<usize> {
    let mut seen = crate::history::bits::Bits::default();
    for (position, &effect) in field.effects.iter().enumerate() {
        if life.firm(effect) {
            seen.unite(&field.seen[position].certain);
        }
    }
    (0..field.effects.len())
        .filter(|&position| life.possible(field.effects[position]) && !seen.contains(position))
        .collect()
}

fn write<'a, 't>(life: &'a Life<'_, 't>, field: &FieldHistory<'t>, position: usize) -> &'a Effect<'t> {
    &life.record.effects[field.effects[position]]
}

/// The stamp that a write was last sent with.
fn stamp<'a>(life: &'a Life<'_, '_>, field: &FieldHistory<'_>, position: usize) -> Option<&'a Stamp> {
    let effect = &life.record.effects[field.effects[position]];
    let Op::Put(values) = &effect.op else { return None };
    let device = life.history.action_of(effect).device;
    life.history.wire.stamp(device, life.index, field.name, values.first()?)
}

/// The same, but only where it can be no other write's: the device wrote this value once.
fn own_stamp<'a>(life: &'a Life<'_, '_>, field: &FieldHistory<'_>, position: usize) -> Option<&'a Stamp> {
    let effect = &life.record.effects[field.effects[position]];
    let device = life.history.action_of(effect).device;
    let same = life.record.effects_on(field).filter(|(_, other)| {
        other.op == effect.op && life.history.action_of(other).device == device && !other.status.is_never()
    });
    if same.count() == 1 { stamp(life, field, position) } else { None }
}

/// Whether every write that may have made the value has a stamp, and a lower one than `best`.
fn beaten(life: &Life<'_, '_>, field: &FieldHistory<'_>, standing: &[usize], best: usize) -> bool {
    let Some(best) = own_stamp(life, field, best) else { return false };
    standing.iter().all(|&position| stamp(life, field, position).is_some_and(|stamp| stamp < best))
}

fn expected(
    life: &Life<'_, '_>,
    field: &FieldHistory<'_>,
    candidates: &[usize],
    best: usize,
    by_stamp: bool,
) -> String {
    let best_write = write(life, field, best);
    let others: Vec<String> = candidates
        .iter()
        .filter(|&&position| position != best)
        .map(|&position| words::change(write(life, field, position)))
        .filter(|change| *change != words::change(best_write))
        .collect();
    match others.as_slice() {
        [] => format!("{}: nobody who knew of it wrote anything else", words::change(best_write)),
        _ if by_stamp => format!("{}, the write with the highest stamp", words::change(best_write)),
        others => format!("{} or {}", words::change(best_write), others.join(" or ")),
    }
}
