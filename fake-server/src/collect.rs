//! Forgets what is past its horizon: tombstones with their content, losses of sight, and stored
//! answers.
//!
//! There is no task for it. Each request does a little of the work when some is due, so that a
//! server without visitors does nothing and no request waits long.

use deadzone_contract::Parameters;
use rusqlite::{Connection, params};

/// How much of each kind one request forgets: far more than it adds.
const COLLECTED_MAX: u32 = 32;

/// The latest time that is past the horizon; none while the clock has not come so far.
pub(crate) fn cutoff_ms(parameters: &Parameters, now_ms: u64) -> Option<u64> {
    now_ms.checked_sub(parameters.tombstone_horizon)
}

/// Whether anything is to be forgotten.
pub(crate) fn is_due(db: &Connection, cutoff_ms: u64) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM answers WHERE made_ms <= ?1)
             OR EXISTS (SELECT 1 FROM records
                        WHERE deleted_ms IS NOT NULL AND purged = 0 AND deleted_ms <= ?1)
             OR EXISTS (SELECT 1 FROM losses WHERE lost_ms <= ?1)",
    )?
    .query_row([cutoff_ms], |row| row.get(0))
}

/// Forgets some of what is due.
pub(crate) fn collect(db: &Connection, cutoff_ms: u64) -> rusqlite::Result<()> {
    forget_answers(db, cutoff_ms)?;
    let highest = purge_tombstones(db, cutoff_ms)?.max(purge_losses(db, cutoff_ms)?);
    if let Some(highest) = highest {
        // Whoever stands before it has missed something.
        db.prepare_cached("UPDATE server SET purge_seq = max(purge_seq, ?1), purge_epoch = purge_epoch + 1")?
            .execute([highest])?;
    }
    Ok(())
}

/// A number whose answer is gone could have taken effect; the highest one is kept for each user
/// on each device, so that it is never carried out again.
fn forget_answers(db: &Connection, cutoff_ms: u64) -> rusqlite::Result<()> {
    let due = db
        .prepare_cached(
            "SELECT device, user, number FROM answers WHERE made_ms <= ?1
             ORDER BY made_ms, device, number LIMIT ?2",
        )?
        .query_map(params![cutoff_ms, COLLECTED_MAX], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (device, user, number) in due {
        db.prepare_cached("DELETE FROM answers WHERE device = ?1 AND number = ?2")?
            .execute(params![device, number])?;
        db.prepare_cached(
            "INSERT INTO forgotten (device, user, number) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET number = max(number, excluded.number)",
        )?
        .execute(params![device, user, number])?;
    }
    Ok(())
}

/// Leaves of a deleted record only its row, so that its id stays taken and an edit of it can be
/// told that it is gone. Returns the highest place that is free now.
fn purge_tombstones(db: &Connection, cutoff_ms: u64) -> rusqlite::Result<Option<u64>> {
    let due = db
        .prepare_cached(
            "SELECT key, commit_seq FROM records
             WHERE deleted_ms IS NOT NULL AND purged = 0 AND deleted_ms <= ?1
             ORDER BY deleted_ms, key LIMIT ?2",
        )?
        .query_map(params![cutoff_ms, COLLECTED_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, u64)>>>()?;
    for (key, _) in &due {
        for sql in [
            "DELETE FROM fields WHERE record = ?1",
            "DELETE FROM agreements WHERE record = ?1",
            "DELETE FROM additions WHERE record = ?1",
            "DELETE FROM conflicts WHERE record = ?1",
            "DELETE FROM touches WHERE record = ?1",
            "UPDATE records SET purged = 1 WHERE key = ?1",
        ] {
            db.prepare_cached(sql)?.execute([key])?;
        }
    }
    Ok(due.into_iter().map(|(_, commit_seq)| commit_seq).max())
}

/// Returns the highest place that is free now.
fn purge_losses(db: &Connection, cutoff_ms: u64) -> rusqlite::Result<Option<u64>> {
    let freed = db
        .prepare_cached(
            "DELETE FROM losses WHERE (user, record) IN
             (SELECT user, record FROM losses WHERE lost_ms <= ?1 ORDER BY lost_ms, user, record LIMIT ?2)
             RETURNING commit_seq",
        )?
        .query_map(params![cutoff_ms, COLLECTED_MAX], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<u64>>>()?;
    Ok(freed.into_iter().max())
}
