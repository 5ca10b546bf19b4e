//! `POST /sync/mutations`: takes mutations one by one, each in a transaction of its own.
//!
//! The lock is given back between two mutations, so that the pushes of two devices interleave
//! as they would with many connections.

use deadzone_contract::Code;
use deadzone_contract::wire::{
    FieldResult, Mutation, MutationKind, MutationResult, Outcome, PushAnswer, PushRequest, ServerRecord,
};

use crate::App;
use crate::answers::{Exception, Exceptions, Key};
use crate::apply::{self, Carried, Context};
use crate::auth::Caller;
use crate::failure::{Failure, Unfit};
use crate::policy::{Commits, PartialPushes, Refusals, ReplayRights};
use crate::records::Record;

/// What came of a push.
pub(crate) struct Pushed {
    pub(crate) answer: PushAnswer,
    /// When the deferred rest is worth another attempt; none where nothing was deferred.
    pub(crate) retry_after_secs: Option<u64>,
}

/// Carries out what its user may send of a push. No result is told before its mutation is
/// committed. A failure of the database ends the push without any result, and leaves open which of
/// its mutations took effect: a retry gets the answers of those that did.
pub(crate) async fn push(app: &App, caller: &Caller, request: PushRequest) -> Result<Pushed, Failure> {
    let Some(device) = caller.device.as_deref() else {
        return Err(Failure::malformed("a push names its device in the header `Device-Id`"));
    };
    let count = request.mutations.len() as u64;
    if count > app.parameters.push_max {
        let most = app.parameters.push_max;
        return Err(Failure::malformed(format!("a push carries at most {most} mutations, not {count}")));
    }
    let policy = &app.policy;
    let allowed = app.limits.push(&app.parameters, policy.limits, app.now_ms(), &caller.user, count);
    if allowed.count == 0 && count > 0 {
        return Err(allowed.exhausted());
    }
    if policy.commits == Commits::OnceASecond {
        app.gather().await?;
    }
    let mut results = Vec::with_capacity(request.mutations.len());
    let mut mutations = request.mutations.into_iter();
    for mutation in mutations.by_ref().take(allowed.count as usize) {
        results.push(push_one(app, caller, device, mutation).await?);
    }
    let deferred = policy.partial_pushes == PartialPushes::Deferred && mutations.len() > 0;
    let retry_after_secs = deferred.then_some(allowed.retry_after_secs);
    results.extend(mutations.map(|mutation| left_out(policy.partial_pushes, mutation)));
    app.metrics.answered(&results);
    let answer = PushAnswer { results, server_time_ms: app.now_ms() };
    Ok(Pushed { answer, retry_after_secs })
}

/// The answer to a mutation that a limit keeps out.
fn left_out(policy: PartialPushes, mutation: Mutation) -> MutationResult {
    let Mutation { number, record, fields, .. } = mutation;
    let outcome = match policy {
        PartialPushes::Deferred => Outcome::Deferred,
        PartialPushes::CalledDone => {
            let fields = fields.into_keys().map(|field| (field, FieldResult::Applied));
            Outcome::Done { fields: fields.collect() }
        }
    };
    MutationResult { number, record, outcome, state: None }
}

async fn push_one(
    app: &App,
    caller: &Caller,
    device: &str,
    mutation: Mutation,
) -> Result<MutationResult, Failure> {
    let mut transaction = app.begin().await?;
    let translation = caller.shape.translation(&transaction, &mutation)?;
    let mutation = match &translation {
        Some(translation) => translation.inward(mutation),
        None => mutation,
    };
    let context = Context {
        db: &transaction,
        caller,
        device,
        now_ms: app.now_ms(),
        parameters: &app.parameters,
        policy: &app.policy,
        model: app.model,
    };
    let result = match once(&context, &mutation) {
        Ok(answered) => {
            let result = answered.into_result(&context, mutation)?;
            transaction.commit()?;
            app.news.notify_waiters();
            result
        }
        Err(Unfit::Rejected { code, detail }) => {
            transaction.roll_back()?;
            let eyes = app.eyes(&transaction, caller);
            let shown = |record: &Record| match app.policy.refusals {
                Refusals::WhatTheCallerSees => may_see(record) && !record.deleted,
                Refusals::TheRecord => !record.deleted,
            };
            let state = Record::find(&eyes, &mutation.record)?
                .filter(shown)
                .map(|record| record.into_state(&eyes))
                .transpose()?;
            let outcome = Outcome::Rejected { code, detail };
            MutationResult { number: mutation.number, record: mutation.record, outcome, state }
        }
        Err(Unfit::Storage(error)) => return Err(error.into()),
    };
    Ok(match translation {
        Some(translation) => translation.outward(result),
        None => result,
    })
}

/// A mutation that has taken effect, now or before.
struct Answered {
    /// None: the caller may not see it any more.
    record: Option<Record>,
    exceptions: Exceptions,
}

/// Carries out a mutation unless that was done before.
fn once(context: &Context<'_>, mutation: &Mutation) -> Result<Answered, Unfit> {
    let key = mutation.number.map(|number| Key::new(context, number, mutation)).transpose()?;
    if let Some(key) = &key
        && let Some(exceptions) = key.earlier()?
    {
        // Of what was answered then, the caller gets what is true and allowed now.
        let record = Record::find(&context.eyes(), &mutation.record)?;
        let record = match context.policy.replay_rights {
            ReplayRights::OfNow => record.filter(may_see),
            ReplayRights::OfThen => record,
        };
        return Ok(Answered { record, exceptions });
    }
    let Carried { record, exceptions } = apply::carry_out(context, mutation)?;
    if let Some(key) = &key {
        key.remember(&exceptions)?;
    }
    // Who gives a private task to somebody else does not see what became of it.
    Ok(Answered { record: Some(record).filter(may_see), exceptions })
}

impl Answered {
    fn into_result(self, context: &Context<'_>, mutation: Mutation) -> rusqlite::Result<MutationResult> {
        let may_see = self.record.is_some();
        let deleting = matches!(mutation.kind, MutationKind::Delete { .. });
        let state = self
            .record
            .filter(|record| !(record.purged || record.deleted && deleting))
            .map(|record| record.into_state(&context.eyes()))
            .transpose()?;
        let fields = mutation
            .fields
            .into_keys()
            .map(|field| {
                let result = match self.exceptions.get(&field) {
                    None => FieldResult::Applied,
                    Some(_) if !may_see => FieldResult::Rejected {
                        code: Code::UnknownRecord,
                        detail: "there is no such record".into(),
                    },
                    Some(Exception::Conflict(conflict)) => conflict_result(state.as_ref(), conflict),
                    Some(Exception::Immutable) => FieldResult::Rejected {
                        code: Code::Immutable,
                        detail: format!("`{field}` has another value for ever"),
                    },
                };
                (field, result)
            })
            .collect();
        let outcome = Outcome::Done { fields };
        Ok(MutationResult { number: mutation.number, record: mutation.record, outcome, state })
    }
}

/// A conflict with the value that stands against it now; one that was decided since is done with.
fn conflict_result(state: Option<&ServerRecord>, conflict: &str) -> FieldResult {
    match state.and_then(|state| state.conflicts.iter().find(|open| open.id == conflict)) {
        Some(open) => FieldResult::Conflict { open: open.clone() },
        None => FieldResult::Applied,
    }
}

fn may_see(record: &Record) -> bool {
    record.role.is_some()
}
