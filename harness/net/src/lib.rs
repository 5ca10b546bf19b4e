//! Simulated stream sockets on simulated time.
//!
//! Here live the hosts of a world, the links between them, the sockets through which they
//! talk, the faults that strike links, interfaces and machines, HTTP/1.1 over all that
//! ([`http`]), and the random numbers that the whole harness draws ([`Draws`]). The crate may
//! depend on tokio, tower and httparse, and on no other crate of the workspace. It never opens a
//! real socket, reads a real clock or asks for entropy, and it knows nothing of devices,
//! sync, scripts or traces: its owner tells it what to do and listens to what a fault did
//! ([`Net::observe`]).
//!
//! One simulation runs on one thread, in one current-thread runtime whose clock is paused
//! ([`simulate`] makes it). All hosts live in it. When no task can run, time jumps to the next
//! event, so idle time costs nothing.
//!
//! ```
//! use std::time::Duration;
//! use deadzone_net::{Draws, Link, simulate};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::time::Instant;
//!
//! let took = simulate(Draws::new(7), Duration::from_secs(3600), async |net| {
//!     let (laptop, server) = (net.add_host("laptop"), net.add_host("server"));
//!     net.set_links(laptop, server, Link { latency: Duration::from_millis(20), ..Link::default() });
//!     let mut listener = net.host(server).listen(80)?;
//!     net.host(server).spawn(async move { listener.accept().await.write_all(b"hello").await });
//!     let start = Instant::now();
//!     let mut greeting = String::new();
//!     net.host(laptop).connect(server, 80).await?.read_to_string(&mut greeting).await?;
//!     assert_eq!(greeting, "hello");
//!     std::io::Result::Ok(start.elapsed())
//! });
//! // One round trip to connect; the acceptor hears of it, and answers, after another.
//! assert_eq!(took.unwrap().unwrap(), Duration::from_millis(80));
//! ```
//!
//! # What is modelled
//!
//! Connections as a client sees them through a TCP socket: the handshake, refusal, silence and
//! timeouts; order; flow control by a window of 256 KiB; half-close, end of stream and reset;
//! loss and cuts as retransmission, with the pauses and limits of Linux (200 ms doubling to
//! 120 s and 15 retries; 1 s and 6 retries for connecting; fast retransmission when later
//! data follow); one-way cuts, in which data arrive and their acknowledgement does not; peers
//! that forget in a power loss; bandwidth, jitter.
//!
//! Not modelled: congestion control, delayed acknowledgements and Nagle's algorithm,
//! keepalive, loss of acknowledgements other than by a cut, names, exhaustion of ports and
//! memory.
//!
//! # Map of the code
//!
//! - [`draw`](Draws): keyed random numbers
//! - `net`, `host`, `socket`: the handles, for the owner and for the hosts
//! - `state`: everything the network knows, behind one lock; `conn`, `link`, `queue` and `slab`
//!   are its data
//! - `wire`, `arrival`: what happens when something is sent and when something is due
//! - `incarnation`: the tasks of a host and how they end
//! - `observe`, `digest`: what is told to the outside
//! - `http`: a server and a client
//!
//! Invariants: every wake-up and every call of an observer happens after the lock is released;
//! every draw is keyed by hosts, connection, direction, message and attempt, so that what one
//! connection draws does not depend on any other; whatever is kept is bounded, or belongs to a
//! handle that somebody holds.

mod arrival;
mod conn;
mod digest;
mod draw;
mod host;
pub mod http;
mod incarnation;
mod link;
mod net;
mod observe;
mod queue;
mod simulate;
mod slab;
mod socket;
mod state;
mod wire;
mod yields;

pub use draw::{DrawKey, Draws};
pub use host::{Crash, Host, HostId};
pub use link::{Link, LinkStats};
pub use net::Net;
pub use observe::{How, NetEvent, Stats, Toward, Why};
pub use simulate::{HorizonReached, simulate};
pub use socket::{Listener, Resetter, Stream};
pub use yields::{Yields, yields};
