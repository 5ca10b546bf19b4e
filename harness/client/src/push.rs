//! The first half of a round: what is saved here goes to the server.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::{Mutation, PATH_MUTATIONS, PushAnswer, PushRequest};
use deadzone_contract::{RecordId, RecordState};

use crate::answer::Gain;
use crate::app::App;
use crate::call::{Ask, CallError};
use crate::policy::{CaptivePortal, Idempotency, Parents, Refusals, Removal, ServerErrors, SyncedShown};
use crate::shared::Stay;
use crate::store::{DRAIN_ROWS, QueueRow, Result, RowStatus, StoreError, Tx};
use crate::{answer, overlay, session};

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
            Err(CallError::Foreign { status: 200..300, .. })
                if app.policy.captive_portal == CaptivePortal::TakenForSuccess =>
            {
                assume_arrived(app, stay, &rows).await?;
            }
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

/// The mistake of a client that sends the newest records first, each with its own work in order.
fn newest_first(batch: &mut [QueueRow]) {
    let mut first: BTreeMap<RecordId, u64> = BTreeMap::new();
    for row in batch.iter() {
        first.entry(row.mutation.record.clone()).or_insert(row.seq);
    }
    batch.sort_by_key(|row| Reverse(first[&row.mutation.record]));
}

/// Marks the next rows as being sent.
async fn take_batch(app: &App, stay: Stay) -> Result<Vec<QueueRow>> {
    let mut tx = app.begin_in(stay).await?;
    let most = app.start.parameters.push_max as usize;
    let most = if tx.is_draining() { most.min(DRAIN_ROWS) } else { most };
    let mut batch = Batch::fill(&mut tx, most)?;
    if app.policy.parents == Parents::NotWaitedFor {
        newest_first(&mut batch);
    }
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

/// The mistake of a client for which every 200 is the server's: what was sent is taken for what
/// the server has.
async fn assume_arrived(app: &App, stay: Stay, rows: &[QueueRow]) -> Result<()> {
    let mut tx = app.begin_in(stay).await?;
    let records: BTreeSet<RecordId> = rows.iter().map(|row| row.mutation.record.clone()).collect();
    for id in records {
        let sent: Vec<QueueRow> = rows.iter().filter(|row| row.mutation.record == id).cloned().collect();
        let known = tx.record(&id)?;
        if let Some(record) = &known {
            let server = overlay::as_if_known(record, &sent);
            tx.put_server(known, server, &sent[0].device)?;
        }
        for row in sent {
            tx.dequeue(&row)?;
        }
    }
    app.commit(tx).await
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
        && app.policy.refusals == Refusals::ToTray
        && !matches!(error, CallError::Problem(problem, _) if matches!(problem.status, 401 | 426 | 429));
    let own_error = matches!(error, CallError::Problem(problem, _) if problem.status >= 500);
    let is_final = own_error && app.policy.server_errors == ServerErrors::ToTray;
    let reason = error.to_string();
    let mut tx = app.begin_in(stay).await?;
    for row in rows {
        let refusals = row.refusals + refusing;
        let spent = u64::from(refusals) >= app.start.parameters.attempts_max || is_final;
        tx.change_row(row, |row| {
            row.refusals = refusals;
            row.attempts -= u32::from(definite && row.attempts > 0);
            row.status = RowStatus::Retrying;
            row.reason = Some(reason.clone());
        })?;
        if permanent || spent {
            answer::refuse(app, &mut tx, row, &reason)?;
        }
    }
    app.commit(tx).await
}
