//! What the server's answer to a push means for the queue.
//!
//! # Numbers that were used before
//!
//! A database that was restored from a backup, or copied to a second device, has the name and
//! the numbers of another. The server then says that a number came before with other content.
//! From that moment on new work is numbered under a new name, and everything is pulled anew. Of
//! the work that is pending, no row can be believed to be unsent: what this database knows of it
//! may be older than what became of it. So each row is asked for under the name and number that
//! it was saved with, and the answer decides:
//!
//! - done: it was carried out, now or before, and counts once either way;
//! - its number came with other content: then *this* work never came with it, and gets a number
//!   under the new name;
//! - otherwise refused: as always; behind a row that has just been numbered anew it may have
//!   been refused for that row's absence, so it gets a new number too. A refusal is definite,
//!   nothing of it was kept.
//!
//! Rows are sent in the order in which they were saved, whatever their names, so a row under the
//! new name has not been sent while an older row waits. It can still be changed: its number, to
//! stay behind that of the older row, and the base that it names.

use std::collections::BTreeMap;

use deadzone_contract::wire::{
    Base, FieldOp, FieldResult, MutationKind, MutationResult, OpenConflict, Outcome, PushAnswer, ServerField,
    ServerRecord,
};
use deadzone_contract::{Code, RecordId};

use crate::app::App;
use crate::policy::{Conflicts, ErrorText, FailedWork, Numbers, Refusals};
use crate::rights::{self, NOT_SHARED};
use crate::shared::Stay;
use crate::store::{QueueRow, Result, RowStatus, Tx};
use crate::{overlay, pull, stamps};

/// What an answer has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gain {
    /// At least one row is done with.
    Some,
    /// Every row has to be sent again.
    None,
    /// The rest is to be sent later.
    Deferred,
}

/// Applies an answer: each row leaves the queue, stays for another attempt, or goes to the tray,
/// all in one transaction.
pub(crate) async fn apply(app: &App, stay: Stay, rows: &[QueueRow], answer: &PushAnswer) -> Result<Gain> {
    let mut tx = app.begin_in(stay).await?;
    let mut progress = false;
    let mut deferred = false;
    let mut reused = Vec::new();
    let mut carried_out = Vec::new();
    for (row, result) in rows.iter().zip(&answer.results) {
        if let Some(server) = &result.state {
            let doubted = needless_conflicts(app, &tx, row, result)?;
            let done = matches!(result.outcome, Outcome::Done { .. }).then_some(row);
            pull::keep(app, &mut tx, doubted.as_ref().unwrap_or(server), &row.device, done)?;
        }
        match &result.outcome {
            Outcome::Done { fields } => {
                progress = true;
                carried_out.push(row);
                done(app, &mut tx, row, result, fields)?;
            }
            Outcome::Rejected { code: Code::NumberReused, .. } if app.policy.numbers == Numbers::Reused => {
                progress = true;
                tx.dequeue(row)?;
            }
            Outcome::Rejected { code: Code::NumberReused, .. } => {
                if row.device == tx.meta.device_id {
                    tx.meta.take_new_identity(&*app.env.env.random);
                } else {
                    progress = true;
                }
                reused.push(row);
            }
            Outcome::Deferred => {
                deferred = true;
                tx.change_row(row, |row| {
                    row.status = RowStatus::Retrying;
                    row.attempts = row.attempts.saturating_sub(1);
                })?;
            }
            Outcome::Rejected { .. } if !reused.is_empty() => reused.push(row),
            Outcome::Rejected { code: Code::StampAhead, detail } => {
                tx.mark(row, RowStatus::Retrying, Some(detail))?;
                stamps::follow_server(&mut tx, app.policy.stamps, answer.server_time_ms, app.wall_ms())?;
            }
            Outcome::Rejected { code, detail } if app.policy.refusals == Refusals::RetriedForEver => {
                tx.mark(row, RowStatus::Retrying, Some(&format!("{code}: {detail}")))?;
            }
            // Nothing is left to delete.
            Outcome::Rejected { code: Code::Gone, .. } if row.is_delete() => {
                progress = true;
                tx.mark_deleted(&row.mutation.record)?;
                tx.dequeue(row)?;
            }
            Outcome::Rejected { code, detail } => {
                progress = true;
                if *code == Code::Forbidden {
                    app.doubt_rights();
                }
                if *code == Code::Gone && !row.is_create() {
                    tx.mark_deleted(&row.mutation.record)?;
                }
                tx.change_row(row, |row| row.attempts = 0)?;
                let reason = format!("{code}: {detail}");
                refuse(app, &mut tx, row, &reason)?;
                if *code == Code::UnknownRecord && result.state.is_none() && !row.is_create() {
                    rights::forget(&mut tx, app.dialect(), &row.mutation.record, &reason)?;
                    app.doubt_rights();
                }
            }
        }
    }
    number_anew(&mut tx, &reused, &carried_out)?;
    app.commit(tx).await?;
    Ok(match (deferred, progress) {
        (true, _) => Gain::Deferred,
        (false, true) => Gain::Some,
        (false, false) => Gain::None,
    })
}

