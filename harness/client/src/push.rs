//! The first half of a round: what is saved here goes to the server.

use std::collections::BTreeMap;

use deadzone_contract::wire::{Mutation, PATH_MUTATIONS, PushAnswer, PushRequest};
use deadzone_contract::{RecordId, RecordState};

use crate::answer::Gain;
use crate::app::{App, Stay};
use crate::call::{Ask, CallError};
use crate::policy::{Idempotency, Removal, SyncedShown};
use crate::store::{DRAIN_ROWS, QueueRow, Result, RowStatus, StoreError, Tx};
use crate::{answer, session};

/// Sends until nothing is left that can be sent.
pub(crate) async fn push_all(app: &App, stay: Stay) -> std::result::Result<(), CallError> {
    // Each round trip ends at least one row, moves it to the tray or returns an error. Stamping or
    // numbering anew helps at once or not at all: the second time in a row is an error.
    let mut again = 0;
    loop {
        app.may_send()?;
        let rows = draining(app, || take_batch(app, stay)).await?;
        let Some(first) = rows.first() else { return Ok(()) };
        let request = PushRequest { mutations: rows.iter().map(|row| on_the_wire(app, row)).collect() };
        let ask = Ask::post(PATH_MUTATIONS, &request);
        let answered = session::authorized::<PushAnswer>(app, stay, &first.device, &ask).await;
        match answered.and_then(|answer| fits(&rows, answer)) {
            Ok(answer) => match draining(app, || answer::apply(app, stay, &rows, &answer)).await? {
                Gain::Some => again = 0,
                Gain::None => again += 1,
                Gain::Deferred => return Err(CallError::Deferred(app.held())),
            },
            Err(error) => {
                draining(app, || give_back(app, stay, &rows, &error)).await?;
                return Err(error);
            }
        }
        if again > 1 {
            return Err(CallError::Unusable("the server keeps refusing stamps or numbers"));
        }
    }
}

/// A step that the queue needs to drain. Where the disk is full it may have the reserve.
async fn draining<T, F: Future<Output = Result<T>>>(app: &App, step: impl Fn() -> F) -> Result<T> {
    match step().await {
        Err(StoreError::Full) if app.open_store().await?.give_up_reserve() => step().await,
        other => other,
    }
}

fn on_the_wire(app: &App, row: &QueueRow) -> Mutation {
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
    if fits { Ok(answer) } else { Err(CallError::Unusable("an answer to another request")) }
}

/// The rows of the next request: oldest first, none before what it depends on, and all of them
/// numbered under one name.
struct Batch {
    rows: Vec<QueueRow>,
    most: usize,
    /// Records whose create was refused, and what is said of the work that hangs on it.
    blocked: BTreeMap<RecordId, String>,
}

impl Batch {
    fn fill(tx: &mut Tx<'_>, most: usize) -> Result<Vec<QueueRow>> {
        let mut batch = Batch { rows: Vec::new(), most, blocked: BTreeMap::new() };
        let mut after = 0;
        loop {
            let rows = tx.queue_after(after, most)?;
            let Some(last) = rows.last() else { return Ok(batch.rows) };
            after = last.seq;
            for row in rows {
                if !batch.offer(tx, row)? {
                    return Ok(batch.rows);
                }
            }
        }
    }

    /// False if neither this row nor any behind it can come along.
    fn offer(&mut self, tx: &mut Tx<'_>, row: QueueRow) -> Result<bool> {
        let record = row.mutation.record.clone();
        let parent = tx.record(&record)?.and_then(|row| row.parent);
        let stuck = self.blocked.get(&record).or(parent.as_ref().and_then(|parent| self.blocked.get(parent)));
        let stuck = stuck.cloned();
        if row.status == RowStatus::Failed {
            // Edits behind a failed create wait for its user; those behind a failed edit do not.
            if row.is_create() {
                self.blocked.insert(record, answer::along(row.reason.as_deref().unwrap_or_default()));
            }
        } else if let Some(reason) = stuck {
            // Saved after its create was refused: it can go nowhere before its user decides.
            tx.mark(&row, RowStatus::Failed, Some(&reason))?;
            self.blocked.insert(record, reason);
        } else if self.rows.len() == self.most
            || self.rows.first().is_some_and(|first| first.device != row.device)
        {
            return Ok(false);
        } else {
            self.rows.push(row);
        }
        Ok(true)
    }
}

/// Marks the next rows as being sent.
async fn take_batch(app: &App, stay: Stay) -> Result<Vec<QueueRow>> {
    let mut tx = app.begin_in(stay).await?;
    let most = app.start.parameters.push_max as usize;
    let most = if tx.is_draining() { most.min(DRAIN_ROWS) } else { most };
    let mut batch = Batch::fill(&mut tx, most)?;
    for row in &mut batch {
        if app.policy.idempotency == Idempotency::NumberedWhenSent && row.status == RowStatus::Retrying {
            let mut anew = row.clone();
            anew.take_number(&mut tx.meta);
            tx.replace(row, anew.clone())?;
            *row = anew;
        }
        tx.change_row(row, |row| {
            row.status = RowStatus::Sending;
            row.attempts = row.attempts.saturating_add(1);
        })?;
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

/// An attempt failed: the rows wait for the next one. Whether they arrived is not known.
async fn give_back(app: &App, stay: Stay, rows: &[QueueRow], error: &CallError) -> Result<()> {
    if app.policy.removal == Removal::WhenSent {
        return Ok(());
    }
    let refusing = match error {
        CallError::Problem(problem, None) if problem.status >= 500 => 1,
        _ => 0,
    };
    let definite = matches!(error, CallError::Problem(problem, _) if (400..500).contains(&problem.status));
    let permanent = definite
        && !matches!(error, CallError::Problem(problem, _) if matches!(problem.status, 401 | 426 | 429));
    let reason = error.to_string();
    let mut tx = app.begin_in(stay).await?;
    for row in rows {
        let refusals = row.refusals + refusing;
        let spent = u64::from(refusals) >= app.start.parameters.attempts_max;
        tx.change_row(row, |row| {
            row.refusals = refusals;
            row.attempts -= u32::from(definite && row.attempts > 0);
            row.status = RowStatus::Retrying;
            row.reason = Some(reason.clone());
        })?;
        if permanent || spent {
            answer::refuse(&mut tx, row, &reason)?;
        }
    }
    app.commit(tx).await
}
