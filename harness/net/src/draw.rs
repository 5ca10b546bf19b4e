//! Random numbers that belong to something.
//!
//! A draw is a pure function of the seed and of the key it belongs to: never of how many
//! draws were made before it. Removing a line of a script therefore leaves every other draw
//! as it was. The function is SipHash-1-3 over an explicit encoding (each part carries its
//! kind, numbers are little-endian, texts carry their length), so it is the same on every
//! machine and stays the same between versions.
//!
//! ```
//! use deadzone_net::Draws;
//! let draws = Draws::new(7);
//! let lost = draws.key("loss").text("laptop").num(3).chance(0.05);
//! let pause = draws.key("pause").num(3).between(10, 20);
//! assert_eq!(lost, draws.key("loss").text("laptop").num(3).chance(0.05));
//! assert!((10..=20).contains(&pause));
//! ```

use std::fmt;
use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip::SipHasher13;

/// The second half of the hash key of every top family.
const FAMILY: u64 = 0x6465_6164_7a6f_6e65;

/// A family of draws, made from a seed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Draws {
    keys: (u64, u64),
}

impl Draws {
    /// The family of `seed`.
    pub const fn new(seed: u64) -> Draws {
        Draws { keys: (seed, FAMILY) }
    }

    /// A family of its own, independent of this one and of its other children.
    pub fn child(&self, name: &str) -> Draws {
        self.key("child").text(name).draws()
    }

    /// Begins the key of one draw: what it is for. What it belongs to follows.
    pub fn key(&self, purpose: &str) -> DrawKey {
        DrawKey { hasher: SipHasher13::new_with_keys(self.keys.0, self.keys.1) }.text(purpose)
    }
}

impl fmt::Debug for Draws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draws({:016x}-{:016x})", self.keys.0, self.keys.1)
    }
}

/// The key of one draw, under construction, and the draw itself.
///
/// One key is one draw: two draws from clones of the same key are the same draw.
#[derive(Clone)]
pub struct DrawKey {
    hasher: SipHasher13,
}

impl DrawKey {
    /// Adds a number to the key.
    #[must_use]
    pub fn num(mut self, number: u64) -> DrawKey {
        let mut part = [1; 9];
        part[1..].copy_from_slice(&number.to_le_bytes());
        self.hasher.write(&part);
        self
    }

    /// Adds a text to the key.
    #[must_use]
    pub fn text(mut self, text: &str) -> DrawKey {
        let mut head = [2; 9];
        head[1..].copy_from_slice(&(text.len() as u64).to_le_bytes());
        self.hasher.write(&head);
        self.hasher.write(text.as_bytes());
        self
    }

    /// Any number.
    pub fn u64(self) -> u64 {
        self.block(0)
    }

    /// A number from 0 to `bound` - 1, each as likely as the others. 0 when `bound` is 0.
    pub fn below(self, bound: u64) -> u64 {
        // The high half of a widening product is unbiased once the first `2^64 mod bound`
        // low halves are turned away; a block is turned away with probability under 1/2.
        let turned_away = if bound == 0 { 0 } else { bound.wrapping_neg() % bound };
        let mut counter = 0;
        loop {
            let product = u128::from(self.block(counter)) * u128::from(bound);
            if product as u64 >= turned_away {
                return (product >> 64) as u64;
            }
            counter += 1;
        }
    }

    /// A number from `low` to `high`, both included. `low` when the range is empty.
    pub fn between(self, low: u64, high: u64) -> u64 {
        match high.saturating_sub(low).checked_add(1) {
            Some(count) => low + self.below(count),
            None => self.u64(),
        }
    }

    /// True with `probability`, which is taken as 0 below 0 (and when it is not a number) and
    /// as 1 above 1.
    pub fn chance(self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number from 0 (included) to 1 (excluded), a multiple of 2^-53.
    pub fn unit(self) -> f64 {
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A time from `low` to `high`, both included, in whole nanoseconds. `low` when the range
    /// is empty. Times above 584 years are cut to that.
    pub fn duration(self, low: Duration, high: Duration) -> Duration {
        Duration::from_nanos(self.between(nanos(low), nanos(high)))
    }

    /// One of `items`, or `None` when there are none.
    pub fn pick<T>(self, items: &[T]) -> Option<&T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// Fills `out`. A longer `out` begins with what a shorter one would hold.
    pub fn fill(self, out: &mut [u8]) {
        for (counter, chunk) in (0..).zip(out.chunks_mut(8)) {
            let block = self.block(counter).to_le_bytes();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }

    /// A family of draws that belongs to this key.
    pub fn draws(self) -> Draws {
        Draws { keys: (self.block(0), self.block(1)) }
    }

    fn block(&self, counter: u64) -> u64 {
        let mut hasher = self.hasher;
        let mut part = [0; 9];
        part[1..].copy_from_slice(&counter.to_le_bytes());
        hasher.write(&part);
        hasher.finish()
    }
}

impl fmt::Debug for DrawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DrawKey({:016x})", self.block(0))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
