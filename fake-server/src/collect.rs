//! Forgets what is past its horizon: tombstones with their content, losses of sight, and stored
//! answers.
//!
//! There is no task for it. Each request does a little of the work when some is due, so that a
//! server without visitors does nothing and no request waits long.

use rusqlite::{Connection, params};

use crate::App;
use crate::policy::{AnswerStore, ServerPolicy, Tombstones};

/// How much of each kind one request forgets: far more than it adds.
const COLLECTED_MAX: u32 = 32;

/// A minute, in ms: what some call long enough.
const MINUTE_MS: u64 = 60_000;

/// The latest times that are past what is kept; none while the clock has not come so far.
pub(crate) struct Cutoffs {
    answers_ms: Option<u64>,
    tombstones_ms: Option<u64>,
    losses_ms: Option<u64>,
}

impl Cutoffs {
    pub(crate) fn now(app: &App) -> Cutoffs {
        let before = |age_ms| app.now_ms().checked_sub(age_ms);
        let horizon_ms = before(app.parameters.tombstone_horizon);
        Cutoffs {
            answers_ms: match app.policy.answer_store {
                AnswerStore::UntilTheHorizon => horizon_ms,
                AnswerStore::ForAMinute => before(MINUTE_MS),
            },
            tombstones_ms: match app.policy.tombstones {
                Tombstones::UntilTheHorizon => horizon_ms,
                Tombstones::ForAMinute => before(MINUTE_MS),
            },
            losses_ms: horizon_ms,
        }
    }
}

/// Whether anything is to be forgotten.
pub(crate) fn is_due(db: &Connection, cutoffs: &Cutoffs) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM answers WHERE made_ms <= ?1)
             OR EXISTS (SELECT 1 FROM records
                        WHERE deleted_ms IS NOT NULL AND purged = 0 AND deleted_ms <= ?2)
             OR EXISTS (SELECT 1 FROM losses WHERE lost_ms <= ?3)",
    )?
    .query_row(params![cutoffs.answers_ms, cutoffs.tombstones_ms, cutoffs.losses_ms], |row| row.get(0))
}

/// Forgets some of what is due.
pub(crate) fn collect(db: &Connection, policy: &ServerPolicy, cutoffs: &Cutoffs) -> rusqlite::Result<()> {
    forget_answers(db, policy, cutoffs)?;
    let tombstones = purge_tombstones(db, cutoffs)?;
    let losses = purge_losses(db, cutoffs)?;
    let highest = match policy.tombstones {
        Tombstones::UntilTheHorizon => tombstones.max(losses),
        Tombstones::ForAMinute => losses,
    };
    if let Some(highest) = highest {
        // Whoever stands before it has missed something.
        db.prepare_cached("UPDATE server SET purge_seq = max(purge_seq, ?1), purge_epoch = purge_epoch + 1")?
            .execute([highest])?;
    }
    Ok(())
}

/// A number whose answer is gone could have taken effect; the highest one is kept for each user
/// on each device, so that it is never carried out again.
fn forget_answers(db: &Connection, policy: &ServerPolicy, cutoffs: &Cutoffs) -> rusqlite::Result<()> {
    let due = db
        .prepare_cached(
            "SELECT device, user, number FROM answers WHERE made_ms <= ?1
             ORDER BY made_ms, device, number LIMIT ?2",
        )?
        .query_map(params![cutoffs.answers_ms, COLLECTED_MAX], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (device, user, number) in due {
        db.prepare_cached("DELETE FROM answers WHERE device = ?1 AND number = ?2")?
            .execute(params![device, number])?;
        if policy.answer_store == AnswerStore::ForAMinute {
            continue;
        }
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
fn purge_tombstones(db: &Connection, cutoffs: &Cutoffs) -> rusqlite::Result<Option<u64>> {
    let due = db
        .prepare_cached(
            "SELECT key, commit_seq FROM records
             WHERE deleted_ms IS NOT NULL AND purged = 0 AND deleted_ms <= ?1
             ORDER BY deleted_ms, key LIMIT ?2",
        )?
        .query_map(params![cutoffs.tombstones_ms, COLLECTED_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, u64)>>>()?;
    for (key, _) in &due {
        erase(db, *key)?;
        db.prepare_cached("UPDATE records SET purged = 1 WHERE key = ?1")?.execute([key])?;
    }
    Ok(due.into_iter().map(|(_, commit_seq)| commit_seq).max())
}

/// Returns the highest place that is free now.
fn purge_losses(db: &Connection, cutoffs: &Cutoffs) -> rusqlite::Result<Option<u64>> {
    let freed = db
        .prepare_cached(
            "DELETE FROM losses WHERE (user, record) IN
             (SELECT user, record FROM losses WHERE lost_ms <= ?1 ORDER BY lost_ms, user, record LIMIT ?2)
             RETURNING commit_seq",
        )?
        .query_map(params![cutoffs.losses_ms, COLLECTED_MAX], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<u64>>>()?;
    Ok(freed.into_iter().max())
}

/// Forgets everything that a record holds.
fn erase(db: &Connection, key: i64) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM fields WHERE record = ?1",
        "DELETE FROM agreements WHERE record = ?1",
        "DELETE FROM additions WHERE record = ?1",
        "DELETE FROM conflicts WHERE record = ?1",
        "DELETE FROM touches WHERE record = ?1",
    ] {
        db.prepare_cached(sql)?.execute([key])?;
    }
    Ok(())
}

/// Forgets that there ever was a record, or anything under it: [`Deletes::Nothing`].
///
/// [`Deletes::Nothing`]: crate::policy::Deletes::Nothing
pub(crate) fn remove(db: &Connection, key: i64) -> rusqlite::Result<()> {
    let under = db
        .prepare_cached(
            "SELECT r.key FROM records r JOIN records p ON p.id = r.parent WHERE p.key = ?1 ORDER BY r.key",
        )?
        .query_map([key], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    under.into_iter().try_for_each(|key| remove(db, key))?;
    erase(db, key)?;
    for sql in [
        "DELETE FROM losses WHERE record = ?1",
        "DELETE FROM private_tasks WHERE task = ?1",
        "DELETE FROM records WHERE key = ?1",
    ] {
        db.prepare_cached(sql)?.execute([key])?;
    }
    Ok(())
}
