//! Bits that have flipped on a machine's disk and may still stand there.
//!
//! A flipped bit does its harm later: when the app reads it, or when a process that had the right
//! bytes in memory is gone. Whatever was saved in the meantime lies on the same damaged medium. So
//! the loss is written down again at the moment at which it comes about.

use std::collections::BTreeMap;

use deadzone_disk::Snapshot;

/// By database. It is forgotten with its database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wear {
    flips: BTreeMap<String, Vec<Flipped>>,
}

#[derive(Clone, Debug)]
struct Flipped {
    file: String,
    offset: u64,
    /// What has stood there since.
    byte: u8,
}

impl Wear {
    /// Notes a flip in a file of a database, as the disk is now.
    pub(crate) fn note(&mut self, database: &str, file: &str, offset: u64, disk: &Snapshot) {
        let Some(byte) = byte(disk, file, offset) else { return };
        let flips = self.flips.entry(database.to_owned()).or_default();
        flips.push(Flipped { file: file.to_owned(), offset, byte });
    }

    /// A database was deleted. Whether it had been damaged.
    pub(crate) fn forget(&mut self, database: &str) -> bool {
        self.flips.remove(database).is_some()
    }

    /// Whether what was damaged has not been written anew, or is gone altogether.
    pub(crate) fn stands(&self, disk: &Snapshot) -> bool {
        let stands =
            |flipped: &Flipped| byte(disk, &flipped.file, flipped.offset).is_none_or(|b| b == flipped.byte);
        self.flips.values().flatten().any(stands)
    }
}

fn byte(disk: &Snapshot, file: &str, offset: u64) -> Option<u8> {
    disk.bytes(file)?.get(usize::try_from(offset).ok()?).copied()
}
