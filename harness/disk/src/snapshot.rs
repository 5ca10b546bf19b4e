//! A disk at one moment.

use crate::content::Content;
use crate::outcome::{Losses, Outcome, survivor};

/// A disk at one moment: what processes see, what the medium holds, and what is on its way.
///
/// It shares all its blocks with the disk and with other snapshots until they are written.
#[derive(Clone, Debug, Default)]
pub struct Snapshot(pub(crate) Content);

impl Snapshot {
    /// [`crate::Disk::operations`] at that moment.
    pub fn operations(&self) -> u64 {
        self.0.operations
    }

    /// [`crate::Disk::durable_operations`] at that moment.
    pub fn durable_operations(&self) -> u64 {
        self.0.durable_operations()
    }

    /// A hash of what would be on the disk, names and bytes, after a power loss; or, without an
    /// outcome, after a mere crash of the process, which leaves the page cache.
    ///
    /// It is the same in every process, and equal for equal files. What is visible decides, not
    /// what a second crash could still take: after `None` the same may be less durable than
    /// after [`Outcome::KeepAll`]. Blocks keep their hash, so that many snapshots of one disk
    /// cost little.
    pub fn survivor(&self, outcome: Option<Outcome>) -> u64 {
        match outcome {
            None | Some(Outcome::KeepAll) => self.0.visible_hash(),
            Some(Outcome::LoseAll) => self.0.durable_hash(),
            Some(_) if self.0.is_settled() => self.0.visible_hash(),
            Some(outcome) => survivor(&self.0, outcome).0.visible_hash(),
        }
    }

    /// The disk after a power loss, and what that took: what [`crate::Disk::restore`] and then
    /// [`crate::Disk::power_loss`] would come to.
    pub fn after(&self, outcome: Outcome) -> (Snapshot, Losses) {
        let (content, losses) = survivor(&self.0, outcome);
        (Snapshot(content), losses)
    }

    /// Whether a text stands anywhere: in a file, on the medium in its place, in a write on its
    /// way, or in a deleted file whose name may come back.
    pub fn contains(&self, needle: &[u8]) -> bool {
        self.0.reachable().values().any(|file| file.contains(needle))
    }

    /// The files that processes see, in order of their names, with their lengths in bytes.
    pub fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        let length = |id| self.0.file(id).map_or(0, |file| file.volatile().len() as u64);
        self.0.names().iter().map(move |(name, id)| (&**name, length(*id)))
    }

    /// Shows what processes read in a file, piece by piece, the last piece first: a log ends with
    /// what is new. Each piece ends with `overlap` bytes of what follows it, so that whatever is at
    /// most one byte longer than that stands whole in one of them.
    pub fn pieces(&self, name: &str, overlap: usize, see: impl FnMut(&[u8])) {
        if let Some(file) = self.0.named(name) {
            file.volatile().pieces(overlap, see);
        }
    }

    /// What processes read in a file.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.0.named(name).map(|file| file.volatile().to_vec())
    }
}
