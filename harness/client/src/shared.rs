//! What the app knows only while it runs.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::show::Shown;

/// The time until somebody signs out. What was asked for in an earlier one is nobody's business
/// any more: its answer is thrown away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stay(u64);

/// Together under one lock, which nobody holds for long.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) stay: Stay,
    /// Whose device this is, signed in or with a session that has ended; none: nobody's.
    pub(crate) user: Option<String>,
    /// What the platform says.
    pub(crate) online: bool,
    /// An action was saved, or the network came back, since the last round.
    pub(crate) work: bool,
    /// The pause after failures does not hold for the next round.
    pub(crate) impatient: bool,
    /// Callers of [`Device::sync`](deadzone_contract::Device::sync).
    pub(crate) waiters: Vec<oneshot::Sender<std::result::Result<(), String>>>,
    /// Nothing but a sign-in helps.
    pub(crate) signed_out: bool,
    pub(crate) last_error: Option<String>,
    /// What is wrong with the storage; none while it works.
    pub(crate) storage: Option<String>,
    /// What its user may do seems to have changed.
    pub(crate) roles_stale: bool,
    /// A hint has said that a pull is worthwhile.
    pub(crate) hinted: bool,
    /// Counts the deletes that the server has answered. What it told of their records before is old,
    /// and nothing in the database says so any more.
    pub(crate) deletes: u64,
    /// A pull has come to its end.
    pub(crate) pulled: bool,
    /// The server does not serve this version of the app any more.
    pub(crate) too_old: bool,
    /// The last round found no way to the server.
    pub(crate) unreachable: bool,
    /// Until when, by the clock that never goes back, the server has asked to be left alone.
    pub(crate) hold_until: Duration,
    pub(crate) shown: Shown,
    /// By the wall clock: what was never synced is as old as this.
    pub(crate) since_ms: u64,
}

impl Shared {
    /// Whether nobody has signed out since.
    pub(crate) fn is_current(&self, stay: Stay) -> bool {
        self.stay == stay
    }

    pub(crate) fn may_sync(&self) -> bool {
        self.online && !self.signed_out
    }

    /// Whether to listen for hints. Before the first pull there is nothing that one could continue.
    pub(crate) fn may_listen(&self, stay: Stay) -> bool {
        self.may_sync() && self.pulled && self.is_current(stay)
    }

    /// Whether there is no network, as far as anybody knows.
    pub(crate) fn is_offline(&self) -> bool {
        !self.online || self.unreachable
    }

    /// How long ago, by the wall clock, a pull came to its end.
    pub(crate) fn age_ms(&self, wall_ms: u64) -> u64 {
        wall_ms.saturating_sub(self.shown.last_sync_ms().unwrap_or(self.since_ms))
    }

    /// Nobody is signed in any more, and nothing that was known holds.
    pub(crate) fn leave(&mut self, wall_ms: u64) {
        *self = Shared {
            stay: Stay(self.stay.0 + 1),
            online: self.online,
            waiters: std::mem::take(&mut self.waiters),
            shown: std::mem::take(&mut self.shown),
            signed_out: true,
            since_ms: wall_ms,
            ..Shared::default()
        };
    }
}
