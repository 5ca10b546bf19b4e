//! Carries out one mutation, inside a transaction that its caller ends.
//!
//! Everything that can speak against a mutation is an [`Unfit`]; the caller then rolls back, so
//! it does not matter how far the mutation had come: nothing of it was kept.

mod counter;
mod custom;
mod delete;
mod immutable;
mod lww;
mod private;
mod set;
mod version;

use deadzone_contract::rules::{self, EntityDecl, Rule};
use deadzone_contract::wire::{FieldOp, Mutation, MutationKind, Role};
use deadzone_contract::{Code, Model, Parameters, RecordId, Stamp};
use rusqlite::{Connection, params};

use self::private::Guard;
use crate::answers::{Exception, Exceptions};
use crate::auth::Caller;
use crate::failure::Unfit;
use crate::ledger::Ledger;
use crate::policy::{FarStamps, ServerPolicy};
use crate::records::{self, Record};
use crate::sight::Eyes;

/// Deleting one of these is a step-up operation: it takes the work of many people off the screen.
const STEP_UP_DELETE: &str = "project";

/// An id is a key in many tables; longer ones are refused.
const RECORD_ID_LEN_MAX: usize = 128;

/// Where and for whom a mutation is carried out.
pub(crate) struct Context<'a> {
    pub(crate) db: &'a Connection,
    pub(crate) caller: &'a Caller,
    /// The device that speaks; the server keeps idempotency and causality by it.
    pub(crate) device: &'a str,
    pub(crate) now_ms: u64,
    pub(crate) parameters: &'a Parameters,
    pub(crate) policy: &'a ServerPolicy,
    pub(crate) model: Model,
}

/// What a mutation left behind.
pub(crate) struct Carried {
    /// The record as it is now; it may be deleted.
    pub(crate) record: Record,
    /// The fields that were not simply applied.
    pub(crate) exceptions: Exceptions,
}

/// Checks a mutation and carries it out.
pub(crate) fn carry_out(context: &Context<'_>, mutation: &Mutation) -> Result<Carried, Unfit> {
    match &mutation.kind {
        MutationKind::Create { entity, workspace, parent } => {
            let role = records::role(context.db, &context.caller.user, workspace)?;
            may_write(role)?;
            context.check_stamp(&mutation.stamp)?;
            if Record::find(&context.eyes(), &mutation.record)?.is_some() {
                return Err(Unfit::new(Code::RecordExists, "a record of this id exists already"));
            }
            context.create(mutation, entity, workspace, parent.as_ref(), role)
        }
        MutationKind::Update => {
            let record = context.writable(mutation)?;
            context.check_not_gone(mutation, &record)?;
            context.update(mutation, record)
        }
        MutationKind::Delete { base } => {
            let record = context.writable(mutation)?;
            if !mutation.fields.is_empty() {
                return Err(Unfit::invalid("a delete changes no fields"));
            }
            if record.entity == STEP_UP_DELETE && !context.caller.is_fresh(context.now_ms, context.parameters)
            {
                let detail = "deleting a project needs the password again; sign in and repeat it";
                return Err(Unfit::new(Code::StepUpRequired, detail));
            }
            context.delete(mutation, record, base)
        }
    }
}

/// Whether a member of this role may write; no role says nothing of what is there.
fn may_write(role: Option<Role>) -> Result<(), Unfit> {
    match role {
        None => Err(Unfit::unknown_record()),
        Some(Role::Viewer) => Err(Unfit::new(Code::Forbidden, "a viewer cannot change anything here")),
        Some(Role::Editor | Role::Admin) => Ok(()),
    }
}

