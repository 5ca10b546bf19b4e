//! Listeners and streams: the sockets as a client sees them.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::arrival::REPORT_NS;
use crate::conn::{End, MESSAGE_BYTES_MAX, Payload, Phase, Side, WINDOW_BYTES};
use crate::host::{Host, HostId};
use crate::net::Net;
use crate::slab::Key;
use crate::state::State;

/// One end of a connection, by name.
#[derive(Clone)]
pub(crate) struct Socket {
    pub(crate) net: Net,
    pub(crate) key: Key,
    pub(crate) side: Side,
}

impl Socket {
    /// Works on the end; waits for ever if its incarnation has ended.
    fn poll<T>(&self, work: impl FnOnce(&mut State, Key, Side) -> Poll<T>) -> Poll<T> {
        self.net.with(|state| match owned_end(state, self.key, self.side) {
            Some(_) => work(state, self.key, self.side),
            None => Poll::Pending,
        })
    }
}

/// The end of a stream whose incarnation is alive.
fn owned_end(state: &mut State, key: Key, side: Side) -> Option<&mut End> {
    state.conns.get_mut(key).map(|conn| conn.end(side)).filter(|end| end.owned)
}

/// Waits for connections. Dropping it resets those that were not accepted.
pub struct Listener {
    host: Host,
    port: u16,
}

impl Listener {
    pub(crate) const fn new(host: Host, port: u16) -> Listener {
        Listener { host, port }
    }

    /// The port it listens on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The next connection. Waits for ever once the incarnation has ended. Dropping the future
    /// loses nothing.
    pub async fn accept(&mut self) -> Stream {
        poll_fn(|cx| {
            if !self.host.is_alive() {
                return Poll::Pending;
            }
            let here = self.host.id();
            let accepted = self.host.net().with(|state| {
                let listening = state.machines[here.index()].listeners.get_mut(&self.port)?;
                let Some(key) = listening.ready.pop_front() else {
                    state.after.wait(&mut listening.waker, cx.waker());
                    return None;
                };
                state.conns.get(key).map(|conn| (key, conn.hosts(Side::Acceptor).1))
            });
            let Some((key, peer)) = accepted else { return Poll::Pending };
            let socket = Socket { net: self.host.net().clone(), key, side: Side::Acceptor };
            Poll::Ready(Stream { socket, here, peer })
        })
        .await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.host.is_alive() {
            self.host.net().with(|state| state.unlisten(self.host.id(), self.port));
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({:?}:{})", self.host, self.port)
    }
}

/// A connection.
///
/// Reading and writing behave as on a TCP socket without delay (`TCP_NODELAY`) and without
/// keepalive. At most 256 KiB are on their way or wait unread in a direction; then writing
/// waits. A write succeeds when the machine has taken the bytes over, not when they arrive.
/// Shutting down ends this direction; reading goes on. Dropping ends both: in order, or with a
/// reset if something was left unread.
///
/// Errors are `ConnectionReset`, `TimedOut` (what was sent was not acknowledged for 925 s) and
/// `BrokenPipe`. What arrived before can be read before the error shows; the error then stays.
/// Every operation on a stream of an incarnation that has ended waits for ever.
pub struct Stream {
    socket: Socket,
    here: HostId,
    peer: HostId,
}

impl Stream {
    pub(crate) async fn connected(socket: Socket, here: HostId, peer: HostId) -> io::Result<Stream> {
        let stream = Stream { socket, here, peer };
        poll_fn(|cx| {
            stream.socket.poll(|state, key, side| {
                let Some(end) = state.conns.get_mut(key).map(|conn| conn.end(side)) else {
                    return Poll::Pending;
                };
                match (end.phase, end.error) {
                    (_, Some(kind)) => Poll::Ready(Err(io::Error::from(kind))),
                    (Phase::Open, None) => Poll::Ready(Ok(())),
                    _ => {
                        state.after.wait(&mut end.writer, cx.waker());
                        Poll::Pending
                    }
                }
            })
        })
        .await?;
        Ok(stream)
    }

    /// The host that holds this end.
    pub const fn here(&self) -> HostId {
        self.here
    }

    /// The host at the other end.
    pub const fn peer(&self) -> HostId {
        self.peer
    }

