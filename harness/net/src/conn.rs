//! The data of a connection: two ends, and one direction from each to the other.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;

use bytes::Bytes;

use crate::HostId;
use crate::link::SEGMENT_BYTES;

/// The most bytes that are on their way or wait unread, in one direction of a connection.
pub(crate) const WINDOW_BYTES: usize = 256 * 1024;

/// The most bytes that one write takes: 16 packets.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * SEGMENT_BYTES;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that connected.
    Opener = 0,
    /// The one that accepted.
    Acceptor = 1,
}

impl Side {
    pub(crate) const BOTH: [Side; 2] = [Side::Opener, Side::Acceptor];

    pub(crate) const fn other(self) -> Side {
        match self {
            Side::Opener => Side::Acceptor,
            Side::Acceptor => Side::Opener,
        }
    }
}

/// What a packet says. Those above the line are delivered in order and sent again until they
/// are acknowledged; those below it are neither.
#[derive(Clone)]
pub(crate) enum Payload {
    Syn,
    SynAck,
    Data(Bytes),
    Fin,
    // ----
    /// Completes the handshake: the acceptor may hand the connection out. The acceptor asks
    /// for it again when it does not come.
    Ack,
    Reset,
    /// An end of stream that is made up in the middle; see [`crate::How::End`].
    End,
    /// What has arrived already, sent again because its acknowledgement has not.
    Again,
}

impl Payload {
    pub(crate) fn bytes(&self) -> &[u8] {
        if let Payload::Data(data) = self { data } else { &[] }
    }

    pub(crate) const fn kind(&self) -> u64 {
        match self {
            Payload::Syn => 0,
            Payload::SynAck => 1,
            Payload::Ack => 2,
            Payload::Data(_) => 3,
            Payload::Fin => 4,
            Payload::Reset => 5,
            Payload::End => 6,
            Payload::Again => 7,
        }
    }

    pub(crate) const fn is_in_order(&self) -> bool {
        matches!(self, Payload::Syn | Payload::SynAck | Payload::Data(_) | Payload::Fin)
    }
}

/// A message on its way: one or more segments that are delivered together.
pub(crate) struct Packet {
    pub(crate) payload: Payload,
    /// Its place in its direction, among those that are delivered in order or among the rest.
    pub(crate) seq: u64,
    /// When it was last sent, in ns.
    pub(crate) sent: u64,
    /// How often it was stopped so far.
    pub(crate) attempts: u32,
    /// How many of its segments have not arrived: what the next attempt carries.
    pub(crate) missing: u32,
}

/// One direction of a connection, as its sender sees it.
pub(crate) struct Direction {
    /// The place of the next message that is delivered in order.
    pub(crate) next_seq: u64,
    /// The place of the next that is not.
    pub(crate) next_aside: u64,
    /// The place of the first message that has not arrived.
    pub(crate) expected: u64,
    /// What was stopped, and what waits behind it, in order. What is on its way is in the
    /// queue of events only.
    pub(crate) lost: VecDeque<Packet>,
    /// How often it was tried in vain to have acknowledged what has arrived.
    pub(crate) ack_tries: u32,
    /// Whether the retransmission timer is set.
    pub(crate) armed: bool,
    /// Tells this setting of the timer from former ones.
    pub(crate) timer: u32,
    /// Whether later data have already hurried the retransmission.
    pub(crate) hurried: bool,
    /// When the last message that was sent arrives, in ns.
    pub(crate) last_due: u64,
    /// How many bytes may be written before the peer has read more.
    pub(crate) credit: usize,
}

impl Direction {
    const fn new() -> Direction {
        Direction {
            next_seq: 0,
            next_aside: 0,
            expected: 0,
            lost: VecDeque::new(),
            ack_tries: 0,
            armed: false,
            timer: 0,
            hurried: false,
            last_due: 0,
            credit: WINDOW_BYTES,
        }
    }

    /// How often in a row the peer has not answered.
    pub(crate) fn tries(&self) -> u32 {
        self.ack_tries.max(self.lost.front().map_or(0, |packet| packet.attempts))
    }

    /// Whether all that was said has arrived, and the sender knows it.
    fn is_acknowledged(&self) -> bool {
        self.expected == self.next_seq && self.lost.is_empty() && self.ack_tries == 0
    }

    /// Says nothing more.
    fn stop(&mut self) {
        self.lost = VecDeque::new();
        self.disarm();
    }

    pub(crate) fn disarm(&mut self) {
        self.armed = false;
        self.timer = self.timer.wrapping_add(1);
    }
}

/// What the machine at an end knows of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing: whatever arrives is answered with a reset.
    Closed,
    SynSent,
    SynReceived,
    Open,
}

/// One end of a connection.
pub(crate) struct End {
    pub(crate) host: HostId,
    pub(crate) phase: Phase,
    /// Whether a stream, or the queue of a listener, holds it. A stream whose end is not owned
    /// belongs to an incarnation that has ended.
    pub(crate) owned: bool,
    pub(crate) inbox: VecDeque<Bytes>,
    /// Messages that overtook a lost one, in order.
    pub(crate) early: VecDeque<(u64, Payload)>,
    pub(crate) fin_received: bool,
    pub(crate) fin_sent: bool,
    pub(crate) error: Option<io::ErrorKind>,
    /// Bytes that were read and that the peer has not been told of.
    pub(crate) unreported: usize,
    /// Whether a report of these is waiting for the way to be free.
    pub(crate) reporting: bool,
    pub(crate) reader: Option<Waker>,
    pub(crate) writer: Option<Waker>,
    pub(crate) out: Direction,
}

impl End {
    const fn new(host: HostId, phase: Phase, owned: bool) -> End {
        End {
            host,
            phase,
            owned,
            inbox: VecDeque::new(),
            early: VecDeque::new(),
            fin_received: false,
            fin_sent: false,
            error: None,
            unreported: 0,
            reporting: false,
            reader: None,
            writer: None,
            out: Direction::new(),
        }
    }

    /// Forgets the connection without a word. What has arrived can still be read.
    pub(crate) fn forget(&mut self) {
        self.phase = Phase::Closed;
        self.early = VecDeque::new();
        self.out.stop();
    }

    /// Whether nobody holds it and it has nothing more to say.
    pub(crate) fn is_done(&self) -> bool {
        let said_all = self.fin_sent && self.out.is_acknowledged();
        !self.owned && (self.phase == Phase::Closed || said_all)
    }
}

/// A connection.
pub(crate) struct Conn {
    pub(crate) port: u16,
    /// How many connections were opened before it from the same host to the same host.
    pub(crate) ordinal: u64,
    pub(crate) ends: [End; 2],
    /// Whether it was ended in the middle: whatever is still sent is answered with a reset.
    pub(crate) severed: bool,
}

impl Conn {
    pub(crate) const fn new(from: HostId, to: HostId, port: u16, ordinal: u64) -> Conn {
        let opener = End::new(from, Phase::SynSent, true);
        let acceptor = End::new(to, Phase::Closed, false);
        Conn { port, ordinal, ends: [opener, acceptor], severed: false }
    }

    pub(crate) const fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    /// The host at `side` and the host at the other side.
    pub(crate) const fn hosts(&self, side: Side) -> (HostId, HostId) {
        (self.ends[side as usize].host, self.ends[side.other() as usize].host)
    }
}
