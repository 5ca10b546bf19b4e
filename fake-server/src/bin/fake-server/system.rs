//! The system as an environment: its clock, its entropy, its files, its tasks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use deadzone_contract::seam::{BoxFuture, Clock, DatabaseLocation, Disk, Env, Random, Spawner};

/// An environment that keeps its database in `file`.
pub(crate) fn env(file: PathBuf) -> Env {
    Env {
        clock: Arc::new(SystemClock { started: now() }),
        random: Arc::new(SystemRandom),
        disk: Arc::new(OneFile(file)),
        spawner: Arc::new(Tasks),
    }
}

#[expect(clippy::disallowed_methods, reason = "outside of every simulation")]
fn now() -> Instant {
    Instant::now()
}

struct SystemClock {
    started: Instant,
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "outside of every simulation")]
    fn wall_ms(&self) -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
    }

    fn elapsed(&self) -> Duration {
        now() - self.started
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, _purpose: &'static str, out: &mut [u8]) {
        getrandom::fill(out).expect("the system has entropy once it has started");
    }
}

struct OneFile(PathBuf);

impl Disk for OneFile {
    fn database(&self, _name: &str) -> DatabaseLocation {
        DatabaseLocation { path: self.0.clone(), vfs: None }
    }

    /// The server never gives its database up: what is damaged is for its operator to restore.
    fn remove(&self, _name: &str) -> Result<(), String> {
        Err(format!("{} is not deleted by the server itself", self.0.display()))
    }

    /// A real file takes its time by itself.
    fn latency(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

struct Tasks;

impl Spawner for Tasks {
    #[expect(clippy::disallowed_methods, reason = "outside of every simulation")]
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}
