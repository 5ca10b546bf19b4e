//! A binary of one's own: the whole command line, with clients that nobody else has.
//!
//! The clients here are the reference client with a mistake that reaches beyond the client, so that
//! one can see what the harness makes of it:
//!
//! ```console
//! $ cargo run --release --example own_client -- run --client spins --deadline 5
//! ```
//!
//! A client of your own implements `Client` and `Device` in the same way, without `ReferenceClient`
//! behind them.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use deadzone::Lineups;
use deadzone::client::ReferenceClient;
use deadzone::contract::seam::{BoxFuture, ClientEnv, ClientStart};
use deadzone::contract::view::View;
use deadzone::contract::{Action, Capability, Client, Device, Refusal, Saved};

fn main() -> ExitCode {
    let lineups = Lineups::new()
        .client(Misbehaving { name: "spins", how: spin })
        .client(Misbehaving { name: "aborts", how: abort })
        .client(Misbehaving { name: "overflows", how: overflow })
        .client(Misbehaving { name: "panics", how: panic })
        .client(Misbehaving { name: "prints", how: print })
        .client(Misbehaving { name: "remembers", how: remember });
    deadzone::main_with(lineups)
}

/// The reference client, until it is told to sync for the second time.
struct Misbehaving {
    name: &'static str,
    /// What it does then; whether it syncs at all.
    how: fn() -> bool,
}

impl Client for Misbehaving {
    fn name(&self) -> &str {
        self.name
    }

    fn supports(&self, capability: &Capability) -> bool {
        ReferenceClient::default().supports(capability)
    }

    fn start(
        &self,
        start: ClientStart,
        env: ClientEnv,
    ) -> BoxFuture<'static, Result<Arc<dyn Device>, Refusal>> {
        let how = self.how;
        let starting = ReferenceClient::default().start(start, env);
        Box::pin(async move {
            let app = starting.await?;
            Ok(Arc::new(Misbehaved { app, how, syncs: AtomicU32::new(0) }) as Arc<dyn Device>)
        })
    }
}

/// Its running app.
struct Misbehaved {
    app: Arc<dyn Device>,
    how: fn() -> bool,
    syncs: AtomicU32,
}

impl Device for Misbehaved {
    fn act(&self, action: Action) -> BoxFuture<'_, Result<Saved, Refusal>> {
        self.app.act(action)
    }

    fn sync(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            let second = self.syncs.fetch_add(1, Ordering::Relaxed) == 1;
            if second && !(self.how)() {
                return Ok(());
            }
            self.app.sync().await
        })
    }

    fn connectivity(&self, online: bool) {
        self.app.connectivity(online);
    }

    fn view(&self) -> BoxFuture<'_, View> {
        self.app.view()
    }
}

/// Waits for something that never comes, and gives way to nobody.
fn spin() -> bool {
    loop {
        std::hint::spin_loop();
    }
}

/// Gives up in a way that no runtime can catch.
fn abort() -> bool {
    std::process::abort()
}

/// Follows a cycle in its data.
fn overflow() -> bool {
    fn depth(parents: &[usize], of: usize) -> u64 {
        parents.get(of).map_or(0, |parent| 1 + std::hint::black_box(depth(parents, *parent)))
    }
    depth(&[1, 0], 0) > 0
}

/// Meets what "cannot happen".
fn panic() -> bool {
    panic!("the second sync cannot happen")
}

/// Leaves a line without its end where the worker speaks with its parent.
fn print() -> bool {
    print!("debug: syncing again, {{\"Done\":");
    true
}

/// Keeps something outside of its device: a static that outlives the app, and with it the run.
fn remember() -> bool {
    static SYNCS: AtomicU32 = AtomicU32::new(0);
    SYNCS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
}
