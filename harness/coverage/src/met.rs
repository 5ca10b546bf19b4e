//! What a run met, and what many runs met together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kinds::KINDS;
use crate::table::{Case, SITUATIONS};

/// The situations that a run met, and the faults that struck in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// A bit for each place in [`SITUATIONS`].
    situations: [u64; 3],
    /// A place in [`KINDS`] to the number of strikes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    strikes: BTreeMap<usize, u64>,
}

// A situation more than there are bits would be lost.
const _: () = assert!(SITUATIONS.len() <= 192);

impl Met {
    pub(crate) fn add(&mut self, case: Case) {
        let place = case as usize;
        self.situations[place / 64] |= 1 << (place % 64);
    }

    /// For `add` behind a condition.
    pub(crate) fn when(&mut self, is_so: bool, case: Case) {
        if is_so {
            self.add(case);
        }
    }

    pub(crate) fn strike(&mut self, kind: usize) {
        *self.strikes.entry(kind).or_default() += 1;
    }

    fn has(&self, place: usize) -> bool {
        self.situations[place / 64] >> (place % 64) & 1 == 1
    }

    /// Whether it met the situation of this name.
    pub fn holds(&self, name: &str) -> bool {
        self.names().any(|met| met == name)
    }

    /// The situations that it met, in the order of [`SITUATIONS`].
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.places().map(|place| SITUATIONS[place].name)
    }

    /// Their places in [`SITUATIONS`], in order.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        (0..SITUATIONS.len()).filter(|place| self.has(*place))
    }

    /// The kinds of fault that struck, each with how often, in the order of [`KINDS`].
    pub fn strikes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.strikes.iter().filter_map(|(kind, times)| Some((*KINDS.get(*kind)?, *times)))
    }
}

/// What many runs met together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    runs: u64,
    /// By place in [`SITUATIONS`]: how many runs met it.
    situations: Vec<u64>,
    /// By place in [`KINDS`]: how often such a fault struck.
    strikes: Vec<u64>,
}

impl Default for Totals {
    fn default() -> Totals {
        Totals { runs: 0, situations: vec![0; SITUATIONS.len()], strikes: vec![0; KINDS.len()] }
    }
}

impl Totals {
    /// Counts a run.
    pub fn count(&mut self, met: &Met) {
        self.runs += 1;
        met.places().for_each(|place| self.situations[place] += 1);
        for (kind, times) in &met.strikes {
            if let Some(total) = self.strikes.get_mut(*kind) {
                *total += times;
            }
        }
    }

    /// How many runs were counted.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Every situation with how many runs met it, in the order of [`SITUATIONS`].
    pub fn situations(&self) -> impl Iterator<Item = (&'static str, u64)> {
        SITUATIONS.iter().map(|situation| situation.name).zip(self.situations.iter().copied())
    }

    /// Every kind of fault with how often it struck, in the order of [`KINDS`].
    pub fn strikes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.iter().copied().zip(self.strikes.iter().copied())
    }

    /// The situations that no run met.
    pub fn missed(&self) -> impl Iterator<Item = &'static str> {
        self.situations().filter(|(_, runs)| *runs == 0).map(|(name, _)| name)
    }
}
