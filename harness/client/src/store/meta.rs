//! What the device knows of itself.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::RecordId;
use deadzone_contract::seam::Random;
use deadzone_contract::wire::{Base, CURSOR_START, Role};
use serde::{Deserialize, Serialize};

use super::connect;
use super::rows::QueueRow;

/// One row, written anew by every transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// As in `user_version`, where a flipped bit would go unnoticed.
    pub(crate) schema: i64,
    /// The name under which new work is numbered.
    pub(crate) device_id: String,
    /// The highest number that was given to anything.
    pub(crate) last_number: u64,
    /// The next number to give. Beyond `last_number` by more than one after a start.
    pub(crate) next_number: u64,
    /// The numbers that starts passed over while there was work here: after the first of each pair,
    /// before the second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) skipped: Vec<(u64, u64)>,
    /// By record, the highest number of work that its user discarded when it had been sent: it may
    /// have taken effect, and may yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) discarded: BTreeMap<RecordId, u64>,
    /// Where the next pull goes on.
    pub(crate) cursor: u64,
    /// Counts full resyncs.
    pub(crate) epoch: i64,
    /// The last stamp.
    pub(crate) stamp_ms: u64,
    pub(crate) stamp_n: u32,
    /// What this device's clock is behind the server's, where that was noticed.
    pub(crate) clock_offset_ms: i64,
    pub(crate) last_sync_ms: Option<u64>,
    /// Whose device this is; none: nobody's yet.
    #[serde(default)]
    pub(crate) user: Option<String>,
    /// What must not be here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens: Option<String>,
    /// What its user may do in which workspace, as the server said last; none: it has not said yet.
    #[serde(default)]
    pub(crate) roles: Option<BTreeMap<String, Role>>,
    /// The schema that the cache is in; none: nobody has written into it yet.
    #[serde(default)]
    pub(crate) spoken: Option<u32>,
    /// The workspaces that are kept here; none: all of its user's.
    #[serde(default)]
    pub(crate) scope: Option<BTreeSet<String>>,
    /// The entities that are kept here; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) entities: Option<BTreeSet<String>>,
    /// Something was taken out that must not stay in the free pages of the database either.
    #[serde(default)]
    pub(crate) shred: bool,
    /// Work was lost with a damaged database: what its user has to be told until it is dismissed.
    pub(crate) loss: Option<String>,
    /// Counts commits, so that no two leave the same seal.
    pub(super) commits: u64,
    /// The rows in `queue`.
    pub(super) queued: u64,
    /// The sum of the seals of all rows in all other tables.
    pub(super) sum: u64,
}

impl Meta {
    /// Makes a transaction one that commits, whatever else it changes.
    pub(crate) fn force_commit(&mut self) {
        self.commits += 1;
    }

    pub(super) fn fresh(random: &dyn Random) -> Meta {
        let device_id = random.token("device id");
        Meta { schema: connect::SCHEMA, device_id, next_number: 1, ..Meta::default() }
    }

    /// The number of the next mutation, used up.
    pub(crate) fn take_number(&mut self) -> u64 {
        let number = self.next_number;
        self.last_number = number;
        self.next_number = number + 1;
        number
    }

    /// Work is to be forgotten. Where nobody knows whether it took effect, its number stays.
    pub(crate) fn note_discarded(&mut self, row: &QueueRow) {
        if row.is_indefinite() && row.device == self.device_id {
            let number = self.discarded.entry(row.mutation.record.clone()).or_default();
            *number = row.number().max(*number);
        }
    }

    /// What a delete of a record has to name, so that it is known to come after work that was
    /// discarded, too.
    pub(crate) fn after_discarded(&self, record: &RecordId, base: Base) -> Base {
        Base { after: base.after.max(self.discarded.get(record).copied()), ..base }
    }

    /// Passes over some numbers, which are never given.
    pub(crate) fn skip_numbers(&mut self, count: u64) {
        if self.queued == 0 {
            self.skipped.clear();
        }
        self.next_number += count;
        match self.skipped.last_mut() {
            Some((last, next)) if *last == self.last_number => *next = self.next_number,
            _ => self.skipped.push((self.last_number, self.next_number)),
        }
    }

    /// Whether this database gave a number to nothing, as far as work that is here goes back.
    pub(crate) fn never_gave(&self, number: u64) -> bool {
        let is_between = |&(last, next): &(u64, u64)| last < number && number < next;
        number > self.last_number || self.skipped.iter().any(is_between)
    }

    /// From now on this database goes on under a name that nobody else can have: what it knows of
    /// the numbers under the old one is not true any more. Everything is pulled anew. Pending
    /// work keeps its name and number until the server has said what it knows of them.
    pub(crate) fn take_new_identity(&mut self, random: &dyn Random) {
        self.device_id = random.token("device id");
        self.discarded.clear();
        self.pull_anew();
    }

    /// From now on everything is pulled anew. What is not brought by the end of it does not exist
    /// any more; pending work stays.
    pub(crate) fn pull_anew(&mut self) {
        self.cursor = CURSOR_START;
        self.epoch += 1;
    }
}
