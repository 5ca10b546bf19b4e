//! Opening files, and what SQLite asks about names.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::sync::Arc;

use rusqlite::ffi;

use super::call::answer;
use super::{Slot, io, lock, shm};
use crate::content::FileId;
use crate::image::Image;
use crate::lock::Owner;
use crate::mount::Mounted;
use crate::shm::Region;
use crate::state::Code;

/// What SQLite allocates for an open file.
#[repr(C)]
struct SqliteFile {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

pub(super) const FILE_SIZE: c_int = size_of::<SqliteFile>() as c_int;

/// A file that SQLite has open.
pub(super) struct Open {
    slot: &'static Slot,
    pub(super) mounted: Arc<Mounted>,
    pub(super) file: Opened,
}

pub(super) enum Opened {
    /// On the disk.
    Named(Named),
    /// A temporary file: nobody else sees it, and it is gone with its process. It is no part of
    /// the disk, so that it neither counts nor fails.
    Temporary(Image),
}

pub(super) struct Named {
    pub(super) name: Arc<str>,
    pub(super) owner: Owner,
    pub(super) id: FileId,
    /// The next sync is to sync the directory too.
    pub(super) syncs_directory: bool,
    /// Keeps the memory that SQLite points to, also when the disk has forgotten it.
    pub(super) regions: Vec<Arc<Region>>,
}

/// The file behind what SQLite holds.
///
/// # Safety
///
/// `file` must have been filled by [`open`] with success, and not closed since. SQLite does not
/// call two functions on one file at a time, so the reference is the only one.
pub(super) unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Open {
    // SAFETY: `open` allocated `FILE_SIZE` bytes' worth of `SqliteFile` and put a box into it.
    unsafe { &mut *(*file.cast::<SqliteFile>()).open }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(io::read),
    xWrite: Some(io::write),
    xTruncate: Some(io::truncate),
    xSync: Some(io::sync),
    xFileSize: Some(io::file_size),
    xLock: Some(lock::lock),
    xUnlock: Some(lock::unlock),
    xCheckReservedLock: Some(lock::check_reserved),
    xFileControl: Some(io::file_control),
    xSectorSize: Some(io::sector_size),
    xDeviceCharacteristics: Some(io::device_characteristics),
    xShmMap: Some(shm::map),
    xShmLock: Some(shm::lock),
    xShmBarrier: Some(shm::barrier),
    xShmUnmap: Some(shm::unmap),
    xFetch: None,
    xUnfetch: None,
};

pub(super) unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes memory of the size that the table asks for. Null methods tell it not
    // to close a file that did not open.
    unsafe { (*file).pMethods = ptr::null() };
    answer(ffi::SQLITE_CANTOPEN, || {
        // SAFETY: SQLite passes a table that was registered, and a text or nothing.
        let (slot, name) = unsafe { (Slot::of(vfs), text(name)) };
        let mounted = slot.file_opened().ok_or(ffi::SQLITE_CANTOPEN)?;
        let opened = open_file(&mounted, name, flags).inspect_err(|_| slot.file_closed())?;
        let open = Box::into_raw(Box::new(Open { slot, mounted, file: opened }));
        // SAFETY: As above; the places for the file and the flags are SQLite's, the latter may
        // be missing.
        unsafe {
            (*file.cast::<SqliteFile>()).open = open;
            (*file).pMethods = &raw const METHODS;
            if let Some(out_flags) = out_flags.as_mut() {
                *out_flags = flags;
            }
        }
        Ok(())
    })
}

fn open_file(mounted: &Mounted, name: Option<Arc<str>>, flags: c_int) -> Result<Opened, c_int> {
    /// What `os_unix.c` makes sync its directory: the others share that directory.
    const LOGS: c_int = ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;
    let Some(name) = name.filter(|_| flags & ffi::SQLITE_OPEN_DELETEONCLOSE == 0) else {
        mounted.disk.with(|state| state.check(mounted.number, ffi::SQLITE_CANTOPEN))?;
        return Ok(Opened::Temporary(Image::default()));
    };
    let (owner, id) = mounted.disk.mutate(|state| state.open(mounted.number, &name, flags))?;
    let syncs_directory = flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & LOGS != 0;
    Ok(Opened::Named(Named { name, owner, id, syncs_directory, regions: Vec::new() }))
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    answer(ffi::SQLITE_IOERR_CLOSE, || {
        // SAFETY: SQLite closes a file once, and only if it was opened; this takes back the box.
        let open = unsafe { Box::from_raw(opened(file)) };
        if let Opened::Named(named) = &open.file {
            open.mounted.disk.with(|state| state.close(named.owner, named.id));
        }
        open.slot.file_closed();
        Ok(())
    })
}

