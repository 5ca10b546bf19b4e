//! Runs a script: network, clocks, hosts and nemesis around a client and a server.
//!
//! [`run`] takes a script, a seed and a [`Lineup`] and gives the [`Trace`] of what happened. The
//! same three give the same trace, byte for byte, on any machine. One run is one fresh thread
//! with one single-threaded runtime on paused time; it touches no clock, no entropy, no file and
//! no socket of the machine it runs on.
//!
//! | Module | Holds |
//! |---|---|
//! | `director` | takes the script step by step |
//! | `fleet` | the hosts: how they start, crash, go offline |
//! | `reaper` | clears up behind hosts that a fault brought down |
//! | `machine`, `env` | what outlives a crash; the simulated `Env` of one incarnation |
//! | `disks`, `wear`, `gate` | copies of disks and their check; bits that flipped; sleep |
//! | `nemesis`, `weight` | faults: their begin, their strike, their end; what counts as one |
//! | `transport`, `front` | the two ends of the wire, where the trace listens |
//! | `settle`, `audit`, `outside` | waiting for quiet; asking the server what it has; the operator |
//! | `search`, `finder` | what stands on disks |
//! | `clock`, `caught`, `recorder` | wall clocks; panics of the code under test; the trace |
//!
//! This crate knows clients and servers only through the seam of `contract`, and never judges.

mod audit;
mod caught;
mod clock;
mod director;
mod disks;
mod env;
mod finder;
mod fleet;
mod front;
mod gate;
mod lineup;
mod machine;
mod nemesis;
mod outside;
mod probe;
mod reaper;
mod recorder;
mod search;
mod settle;
mod transport;
mod wear;
mod weight;

use std::time::Duration;

use deadzone_contract::Capability;
use deadzone_net::Draws;
use deadzone_script::Script;
use deadzone_trace::Trace;

pub use lineup::Lineup;
pub use probe::{CrashPoint, Moment, Probe, Sighted, Sighting};

/// No script lasts longer in simulated time: ten years.
const HORIZON: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// What the script needs and the client does not have; empty where it can run.
pub fn missing(script: &Script, lineup: &Lineup) -> Vec<Capability> {
    script.needs().into_iter().filter(|capability| !lineup.client.supports(capability)).collect()
}

/// Runs a script, which must have been checked, on a thread of its own. A panic of the code
/// under test stands in the trace.
///
/// # Panics
/// When the world itself panics: that is a bug of the harness.
pub fn run(script: &Script, seed: u64, lineup: &Lineup) -> Trace {
    run_watched(script, seed, lineup, &Probe::none())
}

/// The same, with somebody looking on. That does not change what happens.
///
/// # Panics
/// As [`run`].
pub fn run_watched(script: &Script, seed: u64, lineup: &Lineup, probe: &Probe) -> Trace {
    // Nothing that a thread keeps to itself may go from one run to the next.
    std::thread::scope(|scope| {
        let world = std::thread::Builder::new().name("world".to_owned()).spawn_scoped(scope, || {
            caught::enter_world();
            run_here(script, seed, lineup, probe)
        });
        let world = world.expect("the system has a thread to spare");
        world.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn run_here(script: &Script, seed: u64, lineup: &Lineup, probe: &Probe) -> Trace {
    let draws = Draws::new(seed).child("world");
    let mut recorder = None;
    // A script that outlasts the horizon leaves a trace without an end, which is judged unknown.
    let _ = deadzone_net::simulate(draws.child("net"), HORIZON, |net| {
        let (director, falls) = director::Director::new(script, seed, lineup, net, draws, probe);
        recorder = Some(director.recorder());
        let fleet = director.fleet();
        async move {
            let run = std::pin::pin!(director.run(script));
            let reap = std::pin::pin!(reaper::reap(&fleet, falls));
            futures_util::future::select(run, reap).await;
        }
    });
    recorder.expect("the director was made").finish()
}
