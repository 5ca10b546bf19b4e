//! The first half of a round: what is saved here goes to the server.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::{
    FieldOp, FieldResult, MutationResult, Outcome, PATH_MUTATIONS, PushAnswer, PushRequest,
};
use deadzone_contract::{Code, RecordId, RecordState};
use http::Method;

use crate::app::App;
use crate::call::CallError;
use crate::policy::{Idempotency, Removal, SyncedShown};
use crate::store::{QueueRow, Result, RowStatus, Tx};
use crate::{pull, session, stamps};

/// Sends until nothing is left that can be sent.
pub(crate) async fn push_all(app: &App) -> std::result::Result<(), CallError> {
    // Each round trip ends at least one row, moves it to the tray or returns an error. Stamping or
    // numbering anew helps at once or not at all: the second time in a row is an error.
    let mut again = 0;
    loop {
        let rows = take_batch(app).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let request = PushRequest { mutations: rows.iter().map(|row| on_the_wire(app, row)).collect() };
        let body = serde_json::to_vec(&request).expect("mutations are plain data");
        let answer = session::authorized::<PushAnswer>(app, Method::POST, PATH_MUTATIONS, body).await;
        let answer = answer.and_then(|answer| fits(&rows, answer));
        match answer {
            Ok(answer) if apply(app, &rows, &answer).await? => again = 0,
            Ok(_) => again += 1,
            Err(error) => {
                give_back(app, &rows, &error).await?;
                return Err(error);
            }
        }
        if again > 1 {
            return Err(CallError::Network("the server keeps refusing stamps or numbers".to_owned()));
        }
    }
}

fn on_the_wire(app: &App, row: &QueueRow) -> deadzone_contract::wire::Mutation {
    let mut mutation = row.mutation.clone();
    if app.policy.idempotency == Idempotency::None {
        mutation.number = None;
    }
    mutation
}

/// An answer that does not fit its request was not written for it.
fn fits(rows: &[QueueRow], answer: PushAnswer) -> std::result::Result<PushAnswer, CallError> {
    let fits = answer.results.len() == rows.len()
        && rows.iter().zip(&answer.results).all(|(row, result)| row.mutation.record == result.record);
    if fits { Ok(answer) } else { Err(CallError::Network("an answer to another request".to_owned())) }
}

/// Marks the next rows as being sent: oldest first, none before what it depends on.
async fn take_batch(app: &App) -> Result<Vec<QueueRow>> {
    let mut tx = app.begin().await?;
    let queue = tx.queue()?;
    let mut blocked: BTreeSet<RecordId> = BTreeSet::new();
    let mut batch = Vec::new();
    for row in queue {
        let record = row.mutation.record.clone();
        let parent = tx.record(&record)?.and_then(|row| row.parent);
        let stuck = blocked.contains(&record) || parent.is_some_and(|parent| blocked.contains(&parent));
        if row.status == RowStatus::Failed {
            // Edits behind a failed create wait for its user; those behind a failed edit do not.
            if row.is_create() {
                blocked.insert(record);
            }
        } else if stuck {
            // Saved after its create was refused: it can go nowhere before its user decides.
            tx.mark(&row, RowStatus::Failed, Some("its record was refused"))?;
            blocked.insert(record);
        } else if batch.len() < app.start.parameters.push_max as usize {
            batch.push(row);
        }
    }
    for row in &mut batch {
        if app.policy.idempotency == Idempotency::NumberedWhenSent && row.status == RowStatus::Retrying {
            let old = row.number;
            row.number = tx.take_number()?;
            row.mutation.number = Some(row.number);
            tx.replace(old, row)?;
        }
        tx.mark(row, RowStatus::Sending, None)?;
        if app.policy.removal == Removal::WhenSent {
            tx.dequeue(row)?;
        }
    }
    if tx.touched.is_empty() {
        return Ok(batch);
    }
    app.commit(tx).await?;
    if app.policy.synced == SyncedShown::WhenSent {
        for row in &batch {
            app.flash(&row.mutation.record, RecordState::Synced);
        }
    }
    Ok(batch)
}

