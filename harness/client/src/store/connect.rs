//! How a database is opened, and what is looked at before it is trusted.

use std::time::Duration;

use deadzone_contract::seam::{DatabaseLocation, Random};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::rows::{self, Checked};
use super::seal::Sealer;
use super::{Meta, Opened, Result, StoreError};
use crate::policy::Integrity;

/// Raised with every change of `schema.sql`, of [`Meta`] or of what a seal is made of.
pub(super) const SCHEMA: i64 = 2;

const TABLES: &str = include_str!("schema.sql");

/// More than the statements of this crate, so that each is compiled once.
const STATEMENTS: usize = 64;

/// What to do about a database that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Refuse,
}

/// Opens a database. Nothing of it is read yet.
pub(super) fn open(location: &DatabaseLocation, missing: Missing) -> Result<Connection> {
    let mut flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX; // a connection has one owner at a time
    if missing == Missing::Create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = match &location.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(&location.path, flags, vfs.as_str())?,
        None => Connection::open_with_flags(&location.path, flags)?,
    };
    // In a single-threaded world nobody could release the lock while SQLite waits for it.
    connection.busy_timeout(Duration::ZERO)?;
    // A plan must not depend on the values that a statement is run with first.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Opens a database and takes hold of it: no other process can while this connection lives.
/// Commits are durable when they return.
pub(super) fn connect(location: &DatabaseLocation, missing: Missing) -> Result<Connection> {
    let connection = open(location, missing)?;
    hold(&connection)?;
    Ok(connection)
}

/// Takes hold of a database that was opened.
pub(super) fn hold(connection: &Connection) -> Result<()> {
    let text = |sql| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    // Before anything is read: then the log needs no shared memory.
    text("PRAGMA locking_mode = EXCLUSIVE")?;
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    // What SQLite says it does is what counts. In memory there is nothing to be durable.
    let mut journal = text("PRAGMA journal_mode")?;
    if journal != "memory" {
        journal = text("PRAGMA journal_mode = WAL")?;
        if journal != "wal" {
            let why = format!("it keeps its journal as `{journal}`, which would not be safe");
            return Err(StoreError::Failed(why));
        }
    }
    // The lock is kept from here on, not from the first write on.
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
    Ok(())
}

/// Whether the database is one in memory, which no disk can fill or fail.
pub(super) fn in_memory(connection: &Connection) -> Result<bool> {
    let journal: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    Ok(journal == "memory")
}

/// Makes the tables of a database that has none, in one transaction: it has all or nothing.
pub(super) fn prepare(connection: &Connection, random: &dyn Random) -> Result<Opened> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match version(connection)? {
        SCHEMA => Ok(Opened::Whole),
        0 if tables == 0 => create(connection, Meta::fresh(random), |_, _| Ok(())).map(|()| Opened::New),
        found => match meta(connection, Integrity::Checked) {
            // Its own sealed word against a number that has no seal.
            Ok((meta, _)) if meta.schema == SCHEMA => {
                Err(StoreError::Damaged(format!("it calls itself schema {found}")))
            }
            // Tables without a version: no version of this app leaves that behind.
            Err(StoreError::Damaged(why)) if found == 0 => Err(StoreError::Damaged(why)),
            Err(error @ StoreError::Failed(_)) => Err(error),
            _ => Err(StoreError::OtherVersion { found }),
        },
    }
}

/// The version that a database says it has.
pub(super) fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Makes the tables and whatever `fill` puts into them, in one transaction.
pub(super) fn create(
    connection: &Connection,
    mut meta: Meta,
    fill: impl FnOnce(&Connection, &mut Meta) -> Result<()>,
) -> Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    fill(&transaction, &mut meta)?;
    let (json, seal) = sealed(&meta);
    transaction.execute("INSERT INTO meta (one, value, seal) VALUES (1, ?1, ?2)", (json, seal as i64))?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    Ok(transaction.commit()?)
}

/// Writes the meta row as one more commit leaves it. Answers with its seal.
pub(super) fn write_meta(connection: &Connection, meta: &mut Meta) -> Result<u64> {
    meta.commits += 1;
    let (json, seal) = sealed(meta);
    let mut update = connection.prepare_cached("UPDATE meta SET value = ?1, seal = ?2 WHERE one = 1")?;
    update.execute((json, seal as i64))?;
    Ok(seal)
}

/// A meta row as it is stored, with its seal.
fn sealed(meta: &Meta) -> (String, u64) {
    let json = serde_json::to_string(meta).expect("plain data");
    let seal = seal_of_meta(&json);
    (json, seal)
}

fn seal_of_meta(json: &str) -> u64 {
    Sealer::of(1).text(json).seal()
}

/// Reads the meta row, with its seal.
pub(super) fn meta(connection: &Connection, integrity: Integrity) -> Result<(Meta, u64)> {
    let row = connection
        .query_row("SELECT value, seal FROM meta", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)? as u64))
        })
        .optional()?;
    let Some((json, seal)) = row else {
        return Err(StoreError::Damaged("it does not say whose it is".to_owned()));
    };
    if integrity == Integrity::Checked && seal != seal_of_meta(&json) {
        return Err(StoreError::Damaged("what it says of itself is not what was written".to_owned()));
    }
    Ok((serde_json::from_str(&json)?, seal))
}

/// Looks at everything: SQLite's own structures, the tables' declarations, the seal of every row,
/// and that no row is missing. Answers with the meta row.
pub(super) fn verify(connection: &Connection, integrity: Integrity) -> Result<(Meta, u64)> {
    if integrity == Integrity::Trusted {
        return meta(connection, integrity);
    }
    let problem: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if problem != "ok" {
        return Err(StoreError::Damaged(problem));
    }
    verify_declarations(connection)?;
    let found = meta(connection, integrity)?;
    let records: Checked = rows::check_records(connection)?;
    let queue = rows::check_queue(connection)?;
    let undo = rows::check_undo(connection)?;
    let sum = records.sum.wrapping_add(queue.sum).wrapping_add(undo.sum);
    if queue.rows != found.0.queued || sum != found.0.sum {
        return Err(StoreError::Damaged("its parts are not of the same moment".to_owned()));
    }
    Ok(found)
}

/// SQLite keeps the declarations as they were written.
fn verify_declarations(connection: &Connection) -> Result<()> {
    let mut declarations = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let mut found = 0;
    for sql in declarations.query_map([], |row| row.get::<_, String>(0))? {
        found += 1;
        if !TABLES.contains(&sql?) {
            return Err(StoreError::Damaged("its tables are not those that were declared".to_owned()));
        }
    }
    let declared = TABLES.matches("CREATE ").count();
    if found == declared {
        return Ok(());
    }
    Err(StoreError::Damaged(format!("it has {found} of {declared} tables and indexes")))
}

/// Copies the log into the database and syncs it.
pub(super) fn checkpoint(connection: &Connection) -> Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}
