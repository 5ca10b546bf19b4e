//! The memory that the connections of a database in WAL mode share, and its eight locks.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::lock::Owner;

/// How many locks there are.
pub(crate) const SLOTS: usize = 8;

/// The most regions that a database may have: an index of 4 GiB of log.
const REGIONS_MAX: usize = 1 << 12;

/// A piece of shared memory. Atomics, because every connection writes to it through a raw
/// pointer while others hold one too. It lives as long as a connection that it was given to.
#[derive(Debug)]
pub(crate) struct Region(Box<[AtomicU64]>);

impl Region {
    fn new(bytes: usize) -> Region {
        Region((0..bytes.div_ceil(8)).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.0.as_ptr().cast_mut().cast()
    }
}

/// What the connections of one database share.
#[derive(Debug, Default)]
pub(crate) struct SharedMemory {
    regions: Vec<Arc<Region>>,
    attached: BTreeSet<Owner>,
    slots: [Slot; SLOTS],
}

#[derive(Debug, Default)]
struct Slot {
    shared: BTreeSet<Owner>,
    exclusive: Option<Owner>,
}

impl SharedMemory {
    /// The region, which is made on the way where `extend` says so.
    pub(crate) fn map(
        &mut self,
        owner: Owner,
        index: usize,
        bytes: usize,
        extend: bool,
    ) -> Option<Arc<Region>> {
        self.attached.insert(owner);
        while extend && self.regions.len() <= index && index < REGIONS_MAX {
            self.regions.push(Arc::new(Region::new(bytes)));
        }
        self.regions.get(index).map(Arc::clone)
    }

    /// Takes locks, all or none of them.
    pub(crate) fn lock(&mut self, owner: Owner, slots: Range<usize>, exclusive: bool) -> bool {
        let Some(slots) = self.slots.get_mut(slots) else { return false };
        let is_other = |holder: &Owner| *holder != owner;
        let busy = |slot: &Slot| {
            slot.exclusive.as_ref().is_some_and(is_other) || (exclusive && slot.shared.iter().any(is_other))
        };
        if slots.iter().any(busy) {
            return false;
        }
        for slot in slots {
            if exclusive {
                slot.exclusive = Some(owner);
            } else {
                slot.shared.insert(owner);
            }
        }
        true
    }

    pub(crate) fn unlock(&mut self, owner: Owner, slots: Range<usize>) {
        for slot in self.slots.get_mut(slots).into_iter().flatten() {
            slot.release(|holder| holder == owner);
        }
    }

    /// Forgets an owner or, with all that it held, a mount. The memory goes with the last one:
    /// the next to come finds it empty and rebuilds it from the log, as the first connection
    /// after a crash does.
    pub(crate) fn detach(&mut self, gone: impl Fn(Owner) -> bool) {
        self.attached.retain(|owner| !gone(*owner));
        for slot in &mut self.slots {
            slot.release(&gone);
        }
        if self.attached.is_empty() {
            self.regions.clear();
        }
    }
}

impl Slot {
    fn release(&mut self, gone: impl Fn(Owner) -> bool) {
        self.shared.retain(|owner| !gone(*owner));
        self.exclusive.take_if(|owner| gone(*owner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Owner = Owner { mount: 1, handle: 1 };
    const TWO: Owner = Owner { mount: 2, handle: 2 };

    #[test]
    fn locks_are_taken_all_or_none() {
        let mut memory = SharedMemory::default();
        assert!(memory.lock(ONE, 2..3, false) && memory.lock(TWO, 2..3, false));
        assert!(!memory.lock(TWO, 1..3, true), "somebody reads at 2");
        assert!(memory.lock(ONE, 1..2, true), "so 1 was not taken");
        assert!(!memory.lock(TWO, 1..2, false));
        memory.unlock(ONE, 1..3);
        assert!(memory.lock(TWO, 1..3, true));
        assert!(!memory.lock(ONE, 7..9, true), "there is no ninth");
    }

    #[test]
    fn memory_lives_as_long_as_somebody_is_attached() {
        let mut memory = SharedMemory::default();
        assert!(memory.map(ONE, 0, 32_768, false).is_none());
        let region = memory.map(ONE, 1, 32_768, true).expect("it was made");
        assert!(Arc::ptr_eq(&region, &memory.map(TWO, 1, 32_768, false).expect("it is there")));
        memory.detach(|owner| owner.mount == 1);
        assert!(memory.map(TWO, 1, 32_768, false).is_some());
        memory.detach(|owner| owner == TWO);
        assert!(memory.map(TWO, 1, 32_768, false).is_none());
        assert!(memory.map(TWO, REGIONS_MAX, 32_768, true).is_none(), "there is an end");
    }
}