fn done(
    app: &App,
    tx: &mut Tx<'_>,
    row: &QueueRow,
    result: &MutationResult,
    fields: &BTreeMap<String, FieldResult>,
) -> Result<()> {
    let refused: BTreeMap<String, FieldOp> = row
        .mutation
        .fields
        .iter()
        .filter(|(name, _)| matches!(fields.get(*name), Some(FieldResult::Rejected { .. })))
        .map(|(name, op)| (name.clone(), op.clone()))
        .collect();
    if result.state.is_none() && row.is_delete() && !is_outlived(tx, row)? {
        tx.mark_deleted(&row.mutation.record)?;
        app.shared().deletes += 1;
    }
    rebase(tx, row, result)?;
    if refused.is_empty() {
        tx.dequeue(row)?;
    } else {
        keep_refused(app, tx, row, refused, fields)?;
    }
    if result.state.is_none() && !row.is_delete() {
        rights::forget(tx, app.dialect(), &row.mutation.record, NOT_SHARED)?;
    }
    Ok(())
}

/// Whether the server has already told of a state that this work is included in, and in which its
/// record stands: an edit elsewhere has brought it back, and the answer to the delete comes late.
fn is_outlived(tx: &Tx<'_>, row: &QueueRow) -> Result<bool> {
    let Some(known) = tx.record(&row.mutation.record)? else { return Ok(false) };
    let included = known.server.as_ref().and_then(|server| server.included);
    let includes = included.is_some_and(|number| number >= row.number());
    Ok(includes && !known.deleted && known.asked_by.as_ref() == Some(&row.device))
}

/// The rest of a mutation is committed; what was refused of it stays, for its user.
fn keep_refused(
    app: &App,
    tx: &mut Tx<'_>,
    row: &QueueRow,
    refused: BTreeMap<String, FieldOp>,
    fields: &BTreeMap<String, FieldResult>,
) -> Result<()> {
    let reasons = fields.values().filter_map(|field| match field {
        FieldResult::Rejected { code, detail } => Some(format!("{code}: {detail}")),
        _ => None,
    });
    tx.drop_undo_at(&row.mutation.record, row.seq)?;
    if app.policy.failed_work == FailedWork::Forgotten {
        return tx.dequeue(row);
    }
    // What came before in the same answer may have taken words out of it.
    let Some(mut left) = tx.again(row)? else { return Ok(()) };
    left.mutation.fields.retain(|name, _| refused.contains_key(name));
    left.mutation.kind = MutationKind::Update;
    left.status = RowStatus::Failed;
    left.attempts = 0;
    left.reason = Some(worded(app, &reasons.collect::<Vec<_>>().join("; ")));
    tx.replace(row, left)
}

/// Moves a refused row to the tray; a refused create takes along what waited behind it.
pub(crate) fn refuse(app: &App, tx: &mut Tx<'_>, row: &QueueRow, reason: &str) -> Result<()> {
    fail(app, tx, row, reason)?;
    if row.is_create() {
        take_along(app, tx, &row.mutation.record, row.seq, reason)?;
    }
    Ok(())
}

/// The reason of work that goes with its refused record: the record's, and that it is not its own.
pub(crate) fn along(reason: &str) -> String {
    let (code, detail) = reason.split_once(": ").unwrap_or(("invalid", reason));
    format!("{code}: its record was refused ({detail})")
}

fn fail(app: &App, tx: &mut Tx<'_>, row: &QueueRow, reason: &str) -> Result<()> {
    tx.drop_undo_at(&row.mutation.record, row.seq)?;
    if app.policy.failed_work == FailedWork::Forgotten {
        return tx.dequeue(row);
    }
    tx.mark(row, RowStatus::Failed, Some(&worded(app, reason)))
}

/// Why work failed, for its user.
fn worded(app: &App, reason: &str) -> String {
    match app.policy.error_text {
        ErrorText::Precise => reason.to_owned(),
        ErrorText::Generic => "something went wrong".to_owned(),
    }
}

fn take_along(app: &App, tx: &mut Tx<'_>, record: &RecordId, except: u64, reason: &str) -> Result<()> {
    for behind in tx.queue_of(record)? {
        if behind.seq != except && behind.status != RowStatus::Failed {
            fail(app, tx, &behind, &along(reason))?;
        }
    }
    for child in tx.children(record)? {
        take_along(app, tx, &child, except, reason)?;
    }
    Ok(())
}

/// The mistake of a client that looks at versions of records and not at what the server says of
/// the fields: what was applied is in conflict, because somebody has changed the record meanwhile.
fn needless_conflicts(
    app: &App,
    tx: &Tx<'_>,
    row: &QueueRow,
    result: &MutationResult,
) -> Result<Option<ServerRecord>> {
    if app.policy.conflicts == Conflicts::AsAnswered {
        return Ok(None);
    }
    let (Outcome::Done { .. }, Some(state)) = (&result.outcome, &result.state) else { return Ok(None) };
    let known = tx.record(&row.mutation.record)?.and_then(|record| record.server);
    if known.is_none_or(|known| known.version + 1 >= state.version) {
        return Ok(None);
    }
    let mut doubted = state.clone();
    for (field, op) in &row.mutation.fields {
        if let FieldOp::Put { value } | FieldOp::Write { value, .. } = op {
            doubted.conflicts.push(OpenConflict {
                id: format!("{}:{field}", row.number()),
                field: field.clone(),
                mine: value.clone(),
                theirs: overlay::value_of(state, field),
                version: state.version,
            });
        }
    }
    Ok(Some(doubted))
}

