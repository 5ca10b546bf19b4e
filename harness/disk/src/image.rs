//! What a file holds, in blocks that copies of it share until one of them is written.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use crate::hash::{fold, hash_bytes};

/// The unit of sharing and of hashing, in bytes.
pub(crate) const BLOCK: usize = 4096;

/// How much of a file is shown at a time, in bytes: it fits the nearest cache.
const PIECE: usize = 4 * BLOCK;

/// The longest file, in bytes. It bounds what a write to a senseless offset can allocate.
pub(crate) const FILE_MAX: usize = 1 << 32;

/// A hole: what a file holds where it was extended and not written.
static ZEROS: LazyLock<Arc<Block>> = LazyLock::new(|| Arc::new(Block::new([0; BLOCK])));

/// One block, with its hash once somebody has asked for it (0 before).
#[derive(Debug)]
struct Block {
    bytes: [u8; BLOCK],
    hash: AtomicU64,
}

impl Clone for Block {
    fn clone(&self) -> Block {
        // Whoever copies a block is about to change it, so the hash is not worth carrying.
        Block::new(self.bytes)
    }
}

impl Block {
    fn new(bytes: [u8; BLOCK]) -> Block {
        Block { bytes, hash: AtomicU64::new(0) }
    }

    fn bytes_mut(&mut self) -> &mut [u8; BLOCK] {
        *self.hash.get_mut() = 0;
        &mut self.bytes
    }

    fn hash(&self) -> u64 {
        match self.hash.load(Relaxed) {
            0 => {
                let hash = hash_bytes(&self.bytes).max(1);
                self.hash.store(hash, Relaxed);
                hash
            }
            known => known,
        }
    }
}

/// The bytes of a file. A clone costs one reference count for each block.
///
/// Invariant: there are as many blocks as the length needs, and the last one is zero behind it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    blocks: Vec<Arc<Block>>,
    len: usize,
}

impl Image {
    /// The length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Copies what stands at `offset` into `out` and says how many bytes that were.
    pub(crate) fn read(&self, offset: usize, out: &mut [u8]) -> usize {
        let length = self.len.saturating_sub(offset).min(out.len());
        for (at, piece) in pieces(offset, length) {
            let start = offset + at;
            let block = &self.blocks[start / BLOCK].bytes;
            out[at..at + piece].copy_from_slice(&block[start % BLOCK..][..piece]);
        }
        length
    }

