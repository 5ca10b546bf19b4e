//! The client's side of the contract, point by point, against a server that does what a test asks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hints;
#[path = "../kit/mod.rs"]
mod kit;
mod leave;
mod mistakes;
mod rights;
mod rules;
mod scope;
mod stale;
mod step_up;
mod undo;
mod versions;
mod waiting;

use kit::{phone, server};
