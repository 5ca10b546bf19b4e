//! Messages in pieces, cut short, too long, and spoilt: what each end makes of them.

mod support;

use std::convert::Infallible;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use deadzone_net::http::{BODY_BYTES_MAX, Error, HEAD_BYTES_MAX, Stage, client, serve};
use deadzone_net::{Host, Net, NetEvent, Stream};
use http::{HeaderMap, Method, Request, Response};
use proptest::prelude::*;
use support::{PORT, ms, read_to_end, run, secs, two_hosts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tower::service_fn;

const REQUEST: &[u8] =
    b"POST /echo?a=b HTTP/1.1\r\nHost: far\r\nX-Note:  two  words \r\nContent-Length: 9\r\n\r\nsome body";
const ANSWER: &[u8] =
    b"HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nsome body";
const OK_EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

// ---- the server, spoken to byte by byte ----

type Seen = Arc<Mutex<Vec<Request<Bytes>>>>;

/// A server that answers every request with its body, and what it was asked.
fn echo(host: &Host) -> Seen {
    let seen = Seen::default();
    let record = Arc::clone(&seen);
    let service = service_fn(move |request: Request<Bytes>| {
        record.lock().expect("nothing panics under it").push(request.clone());
        async { Ok::<_, Infallible>(Response::new(request.into_body())) }
    });
    host.spawn(serve(host.clone(), host.listen(PORT).expect("a free port"), service));
    seen
}

async fn write_in_pieces(stream: &mut Stream, pieces: &[&[u8]]) {
    for piece in pieces {
        // The peer may have had enough.
        if stream.write_all(piece).await.is_err() {
            return;
        }
        sleep(ms(1)).await;
    }
}

/// What the server says to `pieces`, until it has nothing more to say; whether it hung up; and the
/// requests that it took in.
fn ask_server(pieces: &[&[u8]], then_end: bool) -> (String, bool, Vec<Request<Bytes>>) {
    run(async |net| {
        panics_fail(&net);
        let (near, far) = two_hosts(&net);
        let seen = echo(&far);
        let mut stream = near.connect(far.id(), PORT).await.expect("the way is open");
        write_in_pieces(&mut stream, pieces).await;
        if then_end {
            let _ = stream.shutdown().await;
        }
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        let hung_up = loop {
            match timeout(secs(5), stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => break true,
                Ok(Ok(count)) => answer.extend_from_slice(&buffer[..count]),
                Err(_) => break false,
            }
        };
        let seen = std::mem::take(&mut *seen.lock().expect("nothing panics under it"));
        (String::from_utf8_lossy(&answer).into_owned(), hung_up, seen)
    })
}

fn panics_fail(net: &Net) {
    net.observe(Box::new(|event| assert!(!matches!(event, NetEvent::Panicked { .. }), "{event:?}")));
}

fn told<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("nothing", |value| value.to_str().expect("text"))
}

fn whole(seen: &[Request<Bytes>]) {
    let [request] = seen else { panic!("one request was sent, and these came: {seen:?}") };
    assert_eq!((request.method(), request.uri().to_string()), (&Method::POST, "/echo?a=b".to_owned()));
    assert_eq!((told(request.headers(), "x-note"), &request.body()[..]), ("two  words", &b"some body"[..]));
}

