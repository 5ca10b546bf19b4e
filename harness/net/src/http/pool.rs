//! The connections that a client keeps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Host, Stream};

/// How long an idle connection is used again.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// How many idle connections are kept.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// Connections on which nothing is under way, the one that was used last at the end.
///
/// No task watches them: whatever arrives on one, the end of its stream or something that was
/// never asked for, wakes its watch, which closes it.
#[derive(Default)]
pub(super) struct Pool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Idle>,
    /// How many connections there were.
    connections: u64,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// A new connection, which is not kept yet.
    pub(super) fn connection(self: &Arc<Pool>, host: &Host, stream: Stream) -> Connection {
        let ordinal = {
            let mut state = self.lock();
            state.connections += 1;
            state.connections
        };
        let watch = Waker::from(Arc::new(Watch { pool: Arc::downgrade(self), ordinal }));
        Connection { host: host.clone(), stream: Some(stream), ordinal, watch }
    }

    /// The kept connection that was used last and is young enough.
    pub(super) fn take(&self) -> Option<Connection> {
        loop {
            let kept = self.lock().idle.pop()?;
            if kept.since.elapsed() <= IDLE_MAX {
                return Some(kept.connection);
            }
        }
    }

    /// Keeps a connection, if it is open and there is room.
    pub(super) fn keep(&self, connection: Connection) {
        let now = Instant::now();
        let is_old = |kept: &mut Idle| now.duration_since(kept.since) > IDLE_MAX;
        let old: Vec<_> = self.lock().idle.extract_if(.., is_old).collect();
        drop(old);
        if self.lock().idle.len() < IDLE_CONNECTIONS_MAX && connection.is_quiet(&connection.watch) {
            self.lock().idle.push(Idle { connection, since: now });
        }
    }

    /// Gives up a kept connection, on which something has arrived.
    fn give_up(&self, ordinal: u64) {
        let kept = {
            let idle = &mut self.lock().idle;
            let place = idle.iter().position(|kept| kept.connection.ordinal == ordinal);
            place.map(|place| idle.remove(place))
        };
        drop(kept);
    }

    /// No code of others runs under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of a client. Whoever drops it goes on at once: it is closed in a turn of its own,
/// after what waits to run in this instant.
pub(super) struct Connection {
    host: Host,
    stream: Option<Stream>,
    ordinal: u64,
    watch: Waker,
}

impl Connection {
    pub(super) const fn stream(&self) -> &Stream {
        self.stream.as_ref().expect("only closing and dropping take it")
    }

    /// Closes it now.
    pub(super) fn close(mut self) {
        self.stream = None;
    }

    /// Whether nothing has arrived, not even the end; `waker` is told when something does.
    pub(super) fn is_quiet(&self, waker: &Waker) -> bool {
        self.stream().poll_receive(&Context::from_waker(waker)).is_pending()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.host.spawn(async move { drop(stream) });
        }
    }
}

/// Hears what arrives on a kept connection. The network holds it as long as the connection is
/// open, and the pool holds that: so it must not keep the pool.
struct Watch {
    pool: Weak<Pool>,
    ordinal: u64,
}

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        if let Some(pool) = self.pool.upgrade() {
            pool.give_up(self.ordinal);
        }
    }
}
