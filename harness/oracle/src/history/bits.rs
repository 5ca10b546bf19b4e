//! A set of small numbers.

/// A set of small numbers, as bits: what was seen of up to some thousand writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn insert(&mut self, n: usize) {
        if self.0.len() <= n / 64 {
            self.0.resize(n / 64 + 1, 0);
        }
        self.0[n / 64] |= 1 << (n % 64);
    }

    pub(crate) fn remove(&mut self, n: usize) {
        if let Some(word) = self.0.get_mut(n / 64) {
            *word &= !(1 << (n % 64));
        }
    }

    pub(crate) fn contains(&self, n: usize) -> bool {
        self.0.get(n / 64).is_some_and(|word| word & (1 << (n % 64)) != 0)
    }

    pub(crate) fn unite(&mut self, other: &Bits) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }

    pub(crate) fn intersect(&mut self, other: &Bits) {
        self.0.truncate(other.0.len());
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine &= theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_unequal_length_unite_and_intersect() {
        let mut few = Bits::default();
        few.insert(3);
        let mut many = Bits::default();
        many.insert(3);
        many.insert(200);
        let mut both = few.clone();
        both.unite(&many);
        assert!(both.contains(3) && both.contains(200) && !both.contains(64));
        both.intersect(&few);
        assert!(both.contains(3) && !both.contains(200));
        both.remove(3);
        both.remove(1_000);
        assert!(!both.contains(3));
    }
}
