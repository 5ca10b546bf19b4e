//! Seals: a hash beside every row, over everything in it.
//!
//! SQLite keeps no checksums of its pages, and a bit that flips inside a text leaves a database
//! that passes `integrity_check`. The hash is fast and its key is known: it tells damage, not
//! malice.
//!
//! The seals of all rows are also summed up in [`Meta`](super::Meta), which is written by every
//! transaction. So pages of two different moments, each whole, do not pass for one database.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Half of the key; changing it makes every database look damaged.
const KEY: u64 = 0x6465_6164_7a6f_6e65;

/// Takes the fields of one row in their order.
pub(crate) struct Sealer(SipHasher13);

impl Sealer {
    /// Begins a row of a table.
    pub(crate) fn of(table: u64) -> Sealer {
        Sealer(SipHasher13::new_with_keys(KEY, table))
    }

    pub(crate) fn num(mut self, number: u64) -> Sealer {
        self.0.write_u64(number.to_le());
        self
    }

    /// Takes the length too, so that no text runs into the next one.
    pub(crate) fn text(self, text: &str) -> Sealer {
        let mut sealer = self.num(text.len() as u64);
        sealer.0.write(text.as_bytes());
        sealer
    }

    pub(crate) fn maybe(self, text: Option<&str>) -> Sealer {
        match text {
            Some(text) => self.num(1).text(text),
            None => self.num(0),
        }
    }

    pub(crate) fn seal(self) -> u64 {
        self.0.finish()
    }
}

/// The hash of one long text, so that a row can be sealed anew without having it at hand.
pub(crate) fn digest(text: &str) -> u64 {
    Sealer::of(0).text(text).seal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_and_every_boundary_counts() {
        let seal = |a: &str, b: Option<&str>, n: u64| Sealer::of(1).text(a).maybe(b).num(n).seal();
        let whole = seal("House", Some("home"), 7);
        assert_eq!(whole, seal("House", Some("home"), 7));
        for other in [
            seal("Iouse", Some("home"), 7),
            seal("Househ", Some("ome"), 7),
            seal("House", None, 7),
            seal("House", Some("home"), 6),
            Sealer::of(2).text("House").maybe(Some("home")).num(7).seal(),
        ] {
            assert_ne!(whole, other);
        }
    }
}
