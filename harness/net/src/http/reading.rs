//! Messages as they come in, piece by piece.

use std::future::poll_fn;

use bytes::{Bytes, BytesMut};

use super::HEAD_BYTES_MAX;
use super::failure::{Failure, Malformed};
use crate::Stream;

/// The most that is set aside for a body on the word of its head.
const BODY_BYTES_TRUSTED: usize = 1024 * 1024;

/// Reads until `parse` finds a head. `None` when the stream ends where one would begin. What
/// follows the head stays in `buffer`.
pub(super) async fn read_head<T>(
    stream: &Stream,
    buffer: &mut Bytes,
    parse: impl Fn(&mut Bytes) -> Result<Option<T>, Malformed>,
) -> Result<Option<T>, HeadFailure> {
    loop {
        if !buffer.is_empty()
            && let Some(head) = parse(buffer)?
        {
            return Ok(Some(head));
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return Err(Malformed::TooLarge.into());
        }
        match poll_fn(|cx| stream.poll_receive(cx)).await.map_err(Failure::from)? {
            Some(data) => append(buffer, data),
            None if buffer.is_empty() => return Ok(None),
            None => return Err(Failure::ended().into()),
        }
    }
}

/// Reads a body of `bytes`. What follows it stays in `buffer`.
pub(super) async fn read_body(stream: &Stream, buffer: &mut Bytes, bytes: usize) -> Result<Bytes, Failure> {
    if buffer.len() >= bytes {
        return Ok(buffer.split_to(bytes));
    }
    let mut body = BytesMut::with_capacity(bytes.min(BODY_BYTES_TRUSTED));
    body.extend_from_slice(&std::mem::take(buffer));
    while body.len() < bytes {
        let Some(mut data) = poll_fn(|cx| stream.poll_receive(cx)).await? else {
            return Err(Failure::ended_in_body());
        };
        let part = data.len().min(bytes - body.len());
        body.extend_from_slice(&data.split_to(part));
        *buffer = data;
    }
    Ok(body.freeze())
}

fn append(buffer: &mut Bytes, data: Bytes) {
    if buffer.is_empty() {
        *buffer = data;
        return;
    }
    let mut grown = BytesMut::from(std::mem::take(buffer));
    grown.extend_from_slice(&data);
    *buffer = grown.freeze();
}

/// Why there is no head: something is wrong with it, or it never came.
#[derive(Debug)]
pub(super) enum HeadFailure {
    Malformed(Malformed),
    Broken(Failure),
}

impl From<Malformed> for HeadFailure {
    fn from(malformed: Malformed) -> HeadFailure {
        HeadFailure::Malformed(malformed)
    }
}

impl From<Failure> for HeadFailure {
    fn from(failure: Failure) -> HeadFailure {
        HeadFailure::Broken(failure)
    }
}

impl From<HeadFailure> for Failure {
    fn from(failure: HeadFailure) -> Failure {
        match failure {
            HeadFailure::Malformed(malformed) => malformed.into(),
            HeadFailure::Broken(failure) => failure,
        }
    }
}
