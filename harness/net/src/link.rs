//! Links: what lies between two hosts, in one direction.

use std::time::Duration;

/// The most bytes of a stream that one packet carries.
pub(crate) const SEGMENT_BYTES: usize = 1460;

/// The bytes that a packet adds to what it carries.
const HEADER_BYTES: u64 = 40;

/// One direction between two hosts. The way back is a link of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// How long a packet travels. Use whole milliseconds: the clock moves in these, so that a
    /// packet due between two of them arrives at the later.
    pub latency: Duration,
    /// Up to this much is added to the latency of each message, evenly. The order within a
    /// direction of a connection is kept all the same.
    pub jitter: Duration,
    /// The part of the packets that is lost, from 0 to 1. The sockets retransmit: a client
    /// sees delay, and at worst a timeout, but never a hole in a stream.
    pub loss: f64,
    /// How many bytes a second enter the link, headers included; `None` is no limit. Packets
    /// wait for each other at its entry. 0 counts as 1.
    pub bytes_per_s: Option<u64>,
    /// Nothing enters the link. What is already on its way arrives.
    pub cut: bool,
}

impl Default for Link {
    /// 5 ms, and nothing else in the way.
    fn default() -> Link {
        Link {
            latency: Duration::from_millis(5),
            jitter: Duration::ZERO,
            loss: 0.0,
            bytes_per_s: None,
            cut: false,
        }
    }
}

/// What went through one link, in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Messages that arrived.
    pub delivered: u64,
    /// Messages that were stopped or lost, each attempt counted.
    pub lost: u64,
    /// Bytes of streams that arrived.
    pub bytes: u64,
}

/// A link and what is going on in it.
#[derive(Default)]
pub(crate) struct LinkState {
    pub(crate) link: Link,
    pub(crate) stats: LinkStats,
    /// How many connections were opened over it.
    pub(crate) connections: u64,
    /// When the last byte that was sent has entered it, in ns.
    free_at: u64,
}

impl LinkState {
    /// When a message of `segments` packets that is sent at `now` has entered the link, in ns.
    pub(crate) fn enter(&mut self, now: u64, bytes: usize, segments: u32) -> u64 {
        let Some(bytes_per_s) = self.link.bytes_per_s else { return now };
        let wire_bytes = bytes as u64 + HEADER_BYTES * u64::from(segments);
        let ns = u128::from(wire_bytes) * 1_000_000_000 / u128::from(bytes_per_s.max(1));
        self.free_at = self.free_at.max(now).saturating_add(u64::try_from(ns).unwrap_or(u64::MAX));
        self.free_at
    }
}

/// How many packets carry a message of `bytes`: one even when there are none.
pub(crate) fn segments(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(SEGMENT_BYTES).max(1)).expect("a message is a few packets")
}

/// A time in ns, 584 years at most.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
