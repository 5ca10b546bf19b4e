//! The connection to the database, and transactions that end even when nobody is left to end
//! them.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use deadzone_contract::seam::DatabaseLocation;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::MutexGuard;

/// Raised with every change of `schema.sql`.
const SCHEMA: i64 = 1;

/// More than the statements of this crate, so that each is compiled once.
const STATEMENTS: usize = 96;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// SQLite refused.
    #[error("the server's database cannot be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What is committed would not be safe.
    #[error("the server's database keeps its journal as `{0}`; `wal` or, in memory, `memory` is needed")]
    Journal(String),
    /// Another version of this server made the database.
    #[error("the server's database has schema {found}; this server knows {known}", known = SCHEMA)]
    Schema {
        /// What the database says.
        found: i64,
    },
    /// A grant to nobody.
    #[error("`{user}` is granted a role in `{workspace}` but is not among the users")]
    UnknownUser {
        /// The user that is missing.
        user: String,
        /// Where the role was granted.
        workspace: String,
    },
}

/// The only connection to the database.
pub(crate) struct Store {
    location: DatabaseLocation,
    /// None after an error that leaves it open what was committed: the next request opens the
    /// database anew and looks.
    connection: Option<Connection>,
}

impl Store {
    pub(crate) fn open(location: DatabaseLocation) -> Result<Store, StartError> {
        let connection = connect(&location)?;
        journal(&connection)?;
        schema(&connection)?;
        Ok(Store { location, connection: Some(connection) })
    }

    fn connection(&mut self) -> rusqlite::Result<&Connection> {
        if self.connection.is_none() {
            let connection = connect(&self.location)?;
            if let Err(error) = journal(&connection) {
                return Err(match error {
                    StartError::Sqlite(error) => error,
                    other => unusable(&other),
                });
            }
            self.connection = Some(connection);
        }
        Ok(self.connection.as_ref().expect("opened above"))
    }
}

fn unusable(why: &impl fmt::Display) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
    rusqlite::Error::SqliteFailure(code, Some(why.to_string()))
}

fn connect(location: &DatabaseLocation) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX; // an async mutex stands around the connection already
    let connection = match &location.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(&location.path, flags, vfs.as_str())?,
        None => Connection::open_with_flags(&location.path, flags)?,
    };
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without it SQLite compiles a statement anew whenever a limit or a bound of a range changes,
    // which took two thirds of the time of an empty pull.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A wait for another process would stop every host of a world that runs in one thread.
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Makes commits durable, and believes only what SQLite answers.
fn journal(connection: &Connection) -> Result<(), StartError> {
    let mode = |sql| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    // A database in memory lives as long as somebody holds it open; there is nothing to be durable.
    if mode("PRAGMA journal_mode")? == "memory" {
        return Ok(());
    }
    // One process owns its database: a second one is refused clearly, and no shared memory is
    // asked of the file system.
    mode("PRAGMA locking_mode = EXCLUSIVE")?;
    match mode("PRAGMA journal_mode = WAL")? {
        wal if wal == "wal" => Ok(()),
        other => Err(StartError::Journal(other)),
    }
}

fn schema(connection: &Connection) -> Result<(), StartError> {
    let found = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found == SCHEMA {
        return Ok(());
    }
    if found != 0 {
        return Err(StartError::Schema { found });
    }
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    Ok(transaction.commit()?)
}

/// A transaction with sole use of the connection. When it is dropped before its commit, because
/// something failed or because nobody waits for the answer any more, it rolls back.
pub(crate) struct Transaction<'a> {
    // The guard and not the connection: a future that holds this may then move between threads.
    store: MutexGuard<'a, Store>,
    open: bool,
}

impl<'a> Transaction<'a> {
    pub(crate) fn begin(mut store: MutexGuard<'a, Store>, how: &str) -> rusqlite::Result<Transaction<'a>> {
        store.connection()?.prepare_cached(how)?.execute([])?;
        Ok(Transaction { store, open: true })
    }

    /// Commits. After an error it is not known whether it did: the connection is given up, and
    /// the next one sees.
    pub(crate) fn commit(&mut self) -> rusqlite::Result<()> {
        self.end("COMMIT")
    }

    /// Undoes everything. What follows reads the state as it was.
    pub(crate) fn roll_back(&mut self) -> rusqlite::Result<()> {
        self.end("ROLLBACK")
    }

    fn end(&mut self, how: &str) -> rusqlite::Result<()> {
        self.open = false;
        let ended = self.prepare_cached(how).and_then(|mut statement| statement.execute([]));
        if ended.is_err() {
            self.store.connection = None;
        }
        ended.map(drop)
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.store.connection.as_ref().expect("begun on a connection, which only a failed end gives up")
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            // A failure gives the connection up, and with it the transaction.
            let _ = self.roll_back();
        }
    }
}
