//! What a power loss leaves of what was not yet durable.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::content::{Content, Names};
use crate::file::{Change, File, Pending};
use crate::hash::{Draws, hash_bytes};
use crate::image::{Image, split};

/// What a medium writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// What becomes of the operations that no sync has made durable. Whatever is durable stays in
/// every case, and bytes next to those that were being written are never touched
/// (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All of them are lost.
    LoseAll,
    /// All of them reached the medium just in time.
    KeepAll,
    /// Those before a point that the seed chooses are kept, in the order in which they were
    /// issued on the whole disk; of a write at that point each sector of 512 bytes is kept or
    /// lost.
    TornPrefix {
        /// Chooses the point and the sectors.
        seed: u64,
    },
    /// Each sector of each write, each truncation and each entry of the directory is kept or
    /// lost by itself. A file may have got its new size without the data: zeros or garbage.
    Subset {
        /// Chooses, keyed by file and operation.
        seed: u64,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Outcome::LoseAll => "lose-all",
            Outcome::KeepAll => "keep-all",
            Outcome::TornPrefix { .. } => "torn-prefix",
            Outcome::Subset { .. } => "subset",
        })
    }
}

/// What a power loss did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Operations that were not durable and survived whole.
    pub kept: u64,
    /// Writes of which a part survived.
    pub torn: u64,
    /// Operations of which nothing survived.
    pub lost: u64,
    /// The highest number such that every operation up to it survived whole.
    pub survived_through: u64,
    /// The first sync that had called durable what did not survive whole.
    pub promised: Option<u64>,
    /// The last operation that is durable now, in part at least.
    pub kept_last: u64,
    /// The last operation that was to take the place of something durable, whether it survived or not.
    pub overwriting_last: u64,
    /// The highest number such that every operation up to it had been durable before.
    pub durable_through: u64,
}

impl Losses {
    /// Whether the loss took anything.
    pub fn struck(&self) -> bool {
        self.lost + self.torn > 0
    }

    /// Whether the loss took what a sync had called durable.
    pub fn broke_a_promise(&self) -> bool {
        self.promised.is_some()
    }

    /// Whether that may have cost what had been durable before the lie: something later is there, in
    /// the belief that it is, and what was durable has been overwritten since. So a log is copied into
    /// its database and begun anew, and only the new beginning survives. What was only appended, or is
    /// lost together with all that came later, takes nothing old along.
    pub fn reached_back(&self) -> bool {
        let overtaken = self.promised.is_some_and(|sync| sync < self.kept_last);
        overtaken && self.durable_through < self.overwriting_last
    }

