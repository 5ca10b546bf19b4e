//! The reference server as its clients see it: requests in, answers out.
//!
//! A test plays devices of users against a server in process, on a clock that it moves, with
//! counted randomness and a database in memory, and reads the answers as short lines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod binary;
mod conflicts;
mod crashes;
mod deletes;
mod disks;
mod durability;
mod hints;
mod idempotency;
mod lab;
mod limits;
mod machine;
mod members;
mod metrics;
mod mistakes;
mod models;
mod property;
mod pulling;
mod render;
mod rules;
mod shapes;
mod sight;
mod surface;
mod tokens;
mod visibility;
mod write;
