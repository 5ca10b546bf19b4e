//! Hosts: simulated machines, and the handles through which their processes act.

use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::sync::Arc;

use crate::conn::Side;
use crate::draw::DrawKey;
use crate::incarnation::Incarnation;
use crate::net::Net;
use crate::observe::NetEvent;
use crate::socket::{Listener, Socket, Stream};
use crate::state::Listening;
use crate::yields::yields;

/// A simulated machine. It keeps its id from one incarnation of its process to the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(u32);

impl HostId {
    pub(crate) fn new(index: usize) -> HostId {
        HostId(u32::try_from(index).expect("fewer than 2^32 hosts"))
    }

    /// Its place among the hosts of its net, in the order in which they were added, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The same, as part of a key of draws.
    pub const fn number(self) -> u64 {
        self.0 as u64
    }
}

impl fmt::Debug for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host{}", self.0)
    }
}

/// How a host's process ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Crash {
    /// The process ends; the machine stays up. It closes what the process had open: with a
    /// reset where something was left unread, and in order elsewhere. It refuses connections.
    Kill,
    /// The machine goes off and says nothing. Its peers learn of it when they send something:
    /// by a timeout while it is off, by a reset once it is on again.
    PowerLoss,
}

/// What one incarnation of a host's process acts through: its sockets and its tasks.
///
/// When the incarnation ends, its tasks are dropped and every handle it left anywhere is dead:
/// what waits on one waits for ever, and nothing that is done with it reaches the network.
#[derive(Clone)]
pub struct Host {
    net: Net,
    incarnation: Arc<Incarnation>,
}

impl Host {
    pub(crate) const fn new(net: Net, incarnation: Arc<Incarnation>) -> Host {
        Host { net, incarnation }
    }

    /// Which machine.
    pub fn id(&self) -> HostId {
        self.incarnation.host()
    }

    /// Which start of the machine's process, from 1.
    pub fn incarnation(&self) -> u32 {
        self.incarnation.number()
    }

    /// Whether the incarnation has not ended.
    pub fn is_alive(&self) -> bool {
        self.incarnation.is_alive()
    }

    /// The network that the host is part of.
    pub const fn net(&self) -> &Net {
        &self.net
    }

    /// Runs `future` as a task of this incarnation: it is dropped at a crash, and at once if
    /// the incarnation has ended. A panic ends the task and is told to the observer.
    pub fn spawn<F>(&self, future: F)
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (net, host, incarnation) = (self.net.clone(), self.id(), self.incarnation());
        let on_panic = move |message| net.tell(NetEvent::Panicked { host, incarnation, message });
        self.incarnation.spawn(self.net.runtime(), future, on_panic);
    }

    /// Connects to `port` of `host`. Waits for ever if this incarnation has ended. Dropping the
    /// future gives the attempt up.
    ///
    /// # Errors
    /// - `ConnectionRefused`: the machine is up and nothing listens there
    /// - `TimedOut`: no answer to seven attempts in 127 s (more over links slower than 333 ms)
    /// - `NetworkUnreachable`: the interface of this host is down (found at once)
    /// - `HostUnreachable`: `host` is not part of this net (found at once)
    pub async fn connect(&self, host: HostId, port: u16) -> io::Result<Stream> {
        if !self.is_alive() {
            return pending().await;
        }
        let here = self.id();
        let key = self.net.with(|state| {
            if host.index() >= state.machines.len() {
                return Err(io::ErrorKind::HostUnreachable);
            }
            state.open(here, host, port).ok_or(io::ErrorKind::NetworkUnreachable)
        })?;
        let socket = Socket { net: self.net.clone(), key, side: Side::Opener };
        Stream::connected(socket, here, host).await
    }

    /// Begins to listen on `port`.
    ///
    /// # Errors
    /// - `AddrInUse`: this incarnation listens there already
    /// - `NotConnected`: this incarnation has ended
    pub fn listen(&self, port: u16) -> io::Result<Listener> {
        if !self.is_alive() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.net.with(|state| {
            let listeners = &mut state.machine(self.id()).listeners;
            if listeners.contains_key(&port) {
                return Err(io::ErrorKind::AddrInUse);
            }
            listeners.insert(port, Listening::default());
            Ok(())
        })?;
        Ok(Listener::new(self.clone(), port))
    }

    /// Lets other tasks run first, 0 to 3 times as `key` draws: stands wherever a host waits
    /// for its world, so that seeds move the order of tasks within an instant.
    pub async fn yield_point(&self, key: DrawKey) {
        yields(key.below(4)).await;
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}#{}", self.id(), self.incarnation())
    }
}
