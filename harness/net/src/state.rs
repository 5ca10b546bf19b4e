//! Everything the network knows, and what its owner can change about it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use crate::Draws;
use crate::conn::{Conn, Payload, Phase, Side};
use crate::digest::Digest;
use crate::host::{Crash, HostId};
use crate::incarnation::Incarnation;
use crate::link::{Link, LinkState, nanos};
use crate::observe::{After, How, NetEvent, Stats, Toward, Why};
use crate::queue::{Event, Queue};
use crate::slab::{Key, Slab};

/// A machine: it outlives the incarnations of its process.
pub(crate) struct Machine {
    pub(crate) name: Arc<str>,
    pub(crate) incarnation: Arc<Incarnation>,
    pub(crate) powered: bool,
    pub(crate) interface_up: bool,
    pub(crate) listeners: BTreeMap<u16, Listening>,
    pub(crate) breaks: VecDeque<Break>,
}

/// A port that the present incarnation listens on.
#[derive(Default)]
pub(crate) struct Listening {
    /// Connections that wait to be accepted.
    pub(crate) ready: VecDeque<Key>,
    pub(crate) waker: Option<Waker>,
}

/// A fault that waits for its byte.
#[derive(Clone, Copy)]
pub(crate) struct Break {
    pub(crate) toward: Toward,
    pub(crate) bytes_left: u64,
    pub(crate) how: How,
}

/// The state behind every handle.
pub(crate) struct State {
    start: Instant,
    pub(crate) draws: Draws,
    pub(crate) machines: Vec<Machine>,
    /// `links[from][to]`
    pub(crate) links: Vec<Vec<LinkState>>,
    pub(crate) conns: Slab<Conn>,
    pub(crate) queue: Queue,
    pub(crate) after: After,
    pub(crate) stats: Stats,
    pub(crate) digest: Digest,
}

impl State {
    pub(crate) fn new(draws: Draws, start: Instant) -> State {
        State {
            start,
            draws,
            machines: Vec::new(),
            links: Vec::new(),
            conns: Slab::new(),
            queue: Queue::new(),
            after: After::default(),
            stats: Stats::default(),
            digest: Digest::new(),
        }
    }

    /// Simulated time in ns since the network began.
    pub(crate) fn now(&self) -> u64 {
        nanos(Instant::now().saturating_duration_since(self.start))
    }

    /// The point in time that is `ns` after the beginning.
    pub(crate) fn instant(&self, ns: u64) -> Instant {
        self.start + Duration::from_nanos(ns)
    }

    pub(crate) fn push(&mut self, at: u64, event: Event) {
        if self.queue.push(at, event) {
            self.after.alarm(at, self.instant(at));
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats { connections_held: self.conns.len(), events_held: self.queue.len(), ..self.stats }
    }

    // ---- hosts ----

    pub(crate) fn add_host(&mut self, name: &str) -> HostId {
        let id = HostId::new(self.machines.len());
        self.machines.push(Machine {
            name: name.into(),
            incarnation: Arc::new(Incarnation::new(id, 1)),
            powered: true,
            interface_up: true,
            listeners: BTreeMap::new(),
            breaks: VecDeque::new(),
        });
        self.links.iter_mut().for_each(|row| row.push(LinkState::default()));
        let mut row: Vec<_> = self.machines.iter().map(|_| LinkState::default()).collect();
        row[id.index()].link.latency = Duration::ZERO;
        self.links.push(row);
        id
    }

    pub(crate) fn machine(&mut self, host: HostId) -> &mut Machine {
        &mut self.machines[host.index()]
    }

    pub(crate) fn link(&self, from: HostId, to: HostId) -> &Link {
        &self.links[from.index()][to.index()].link
    }

    /// Ends the present incarnation of `host`: its listeners and the ends of its connections.
    pub(crate) fn crash(&mut self, host: HostId, crash: Crash) -> Arc<Incarnation> {
        let machine = self.machine(host);
        machine.incarnation.end();
        let incarnation = machine.incarnation.clone();
        match crash {
            Crash::Kill => {
                let ports: Vec<_> = machine.listeners.keys().copied().collect();
                ports.into_iter().for_each(|port| self.unlisten(host, port));
            }
            Crash::PowerLoss => {
                machine.powered = false;
                for (_, mut listening) in std::mem::take(&mut machine.listeners) {
                    self.after.discard(&mut listening.waker);
                }
            }
        }
        for key in self.conns.keys() {
            for side in Side::BOTH {
                self.crash_end(key, side, host, crash);
            }
            self.reap(key);
        }
        incarnation
    }

    fn crash_end(&mut self, key: Key, side: Side, host: HostId, crash: Crash) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let end = conn.end(side);
        if end.host != host {
            return;
        }
        if crash == Crash::PowerLoss {
            end.forget();
        }
        if end.owned || end.phase == Phase::SynReceived {
            self.close(key, side);
        }
    }

