//! One file: what the page cache holds, what the medium holds, and what happened in between.

use std::sync::Arc;

use crate::image::Image;

/// How many operations may wait in the page cache for one file. Then the older half is written
/// back, in order, as a kernel does that runs out of patience; it also bounds what a disk that
/// is never synced keeps.
const PENDING_MAX: usize = 4096;

/// An operation that the medium has not been made to keep yet.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// Its number among the mutating operations of the disk.
    pub(crate) number: u64,
    pub(crate) change: Change,
    /// The first sync that called it durable and lied.
    pub(crate) promised: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Write { offset: usize, data: Arc<[u8]> },
    Truncate { len: usize },
}

impl Change {
    pub(crate) fn apply(&self, image: &mut Image) {
        match self {
            Change::Write { offset, data } => image.write(*offset, data),
            Change::Truncate { len } => image.set_len(*len),
        }
    }

    /// Whether it takes the place of something in a file of that length.
    pub(crate) fn overwrites(&self, file_len: usize) -> bool {
        match self {
            Change::Write { offset, data } => !data.is_empty() && *offset < file_len,
            Change::Truncate { len } => *len < file_len,
        }
    }
}

/// The last of some operations; 0: there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) number: u64,
    /// The last one that took the place of something durable.
    pub(crate) overwriting: u64,
}

impl Last {
    pub(crate) fn note(&mut self, number: u64, overwrites: bool) {
        let overwriting = if overwrites { number } else { 0 };
        *self = self.max(Last { number, overwriting });
    }

    pub(crate) fn max(self, other: Last) -> Last {
        Last { number: self.number.max(other.number), overwriting: self.overwriting.max(other.overwriting) }
    }
}

/// Invariant: `durable` with `pending` applied in order is `volatile`.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    volatile: Image,
    durable: Image,
    pending: Vec<Pending>,
    last_durable: Last,
}

impl File {
    /// A file that is on the medium as it is.
    pub(crate) fn settled(image: Image) -> File {
        File { volatile: image.clone(), durable: image, ..File::default() }
    }

    /// What every process sees.
    pub(crate) fn volatile(&self) -> &Image {
        &self.volatile
    }

    /// What the medium is known to hold.
    pub(crate) fn durable(&self) -> &Image {
        &self.durable
    }

    /// What stands between the two, in order.
    pub(crate) fn pending(&self) -> &[Pending] {
        &self.pending
    }

    pub(crate) fn change(&mut self, number: u64, change: Change) {
        change.apply(&mut self.volatile);
        self.pending.push(Pending { number, change, promised: None });
        if self.pending.len() > PENDING_MAX {
            self.note_durable(PENDING_MAX / 2);
            for old in self.pending.drain(..PENDING_MAX / 2) {
                old.change.apply(&mut self.durable);
            }
        }
    }

    /// The last operation that is durable.
    pub(crate) fn last_durable(&self) -> Last {
        self.last_durable
    }

    /// So many of what is pending are about to become durable.
    fn note_durable(&mut self, count: usize) {
        for one in &self.pending[..count] {
            self.last_durable.note(one.number, one.change.overwrites(self.durable.len()));
        }
    }

    /// A sync of that number calls everything durable and does nothing.
    pub(crate) fn promise(&mut self, sync: u64) {
        for one in &mut self.pending {
            one.promised = one.promised.or(Some(sync));
        }
    }

    /// Makes the medium keep what the page cache holds, block by block.
    pub(crate) fn sync(&mut self) {
        self.note_durable(self.pending.len());
        let cut = |one: &Pending| matches!(one.change, Change::Truncate { .. });
        if self.pending.iter().any(cut) {
            // What was cut and grew again is in no write, so only the whole file is surely equal.
            self.durable.clone_from(&self.volatile);
            self.pending.clear();
            return;
        }
        for done in self.pending.drain(..) {
            if let Change::Write { offset, data } = done.change {
                self.durable.take_range(&self.volatile, offset, data.len());
            }
        }
    }

    /// Inverts one bit wherever it stands: in the page cache, on the medium and in what is on
    /// its way there.
    pub(crate) fn flip(&mut self, offset: usize, bit: u8) {
        let mask = 1 << bit;
        for image in [&mut self.volatile, &mut self.durable] {
            let mut byte = [0];
            if image.read(offset, &mut byte) == 1 {
                image.write(offset, &[byte[0] ^ mask]);
            }
        }
        for pending in &mut self.pending {
            if let Change::Write { offset: start, data } = &mut pending.change
                && offset >= *start
                && let Some(byte) = Arc::make_mut(data).get_mut(offset - *start)
            {
                *byte ^= mask;
            }
        }
    }

    /// Whether a text stands in any image of the file, or in a write on its way.
    pub(crate) fn contains(&self, needle: &[u8]) -> bool {
        let on_its_way = |one: &Pending| match &one.change {
            Change::Write { data, .. } => {
                !needle.is_empty() && data.windows(needle.len()).any(|text| text == needle)
            }
            Change::Truncate { .. } => false,
        };
        self.volatile.contains(needle, None)
            || self.durable.contains(needle, Some(&self.volatile))
            || self.pending.iter().any(on_its_way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flip_strikes_every_image_and_what_is_on_its_way() {
        let mut image = Image::default();
        image.write(0, &[0; 10]);
        let mut file = File::settled(image);
        file.change(1, Change::Write { offset: 5, data: [0; 10].as_slice().into() });
        for (offset, durable, pending) in [(3, 8, 0), (7, 8, 8), (12, 0, 8)] {
            file.flip(offset, 3);
            let byte = |image: &Image| image.to_vec().get(offset).copied().unwrap_or(0);
            assert_eq!((byte(&file.volatile), byte(&file.durable)), (8, durable), "at {offset}");
            let Change::Write { offset: start, data } = &file.pending[0].change else { unreachable!() };
            let on_its_way = offset.checked_sub(*start).map_or(0, |at| data[at]);
            assert_eq!(on_its_way, pending, "at {offset}");
        }
    }
}
