//! Reading and writing.

use std::ffi::{c_int, c_void};
use std::slice;

use rusqlite::ffi;

use super::call::answer;
use super::open::{Opened, opened};
use crate::image::FILE_MAX;

/// An offset or length as SQLite gives it. None is negative; what is too large for any file is
/// refused as what would not fit.
fn position(number: i64) -> Result<usize, c_int> {
    usize::try_from(number).ok().filter(|number| *number <= FILE_MAX).ok_or(ffi::SQLITE_FULL)
}

pub(super) unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    len: c_int,
    offset: i64,
) -> c_int {
    answer(ffi::SQLITE_IOERR_READ, || {
        // SAFETY: SQLite passes an open file, and a buffer of that length which is its own.
        let (open, out) =
            unsafe { (opened(file), slice::from_raw_parts_mut(buffer.cast::<u8>(), len as usize)) };
        let offset = position(offset).unwrap_or(FILE_MAX);
        let found = match &open.file {
            Opened::Temporary(image) => image.read(offset, out),
            Opened::Named(named) => {
                open.mounted.disk.with(|state| state.read(named.owner, named.id, offset, out))?
            }
        };
        // What is missing reads as zeros: SQLite relies on it.
        out[found..].fill(0);
        if found < out.len() { Err(ffi::SQLITE_IOERR_SHORT_READ) } else { Ok(()) }
    })
}

pub(super) unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    len: c_int,
    offset: i64,
) -> c_int {
    answer(ffi::SQLITE_IOERR_WRITE, || {
        // SAFETY: SQLite passes an open file, and that many bytes, which it does not change now.
        let (open, data) =
            unsafe { (opened(file), slice::from_raw_parts(buffer.cast::<u8>(), len as usize)) };
        let offset = position(offset)?;
        match &mut open.file {
            Opened::Temporary(image) => {
                position((offset + data.len()) as i64)?;
                image.write(offset, data);
                Ok(())
            }
            Opened::Named(named) => {
                let disk = &open.mounted.disk;
                disk.mutate(|state| state.write(named.owner, named.id, &named.name, offset, data))
            }
        }
    })
}

pub(super) unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: i64) -> c_int {
    answer(ffi::SQLITE_IOERR_TRUNCATE, || {
        // SAFETY: SQLite passes an open file.
        let open = unsafe { opened(file) };
        let len = position(len)?;
        match &mut open.file {
            Opened::Temporary(image) => {
                image.set_len(len);
                Ok(())
            }
            Opened::Named(named) => {
                let disk = &open.mounted.disk;
                disk.mutate(|state| state.truncate(named.owner, named.id, &named.name, len))
            }
        }
    })
}

/// The flags are not looked at: a full sync and one of the data alone are the same here.
pub(super) unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    answer(ffi::SQLITE_IOERR_FSYNC, || {
        // SAFETY: SQLite passes an open file.
        let open = unsafe { opened(file) };
        let Opened::Named(named) = &mut open.file else { return Ok(()) };
        let disk = &open.mounted.disk;
        disk.mutate(|state| state.sync(named.owner, named.id, &named.name, named.syncs_directory))?;
        named.syncs_directory = false;
        Ok(())
    })
}

pub(super) unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    answer(ffi::SQLITE_IOERR_FSTAT, || {
        // SAFETY: SQLite passes an open file and a place for the answer.
        let (open, out) = unsafe { (opened(file), &mut *out) };
        let len = match &open.file {
            Opened::Temporary(image) => image.len(),
            Opened::Named(named) => open.mounted.disk.with(|state| state.len(named.owner, named.id))?,
        };
        *out = len as i64;
        Ok(())
    })
}

/// Nothing beyond what SQLite does by itself.
pub(super) unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

/// What `os_unix.c` says on Linux. It is what SQLite assumes, not where this disk tears.
pub(super) unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

/// A write that is torn leaves the bytes beside it alone. Nothing else is promised: neither that
/// writes are atomic, nor that they land in order, nor that data come before a size.
pub(super) unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}
