//! The client on disks that crash, fail, fill up, forget and are copied.

mod copies;
mod crashes;
mod damage;
mod errors;
mod full;
mod phone;
mod server;
