//! What a scenario promises in particular, as its `expect` lines say it.
//!
//! Records go by their script names (`task/1`); [`crate::Event::Named`] tells which record that
//! is. Whether a claim holds is for an oracle to say.

use deadzone_contract::{Badge, Code, Value};
use serde::{Deserialize, Serialize};

/// One `expect` line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// What is claimed.
    pub claim: Claim,
}

/// What can be claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// `task/1 once, title="Final" tags=[urgent] everywhere`
    Record {
        /// The script's name for it.
        name: String,
        /// `once`: exactly one record holds what was created under this name.
        once: bool,
        /// Values, where any are claimed.
        fields: Vec<FieldClaim>,
        /// Where.
        place: Place,
    },
    /// `task/1 absent everywhere`
    Absent {
        /// The script's name for it.
        name: String,
        /// Where.
        place: Place,
    },
    /// `conflict task/1.status shown on laptop, phone`, or `not shown on`
    Conflict {
        /// The record's name in the script.
        name: String,
        /// Its field.
        field: String,
        /// Whether it must be shown or must not.
        shown: bool,
        /// On these devices.
        devices: Vec<String>,
    },
    /// `no conflicts`: neither on the server nor on any device.
    NoConflicts,
    /// `task/1 in phone's tray`, or `task/1 not in phone's tray`
    InTray {
        /// The record's name in the script.
        name: String,
        /// Whose tray.
        device: String,
        /// Whether it must be in it or must not.
        listed: bool,
        /// `because forbidden`: the reason that it must give, where one is claimed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<Code>,
    },
    /// `phone's tray empty`
    TrayEmpty {
        /// Whose tray.
        device: String,
    },
    /// `alert firing`, or `alert silent`: the operator's alert on the lag of queues.
    Alert {
        /// Which of the two.
        firing: bool,
    },
    /// `phone's badge synced`
    Badge {
        /// Whose badge.
        device: String,
        /// What it must show.
        badge: Badge,
    },
}

/// A value claimed of a field: `title="Final"`, or `status!=open`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldClaim {
    /// The field.
    pub field: String,
    /// `=` or, if false, `!=`.
    pub equal: bool,
    /// The value.
    pub value: Value,
}

/// Where a claim must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On the server and on every device whose user may see it.
    Everywhere,
    /// On the server.
    Server,
    /// On these devices.
    Devices(Vec<String>),
}
