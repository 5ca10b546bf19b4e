//! The sync contract, as a stranger would want to read it.
//!
//! Four things live here: the vocabulary of a user's work ([`Action`], [`Value`]), the
//! declarations of what each field does when two devices disagree ([`rules`]), the messages
//! that clients and servers exchange ([`wire`]), and the seam through which any client or
//! server is put into a world ([`seam`]).
//!
//! This crate holds rules as *data*. It never merges, compares or resolves anything: the
//! client and the server each have their own implementation, and the oracles a third, so
//! that a shared mistake cannot hide. It depends on no other crate of the workspace.

pub mod action;
pub mod parameters;
pub mod problem;
pub mod rules;
pub mod seam;
pub mod value;
pub mod view;
pub mod wire;

pub use action::{Action, Change, Choice, FieldChange, Refusal, Saved};
pub use parameters::Parameters;
pub use problem::Code;
pub use rules::{Deletes, EntityDecl, FieldDecl, Model, Rule};
pub use seam::{Capability, Client, Device, Env, Server};
pub use value::{RecordId, Stamp, Value};
pub use view::{Badge, ConflictView, RecordState, RecordView, Status, TrayItem, WayOut};
