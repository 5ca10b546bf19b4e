//! Who stands in the world.

use std::sync::Arc;

use deadzone_contract::{Client, Model, Server};

/// Which client runs on the devices and which server they talk to.
#[derive(Clone)]
pub struct Lineup {
    /// Makes the devices.
    pub client: Arc<dyn Client>,
    /// Answers them.
    pub server: Arc<dyn Server>,
    /// How both sync: which rules hold.
    pub model: Model,
    /// The planted defect that client or server were made with; only for the trace's header.
    pub defect: Option<String>,
}
