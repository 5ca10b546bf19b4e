//! Rule `set`: an observed-remove set.
//!
//! Each addition has a name of its own. A removal takes away the additions that its device had
//! seen, so a member that was added again elsewhere stays.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::AddId;
use rusqlite::params;

use super::Effects;
use crate::failure::Unfit;

impl Effects<'_> {
    pub(super) fn tags(
        &mut self,
        field: &str,
        add: &BTreeSet<String>,
        remove: &BTreeMap<String, BTreeSet<AddId>>,
    ) -> Result<(), Unfit> {
        for (member, seen) in remove {
            for addition in seen {
                self.context
                    .db
                    .prepare_cached(
                        "DELETE FROM additions
                         WHERE record = ?1 AND field = ?2 AND member = ?3 AND addition = ?4",
                    )?
                    .execute(params![self.key, field, member, addition])?;
            }
        }
        for member in add {
            let addition = self.name(member)?;
            self.context
                .db
                .prepare_cached(
                    "INSERT INTO additions (record, field, member, addition) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![self.key, field, member, addition])?;
        }
        Ok(())
    }
}
