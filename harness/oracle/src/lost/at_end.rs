//! The last state has to show every effect that must be found.

use deadzone_contract::{Deletes, Rule};

use crate::counter::Sum;
use crate::findings::{Case, Findings};
use crate::history::end::Audit;
use crate::history::{Effect, FieldHistory, History, Knew, Last, Op, Status};
use crate::life::{Found, Life};

use super::{immutable, lww, set, version};

/// Judges the last state.
pub(super) fn judge(history: &History<'_>, last: &Last<'_>, findings: &mut Findings) {
    for index in 0..history.records.len() {
        if history.records[index].creator.is_some() {
            judge_record(&Life::new(history, last, index), findings);
        }
    }
}

fn judge_record(life: &Life<'_, '_>, findings: &mut Findings) {
    for device in life.blind_spots() {
        findings.unknown(format!("{device} shows nothing at the end"));
    }
    let (audits, unknown) = life.audits();
    if audits.is_empty() && life.record.effects.iter().any(|effect| effect.status == Status::Must) {
        match unknown.first() {
            Some(why) => findings.unknown(why.clone()),
            None => judge_unseen(life, findings),
        }
    }
    for audit in audits {
        match life.found_in(audit) {
            Some(found) => {
                judge_presence(life, audit, findings);
                judge_fields(life, found, findings);
            }
            None => judge_absence(life, audit, findings),
        }
    }
}

/// A record that nobody may see: what the server called done is there for all that can be known.
fn judge_unseen(life: &Life<'_, '_>, findings: &mut Findings) {
    let name = life.history.name(life.index);
    for (_, effect) in life.record.effects.iter().enumerate().filter(|(index, _)| life.firm(*index)) {
        if life.history.first_arrival(life.index, effect).is_some() || deletes(life).next().is_some() {
            if !life.history.was_done(life.index, effect) {
                findings.unknown(format!("nobody may see {name}"));
            }
            continue;
        }
        let case = Case::new("at-end", effect.op.kind()).rule(effect.rule).record(life.record.id);
        let case = case.device(life.history.action_of(effect).device);
        let case = case.subject(effect.field.unwrap_or_default());
        findings.report(case.evidence(life.history.story(life.index, effect)).says(
            format!("{} was saved, but never reached the server, and no tray says so", life.work(effect)),
            format!("on the server or in the tray, although nobody may see {name}"),
        ));
    }
}

/// An effect that the last state should show, ready for what is wrong with it.
pub(super) fn missing(
    life: &Life<'_, '_>,
    clause: &'static str,
    effect: &Effect<'_>,
    audit: &Audit<'_>,
) -> Case {
    Case::new(clause, effect.op.kind())
        .rule(effect.rule)
        .record(life.record.id)
        .device(life.history.action_of(effect).device)
        .subject(effect.field.unwrap_or_default())
        .evidence(life.history.story(life.index, effect))
        .evidence([audit.at])
}

/// Whether an edit that a delete did not know of is no match for it.
fn delete_wins(life: &Life<'_, '_>) -> bool {
    life.history.entity(life.record).is_some_and(|entity| entity.deletes == Deletes::DeleteWins)
}

/// A record that is there although a delete that knew of everything must have taken it away.
fn judge_presence(life: &Life<'_, '_>, audit: &Audit<'_>, findings: &mut Findings) {
    let wins = delete_wins(life);
    for (index, delete) in deletes(life).filter(|(index, _)| life.firm(*index)) {
        let deleter = life.history.action_of(delete).device;
        // A decision or a discard elsewhere changes the record without a value to see.
        let others = life.record.actions.iter().map(|&action| &life.history.actions[action]);
        let silent = others.filter(|run| run.device != deleter && !run.refused()).any(|run| {
            use deadzone_contract::Action::{Discard, Resolve, Retry};
            matches!(run.act, Discard { .. } | Resolve { .. } | Retry { .. })
        });
        // Only who deleted a record for good can have seen that, and bring it back.
        let counts = |effect: &Effect<'_>| {
            let run = life.history.action_of(effect);
            let takes_back = run.device == deleter && run.begun > life.history.action_of(delete).begun;
            !wins || effect.op == Op::Restore || takes_back
        };
        let mut edits = edits(life).filter(|(_, effect)| counts(effect));
        let knew_all = edits.all(|(edit, _)| life.history.knew(life.index, edit, index) == Knew::Yes);
        // Whoever may not see the record any more cannot delete it either.
        let user = life.history.action_of(delete).user;
        let quiet = life.last.quiet;
        let may = life.history.rights.surely_sees(user, life.index, quiet, quiet);
        if knew_all && may && (wins || !silent && !hides_a_conflict(life, user)) {
            let name = life.history.name(life.index);
            let why = if wins { "a delete wins" } else { "the delete knew of every edit" };
            findings.report(missing(life, "at-end", delete, audit).says(
                format!("{} was saved, but {name} is still on the server", life.work(delete)),
                format!("{name} is gone: {why}"),
            ));
        }
    }
}

/// Whether somebody else is still asked about a value of theirs that lost, and that `user` is not
/// shown: a delete cannot have known of that, whatever came after it.
fn hides_a_conflict(life: &Life<'_, '_>, user: &str) -> bool {
    let open = |audit: &Audit<'_>| {
        let held = audit.records.get(life.record.id);
        held.map(|held| held.conflicts.clone()).unwrap_or_default()
    };
    let own = life.last.audit(user).map(open).unwrap_or_default();
    life.last.audits().any(|audit| open(audit).iter().any(|conflict| !own.contains(conflict)))
}

