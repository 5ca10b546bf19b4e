//! How long to wait after a failure.

use std::time::Duration;

use crate::app::App;
use crate::policy::{Backoff, RetryAfter};

/// A pause that is none. None at all would stop the world in which a mistaken client runs.
const HARDLY_ANY: Duration = Duration::from_millis(100);

/// Failures in a row, and the end of the pause after the last one.
#[derive(Default)]
pub(crate) struct Pause {
    failures: u32,
    /// By the clock that never goes back.
    pub(crate) not_before: Duration,
}

impl Pause {
    /// A random part of a doubling limit; or what `Retry-After` says and a little more, so that
    /// not all who were told the same come back at once.
    pub(crate) fn failed(&mut self, app: &App, retry_after: Option<Duration>) {
        let parameters = &app.start.parameters;
        let retry_after = retry_after.filter(|_| app.policy.retry_after == RetryAfter::Obeyed);
        if app.policy.backoff == Backoff::None {
            self.not_before = app.env.env.clock.elapsed() + HARDLY_ANY;
            return;
        }
        if retry_after.is_some() {
            self.failures = 0;
        }
        let doubled = parameters.backoff_first.saturating_mul(1 << self.failures.min(30));
        let limit = doubled.min(parameters.backoff_max);
        let random = Duration::from_millis(1 + app.env.env.random.number("backoff") % limit);
        self.failures += 1;
        self.not_before = app.env.env.clock.elapsed() + retry_after.unwrap_or_default() + random;
    }

    /// Only an upgrade helps, and that is a start of its own. The server may yet change its mind.
    pub(crate) fn is_futile(&mut self, app: &App) {
        let longest = Duration::from_millis(app.start.parameters.backoff_max);
        self.not_before = app.env.env.clock.elapsed() + longest;
    }
}
