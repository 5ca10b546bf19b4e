//! What happened in a run, in order.
//!
//! A [`Trace`] is one ordered stream of [`Event`]s: what users did, what devices showed them,
//! what went over the wire, what the nemesis did. It is the only thing that oracles and reports
//! ever see. As text it is JSON Lines, and its digest is the SHA-256 of exactly those bytes, so
//! that `sha256sum` on a written trace prints the digest of the run.
//!
//! This crate depends on `contract` for the vocabulary. It never judges.

mod event;
mod expectation;
mod jsonl;

pub use event::{Crash, Entry, ErrorKind, Event, Exchange, Header, NetTotals};
pub use expectation::{Claim, Expectation, FieldClaim, Place};
pub use jsonl::{Digest, ReadError};

use serde::Serialize;

/// Everything that happened in one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Trace {
    /// In the order in which it happened. The first is [`Event::Started`], the last
    /// [`Event::Finished`], unless the run died.
    pub entries: Vec<Entry>,
}

impl Trace {
    /// What was run; none where the trace is empty or does not begin with its header.
    pub fn header(&self) -> Option<&Header> {
        match &self.entries.first()?.event {
            Event::Started(header) => Some(header),
            _ => None,
        }
    }

    /// How long the run took in the world, in whole milliseconds.
    pub fn sim_ms(&self) -> u64 {
        self.entries.last().map_or(0, |e| e.at_us / 1_000)
    }

    /// How many requests devices sent.
    pub fn requests(&self) -> u64 {
        self.entries.iter().filter(|e| matches!(e.event, Event::Sent { .. })).count() as u64
    }
}
