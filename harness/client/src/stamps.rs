//! The hybrid logical clock.
//!
//! Before it stamps, the clock exceeds every stamp in the database, so that a write never loses
//! to one that its user had in view.

use deadzone_contract::Stamp;
use deadzone_contract::wire::{ServerField, ServerRecord};

use crate::policy::Stamps;
use crate::store::{Meta, Result, Tx};

/// Makes the stamp of a new write.
pub(crate) fn next(meta: &mut Meta, policy: Stamps, wall_ms: u64, device: &str) -> Stamp {
    let device = device.to_owned();
    if policy == Stamps::WallClock {
        return Stamp { ms: wall_ms, n: 0, device };
    }
    let physical = server_ms(meta, wall_ms);
    let (ms, n) = if physical > meta.stamp_ms { (physical, 0) } else { (meta.stamp_ms, meta.stamp_n + 1) };
    (meta.stamp_ms, meta.stamp_n) = (ms, n);
    Stamp { ms, n, device }
}

/// The server's time, as far as it is known here.
pub(crate) fn server_ms(meta: &Meta, wall_ms: u64) -> u64 {
    wall_ms.saturating_add_signed(meta.clock_offset_ms)
}

/// Takes notice of the stamps in a record.
pub(crate) fn observe(meta: &mut Meta, server: &ServerRecord) {
    for field in server.fields.values() {
        if let ServerField::Lww { stamp, .. } = field {
            exceed(meta, stamp.ms, stamp.n);
        }
    }
}

/// Takes notice of a stamp.
pub(crate) fn exceed(meta: &mut Meta, ms: u64, n: u32) {
    (meta.stamp_ms, meta.stamp_n) = (ms, n).max((meta.stamp_ms, meta.stamp_n));
}

/// The server found this device's clock too far ahead: from now on its time is the time, and
/// what still waits is stamped anew, in its order.
pub(crate) fn follow_server(tx: &mut Tx<'_>, policy: Stamps, server_ms: u64, wall_ms: u64) -> Result<()> {
    tx.meta.clock_offset_ms = server_ms as i64 - wall_ms as i64;
    (tx.meta.stamp_ms, tx.meta.stamp_n) = (0, 0);
    for record in tx.record_ids()? {
        if let Some(server) = tx.record(&record)?.and_then(|row| row.server) {
            observe(&mut tx.meta, &server);
        }
    }
    for row in tx.queue()? {
        let mut anew = row.clone();
        anew.mutation.stamp = next(&mut tx.meta, policy, wall_ms, &row.mutation.stamp.device);
        tx.replace(&row, anew)?;
    }
    Ok(())
}
