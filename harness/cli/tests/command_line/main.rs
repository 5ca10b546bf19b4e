//! The built binary, from outside.

mod defects;
mod outside;
mod own_client;
mod place;
