//! The client on machines that crash and sleep, with disks that fail, fill up, forget and are
//! copied.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod copies;
mod crashes;
mod damage;
mod errors;
mod full;
mod phone;
mod server;
mod sleep;
