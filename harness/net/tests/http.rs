//! HTTP over the network: exchanges, and every way in which they go wrong.

mod support;

use std::convert::Infallible;
use std::future::pending;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use deadzone_net::http::{BODY_BYTES_MAX, Client, Disconnect, Error, Stage, client, serve};
use deadzone_net::{Crash, Host, How, Link, Net, Toward};
use http::{Method, Request, Response, StatusCode};
use support::{PORT, link, ms, read_to_end, run, secs, timed, two_hosts};
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};
use tower::{Service, ServiceExt, service_fn};

/// Answers by the path: `/echo`, `/big`, `/reset`, `/end`, `/stall`.
async fn route(request: Request<Bytes>) -> Result<Response<Bytes>, Disconnect> {
    match request.uri().path() {
        "/echo" => Ok(Response::new(request.into_body())),
        "/big" => Ok(Response::new(Bytes::from(vec![7; 100_000]))),
        "/reset" => Err(Disconnect::Reset),
        "/end" => Err(Disconnect::End),
        "/stall" => pending().await,
        _ => Ok(with_status(StatusCode::NOT_FOUND)),
    }
}

fn with_status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

fn start(server: &Host) {
    let listener = server.listen(PORT).expect("the port is free");
    server.spawn(serve(server.clone(), listener, service_fn(route)));
}

fn exchange_world(net: &Net) -> (Client, Host, Host) {
    let (near, far) = two_hosts(net);
    start(&far);
    (client(near.clone(), far.id(), PORT), near, far)
}

async fn get(client: &Client, path: &str) -> Result<Response<Bytes>, Error> {
    client.clone().oneshot(Request::get(path).body(Bytes::new()).expect("a valid path")).await
}

async fn post(client: &Client, body: &'static str) -> Result<Response<Bytes>, Error> {
    let request = Request::post("/echo").body(Bytes::from(body)).expect("a valid request");
    client.clone().oneshot(request).await
}

#[test]
fn the_first_exchange_opens_a_connection_and_the_next_uses_it() {
    run(async |net| {
        let (client, ..) = exchange_world(&net);
        let (response, time) = timed(post(&client, "hello")).await;
        assert_eq!((response.unwrap().into_body(), time), (Bytes::from("hello"), ms(80)));
        let (response, time) = timed(post(&client, "again")).await;
        assert_eq!((response.unwrap().into_body(), time), (Bytes::from("again"), ms(40)));
        assert_eq!(get(&client, "/nowhere").await.unwrap().status(), StatusCode::NOT_FOUND);
        assert_eq!(net.stats().connections, 1);
    });
}

#[test]
fn exchanges_at_the_same_time_have_connections_of_their_own_and_keep_them() {
    run(async |net| {
        let (client, ..) = exchange_world(&net);
        for _ in 0..2 {
            let (a, b, c) = tokio::join!(post(&client, "a"), post(&client, "b"), post(&client, "c"));
            let bodies = [a, b, c].map(|response| response.unwrap().into_body());
            assert_eq!(bodies, ["a", "b", "c"]);
        }
        assert_eq!(net.stats().connections, 3);
    });
}

#[test]
fn long_bodies_leave_their_connection_usable() {
    run(async |net| {
        let (mut client, ..) = exchange_world(&net);
        for _ in 0..5 {
            let body = Bytes::from(vec![7; 1_000_000]);
            let response = client.call(Request::post("/echo").body(body.clone()).unwrap()).await;
            assert_eq!(response.unwrap().into_body(), body);
        }
        assert_eq!(net.stats().connections, 1);
    });
}

#[test]
fn an_answer_that_comes_before_its_request_is_sent_leaves_the_next_request_unharmed() {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        let mut listener = far.listen(PORT).unwrap();
        let host = far.clone();
        far.spawn(async move {
            // Answers each connection at once and reads nothing more.
            loop {
                let mut stream = listener.accept().await;
                host.spawn(async move {
                    support::read_text(&mut stream).await?;
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly").await?;
                    pending::<std::io::Result<()>>().await
                });
            }
        });
        let mut client = client(near, far.id(), PORT);
        for _ in 0..3 {
            let request = Request::post("/").body(Bytes::from(vec![7; 1_000_000])).unwrap();
            let response = timeout(secs(60), client.call(request)).await.expect("no waiting");
            assert_eq!(response.unwrap().into_body(), "early");
        }
        assert_eq!(net.stats().connections, 3);
    });
}

#[test]
fn nothing_in_an_exchange_differs_between_two_runs() {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        start(&far);
        let mut stream = near.connect(far.id(), PORT).await.unwrap();
        stream.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
        let answer = support::read_text(&mut stream).await.unwrap();
        assert_eq!(answer, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    });
}

