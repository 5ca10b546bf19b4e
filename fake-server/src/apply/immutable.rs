//! Rule `immutable`: the first write stays.

use deadzone_contract::Value;
use rusqlite::params;

use super::Effects;
use crate::answers::Exception;
use crate::failure::Unfit;
use crate::stored::{StoredValue, ToStore};

impl Effects<'_> {
    /// Refuses another value than the one that is there, and nothing else of the mutation.
    pub(super) fn fix(&mut self, field: &str, value: &Value) -> Result<(), Unfit> {
        let db = self.context.db;
        db.prepare_cached(
            "INSERT INTO fields (record, field, value) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute(params![self.key, field, ToStore(value)])?;
        let StoredValue(first) = db
            .prepare_cached("SELECT value FROM fields WHERE record = ?1 AND field = ?2")?
            .query_row(params![self.key, field], |row| row.get(0))?;
        if first != *value {
            self.exceptions.insert(field.to_owned(), Exception::Immutable);
        }
        Ok(())
    }
}