/// Applies an answer: each row leaves the queue, stays for another attempt, or goes to the tray,
/// all in one transaction. False where everything has to be sent again.
async fn apply(app: &App, rows: &[QueueRow], answer: &PushAnswer) -> Result<bool> {
    let mut tx = app.begin().await?;
    let mut progress = false;
    for (row, result) in rows.iter().zip(&answer.results) {
        if let Some(server) = &result.state {
            pull::keep(app, &mut tx, server)?;
        }
        match &result.outcome {
            Outcome::Done { fields } => {
                progress = true;
                done(&mut tx, row, result, fields)?;
            }
            Outcome::Rejected { code: Code::StampAhead, detail } => {
                tx.mark(row, RowStatus::Retrying, Some(detail))?;
                stamps::follow_server(&mut tx, app.policy.stamps, answer.server_time_ms, app.wall_ms())?;
            }
            Outcome::Rejected { code: Code::NumberReused, .. } => {
                renumber(app, &mut tx)?;
                break;
            }
            Outcome::Rejected { code, detail } => {
                progress = true;
                refuse(&mut tx, row, &format!("{code}: {detail}"))?;
            }
        }
    }
    app.commit(tx).await?;
    Ok(progress)
}

fn done(
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
    if result.state.is_none() {
        tx.mark_deleted(&row.mutation.record)?;
    }
    if refused.is_empty() {
        return tx.dequeue(row);
    }
    // The rest of the mutation is committed; what was refused of it stays, for its user.
    let reasons = fields.values().filter_map(|field| match field {
        FieldResult::Rejected { code, detail } => Some(format!("{code}: {detail}")),
        _ => None,
    });
    let mut left = row.clone();
    left.mutation.fields = refused;
    left.mutation.kind = deadzone_contract::wire::MutationKind::Update;
    left.status = RowStatus::Failed;
    left.reason = Some(reasons.collect::<Vec<_>>().join("; "));
    tx.replace(row.number, &left)
}

/// Moves a refused row to the tray; a refused create takes along what waited behind it.
fn refuse(tx: &mut Tx<'_>, row: &QueueRow, reason: &str) -> Result<()> {
    tx.mark(row, RowStatus::Failed, Some(reason))?;
    if row.is_create() {
        take_along(tx, &row.mutation.record, row.number, reason)?;
    }
    Ok(())
}

fn take_along(tx: &mut Tx<'_>, record: &RecordId, except: u64, reason: &str) -> Result<()> {
    for behind in tx.queue_of(record)? {
        if behind.number != except && behind.status != RowStatus::Failed {
            tx.mark(&behind, RowStatus::Failed, Some(&format!("its record was refused ({reason})")))?;
        }
    }
    for child in tx.children(record)? {
        take_along(tx, &child, except, reason)?;
    }
    Ok(())
}

/// This database is a copy of one that went on without it: it goes on under another name, so
/// that its numbers are its own again, and looks at everything anew.
fn renumber(app: &App, tx: &mut Tx<'_>) -> Result<()> {
    tx.set_meta("device_id", &app.env.env.random.token("device id"))?;
    tx.set_meta_number("cursor", 0)?;
    tx.set_meta_number("epoch", tx.meta_number("epoch")? + 1)?;
    let device_id = tx.meta("device_id")?.unwrap_or_default();
    for mut row in tx.queue()? {
        let old = row.number;
        row.number = tx.take_number()?;
        row.mutation.number = Some(row.number);
        row.mutation.stamp.device.clone_from(&device_id);
        if row.status == RowStatus::Sending {
            row.status = RowStatus::Retrying;
        }
        tx.replace(old, &row)?;
    }
    Ok(())
}

/// An attempt failed: the rows wait for the next one. Whether they arrived is not known.
async fn give_back(app: &App, rows: &[QueueRow], error: &CallError) -> Result<()> {
    if app.policy.removal == Removal::WhenSent {
        return Ok(());
    }
    let refusing = match error {
        CallError::Problem(problem, None) if problem.status >= 500 => 1,
        _ => 0,
    };
    let permanent = matches!(error, CallError::Problem(problem, _)
        if (400..500).contains(&problem.status) && !matches!(problem.status, 401 | 426 | 429));
    let mut tx = app.begin().await?;
    for row in rows {
        let refusals = row.refusals + refusing;
        tx.set_refusals(row, refusals)?;
        let spent = u64::from(refusals) >= app.start.parameters.attempts_max;
        if permanent || spent {
            refuse(&mut tx, row, &error.to_string())?;
        } else {
            tx.mark(row, RowStatus::Retrying, Some(&error.to_string()))?;
        }
    }
    app.commit(tx).await
}
