//! Transactions, and what becomes of one whose commit failed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::RecordId;
use rusqlite::Connection;
use tokio::sync::{MutexGuard, oneshot};

use super::{Limbo, Meta, QueueRow, RecordRow, Result, Store, StoreError, UndoRow, connect};
use crate::policy::Integrity;

/// A row as it was before a transaction changed it; none where there was none.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Queue(u64, Option<QueueRow>),
    Record(RecordId, Option<RecordRow>),
    Undo(RecordId, Option<UndoRow>),
}

/// What takes a transaction back; none where nobody would want that.
pub(crate) type Undo = Option<Vec<Change>>;

/// A transaction. Dropped before its commit, it rolls back: that is what a crash does to it, and
/// what `?` does.
pub(crate) struct Tx<'a> {
    /// Taken out only by what ends the transaction.
    store: Option<MutexGuard<'a, Store>>,
    open: bool,
    /// The disk failed under it.
    failed: Cell<bool>,
    /// What the device knows of itself, as this transaction leaves it.
    pub(crate) meta: Meta,
    /// The records whose view may have changed.
    pub(crate) touched: BTreeSet<RecordId>,
    /// The record whose work this transaction throws away: shown as such for a moment.
    pub(crate) discarded: Option<RecordId>,
    /// Rows as they stand in this transaction: looking at a record again costs no statement, and
    /// its JSON is not read again.
    pub(super) known: RefCell<BTreeMap<RecordId, RecordRow>>,
    undo: Undo,
    /// The seal that the commit leaves.
    seal: u64,
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        let Some(store) = &mut self.store else { return };
        let clean = if self.open && !self.failed.get() {
            roll_back(store.open_connection()).is_ok()
        } else {
            !self.failed.get()
        };
        if !clean {
            store.close();
        }
    }
}

fn roll_back(db: &Connection) -> rusqlite::Result<()> {
    db.prepare_cached("ROLLBACK")?.execute([]).map(drop)
}

impl<'a> Tx<'a> {
    /// Begins to change something.
    pub(crate) fn begin(store: MutexGuard<'a, Store>) -> Result<Tx<'a>> {
        let mut tx = Tx::read(store);
        tx.sql(|db| {
            db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            Ok(())
        })?;
        tx.open = true;
        Ok(tx)
    }

    /// Only reads. Nothing that it would write can be committed.
    pub(crate) fn read(store: MutexGuard<'a, Store>) -> Tx<'a> {
        Tx {
            open: false,
            failed: Cell::new(false),
            meta: store.meta.clone(),
            touched: BTreeSet::new(),
            discarded: None,
            known: RefCell::default(),
            undo: None,
            seal: store.seal,
            store: Some(store),
        }
    }

    /// Remembers how to take everything back.
    pub(crate) fn with_undo(mut self) -> Tx<'a> {
        self.undo = Some(Vec::new());
        self
    }

    fn store(&self) -> &MutexGuard<'a, Store> {
        self.store.as_ref().expect("taken out only by what ends the transaction")
    }

    fn store_mut(&mut self) -> &mut MutexGuard<'a, Store> {
        self.store.as_mut().expect("taken out only by what ends the transaction")
    }

    pub(super) fn integrity(&self) -> Integrity {
        self.store().integrity
    }

    /// Every statement runs in here: after an error nothing more can be said of the connection.
    pub(super) fn sql<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let result = work(self.store().open_connection());
        if result.is_err() {
            self.failed.set(true);
        }
        result
    }

    /// Notes that a row with one seal has taken the place of one with another; 0 is no row.
    pub(super) fn changed(&mut self, before: u64, after: u64, change: Change) {
        self.meta.sum = self.meta.sum.wrapping_sub(before).wrapping_add(after);
        if let Some(undo) = &mut self.undo {
            undo.push(change);
        }
    }

    pub(super) fn count_rows(&mut self, before: bool, after: bool) {
        self.meta.queued = self.meta.queued + u64::from(after) - u64::from(before);
    }

    /// How many rows are in the queue, failed ones too.
    pub(crate) fn queued(&self) -> u64 {
        self.meta.queued
    }

    /// As [`Store::is_draining`].
    pub(crate) fn is_draining(&self) -> bool {
        self.store().is_draining()
    }

    /// Whether a commit would change nothing.
    fn is_idle(&self) -> bool {
        self.meta == self.store().meta
    }

    /// Commits and keeps the lock, so that what is published next is in the order of the commits.
    ///
    /// # Errors
    /// The transaction may be in the database nevertheless: see [`Tx::into_limbo`].
    pub(crate) fn commit(&mut self) -> Result<()> {
        if self.is_idle() {
            self.open = false;
            return self.sql(|db| Ok(roll_back(db)?));
        }
        let mut meta = std::mem::take(&mut self.meta);
        let sealed = self.sql(|db| connect::write_meta(db, &mut meta));
        self.meta = meta;
        // Should the commit fail, this tells whether it is in the database.
        self.seal = sealed?;
        self.sql(|db| {
            db.prepare_cached("COMMIT")?.execute([])?;
            Ok(())
        })?;
        self.open = false;
        let (meta, seal) = (self.meta.clone(), self.seal);
        let store = self.store_mut();
        store.meta = meta;
        store.seal = seal;
        Ok(())
    }

    /// Ends a transaction that was committed, or that only read.
    pub(crate) fn into_store(mut self) -> MutexGuard<'a, Store> {
        debug_assert!(!self.open, "it would not be rolled back");
        self.store.take().expect("taken out only here and in `into_limbo`")
    }

    /// After a commit that failed: the next opening of the database will see whether the
    /// transaction is in it, and tell.
    pub(crate) fn into_limbo(mut self) -> (MutexGuard<'a, Store>, oneshot::Receiver<bool>) {
        let mut store = self.store.take().expect("taken out only here and in `into_store`");
        store.close();
        let (tell, told) = oneshot::channel();
        store.limbo = Some(Limbo { seal: self.seal, undo: self.undo.take(), tell: Some(tell) });
        (store, told)
    }
}

impl StoreError {
    /// Whether a try at a later time may go well.
    pub(crate) fn may_pass(&self) -> bool {
        !matches!(self, StoreError::InUse | StoreError::OtherVersion { .. })
    }
}