    /// Writes, and extends where that goes past the end. The end must not pass [`FILE_MAX`].
    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        self.extend(offset + data.len());
        for (at, piece) in pieces(offset, data.len()) {
            let start = offset + at;
            let block = &mut self.blocks[start / BLOCK];
            let piece = &data[at..at + piece];
            match (Arc::get_mut(block), piece.first_chunk::<BLOCK>()) {
                // Nothing of a shared block would be kept, so it is not copied first.
                (None, Some(whole)) => *block = Arc::new(Block::new(*whole)),
                (Some(own), _) => own.bytes_mut()[start % BLOCK..][..piece.len()].copy_from_slice(piece),
                (None, None) => {
                    let own = Arc::make_mut(block).bytes_mut();
                    own[start % BLOCK..][..piece.len()].copy_from_slice(piece);
                }
            }
        }
    }

    fn extend(&mut self, len: usize) {
        if len > self.len {
            self.set_len(len);
        }
    }

    /// Cuts, or extends with zeros. `len` must not pass [`FILE_MAX`].
    pub(crate) fn set_len(&mut self, len: usize) {
        self.blocks.resize_with(len.div_ceil(BLOCK), || Arc::clone(&ZEROS));
        if len < self.len && !len.is_multiple_of(BLOCK) {
            let last = &mut self.blocks[len / BLOCK];
            Arc::make_mut(last).bytes_mut()[len % BLOCK..].fill(0);
        }
        self.len = len;
    }

    /// Takes the length of `other` and its blocks around a range; the rest of the two images
    /// must be equal already.
    pub(crate) fn take_range(&mut self, other: &Image, offset: usize, len: usize) {
        if self.len != other.len {
            // The blocks that hold the old and the new end change with the length.
            let shorter = self.len.min(other.len) / BLOCK;
            self.blocks.truncate(shorter);
            self.blocks.extend_from_slice(&other.blocks[shorter..]);
            self.len = other.len;
        }
        let end = (offset + len).div_ceil(BLOCK).min(self.blocks.len());
        for index in offset / BLOCK..end {
            self.blocks[index] = Arc::clone(&other.blocks[index]);
        }
    }

    /// Shows the bytes piece by piece, the last piece first, each with the first `overlap` of what
    /// follows it.
    pub(crate) fn pieces(&self, overlap: usize, mut see: impl FnMut(&[u8])) {
        let mut piece = vec![0; PIECE + overlap];
        for start in (0..self.len).step_by(PIECE).rev() {
            let length = self.read(start, &mut piece);
            see(&piece[..length]);
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        self.read(0, &mut bytes);
        bytes
    }

    /// A hash of the bytes and the length. Each block is hashed once, whoever shares it.
    pub(crate) fn hash(&self) -> u64 {
        self.blocks.iter().fold(self.len as u64, |hash, block| fold(hash, block.hash()))
    }

    /// Whether a text stands in the image. Where all of `seen` around a block is the very same
    /// memory, it is not read again: the caller has looked there.
    pub(crate) fn contains(&self, needle: &[u8], seen: Option<&Image>) -> bool {
        let (Some(first), overlap) = (needle.first(), needle.len().saturating_sub(1)) else {
            return true;
        };
        let reach = overlap.div_ceil(BLOCK);
        let mut window = Vec::with_capacity(BLOCK + overlap);
        for index in 0..self.blocks.len() {
            let from = index * BLOCK;
            let until = (from + BLOCK + overlap).min(self.len);
            let shared = |seen: &Image| {
                until <= seen.len
                    && (index..=index + reach).all(|near| {
                        match (self.blocks.get(near), seen.blocks.get(near)) {
                            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
                            (own, _) => own.is_none(),
                        }
                    })
            };
            if seen.is_some_and(shared) {
                continue;
            }
            window.resize(until.saturating_sub(from), 0);
            self.read(from, &mut window);
            if window.windows(needle.len()).any(|text| text[0] == *first && text == needle) {
                return true;
            }
        }
        false
    }

    /// How many blocks two images share.
    #[cfg(test)]
    pub(crate) fn blocks_shared(&self, other: &Image) -> usize {
        self.blocks.iter().zip(&other.blocks).filter(|(one, two)| Arc::ptr_eq(one, two)).count()
    }
}

/// Cuts a range where a block ends: pairs of an index into the range and a length.
fn pieces(offset: usize, length: usize) -> impl Iterator<Item = (usize, usize)> {
    split(offset, length, BLOCK)
}

