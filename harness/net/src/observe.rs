//! What the network tells its observer, and what it counts.

use std::sync::Arc;
use std::task::Waker;

use tokio::time::Instant;

use crate::HostId;

/// Something that a fault did. The observer hears of it at the instant it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetEvent {
    /// A message was stopped on its way, or its acknowledgement on the way back; each attempt
    /// counts. Also when a host wanted to connect while its interface was down.
    Stopped {
        /// Who sent it.
        from: HostId,
        /// Who was to receive it.
        to: HostId,
        /// What stopped it.
        why: Why,
    },
    /// A connection was broken by [`Net::break_after`](crate::Net::break_after).
    Broken {
        /// The host that the fault was set on.
        host: HostId,
        /// Who sent the bytes that were counted.
        from: HostId,
        /// Who received them.
        to: HostId,
        /// How it ended.
        how: How,
    },
    /// A task of a host panicked. The task has ended; its host runs on.
    Panicked {
        /// Whose task it was.
        host: HostId,
        /// Which incarnation of the host.
        incarnation: u32,
        /// The message of the panic, as far as it was text.
        message: String,
    },
}

/// What stopped a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Why {
    /// The link was cut.
    Cut,
    /// An interface was down, at either end.
    InterfaceDown,
    /// The receiving machine had no power.
    HostDown,
    /// The link lost it.
    Loss,
    /// The listener's queue was full.
    Backlog,
}

/// How a connection is broken in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Both ends are reset.
    Reset,
    /// Both ends see an orderly end of stream; what they send afterwards is answered with a
    /// reset.
    End,
}

/// Which bytes [`Net::break_after`](crate::Net::break_after) counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Toward {
    /// Those that arrive at the host: a client receives part of an answer, a server part of a
    /// request.
    Host,
    /// Those that arrive from the host at others: a client sends part of a request, a server
    /// part of an answer.
    Others,
}

/// What the network has done so far, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections that were begun.
    pub connections: u64,
    /// Messages that arrived: data, and what opens and ends connections.
    pub delivered: u64,
    /// Messages that were stopped or lost, each attempt counted.
    pub lost: u64,
    /// Messages that were sent again.
    pub retransmitted: u64,
    /// Bytes of streams that arrived.
    pub bytes: u64,
    /// Connections of which either end still holds something.
    pub connections_held: usize,
    /// Messages on their way and timers that are set, those that have lost their point
    /// included.
    pub events_held: usize,
}

/// Hears of every [`NetEvent`].
pub(crate) type Observer = Arc<dyn Fn(&NetEvent) + Send + Sync>;

/// What is to be done once the lock on the state is released: wakers and observers run code
/// that may come back for the lock.
#[derive(Default)]
pub(crate) struct After {
    /// Most operations wake one task or none; these need no allocation.
    first: Option<Waker>,
    more: Vec<Waker>,
    discarded: Vec<Waker>,
    notices: Vec<NetEvent>,
    /// When the driver has to run, in ns and as an instant.
    pub(crate) alarm: Option<(u64, Instant)>,
}

impl After {
    /// Wakes what waits in `slot`.
    pub(crate) fn wake(&mut self, slot: &mut Option<Waker>) {
        let Some(waker) = slot.take() else { return };
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.more.push(waker);
        }
    }

    /// Drops what waits in `slot`, later: the last waker of a task may drop the task.
    pub(crate) fn discard(&mut self, slot: &mut Option<Waker>) {
        self.discarded.extend(slot.take());
    }

    /// Lets `waker` wait in `slot` in place of what waits there.
    pub(crate) fn wait(&mut self, slot: &mut Option<Waker>, waker: &Waker) {
        if !slot.as_ref().is_some_and(|waiting| waiting.will_wake(waker)) {
            self.discard(slot);
            *slot = Some(waker.clone());
        }
    }

    /// Lets the driver run at `instant`, `at` ns after the beginning.
    pub(crate) const fn alarm(&mut self, at: u64, instant: Instant) {
        self.alarm = Some((at, instant));
    }

    pub(crate) fn tell(&mut self, notice: NetEvent) {
        self.notices.push(notice);
    }

    /// Everything to be done, or `None`.
    pub(crate) fn take(&mut self) -> Option<After> {
        let nothing = self.first.is_none() && self.discarded.is_empty() && self.notices.is_empty();
        if nothing && self.alarm.is_none() { None } else { Some(std::mem::take(self)) }
    }

    /// Does it, in the order in which it came.
    pub(crate) fn run(self, observer: impl FnOnce() -> Option<Observer>) {
        self.first.into_iter().chain(self.more).for_each(Waker::wake);
        if self.notices.is_empty() {
            return;
        }
        if let Some(observer) = observer() {
            self.notices.iter().for_each(|notice| observer(notice));
        }
    }
}