pub(super) unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_directory: c_int,
) -> c_int {
    answer(ffi::SQLITE_IOERR_DELETE, || {
        // SAFETY: SQLite passes a table that was registered, and a text.
        let (slot, name) = unsafe { (Slot::of(vfs), text(name)) };
        let mounted = slot.mounted().ok_or(ffi::SQLITE_IOERR_DELETE)?;
        let name = name.ok_or(ffi::SQLITE_IOERR_DELETE_NOENT)?;
        mounted.disk.mutate(|state| state.delete(mounted.number, &name, sync_directory != 0))
    })
}

pub(super) unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    answer(ffi::SQLITE_IOERR_ACCESS, || {
        // SAFETY: SQLite passes a table that was registered, a text, and a place for the answer.
        let (slot, name, out) = unsafe { (Slot::of(vfs), text(name), &mut *out) };
        let mounted = slot.mounted().ok_or(ffi::SQLITE_IOERR_ACCESS)?;
        let name = name.unwrap_or_default();
        let len = mounted.disk.with(|state| {
            state.check(mounted.number, ffi::SQLITE_IOERR_ACCESS)?;
            Ok::<_, Code>(state.content.named(&name).map(|file| file.volatile().len()))
        })?;
        // As in `os_unix.c`, an empty file does not exist, but may be read and written.
        let exists = len.is_some_and(|len| len > 0 || flags != ffi::SQLITE_ACCESS_EXISTS);
        *out = c_int::from(exists);
        Ok(())
    })
}

/// Names mean what they say.
pub(super) unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes a text that ends with a zero.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if !usize::try_from(room).is_ok_and(|room| bytes.len() <= room) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: SQLite passes a place with that much room, which is another one.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len()) };
    ffi::SQLITE_OK
}

/// A name. Nothing for a file that has none; other than UTF-8 SQLite does not pass.
///
/// # Safety
///
/// `name` must be null, or point to bytes that end with a zero.
unsafe fn text(name: *const c_char) -> Option<Arc<str>> {
    if name.is_null() {
        return None;
    }
    // SAFETY: The caller passes a text that ends with a zero.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    (!name.is_empty()).then(|| name.as_ref().into())
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use rusqlite::{Connection, OpenFlags};

    use super::*;
    use crate::Disk;

    #[test]
    fn an_empty_file_does_not_exist_but_can_be_written() {
        let disk = Disk::new();
        let mount = disk.mount(|| 0);
        let app = Connection::open_with_flags_and_vfs("app.db", OpenFlags::default(), mount.vfs());
        let app = app.expect("an empty disk");
        let ask = |name: &CStr, flags| {
            let vfs = CString::new(mount.vfs()).expect("no zero");
            let mut out = -1;
            // SAFETY: The VFS is registered while the mount lives, and SQLite asks in this way.
            let code = unsafe {
                let vfs = ffi::sqlite3_vfs_find(vfs.as_ptr());
                access(vfs, name.as_ptr(), flags, &raw mut out)
            };
            (code, out)
        };
        assert_eq!(ask(c"app.db", ffi::SQLITE_ACCESS_EXISTS), (ffi::SQLITE_OK, 0));
        assert_eq!(ask(c"app.db", ffi::SQLITE_ACCESS_READWRITE), (ffi::SQLITE_OK, 1));
        assert_eq!(ask(c"absent", ffi::SQLITE_ACCESS_READWRITE), (ffi::SQLITE_OK, 0));
        app.execute_batch("CREATE TABLE one (id)").expect("no fault");
        assert_eq!(ask(c"app.db", ffi::SQLITE_ACCESS_EXISTS), (ffi::SQLITE_OK, 1));
        mount.kill();
        assert_eq!(ask(c"app.db", ffi::SQLITE_ACCESS_EXISTS).0, ffi::SQLITE_IOERR_ACCESS);
    }
}