    /// A handle that can reset the connection while others read and write it.
    pub fn resetter(&self) -> Resetter {
        Resetter { socket: self.socket.clone() }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Socket { net, key, side } = &self.socket;
        net.with(|state| {
            if owned_end(state, *key, *side).is_some() {
                state.close(*key, *side);
            }
        });
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({:?} to {:?})", self.here, self.peer)
    }
}

/// Resets a connection; see [`Stream::resetter`].
#[derive(Clone)]
pub struct Resetter {
    socket: Socket,
}

impl Resetter {
    /// Sends a reset. The stream itself fails with `ConnectionAborted` from then on. Does
    /// nothing to a stream that has ended.
    pub fn reset(&self) {
        let Socket { net, key, side } = &self.socket;
        net.with(|state| {
            if owned_end(state, *key, *side).is_some_and(|end| end.phase == Phase::Open) {
                state.reset(*key, *side);
                state.fail(*key, *side, io::ErrorKind::ConnectionAborted);
            }
        });
    }
}

impl fmt::Debug for Resetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resetter").finish_non_exhaustive()
    }
}

// ---- reading ----

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket.poll(|state, key, side| {
            let Some(conn) = state.conns.get_mut(key) else { return Poll::Pending };
            let end = conn.end(side);
            let count = take_from_inbox(end, buffer);
            if count > 0 {
                state.note_read(key, side, count);
                return Poll::Ready(Ok(()));
            }
            if end.fin_received || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if let Some(kind) = end.error {
                return Poll::Ready(Err(kind.into()));
            }
            state.after.wait(&mut end.reader, cx.waker());
            Poll::Pending
        })
    }
}

impl Stream {
    /// The next bytes that have arrived, as many as arrived together; `None` at the end of the
    /// stream.
    pub(crate) fn poll_receive(&self, cx: &Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        self.socket.poll(|state, key, side| {
            let Some(conn) = state.conns.get_mut(key) else { return Poll::Pending };
            let end = conn.end(side);
            if let Some(data) = end.inbox.pop_front() {
                state.note_read(key, side, data.len());
                return Poll::Ready(Ok(Some(data)));
            }
            if end.fin_received {
                return Poll::Ready(Ok(None));
            }
            if let Some(kind) = end.error {
                return Poll::Ready(Err(kind.into()));
            }
            state.after.wait(&mut end.reader, cx.waker());
            Poll::Pending
        })
    }
}

impl State {
    /// Notes that `bytes` were read at `side`; tells the peer when it has been long enough.
    fn note_read(&mut self, key: Key, side: Side, bytes: usize) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let end = conn.end(side);
        end.unreported += bytes;
        let due = end.unreported >= WINDOW_BYTES / 4 && end.phase == Phase::Open;
        if due && !end.fin_received && !end.reporting {
            self.report(key, side, REPORT_NS);
        }
    }
}

fn take_from_inbox(end: &mut End, buffer: &mut ReadBuf<'_>) -> usize {
    let mut count = 0;
    while buffer.remaining() > 0
        && let Some(data) = end.inbox.front_mut()
    {
        let part = data.len().min(buffer.remaining());
        buffer.put_slice(&data[..part]);
        data.advance(part);
        count += part;
        if data.is_empty() {
            end.inbox.pop_front();
        }
    }
    count
}

// ---- writing ----

impl Stream {
    /// Writes at most as much as the window and one message hold, taken from `gather`.
    fn poll_send(
        &self,
        cx: &Context<'_>,
        bytes: usize,
        gather: impl FnOnce(usize) -> Bytes,
    ) -> Poll<io::Result<usize>> {
        self.socket.poll(|state, key, side| {
            let Some(conn) = state.conns.get_mut(key) else { return Poll::Pending };
            let end = conn.end(side);
            if let Some(kind) = end.error {
                return Poll::Ready(Err(kind.into()));
            }
            if end.fin_sent {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let count = bytes.min(end.out.credit).min(MESSAGE_BYTES_MAX);
            if count == 0 && bytes > 0 {
                state.after.wait(&mut end.writer, cx.waker());
                return Poll::Pending;
            }
            end.out.credit -= count;
            if count > 0 {
                state.emit(key, side, Payload::Data(gather(count)));
            }
            Poll::Ready(Ok(count))
        })
    }
}

impl Stream {
    /// Writes all of `bytes`; what is left of them has not been taken over.
    pub(crate) fn poll_send_all(&self, cx: &Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        while !bytes.is_empty() {
            let length = bytes.len();
            match self.poll_send(cx, length, |count| bytes.split_to(count)) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, bytes.len(), |count| Bytes::copy_from_slice(&bytes[..count]))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        self.poll_send(cx, bytes, |count| {
            let mut message = BytesMut::with_capacity(count);
            for slice in slices {
                let left = count - message.len();
                message.put_slice(&slice[..slice.len().min(left)]);
            }
            message.freeze()
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll(|state, key, side| {
            let Some(conn) = state.conns.get_mut(key) else { return Poll::Pending };
            if let Some(kind) = conn.end(side).error {
                return Poll::Ready(Err(kind.into()));
            }
            state.finish(key, side);
            Poll::Ready(Ok(()))
        })
    }
}