/// A record that is not there has to have been deleted by somebody who knew what there was.
fn judge_absence(life: &Life<'_, '_>, audit: &Audit<'_>, findings: &mut Findings) {
    let name = life.history.name(life.index);
    let Some((_, first)) = deletes(life).next() else {
        let create = life.record.effects.iter().position(|effect| effect.op == Op::Create);
        if let Some(create) = create.filter(|&create| life.firm(create)) {
            let effect = &life.record.effects[create];
            findings.report(missing(life, "at-end", effect, audit).says(
                format!(
                    "{} was saved, but the server, asked by {}, does not have it",
                    life.work(effect),
                    audit.user,
                ),
                format!("{name} on the server: nobody deleted it"),
            ));
        }
        return;
    };
    let wins = delete_wins(life);
    for (edit, effect) in edits(life).filter(|(edit, _)| life.firm(*edit)) {
        let unknown_to_all =
            deletes(life).all(|(delete, _)| life.history.knew(life.index, edit, delete) == Knew::No);
        // Where deletes win, what the server took may go with the record.
        if !unknown_to_all || (wins && life.history.may_have_taken(life.index, effect)) {
            continue;
        }
        let (did, expected) = if wins {
            (
                "the server did not take it",
                "in the tray: the delete wins, but nothing goes without a word".to_owned(),
            )
        } else {
            ("won", format!("{name} comes back whole: an edit that the delete did not know of outlives it"))
        };
        let case = missing(life, "edit-against-delete", effect, audit);
        findings.report(case.evidence(life.history.story(life.index, first)).says(
            format!("{} is gone: {} did not know of it and {did}", life.work(effect), life.work(first)),
            expected,
        ));
    }
}

fn deletes<'a, 't>(life: &'a Life<'_, 't>) -> impl Iterator<Item = (usize, &'a Effect<'t>)> {
    let effects = life.record.effects.iter().enumerate();
    effects.filter(|(index, effect)| effect.op == Op::Delete && life.possible(*index))
}

/// What anybody did to the fields, after the creation; bringing a record back is as much.
fn edits<'a, 't>(life: &'a Life<'_, 't>) -> impl Iterator<Item = (usize, &'a Effect<'t>)> {
    let effects = life.record.effects.iter().enumerate();
    effects.filter(|(index, effect)| {
        (effect.field.is_some() || effect.op == Op::Restore)
            && Some(effect.action) != life.record.creator
            && !matches!(effect.op, Op::UseTheirs(_))
            && life.possible(*index)
    })
}

fn judge_fields(life: &Life<'_, '_>, found: Found<'_, '_>, findings: &mut Findings) {
    for field in life.record.fields.values().filter(|field| !field.opaque) {
        match field.rule {
            Some(Rule::Lww) => lww::judge(life, field, found, findings),
            Some(Rule::Version | Rule::Manual) => version::judge(life, field, found, findings),
            Some(Rule::Set) => set::judge(life, field, found, findings),
            Some(Rule::Immutable) => immutable::judge(life, field, found, findings),
            Some(Rule::Custom) => judge_custom(life, field, found, findings),
            // Below, as a sum.
            Some(Rule::Counter) | None => {}
        }
    }
    for (field, total, sum) in life.counters(found.view) {
        judge_counter(life, field, total, sum, found, findings);
    }
}

/// Which value a merge of the product's own leaves is its affair, but it leaves one.
fn judge_custom(
    life: &Life<'_, '_>,
    field: &FieldHistory<'_>,
    found: Found<'_, '_>,
    findings: &mut Findings,
) {
    if found.view.fields.contains_key(field.name) {
        return;
    }
    let mut firm = life.record.effects_on(field).filter(|(position, write)| {
        life.firm(field.effects[*position]) && write.op.is_write() && !matches!(write.op, Op::UseTheirs(_))
    });
    let Some((_, write)) = firm.next() else { return };
    findings.report(missing(life, "at-end", write, found.audit).says(
        format!("{} was saved, but the server has nothing", life.work(write)),
        format!("some value in {}: somebody wrote one", field.name),
    ));
}

fn judge_counter(
    life: &Life<'_, '_>,
    field: &FieldHistory<'_>,
    total: i64,
    sum: Sum,
    found: Found<'_, '_>,
    findings: &mut Findings,
) {
    let (effect, all) = match sum {
        Sum::Missing(effect) => (Some(effect), false),
        Sum::TooLow => (likeliest_to_be_lost(life, field), true),
        Sum::Explained | Sum::Unwanted(_) | Sum::Repeated(_) | Sum::TooHigh => return,
    };
    let Some(effect) = effect.map(|effect| &life.record.effects[effect]) else { return };
    let more = if all { ", nor is something else" } else { "" };
    findings.report(missing(life, "at-end", effect, found.audit).says(
        format!("{} was saved, but is not in the total of {total}{more}", life.work(effect)),
        life.expected_total(field),
    ));
}

/// Where several increments are missing: one that never reached the server, if there is any.
fn likeliest_to_be_lost(life: &Life<'_, '_>, field: &FieldHistory<'_>) -> Option<usize> {
    let firm = || field.effects.iter().copied().filter(|&effect| life.firm(effect));
    let unsent =
        |effect: &usize| life.history.first_arrival(life.index, &life.record.effects[*effect]).is_none();
    firm().find(unsent).or_else(|| firm().next())
}
