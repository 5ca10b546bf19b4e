//! Everything that a disk holds: its files, and the directory, each as processes see it, as the
//! medium holds it, and what lies in between. Pure data: no locks, no faults, no SQLite.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::file::{Change, File};
use crate::hash::{fold, hash_bytes};
use crate::image::Image;

/// Which file, whatever its name and even when it has none any more: an inode number.
pub(crate) type FileId = u64;

pub(crate) type Names = BTreeMap<Arc<str>, FileId>;

/// A change of the directory that the medium has not been made to keep yet.
#[derive(Clone, Debug)]
pub(crate) struct Renaming {
    /// Its number among the mutating operations of the disk.
    pub(crate) number: u64,
    pub(crate) name: Arc<str>,
    /// The file that the name stands for from then on.
    pub(crate) file: Option<FileId>,
}

/// What a disk holds. A clone shares all blocks of all files, and the files themselves until one
/// of them is written.
///
/// Invariant: `durable_names` with `renamings` applied in order is `names`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    /// The number of the last mutating operation, whether it went well or not.
    pub(crate) operations: u64,
    files: BTreeMap<FileId, Arc<File>>,
    names: Arc<Names>,
    durable_names: Arc<Names>,
    renamings: Vec<Renaming>,
    next: FileId,
}

impl Content {
    /// What a medium holds on which nothing is pending.
    pub(crate) fn settled(operations: u64, files: BTreeMap<FileId, Arc<File>>, names: Names) -> Content {
        let names = Arc::new(names);
        let next = files.last_key_value().map_or(0, |(last, _)| last + 1);
        Content { operations, files, durable_names: Arc::clone(&names), names, renamings: Vec::new(), next }
    }

    pub(crate) fn find(&self, name: &str) -> Option<FileId> {
        self.names.get(name).copied()
    }

    pub(crate) fn file(&self, id: FileId) -> Option<&File> {
        self.files.get(&id).map(|file| &**file)
    }

    pub(crate) fn named(&self, name: &str) -> Option<&File> {
        self.file(self.find(name)?)
    }

    pub(crate) fn change(&mut self, id: FileId, change: Change) -> Option<()> {
        Arc::make_mut(self.files.get_mut(&id)?).change(self.operations, change);
        Some(())
    }

    pub(crate) fn sync(&mut self, id: FileId) {
        if let Some(file) = self.files.get_mut(&id)
            && !file.pending().is_empty()
        {
            Arc::make_mut(file).sync();
        }
    }

    pub(crate) fn flip(&mut self, id: FileId, offset: usize, bit: u8) {
        if let Some(file) = self.files.get_mut(&id) {
            Arc::make_mut(file).flip(offset, bit);
        }
    }

    pub(crate) fn create(&mut self, name: &Arc<str>) -> FileId {
        let id = self.next;
        self.next += 1;
        self.files.insert(id, Arc::default());
        self.rename(name, Some(id));
        id
    }

    pub(crate) fn delete(&mut self, name: &Arc<str>) {
        self.rename(name, None);
    }

    fn rename(&mut self, name: &Arc<str>, file: Option<FileId>) {
        let renaming = Renaming { number: self.operations, name: Arc::clone(name), file };
        renaming.apply(Arc::make_mut(&mut self.names));
        self.renamings.push(renaming);
    }

    pub(crate) fn sync_directory(&mut self) {
        self.durable_names = Arc::clone(&self.names);
        self.renamings.clear();
    }

    /// Forgets the files that no name leads to, now or after a power loss, and that nobody has
    /// open.
    pub(crate) fn collect(&mut self, is_open: impl Fn(FileId) -> bool) {
        if self.files.len() > self.names.len() {
            let named: BTreeSet<FileId> =
                self.names.values().chain(self.durable_names.values()).copied().collect();
            self.files.retain(|id, _| named.contains(id) || is_open(*id));
        }
    }

    /// The names that processes see, in order.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn durable_names(&self) -> &Names {
        &self.durable_names
    }

    pub(crate) fn renamings(&self) -> &[Renaming] {
        &self.renamings
    }

    /// The files that a name leads to, now or after a power loss.
    pub(crate) fn reachable(&self) -> BTreeMap<FileId, &Arc<File>> {
        let ids = self.names.values().chain(self.durable_names.values());
        ids.filter_map(|id| Some((*id, self.files.get(id)?))).collect()
    }

    /// Whether a power loss would have anything to choose.
    pub(crate) fn is_settled(&self) -> bool {
        self.at_risk_since().is_none()
    }

    /// The highest number such that no power loss can undo an operation up to it.
    pub(crate) fn durable_operations(&self) -> u64 {
        self.at_risk_since().map_or(self.operations, |first| first.saturating_sub(1))
    }

    /// The first operation that a power loss could undo.
    fn at_risk_since(&self) -> Option<u64> {
        let ids = self.names.values().chain(self.durable_names.values());
        let writes = ids.filter_map(|id| Some(self.files.get(id)?.pending().first()?.number));
        writes.chain(self.renamings.first().map(|first| first.number)).min()
    }

    /// Bytes in use: files that have a name, and those that somebody still has open.
    pub(crate) fn used(&self, is_open: impl Fn(FileId) -> bool) -> u64 {
        let names: BTreeSet<FileId> = self.names.values().copied().collect();
        let used = self.files.iter().filter(|(id, _)| names.contains(id) || is_open(**id));
        used.map(|(_, file)| file.volatile().len() as u64).sum()
    }

    /// A hash of what processes see: names and bytes.
    pub(crate) fn visible_hash(&self) -> u64 {
        self.hash(&self.names, File::volatile)
    }

    /// A hash of what the medium is known to hold.
    pub(crate) fn durable_hash(&self) -> u64 {
        self.hash(&self.durable_names, File::durable)
    }

    fn hash(&self, names: &Names, image: impl Fn(&File) -> &Image) -> u64 {
        names.iter().fold(names.len() as u64, |hash, (name, id)| {
            let file = self.file(*id).map_or(0, |file| image(file).hash());
            fold(fold(hash, hash_bytes(name.as_bytes())), file)
        })
    }
}

impl Renaming {
    pub(crate) fn apply(&self, names: &mut Names) {
        match self.file {
            Some(id) => names.insert(Arc::clone(&self.name), id),
            None => names.remove(&self.name),
        };
    }
}
