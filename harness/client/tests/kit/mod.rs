//! A phone, its user's eyes, and a server for it.

#![allow(dead_code, reason = "each of the test binaries uses its part of it")]

pub(crate) mod answers;
pub(crate) mod phone;
pub(crate) mod rules;
pub(crate) mod screen;
pub(crate) mod server;
mod state;
