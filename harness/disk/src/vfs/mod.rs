//! The table of functions that SQLite calls: where it stands in memory, and for how long.
//!
//! SQLite keeps the pointer to a VFS in every connection, also in those that have no file open
//! (`:memory:`, or a database whose opening failed), and tells nobody when it lets go. So a table
//! is never freed. It stands in a [`Slot`], which the next mount takes over once the old one is
//! gone and many others were used since; a connection that outlives all that asks the wrong disk,
//! but never freed memory.

mod call;
mod io;
mod lock;
mod open;
mod shm;

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

use crate::mount::Mounted;

/// How many mounts end before a slot is used again.
const QUARANTINE: usize = 1024;

/// Room for the name of a VFS and the zero behind it.
const NAME_MAX: usize = 40;

/// Slots that nobody uses, the longest unused first.
static VACANT: Mutex<VecDeque<&'static Slot>> = Mutex::new(VecDeque::new());

static NAMES: AtomicU64 = AtomicU64::new(0);

/// A VFS that is or was registered.
pub(crate) struct Slot {
    /// Changed by SQLite alone once it is made.
    table: UnsafeCell<ffi::sqlite3_vfs>,
    /// What `zName` points to. Changed only while the VFS is not registered.
    name: [AtomicU8; NAME_MAX],
    occupancy: Mutex<Occupancy>,
}

/// Invariant: a slot is vacant when both are nothing.
#[derive(Default)]
struct Occupancy {
    mounted: Option<Arc<Mounted>>,
    /// Files that SQLite has open through this VFS.
    files: usize,
}

// SAFETY: `table` is written when the slot is made, before anybody else can see it, and later by
// SQLite under its own mutex; the rest is atomics and a mutex.
unsafe impl Sync for Slot {}
// SAFETY: The pointers in `table` lead to the slot itself and to static functions, which are the
// same on every thread.
unsafe impl Send for Slot {}

impl Slot {
    /// Puts a mount into a slot and registers it under a new name.
    pub(crate) fn occupy(mounted: Arc<Mounted>) -> (&'static Slot, String) {
        let vacant = {
            let mut vacant = taken(&VACANT);
            if vacant.len() > QUARANTINE { vacant.pop_front() } else { None }
        };
        let slot = vacant.unwrap_or_else(Slot::make);
        let name = format!("deadzone-disk-{}", NAMES.fetch_add(1, Relaxed));
        assert!(name.len() < NAME_MAX, "a number of 64 bits has at most 20 digits");
        for (at, byte) in slot.name.iter().enumerate() {
            byte.store(name.as_bytes().get(at).copied().unwrap_or(0), Relaxed);
        }
        *taken(&slot.occupancy) = Occupancy { mounted: Some(mounted), files: 0 };
        // SAFETY: The table is complete and lives for ever; it is not registered now.
        let code = unsafe { ffi::sqlite3_vfs_register(slot.table.get(), 0) };
        assert_eq!(code, ffi::SQLITE_OK, "registering fails only where SQLite cannot start");
        (slot, name)
    }