#[test]
fn a_request_may_be_split_at_any_byte() {
    for place in 1..REQUEST.len() {
        let (answer, hung_up, seen) = ask_server(&[&REQUEST[..place], &REQUEST[place..]], false);
        assert_eq!(answer, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome body", "{place}");
        assert!(!hung_up);
        whole(&seen);
    }
    let bytes: Vec<&[u8]> = REQUEST.chunks(1).collect();
    whole(&ask_server(&bytes, false).2);
}

#[test]
fn a_request_that_is_cut_short_at_any_byte_is_not_taken_in() {
    for place in 0..REQUEST.len() {
        let (answer, hung_up, seen) = ask_server(&[&REQUEST[..place]], true);
        assert_eq!((answer.as_str(), hung_up, seen.len()), ("", true, 0), "{place}");
    }
}

#[test]
fn requests_that_come_at_once_are_answered_in_turn() {
    let both = [REQUEST, b"GET / HTTP/1.1\r\n\r\n", REQUEST].concat();
    let echoed = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome body";
    for place in 1..both.len() {
        let (answer, hung_up, seen) = ask_server(&[&both[..place], &both[place..]], false);
        assert_eq!((answer, hung_up), ([echoed, OK_EMPTY, echoed].concat(), false), "{place}");
        assert_eq!(seen.len(), 3);
    }
}

#[test]
fn a_server_says_what_it_does_not_take() {
    let closes =
        |status: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let bad = || closes("400 Bad Request");
    let large = || closes("431 Request Header Fields Too Large");
    let head = |headers: &str| format!("POST / HTTP/1.1\r\n{headers}\r\n");
    let lines = |count: usize| head(&"a: b\r\n".repeat(count));
    let long = |bytes: usize| head(&format!("a: {}\r\n", "b".repeat(bytes)));
    let frame = long(0).len();
    let rows = [
        ("garbage\r\n\r\n".to_owned(), bad()),
        ("GET / HTTP/9\r\n\r\n".to_owned(), bad()),
        ("GET ??\u{7f} HTTP/1.1\r\n\r\n".to_owned(), bad()),
        (head("no colon\r\n"), bad()),
        (head("content-length: 1, 1\r\n"), bad()),
        (head("content-length: +1\r\n"), bad()),
        (head("content-length: \r\n"), bad()),
        (head("content-length: 99999999999999999999\r\n"), bad()),
        (head("content-length: 1\r\ncontent-length: 2\r\n"), bad()),
        (head("transfer-encoding: chunked\r\n"), closes("501 Not Implemented")),
        (head("transfer-encoding: chunked\r\ncontent-length: 1\r\n"), closes("501 Not Implemented")),
        (lines(101), large()),
        (lines(100), OK_EMPTY.to_owned()),
        (long(HEAD_BYTES_MAX - frame + 1), large()),
        (long(HEAD_BYTES_MAX - frame), OK_EMPTY.to_owned()),
        (head(&format!("a: {}", "b".repeat(2 * HEAD_BYTES_MAX))), large()),
        (head(&format!("content-length: {}\r\n", BODY_BYTES_MAX + 1)), closes("413 Payload Too Large")),
        (head("content-length: 0\r\ncontent-length: 0\r\n"), OK_EMPTY.to_owned()),
        (head("expect: 100-continue\r\n"), OK_EMPTY.to_owned()),
        (head("connection: keep-alive, Close\r\n"), closes("200 OK")),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), closes("200 OK")),
        ("\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_owned(), OK_EMPTY.to_owned()),
    ];
    for (message, expected) in rows {
        let (answer, hung_up, seen) = ask_server(&[message.as_bytes()], false);
        let begins = &message[..message.len().min(60)];
        assert_eq!((answer.as_str(), hung_up), (expected.as_str(), expected.contains("close")), "{begins}");
        assert_eq!(seen.len(), usize::from(expected.contains("200")), "{begins}");
    }
}

// ---- the client, answered byte by byte ----

/// What the client makes of an answer that comes in `pieces`, and how many connections two such
/// exchanges take.
fn answer_client(method: &Method, pieces: &[&[u8]], then_end: bool) -> (Result<Response<Bytes>, Error>, u64) {
    run(async |net| {
        panics_fail(&net);
        let (near, far) = two_hosts(&net);
        let mut listener = far.listen(PORT).expect("a free port");
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let host = far.clone();
        far.spawn(async move {
            loop {
                let (mut stream, pieces) = (listener.accept().await, pieces.clone());
                host.spawn(async move {
                    while support::read_text(&mut stream).await.is_ok_and(|request| !request.is_empty()) {
                        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
                        write_in_pieces(&mut stream, &pieces).await;
                        if then_end {
                            return;
                        }
                    }
                });
            }
        });
        let client = client(near, far.id(), PORT);
        let ask = || Request::builder().method(method).uri("/").body(Bytes::from("hi")).expect("valid");
        let first = timeout(secs(60), client.send(ask())).await.expect("no waiting");
        sleep(secs(1)).await;
        let _ = timeout(secs(60), client.send(ask())).await.expect("no waiting");
        (first, net.stats().connections)
    })
}