#[test]
fn requests_go_out_in_origin_form_with_a_host() {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = seen.clone();
        let service = service_fn(move |request: Request<Bytes>| {
            let host = request.headers()["host"].to_str().unwrap().to_owned();
            record.lock().unwrap().push((request.uri().to_string(), host));
            async { Ok::<_, Infallible>(Response::new(Bytes::new())) }
        });
        far.spawn(serve(far.clone(), far.listen(PORT).unwrap(), service));
        let client = client(near, far.id(), PORT);
        for uri in ["/a?b=c", "http://example.org/d", "http://example.org", "*"] {
            let method = if uri == "*" { Method::OPTIONS } else { Method::GET };
            let request = Request::builder().method(method).uri(uri).body(Bytes::new()).unwrap();
            client.clone().oneshot(request).await.unwrap();
        }
        let expected =
            [("/a?b=c", "host1:80"), ("/d", "example.org"), ("/", "example.org"), ("*", "host1:80")];
        let expected = expected.map(|(uri, host)| (uri.to_owned(), host.to_owned()));
        assert_eq!(seen.lock().unwrap()[..], expected);
    });
}

#[test]
fn an_answer_that_breaks_off_is_an_error() {
    let cases = [(0, How::End, ErrorKind::UnexpectedEof), (30, How::End, ErrorKind::UnexpectedEof)];
    let more =
        [(60_000, How::End, ErrorKind::UnexpectedEof), (60_000, How::Reset, ErrorKind::ConnectionReset)];
    for (bytes, how, kind) in cases.into_iter().chain(more) {
        run(async |net| {
            let (client, near, _) = exchange_world(&net);
            net.break_after(near.id(), Toward::Host, bytes, how);
            let error = get(&client, "/big").await.unwrap_err();
            assert_eq!((error.stage(), error.kind()), (Stage::Exchange, kind), "{bytes} {how:?}: {error}");
            assert_eq!(get(&client, "/big").await.unwrap().into_body().len(), 100_000);
        });
    }
}

#[test]
fn a_request_that_breaks_off_never_reaches_the_service() {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        let count = Arc::new(AtomicU32::new(0));
        let calls = count.clone();
        let service = service_fn(move |_: Request<Bytes>| {
            calls.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, Infallible>(Response::new(Bytes::new())) }
        });
        far.spawn(serve(far.clone(), far.listen(PORT).unwrap(), service));
        let mut client = client(near, far.id(), PORT);
        for how in [How::Reset, How::End] {
            net.break_after(far.id(), Toward::Host, 20_000, how);
            let request = Request::post("/").body(Bytes::from(vec![7; 50_000])).unwrap();
            assert!(client.call(request).await.is_err());
        }
        assert_eq!(count.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_service_can_break_an_exchange_off() {
    run(async |net| {
        let (client, ..) = exchange_world(&net);
        let (error, time) = timed(get(&client, "/reset")).await;
        let error = error.unwrap_err();
        assert_eq!(
            (error.stage(), error.kind(), time),
            (Stage::Exchange, ErrorKind::ConnectionReset, ms(80))
        );
        let (error, time) = timed(get(&client, "/end")).await;
        let error = error.unwrap_err();
        assert_eq!((error.stage(), error.kind(), time), (Stage::Exchange, ErrorKind::UnexpectedEof, ms(80)));
        assert_eq!(post(&client, "on").await.unwrap().into_body(), "on");
    });
}

#[test]
fn a_service_can_stall_one_exchange_and_no_other() {
    run(async |net| {
        let (client, ..) = exchange_world(&net);
        let mut stalled = std::pin::pin!(get(&client, "/stall"));
        assert!(timeout(secs(86_400), &mut stalled).await.is_err());
        assert_eq!(post(&client, "on").await.unwrap().into_body(), "on");
        assert!(timeout(secs(86_400), stalled).await.is_err());
    });
}

#[test]
fn without_a_connection_a_request_had_no_effect() {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        let client = client(near.clone(), far.id(), PORT);
        let refused = get(&client, "/").await.unwrap_err();
        assert_eq!((refused.stage(), refused.kind()), (Stage::Connect, ErrorKind::ConnectionRefused));
        net.set_interface(near.id(), false);
        let offline = get(&client, "/").await.unwrap_err();
        assert_eq!((offline.stage(), offline.kind()), (Stage::Connect, ErrorKind::NetworkUnreachable));
    });
}

