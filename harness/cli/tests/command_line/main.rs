//! The built binary, from outside.

mod defects;
mod errors;
mod names;
mod outside;
mod own_client;
mod place;
mod search;
mod sweep;
