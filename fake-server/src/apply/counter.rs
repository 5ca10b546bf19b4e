//! Rule `counter`: increments add up, each exactly once.

use deadzone_contract::Value;
use rusqlite::{OptionalExtension, params};

use super::Effects;
use crate::failure::Unfit;

impl Effects<'_> {
    pub(super) fn add(&mut self, field: &str, by: i64) -> Result<(), Unfit> {
        let before = self.total(field)?.unwrap_or(0);
        let after = before
            .checked_add(by)
            .ok_or_else(|| Unfit::invalid(format!("`{field}` cannot count that far: {before} and {by}")))?;
        self.set_total(field, after)
    }

    /// Overwrites whatever was counted, concurrent increments included. It is there for imports,
    /// where one device writes before anybody counts.
    pub(super) fn overwrite_total(&mut self, field: &str, value: &Value) -> Result<(), Unfit> {
        let Value::Int(total) = value else {
            return Err(Unfit::invalid(format!("`{field}` is a counter and holds whole numbers")));
        };
        self.set_total(field, *total)
    }

    fn total(&self, field: &str) -> rusqlite::Result<Option<i64>> {
        self.context
            .db
            .prepare_cached("SELECT value FROM fields WHERE record = ?1 AND field = ?2")?
            .query_row(params![self.key, field], |row| row.get(0))
            .optional()
    }

    fn set_total(&mut self, field: &str, total: i64) -> Result<(), Unfit> {
        self.context
            .db
            .prepare_cached(
                "INSERT INTO fields (record, field, value) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET value = excluded.value",
            )?
            .execute(params![self.key, field, total])?;
        Ok(())
    }
}
