//! Delete against edit: the edit wins, or, where its entity says so, the delete.

use deadzone_contract::wire::{Base, Mutation};
use deadzone_contract::{Code, Deletes};
use rusqlite::params;

use super::{Carried, Context, declared};
use crate::failure::Unfit;
use crate::records::Record;
use crate::{collect, policy};

impl Context<'_> {
    /// Deletes a record, unless it was changed since its user had it in view and its entity lets
    /// edits win. The content stays under the tombstone, open conflicts included, so that an edit
    /// can bring it back whole.
    pub(super) fn delete(
        &self,
        mutation: &Mutation,
        mut record: Record,
        base: &Base,
    ) -> Result<Carried, Unfit> {
        let wins = declared(&record.entity)?.deletes == Deletes::DeleteWins;
        if !record.deleted && (wins || self.in_view(&record, base)?) {
            match self.policy.deletes {
                policy::Deletes::ATombstone => {
                    self.change(&mut record, mutation.number, None, Some(self.now_ms))?;
                }
                policy::Deletes::Nothing => {
                    collect::remove(self.db, record.key)?;
                    record.deleted = true;
                }
            }
        }
        Ok(Carried { record, exceptions: Default::default() })
    }

    /// Refuses an edit of what is deleted for good: purged, or of an entity in which a delete wins.
    /// There the device that deleted it can have seen its own delete, and takes it back by an edit of
    /// nothing; an edit of something may be that of a copy of the device.
    pub(super) fn check_not_gone(&self, mutation: &Mutation, record: &Record) -> Result<(), Unfit> {
        if record.purged {
            return Err(Unfit::new(Code::Gone, "the record was deleted long ago and cannot come back"));
        }
        let wins = declared(&record.entity)?.deletes == Deletes::DeleteWins;
        let is_own = record.deleter.as_deref() == Some(self.device);
        let takes_back = is_own && mutation.fields.is_empty() && !self.deleted_since(mutation, record);
        if record.deleted && wins && !takes_back {
            let detail = format!("the {} was deleted meanwhile; it can be created anew", record.entity);
            return Err(Unfit::new(Code::Gone, detail));
        }
        Ok(())
    }

    /// Whether the device of an edit deleted the record after it had made that edit: it was late.
    pub(super) fn deleted_since(&self, edit: &Mutation, record: &Record) -> bool {
        let is_own = record.deleted && record.deleter.as_deref() == Some(self.device);
        is_own && edit.number.is_some_and(|number| Some(number) <= record.included)
    }

    /// Whether everything in the record was in view at `base`: its version is still the same, or
    /// what came since is this device's own work that the base names. Another device's delete is
    /// nothing that a delete could overlook.
    fn in_view(&self, record: &Record, base: &Base) -> rusqlite::Result<bool> {
        let others_conflicts = self
            .db
            .prepare_cached("SELECT 1 FROM conflicts WHERE record = ?1 AND user <> ?2 AND NOT shared")?
            .exists(params![record.key, self.caller.user])?;
        if others_conflicts {
            // Work of somebody else that this user cannot have had in view.
            return Ok(false);
        }
        if record.version == base.version {
            return Ok(true);
        }
        let own_in_view = base.after.is_some() && record.included <= base.after;
        if !own_in_view || record.version < base.version {
            return Ok(false);
        }
        let by_others: u64 = self
            .db
            .prepare_cached(
                "SELECT coalesce(max(version), 0) FROM touches WHERE record = ?1 AND device <> ?2",
            )?
            .query_row(params![record.key, self.device], |row| row.get(0))?;
        Ok(by_others <= base.version)
    }
}
