//! Private tasks: who comes to see one by a mutation, and who loses sight of it.

use std::collections::BTreeSet;

use deadzone_contract::Value;
use deadzone_contract::rules::{self, ASSIGNEE, PRIVATE};
use deadzone_contract::wire::Mutation;
use rusqlite::{OptionalExtension, params};

use super::Context;
use crate::records::Record;
use crate::sight;
use crate::stored::StoredValue;

/// Whether somebody can have seen a task before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Nobody: it was made just now.
    New,
    /// Its watchers.
    Known,
}

/// Whether records of an entity can be private.
pub(super) fn can_be(entity: &str) -> bool {
    rules::entity(entity).is_some_and(|decl| decl.field(PRIVATE).is_some())
}

impl Context<'_> {
    /// Brings up to date whose a private task is, after a mutation that may have changed it.
    pub(super) fn guard(
        &self,
        mutation: &Mutation,
        record: &mut Record,
        guard: Guard,
    ) -> rusqlite::Result<()> {
        let concerns = |field| mutation.fields.contains_key(field);
        if !(concerns(PRIVATE) || concerns(ASSIGNEE))
            || !can_be(&record.entity)
            || self.text(record.key, PRIVATE)?.as_deref() != Some("yes")
        {
            return Ok(());
        }
        let before = sight::watchers(self.db, &record.workspace, record.key)?;
        self.db
            .prepare_cached(
                "INSERT INTO private_tasks (task, assignee) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET assignee = excluded.assignee",
            )?
            .execute(params![record.key, self.text(record.key, ASSIGNEE)?])?;
        let after = sight::watchers(self.db, &record.workspace, record.key)?;
        if guard == Guard::Known {
            self.tell(record.key, &before, &after)?;
        }
        if !after.contains(&self.caller.user) {
            record.role = None;
        }
        Ok(())
    }

    /// Tells the one of a task that they see it now, and the others that they do not any more. The
    /// task itself has a new place in the commit order already.
    fn tell(&self, task: i64, before: &BTreeSet<String>, after: &BTreeSet<String>) -> rusqlite::Result<()> {
        let under = sight::under(self.db, task)?;
        let all: Vec<i64> = std::iter::once(task).chain(under.iter().copied()).collect();
        for user in before.difference(after) {
            self.ledger().lose(user, &all)?;
        }
        let mut gained = false;
        for user in after.difference(before) {
            self.ledger().gain(user, &all)?;
            gained = true;
        }
        if gained {
            self.ledger().deliver_again(&under)?;
        }
        Ok(())
    }

    /// The words that a field holds.
    fn text(&self, record: i64, field: &str) -> rusqlite::Result<Option<String>> {
        let stored = self
            .db
            .prepare_cached("SELECT value FROM fields WHERE record = ?1 AND field = ?2")?
            .query_row(params![record, field], |row| row.get::<_, StoredValue>(0))
            .optional()?;
        Ok(match stored {
            Some(StoredValue(Value::Text(words))) => Some(words),
            _ => None,
        })
    }
}
