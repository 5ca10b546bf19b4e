//! HTTP/1.1 over the simulated network: a server for any `tower` service, and a client that
//! is one.
//!
//! Messages are whole: a body is as long as its head says, and both are written at once. The
//! server speaks with nothing that differs between two runs (no `Date` header), and the
//! client keeps idle connections as clients do.
//!
//! Not spoken: transfer codings and bodies that end with their connection (nothing here sends
//! any; a message with one is an error), trailers, upgrades and `CONNECT`. `Expect` changes
//! nothing, as the client sends a body together with its head.
//!
//! | Module | Holds |
//! |---|---|
//! | `client`, `server` | the two ends of an exchange |
//! | `pool` | the connections that a client keeps |
//! | `head` | heads, read and written |
//! | `reading` | messages as they come in, piece by piece |
//! | `failure` | what is wrong with a message |

mod client;
mod failure;
mod head;
mod pool;
mod reading;
mod server;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;

pub use client::{Client, client};
pub use server::{Disconnect, serve};

use failure::Failure;

/// The longest head that is taken in, at either side: 64 KiB.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The longest body that is taken in, at either side: 64 MiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How far a request got that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// There was no connection to send it on. It had no effect.
    Connect,
    /// It was sent, perhaps not wholly. Whether it had an effect is not known.
    Exchange,
}

/// Why a request has no answer, or not a whole one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    stage: Stage,
    kind: io::ErrorKind,
    message: Cow<'static, str>,
}

impl Error {
    fn new(stage: Stage, failure: Failure) -> Error {
        Error { stage, kind: failure.kind, message: failure.message }
    }

    /// How far the request got.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// What happened: the error of the socket where there is one; `UnexpectedEof` when the
    /// connection ended before the answer did; `InvalidData` when the answer was not HTTP as
    /// it is spoken here, or its head longer than [`HEAD_BYTES_MAX`]; `FileTooLarge` when its
    /// body was longer than [`BODY_BYTES_MAX`].
    pub const fn kind(&self) -> io::ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Connect => "no connection",
            Stage::Exchange => "no whole answer",
        };
        write!(f, "{stage}: {}", self.message)
    }
}

impl StdError for Error {}