#[test]
fn an_answer_may_be_split_at_any_byte() {
    for place in 1..ANSWER.len() {
        let (answer, connections) = answer_client(&Method::GET, &[&ANSWER[..place], &ANSWER[place..]], false);
        let answer = answer.unwrap();
        assert_eq!((answer.status().as_u16(), told(answer.headers(), "content-type")), (201, "text/plain"));
        assert_eq!((&answer.body()[..], connections), (&b"some body"[..], 1), "{place}");
    }
}

#[test]
fn an_answer_that_is_cut_short_at_any_byte_is_an_error() {
    let head = ANSWER.len() - b"some body".len();
    for place in 0..ANSWER.len() {
        let (answer, connections) = answer_client(&Method::GET, &[&ANSWER[..place]], true);
        let error = answer.unwrap_err();
        let why = match place {
            _ if place < head => "connection closed before message completed",
            _ => "end of file before message length reached",
        };
        assert_eq!(error.to_string(), format!("no whole answer: {why}"), "{place}");
        assert_eq!((error.stage(), error.kind()), (Stage::Exchange, ErrorKind::UnexpectedEof));
        assert_eq!(connections, 2);
    }
}

#[test]
fn a_client_takes_an_answer_for_what_its_head_says() {
    let ok = |headers: &str, rest: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n{rest}");
    let (get, head) = (Method::GET, Method::HEAD);
    let rows = [
        // What comes, the body, connections for two exchanges.
        (&get, ok("content-length: 2\r\n", "hi"), "hi", 1),
        (&get, ok("content-length: 2\r\ncontent-length: 2\r\n", "hi"), "hi", 1),
        (&get, ok("content-length: 2\r\nconnection: close\r\n", "hi"), "hi", 2),
        (&get, ok("content-length: 2\r\n", "hi and more"), "hi", 2),
        (&get, "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_owned(), "hi", 2),
        (&get, "HTTP/1.1 204 No Content\r\n\r\n".to_owned(), "", 1),
        (&get, "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n".to_owned(), "", 1),
        (&head, ok("content-length: 7\r\n", ""), "", 1),
        (&get, format!("HTTP/1.1 100 Continue\r\n\r\n{}", ok("content-length: 2\r\n", "hi")), "hi", 1),
    ];
    for (method, message, body, connections) in rows {
        let (answer, opened) = answer_client(method, &[message.as_bytes()], false);
        assert_eq!((&answer.unwrap().body()[..], opened), (body.as_bytes(), connections), "{message}");
    }
}

#[test]
fn a_client_says_what_is_wrong_with_an_answer() {
    let ok = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
    let (data, large) = (ErrorKind::InvalidData, ErrorKind::FileTooLarge);
    let rows = [
        ("garbage\r\n\r\n".to_owned(), data, "invalid HTTP version"),
        (ok("no colon\r\n"), data, "invalid header name"),
        (ok(""), data, "an answer without a content-length"),
        (ok("transfer-encoding: chunked\r\n"), data, "transfer codings are not supported"),
        (ok("content-length: -1\r\n"), data, "invalid content-length parsed"),
        (ok("content-length: 1\r\ncontent-length: 2\r\n"), data, "invalid content-length parsed"),
        (ok(&"a: b\r\n".repeat(101)), data, "message head is too large"),
        (ok(&format!("a: {}", "b".repeat(2 * HEAD_BYTES_MAX))), data, "message head is too large"),
        (ok(&format!("content-length: {}\r\n", BODY_BYTES_MAX + 1)), large, "length limit exceeded"),
        (ok(&format!("content-length: {}\r\n", u64::MAX)), large, "length limit exceeded"),
    ];
    for (message, kind, why) in rows {
        let (answer, connections) = answer_client(&Method::GET, &[message.as_bytes()], false);
        let error = answer.unwrap_err();
        assert_eq!((error.stage(), error.kind(), connections), (Stage::Exchange, kind, 2), "{error}");
        assert_eq!(error.to_string(), format!("no whole answer: {why}"));
    }
}

#[test]
fn what_headers_say_of_the_frame_is_put_right() {
    let wrong = [("content-length", "77"), ("transfer-encoding", "chunked"), ("x-kept", "yes")];
    let wrong: HeaderMap =
        wrong.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    run(async |net| {
        let (near, far) = two_hosts(&net);
        let (seen, answered) = (Seen::default(), wrong.clone());
        let record = Arc::clone(&seen);
        let service = service_fn(move |request: Request<Bytes>| {
            let mut answer = Response::new(Bytes::from("answer"));
            *answer.headers_mut() = answered.clone();
            record.lock().unwrap().push(request);
            async { Ok::<_, Infallible>(answer) }
        });
        far.spawn(serve(far.clone(), far.listen(PORT).unwrap(), service));
        let client = client(near, far.id(), PORT);
        for (body, length) in [("hi", "2"), ("", "nothing")] {
            let mut request = Request::new(Bytes::from(body));
            *request.headers_mut() = wrong.clone();
            let answer = client.send(request).await.unwrap();
            assert_eq!((&answer.body()[..], told(answer.headers(), "content-length")), (&b"answer"[..], "6"));
            assert_eq!(answer.headers().len(), 2);
            let asked = seen.lock().unwrap().pop().unwrap();
            assert_eq!(
                (&asked.body()[..], told(asked.headers(), "content-length")),
                (body.as_bytes(), length)
            );
            assert_eq!(told(asked.headers(), "x-kept"), "yes");
        }
        assert_eq!(net.stats().connections, 1);
    });
}

#[test]
fn a_connection_on_which_something_comes_unasked_is_not_used_again() {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        let mut listener = far.listen(PORT).unwrap();
        let host = far.clone();
        far.spawn(async move {
            loop {
                let mut stream = listener.accept().await;
                host.spawn(async move {
                    support::read_text(&mut stream).await.unwrap();
                    stream.write_all(ANSWER).await.unwrap();
                    sleep(secs(1)).await;
                    stream.write_all(ANSWER).await.unwrap();
                    read_to_end(&mut stream).await
                });
            }
        });
        let client = client(near, far.id(), PORT);
        let ask = || Request::get("/").body(Bytes::new()).unwrap();
        client.send(ask()).await.unwrap();
        sleep(secs(2)).await;
        assert_eq!(net.stats().connections_held, 0);
        client.send(ask()).await.unwrap();
        assert_eq!(net.stats().connections, 2);
    });
}

// ---- anything ----

/// `message` in pieces that end at `places`.
fn pieces<'a>(message: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (message.len() + 1)).collect();
    places.extend([0, message.len()]);
    places.sort_unstable();
    places.windows(2).map(|window| &message[window[0]..window[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn pieces_make_no_difference(places in prop::collection::vec(any::<usize>(), 0..20)) {
        whole(&ask_server(&pieces(REQUEST, &places), false).2);
        let (answer, _) = answer_client(&Method::GET, &pieces(ANSWER, &places), false);
        prop_assert_eq!(answer.unwrap().into_body(), "some body");
    }

    #[test]
    fn garbage_hurts_nobody(
        garbage in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(b':')], 1..300),
        kept in 0..REQUEST.len(),
    ) {
        let (answer, ..) = ask_server(&[&REQUEST[..kept], &garbage], true);
        prop_assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 "));
        let (answer, _) = answer_client(&Method::GET, &[&ANSWER[..kept.min(ANSWER.len())], &garbage], true);
        if let Ok(answer) = answer {
            prop_assert!(kept > 20, "{answer:?}");
        }
    }
}
