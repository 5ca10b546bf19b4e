//! Numbers that are the same in every process: a hash of bytes, and SplitMix64 keyed by what a
//! draw belongs to.

const ODD: u64 = 0x9E37_79B9_7F4A_7C15; // 2^64 divided by the golden ratio
const ONE: u64 = 0xBF58_476D_1CE4_E5B9;
const TWO: u64 = 0x94D0_49BB_1331_11EB;

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): every bit of the input moves every
/// bit of the output.
pub(crate) fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(ONE);
    let word = (word ^ (word >> 27)).wrapping_mul(TWO);
    word ^ (word >> 31)
}

/// Adds a word to a hash.
pub(crate) fn fold(hash: u64, word: u64) -> u64 {
    mix(hash.rotate_left(23) ^ word.wrapping_add(ODD))
}

/// A hash of bytes, for telling contents apart that nobody chose in order to deceive.
///
/// Sixteen bytes cost one multiplication to 128 bits whose halves are folded together.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let word = |chunk: &[u8]| {
        let mut padded = [0; 8];
        padded[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(padded)
    };
    let mut hash = ODD;
    for pair in bytes.chunks(16) {
        let (low, high) = pair.split_at(pair.len().min(8));
        let product =
            u128::from(word(low) ^ ONE ^ hash) * u128::from(word(high) ^ TWO ^ hash.rotate_left(32));
        hash = (product as u64) ^ ((product >> 64) as u64);
    }
    fold(hash, bytes.len() as u64)
}

/// A stream of draws: SplitMix64 from a seed, or from a seed and what the stream belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Draws {
        Draws(mix(seed ^ ODD))
    }

    /// A stream of its own for one thing, which no draw for another thing can move.
    pub(crate) fn keyed(&self, key: u64) -> Draws {
        Draws(fold(self.0, key))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(ODD);
        mix(self.0)
    }

    /// A number below `bound`, or 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: no division, and a bias of at most bound / 2^64.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// True in `percent` of 100 draws.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_paper() {
        // SplitMix64 from the state 1234567, as published with the Java implementation.
        let mut draws = Draws(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| draws.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn every_bit_and_the_length_count() {
        let mut bytes = vec![7; 100];
        let hash = hash_bytes(&bytes);
        assert_ne!(hash, hash_bytes(&bytes[..99]));
        for bit in 0..800 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(hash_bytes(&bytes), hash, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert_ne!(hash_bytes(&[0; 8]), hash_bytes(&[0; 16]));
    }

    #[test]
    fn a_key_makes_a_stream_of_its_own() {
        let draws = Draws::new(1);
        assert_ne!(draws.keyed(1).next(), draws.keyed(2).next());
        assert_eq!(draws.keyed(1).next(), draws.keyed(1).next());
        assert!((0..1000).all(|key| draws.keyed(key).below(10) < 10));
    }
}
