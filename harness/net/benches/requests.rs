//! What the network adds to the cost of an HTTP request: the same service called in process,
//! through this network, and through `turmoil`.
//!
//! Ends with the ratios that matter, each over the median of several rounds.

#![allow(missing_docs, reason = "the macros of criterion make public items")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router, body::Body};
use bytes::Bytes;
use criterion::Criterion;
use deadzone_net::{Draws, Link, http as net_http, simulate};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tower::{Service, ServiceExt, service_fn};

const LATENCY: Duration = Duration::from_millis(5);

/// How many requests a round of the final comparison makes.
const ROUND: u64 = 20_000;

/// `turmoil` is slower; this keeps the rounds of similar length.
const TURMOIL_ROUND: u64 = 4_000;

const ROUNDS: usize = 9;

// ---- the routes ----

#[derive(Serialize, Deserialize)]
struct Push {
    client: u64,
    mutations: Vec<Mutation>,
}

#[derive(Serialize, Deserialize)]
struct Mutation {
    number: u64,
    record: String,
    fields: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Answer {
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Outcome {
    number: u64,
    version: u64,
}

type Records = Arc<Mutex<BTreeMap<String, (u64, BTreeMap<String, String>)>>>;

async fn push(State(records): State<Records>, Json(push): Json<Push>) -> Json<Answer> {
    let mut records = records.lock().expect("no handler panics");
    let apply = |mutation: Mutation| {
        let (version, fields) = records.entry(mutation.record).or_default();
        *version += 1;
        fields.extend(mutation.fields);
        Outcome { number: mutation.number, version: *version }
    };
    Json(Answer { results: push.mutations.into_iter().map(apply).collect() })
}

fn router() -> Router {
    let routes = Router::new().route("/push", post(push)).route("/ping", get(async || "pong"));
    routes.with_state(Records::default())
}

/// The router as a service over whole bodies, as a world puts it behind its network.
fn service() -> impl Service<Request<Bytes>, Response = Response<Bytes>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let router = router();
    service_fn(move |request: Request<Bytes>| {
        let router = router.clone();
        async move {
            let response = router.oneshot(request.map(Body::from)).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.expect("a body in memory is whole").to_bytes();
            Ok(Response::from_parts(head, body))
        }
    })
}

#[derive(Clone, Copy)]
enum Route {
    /// An answer of four bytes: nothing but overhead.
    Ping,
    /// Three mutations in JSON.
    Push,
}

fn body(route: Route) -> Bytes {
    let mutation = |number| Mutation {
        number,
        record: format!("01929f3c-7b5e-7c3a-9d2b-{number:012}"),
        fields: [("title", "Replace the filter"), ("status", "open"), ("assignee", "ana")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    match route {
        Route::Ping => Bytes::new(),
        Route::Push => {
            let push = Push { client: 7, mutations: (1..=3).map(mutation).collect() };
            serde_json::to_vec(&push).expect("plain data").into()
        }
    }
}

fn request(route: Route, body: &Bytes) -> Request<Bytes> {
    let request = match route {
        Route::Ping => Request::get("/ping"),
        Route::Push => Request::post("/push").header("content-type", "application/json"),
    };
    request.body(body.clone()).expect("a valid request")
}

// ---- the ways to make a request ----

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
async fn stopwatch(work: impl Future<Output = ()>) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
}

fn check(response: &Response<Bytes>) {
    assert!(response.status().is_success() && !black_box(response.body()).is_empty());
}

fn in_process(route: Route, count: u64) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let body = body(route);
    let service = service();
    runtime.block_on(stopwatch(async {
        for _ in 0..count {
            let response = service.clone().oneshot(request(route, &body)).await;
            check(&response.expect("the router answers"));
        }
    }))
}

fn simulated(route: Route, count: u64) -> Duration {
    let body = body(route);
    let horizon = LATENCY * 4 * (count as u32 + 10);
    let result = simulate(Draws::new(1), horizon, async |net| {
        let (client, server) = (net.add_host("client"), net.add_host("server"));
        net.set_links(client, server, Link { latency: LATENCY, ..Link::default() });
        let host = net.host(server);
        let listener = host.listen(80).expect("the port is free");
        host.spawn(net_http::serve(host.clone(), listener, service()));
        let client = net_http::client(net.host(client), server, 80);
        stopwatch(async {
            for _ in 0..count {
                let response = client.clone().oneshot(request(route, &body)).await;
                check(&response.expect("the way is open"));
            }
        })
        .await
    });
    result.expect("two trips each")
}

fn turmoil(route: Route, count: u64) -> Duration {
    let mut sim = turmoil::Builder::new()
        .rng_seed(1)
        .tick_duration(Duration::from_millis(1))
        .min_message_latency(LATENCY)
        .max_message_latency(LATENCY)
        .simulation_duration(LATENCY * 8 * (count as u32 + 10))
        .build();
    sim.host("server", || async {
        let listener = turmoil::net::TcpListener::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), 80)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let service = service();
            let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                let service = service.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let response = service.oneshot(Request::from_parts(head, body)).await;
                    Ok::<_, hyper::Error>(response.unwrap_or_else(|never| match never {}).map(Full::new))
                }
            });
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.auto_date_header(false).timer(hyper_util::rt::TokioTimer::new());
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            #[expect(clippy::disallowed_methods, reason = "turmoil has no spawner of its own")]
            tokio::spawn(connection);
        }
    });
    let spent = Arc::new(Mutex::new(Duration::ZERO));
    let result = spent.clone();
    sim.client("client", async move {
        let stream = turmoil::net::TcpStream::connect(("server", 80)).await?;
        let builder = hyper::client::conn::http1::Builder::new();
        let (mut sender, connection) = builder.handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await?;
        #[expect(clippy::disallowed_methods, reason = "turmoil has no spawner of its own")]
        tokio::spawn(connection);
        let body = body(route);
        let time = stopwatch(async {
            for _ in 0..count {
                let mut request = request(route, &body).map(Full::new);
                request.headers_mut().insert("host", "server".parse().expect("a valid header"));
                sender.ready().await.expect("the way is open");
                let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
                let body = body.collect().await.expect("a whole answer").to_bytes();
                check(&Response::from_parts(head, body));
            }
        });
        *spent.lock().expect("one client") = time.await;
        Ok(())
    });
    sim.run().expect("the client finishes");
    let spent = result.lock().expect("one client");
    *spent
}

