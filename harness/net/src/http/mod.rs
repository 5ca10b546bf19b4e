//! HTTP/1.1 over the simulated network: a server for any `tower` service, and a client that
//! is one.
//!
//! The server speaks with nothing that differs between two runs (no `Date` header), and the
//! client keeps idle connections as clients do.

mod client;
mod server;

use std::error::Error as StdError;
use std::fmt;
use std::io;

pub use client::{Client, client};
pub use server::{Disconnect, serve};

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
    message: String,
}

impl Error {
    fn new(stage: Stage, error: &(dyn StdError + 'static)) -> Error {
        Error { stage, kind: kind_of(error), message: chain_of(error).last().unwrap_or(error).to_string() }
    }

    /// How far the request got.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// What happened: the error of the socket where there is one; `UnexpectedEof` when the
    /// connection ended before the answer did; `InvalidData` when the answer was not HTTP;
    /// `FileTooLarge` when its body was longer than [`BODY_BYTES_MAX`].
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

fn kind_of(error: &(dyn StdError + 'static)) -> io::ErrorKind {
    let chain = || chain_of(error);
    if let Some(io) = chain().find_map(|error| error.downcast_ref::<io::Error>()) {
        return io.kind();
    }
    if chain().any(|error| error.is::<http_body_util::LengthLimitError>()) {
        return io::ErrorKind::FileTooLarge;
    }
    match chain().find_map(|error| error.downcast_ref::<hyper::Error>()) {
        Some(hyper) if hyper.is_incomplete_message() => io::ErrorKind::UnexpectedEof,
        Some(hyper) if hyper.is_parse() => io::ErrorKind::InvalidData,
        Some(hyper) if hyper.is_canceled() || hyper.is_closed() => io::ErrorKind::ConnectionAborted,
        _ => io::ErrorKind::Other,
    }
}

/// An error and what it came from, the innermost last.
fn chain_of<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
