//! The reference sync client: what an offline-first client has to do, as plainly as it can be
//! written.
//!
//! | Module | Holds |
//! |---|---|
//! | `app` | the running app, and its database as it comes and goes |
//! | `shared` | what it knows only while it runs |
//! | `show` | what the user sees of both |
//! | `device` | what the platform and the user do to it |
//! | `act` | a user's action: record and queue in one transaction |
//! | `engine` | when to sync, and how long to wait after a failure |
//! | `pause` | how long to wait after a failure |
//! | `push`, `pull` | the two halves of a round |
//! | `hints` | what the server tells in between |
//! | `answer` | what the server's answer to a push means for the queue |
//! | `leave` | signing out |
//! | `scope` | the workspaces and the kinds of records that this device keeps |
//! | `rights` | what its user may see and do |
//! | `session`, `call` | tokens; one request and what its answer means |
//! | `overlay` | the server's word with the pending work on top |
//! | `badge` | the badge of a record, and the moves that it may make |
//! | `dialect` | how this app calls fields, and by which rules it treats them |
//! | `migrate` | a cache that an app of another version has left |
//! | `stamps` | the hybrid logical clock |
//! | `store` | the database |
//! | `policy` | the decisions in which clients go wrong |
//!
//! It depends on `contract` alone, reaches the outside only through
//! [`Env`](deadzone_contract::Env), and shares no code with any server or oracle. With the
//! feature `system` it brings an `Env` of the real clock, files and sockets.

mod act;
mod answer;
mod app;
mod badge;
mod call;
mod device;
mod dialect;
mod engine;
mod hints;
mod leave;
mod migrate;
mod overlay;
mod pause;
mod policy;
mod pull;
mod push;
mod rights;
mod scope;
mod session;
mod shared;
mod show;
mod stamps;
mod store;
#[cfg(feature = "system")]
pub mod system;

use std::sync::Arc;

use deadzone_contract::seam::{BoxFuture, ClientEnv, ClientStart};
use deadzone_contract::{Capability, Client, Device, Model, Refusal, Rule};

pub use policy::*;

/// Makes devices that run the reference client.
#[derive(Clone, Debug, Default)]
pub struct ReferenceClient {
    policy: ClientPolicy,
    model: Model,
}

impl ReferenceClient {
    /// A client of model B that decides as `policy` says.
    pub fn new(policy: ClientPolicy) -> ReferenceClient {
        ReferenceClient { policy, model: Model::default() }
    }

    /// The same client under another model.
    pub fn in_model(self, model: Model) -> ReferenceClient {
        ReferenceClient { model, ..self }
    }
}

impl Client for ReferenceClient {
    fn name(&self) -> &str {
        "reference"
    }

    fn supports(&self, capability: &Capability) -> bool {
        !matches!((self.model, capability), (Model::A, Capability::Rule(Rule::Set | Rule::Counter)))
    }

    fn start(
        &self,
        start: ClientStart,
        env: ClientEnv,
    ) -> BoxFuture<'static, Result<Arc<dyn Device>, Refusal>> {
        let ReferenceClient { policy, model } = self.clone();
        Box::pin(async move {
            let app = app::App::open(start, policy, model, env).await?;
            Ok(Arc::new(device::Handle(app)) as Arc<dyn Device>)
        })
    }
}