    /// Starts a new incarnation of `host`, unless the present one is alive.
    pub(crate) fn boot(&mut self, host: HostId) -> Arc<Incarnation> {
        let machine = self.machine(host);
        machine.powered = true;
        if !machine.incarnation.is_alive() {
            let number = machine.incarnation.number() + 1;
            machine.incarnation = Arc::new(Incarnation::new(host, number));
        }
        machine.incarnation.clone()
    }

    // ---- connections, from the side of the hosts ----

    /// Begins a connection; `None` when the interface of `from` is down.
    pub(crate) fn open(&mut self, from: HostId, to: HostId, port: u16) -> Option<Key> {
        if from != to && !self.machine(from).interface_up {
            self.after.tell(NetEvent::Stopped { from, to, why: Why::InterfaceDown });
            return None;
        }
        let link = &mut self.links[from.index()][to.index()];
        let ordinal = link.connections;
        link.connections += 1;
        self.stats.connections += 1;
        let key = self.conns.insert(Conn::new(from, to, port, ordinal));
        self.emit(key, Side::Opener, Payload::Syn);
        Some(key)
    }

    /// What a machine does when the last handle of a socket goes: it resets the connection if
    /// something was left unread, and else ends its direction in order.
    pub(crate) fn close(&mut self, key: Key, side: Side) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let end = conn.end(side);
        let unread = !end.inbox.is_empty() || !end.early.is_empty();
        let unaccepted = end.phase == Phase::SynReceived;
        end.owned = false;
        end.inbox = VecDeque::new();
        self.after.discard(&mut end.reader);
        self.after.discard(&mut end.writer);
        match end.phase {
            Phase::Closed => {}
            Phase::SynSent => end.forget(),
            Phase::SynReceived | Phase::Open if unread || unaccepted => self.reset(key, side),
            Phase::SynReceived | Phase::Open => self.finish(key, side),
        }
        self.reap(key);
    }

    /// Ends the direction from `side` in order.
    pub(crate) fn finish(&mut self, key: Key, side: Side) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if !std::mem::replace(&mut conn.end(side).fin_sent, true) {
            self.emit(key, side, Payload::Fin);
        }
    }

    /// Resets the connection from `side`, which forgets it.
    pub(crate) fn reset(&mut self, key: Key, side: Side) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        conn.end(side).forget();
        self.emit(key, side, Payload::Reset);
    }

    /// Closes a listener; what waits in its queue is reset.
    pub(crate) fn unlisten(&mut self, host: HostId, port: u16) {
        let Some(mut listening) = self.machine(host).listeners.remove(&port) else { return };
        self.after.discard(&mut listening.waker);
        for key in listening.ready {
            self.reset(key, Side::Acceptor);
            self.close(key, Side::Acceptor);
        }
    }

    /// Removes a connection that neither end needs any more.
    pub(crate) fn reap(&mut self, key: Key) {
        if self.conns.get(key).is_some_and(|conn| conn.ends.iter().all(crate::conn::End::is_done)) {
            self.conns.remove(key);
        }
    }
}
