//! The connection to the database: how it is opened, and what is believed of it after an error.
//!
//! What is committed has to survive the power. A commit is durable when SQLite says that it is
//! done; in two cases more can be *read* than that: after the process was killed inside a commit,
//! and after a commit whose sync failed. Both leave a whole commit in the journal that no sync has
//! made durable. So every opening makes the journal durable before anything is answered from it
//! ([`settle`]).

use std::fmt;
use std::time::Duration;

use deadzone_contract::Model;
use deadzone_contract::seam::DatabaseLocation;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

/// Raised with every change of `schema.sql`.
const SCHEMA: i64 = 5;

/// More than the statements of this crate, so that each is compiled once.
const STATEMENTS: usize = 128;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// SQLite refused.
    #[error("the server's database cannot be used: {0}")]
    Sqlite(rusqlite::Error),
    /// What stands there is not what was written there.
    #[error("the server's database is damaged ({0}); restore it from a backup")]
    Damaged(String),
    /// What is committed would not be safe.
    #[error("the server's database keeps its journal as `{0}`; `wal` or, in memory, `memory` is needed")]
    Journal(String),
    /// Another version of this server made the database.
    #[error("the server's database has schema {found}; this server knows {known}", known = SCHEMA)]
    Schema {
        /// What the database says.
        found: i64,
    },
    /// Other rules hold than those that the database was made with.
    #[error("the server's database is of model {found}; this server is of model {model}")]
    Model {
        /// What the database says.
        found: String,
        /// What the server was told.
        model: Model,
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

impl From<rusqlite::Error> for StartError {
    fn from(error: rusqlite::Error) -> StartError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StartError::Damaged(error.to_string())
            }
            _ => StartError::Sqlite(error),
        }
    }
}

/// The only connection to the database.
pub(crate) struct Store {
    location: DatabaseLocation,
    /// None after an error that leaves it open what was committed: the next request opens the
    /// database anew and looks.
    connection: Option<Connection>,
    /// A transaction is open in which the others are gathered.
    gathering: bool,
}

impl Store {
    /// Opens the database, makes it where there is none, and refuses one that is damaged.
    pub(crate) fn open(location: DatabaseLocation) -> Result<Store, StartError> {
        let connection = connect(&location, OpenFlags::SQLITE_OPEN_CREATE)?;
        if let Kept::OnDisk = journal(&connection)? {
            intact(&connection)?;
            settle(&connection)?;
        }
        schema(&connection)?;
        Ok(Store { location, connection: Some(connection), gathering: false })
    }

    /// The connection, opened anew where it was given up.
    pub(crate) fn connection(&mut self) -> rusqlite::Result<&Connection> {
        if self.connection.is_none() {
            let reopened = reopen(&self.location).map_err(|error| match error {
                StartError::Sqlite(error) => error,
                other => unusable(&other),
            });
            self.connection = Some(reopened?);
        }
        Ok(self.connection.as_ref().expect("opened above"))
    }

    /// The connection, where it was not given up.
    pub(crate) fn opened(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Believes the connection no longer. What it had not committed is gone; whether the last
    /// commit happened shows when the database is opened again.
    pub(crate) fn give_up(&mut self) {
        self.connection = None;
        self.gathering = false;
    }

    /// Whether transactions are gathered in a larger one now.
    pub(crate) fn is_gathering(&self) -> bool {
        self.gathering
    }

    /// Begins to gather transactions in a larger one.
    pub(crate) fn gather(&mut self) -> rusqlite::Result<()> {
        self.connection()?.execute_batch("BEGIN IMMEDIATE")?;
        self.gathering = true;
        Ok(())
    }

    /// Commits what was gathered. Nobody is left to be told of an error.
    pub(crate) fn commit_gathered(&mut self) {
        let gathered = std::mem::take(&mut self.gathering);
        let connection = self.connection.as_ref().filter(|_| gathered);
        if connection.is_some_and(|connection| connection.execute_batch("COMMIT").is_err()) {
            self.give_up();
        }
    }
}

fn unusable(why: &impl fmt::Display) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
    rusqlite::Error::SqliteFailure(code, Some(why.to_string()))
}

/// Opens a database that is there.
fn reopen(location: &DatabaseLocation) -> Result<Connection, StartError> {
    let connection = connect(location, OpenFlags::empty())?;
    if let Kept::OnDisk = journal(&connection)? {
        settle(&connection)?;
    }
    match schema_of(&connection)? {
        SCHEMA => Ok(connection),
        found => Err(StartError::Schema { found }),
    }
}

fn connect(location: &DatabaseLocation, create: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX // an async mutex stands around the connection already
        | create;
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

/// Where a database is kept.
enum Kept {
    OnDisk,
    /// It lives as long as somebody holds it open: there is nothing to be durable or damaged.
    InMemory,
}

/// Makes commits durable, and believes only what SQLite answers.
fn journal(connection: &Connection) -> Result<Kept, StartError> {
    let mode = |sql| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    if mode("PRAGMA journal_mode")? == "memory" {
        return Ok(Kept::InMemory);
    }
    // One process owns its database: a second one is refused clearly, and no shared memory is
    // asked of the file system.
    mode("PRAGMA locking_mode = EXCLUSIVE")?;
    match mode("PRAGMA journal_mode = WAL")? {
        wal if wal == "wal" => Ok(Kept::OnDisk),
        other => Err(StartError::Journal(other)),
    }
}

/// Looks at every page, every index and every reference. It cannot see a change inside a value:
/// SQLite keeps no checksums.
fn intact(connection: &Connection) -> Result<(), StartError> {
    let first = |sql| connection.query_row(sql, [], |row| row.get::<_, String>(0)).optional();
    match first("PRAGMA integrity_check(1)")? {
        Some(found) if found != "ok" => return Err(StartError::Damaged(found)),
        _ => {}
    }
    match first("PRAGMA foreign_key_check")? {
        Some(table) => Err(StartError::Damaged(format!("a row of {table} refers to nothing"))),
        None => Ok(()),
    }
}

/// Makes durable what the journal holds, by way of a checkpoint.
fn settle(connection: &Connection) -> rusqlite::Result<()> {
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    match busy {
        Ok(false) => Ok(()),
        Ok(true) => Err(unusable(&"another process holds the server's database")),
        // A checkpoint syncs the journal before it writes into the database. Where the disk is full
        // or takes no writes, that much is done, and what can be read is durable.
        Err(error) if is_refused_write(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_refused_write(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE};
    let code = error.sqlite_error().map(|error| error.extended_code);
    code.is_some_and(|code| [SQLITE_FULL, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE].contains(&code))
}

fn schema_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Makes the tables, all or none, in a database that is new.
fn schema(connection: &Connection) -> Result<(), StartError> {
    match schema_of(connection)? {
        SCHEMA => return Ok(()),
        0 => {}
        found => return Err(StartError::Schema { found }),
    }
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    Ok(transaction.commit()?)
}