    fn count(&mut self, number: u64, promised: Option<u64>, overwrites: bool, survived: Survived) {
        match survived {
            Survived::Whole => self.kept += 1,
            Survived::InPart => self.torn += 1,
            Survived::Not => self.lost += 1,
        }
        if survived != Survived::Whole {
            self.survived_through = self.survived_through.min(number.saturating_sub(1));
            self.promised = self.promised.into_iter().chain(promised).min();
        }
        if survived != Survived::Not {
            self.kept_last = self.kept_last.max(number);
        }
        if overwrites {
            self.overwriting_last = self.overwriting_last.max(number);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Survived {
    Whole,
    InPart,
    Not,
}

/// What the medium holds after a power loss, and what that cost.
pub(crate) fn survivor(content: &Content, outcome: Outcome) -> (Content, Losses) {
    let last = content.last_durable();
    let mut losses = Losses {
        survived_through: content.operations,
        kept_last: last.number,
        overwriting_last: last.overwriting,
        durable_through: content.durable_operations(),
        ..Losses::default()
    };
    let fate = Fate::new(content, outcome);
    let names = directory(content, &fate, &mut losses);
    let mut kept = BTreeMap::new();
    let reachable = content.reachable();
    for (name, id) in content.entries() {
        // Each file once, for the name that it had first.
        let Some(file) = reachable.get(&id).filter(|_| !kept.contains_key(&id)) else { continue };
        let after = match file.pending() {
            [] => Arc::clone(file),
            _ => Arc::new(File::settled(image(file, &fate, hash_bytes(name.as_bytes()), &mut losses))),
        };
        kept.insert(id, after);
    }
    kept.retain(|id, _| names.values().any(|named| named == id));
    (Content::settled(content.operations, kept, names), losses)
}

/// How a power loss chooses.
enum Fate {
    All(bool),
    /// What comes before the number is kept, what has it is torn.
    Before(u64, Draws),
    Each(Draws),
}

impl Fate {
    fn new(content: &Content, outcome: Outcome) -> Fate {
        match outcome {
            Outcome::LoseAll => Fate::All(false),
            Outcome::KeepAll => Fate::All(true),
            Outcome::Subset { seed } => Fate::Each(Draws::new(seed)),
            Outcome::TornPrefix { seed } => {
                let mut draws = Draws::new(seed);
                let files = content.reachable();
                let writes = files.values().flat_map(|file| file.pending()).map(|one| one.number);
                let mut numbers: Vec<u64> =
                    writes.chain(content.renamings().iter().map(|one| one.number)).collect();
                numbers.sort_unstable();
                let cut = draws.below(numbers.len() as u64 + 1) as usize;
                Fate::Before(numbers.get(cut).copied().unwrap_or(u64::MAX), draws)
            }
        }
    }

    /// The stream of draws of one file.
    fn of_file(&self, key: u64) -> Option<Draws> {
        match self {
            Fate::All(_) => None,
            Fate::Before(_, draws) | Fate::Each(draws) => Some(draws.keyed(key)),
        }
    }
}

/// Entries that changed are each as they were or as they became.
fn directory(content: &Content, fate: &Fate, losses: &mut Losses) -> Names {
    let mut names = content.durable_names().clone();
    for renaming in content.renamings() {
        let kept = match fate {
            Fate::All(kept) => *kept,
            Fate::Before(number, _) => renaming.number < *number,
            // Keyed by the name alone: all that happened to one entry is kept or lost together.
            Fate::Each(draws) => draws.keyed(hash_bytes(renaming.name.as_bytes())).keyed(1).percent(50),
        };
        if kept {
            renaming.apply(&mut names);
        }
        let survived = if kept { Survived::Whole } else { Survived::Not };
        let overwrites = renaming.overwrites(content.durable_names());
        losses.count(renaming.number, renaming.promised, overwrites, survived);
    }
    names
}

fn image(file: &File, fate: &Fate, key: u64, losses: &mut Losses) -> Image {
    let mut image = file.durable().clone();
    let of_file = fate.of_file(key);
    // Some files fare better than others.
    let percent = of_file.clone().map_or(0, |mut draws| 10 + draws.below(81));
    for (index, pending) in file.pending().iter().enumerate() {
        let draws = of_file.as_ref().map(|draws| draws.keyed(index as u64 + 2));
        let survived = match (fate, draws) {
            (Fate::Before(number, _), _) if pending.number < *number => keep(pending, &mut image),
            (Fate::Before(number, _), Some(draws)) if pending.number == *number => {
                sectors(pending, &mut image, draws, 50, false)
            }
            (Fate::Each(_), Some(draws)) => sectors(pending, &mut image, draws, percent, true),
            (Fate::All(true), _) => keep(pending, &mut image),
            _ => Survived::Not,
        };
        let overwrites = pending.change.overwrites(file.durable().len());
        losses.count(pending.number, pending.promised, overwrites, survived);
    }
    image
}

fn keep(pending: &Pending, image: &mut Image) -> Survived {
    pending.change.apply(image);
    Survived::Whole
}

/// Keeps each sector of a write with a likelihood of `percent`, and a truncation as a whole.
/// Where `sizes` is set, a lost sector behind the end may still have moved the end.
fn sectors(pending: &Pending, image: &mut Image, mut draws: Draws, percent: u64, sizes: bool) -> Survived {
    let Change::Write { offset, data } = &pending.change else {
        return if draws.percent(percent) { keep(pending, image) } else { Survived::Not };
    };
    let (mut kept, mut lost) = (0, 0);
    for (at, piece) in split(*offset, data.len(), SECTOR) {
        if draws.percent(percent) {
            image.write(offset + at, &data[at..at + piece]);
            kept += 1;
            continue;
        }
        lost += 1;
        if sizes && offset + at + piece > image.len() && draws.percent(25) {
            let garbage = draws.percent(50);
            let stale = (0..piece).map(|_| if garbage { draws.next() as u8 } else { 0 });
            image.write(offset + at, &stale.collect::<Vec<_>>());
        }
    }
    match (kept, lost) {
        (_, 0) => Survived::Whole,
        (0, _) => Survived::Not,
        _ => Survived::InPart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What all seeds together make of eight sectors appended to eight, each full of ones.
    fn tails(outcome: impl Fn(u64) -> Outcome) -> Vec<(Vec<u8>, Losses)> {
        let mut content = Content::default();
        content.operations = 1;
        let id = content.create(&"log".into());
        content.change(id, Change::Write { offset: 0, data: [1; 4096].as_slice().into() }).expect("named");
        content.sync(id);
        content.sync_directory();
        content.operations = 2;
        content.change(id, Change::Write { offset: 4096, data: [1; 4096].as_slice().into() }).expect("named");
        let left = (0..200).map(|seed| survivor(&content, outcome(seed)));
        left.map(|(left, losses)| {
            let bytes = left.named("log").expect("it was durable").volatile().to_vec();
            assert!(bytes.len() >= 4096 && bytes[..4096].iter().all(|byte| *byte == 1));
            assert_eq!((losses.kept + losses.torn + losses.lost, losses.struck()), (1, losses.kept == 0));
            assert_eq!(losses.survived_through, 1 + losses.kept);
            (bytes[4096..].to_vec(), losses)
        })
        .collect()
    }

    fn sectors_of(tail: &[u8]) -> impl Iterator<Item = &[u8]> {
        tail.chunks(SECTOR)
    }

    #[test]
    fn a_subset_may_leave_a_size_without_its_data() {
        let tails = tails(|seed| Outcome::Subset { seed });
        let any = |is: fn(&u8) -> bool| {
            tails.iter().any(|(tail, _)| sectors_of(tail).last().is_some_and(|last| last.iter().all(is)))
        };
        assert!(any(|byte| *byte == 0), "zeros");
        assert!(any(|byte| *byte == 1), "the data");
        let garbage = |last: &[u8]| last.iter().any(|byte| *byte > 1);
        assert!(tails.iter().any(|(tail, _)| sectors_of(tail).last().is_some_and(garbage)), "garbage");
        assert!(
            tails.iter().any(|(_, losses)| losses.torn == 1) && tails.iter().any(|(tail, _)| tail.is_empty())
        );
    }

    #[test]
    fn a_prefix_is_torn_where_it_ends_and_makes_nothing_up() {
        let tails = tails(|seed| Outcome::TornPrefix { seed });
        for (tail, _) in &tails {
            assert!(sectors_of(tail).all(|one| one.iter().all(|byte| *byte == one[0] && *byte <= 1)));
        }
        assert!(tails.iter().any(|(_, losses)| losses.kept == 1));
        assert!(tails.iter().any(|(_, losses)| losses.torn == 1));
    }
}
