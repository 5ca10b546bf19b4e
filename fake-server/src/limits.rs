//! How much one user may send and ask for in a time.
//!
//! Time is cut into windows of equal length by the server's clock. What a user has left of one is
//! kept in memory: a restart, like the next window, begins anew.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use deadzone_contract::Parameters;

use crate::failure::Failure;
use crate::policy;

/// What every user has used of the present window.
#[derive(Default)]
pub(crate) struct Limits(Mutex<BTreeMap<String, Used>>);

#[derive(Default)]
struct Used {
    /// Which window, counted from the epoch.
    window: u64,
    mutations: u64,
    pulls: u64,
}

/// What a user is allowed of what was asked for.
pub(crate) struct Allowed {
    /// So many.
    pub(crate) count: u64,
    /// When the rest is worth another attempt.
    pub(crate) retry_after_secs: u64,
}

impl Limits {
    /// Takes of a user's mutations as many as are left, up to `count`.
    pub(crate) fn push(
        &self,
        parameters: &Parameters,
        policy: policy::Limits,
        now_ms: u64,
        user: &str,
        count: u64,
    ) -> Allowed {
        self.take(parameters, now_ms, user, |used| {
            let left = parameters.push_limit.saturating_sub(used.mutations);
            let (count, cost) = match policy {
                policy::Limits::Mutations => (count.min(left), count.min(left)),
                policy::Limits::Requests => (if left > 0 { count } else { 0 }, 1.min(left)),
            };
            used.mutations += cost;
            count
        })
    }

    /// Takes one of a user's pulls.
    ///
    /// # Errors
    /// None is left.
    pub(crate) fn pull(&self, parameters: &Parameters, now_ms: u64, user: &str) -> Result<(), Failure> {
        let allowed = self.take(parameters, now_ms, user, |used| {
            let count = 1.min(parameters.pull_limit.saturating_sub(used.pulls));
            used.pulls += count;
            count
        });
        if allowed.count == 0 { Err(allowed.exhausted()) } else { Ok(()) }
    }

    fn take(
        &self,
        parameters: &Parameters,
        now_ms: u64,
        user: &str,
        take: impl FnOnce(&mut Used) -> u64,
    ) -> Allowed {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = users.entry(user.to_owned()).or_default();
        let window = now_ms / parameters.limit_window;
        if used.window != window {
            *used = Used { window, ..Used::default() };
        }
        let left_ms = parameters.limit_window - now_ms % parameters.limit_window;
        Allowed { count: take(used), retry_after_secs: left_ms.div_ceil(1_000) }
    }
}

impl Allowed {
    /// The refusal of everything.
    pub(crate) fn exhausted(&self) -> Failure {
        Failure::TooMany { retry_after_secs: self.retry_after_secs }
    }
}
