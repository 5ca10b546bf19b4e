//! Rule `lww`: the highest stamp wins, nothing else is compared.

use deadzone_contract::Value;
use rusqlite::params;

use super::Effects;
use crate::failure::Unfit;
use crate::stored::ToStore;

impl Effects<'_> {
    /// A write with a lower stamp is taken and has no effect: its device will see the winner.
    pub(super) fn put(&mut self, field: &str, value: &Value) -> Result<(), Unfit> {
        let stamp = &self.mutation.stamp;
        self.context
            .db
            .prepare_cached(
                "INSERT INTO fields (record, field, value, stamp_ms, stamp_n, stamp_device)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET value = excluded.value, stamp_ms = excluded.stamp_ms,
                     stamp_n = excluded.stamp_n, stamp_device = excluded.stamp_device
                 WHERE (excluded.stamp_ms, excluded.stamp_n, excluded.stamp_device)
                     > (stamp_ms, stamp_n, stamp_device)",
            )?
            .execute(params![self.key, field, ToStore(value), stamp.ms, stamp.n, stamp.device])?;
        Ok(())
    }
}
