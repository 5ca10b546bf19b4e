//! Delete against edit: the edit wins.

use deadzone_contract::wire::{Base, Mutation};
use rusqlite::params;

use super::{Carried, Context};
use crate::failure::Unfit;
use crate::records::Record;

impl Context<'_> {
    /// Deletes a record, unless it was changed since its user had it in view. The content stays
    /// under the tombstone, open conflicts included, so that an edit can bring it back whole.
    pub(super) fn delete(
        &self,
        mutation: &Mutation,
        mut record: Record,
        base: &Base,
    ) -> Result<Carried, Unfit> {
        if !record.deleted && self.in_view(&record, base)? {
            self.change(&mut record, mutation.number, None, Some(self.now_ms))?;
        }
        Ok(Carried { record, conflicts: Default::default() })
    }

    /// Whether everything in the record was in view at `base`: its version is still the same, or
    /// what came since is this device's own work that the base names. Another device's delete is
    /// nothing that a delete could overlook.
    fn in_view(&self, record: &Record, base: &Base) -> rusqlite::Result<bool> {
        let others_conflicts = self
            .db
            .prepare_cached("SELECT 1 FROM conflicts WHERE record = ?1 AND user <> ?2")?
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
