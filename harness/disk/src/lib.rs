//! Simulated disks that crash faithfully.
//!
//! Here lives the storage of a simulated machine, which SQLite sees as a VFS (a table of C
//! functions through which it reaches files, locks and the time), and what can happen to it:
//! power loss, the crash of a process, a full disk, I/O errors, syncs that lie, flipped bits,
//! restored and cloned disks. The crate depends on rusqlite and on no other crate of the
//! workspace, and it is the only one with `unsafe` code. It never touches a real file, reads a
//! real clock or asks for entropy; every choice comes from a seed that the caller gives.
//!
//! ```
//! use deadzone_disk::{Disk, Outcome};
//! use rusqlite::{Connection, OpenFlags};
//!
//! let disk = Disk::new();
//! let mount = disk.mount(|| 1_700_000_000_000);
//! let open = |vfs: &str| Connection::open_with_flags_and_vfs("app.db", OpenFlags::default(), vfs);
//! let app = open(mount.vfs())?;
//! app.execute_batch("PRAGMA synchronous = EXTRA; CREATE TABLE notes (text); INSERT INTO notes VALUES ('saved')")?;
//! app.execute_batch("BEGIN; INSERT INTO notes VALUES ('not saved')")?;
//! disk.power_loss(Outcome::LoseAll);
//! assert!(app.execute_batch("COMMIT").is_err()); // nobody is left to do it
//!
//! let mount = disk.mount(|| 1_700_000_060_000);
//! let app = open(mount.vfs())?;
//! assert_eq!(app.query_one("SELECT count(*) FROM notes", [], |row| row.get(0)), Ok(1));
//! # Ok::<(), rusqlite::Error>(())
//! ```
//!
//! # What is modelled
//!
//! A file has three parts: what processes see (the page cache), what the medium holds, and the
//! writes and truncations in between. A sync empties the last. The directory has the same three
//! parts. A power loss decides about what lies in between ([`Outcome`]): nothing, all, a prefix
//! that is torn at its end, or any subset of sectors of 512 bytes and of entries, sizes with or
//! without the data. Where more than 4,096 operations wait for one file, or 64 changes for the
//! directory, the older half is written back, as a kernel does.
//!
//! A new name is durable once the directory has been synced. SQLite orders that in the two ways of
//! its `os_unix.c`: when it deletes a file and says so, and with the first sync of a journal or a
//! write-ahead log through the handle that opened it. Each is an operation of its own, in which a
//! crash can strike. One thing is stricter: when the second fails, SQLite is told.
//!
//! Locks are those of `os_unix.c`, between connections of one mount as between mounts. Nobody ever
//! sleeps: a busy handler is through at once. A database in WAL mode may share memory; it goes
//! with the last connection, and the next one rebuilds it from the log.
//!
//! The device promises `SQLITE_IOCAP_POWERSAFE_OVERWRITE`, and nothing more.
//!
//! Not modelled: folders, links and permissions; temporary files, which belong to their process
//! and neither count nor fail; the room that shared memory takes on a real disk; a sync that fails
//! and drops what it was to write.
//!
//! # Map of the code
//!
//! - [`Disk`], [`Mount`]: the handles, for the owner and for processes
//! - `state`: everything behind the one lock; `lock` and `shm` are its tables
//! - `content`, `file`, `image`: what a disk holds, as pure data; `outcome`: what a loss leaves
//! - `fault`, `record`, `snapshot`: what can be ordered, and what can be looked at
//! - `hash`: numbers that are the same in every process
//! - `vfs`: the functions that SQLite calls. All `unsafe` code is here
//!
//! Invariants: no callback panics or waits; what a caller gave (a clock, a mark, a trap) is called
//! with no lock held; a VFS that SQLite has seen is never freed, because SQLite does not say when
//! it has forgotten it.
//!
//! # What looks for undefined behaviour
//!
//! Miri cannot run the C code. All tests run under AddressSanitizer, SQLite's C code included,
//! with the compiler that is there:
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address \
//! CFLAGS="-fsanitize=address -fno-omit-frame-pointer" \
//! cargo test -p deadzone-disk --lib --tests --target x86_64-unknown-linux-gnu --target-dir target/asan
//! ```
//!
//! They pass, leaks included. It has been seen to fail: without the references that keep shared
//! memory for connections of a dead mount, `tests/mounts.rs` stops with a use after free. Data
//! races between threads are not covered; a world has one thread.

mod content;
mod disk;
mod fault;
mod file;
mod hash;
mod image;
mod lock;
mod mount;
mod outcome;
mod record;
mod shm;
mod snapshot;
mod state;
mod vfs;

pub use disk::Disk;
pub use fault::{Flip, IoError, Nth, OperationKind, Sprung, Strikes, Trap};
pub use mount::Mount;
pub use outcome::{Losses, Outcome};
pub use record::Point;
pub use snapshot::Snapshot;
pub use vfs::seed_sqlite;
