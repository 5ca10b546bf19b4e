//! The `Env` of a product: the system's clock, entropy, files, and sockets through `reqwest`.
//!
//! The app brings its screen and its platform's store for secrets; everything else is here.

use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use deadzone_contract::Env;
use deadzone_contract::seam::{
    BoxFuture, Clock, DatabaseLocation, Disk, Random, Spawner, Transport, TransportError,
};
use http::{Request, Response};
use http_body_util::BodyExt;

/// The system's clock, entropy and tasks, with databases in `folder`. To be made within the
/// tokio runtime whose tasks and timers are to be used.
pub fn env(folder: PathBuf) -> Env {
    #[expect(clippy::disallowed_methods, reason = "this is where a product's clock comes from")]
    let started = Instant::now();
    let system = Arc::new(System { folder, started, runtime: tokio::runtime::Handle::current() });
    Env { clock: system.clone(), random: system.clone(), disk: system.clone(), spawner: system }
}

/// The way to the server at `base` (`http://127.0.0.1:8080`), through `reqwest`.
pub fn transport(client: reqwest::Client, base: &str) -> Transport {
    Transport::new(Reqwest { client, base: base.trim_end_matches('/').to_owned() })
}

struct System {
    folder: PathBuf,
    started: Instant,
    runtime: tokio::runtime::Handle,
}

impl Clock for System {
    fn wall_ms(&self) -> u64 {
        #[expect(clippy::disallowed_methods, reason = "this is where a product's clock comes from")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

impl Random for System {
    fn fill(&self, _: &'static str, out: &mut [u8]) {
        getrandom::fill(out).expect("the operating system has entropy");
    }
}

impl Disk for System {
    fn database(&self, name: &str) -> DatabaseLocation {
        DatabaseLocation { path: self.folder.join(name), vfs: None }
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        // The journals first: a journal without its database is harmless, the other way it is not.
        for suffix in ["-wal", "-shm", "-journal", ""] {
            let path = self.folder.join(format!("{name}{suffix}"));
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(format!("{} cannot be deleted: {error}", path.display()));
                }
                _ => {}
            }
        }
        // A name that is gone only in memory comes back with the next loss of power.
        #[cfg(unix)]
        std::fs::File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| format!("{} cannot be synced: {error}", self.folder.display()))?;
        Ok(())
    }

    fn latency(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(())) // a real disk takes its time by itself
    }
}

impl Spawner for System {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.runtime.spawn(task);
    }
}

#[derive(Clone)]
struct Reqwest {
    client: reqwest::Client,
    base: String,
}

impl tower::Service<Request<Bytes>> for Reqwest {
    type Response = Response<Bytes>;
    type Error = TransportError;
    type Future = BoxFuture<'static, Result<Response<Bytes>, TransportError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let failed = |error: &dyn std::error::Error| TransportError(error.to_string());
            *request.uri_mut() = format!("{}{}", this.base, request.uri())
                .parse()
                .map_err(|error: http::uri::InvalidUri| failed(&error))?;
            let request = reqwest::Request::try_from(request).map_err(|error| failed(&error))?;
            let answer = this.client.execute(request).await.map_err(|error| failed(&error))?;
            let (head, body) = Response::<reqwest::Body>::from(answer).into_parts();
            let body = body.collect().await.map_err(|error| failed(&error))?.to_bytes();
            Ok(Response::from_parts(head, body))
        })
    }
}
