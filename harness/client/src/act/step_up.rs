//! What needs a fresh sign-in and an answer: it is refused where there is no network, and never
//! queued.

use std::collections::BTreeMap;
use std::time::Duration;

use deadzone_contract::wire::{
    MemberChange, Mutation, MutationKind, MutationResult, Outcome, PATH_MEMBERS, PATH_MUTATIONS, PushAnswer,
    PushRequest,
};
use deadzone_contract::{Code, RecordId, Refusal, Saved};

use super::{Result, look_up_to_change};
use crate::app::App;
use crate::call::{Ask, CallError};
use crate::policy::StepUp;
use crate::rights::{self, NOT_SHARED};
use crate::shared::Stay;
use crate::store::{Inverse, RecordRow, Tx, UndoRow};
use crate::{overlay, pull, session, stamps};

/// When its user has waited long enough for everything together.
#[derive(Clone, Copy)]
struct Deadline(Duration);

impl Deadline {
    fn new(app: &App) -> Deadline {
        let patience = Duration::from_millis(app.start.parameters.request_timeout);
        Deadline(app.env.env.clock.elapsed() + patience)
    }

    fn left(self, app: &App) -> Duration {
        self.0.saturating_sub(app.env.env.clock.elapsed()).max(Duration::from_millis(1))
    }
}

/// Changes what somebody may do in a workspace.
pub(super) async fn set_role(app: &App, change: MemberChange, password: String) -> Result<Saved> {
    let (stay, deadline) = (app.stay(), Deadline::new(app));
    if app.policy.step_up == StepUp::Queued && app.shared().is_offline() {
        return Ok(Saved::of(None));
    }
    needs_network(app)?;
    session::prove(app, stay, password, deadline.left(app)).await?;
    let ask = Ask::post_for_nothing(PATH_MEMBERS, &change).within(deadline.left(app));
    session::once(app, stay, &ask).await.map_err(refusal)?;
    app.doubt_rights();
    app.nudge(false);
    Ok(Saved::of(None))
}

/// Deletes a project.
pub(super) async fn delete_project(app: &App, id: RecordId, password: Option<String>) -> Result<Saved> {
    let (stay, deadline) = (app.stay(), Deadline::new(app));
    needs_network(app)?;
    let Some(password) = password else {
        return Err(Refusal::new(Code::StepUpRequired, "deleting a project needs your password"));
    };
    look_up_idle(app, &app.read().await?, &id)?;
    session::prove(app, stay, password, deadline.left(app)).await?;
    let push = PushRequest { mutations: vec![numbered(app, stay, &id).await?] };
    let ask = Ask::post(PATH_MUTATIONS, &push).within(deadline.left(app));
    let answer: PushAnswer = session::once(app, stay, &ask).await.map_err(refusal)?;
    match &answer.results[..] {
        [result] if result.record == id => {
            let kept = apply(app, stay, &answer, result).await;
            if matches!(result.outcome, Outcome::Done { .. }) { kept.map_err(not_kept) } else { kept }
        }
        _ => Err(refusal(CallError::Unusable("an answer to another request"))),
    }
}

fn needs_network(app: &App) -> Result<()> {
    if app.shared().is_offline() {
        let detail = "this needs the server, and there is no network; nothing of it was kept";
        return Err(Refusal::new(Code::Offline, detail));
    }
    Ok(())
}

/// What the answer to the decisive request, or its absence, means.
fn refusal(error: CallError) -> Refusal {
    match error {
        CallError::Problem(problem, _) if problem.code != Code::Internal => {
            Refusal::new(problem.code, problem.detail)
        }
        CallError::Held(_) => Refusal::new(Code::Unavailable, error.to_string()),
        CallError::SignedOut => Refusal::new(Code::SignedOut, error.to_string()),
        CallError::Storage(error) => Refusal::new(Code::Storage, error),
        error => Refusal::new(Code::Indefinite, format!("nobody knows whether it happened: {error}")),
    }
}

/// It has happened, and what this device shows does not say so yet.
fn not_kept(why: Refusal) -> Refusal {
    let detail = format!("it was done, but this device could not keep that: {}", why.detail);
    Refusal::new(Code::Indefinite, detail)
}

/// A record that the user has in view, with nothing under way on it or under it: what is sent at
/// once must not overtake what waits.
fn look_up_idle(app: &App, tx: &Tx<'_>, id: &RecordId) -> Result<RecordRow> {
    let (record, _) = look_up_to_change(app, tx, id)?;
    let mut below = vec![id.clone()];
    while let Some(next) = below.pop() {
        if !tx.queue_of(&next)?.is_empty() {
            let detail = "work on this project waits to be sent or for a decision; it comes first";
            return Err(Refusal::new(Code::WorkPending, detail));
        }
        below.extend(tx.children(&next)?);
    }
    Ok(record)
}

/// The delete, under a number that nothing else will get.
async fn numbered(app: &App, stay: Stay, id: &RecordId) -> Result<Mutation> {
    let mut tx = app.begin_in(stay).await?;
    let record = look_up_idle(app, &tx, id)?;
    let base = overlay::record_base(&record, &[]);
    let device = tx.meta.device_id.clone();
    let stamp = stamps::next(&mut tx.meta, app.policy.stamps, app.wall_ms(), &device);
    let number = Some(tx.meta.take_number());
    app.commit(tx).await?;
    let kind = MutationKind::Delete { base };
    Ok(Mutation { number, record: id.clone(), kind, stamp, fields: BTreeMap::new() })
}

async fn apply(app: &App, stay: Stay, answer: &PushAnswer, result: &MutationResult) -> Result<Saved> {
    let mut tx = app.begin_in(stay).await?;
    let device = tx.meta.device_id.clone();
    if let Some(server) = &result.state {
        pull::keep(app, &mut tx, server, &device, None)?;
    }
    let refused = match &result.outcome {
        Outcome::Done { .. } => {
            if result.state.is_none() {
                let seq = result.number.unwrap_or_default();
                let inverse = Inverse::Restore { deleted_ms: answer.server_time_ms, copy: None };
                tx.put_undo(UndoRow::new(result.record.clone(), seq, inverse))?;
                tx.mark_deleted(&result.record)?;
            }
            None
        }
        Outcome::Deferred => {
            let detail = "the server takes no more for now; try again later";
            Some(Refusal::new(Code::TooManyRequests, detail))
        }
        Outcome::Rejected { code, detail } => {
            match code {
                Code::UnknownRecord if result.state.is_none() => {
                    rights::forget(&mut tx, app.dialect(), &result.record, NOT_SHARED)?;
                }
                Code::StampAhead => {
                    let (policy, server_ms) = (app.policy.stamps, answer.server_time_ms);
                    stamps::follow_server(&mut tx, policy, server_ms, app.wall_ms())?;
                }
                Code::NumberReused => tx.meta.take_new_identity(&*app.env.env.random),
                _ => {}
            }
            Some(Refusal::new(*code, detail))
        }
    };
    app.commit(tx).await?;
    refused.map_or_else(|| Ok(Saved::of(Some(result.record.clone()))), Err)
}
