//! Locks on the database file.

use std::ffi::c_int;

use rusqlite::ffi;

use super::call::answer;
use super::open::{Opened, opened};
use crate::lock::Level;

pub(super) unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    answer(ffi::SQLITE_IOERR_LOCK, || {
        // SAFETY: SQLite passes an open file.
        let open = unsafe { opened(file) };
        let Opened::Named(named) = &open.file else { return Ok(()) };
        open.mounted.disk.with(|state| {
            let node = state.node(named.owner, named.id, ffi::SQLITE_IOERR_LOCK)?;
            let granted = node.locks.lock(named.owner, Level::from_sqlite(level));
            if granted { Ok(()) } else { Err(ffi::SQLITE_BUSY) }
        })
    })
}

pub(super) unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    answer(ffi::SQLITE_IOERR_UNLOCK, || {
        // SAFETY: SQLite passes an open file.
        let open = unsafe { opened(file) };
        let Opened::Named(named) = &open.file else { return Ok(()) };
        open.mounted.disk.with(|state| {
            let node = state.node(named.owner, named.id, ffi::SQLITE_IOERR_UNLOCK)?;
            node.locks.unlock(named.owner, Level::from_sqlite(level));
            Ok(())
        })
    })
}

pub(super) unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    answer(ffi::SQLITE_IOERR_CHECKRESERVEDLOCK, || {
        // SAFETY: SQLite passes an open file and a place for the answer.
        let (open, out) = unsafe { (opened(file), &mut *out) };
        *out = 0;
        let Opened::Named(named) = &open.file else { return Ok(()) };
        open.mounted.disk.with(|state| {
            let node = state.node(named.owner, named.id, ffi::SQLITE_IOERR_CHECKRESERVEDLOCK)?;
            *out = c_int::from(node.locks.is_reserved());
            Ok(())
        })
    })
}
