//! Everything that a disk holds: its files, and the directory, each as processes see it, as the
//! medium holds it, and what lies in between. Pure data: no locks, no faults, no SQLite.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::file::{Change, File, Last};
use crate::hash::{fold, hash_bytes};
use crate::image::Image;

/// Which file, whatever its name and even when it has none any more: an inode number.
pub(crate) type FileId = u64;

pub(crate) type Names = BTreeMap<Arc<str>, FileId>;

/// How many changes may wait for the directory to be synced. Then the older half is written
/// back; it bounds the deleted files that are kept because they may come back.
const RENAMINGS_MAX: usize = 64;

/// A change of the directory that the medium has not been made to keep yet.
#[derive(Clone, Debug)]
pub(crate) struct Renaming {
    /// Its number among the mutating operations of the disk.
    pub(crate) number: u64,
    pub(crate) name: Arc<str>,
    /// The file that the name stands for from then on.
    pub(crate) file: Option<FileId>,
    /// The first sync that called it durable and lied.
    pub(crate) promised: Option<u64>,
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
    /// Of the directory.
    last_durable: Last,
    next: FileId,
}

impl Content {
    /// What a medium holds on which nothing is pending.
    pub(crate) fn settled(operations: u64, files: BTreeMap<FileId, Arc<File>>, names: Names) -> Content {
        let names = Arc::new(names);
        let next = files.last_key_value().map_or(0, |(last, _)| last + 1);
        let durable_names = Arc::clone(&names);
        Content { operations, files, names, durable_names, next, ..Content::default() }
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

    /// A sync calls a file durable, and does nothing. Whether there was something to do.
    pub(crate) fn promise(&mut self, id: FileId) -> bool {
        let file = self.files.get_mut(&id).filter(|file| !file.pending().is_empty());
        file.map(|file| Arc::make_mut(file).promise(self.operations)).is_some()
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
        let renaming = Renaming { number: self.operations, name: Arc::clone(name), file, promised: None };
        renaming.apply(Arc::make_mut(&mut self.names));
        self.renamings.push(renaming);
        if self.renamings.len() > RENAMINGS_MAX {
            self.note_durable(RENAMINGS_MAX / 2);
            for old in self.renamings.drain(..RENAMINGS_MAX / 2) {
                old.apply(Arc::make_mut(&mut self.durable_names));
            }
        }
    }

    /// So many of the changes of the directory are about to become durable.
    fn note_durable(&mut self, count: usize) {
        for one in &self.renamings[..count] {
            self.last_durable.note(one.number, one.overwrites(&self.durable_names));
        }
    }

    /// A sync calls the directory durable, and does nothing. Whether there was something to do.
    pub(crate) fn promise_directory(&mut self) -> bool {
        for one in &mut self.renamings {
            one.promised = one.promised.or(Some(self.operations));
        }
        !self.renamings.is_empty()
    }

    /// The last operation that is durable, on the whole disk.
    pub(crate) fn last_durable(&self) -> Last {
        self.files.values().fold(self.last_durable, |last, file| last.max(file.last_durable()))
    }

    pub(crate) fn sync_directory(&mut self) {
        self.note_durable(self.renamings.len());
        self.durable_names = Arc::clone(&self.names);
        self.renamings.clear();
    }

    /// Forgets the files that no name can lead to, now or after a power loss, and that nobody has
    /// open.
    pub(crate) fn collect(&mut self, is_open: impl Fn(FileId) -> bool) {
        if self.files.len() > self.names.len() {
            let named: BTreeSet<FileId> = self.entries().map(|(_, id)| id).collect();
            self.files.retain(|id, _| named.contains(id) || is_open(*id));
        }
    }

    /// Every name with every file that it stands for, now or after a power loss: as it is on the
    /// medium, as it became step by step, and as it is now. With repetitions.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Arc<str>, FileId)> {
        let durable = self.durable_names.iter().map(|(name, id)| (name, *id));
        let between = self.renamings.iter().filter_map(|one| Some((&one.name, one.file?)));
        durable.chain(between).chain(self.names.iter().map(|(name, id)| (name, *id)))
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
        self.entries().filter_map(|(_, id)| Some((id, self.files.get(&id)?))).collect()
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
        let files = self.entries().filter_map(|(_, id)| self.files.get(&id));
        let writes = files.filter_map(|file| Some(file.pending().first()?.number));
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
    /// Whether it takes the place of an entry that is in a directory.
    pub(crate) fn overwrites(&self, names: &Names) -> bool {
        names.contains_key(&self.name)
    }

    pub(crate) fn apply(&self, names: &mut Names) {
        match self.file {
            Some(id) => names.insert(Arc::clone(&self.name), id),
            None => names.remove(&self.name),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outcome::{Outcome, survivor};

    #[derive(Clone, Debug)]
    enum Act {
        Create,
        Delete,
        Write(usize, u8, usize),
        Truncate(usize),
        Sync,
        SyncDirectory,
    }

    fn acts() -> impl Strategy<Value = Vec<(u8, Act)>> {
        let act = prop_oneof![
            Just(Act::Create),
            Just(Act::Delete),
            Just(Act::Sync),
            Just(Act::SyncDirectory),
            (0..20_000usize, any::<u8>(), 1..9_000usize)
                .prop_map(|(at, byte, len)| Act::Write(at, byte, len)),
            (0..20_000usize, any::<u8>(), 1..9_000usize)
                .prop_map(|(at, byte, len)| Act::Write(at, byte, len)),
            (0..20_000usize).prop_map(Act::Truncate),
        ];
        prop::collection::vec((0..3u8, act), 1..60)
    }

    /// What a disk holds, told as a table of names and bytes.
    type Table = BTreeMap<String, Vec<u8>>;

    fn table(names: &Names, image: impl Fn(FileId) -> Vec<u8>) -> Table {
        names.iter().map(|(name, id)| (name.to_string(), image(*id))).collect()
    }

    /// Does all, and checks after each that what is durable, with what is pending, is what one
    /// sees.
    fn perform(acts: Vec<(u8, Act)>) -> Content {
        let mut content = Content::default();
        for (file, act) in acts {
            let name: Arc<str> = format!("file {file}").into();
            content.operations += 1;
            match (content.find(&name), act) {
                (None, Act::Create) => drop(content.create(&name)),
                (Some(_), Act::Delete) => content.delete(&name),
                (Some(id), Act::Write(offset, byte, len)) => {
                    let change = Change::Write { offset, data: vec![byte; len].into() };
                    content.change(id, change).expect("it has a name");
                }
                (Some(id), Act::Truncate(len)) => {
                    content.change(id, Change::Truncate { len }).expect("it has a name");
                }
                (Some(id), Act::Sync) => content.sync(id),
                (_, Act::SyncDirectory) => content.sync_directory(),
                _ => {}
            }
            content.collect(|_| false);
            let mut names = content.durable_names().clone();
            content.renamings().iter().for_each(|renaming| renaming.apply(&mut names));
            assert_eq!(&names, content.names());
            assert!(content.entries().all(|(_, id)| content.file(id).is_some()));
            for file in content.reachable().values() {
                let mut image = file.durable().clone();
                file.pending().iter().for_each(|pending| pending.change.apply(&mut image));
                assert_eq!(image.to_vec(), file.volatile().to_vec());
            }
        }
        content
    }

    proptest! {
        #[test]
        fn the_two_simple_losses_leave_the_two_images(acts in acts()) {
            let content = perform(acts);
            let visible = table(content.names(), |id| content.file(id).expect("named").volatile().to_vec());
            let durable =
                table(content.durable_names(), |id| content.file(id).expect("named").durable().to_vec());
            for (outcome, expected, hash) in [
                (Outcome::KeepAll, visible, content.visible_hash()),
                (Outcome::LoseAll, durable, content.durable_hash()),
            ] {
                let (left, losses) = survivor(&content, outcome);
                let found = table(left.names(), |id| left.file(id).expect("named").volatile().to_vec());
                prop_assert_eq!(found, expected);
                prop_assert_eq!(left.visible_hash(), hash);
                prop_assert!(left.is_settled() && left.files.len() == left.names.len());
                let kept_all = losses.survived_through == content.operations;
                prop_assert_eq!(losses.struck(), !kept_all);
            }
        }

        #[test]
        fn no_loss_takes_what_is_durable_or_makes_up_a_name(acts in acts(), seed: u64) {
            let content = perform(acts);
            for outcome in [Outcome::TornPrefix { seed }, Outcome::Subset { seed }] {
                let (left, losses) = survivor(&content, outcome);
                prop_assert!(losses.survived_through >= content.durable_operations());
                prop_assert_eq!(&survivor(&content, outcome).0.visible_hash(), &left.visible_hash());
                for (name, id) in left.names() {
                    let known = content.entries().any(|entry| entry == (name, *id));
                    prop_assert!(known, "{} is another file", name);
                    let (before, after) = (content.file(*id).expect("named"), left.file(*id).expect("named"));
                    if before.pending().is_empty() {
                        prop_assert_eq!(before.durable().to_vec(), after.volatile().to_vec());
                    }
                }
                if content.is_settled() {
                    prop_assert_eq!(left.visible_hash(), content.visible_hash());
                    prop_assert!(!losses.struck());
                }
            }
        }
    }

    #[test]
    fn a_copy_shares_every_file_that_is_not_written() {
        let mut content = Content::default();
        let ids: Vec<FileId> = ["a", "b"].map(|name| content.create(&name.into())).to_vec();
        let copy = content.clone();
        let shared = |content: &Content| {
            ids.iter().filter(|id| Arc::ptr_eq(&content.files[id], &copy.files[id])).count()
        };
        assert_eq!(shared(&content), 2);
        content.change(ids[0], Change::Truncate { len: 1 }).expect("it is there");
        assert_eq!(shared(&content), 1);
        assert!(Arc::ptr_eq(&content.names, &copy.names));
    }

    #[test]
    fn a_disk_that_is_never_synced_keeps_a_bounded_past() {
        let mut content = Content::default();
        let name: Arc<str> = "journal".into();
        for _ in 0..1000 {
            content.operations += 2;
            let id = content.create(&name);
            content.change(id, Change::Write { offset: 0, data: [1; 100].as_slice().into() }).expect("named");
            content.delete(&name);
            content.collect(|_| false);
            assert!(content.files.len() <= RENAMINGS_MAX && content.renamings.len() <= RENAMINGS_MAX);
        }
        assert!(content.durable_operations() > 1800, "{}", content.durable_operations());
        let id = content.create(&name);
        for _ in 0..10_000 {
            content.operations += 1;
            content.change(id, Change::Write { offset: 0, data: [2].as_slice().into() }).expect("named");
        }
        assert!(content.file(id).expect("named").pending().len() <= 4096);
    }
}
