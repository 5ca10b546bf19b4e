//! Real time.

use std::time::Instant;

/// Now. What people and runs waited is only ever reported, and a run that spins is known by nothing
/// else; no trace and no verdict hangs on it.
#[expect(clippy::disallowed_methods, reason = "the harness itself lives in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
