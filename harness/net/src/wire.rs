//! How messages travel: sending, losing, sending again, giving up.
//!
//! A message is put into the queue of events when it is sent and dealt with when it is due.
//! Acknowledgements are not messages of their own: when a message arrives and the way back is
//! open, its sender knows. When the way back is closed the sender does not know, tries again,
//! and gives up in the end, although everything has arrived.

use std::io;
use std::time::Duration;

use crate::conn::{Packet, Payload, Phase, Side};
use crate::host::HostId;
use crate::link::{SEGMENT_BYTES, nanos, segments};
use crate::observe::{NetEvent, Why};
use crate::queue::Event;
use crate::slab::Key;
use crate::state::State;

/// The first pause before a connection attempt is repeated.
const SYN_RETRY_NS: u64 = 1_000_000_000;

/// The first pause before anything else is sent again.
const RETRY_NS: u64 = 200_000_000;

/// The longest pause.
const RETRY_NS_MAX: u64 = 120_000_000_000;

/// How many packets behind a hole tell the sender of it.
const SEGMENTS_TO_HURRY: u32 = 3;

/// How often something is sent again before its sender gives up.
const fn retries_max(phase: Phase, owned: bool) -> u32 {
    match (phase, owned) {
        (Phase::SynSent, _) => 6,
        (Phase::SynReceived, _) => 5,
        (_, false) => 8,
        (_, true) => 15,
    }
}

impl State {
    /// Sends the next message from `side`, behind what waits to be sent again.
    pub(crate) fn emit(&mut self, key: Key, side: Side, payload: Payload) {
        let now = self.now();
        let Some(conn) = self.conns.get_mut(key) else { return };
        let out = &mut conn.end(side).out;
        let missing = segments(payload.bytes().len());
        let next = if payload.is_in_order() { &mut out.next_seq } else { &mut out.next_aside };
        let seq = *next;
        *next += 1;
        let packet = Packet { payload, seq, sent: now, attempts: 0, missing };
        if packet.payload.is_in_order() && !out.lost.is_empty() {
            out.lost.push_back(packet);
            self.hurry(key, side, now);
            return;
        }
        self.transmit(key, side, packet);
    }

    /// Sends a message over its link; false when it was stopped at once.
    fn transmit(&mut self, key: Key, side: Side, mut packet: Packet) -> bool {
        let Some(conn) = self.conns.get(key) else { return false };
        let (from, to) = conn.hosts(side);
        let (ordinal, now) = (conn.ordinal, packet.sent);
        if let Err(why) = self.way_in(from, to) {
            self.stopped(key, side, packet, why);
            return false;
        }
        let state = &mut self.links[from.index()][to.index()];
        let bytes = packet.payload.bytes().len().min(packet.missing as usize * SEGMENT_BYTES);
        let mut due = state.enter(now, bytes, packet.missing);
        let link = state.link;
        let draws = self.draws;
        let draw = |purpose| {
            let key = draws.key(purpose).num(from.number()).num(to.number()).num(ordinal);
            key.num(side as u64).num(packet.payload.kind()).num(packet.seq).num(packet.attempts.into())
        };
        if link.loss > 0.0 {
            let loss = draw("loss");
            let is_lost = |segment: &u32| loss.clone().num(u64::from(*segment)).chance(link.loss);
            let lost = (0..packet.missing).filter(is_lost).count() as u32;
            if lost > 0 {
                packet.missing = lost;
                self.stopped(key, side, packet, Why::Loss);
                return false;
            }
        }
        due = due.saturating_add(nanos(link.latency));
        if !link.jitter.is_zero() {
            due = due.saturating_add(nanos(draw("jitter").duration(Duration::ZERO, link.jitter)));
        }
        let Some(conn) = self.conns.get_mut(key) else { return false };
        let last_due = &mut conn.end(side).out.last_due;
        due = due.max(*last_due);
        *last_due = due;
        self.push(due, Event::Deliver { conn: key, to: side.other(), packet });
        true
    }

