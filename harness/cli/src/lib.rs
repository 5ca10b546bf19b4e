//! The command line, and the facade for those who test their own client or server.
//!
//! A stranger writes a `Client` (or a `Server`) against [`contract`], registers it, and has the
//! whole command line, worker processes included, in a binary of their own:
//!
//! ```no_run
//! use deadzone::Lineups;
//! # use deadzone::client::ReferenceClient as MyClient;
//!
//! fn main() -> std::process::ExitCode {
//!     deadzone::main_with(Lineups::new().client(MyClient::default()))
//! }
//! ```
//!
//! | Module | Holds |
//! |---|---|
//! | `args` | the command line as data |
//! | `commands` | `run`, `search`, `sweep`, `check`, `replay`, `shrink`, `list` |
//! | `worker` | processes that run scripts, and the pool that starts, asks and buries them |
//! | `lineups`, [`defects`] | who can stand in a world, and which mistakes can be planted in them |
//! | `scenarios`, `seeds`, `plan` | what was asked for: scripts, seeds, who runs them |
//! | `bench` | where scripts are made smaller |
//! | `repro`, `files` | what is left of a failure on the disk |
//! | `stop`, `output`, `progress`, `clock`, `interrupt` | errors, what is written where, Ctrl-C |
//!
//! This crate may depend on every crate of the workspace; none depends on it. It is the only one
//! that touches the machine: processes, files, signals, real time. It never judges.

mod args;
mod bench;
mod clock;
mod commands;
pub mod defects;
mod faults;
mod files;
mod interrupt;
mod lineups;
mod output;
mod plan;
mod progress;
mod repro;
mod scenarios;
mod seeds;
mod stop;
mod suggest;
mod worker;

use std::process::ExitCode;

pub use deadzone_client as client;
pub use deadzone_contract as contract;
pub use deadzone_server as server;
pub use lineups::Lineups;

/// Everything went well and every run passed.
pub const STATUS_PASS: u8 = 0;
/// A promise was broken.
pub const STATUS_FAIL: u8 = 1;
/// There was not enough to tell.
pub const STATUS_UNKNOWN: u8 = 2;
/// The harness failed, or could not read or write what it had to.
pub const STATUS_ERROR: u8 = 3;
/// The command line makes no sense.
pub const STATUS_USAGE: u8 = 64;
/// Somebody pressed Ctrl-C.
pub const STATUS_INTERRUPTED: u8 = 130;

/// The whole command line, with these clients and servers; call it first thing in `main`. It
/// reads the arguments of the process. Worker processes are this same binary again: whatever
/// `lineups` holds here, it holds there.
pub fn main_with(lineups: Lineups) -> ExitCode {
    let status = match args::parse() {
        Ok(command) => commands::dispatch(command, &lineups),
        Err(status) => status,
    };
    ExitCode::from(status)
}
