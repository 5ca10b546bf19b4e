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
/// never asked for, wakes the pool, which closes it.
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
    waker: Waker,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// A connection of a client. Whoever drops it goes on at once: it is closed in a turn of its own,
/// after what waits to run in this instant.
pub(super) struct Connection {
    host: Host,
    stream: Option<Stream>,
}

impl Connection {
    pub(super) const fn new(host: Host, stream: Stream) -> Connection {
        Connection { host, stream: Some(stream) }
    }

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

impl Pool {
    pub(super) fn new() -> Arc<Pool> {
        Arc::new_cyclic(|pool: &Weak<Pool>| {
            let waker = Waker::from(Arc::new(Watch(pool.clone())));
            Pool { idle: Mutex::default(), waker }
        })
    }

    /// The kept connection that was used last and is young enough.
    pub(super) fn take(&self) -> Option<Connection> {
        loop {
            let kept = self.lock().pop()?;
            if kept.since.elapsed() <= IDLE_MAX {
                return Some(kept.connection);
            }
        }
    }

    /// Keeps a connection, if it is open and there is room.
    pub(super) fn keep(&self, connection: Connection) {
        let now = Instant::now();
        let old = {
            let mut idle = self.lock();
            let is_old = |kept: &mut Idle| now.duration_since(kept.since) > IDLE_MAX;
            idle.extract_if(.., is_old).collect::<Vec<_>>()
        };
        drop(old);
        if self.lock().len() < IDLE_CONNECTIONS_MAX && connection.is_quiet(&self.waker) {
            self.lock().push(Idle { connection, since: now });
        }
    }

    /// Closes the connections on which something arrived.
    fn look(&self) {
        // The lock is not held while the network is asked.
        let idle = std::mem::take(&mut *self.lock());
        let (quiet, over): (Vec<_>, Vec<_>) =
            idle.into_iter().partition(|kept| kept.connection.is_quiet(&self.waker));
        *self.lock() = quiet;
        drop(over);
    }

    /// No code of others runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the pool. The network holds it as long as the connections are open, and the pool holds
/// these: so it must not keep the pool.
struct Watch(Weak<Pool>);

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        if let Some(pool) = self.0.upgrade() {
            pool.look();
        }
    }
}