// ---- reports ----

fn criterion_groups(criterion: &mut Criterion) {
    for (name, route) in [("ping", Route::Ping), ("push", Route::Push)] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20).warm_up_time(Duration::from_millis(500));
        group.measurement_time(Duration::from_secs(2));
        group.bench_function("in process", |bench| bench.iter_custom(|count| in_process(route, count)));
        group.bench_function("simulated", |bench| bench.iter_custom(|count| simulated(route, count)));
        group.bench_function("turmoil", |bench| bench.iter_custom(|count| turmoil(route, count)));
        group.finish();
    }
}

/// The median time of one request, in us.
fn median_us(round: impl Fn() -> Duration, requests: u64) -> f64 {
    let mut times: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    times.sort();
    times[ROUNDS / 2].as_secs_f64() * 1e6 / requests as f64
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    criterion_groups(&mut criterion);
    criterion.final_summary();
    for (name, route) in [("ping", Route::Ping), ("push", Route::Push)] {
        let direct = median_us(|| in_process(route, ROUND), ROUND);
        let simulated = median_us(|| simulated(route, ROUND), ROUND);
        let turmoil = median_us(|| turmoil(route, TURMOIL_ROUND), TURMOIL_ROUND);
        println!(
            "{name}: in process {direct:.2} us, simulated {simulated:.2} us, turmoil {turmoil:.2} us; \
             added cost / in-process cost = {:.2}; turmoil / simulated = {:.1}",
            (simulated - direct) / direct,
            turmoil / simulated,
        );
    }
}
