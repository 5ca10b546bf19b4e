//! Heads of messages: how they are read and written.

use std::fmt::Write as _;
use std::mem::MaybeUninit;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Response, StatusCode, Uri};
use httparse::{Header, Status};

use super::HEAD_BYTES_MAX;
use super::failure::Malformed;

/// The most headers that a head has.
const HEADERS_MAX: usize = 100;

/// What a line of a head takes, about: it saves growing.
const LINE_BYTES: usize = 40;

/// A head that was read, and what it says of what follows.
#[derive(Debug)]
pub(super) struct Head<T> {
    /// The message, without its body.
    pub(super) message: T,
    /// How long its body is.
    pub(super) body_bytes: u64,
    /// Whether the connection may carry another message after this one.
    pub(super) keeps_open: bool,
}

type Room<'a> = [MaybeUninit<Header<'a>>; HEADERS_MAX];

// ---- reading ----

/// Takes the head of a request out of `buffer`; `None` when it is not there to its end.
pub(super) fn parse_request(buffer: &mut Bytes) -> Result<Option<Head<Request<()>>>, Malformed> {
    let bytes = buffer.clone();
    let mut room: Room<'_> = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut []);
    let Status::Complete(length) = parsed.parse_with_uninit_headers(&bytes, &mut room)? else {
        return Ok(None);
    };
    check_length(length)?;
    let (Some(method), Some(target)) = (parsed.method, parsed.path) else { return Ok(None) };
    let fields = Fields::collect(&bytes, parsed.headers)?;
    let mut message = Request::new(());
    *message.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|_| Malformed::Target)?;
    let target = bytes.slice_ref(target.as_bytes());
    *message.uri_mut() = Uri::from_maybe_shared(target).map_err(|_| Malformed::Target)?;
    *message.headers_mut() = fields.headers;
    let keeps_open = parsed.version == Some(1) && !fields.closes;
    let _ = buffer.split_to(length);
    Ok(Some(Head { message, body_bytes: fields.length.unwrap_or(0), keeps_open }))
}

/// Takes the head of the answer to a request with `method` out of `buffer`, and what announces
/// it; `None` when it is not there to its end.
pub(super) fn parse_answer(
    buffer: &mut Bytes,
    method: &Method,
) -> Result<Option<Head<Response<()>>>, Malformed> {
    loop {
        let bytes = buffer.clone();
        let mut room: Room<'_> = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let status = config.parse_response_with_uninit_headers(&mut parsed, &bytes, &mut room)?;
        let (Status::Complete(length), Some(code)) = (status, parsed.code) else { return Ok(None) };
        check_length(length)?;
        let code = StatusCode::from_u16(code).map_err(|_| httparse::Error::Status)?;
        let _ = buffer.split_to(length);
        if code.is_informational() {
            continue;
        }
        let fields = Fields::collect(&bytes, parsed.headers)?;
        let body_bytes = match fields.length {
            _ if !has_body(method, code) => 0,
            Some(length) => length,
            None => return Err(Malformed::NoLength),
        };
        let mut message = Response::new(());
        *message.status_mut() = code;
        *message.headers_mut() = fields.headers;
        let keeps_open = parsed.version == Some(1) && !fields.closes;
        return Ok(Some(Head { message, body_bytes, keeps_open }));
    }
}

fn check_length(head_bytes: usize) -> Result<(), Malformed> {
    if head_bytes > HEAD_BYTES_MAX { Err(Malformed::TooLarge) } else { Ok(()) }
}

/// The headers of a message, and what they say of its frame.
struct Fields {
    headers: HeaderMap,
    length: Option<u64>,
    closes: bool,
}

impl Fields {
    /// Takes over the headers that were found in `bytes`.
    fn collect(bytes: &Bytes, found: &[Header<'_>]) -> Result<Fields, Malformed> {
        let headers = HeaderMap::with_capacity(found.len());
        let mut fields = Fields { headers, length: None, closes: false };
        for header in found {
            let name = HeaderName::from_bytes(header.name.as_bytes());
            let name = name.map_err(|_| httparse::Error::HeaderName)?;
            let value = HeaderValue::from_maybe_shared(bytes.slice_ref(header.value));
            let value = value.map_err(|_| httparse::Error::HeaderValue)?;
            fields.note(&name, &value)?;
            fields.headers.append(name, value);
        }
        Ok(fields)
    }

    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), Malformed> {
        if *name == CONTENT_LENGTH {
            let length = parse_length(value).ok_or(Malformed::Length)?;
            if self.length.replace(length).is_some_and(|other| other != length) {
                return Err(Malformed::Length);
            }
        } else if *name == TRANSFER_ENCODING {
            return Err(Malformed::Coding);
        } else if *name == CONNECTION {
            self.closes |= says_close(value);
        }
        Ok(())
    }
}

