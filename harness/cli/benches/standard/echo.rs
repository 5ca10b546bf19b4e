//! Requests that nobody does anything for: in process, and through a world with everything on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::routing::post;
use bytes::Bytes;
use deadzone_client::ReferenceClient;
use deadzone_contract::seam::{BoxFuture, ClientEnv, ClientStart, HttpService, ServerStart, Transport};
use deadzone_contract::view::View;
use deadzone_contract::{Action, Capability, Client, Device, Env, Refusal, Saved, Server};
use deadzone_server::ReferenceServer;
use deadzone_world::{Lineup, run};
use http::{Request, Response};
use http_body_util::BodyExt;
use serde::Deserialize;
use tower::{Service, ServiceExt, service_fn};

use crate::{Sizes, stopwatch};

/// The reference client and server.
pub(crate) fn reference() -> Lineup {
    Lineup {
        client: Arc::new(ReferenceClient::default()),
        server: Arc::new(ReferenceServer::default()),
        model: Default::default(),
        defect: None,
    }
}

const PATH: &str = "/echo";

#[derive(Deserialize)]
struct Wanted {
    bytes: usize,
}

/// Answers with what was sent, as long as is asked for.
async fn echo(Query(wanted): Query<Wanted>, mut body: Bytes) -> Bytes {
    if body.len() < wanted.bytes {
        let mut longer = body.to_vec();
        longer.resize(wanted.bytes, b'.');
        body = longer.into();
    }
    body.slice(..wanted.bytes)
}

/// A router like the server's, over whole bodies as the seam has them.
pub(crate) fn service() -> HttpService {
    let router: Router = Router::new().route(PATH, post(echo));
    HttpService::new(service_fn(move |request: Request<Bytes>| {
        let router = router.clone();
        async move {
            let response = router.oneshot(request.map(Body::from)).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.expect("a body in memory is whole").to_bytes();
            Ok(Response::from_parts(head, body))
        }
    }))
}

pub(crate) fn request(sizes: Sizes) -> Request<Bytes> {
    let request = Request::post(format!("{PATH}?bytes={}", sizes.answered)).header("host", "server");
    request.body(Bytes::from(vec![b'x'; sizes.asked])).expect("a valid request")
}

pub(crate) fn check(response: &Response<Bytes>, sizes: Sizes) {
    assert!(response.status().is_success() && response.body().len() == sizes.answered);
}

/// The time that these take when the service is called as a function.
pub(crate) fn in_process(sizes: &[Sizes]) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut service = service();
    runtime.block_on(stopwatch(async {
        for sizes in sizes {
            let response = service.ready().await.expect("never fails").call(request(*sizes)).await;
            check(&response.expect("never fails"), *sizes);
        }
    }))
}

/// The time that these take from a device to the server, written into the trace at both ends.
pub(crate) fn in_a_world(sizes: &[Sizes]) -> Duration {
    let spent = Arc::new(Mutex::new(Duration::ZERO));
    let client = Asking { sizes: sizes.to_vec(), spent: Arc::clone(&spent) };
    let lineup = Lineup { client: Arc::new(client), server: Arc::new(Echoing), ..reference() };
    // A script gives an attempt to sync ten minutes, and a request takes two trips.
    let script = "scenario requests\n\nworkspace home: ana editor\ndevice    phone:  ana\n\nphone   sync\n";
    run(&deadzone_script::parse(script).expect("a valid script"), 0, &lineup);
    let spent = *spent.lock().expect("nothing panics under it");
    assert!(spent > Duration::ZERO, "the requests came to their end");
    spent
}

/// The reference server, with an echo.
struct Echoing;

impl Server for Echoing {
    fn name(&self) -> &str {
        "echo"
    }

    fn start(&self, start: ServerStart, env: Env) -> BoxFuture<'static, Result<HttpService, String>> {
        let starting = ReferenceServer::default().start(start, env);
        Box::pin(async move {
            let (server, echo) = (starting.await?, service());
            Ok(HttpService::new(service_fn(move |request: Request<Bytes>| {
                let service = if request.uri().path() == PATH { echo.clone() } else { server.clone() };
                service.oneshot(request)
            })))
        })
    }
}

/// The reference client, whose syncing is to send these requests, one after the other.
struct Asking {
    sizes: Vec<Sizes>,
    spent: Arc<Mutex<Duration>>,
}

impl Client for Asking {
    fn name(&self) -> &str {
        "asking"
    }

    fn supports(&self, capability: &Capability) -> bool {
        ReferenceClient::default().supports(capability)
    }

    fn start(
        &self,
        start: ClientStart,
        env: ClientEnv,
    ) -> BoxFuture<'static, Result<Arc<dyn Device>, Refusal>> {
        let (sizes, spent, transport) = (self.sizes.clone(), Arc::clone(&self.spent), env.transport.clone());
        let starting = ReferenceClient::default().start(start, env);
        Box::pin(async move {
            let app = starting.await?;
            Ok(Arc::new(AskingApp { app, transport: Mutex::new(transport), sizes, spent }) as Arc<dyn Device>)
        })
    }
}

struct AskingApp {
    app: Arc<dyn Device>,
    transport: Mutex<Transport>,
    sizes: Vec<Sizes>,
    spent: Arc<Mutex<Duration>>,
}

impl Device for AskingApp {
    fn act(&self, action: Action) -> BoxFuture<'_, Result<Saved, Refusal>> {
        self.app.act(action)
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), String>> {
        let transport = self.transport.lock().expect("nothing panics under it").clone();
        Box::pin(async move {
            let time = stopwatch(async {
                for sizes in &self.sizes {
                    let response = transport.clone().oneshot(request(*sizes)).await;
                    check(&response.expect("the way is open"), *sizes);
                }
            });
            *self.spent.lock().expect("nothing panics under it") = time.await;
            Ok(())
        })
    }

    fn connectivity(&self, online: bool) {
        self.app.connectivity(online);
    }

    fn view(&self) -> BoxFuture<'_, View> {
        self.app.view()
    }
}
