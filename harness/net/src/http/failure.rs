//! What goes wrong with a message on its way in or out.

use std::borrow::Cow;
use std::io;

/// Why a message was not read or written to its end.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: io::ErrorKind,
    pub(super) message: Cow<'static, str>,
}

impl Failure {
    const fn new(kind: io::ErrorKind, message: &'static str) -> Failure {
        Failure { kind, message: Cow::Borrowed(message) }
    }

    /// The connection ended where the head of a message was due, or in the middle of one.
    pub(super) const fn ended() -> Failure {
        Failure::new(io::ErrorKind::UnexpectedEof, "connection closed before message completed")
    }

    /// The connection ended in the middle of a body.
    pub(super) const fn ended_in_body() -> Failure {
        Failure::new(io::ErrorKind::UnexpectedEof, "end of file before message length reached")
    }

    pub(super) const fn body_too_long() -> Failure {
        Failure::new(io::ErrorKind::FileTooLarge, "length limit exceeded")
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure { kind: error.kind(), message: Cow::Owned(error.to_string()) }
    }
}

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It is not HTTP/1.
    Syntax(httparse::Error),
    /// Its target is not a URI.
    Target,
    /// It is longer than [`HEAD_BYTES_MAX`](super::HEAD_BYTES_MAX), or has too many headers.
    TooLarge,
    /// Its `Content-Length` is not one number.
    Length,
    /// An answer that does not say how long it is.
    NoLength,
    /// It uses a transfer coding.
    Coding,
}

impl From<httparse::Error> for Malformed {
    fn from(error: httparse::Error) -> Malformed {
        match error {
            httparse::Error::TooManyHeaders => Malformed::TooLarge,
            error => Malformed::Syntax(error),
        }
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Failure {
        let message = match malformed {
            Malformed::Syntax(error) => Cow::Owned(error.to_string()),
            Malformed::Target => "invalid URI".into(),
            Malformed::TooLarge => "message head is too large".into(),
            Malformed::Length => "invalid content-length parsed".into(),
            Malformed::NoLength => "an answer without a content-length".into(),
            Malformed::Coding => "transfer codings are not supported".into(),
        };
        Failure { kind: io::ErrorKind::InvalidData, message }
    }
}