#[test]
fn a_server_that_loses_power_answers_with_a_timeout() {
    run(async |net| {
        let (client, _, server) = exchange_world(&net);
        post(&client, "hello").await.unwrap();
        net.kill(server.id(), Crash::PowerLoss).await;
        let (error, time) = timed(post(&client, "hello")).await;
        let error = error.unwrap_err();
        assert_eq!((error.stage(), error.kind()), (Stage::Exchange, ErrorKind::TimedOut));
        assert_eq!(time, ms(924_600));
    });
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile_is_replaced() {
    run(async |net| {
        let (client, _, server) = exchange_world(&net);
        post(&client, "hello").await.unwrap();
        net.kill(server.id(), Crash::Kill).await;
        start(&net.boot(server.id()));
        sleep(secs(1)).await;
        assert_eq!(post(&client, "again").await.unwrap().into_body(), "again");
        assert_eq!(net.stats().connections, 2);
    });
}

#[test]
fn an_idle_connection_is_closed_by_the_server_after_thirty_seconds() {
    run(async |net| {
        let (client, ..) = exchange_world(&net);
        post(&client, "hello").await.unwrap();
        sleep(secs(29)).await;
        assert_eq!(net.stats().connections_held, 1);
        sleep(secs(2)).await;
        assert_eq!(net.stats().connections_held, 0);
        post(&client, "again").await.unwrap();
        assert_eq!(net.stats().connections, 2);
    });
}

#[test]
fn a_request_that_meets_the_closing_of_its_connection_goes_out_on_another() {
    run(async |net| {
        let (client, ..) = exchange_world(&net);
        post(&client, "hello").await.unwrap();
        // The server's end of stream arrives in the instant in which the request is made.
        sleep(secs(30)).await;
        let (response, time) = timed(post(&client, "again")).await;
        assert_eq!((response.unwrap().into_body(), time), (Bytes::from("again"), ms(80)));
        assert_eq!(net.stats().connections, 2);
    });
}

#[test]
fn a_connection_that_never_sends_a_request_is_closed_after_thirty_seconds() {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        start(&far);
        let mut stream = near.connect(far.id(), PORT).await.unwrap();
        let (end, time) = timed(read_to_end(&mut stream)).await;
        assert_eq!((end.1, time), (None, secs(30) + ms(40)));
    });
}

#[test]
fn a_kept_connection_to_a_silent_server_is_not_used_for_ever() {
    run(async |net| {
        let (client, _, server) = exchange_world(&net);
        post(&client, "hello").await.unwrap();
        net.kill(server.id(), Crash::PowerLoss).await;
        sleep(secs(91)).await;
        start(&net.boot(server.id()));
        let (response, time) = timed(post(&client, "again")).await;
        assert_eq!((response.unwrap().into_body(), time), (Bytes::from("again"), ms(80)));
    });
}

#[test]
fn dropping_a_request_closes_its_connection() {
    run(async |net| {
        let (client, ..) = exchange_world(&net);
        assert!(timeout(secs(1), get(&client, "/stall")).await.is_err());
        sleep(secs(2)).await;
        assert_eq!(net.stats().connections_held, 0);
    });
}

#[test]
fn a_client_that_goes_away_cancels_the_service() {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        let finished = Arc::new(AtomicU32::new(0));
        let count = finished.clone();
        let service = service_fn(move |_: Request<Bytes>| {
            let count = count.clone();
            async move {
                sleep(secs(2)).await;
                count.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(Response::new(Bytes::from("late")))
            }
        });
        far.spawn(serve(far.clone(), far.listen(PORT).unwrap(), service));
        let client = client(near, far.id(), PORT);
        assert!(timeout(secs(1), get(&client, "/")).await.is_err());
        sleep(secs(10)).await;
        assert_eq!(finished.load(Ordering::Relaxed), 0);
        assert_eq!(get(&client, "/").await.unwrap().into_body(), "late");
    });
}

#[test]
fn a_body_past_the_bound_is_refused() {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        net.set_links(near.id(), far.id(), Link { latency: ms(1), ..link() });
        start(&far);
        let too_long = Bytes::from(vec![7; BODY_BYTES_MAX + 1]);
        let request = Request::post("/echo").body(too_long).unwrap();
        let response = client(near, far.id(), PORT).oneshot(request).await;
        assert_eq!(response.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    });
}

#[test]
fn a_client_of_a_dead_host_waits_for_ever() {
    run(async |net| {
        let (client, near, _) = exchange_world(&net);
        post(&client, "hello").await.unwrap();
        net.kill(near.id(), Crash::Kill).await;
        let delivered = net.stats().bytes;
        for _ in 0..2 {
            let answer = timeout(secs(86_400), post(&client, "ghost")).await;
            assert!(answer.is_err(), "{answer:?}");
        }
        assert_eq!(net.stats().bytes, delivered);
    });
}
