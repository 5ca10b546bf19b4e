//! The shared memory of a database in WAL mode. SQLite does not ask for it in
//! `locking_mode=EXCLUSIVE`.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{Ordering::SeqCst, fence};

use rusqlite::ffi;

use super::call::answer;
use super::open::{Opened, opened};
use crate::state::Code;

pub(super) unsafe extern "C" fn map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    answer(ffi::SQLITE_IOERR_SHMMAP, || {
        // SAFETY: SQLite passes an open file and a place for the pointer.
        let (open, out) = unsafe { (opened(file), &mut *out) };
        *out = ptr::null_mut();
        let Opened::Named(named) = &mut open.file else { return Err(ffi::SQLITE_IOERR_SHMMAP) };
        let region = open.mounted.disk.with(|state| {
            let node = state.node(named.owner, named.id, ffi::SQLITE_IOERR_SHMMAP)?;
            Ok::<_, Code>(node.memory.map(named.owner, region as usize, bytes as usize, extend != 0))
        })?;
        if let Some(region) = region {
            *out = region.pointer();
            if !named.regions.iter().any(|known| Arc::ptr_eq(known, &region)) {
                named.regions.push(region);
            }
        }
        Ok(())
    })
}

pub(super) unsafe extern "C" fn lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    answer(ffi::SQLITE_IOERR_SHMLOCK, || {
        // SAFETY: SQLite passes an open file.
        let open = unsafe { opened(file) };
        let Opened::Named(named) = &open.file else { return Err(ffi::SQLITE_IOERR_SHMLOCK) };
        let slots = offset as usize..(offset + count) as usize;
        open.mounted.disk.with(|state| {
            let memory = &mut state.node(named.owner, named.id, ffi::SQLITE_IOERR_SHMLOCK)?.memory;
            if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
                memory.unlock(named.owner, slots);
                return Ok(());
            }
            let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
            if memory.lock(named.owner, slots, exclusive) { Ok(()) } else { Err(ffi::SQLITE_BUSY) }
        })
    })
}

pub(super) unsafe extern "C" fn barrier(_: *mut ffi::sqlite3_file) {
    fence(SeqCst);
}

/// Whether the memory is to be deleted is not asked: it goes with the last connection.
pub(super) unsafe extern "C" fn unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    answer(ffi::SQLITE_OK, || {
        // SAFETY: SQLite passes an open file.
        let open = unsafe { opened(file) };
        let Opened::Named(named) = &mut open.file else { return Ok(()) };
        open.mounted.disk.with(|state| {
            if let Ok(node) = state.node(named.owner, named.id, ffi::SQLITE_IOERR_SHMMAP) {
                node.memory.detach(|holder| holder == named.owner);
            }
        });
        // SQLite does not use its pointers after this call.
        named.regions.clear();
        Ok(())
    })
}
