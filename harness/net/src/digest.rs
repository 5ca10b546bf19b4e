//! A running hash over everything that was delivered.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Two runs with the same digest have delivered the same bytes at the same times.
#[derive(Clone)]
pub(crate) struct Digest {
    hasher: SipHasher13,
}

impl Digest {
    pub(crate) fn new() -> Digest {
        Digest { hasher: SipHasher13::new_with_keys(0, 0) }
    }

    /// Takes up one delivery. `numbers` say when, where and of what kind; they are of a fixed
    /// count, and the length goes before the payload, so that no two sequences of deliveries
    /// are written alike.
    pub(crate) fn delivery(&mut self, numbers: [u64; 6], payload: &[u8]) {
        let mut head = [0; 56];
        let numbers = numbers.into_iter().chain([payload.len() as u64]);
        for (part, number) in head.chunks_exact_mut(8).zip(numbers) {
            part.copy_from_slice(&number.to_le_bytes());
        }
        self.hasher.write(&head);
        self.hasher.write(payload);
    }

    pub(crate) fn value(&self) -> u64 {
        self.hasher.finish()
    }
}