    fn make() -> &'static Slot {
        let slot: &'static Slot = Box::leak(Box::new(Slot {
            table: UnsafeCell::new(ffi::sqlite3_vfs {
                iVersion: 2,
                szOsFile: open::FILE_SIZE,
                mxPathname: 512,
                pNext: ptr::null_mut(),
                zName: ptr::null(),
                pAppData: ptr::null_mut(),
                xOpen: Some(open::open),
                xDelete: Some(open::delete),
                xAccess: Some(open::access),
                xFullPathname: Some(open::full_pathname),
                xDlOpen: None,
                xDlError: None,
                xDlSym: None,
                xDlClose: None,
                xRandomness: Some(randomness),
                xSleep: Some(sleep),
                xCurrentTime: Some(current_time),
                xGetLastError: None,
                xCurrentTimeInt64: Some(current_time_i64),
                xSetSystemCall: None,
                xGetSystemCall: None,
                xNextSystemCall: None,
            }),
            name: [const { AtomicU8::new(0) }; NAME_MAX],
            occupancy: Mutex::default(),
        }));
        // SAFETY: Nobody else has seen the slot yet, and SQLite has not been told of the table.
        let table = unsafe { &mut *slot.table.get() };
        table.zName = slot.name.as_ptr().cast();
        table.pAppData = ptr::from_ref(slot).cast_mut().cast();
        slot
    }

    /// Takes the mount out and the VFS from SQLite. Whether files are still open on it.
    pub(crate) fn vacate(&'static self) -> bool {
        // SAFETY: The table was registered by `occupy` and lives for ever.
        unsafe { ffi::sqlite3_vfs_unregister(self.table.get()) };
        let mut occupancy = taken(&self.occupancy);
        occupancy.mounted = None;
        let is_orphan = occupancy.files > 0;
        if !is_orphan {
            taken(&VACANT).push_back(self);
        }
        is_orphan
    }

    /// What is mounted here. Nothing, where a connection has outlived its mount.
    fn mounted(&self) -> Option<Arc<Mounted>> {
        taken(&self.occupancy).mounted.clone()
    }

    /// Counts a file that SQLite is about to open. Not on a slot that nobody occupies.
    fn file_opened(&self) -> Option<Arc<Mounted>> {
        let mut occupancy = taken(&self.occupancy);
        let mounted = occupancy.mounted.clone()?;
        occupancy.files += 1;
        Some(mounted)
    }

    fn file_closed(&'static self) {
        let mut occupancy = taken(&self.occupancy);
        occupancy.files = occupancy.files.saturating_sub(1);
        if occupancy.files == 0 && occupancy.mounted.is_none() {
            taken(&VACANT).push_back(self);
        }
    }

    /// The slot of a VFS that SQLite names.
    ///
    /// # Safety
    ///
    /// `vfs` must be a table that [`Slot::make`] made.
    unsafe fn of(vfs: *mut ffi::sqlite3_vfs) -> &'static Slot {
        // SAFETY: `make` let `pAppData` point to the slot of the table, which lives for ever.
        unsafe { &*(*vfs).pAppData.cast::<Slot>() }
    }
}

fn taken<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// SQLite asks only its default VFS for entropy, and this one never is.
unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}

/// Nobody waits in real time: whoever is busy is busy at once.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn current_time_i64(vfs: *mut ffi::sqlite3_vfs, out: *mut i64) -> c_int {
    /// From the start of the Julian period to 1970, in milliseconds.
    const JULIAN_MS: i64 = 210_866_760_000_000;
    call::answer(ffi::SQLITE_ERROR, || {
        // SAFETY: SQLite passes a table that was registered, and a place for the time.
        let (slot, out) = unsafe { (Slot::of(vfs), &mut *out) };
        let mounted = slot.mounted().ok_or(ffi::SQLITE_ERROR)?;
        *out = i64::try_from((mounted.wall_ms)()).unwrap_or(i64::MAX).saturating_add(JULIAN_MS);
        Ok(())
    })
}

/// For extensions that know only the old way to ask.
unsafe extern "C" fn current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    const DAY_MS: f64 = 86_400_000.0;
    let mut julian_ms = 0;
    // SAFETY: The table is the one that SQLite passed, and the place is a local variable.
    let code = unsafe { current_time_i64(vfs, &raw mut julian_ms) };
    // SAFETY: SQLite passes a place for the time.
    unsafe { *out = julian_ms as f64 / DAY_MS };
    code
}

/// Seeds the random numbers that SQLite keeps for the whole process, from which come the salts of
/// a write-ahead log, the nonce of a journal and SQL's `random()`. Two processes then write the
/// same bytes, as long as nothing else in them uses SQLite at the same time. 0 gives the numbers
/// back to the operating system.
pub fn seed_sqlite(seed: u32) {
    // SAFETY: The operation takes an int and a connection, which may be null.
    unsafe {
        ffi::sqlite3_test_control(ffi::SQLITE_TESTCTRL_PRNG_SEED, seed as c_int, ptr::null_mut::<c_void>())
    };
}
