//! Transactions that end even when nobody is left to end them.

use std::ops::Deref;

use rusqlite::Connection;
use tokio::sync::MutexGuard;

use crate::store::Store;

/// A transaction with sole use of the connection. When it is dropped before its commit, because
/// something failed or because nobody waits for the answer any more, it rolls back.
pub(crate) struct Transaction<'a> {
    // The guard and not the connection: a future that holds this may then move between threads.
    store: MutexGuard<'a, Store>,
    open: bool,
    /// It is one of those that are gathered in a larger one.
    nested: bool,
}

impl<'a> Transaction<'a> {
    pub(crate) fn begin(mut store: MutexGuard<'a, Store>, how: &str) -> rusqlite::Result<Transaction<'a>> {
        let nested = store.is_gathering();
        let how = if nested { "SAVEPOINT gathered" } else { how };
        store.connection()?.prepare_cached(how)?.execute([])?;
        Ok(Transaction { store, open: true, nested })
    }

    /// Commits. After an error it is not known whether it did: the connection is given up, and
    /// the next one sees.
    pub(crate) fn commit(&mut self) -> rusqlite::Result<()> {
        self.end(if self.nested { &["RELEASE gathered"] } else { &["COMMIT"] })
    }

    /// Undoes everything. What follows reads the state as it was.
    pub(crate) fn roll_back(&mut self) -> rusqlite::Result<()> {
        self.end(if self.nested { &["ROLLBACK TO gathered", "RELEASE gathered"] } else { &["ROLLBACK"] })
    }

    fn end(&mut self, how: &[&str]) -> rusqlite::Result<()> {
        self.open = false;
        let ended = how.iter().try_for_each(|how| self.prepare_cached(how)?.execute([]).map(drop));
        if ended.is_err() {
            self.store.give_up();
        }
        ended
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.store.opened().expect("begun on a connection, which only a failed end gives up")
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