/// A length is digits and nothing else: a sign that one reader takes and another does not is how
/// requests are smuggled.
fn parse_length(value: &HeaderValue) -> Option<u64> {
    let digits = value.as_bytes();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    value.to_str().ok()?.parse().ok()
}

fn says_close(value: &HeaderValue) -> bool {
    let tokens = value.as_bytes().split(|byte| *byte == b',');
    tokens.map(<[u8]>::trim_ascii).any(|token| token.eq_ignore_ascii_case(b"close"))
}

/// Whether the headers say that this is the last message of the connection.
pub(super) fn closes(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).iter().any(says_close)
}

/// Whether an answer has a body, even an empty one.
fn has_body(method: &Method, status: StatusCode) -> bool {
    *method != Method::HEAD && may_tell_length(status)
}

/// Whether an answer says how long its body is, or would be.
fn may_tell_length(status: StatusCode) -> bool {
    status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED
}

// ---- writing ----

/// A request as it goes over the wire. What its headers say of its frame is put right.
pub(super) fn write_request(request: &Request<Bytes>) -> Bytes {
    let (headers, body) = (request.headers(), request.body());
    let mut out = BytesMut::with_capacity((headers.len() + 2) * LINE_BYTES + body.len());
    out.put_slice(request.method().as_str().as_bytes());
    out.put_u8(b' ');
    match request.uri().path_and_query() {
        Some(target) => out.put_slice(target.as_str().as_bytes()),
        None => out.put_u8(b'/'),
    }
    out.put_slice(b" HTTP/1.1\r\n");
    let told = write_headers(&mut out, headers, |length| length == body.len() as u64);
    if !told && !body.is_empty() {
        write_length(&mut out, body.len());
    }
    out.put_slice(b"\r\n");
    out.put_slice(body);
    out.freeze()
}

/// An answer to a request with `method`, as it goes over the wire. What its headers say of its
/// frame is put right, and with `closes` that it is the last of its connection.
pub(super) fn write_answer(answer: &Response<Bytes>, method: &Method, closes: bool) -> Bytes {
    let (status, headers) = (answer.status(), answer.headers());
    let body = if has_body(method, status) { answer.body().as_ref() } else { &[] };
    let mut out = BytesMut::with_capacity((headers.len() + 3) * LINE_BYTES + body.len());
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(status.canonical_reason().unwrap_or("<none>").as_bytes());
    out.put_slice(b"\r\n");
    let is_true = |length| *method == Method::HEAD || length == body.len() as u64;
    let told = write_headers(&mut out, headers, |length| may_tell_length(status) && is_true(length));
    if closes && !self::closes(headers) {
        out.put_slice(b"connection: close\r\n");
    }
    if !told && has_body(method, status) {
        write_length(&mut out, body.len());
    }
    out.put_slice(b"\r\n");
    out.put_slice(body);
    out.freeze()
}

/// Writes headers, except those about the frame that are not true. Whether one told the length.
fn write_headers(out: &mut BytesMut, headers: &HeaderMap, is_true: impl Fn(u64) -> bool) -> bool {
    let mut told = false;
    for (name, value) in headers {
        if *name == TRANSFER_ENCODING {
            continue;
        }
        if *name == CONTENT_LENGTH {
            if told || !parse_length(value).is_some_and(&is_true) {
                continue;
            }
            told = true;
        }
        out.put_slice(name.as_str().as_bytes());
        out.put_slice(b": ");
        out.put_slice(value.as_bytes());
        out.put_slice(b"\r\n");
    }
    told
}

fn write_length(out: &mut BytesMut, bytes: usize) {
    write!(out, "content-length: {bytes}\r\n").expect("a buffer that grows takes everything");
}
