//! The queue of events that are due.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::conn::{Packet, Side};
use crate::slab::Key;

/// Something that happens to a connection at a time.
pub(crate) enum Event {
    /// A packet arrives at the end `to`.
    Deliver { conn: Key, to: Side, packet: Packet },
    /// The retransmission timer of the end `side` runs out, unless it was set anew since.
    Retry { conn: Key, side: Side, timer: u32 },
    /// The end `to` learns that its peer has read `bytes`.
    Credit { conn: Key, to: Side, bytes: usize },
    /// The end `side` tries again to say what it has read.
    Report { conn: Key, side: Side, pause_ns: u64 },
}

struct Due {
    at: u64,
    ordinal: u64,
    event: Event,
}

/// Events in the order of their times; in the order of arrival where these are equal.
pub(crate) struct Queue {
    heap: BinaryHeap<Due>,
    ordinal: u64,
    /// When the driver runs next unless it is told otherwise, in ns; `None` for never.
    armed: Option<u64>,
}

impl Queue {
    pub(crate) const fn new() -> Queue {
        Queue { heap: BinaryHeap::new(), ordinal: 0, armed: Some(0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Puts `event` in, due `at` ns. Whether the driver has to be told, as it would sleep past that.
    pub(crate) fn push(&mut self, at: u64, event: Event) -> bool {
        self.ordinal += 1;
        self.heap.push(Due { at, ordinal: self.ordinal, event });
        let is_earlier = self.armed.is_none_or(|armed| at < armed);
        if is_earlier {
            self.armed = Some(at);
        }
        is_earlier
    }

    /// Takes out the next event that is due at `now`. The driver calls it until there is none
    /// and looks at every answer, so it need not be told meanwhile.
    pub(crate) fn pop(&mut self, now: u64) -> Option<Event> {
        self.armed = Some(0);
        if self.heap.peek()?.at > now { None } else { self.heap.pop().map(|due| due.event) }
    }

    /// Notes that the driver goes to sleep; answers until when, in ns.
    pub(crate) fn arm(&mut self) -> Option<u64> {
        self.armed = self.heap.peek().map(|due| due.at);
        self.armed
    }
}

// `BinaryHeap` yields the greatest, so the order is turned round.
impl Ord for Due {
    fn cmp(&self, other: &Due) -> Ordering {
        (other.at, other.ordinal).cmp(&(self.at, self.ordinal))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}
