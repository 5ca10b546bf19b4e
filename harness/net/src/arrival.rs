//! What happens when something is due: a message arrives, a timer runs out.

use std::io;

use bytes::Bytes;

use crate::conn::{Packet, Payload, Phase, Side};
use crate::host::HostId;
use crate::observe::{How, NetEvent, Toward, Why};
use crate::queue::Event;
use crate::slab::Key;
use crate::state::{Break, State};

/// How many connections wait to be accepted; more are not answered.
const BACKLOG_MAX: usize = 1024;

/// The first pause between two attempts to say what was read.
pub(crate) const REPORT_NS: u64 = 200_000_000;

/// The longest.
const REPORT_NS_MAX: u64 = 120_000_000_000;

impl State {
    /// Does what is due at `now`.
    pub(crate) fn run_due(&mut self, now: u64) {
        while let Some(event) = self.queue.pop(now) {
            match event {
                Event::Deliver { conn, to, packet } => self.deliver(conn, to, packet, now),
                Event::Retry { conn, side, timer } => self.retry(conn, side, timer),
                Event::Credit { conn, to, bytes } => self.credit(conn, to, bytes, now),
                Event::Report { conn, side, pause_ns } => self.report_again(conn, side, pause_ns),
            }
        }
    }

    fn deliver(&mut self, key: Key, side: Side, packet: Packet, now: u64) {
        let Some(conn) = self.conns.get(key) else { return };
        let (from, to) = conn.hosts(side.other());
        if let Err(why) = self.way_out(from, to) {
            self.stopped(key, side.other(), packet, why);
            return;
        }
        let numbers = [now, from.number(), to.number(), conn.ordinal, side as u64, packet.payload.kind()];
        self.digest.delivery(numbers, packet.payload.bytes());
        let link = &mut self.links[from.index()][to.index()].stats;
        link.delivered += 1;
        link.bytes += packet.payload.bytes().len() as u64;
        self.stats.delivered += 1;
        self.stats.bytes += packet.payload.bytes().len() as u64;
        match packet.payload {
            Payload::Ack => self.shook_hands(key),
            Payload::Reset => self.was_reset(key, side),
            Payload::End => self.end_of_stream(key, side),
            Payload::Again => self.arrived_again(key, side, packet.sent),
            _ => self.arrived(key, side, packet),
        }
        self.reap(key);
    }

