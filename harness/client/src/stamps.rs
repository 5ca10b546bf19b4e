//! The hybrid logical clock.
//!
//! Before it stamps, the clock exceeds every stamp in the database, so that a write never loses
//! to one that its user had in view.

use deadzone_contract::Stamp;
use deadzone_contract::wire::{ServerField, ServerRecord};

use crate::policy::Stamps;
use crate::store::{Result, Tx};

const MS: &str = "stamp_ms";
const N: &str = "stamp_n";
const OFFSET: &str = "clock_offset_ms";

/// Makes the stamp of a new write.
pub(crate) fn next(tx: &Tx<'_>, policy: Stamps, wall_ms: u64, device: &str) -> Result<Stamp> {
    if policy == Stamps::WallClock {
        return Ok(Stamp { ms: wall_ms, n: 0, device: device.to_owned() });
    }
    let physical = wall_ms.saturating_add_signed(tx.meta_number(OFFSET)?);
    let (last_ms, last_n) = (tx.meta_number(MS)? as u64, tx.meta_number(N)? as u32);
    let (ms, n) = if physical > last_ms { (physical, 0) } else { (last_ms, last_n + 1) };
    remember(tx, ms, n)?;
    Ok(Stamp { ms, n, device: device.to_owned() })
}

/// Takes notice of the stamps in a record.
pub(crate) fn observe(tx: &Tx<'_>, server: &ServerRecord) -> Result<()> {
    let newest = server.fields.values().filter_map(|field| match field {
        ServerField::Lww { stamp, .. } => Some((stamp.ms, stamp.n)),
        _ => None,
    });
    let Some((ms, n)) = newest.max() else { return Ok(()) };
    if (ms, n) > (tx.meta_number(MS)? as u64, tx.meta_number(N)? as u32) {
        remember(tx, ms, n)?;
    }
    Ok(())
}

/// The server found this device's clock too far ahead: from now on its time is the time, and
/// what still waits is stamped anew, in its order.
pub(crate) fn follow_server(tx: &mut Tx<'_>, policy: Stamps, server_ms: u64, wall_ms: u64) -> Result<()> {
    tx.set_meta_number(OFFSET, server_ms as i64 - wall_ms as i64)?;
    remember(tx, 0, 0)?;
    for record in tx.record_ids()? {
        if let Some(server) = tx.record(&record)?.and_then(|row| row.server) {
            observe(tx, &server)?;
        }
    }
    for mut row in tx.queue()? {
        let device = row.mutation.stamp.device.clone();
        row.mutation.stamp = next(tx, policy, wall_ms, &device)?;
        tx.replace(row.number, &row)?;
    }
    Ok(())
}

fn remember(tx: &Tx<'_>, ms: u64, n: u32) -> Result<()> {
    tx.set_meta_number(MS, ms as i64)?;
    tx.set_meta_number(N, i64::from(n))
}