impl<'a> Context<'a> {
    pub(crate) fn eyes(&self) -> Eyes<'a> {
        Eyes { db: self.db, caller: self.caller, model: self.model, policy: self.policy }
    }

    fn ledger(&self) -> Ledger<'a> {
        Ledger { db: self.db, now_ms: self.now_ms, policy: self.policy }
    }

    fn check_stamp(&self, stamp: &Stamp) -> Result<(), Unfit> {
        let bound_ms = self.now_ms.saturating_add(self.parameters.stamp_ahead);
        // A device must stamp above what it has seen, also after this server's clock was set back:
        // then in the same millisecond, so that nobody can push the bound ahead step by step.
        let checked = self.policy.far_stamps == FarStamps::Refused;
        if checked && stamp.ms > bound_ms && stamp.ms > self.highest_stamp_ms()? {
            let ahead = stamp.ms - self.now_ms;
            let detail = format!("the stamp is {ahead} ms ahead of the server's clock; stamp anew");
            return Err(Unfit::new(Code::StampAhead, detail));
        }
        if i64::try_from(stamp.ms).is_err() {
            return Err(Unfit::invalid("the stamp is beyond the end of time"));
        }
        Ok(())
    }

    /// The highest stamp in the database; asked for only by stamps that look too far ahead.
    fn highest_stamp_ms(&self) -> rusqlite::Result<u64> {
        self.db
            .prepare_cached("SELECT coalesce(max(stamp_ms), 0) FROM fields")?
            .query_row([], |row| row.get(0))
    }

    fn writable(&self, mutation: &Mutation) -> Result<Record, Unfit> {
        let found = Record::find(&self.eyes(), &mutation.record)?;
        let record = found.ok_or_else(Unfit::unknown_record)?;
        may_write(record.role)?;
        self.check_stamp(&mutation.stamp)?;
        Ok(record)
    }

    fn create(
        &self,
        mutation: &Mutation,
        entity: &str,
        workspace: &str,
        parent: Option<&RecordId>,
        role: Option<Role>,
    ) -> Result<Carried, Unfit> {
        let decl = declared(entity)?;
        if !(1..=RECORD_ID_LEN_MAX).contains(&mutation.record.0.len()) {
            return Err(Unfit::invalid(format!("a record's id has 1 to {RECORD_ID_LEN_MAX} bytes")));
        }
        let task = self.check_parent(decl, workspace, parent)?;
        let commit_seq = self.ledger().next()?;
        self.db
            .prepare_cached(
                "INSERT INTO records (id, entity, workspace, parent, task, version, commit_seq)
                 VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)",
            )?
            .execute(params![mutation.record.0, entity, workspace, parent.map(|p| &p.0), task, commit_seq])?;
        let mut record = Record {
            key: self.db.last_insert_rowid(),
            id: mutation.record.clone(),
            entity: entity.to_owned(),
            workspace: workspace.to_owned(),
            parent: parent.cloned(),
            version: 1,
            commit_seq,
            deleted: false,
            deleter: None,
            purged: false,
            role,
            hidden: false,
            included: mutation.number,
        };
        let mut effects = Effects::on(self, mutation, &record, decl);
        effects.commit_seq = Some(commit_seq);
        effects.apply_all()?;
        let exceptions = effects.exceptions;
        self.touch(&record, true)?;
        self.guard(mutation, &mut record, Guard::New)?;
        Ok(Carried { record, exceptions })
    }

    /// The key of the parent where that decides who may see the record. A parent that was deleted
    /// but not purged will do: a delete does not take the children along either, so both orders of
    /// the two end the same.
    fn check_parent(
        &self,
        decl: &EntityDecl,
        workspace: &str,
        parent: Option<&RecordId>,
    ) -> Result<Option<i64>, Unfit> {
        let (expected, parent) = match (decl.parent, parent) {
            (None, None) => return Ok(None),
            (Some(expected), Some(parent)) => (expected, parent),
            (None, Some(_)) => return Err(Unfit::invalid(format!("a {} hangs under nothing", decl.name))),
            (Some(expected), None) => {
                return Err(Unfit::invalid(format!("a {} hangs under a {expected}", decl.name)));
            }
        };
        let found = Record::find(&self.eyes(), parent)?.filter(|found| {
            found.role.is_some() && !found.purged && found.entity == expected && found.workspace == workspace
        });
        match found {
            Some(parent) => Ok(private::can_be(&parent.entity).then_some(parent.key)),
            None => {
                let detail = format!("there is no such {expected} to hang it under");
                Err(Unfit::new(Code::UnknownRecord, detail))
            }
        }
    }

    /// Edits a record, and brings it back whole if it was deleted. An edit counts even where the
    /// rules leave it without effect: against a delete that had not seen it, it wins whichever of
    /// the two arrives first. One that was refused in every field was no edit; and one that its own
    /// device made before it deleted the record changes what lies under the tombstone.
    fn update(&self, mutation: &Mutation, mut record: Record) -> Result<Carried, Unfit> {
        let mut effects = Effects::on(self, mutation, &record, declared(&record.entity)?);
        effects.apply_all()?;
        let Effects { exceptions, commit_seq, .. } = effects;
        let refused = exceptions.values().filter(|exception| **exception == Exception::Immutable).count();
        if mutation.fields.is_empty() || refused < mutation.fields.len() {
            let deleted_ms = self.deleted_since(mutation, &record).then_some(self.now_ms);
            self.change(&mut record, mutation.number, commit_seq, deleted_ms)?;
            self.guard(mutation, &mut record, Guard::Known)?;
        }
        Ok(Carried { record, exceptions })
    }

    /// Gives a changed record its new version and its new place in the commit order.
    fn change(
        &self,
        record: &mut Record,
        number: Option<u64>,
        commit_seq: Option<u64>,
        deleted_ms: Option<u64>,
    ) -> rusqlite::Result<()> {
        record.commit_seq = match commit_seq {
            Some(allocated) => allocated,
            None => self.ledger().next()?,
        };
        record.version += 1;
        record.deleted = deleted_ms.is_some();
        record.included = record.included.max(number);
        record.deleter = deleted_ms.map(|_| self.device.to_owned());
        let Record { key, version, commit_seq, deleter, .. } = &*record;
        self.db
            .prepare_cached(
                "UPDATE records SET version = ?2, commit_seq = ?3, deleted_ms = ?4, deleter = ?5
                 WHERE key = ?1",
            )?
            .execute(params![key, version, commit_seq, deleted_ms, deleter])?;
        self.touch(record, deleted_ms.is_none())
    }

    /// Remembers what this device has had to do with a record: its latest mutation, and, if that
    /// was an edit, the version that it made.
    fn touch(&self, record: &Record, edited: bool) -> rusqlite::Result<()> {
        let version = if edited { record.version } else { 0 };
        self.db
            .prepare_cached(
                "INSERT INTO touches (record, device, number, version) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET number = excluded.number, version = max(version, excluded.version)",
            )?
            .execute(params![record.key, self.device, record.included, version])?;
        Ok(())
    }
}

