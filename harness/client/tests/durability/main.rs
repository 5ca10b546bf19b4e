//! The client on machines that crash and sleep, with disks that fail, fill up, forget and are
//! copied.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod copies;
mod crashes;
mod damage;
mod errors;
mod full;
#[path = "../kit/mod.rs"]
mod kit;
mod sleep;

use kit::{phone, server};