/// Numbers rows anew, under the present name, and with them everything of that name behind them:
/// numbers rise with the order of saving, or a state that includes one would seem to include
/// another. `carried_out` went past them.
fn number_anew(tx: &mut Tx<'_>, reused: &[&QueueRow], carried_out: &[&QueueRow]) -> Result<()> {
    let Some(first) = reused.first() else { return Ok(()) };
    let mut renamed: BTreeMap<u64, u64> = BTreeMap::new();
    for row in tx.queue()? {
        let asked = reused.iter().any(|reused| reused.seq == row.seq);
        let unsent = row.device == tx.meta.device_id && row.status != RowStatus::Failed;
        if row.seq < first.seq || !(asked || unsent) {
            continue;
        }
        let mut anew = row.clone();
        if asked {
            anew.status = RowStatus::Retrying;
            if !outlives(&mut anew, carried_out) {
                tx.dequeue(&row)?;
                continue;
            }
        }
        anew.take_number(&mut tx.meta);
        renamed.insert(row.number(), anew.number());
        rename_bases(&mut anew, &renamed);
        tx.replace(&row, anew)?;
    }
    Ok(())
}

/// Takes out of `row` what its own user's later work has replaced, which was carried out before
/// it. False if that leaves nothing: it would only come back over the later work.
fn outlives(row: &mut QueueRow, carried_out: &[&QueueRow]) -> bool {
    let (record, seq) = (row.mutation.record.clone(), row.seq);
    let mut later = carried_out.iter().filter(|other| other.seq > seq && other.mutation.record == record);
    let rewritten = |name: &String| {
        let mut later = later.clone();
        later.any(|other| matches!(other.mutation.fields.get(name), Some(FieldOp::Write { .. })))
    };
    let before = row.mutation.fields.len();
    row.mutation.fields.retain(|name, op| !(matches!(op, FieldOp::Write { .. }) && rewritten(name)));
    let emptied = row.mutation.fields.is_empty() && before > 0;
    let deleted = later.any(|other| matches!(other.mutation.kind, MutationKind::Delete { .. }));
    !(deleted || emptied && matches!(row.mutation.kind, MutationKind::Update))
}

/// Names what a mutation was made upon by the numbers that it has now.
pub(crate) fn rename_bases(row: &mut QueueRow, renamed: &BTreeMap<u64, u64>) {
    for base in bases(row) {
        base.after = base.after.map(|after| renamed.get(&after).copied().unwrap_or(after));
    }
}

/// What a mutation says that it was made upon.
fn bases(row: &mut QueueRow) -> Vec<&mut Base> {
    let of_record = match &mut row.mutation.kind {
        MutationKind::Delete { base } => Some(base),
        _ => None,
    };
    let of_fields = row.mutation.fields.values_mut().filter_map(|op| match op {
        FieldOp::Write { base, .. } => Some(base),
        _ => None,
    });
    of_record.into_iter().chain(of_fields).collect()
}

/// Work under the present name that was made upon `row`, of an earlier name, names what that
/// became: the server does not know that both are this device's. Where somebody else may have
/// come in between, it names what its user had seen before.
fn rebase(tx: &mut Tx<'_>, row: &QueueRow, result: &MutationResult) -> Result<()> {
    if row.device == tx.meta.device_id {
        return Ok(());
    }
    for behind in tx.queue_of(&row.mutation.record)? {
        let mut anew = behind.clone();
        let mut changed = false;
        if behind.seq > row.seq && behind.device == tx.meta.device_id {
            if let MutationKind::Delete { base } = &mut anew.mutation.kind
                && base.after == Some(row.number())
            {
                let version = result.state.as_ref().map(|state| state.version);
                let next = version.filter(|version| *version == base.version + 1);
                *base = Base { version: next.unwrap_or(base.version), after: None };
                changed = true;
            }
            for (field, op) in &mut anew.mutation.fields {
                if let FieldOp::Write { base, .. } = op
                    && base.after == Some(row.number())
                {
                    *base =
                        Base { version: written(row, result, field).unwrap_or(base.version), after: None };
                    changed = true;
                }
            }
        }
        if changed {
            tx.replace(&behind, anew)?;
        }
    }
    Ok(())
}

/// The version of a field, if what stands in it is what `row` wrote.
fn written(row: &QueueRow, result: &MutationResult, field: &str) -> Option<u64> {
    let Some(FieldOp::Write { value: mine, .. }) = row.mutation.fields.get(field) else { return None };
    match result.state.as_ref()?.fields.get(field)? {
        ServerField::Version { value, version } if value == mine => Some(*version),
        _ => None,
    }
}
