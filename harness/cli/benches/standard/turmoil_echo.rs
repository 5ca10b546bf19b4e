//! The same requests through `turmoil`: the same service behind hyper, 5 ms each way, ticks of 1 ms.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioIo, TokioTimer};
use tower::ServiceExt;

use crate::echo::{check, request, service};
use crate::{Sizes, stopwatch};

const LATENCY: Duration = Duration::from_millis(5);

pub(crate) fn through(sizes: &[Sizes]) -> Duration {
    let mut sim = turmoil::Builder::new()
        .rng_seed(1)
        .tick_duration(Duration::from_millis(1))
        .min_message_latency(LATENCY)
        .max_message_latency(LATENCY)
        .tcp_capacity(4_096)
        .simulation_duration(LATENCY * 8 * (sizes.len() as u32 + 10))
        .build();
    sim.host("server", serve);
    let spent = Arc::new(Mutex::new(Duration::ZERO));
    let (result, sizes) = (Arc::clone(&spent), sizes.to_vec());
    sim.client("client", async move {
        *result.lock().expect("one client") = ask(&sizes).await?;
        Ok(())
    });
    sim.run().expect("the client finishes");
    let spent = spent.lock().expect("one client");
    *spent
}

async fn serve() -> turmoil::Result {
    let listener = turmoil::net::TcpListener::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), 80)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let response = service().oneshot(Request::from_parts(head, body)).await;
            Ok::<_, hyper::Error>(response.unwrap_or_else(|never| match never {}).map(Full::new))
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.auto_date_header(false).timer(TokioTimer::new());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        #[expect(clippy::disallowed_methods, reason = "turmoil has no spawner of its own")]
        tokio::spawn(connection);
    }
}

async fn ask(sizes: &[Sizes]) -> Result<Duration, Box<dyn std::error::Error>> {
    let stream = turmoil::net::TcpStream::connect(("server", 80)).await?;
    let builder = hyper::client::conn::http1::Builder::new();
    let (mut sender, connection) = builder.handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await?;
    #[expect(clippy::disallowed_methods, reason = "turmoil has no spawner of its own")]
    tokio::spawn(connection);
    let time = stopwatch(async {
        for sizes in sizes {
            sender.ready().await.expect("the way is open");
            let answer = sender.send_request(request(*sizes).map(Full::new)).await.expect("an answer");
            let (head, body) = answer.into_parts();
            let body = body.collect().await.expect("a whole answer").to_bytes();
            check(&Response::from_parts(head, body), *sizes);
        }
    });
    Ok(time.await)
}