fn declared(entity: &str) -> Result<&'static EntityDecl, Unfit> {
    rules::entity(entity).ok_or_else(|| Unfit::invalid(format!("there is no entity `{entity}`")))
}

/// What the operations of one mutation do to the fields of one record.
struct Effects<'a> {
    context: &'a Context<'a>,
    mutation: &'a Mutation,
    entity: &'static EntityDecl,
    key: i64,
    /// None until it is needed.
    commit_seq: Option<u64>,
    exceptions: Exceptions,
}

impl<'a> Effects<'a> {
    fn on(
        context: &'a Context<'a>,
        mutation: &'a Mutation,
        record: &Record,
        entity: &'static EntityDecl,
    ) -> Effects<'a> {
        let exceptions = Exceptions::new();
        Effects { context, mutation, entity, key: record.key, commit_seq: None, exceptions }
    }

    fn apply_all(&mut self) -> Result<(), Unfit> {
        let mutation = self.mutation;
        for (field, op) in &mutation.fields {
            let Some(rule) = self.entity.field(field).and_then(|decl| decl.rule_in(self.context.model))
            else {
                return Err(Unfit::invalid(format!("a {} has no field `{field}`", self.entity.name)));
            };
            self.apply(field, rule, op)?;
        }
        Ok(())
    }

    fn apply(&mut self, field: &str, rule: Rule, op: &FieldOp) -> Result<(), Unfit> {
        match (rule, op) {
            (Rule::Lww, FieldOp::Put { value }) => self.put(field, value),
            (Rule::Version | Rule::Manual, FieldOp::Write { value, base, closes }) => {
                self.write(field, rule, value, base, closes.as_deref())
            }
            (Rule::Version | Rule::Manual, FieldOp::Close { conflict }) => self.close(field, conflict),
            (Rule::Custom, FieldOp::Write { value, base, .. }) => self.merge(field, value, base),
            (Rule::Immutable, FieldOp::Put { value }) => self.fix(field, value),
            (Rule::Counter, FieldOp::Add { by }) => self.add(field, *by),
            (Rule::Counter, FieldOp::Put { value }) => self.overwrite_total(field, value),
            (Rule::Set, FieldOp::Tags { add, remove }) => self.tags(field, add, remove),
            _ => Err(Unfit::invalid(format!("`{field}` has rule {rule}, which this operation does not fit"))),
        }
    }

    /// Names what this mutation makes for ever: by the device and the number. A mutation without
    /// a number makes something new each time, named by its commit.
    fn name(&mut self, what: &str) -> rusqlite::Result<String> {
        if let Some(number) = self.mutation.number {
            return Ok(format!("{}:{number}:{what}", self.context.device));
        }
        let commit_seq = match self.commit_seq {
            Some(allocated) => allocated,
            None => *self.commit_seq.insert(self.context.ledger().next()?),
        };
        Ok(format!("#{commit_seq}:{what}"))
    }
}
