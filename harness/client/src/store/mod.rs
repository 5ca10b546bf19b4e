//! The device's database: one connection, and transactions that cannot be left half-done.
//!
//! | Module | Holds |
//! |---|---|
//! | `connect` | how a database is opened, and what is looked at before it is trusted |
//! | `meta` | what the device knows of itself |
//! | `tx` | transactions, and what becomes of one whose commit failed |
//! | `rows` | the rows of every table |
//! | `tables`, `undo` | what is done with them |
//! | `seal` | the hash beside every row |
//! | `salvage` | what is done about a damaged database |
//! | `reserve` | room on the disk that is kept for draining the queue |
//!
//! After any error of the disk the connection is given up: SQLite cannot know then what the disk
//! holds, and a commit that failed may have reached it. Whoever comes next opens the database
//! anew and looks.

mod connect;
mod meta;
mod reserve;
mod rows;
mod salvage;
mod seal;
mod tables;
mod tx;
mod undo;

use std::sync::Arc;

use deadzone_contract::seam::{DatabaseLocation, Disk, Random};
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use crate::policy::{Commits, Integrity};
pub(crate) use meta::Meta;
pub(crate) use reserve::DRAIN_ROWS;
pub(crate) use rows::{Copy, Inverse, QueueRow, RecordRow, RowStatus, UndoRow};
pub(crate) use tx::Tx;

/// What the database could not do. Nothing of the transaction was kept, unless it was the commit
/// that failed: then nobody knows, and the answer is to look.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("another process of this app has this database open")]
    InUse,
    #[error("another version of this app made this database (schema {found})")]
    OtherVersion { found: i64 },
    #[error("the database on this device cannot be opened")]
    Absent,
    #[error("the storage of this device is full; free some space, what is saved is safe and is still sent")]
    Full,
    #[error("the database on this device is damaged: {0}")]
    Damaged(String),
    #[error("the storage of this device fails: {0}")]
    Failed(String),
    #[error("its user has signed out")]
    Left,
}

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy) => StoreError::InUse,
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::CannotOpen) => StoreError::Absent,
            Some(
                ErrorCode::SystemIoFailure
                // What an error has left behind in this very connection.
                | ErrorCode::DatabaseLocked
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted
                | ErrorCode::OperationAborted
                | ErrorCode::FileLockingProtocolFailed,
            ) => StoreError::Failed(error.to_string()),
            // The statements are written here, and read what was written here: one that does not
            // fit has met other tables or other values.
            _ => StoreError::Damaged(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> StoreError {
        StoreError::Damaged(error.to_string())
    }
}

/// The databases of one user on one device, by their roles.
struct Files {
    disk: Arc<dyn Disk>,
    user: String,
}

impl Files {
    fn main(&self) -> String {
        format!("{}.db", self.user)
    }

    /// Holds everything while a damaged database is replaced.
    fn rescue(&self) -> String {
        format!("{}.db.rescue", self.user)
    }

    /// Holds nothing but room.
    fn reserve(&self) -> String {
        format!("{}.db.reserve", self.user)
    }

    fn at(&self, name: &str) -> DatabaseLocation {
        self.disk.database(name)
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.disk.remove(name).map_err(StoreError::Failed)
    }
}

/// A transaction of which nobody knows whether it is in the database.
pub(crate) struct Limbo {
    /// The seal of [`Meta`] that it would have left.
    seal: u64,
    /// What takes it back, should it be in the database after its user was told that it is not.
    pub(crate) undo: tx::Undo,
    /// Whoever waits for the answer, until it was given.
    tell: Option<oneshot::Sender<bool>>,
}

/// What an opening has to make of what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durable {
    /// It is on the disk when the opening has succeeded.
    Yes,
    /// It may still be on its way.
    NotYet,
}

/// What an opening found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// No database; now there is one.
    New,
    /// The database as it was left.
    Whole,
    /// A damaged database, which was replaced by what was whole in it.
    Repaired,
}

/// The database, open or waiting to be opened.
pub(crate) struct Store {
    files: Files,
    integrity: Integrity,
    commits: Commits,
    random: Arc<dyn Random>,
    connection: Option<Connection>,
    /// As committed.
    meta: Meta,
    /// The seal of `meta`: tells one commit from another.
    seal: u64,
    reserve: reserve::Reserve,
    /// Set by the first opening of this process.
    pub(crate) taken_up: bool,
    pub(crate) limbo: Option<Limbo>,
}

