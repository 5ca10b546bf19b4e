//! Both ends against hyper, which knows nothing of them.

mod support;

use std::convert::Infallible;

use bytes::Bytes;
use deadzone_net::http::{Client, client, serve};
use deadzone_net::{Host, Net};
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use support::{PORT, run, secs, two_hosts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tower::service_fn;

/// What both servers do: the status and the length of the answer are in the path, `/204/0`.
fn answer(request: &Request<()>, body: Bytes) -> Response<Bytes> {
    let mut parts = request.uri().path().split('/').skip(1).map(str::parse::<u16>);
    let mut next = || parts.next().and_then(Result::ok);
    let status = next().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.filter(|status| !status.is_informational()).unwrap_or(StatusCode::OK);
    let length = next().map_or(body.len(), |length| usize::from(length) * 10);
    let kept = request.headers().get("x-note").cloned();
    let mut answer = Response::new(body.iter().copied().cycle().take(length * body.len().min(1)).collect());
    *answer.status_mut() = status;
    answer.headers_mut().extend(kept.map(|value| (HeaderName::from_static("x-note"), value)));
    answer
}

fn our_server(host: &Host) {
    let service = service_fn(|request: Request<Bytes>| async {
        let (head, body) = request.into_parts();
        Ok::<_, Infallible>(answer(&Request::from_parts(head, ()), body))
    });
    host.spawn(serve(host.clone(), host.listen(PORT).expect("a free port"), service));
}

fn hypers_server(host: &Host) {
    let mut listener = host.listen(PORT).expect("a free port");
    let spawner = host.clone();
    host.spawn(async move {
        loop {
            let stream = TokioIo::new(listener.accept().await);
            let service = hyper::service::service_fn(|request: Request<Incoming>| async {
                let (head, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                Ok::<_, hyper::Error>(answer(&Request::from_parts(head, ()), body).map(Full::new))
            });
            let mut builder = hyper::server::conn::http1::Builder::new();
            let connection = builder.auto_date_header(false).serve_connection(stream, service);
            spawner.spawn(async move { connection.await.is_ok() });
        }
    });
}

type HypersClient = hyper::client::conn::http1::SendRequest<Full<Bytes>>;

async fn hypers_client(host: &Host, server: &Host) -> HypersClient {
    let stream = host.connect(server.id(), PORT).await.expect("the way is open");
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("nothing is said yet");
    host.spawn(async move { connection.await.is_ok() });
    sender
}

/// Sends over hyper's client; `None` when it may not be used any more.
async fn ask_hyper(client: &mut HypersClient, request: Request<Bytes>) -> Option<Response<Bytes>> {
    client.ready().await.ok()?;
    let (head, body) = client.send_request(request.map(Full::new)).await.expect("an answer").into_parts();
    Some(Response::from_parts(head, body.collect().await.expect("a whole body").to_bytes()))
}

#[derive(Clone, Debug)]
struct Exchange {
    method: Method,
    path: String,
    body: Vec<u8>,
    note: Option<String>,
}

impl Exchange {
    fn request(&self) -> Request<Bytes> {
        let mut request = Request::builder().method(&self.method).uri(&self.path).header("host", "far");
        if let Some(note) = &self.note {
            request = request.header("x-note", note);
        }
        request.body(Bytes::from(self.body.clone())).expect("a valid request")
    }

    /// What comes of it without a network.
    fn check(&self, got: &Response<Bytes>) {
        let (head, body) = self.request().into_parts();
        let mut expected = answer(&Request::from_parts(head, ()), body);
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&expected.status());
        if bodiless || self.method == Method::HEAD {
            *expected.body_mut() = Bytes::new();
        }
        assert_eq!((got.status(), got.body()), (expected.status(), expected.body()), "{self:?}");
        assert_eq!(got.headers().get("x-note"), expected.headers().get("x-note"), "{self:?}");
    }
}

fn exchanges() -> impl Strategy<Value = Vec<Exchange>> {
    let method = prop::sample::select(vec![Method::GET, Method::POST, Method::HEAD, Method::DELETE]);
    let status = prop::sample::select(vec![200u16, 201, 204, 304, 400, 401, 404, 426, 429, 500, 503]);
    let body = prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 1..200),
        (any::<u8>(), 1usize..300_000).prop_map(|(byte, length)| vec![byte; length]),
    ];
    let note = prop::option::of("[!-~]{1,20}( [!-~]{1,20}){0,3}");
    let exchange =
        (method, status, 0u16..20_000, body, note).prop_map(|(method, status, tens, body, note)| Exchange {
            method,
            path: format!("/{status}/{tens}?q={tens}"),
            body,
            note,
        });
    prop::collection::vec(exchange, 1..6)
}

fn with_both(main: impl AsyncFn(&Net, Host, Host) + Copy) {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        main(&net, near, far).await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn our_client_and_hypers_server_understand_each_other(exchanges in exchanges()) {
        with_both(async |net, near, far| {
            hypers_server(&far);
            let client: Client = client(near, far.id(), PORT);
            for exchange in &exchanges {
                exchange.check(&client.send(exchange.request()).await.expect("an answer"));
            }
            assert_eq!(net.stats().connections, 1);
        });
    }

    #[test]
    fn hypers_client_and_our_server_understand_each_other(exchanges in exchanges()) {
        with_both(async |net, near, far| {
            our_server(&far);
            let mut client = hypers_client(&near, &far).await;
            for exchange in &exchanges {
                exchange.check(&ask_hyper(&mut client, exchange.request()).await.expect("it is kept open"));
            }
            assert_eq!(net.stats().connections, 1);
        });
    }

    /// A request in which some bytes were changed is answered as hyper answers it, byte for byte.
    #[test]
    fn our_server_and_hypers_think_the_same_of_spoilt_requests(
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(b"\0\t\r\n :,/aZ019;=?\x7f\xff".to_vec()), 0u8..3),
            1..4,
        ),
    ) {
        let spoilt = spoilt(&changes);
        // To these hyper answers with the older version, and we with our own.
        prop_assume!(!spoilt.windows(8).any(|bytes| bytes == b"HTTP/1.0"));
        let ours = said_to(&spoilt, our_server);
        prop_assert_eq!(ours, said_to(&spoilt, hypers_server), "{}", String::from_utf8_lossy(&spoilt));
    }
}

/// Bytes replaced, inserted and taken out.
fn spoilt(changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let request = b"POST /200/3?q=1 HTTP/1.1\r\nhost: far\r\nx-note: a b\r\nconnection: x\r\ncontent-length: 4\r\n\r\nbody";
    let mut request = request.to_vec();
    for (place, byte, what) in changes {
        let place = place.index(request.len());
        match what {
            0 => request[place] = *byte,
            1 => request.insert(place, *byte),
            _ => drop(request.remove(place)),
        }
    }
    request
}

/// All that a server says to `message` within 5 s, and whether it hung up.
fn said_to(message: &[u8], server: impl Fn(&Host)) -> (String, bool) {
    run(async |net| {
        let (near, far) = two_hosts(&net);
        server(&far);
        let mut stream = near.connect(far.id(), PORT).await.expect("the way is open");
        stream.write_all(message).await.expect("the way is open");
        let mut said = Vec::new();
        let hung_up = timeout(secs(5), stream.read_to_end(&mut said)).await.is_ok();
        (String::from_utf8_lossy(&said).into_owned(), hung_up)
    })
}