    /// Notes that a message from `side` was stopped: it is to be sent again.
    pub(crate) fn stopped(&mut self, key: Key, side: Side, mut packet: Packet, why: Why) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let (from, to) = conn.hosts(side);
        self.stats.lost += 1;
        self.links[from.index()][to.index()].stats.lost += 1;
        self.after.tell(NetEvent::Stopped { from, to, why });
        let end = conn.end(side);
        if end.phase == Phase::Closed {
            return;
        }
        let sent = packet.sent;
        match packet.payload {
            Payload::Ack | Payload::Reset | Payload::End => {}
            Payload::Again => self.unacknowledged(key, side, sent),
            _ => {
                packet.attempts += 1;
                let lost = &mut end.out.lost;
                let place = lost.partition_point(|other| other.seq < packet.seq);
                lost.insert(place, packet);
                self.arm(key, side, sent);
            }
        }
    }

    /// Notes that `side` does not know whether what it sent has arrived.
    pub(crate) fn unacknowledged(&mut self, key: Key, side: Side, sent: u64) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let end = conn.end(side);
        if end.phase != Phase::Closed && !end.out.armed {
            end.out.ack_tries += 1;
            self.arm(key, side, sent);
        }
    }

    /// Notes that `side` knows that a message has arrived, and with it all before it.
    pub(crate) fn acknowledged(&mut self, key: Key, side: Side) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let out = &mut conn.end(side).out;
        out.ack_tries = 0;
        out.hurried = false;
        if out.armed && out.lost.is_empty() {
            out.disarm();
        }
    }

    /// Sets the retransmission timer, unless it is set.
    fn arm(&mut self, key: Key, side: Side, sent: u64) {
        let Some(conn) = self.conns.get(key) else { return };
        let end = &conn.ends[side as usize];
        if end.out.armed {
            return;
        }
        let handshake = matches!(end.phase, Phase::SynSent | Phase::SynReceived);
        let (from, to) = conn.hosts(side);
        let first = if handshake { SYN_RETRY_NS } else { RETRY_NS };
        let first = first.max(self.round_trip(from, to).saturating_mul(3) / 2);
        let doublings = end.out.tries().saturating_sub(1).min(20);
        let pause = first.saturating_mul(1 << doublings).min(RETRY_NS_MAX.max(first));
        self.set_timer(key, side, sent.saturating_add(pause));
    }

    fn set_timer(&mut self, key: Key, side: Side, at: u64) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let out = &mut conn.end(side).out;
        out.disarm();
        out.armed = true;
        let timer = out.timer;
        self.push(at, Event::Retry { conn: key, side, timer });
    }

    /// Later data tell a receiver of the hole before them, and it tells the sender, one round
    /// trip later: sooner than the timer. Once for each hole, and only for its first repair.
    fn hurry(&mut self, key: Key, side: Side, now: u64) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let (from, to) = conn.hosts(side);
        let out = &mut conn.end(side).out;
        if out.hurried || out.tries() != 1 || !out.armed {
            return;
        }
        // Each packet has a segment at least, so a few packets tell.
        let next = out.lost.iter().skip(1).take(SEGMENTS_TO_HURRY as usize);
        let behind: u32 = next.map(|packet| packet.missing).sum();
        if behind < SEGMENTS_TO_HURRY || self.way(from, to).and(self.way(to, from)).is_err() {
            return;
        }
        if let Some(conn) = self.conns.get_mut(key) {
            conn.end(side).out.hurried = true;
        }
        self.set_timer(key, side, now.saturating_add(self.round_trip(from, to)));
    }

    /// The retransmission timer has run out.
    pub(crate) fn retry(&mut self, key: Key, side: Side, timer: u32) {
        let now = self.now();
        let Some(conn) = self.conns.get_mut(key) else { return };
        let end = conn.end(side);
        if !end.out.armed || end.out.timer != timer {
            return;
        }
        end.out.armed = false;
        if end.out.tries() > retries_max(end.phase, end.owned) {
            self.fail(key, side, io::ErrorKind::TimedOut);
            self.reap(key);
            return;
        }
        if end.out.lost.is_empty() && end.out.ack_tries > 0 {
            self.stats.retransmitted += 1;
            self.emit(key, side, Payload::Again);
        }
        while let Some(mut packet) = self.next_lost(key, side) {
            self.stats.retransmitted += u64::from(packet.attempts > 0);
            packet.sent = now;
            if !self.transmit(key, side, packet) {
                break;
            }
        }
    }

    fn next_lost(&mut self, key: Key, side: Side) -> Option<Packet> {
        self.conns.get_mut(key)?.end(side).out.lost.pop_front()
    }

    /// Whether a message enters the link, or what stops it.
    fn way_in(&self, from: HostId, to: HostId) -> Result<(), Why> {
        if from != to && !self.machines[from.index()].interface_up {
            return Err(Why::InterfaceDown);
        }
        if self.link(from, to).cut { Err(Why::Cut) } else { Ok(()) }
    }

    /// Whether a message that comes out of the link is taken in, or what stops it.
    pub(crate) fn way_out(&self, from: HostId, to: HostId) -> Result<(), Why> {
        let machine = &self.machines[to.index()];
        if !machine.powered {
            return Err(Why::HostDown);
        }
        if from != to && !machine.interface_up { Err(Why::InterfaceDown) } else { Ok(()) }
    }

    /// Whether a word that takes no time would get through, or what stops it.
    pub(crate) fn way(&self, from: HostId, to: HostId) -> Result<(), Why> {
        self.way_in(from, to).and_then(|()| self.way_out(from, to))
    }

    /// The longest time there and back, in ns, but for waiting at the entry of the links.
    fn round_trip(&self, from: HostId, to: HostId) -> u64 {
        let there = self.link(from, to);
        let back = self.link(to, from);
        let times = [there.latency, there.jitter, back.latency, back.jitter];
        times.into_iter().map(nanos).fold(0, u64::saturating_add)
    }
}