/// Cuts the range at every multiple of `unit`: pairs of an index into the range and a length.
pub(crate) fn split(offset: usize, length: usize, unit: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let piece = (unit - (offset + at) % unit).min(length - at);
        let found = (at, piece);
        at += piece;
        (piece > 0).then_some(found)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Act {
        Write(usize, Vec<u8>),
        SetLen(usize),
        /// Goes back to how it was, as after a restore.
        Keep,
        Restore,
    }

    /// Offsets and lengths that like the edges of blocks.
    fn near_an_edge() -> impl Strategy<Value = usize> {
        (0..6usize, 0..BLOCK, 0..4u8).prop_map(|(block, inside, how)| match how {
            0 => block * BLOCK,
            1 => (block * BLOCK).saturating_sub(1),
            2 => block * BLOCK + 1,
            _ => block * BLOCK + inside,
        })
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            6 => (near_an_edge(), near_an_edge(), any::<u8>()).prop_map(|(offset, len, byte)| {
                // No byte is like its neighbour, so that none can be taken for another.
                let bytes = (0..len).map(|at| byte.wrapping_add((at % 251) as u8)).collect();
                Act::Write(offset, bytes)
            }),
            2 => near_an_edge().prop_map(Act::SetLen),
            1 => Just(Act::Keep),
            1 => Just(Act::Restore),
        ]
    }

    proptest! {
        #[test]
        fn an_image_does_what_a_vector_does(acts in prop::collection::vec(act(), 1..30)) {
            let (mut image, mut model) = (Image::default(), Vec::new());
            let mut kept = (image.clone(), model.clone());
            for act in acts {
                let before = (image.clone(), image.hash(), model.clone());
                match act {
                    Act::Write(offset, data) => {
                        let end = if data.is_empty() { 0 } else { offset + data.len() };
                        model.resize(model.len().max(end), 0);
                        image.write(offset, &data);
                        if !data.is_empty() {
                            model[offset..end].copy_from_slice(&data);
                        }
                        let mut follower = before.0.clone();
                        follower.take_range(&image, offset, data.len());
                        prop_assert_eq!(&follower.to_vec(), &model);
                        prop_assert_eq!(follower.blocks_shared(&image), image.blocks.len());
                    }
                    Act::SetLen(len) => {
                        model.resize(len, 0);
                        image.set_len(len);
                    }
                    Act::Keep => kept = (image.clone(), model.clone()),
                    Act::Restore => (image, model) = kept.clone(),
                }
                prop_assert_eq!(&image.to_vec(), &model);
                prop_assert_eq!(image.len(), model.len());
                // Who shared the blocks saw nothing of it.
                prop_assert_eq!(&before.0.to_vec(), &before.2);
                prop_assert_eq!(image.hash() == before.1, model == before.2);
                // The same bytes have the same hash, however they came about.
                let mut fresh = Image::default();
                fresh.set_len(model.len());
                fresh.write(0, &model);
                prop_assert_eq!(fresh.hash(), image.hash());
            }
        }

        #[test]
        fn a_read_stops_at_the_end(len in near_an_edge(), offset in near_an_edge(), room in near_an_edge()) {
            let mut image = Image::default();
            image.write(0, &vec![1; len]);
            let mut out = vec![2; room];
            let found = image.read(offset, &mut out);
            prop_assert_eq!(found, len.saturating_sub(offset).min(room));
            prop_assert!(out[..found].iter().all(|byte| *byte == 1) && out[found..].iter().all(|byte| *byte == 2));
        }
    }

    #[test]
    fn a_block_that_is_written_in_place_has_a_new_hash() {
        let mut image = Image::default();
        image.write(0, &[7; 2 * BLOCK]);
        let mut hashes = vec![image.hash()];
        image.write(1, &[8]);
        hashes.push(image.hash());
        image.write(0, &[9; BLOCK]);
        hashes.push(image.hash());
        image.set_len(BLOCK + 1);
        hashes.push(image.hash());
        image.set_len(2 * BLOCK);
        hashes.push(image.hash());
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 5);
    }

    #[test]
    fn a_copy_shares_every_block_that_is_not_written() {
        let mut image = Image::default();
        image.write(0, &[7; 256 * BLOCK]);
        let copy = image.clone();
        assert_eq!(image.blocks_shared(&copy), 256);
        image.write(10 * BLOCK - 1, b"ab");
        assert_eq!(image.blocks_shared(&copy), 254);
        let mut back = copy.clone();
        back.take_range(&image, 10 * BLOCK - 1, 2);
        assert_eq!((back.blocks_shared(&image), back.blocks_shared(&copy)), (256, 254));
    }

    #[test]
    fn pieces_are_the_whole_file_and_overlap() {
        for (len, overlap) in [(0, 5), (7, 0), (PIECE, 5), (2 * PIECE + 1, 3), (PIECE + 9, 3 * PIECE)] {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let mut image = Image::default();
            image.write(0, &bytes);
            let mut starts: Vec<usize> = (0..len).step_by(PIECE).collect();
            image.pieces(overlap, |piece| {
                let start = starts.pop().expect("no more pieces than there are");
                assert_eq!(piece, &bytes[start..(start + PIECE + overlap).min(len)], "{len} {overlap}");
            });
            assert!(starts.is_empty());
        }
    }

    #[test]
    fn a_text_is_found_across_blocks_and_only_where_it_is() {
        for at in [0, 1, BLOCK - 3, 2 * BLOCK - 1, 3 * BLOCK - 6] {
            let mut image = Image::default();
            image.set_len(3 * BLOCK);
            let before = image.clone();
            image.write(at, b"needle");
            assert!(image.contains(b"needle", None) && image.contains(b"needle", Some(&before)), "at {at}");
            assert!(!image.contains(b"needles", None) && !before.contains(b"needle", None));
            assert!(!image.contains(b"needle", Some(&image)), "somebody has looked there already");
        }
    }
}
