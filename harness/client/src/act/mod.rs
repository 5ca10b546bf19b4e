//! A user's action: the record changes and the queue grows in one transaction. When it commits,
//! the action is saved, with or without a network.
//!
//! | Module | Holds |
//! |---|---|
//! | `work` | creating, editing and deleting records |
//! | `step_up` | what needs a fresh sign-in and an answer |
//! | `undo` | taking back |
//! | `tray` | what a user decides about work that failed, waits or conflicts |

mod step_up;
mod tray;
mod undo;
mod work;

use std::collections::BTreeMap;

use deadzone_contract::wire::{FieldOp, MemberChange, Mutation, MutationKind};
use deadzone_contract::{Action, Change, Code, FieldChange, RecordId, Refusal, Saved, Value};

use crate::app::App;
use crate::store::{QueueRow, RecordRow, Tx};
use crate::{leave, overlay, pull, rights, session, stamps};

pub(crate) type Result<T> = std::result::Result<T, Refusal>;

pub(crate) fn invalid<T>(detail: String) -> Result<T> {
    Err(Refusal::new(Code::Invalid, detail))
}

/// Does what the user asks for.
pub(crate) async fn act(app: &App, action: Action) -> Result<Saved> {
    if app.shared().user.is_none() && !matches!(action, Action::SignIn { .. }) {
        return Err(Refusal::new(Code::SignedOut, "nobody is signed in"));
    }
    match action {
        Action::SignIn { user, password } => {
            session::sign_in(app, user, password).await?;
            Ok(Saved::of(None))
        }
        Action::SignOut { anyway } => leave::sign_out(app, anyway).await,
        Action::Create { entity, workspace, parent, changes } => {
            work::create(app, entity, workspace, parent, changes).await
        }
        Action::Edit { record, changes } => work::edit(app, record, changes).await,
        Action::Delete { record, password } => work::delete(app, record, password).await,
        Action::Discard { record } => tray::discard(app, record).await,
        Action::Retry { record } => tray::retry(app, record).await,
        Action::Resolve { record, field, choice } => tray::resolve(app, record, &field, choice).await,
        Action::SetRole { workspace, member, role, password } => {
            step_up::set_role(app, MemberChange { workspace, user: member, role }, password).await
        }
        Action::Undo { record } => undo::undo(app, record).await,
        Action::Repair => repair(app).await,
    }
}

/// Fetches everything anew, soon.
async fn repair(app: &App) -> Result<Saved> {
    let mut tx = app.begin_action().await?;
    pull::pull_anew(app, &mut tx)?;
    app.commit(tx).await?;
    app.nudge(true);
    Ok(Saved::of(None))
}

/// A record that the user has in view, with its rows of the queue.
fn look_up(tx: &Tx<'_>, id: &RecordId) -> Result<(RecordRow, Vec<QueueRow>)> {
    let found = tx.record(id)?.map(|record| tx.queue_of(id).map(|rows| (record, rows))).transpose()?;
    match found {
        Some((record, rows)) if overlay::overlay(&record, &rows).visible => Ok((record, rows)),
        _ => Err(Refusal::new(Code::UnknownRecord, format!("record {id} is not on this device"))),
    }
}

/// A record that the user has in view and may change, with its rows of the queue.
fn look_up_to_change(app: &App, tx: &Tx<'_>, id: &RecordId) -> Result<(RecordRow, Vec<QueueRow>)> {
    let found = look_up(tx, id)?;
    rights::may_write(app, tx, &found.0.workspace)?;
    Ok(found)
}

fn words(changes: &[FieldChange]) -> String {
    let words = changes.iter().map(|FieldChange { field, change }| match change {
        Change::Put(value) => format!("{field}={value}"),
        Change::Add(by) => format!("{field}+={by}"),
        Change::Insert(member) => format!("{field}+={}", Value::text(member)),
        Change::Remove(member) => format!("{field}-={}", Value::text(member)),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What an action leaves to be sent.
struct Work {
    kind: MutationKind,
    fields: BTreeMap<String, FieldOp>,
    /// The same for people.
    what: String,
    /// Its words are somebody else's.
    borrowed: bool,
}

impl Work {
    fn new(kind: MutationKind, fields: BTreeMap<String, FieldOp>, what: String) -> Work {
        Work { kind, fields, what, borrowed: false }
    }
}

/// Answers with its place in the queue, which is the last one.
fn enqueue(app: &App, tx: &mut Tx<'_>, record: &RecordId, work: Work) -> Result<u64> {
    enqueue_at(app, tx, record, work, None)
}

/// As [`enqueue`], in a place of the queue that has become free, if one is named.
fn enqueue_at(app: &App, tx: &mut Tx<'_>, record: &RecordId, work: Work, place: Option<u64>) -> Result<u64> {
    let most = app.start.parameters.queue_max;
    if tx.queued() >= most {
        let detail = format!(
            "this device keeps at most {most} changes until they are sent or thrown away; nothing of this was saved"
        );
        return Err(Refusal::new(Code::Storage, detail));
    }
    let wall_ms = app.wall_ms();
    let device = tx.meta.device_id.clone();
    let stamp = stamps::next(&mut tx.meta, app.policy.stamps, wall_ms, &device);
    let number = Some(tx.meta.take_number());
    let Work { kind, fields, what, borrowed } = work;
    let mutation = Mutation { number, record: record.clone(), kind, stamp, fields };
    let mut row = QueueRow::new(&device, mutation, what, wall_ms);
    row.borrowed = borrowed;
    row.seq = place.unwrap_or(row.seq);
    let seq = row.seq;
    tx.enqueue(row)?;
    Ok(seq)
}