impl Store {
    /// A database that is not open yet.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        random: Arc<dyn Random>,
        user: &str,
        integrity: Integrity,
        commits: Commits,
    ) -> Store {
        Store {
            files: Files { disk, user: user.to_owned() },
            integrity,
            commits,
            random,
            connection: None,
            meta: Meta::default(),
            seal: 0,
            reserve: reserve::Reserve::Unknown,
            taken_up: false,
            limbo: None,
        }
    }

    /// Whose database this is, once it is open.
    pub(crate) fn user(&self) -> Option<&str> {
        self.meta.user.as_deref()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Tells whoever waits whether the transaction in limbo is in the database. Answers with what
    /// has to be taken back: it is, but its user was told that it is not.
    pub(crate) fn resolve_limbo(&mut self) -> tx::Undo {
        let limbo = self.limbo.as_mut()?;
        let committed = self.seal == limbo.seal;
        let heard = limbo.tell.take().is_some_and(|tell| tell.send(committed).is_ok());
        if heard || !committed {
            self.limbo = None;
        }
        // Until that is committed, a failure may come in between again.
        self.limbo.as_ref().and_then(|limbo| limbo.undo.clone())
    }

    /// Gives the connection up; what it had not committed is undone.
    pub(crate) fn close(&mut self) {
        self.connection = None;
    }

    /// Deletes everything on the disk, so that the next opening begins anew.
    ///
    /// # Errors
    /// Another process has the database open, or the storage refused; then what is left is not
    /// known.
    pub(crate) fn remove_all(&mut self) -> Result<()> {
        self.close();
        // Nobody may have open what is deleted. Damage is no reason to keep it.
        if let Err(error @ StoreError::InUse) =
            connect::connect(&self.files.at(&self.files.main()), connect::Missing::Create)
        {
            return Err(error);
        }
        (self.meta, self.seal) = (Meta::default(), 0);
        for file in [self.files.rescue(), self.files.reserve(), self.files.main()] {
            self.files.remove(&file)?;
        }
        self.reserve = reserve::Reserve::Unknown;
        self.taken_up = false;
        self.limbo = None;
        Ok(())
    }

    /// Opens the database and looks at everything in it. What is damaged is replaced.
    pub(crate) fn open(&mut self, durable: Durable) -> Result<Opened> {
        self.close();
        // The database itself is named first, for whoever looks at the names on a device's disk.
        self.files.at(&self.files.main());
        let rescued = self.finish_rescue()?;
        match self.take_hold(durable) {
            Err(StoreError::Damaged(_)) if self.integrity == Integrity::Checked => {
                self.rescue()?;
                self.finish_rescue()?;
                self.take_hold(durable)?;
                Ok(Opened::Repaired)
            }
            Ok(_) if rescued => Ok(Opened::Repaired),
            held => held,
        }
    }

    fn take_hold(&mut self, durable: Durable) -> Result<Opened> {
        let connection = connect::connect(&self.files.at(&self.files.main()), connect::Missing::Create)?;
        if self.commits == Commits::Unsynced {
            connection.execute_batch("PRAGMA synchronous = OFF")?;
        }
        let opened = connect::prepare(&connection, &*self.random)?;
        let (meta, seal) = connect::verify(&connection, self.integrity)?;
        // A log is read up to the first frame that is not whole. What is left of it is sound, and
        // not all that it held.
        if self.integrity == Integrity::Checked && meta.commits < self.meta.commits {
            return Err(StoreError::Damaged("it has lost what was committed".to_owned()));
        }
        // What the log holds is copied into the database, and that copy synced: after a commit
        // whose sync had failed, the log may be readable without being on the disk. A full disk
        // has lost nothing.
        if durable == Durable::Yes {
            match connect::checkpoint(&connection) {
                Ok(()) | Err(StoreError::Full) => {}
                Err(error) => return Err(error),
            }
        }
        self.meta = meta;
        self.seal = seal;
        self.connection = Some(connection);
        if durable == Durable::Yes {
            self.shred()?;
        }
        Ok(opened)
    }

    /// Writes the database anew, so that nothing of what was taken out is left in free pages or in
    /// the log. Where that fails, on a full disk for example, it is done when the database is
    /// opened the next time.
    ///
    /// # Errors
    /// Those of the disk, after which the database is closed.
    pub(crate) fn shred(&mut self) -> Result<()> {
        if !self.meta.shred {
            return Ok(());
        }
        match self.try_shred() {
            Ok(()) | Err(StoreError::Full) => Ok(()),
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    fn try_shred(&mut self) -> Result<()> {
        let connection = self.open_connection();
        // In a file of its own it would leave what it is there to take away.
        connection.execute_batch("PRAGMA temp_store = MEMORY; VACUUM")?;
        connect::checkpoint(connection)?;
        let mut meta = self.meta.clone();
        meta.shred = false;
        // The commit also syncs the log, which was only cut off: until then it could come back.
        let seal = connect::write_meta(connection, &mut meta)?;
        (self.meta, self.seal) = (meta, seal);
        Ok(())
    }

    fn open_connection(&self) -> &Connection {
        self.connection.as_ref().expect("a transaction begins on an open connection and ends before it goes")
    }
}
