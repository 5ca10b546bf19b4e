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
