//! Rules `version` and `manual`: a write names the version it read; a mismatch makes an open
//! conflict, which stays until somebody decides: its author or, under `manual`, anybody who may
//! write.

use deadzone_contract::wire::Base;
use deadzone_contract::{Rule, Value};
use rusqlite::{OptionalExtension, params};

use super::Effects;
use crate::answers::Exception;
use crate::failure::Unfit;
use crate::policy::BaseVersion;
use crate::stored::{StoredValue, ToStore};

/// What stands in the field.
pub(super) struct Current {
    pub(super) value: Value,
    pub(super) version: u64,
    writer_device: String,
    writer_number: Option<u64>,
}

impl Effects<'_> {
    pub(super) fn write(
        &mut self,
        field: &str,
        rule: Rule,
        value: &Value,
        base: &Base,
        closes: Option<&str>,
    ) -> Result<(), Unfit> {
        let current = self.current(field)?;
        if self.fits(field, current.as_ref(), base)? {
            self.replace(field, value, current.as_ref())?;
            self.close_settled(field, value)?;
        } else if let Some(same) = current.filter(|c| c.value == *value) {
            // Somebody else came to the same decision first; there is nothing to ask about.
            self.agree(field, &same)?;
        } else {
            return self.open(field, rule, value, closes);
        }
        match closes {
            Some(conflict) => self.close(field, conflict),
            None => Ok(()),
        }
    }

    /// Decides a conflict, if it is still open and for the caller to decide. Another device may
    /// have been first; then nothing is left to do.
    pub(super) fn close(&mut self, field: &str, conflict: &str) -> Result<(), Unfit> {
        self.context
            .db
            .prepare_cached(
                "DELETE FROM conflicts
                 WHERE record = ?1 AND (user = ?2 OR shared) AND field = ?3 AND id = ?4",
            )?
            .execute(params![self.key, self.context.caller.user, field, conflict])?;
        Ok(())
    }

    /// What lost before and stands now leaves nothing to decide.
    fn close_settled(&self, field: &str, value: &Value) -> rusqlite::Result<()> {
        self.context
            .db
            .prepare_cached("DELETE FROM conflicts WHERE record = ?1 AND field = ?2 AND mine = ?3")?
            .execute(params![self.key, field, ToStore(value)])?;
        Ok(())
    }

    /// Whether what stands in the field is what a write was based on.
    pub(super) fn fits(&self, field: &str, current: Option<&Current>, base: &Base) -> rusqlite::Result<bool> {
        if self.context.policy.base_version == BaseVersion::Ignore {
            return Ok(true);
        }
        let version = current.map_or(0, |c| c.version);
        Ok(base.version == version
            || current.is_some_and(|c| self.wrote(c, base.after))
            || self.agreed(field, version, base.after)?)
    }

    pub(super) fn current(&self, field: &str) -> rusqlite::Result<Option<Current>> {
        self.context
            .db
            .prepare_cached(
                "SELECT value, version, writer_device, writer_number FROM fields
                 WHERE record = ?1 AND field = ?2",
            )?
            .query_row(params![self.key, field], |row| {
                Ok(Current {
                    value: row.get::<_, StoredValue>(0)?.0,
                    version: row.get(1)?,
                    writer_device: row.get(2)?,
                    writer_number: row.get(3)?,
                })
            })
            .optional()
    }

    /// Whether the present value is this device's own mutation `after`: then nobody came in
    /// between, although the device had not heard of the version yet.
    fn wrote(&self, current: &Current, after: Option<u64>) -> bool {
        after.is_some() && current.writer_number == after && current.writer_device == self.context.device
    }

    /// Whether this device's own mutation `after` said the same as the present value.
    fn agreed(&self, field: &str, version: u64, after: Option<u64>) -> rusqlite::Result<bool> {
        let Some(after) = after.and_then(|after| i64::try_from(after).ok()) else { return Ok(false) };
        self.context
            .db
            .prepare_cached(
                "SELECT 1 FROM agreements
                 WHERE record = ?1 AND field = ?2 AND device = ?3 AND number = ?4 AND version = ?5",
            )?
            .exists(params![self.key, field, self.context.device, after, version])
    }

    /// Remembers that this mutation said what stands in the field.
    pub(super) fn agree(&self, field: &str, same: &Current) -> rusqlite::Result<()> {
        let Some(number) = self.mutation.number else { return Ok(()) };
        let (db, version) = (self.context.db, same.version);
        db.prepare_cached("DELETE FROM agreements WHERE record = ?1 AND field = ?2 AND version < ?3")?
            .execute(params![self.key, field, version])?;
        db.prepare_cached(
            "INSERT INTO agreements (record, field, device, number, version) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![self.key, field, self.context.device, number, version])?;
        Ok(())
    }

    pub(super) fn replace(
        &self,
        field: &str,
        value: &Value,
        current: Option<&Current>,
    ) -> rusqlite::Result<()> {
        let version = current.map_or(0, |c| c.version) + 1;
        self.context
            .db
            .prepare_cached(
                "INSERT INTO fields (record, field, value, version, writer_device, writer_number)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET value = excluded.value, version = excluded.version,
                     writer_device = excluded.writer_device, writer_number = excluded.writer_number",
            )?
            .execute(params![
                self.key,
                field,
                ToStore(value),
                version,
                self.context.device,
                self.mutation.number
            ])?;
        Ok(())
    }

    /// Keeps a value that lost. It takes the place of what the same device had lost before, and
    /// of the conflict that it was meant to decide; a conflict from another device of the same
    /// user holds other words and stays.
    fn open(&mut self, field: &str, rule: Rule, value: &Value, closes: Option<&str>) -> Result<(), Unfit> {
        let id = self.name(field)?;
        let context = self.context;
        context
            .db
            .prepare_cached(
                "DELETE FROM conflicts WHERE record = ?1 AND field = ?3
                 AND (user = ?2 AND (device = ?4 OR id = ?5) OR shared AND id = ?5)",
            )?
            .execute(params![self.key, context.caller.user, field, context.device, closes])?;
        context
            .db
            .prepare_cached(
                "INSERT INTO conflicts (record, user, field, id, device, shared, mine)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                self.key,
                context.caller.user,
                field,
                id,
                context.device,
                rule == Rule::Manual,
                ToStore(value)
            ])?;
        self.exceptions.insert(field.to_owned(), Exception::Conflict(id));
        Ok(())
    }
}