    /// A message that is to be taken in order.
    fn arrived(&mut self, key: Key, side: Side, packet: Packet) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let expected = conn.end(side.other()).out.expected;
        let severed = conn.severed;
        let end = conn.end(side);
        if packet.seq != expected && !severed && end.phase != Phase::Closed {
            debug_assert!(packet.seq > expected, "a message arrives once");
            let place = end.early.partition_point(|(seq, _)| *seq < packet.seq);
            end.early.insert(place, (packet.seq, packet.payload));
            return;
        }
        if matches!(packet.payload, Payload::Syn) && self.backlog_is_full(key) {
            self.stopped(key, side.other(), packet, Why::Backlog);
            return;
        }
        let Some(conn) = self.conns.get_mut(key) else { return };
        conn.end(side.other()).out.expected = packet.seq + 1;
        if conn.ends[side as usize].phase == Phase::SynReceived {
            self.shook_hands(key);
        }
        let mut taken = self.take_in(key, side, packet.payload);
        while taken && let Some(payload) = self.next_early(key, side) {
            taken = self.take_in(key, side, payload);
        }
        self.answer(key, side, taken, packet.sent);
    }

    /// The next of the messages that overtook another, once that has arrived.
    fn next_early(&mut self, key: Key, side: Side) -> Option<Payload> {
        let conn = self.conns.get_mut(key)?;
        let expected = conn.ends[side.other() as usize].out.expected;
        let (seq, _) = conn.end(side).early.front()?;
        if *seq != expected {
            return None;
        }
        conn.end(side.other()).out.expected += 1;
        conn.end(side).early.pop_front().map(|(_, payload)| payload)
    }

    /// What was taken in is acknowledged, if the way back is open. The rest is answered with a
    /// reset.
    fn answer(&mut self, key: Key, side: Side, taken: bool, sent: u64) {
        let Some(conn) = self.conns.get(key) else { return };
        let (here, there) = conn.hosts(side);
        let unshaken = conn.ends[side.other() as usize].phase == Phase::SynReceived;
        if !taken {
            self.unacknowledged(key, side.other(), sent);
            self.emit(key, side, Payload::Reset);
        } else if unshaken {
            self.unacknowledged(key, side.other(), sent);
            self.emit(key, side, Payload::Ack);
        } else if let Err(why) = self.way(here, there) {
            self.after.tell(NetEvent::Stopped { from: here, to: there, why });
            self.unacknowledged(key, side.other(), sent);
        } else {
            self.acknowledged(key, side.other());
        }
    }

    /// Something that had arrived before; what counts is whether it is acknowledged now.
    fn arrived_again(&mut self, key: Key, side: Side, sent: u64) {
        let Some(conn) = self.conns.get(key) else { return };
        let known = conn.ends[side as usize].phase != Phase::Closed;
        self.answer(key, side, known, sent);
    }

    /// False when the machine knows of no such connection.
    fn take_in(&mut self, key: Key, side: Side, payload: Payload) -> bool {
        let Some(conn) = self.conns.get_mut(key) else { return false };
        let severed = conn.severed;
        let end = conn.end(side);
        match payload {
            Payload::Syn => return self.syn(key),
            _ if severed || end.phase == Phase::Closed => return false,
            Payload::SynAck => {
                end.phase = Phase::Open;
                self.after.wake(&mut end.writer);
            }
            Payload::Data(data) => return self.data(key, side, data),
            _ => self.end_of_stream(key, side),
        }
        true
    }

    fn backlog_is_full(&mut self, key: Key) -> bool {
        let Some(conn) = self.conns.get(key) else { return false };
        let (host, port) = (conn.ends[Side::Acceptor as usize].host, conn.port);
        let listening = self.machine(host).listeners.get(&port);
        listening.is_some_and(|listening| listening.ready.len() >= BACKLOG_MAX)
    }

    fn syn(&mut self, key: Key) -> bool {
        let Some(conn) = self.conns.get_mut(key) else { return false };
        let port = conn.port;
        let host = conn.end(Side::Acceptor).host;
        if !self.machines[host.index()].listeners.contains_key(&port) {
            return false;
        }
        conn.end(Side::Acceptor).phase = Phase::SynReceived;
        self.emit(key, Side::Acceptor, Payload::SynAck);
        true
    }

    /// The opener has heard the acceptor: the connection may be accepted.
    fn shook_hands(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let port = conn.port;
        let end = conn.end(Side::Acceptor);
        if end.phase != Phase::SynReceived {
            return;
        }
        let Some(listening) = self.machines[end.host.index()].listeners.get_mut(&port) else {
            self.reset(key, Side::Acceptor);
            return;
        };
        end.phase = Phase::Open;
        end.owned = true;
        listening.ready.push_back(key);
        self.after.wake(&mut listening.waker);
        self.acknowledged(key, Side::Acceptor);
    }

    fn data(&mut self, key: Key, side: Side, mut data: Bytes) -> bool {
        let Some(conn) = self.conns.get(key) else { return false };
        let (from, to) = conn.hosts(side.other());
        let fault = self.count_toward_break(from, to, data.len());
        if let Some((_, fault)) = fault {
            data.truncate(usize::try_from(fault.bytes_left).unwrap_or(usize::MAX));
        }
        let Some(conn) = self.conns.get_mut(key) else { return false };
        let end = conn.end(side);
        if !end.owned {
            // Nobody will ever read it.
            end.forget();
            return false;
        }
        if !data.is_empty() {
            end.inbox.push_back(data);
        }
        self.after.wake(&mut end.reader);
        if let Some((host, fault)) = fault {
            self.after.tell(NetEvent::Broken { host, from, to, how: fault.how });
            self.sever(key, side, fault.how);
        }
        true
    }

    /// Counts bytes that arrive; answers with the fault whose last byte is among them.
    fn count_toward_break(&mut self, from: HostId, to: HostId, bytes: usize) -> Option<(HostId, Break)> {
        for (host, toward) in [(to, Toward::Host), (from, Toward::Others)] {
            let breaks = &mut self.machines[host.index()].breaks;
            let Some(place) = breaks.iter().position(|fault| fault.toward == toward) else { continue };
            if breaks[place].bytes_left <= bytes as u64 {
                return breaks.remove(place).map(|fault| (host, fault));
            }
            breaks[place].bytes_left -= bytes as u64;
        }
        None
    }

    /// Ends a connection in the middle, as seen from its end `side`.
    fn sever(&mut self, key: Key, side: Side, how: How) {
        match how {
            How::Reset => {
                self.fail(key, side, io::ErrorKind::ConnectionReset);
                self.emit(key, side, Payload::Reset);
            }
            How::End => {
                if let Some(conn) = self.conns.get_mut(key) {
                    conn.severed = true;
                }
                self.end_of_stream(key, side);
                self.emit(key, side, Payload::End);
            }
        }
    }

    fn end_of_stream(&mut self, key: Key, side: Side) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let end = conn.end(side);
        end.fin_received = true;
        self.after.wake(&mut end.reader);
    }

    fn was_reset(&mut self, key: Key, side: Side) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let end = conn.end(side);
        let kind = match end.phase {
            Phase::Closed => return,
            Phase::SynSent => io::ErrorKind::ConnectionRefused,
            _ if end.fin_received => io::ErrorKind::BrokenPipe,
            _ => io::ErrorKind::ConnectionReset,
        };
        self.fail(key, side, kind);
    }

    /// Ends an end with an error, which whoever holds it will see.
    pub(crate) fn fail(&mut self, key: Key, side: Side, kind: io::ErrorKind) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let end = conn.end(side);
        end.forget();
        end.error.get_or_insert(kind);
        self.after.wake(&mut end.reader);
        self.after.wake(&mut end.writer);
    }

    // ---- flow control ----

    /// Says how much was read at `side`, as soon as the way is open.
    pub(crate) fn report(&mut self, key: Key, side: Side, pause_ns: u64) {
        let Some(conn) = self.conns.get(key) else { return };
        let (here, there) = conn.hosts(side);
        let way = self.way(here, there);
        let now = self.now();
        let latency = crate::link::nanos(self.link(here, there).latency);
        let Some(conn) = self.conns.get_mut(key) else { return };
        let end = conn.end(side);
        end.reporting = way.is_err();
        if let Err(why) = way {
            self.after.tell(NetEvent::Stopped { from: here, to: there, why });
            let event = Event::Report { conn: key, side, pause_ns: (pause_ns * 2).min(REPORT_NS_MAX) };
            self.push(now.saturating_add(pause_ns), event);
        } else {
            let bytes = std::mem::take(&mut end.unreported);
            let event = Event::Credit { conn: key, to: side.other(), bytes };
            self.push(now.saturating_add(latency), event);
        }
    }

    fn report_again(&mut self, key: Key, side: Side, pause_ns: u64) {
        if self.conns.get(key).is_some_and(|conn| conn.ends[side as usize].phase == Phase::Open) {
            self.report(key, side, pause_ns);
        }
    }

    fn credit(&mut self, key: Key, side: Side, bytes: usize, now: u64) {
        let Some(conn) = self.conns.get(key) else { return };
        let (to, from) = conn.hosts(side);
        let arrives = self.way_out(from, to).is_ok();
        let Some(conn) = self.conns.get_mut(key) else { return };
        if !arrives {
            let reader = conn.end(side.other());
            reader.unreported += bytes;
            if !reader.reporting && reader.phase == Phase::Open {
                self.report(key, side.other(), REPORT_NS);
            }
            return;
        }
        let end = conn.end(side);
        if end.phase != Phase::Open {
            return;
        }
        end.out.credit += bytes;
        self.after.wake(&mut end.writer);
        self.digest.delivery([now, from.number(), to.number(), bytes as u64, side as u64, 8], &[]);
    }
}
