//! Every number of the contract, each settable by a script, so that a run of minutes can reach
//! the logic of months.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a parameter's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A length of time; kept in whole milliseconds.
    Time,
    /// A plain number of things.
    Count,
}

/// A parameter's name, unit, default and meaning.
#[derive(Clone, Copy, Debug)]
pub struct ParameterDecl {
    /// As scripts write it.
    pub name: &'static str,
    /// Time or count.
    pub unit: Unit,
    /// What holds where a script says nothing: milliseconds or a count.
    pub default: u64,
    /// The smallest value that makes sense.
    pub least: u64,
    /// One line for people.
    pub about: &'static str,
}

/// Why a parameter was not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No parameter of that name.
    #[error("there is no parameter `{0}`")]
    Unknown(String),
    /// Below the least value.
    #[error("`{name}` is at least {least}")]
    TooSmall {
        /// The parameter.
        name: &'static str,
        /// Its least value: milliseconds or a count.
        least: u64,
    },
}

macro_rules! parameters {
    ($($name:ident: $unit:ident = $default:expr, least $least:expr, $about:expr;)*) => {
        /// The numbers of one run. Times are in milliseconds.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Parameters {
            $(#[doc = $about] pub $name: u64,)*
        }

        /// Every parameter, in the order of their meaning.
        pub const PARAMETERS: &[ParameterDecl] = &[
            $(ParameterDecl {
                name: stringify!($name),
                unit: Unit::$unit,
                default: $default,
                least: $least,
                about: $about,
            },)*
        ];

        impl Default for Parameters {
            fn default() -> Parameters {
                Parameters { $($name: $default,)* }
            }
        }

        impl Parameters {
            /// Sets a parameter by its name: a count, or a time in milliseconds.
            ///
            /// # Errors
            /// An unknown name, or a value below the least one.
            pub fn set(&mut self, name: &str, to: u64) -> Result<(), ParameterError> {
                let (place, decl): (&mut u64, &ParameterDecl) = match name {
                    $(stringify!($name) => (
                        &mut self.$name,
                        PARAMETERS.iter().find(|p| p.name == stringify!($name)).expect("declared above"),
                    ),)*
                    _ => return Err(ParameterError::Unknown(name.to_owned())),
                };
                if to < decl.least {
                    return Err(ParameterError::TooSmall { name: decl.name, least: decl.least });
                }
                *place = to;
                Ok(())
            }
        }
    };
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

parameters! {
    push_max: Count = 100, least 1, "Mutations that one push may carry.";
    pull_max: Count = 1_000, least 1, "Changes that one page of a pull may carry.";
    access_life: Time = HOUR, least 1, "How long an access token is valid.";
    refresh_life: Time = 30 * DAY, least 1, "How long a refresh token is valid.";
    tombstone_horizon: Time = 30 * DAY, least 1, "How long tombstones and stored answers are kept.";
    stamp_ahead: Time = 5 * MINUTE, least 0, "How far a stamp may lie ahead of the server's clock.";
    request_timeout: Time = 30 * SECOND, least 1, "When a client gives up waiting for an answer.";
    backoff_first: Time = SECOND, least 1, "The first pause between attempts, before jitter.";
    backoff_max: Time = MINUTE, least 1, "The longest pause between attempts, before jitter.";
    attempts_max: Count = 12, least 1, "Server errors in a row after which a mutation has failed.";
    sync_every: Time = 5 * MINUTE, least 1, "How often an idle device pulls.";
    disk_latency_max: Time = 8, least 0, "The longest that storage takes between begin and commit.";
    step_up_life: Time = 5 * MINUTE, least 1, "How long after a sign-in a step-up operation is allowed.";
    schema_tolerance: Time = 30 * DAY, least 0, "How long after its first start a server speaks the schema before its own.";
    app_version_min: Count = 1, least 1, "The oldest version of the app that the server serves.";
    push_limit: Count = 10_000, least 1, "Mutations that one user may push within each `limit_window`.";
    pull_limit: Count = 10_000, least 1, "Pulls that one user may make within each `limit_window`.";
    limit_window: Time = MINUTE, least 1, "The time that limits count in.";
    stale_after: Time = 4 * HOUR, least 1, "The age of its last sync from which a device says that it is stale.";
    lag_alert: Time = HOUR, least 1, "The age of a pending mutation above which the queue-lag alert fires.";
    hint_hold: Time = 0, least 0, "How long a request for hints waits for something to tell; 0: devices ask for none.";
    queue_max: Count = 100_000, least 1, "Mutations that a device keeps; a further one is refused.";
    database_max: Count = 256 * 1024 * 1024, least 65_536, "Bytes that a database may come to.";
    number_gap: Count = 1 << 32, least 1, "How many numbers the starts of an app skip at most; each start draws how many.";
    save_bound: Time = 2 * SECOND, least 1, "How long a user may have to wait until an action is saved.";
}

impl Parameters {
    /// A parameter of unit [`Unit::Time`] as a duration.
    pub fn time(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Time => "a time such as 30s, 5m or 2h",
            Unit::Count => "a whole number",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_name_can_be_set_and_defaults_are_legal() {
        let mut parameters = Parameters::default();
        for decl in PARAMETERS {
            assert!(decl.default >= decl.least, "{}", decl.name);
            assert_eq!(parameters.set(decl.name, decl.default + 1), Ok(()));
        }
        assert_ne!(parameters, Parameters::default());
        assert_eq!(parameters.set("pull_min", 1), Err(ParameterError::Unknown("pull_min".into())));
        assert_eq!(
            parameters.set("push_max", 0),
            Err(ParameterError::TooSmall { name: "push_max", least: 1 })
        );
    }
}
