//! Who holds which lock on a file: the five states of SQLite, as `os_unix.c` grants them.

use std::collections::BTreeSet;

/// An open file of a mount. All that a process holds goes when it dies, so the mount is part of
/// the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) mount: u64,
    pub(crate) handle: u64,
}

/// From nothing to all, in SQLite's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    None = 0,
    Shared = 1,
    Reserved = 2,
    Pending = 3,
    Exclusive = 4,
}

impl Level {
    pub(crate) fn from_sqlite(number: i32) -> Level {
        match number {
            0 => Level::None,
            1 => Level::Shared,
            2 => Level::Reserved,
            3 => Level::Pending,
            _ => Level::Exclusive,
        }
    }
}

/// The locks on one file.
///
/// Invariant: whoever holds a higher lock holds a shared one too; at most one holds a higher one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locks {
    shared: BTreeSet<Owner>,
    higher: Option<(Owner, Level)>,
}

impl Locks {
    pub(crate) fn level(&self, owner: Owner) -> Level {
        match self.higher {
            Some((holder, level)) if holder == owner => level,
            _ if self.shared.contains(&owner) => Level::Shared,
            _ => Level::None,
        }
    }

    /// Takes a lock, or says that somebody is in the way. Asking for the exclusive lock may
    /// leave the owner with the pending one, which keeps new readers out.
    pub(crate) fn lock(&mut self, owner: Owner, want: Level) -> bool {
        let held = self.level(owner);
        if held >= want {
            return true;
        }
        let other = self.higher.filter(|(holder, _)| *holder != owner).map(|(_, level)| level);
        if want == Level::Shared {
            let free = other.is_none_or(|level| level < Level::Pending);
            return free && self.shared.insert(owner);
        }
        if other.is_some() || held == Level::None {
            return false;
        }
        if want == Level::Exclusive && self.shared.len() > 1 {
            // Rolling back a hot journal goes from shared to exclusive at one stroke, and does
            // not wait on the way.
            if held == Level::Reserved {
                self.higher = Some((owner, Level::Pending));
            }
            return false;
        }
        self.higher = Some((owner, want));
        true
    }

    pub(crate) fn unlock(&mut self, owner: Owner, to: Level) {
        if self.level(owner) <= to {
            return;
        }
        self.higher.take_if(|(holder, _)| *holder == owner);
        if to == Level::None {
            self.shared.remove(&owner);
        }
    }

    /// Whether anybody means to write.
    pub(crate) fn is_reserved(&self) -> bool {
        self.higher.is_some()
    }

    /// Takes away all locks of a mount.
    pub(crate) fn release(&mut self, mount: u64) {
        self.shared.retain(|owner| owner.mount != mount);
        self.higher.take_if(|(owner, _)| owner.mount == mount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Owner = Owner { mount: 1, handle: 1 };
    const TWO: Owner = Owner { mount: 2, handle: 2 };
    const THREE: Owner = Owner { mount: 1, handle: 3 };

    #[test]
    fn a_writer_waits_for_readers_and_keeps_new_ones_out() {
        let mut locks = Locks::default();
        assert!(locks.lock(ONE, Level::Shared) && locks.lock(TWO, Level::Shared));
        assert!(!locks.is_reserved());
        assert!(locks.lock(ONE, Level::Reserved));
        assert!(locks.is_reserved());
        assert!(!locks.lock(TWO, Level::Reserved), "one writer at a time");
        assert!(locks.lock(THREE, Level::Shared), "a reserved lock lets readers in");
        locks.unlock(THREE, Level::None);
        assert!(!locks.lock(ONE, Level::Exclusive));
        assert_eq!(locks.level(ONE), Level::Pending);
        assert!(!locks.lock(THREE, Level::Shared), "a pending lock does not");
        locks.unlock(TWO, Level::None);
        assert!(locks.lock(ONE, Level::Exclusive));
        assert!(!locks.lock(THREE, Level::Shared));
        locks.unlock(ONE, Level::Shared);
        assert!(locks.lock(THREE, Level::Shared) && !locks.is_reserved());
    }

    #[test]
    fn the_lock_for_a_hot_journal_is_taken_at_one_stroke_or_not() {
        let mut locks = Locks::default();
        assert!(locks.lock(ONE, Level::Shared) && locks.lock(TWO, Level::Shared));
        assert!(!locks.lock(ONE, Level::Exclusive));
        assert_eq!(locks.level(ONE), Level::Shared);
        locks.unlock(TWO, Level::None);
        assert!(locks.lock(ONE, Level::Exclusive));
    }

    #[test]
    fn a_dead_mount_holds_nothing() {
        let mut locks = Locks::default();
        assert!(locks.lock(ONE, Level::Shared) && locks.lock(ONE, Level::Exclusive));
        locks.release(2);
        assert!(!locks.lock(TWO, Level::Shared));
        locks.release(1);
        assert!(locks.lock(TWO, Level::Shared) && locks.lock(TWO, Level::Exclusive));
    }
}
