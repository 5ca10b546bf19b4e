//! The wall clock of one machine: skewed, drifting, and free to jump.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// What the true time is when a world begins: 2026-01-05 08:00:00 UTC, a Monday, in ms since the
/// Unix epoch.
pub(crate) const EPOCH_MS: u64 = 1_767_600_000_000;

/// A wall clock. It belongs to the machine: a crash does not reset it.
pub(crate) struct WallClock {
    world_began: Instant,
    drift_ppm: i32,
    offset_ms: Mutex<i64>,
}

impl WallClock {
    /// A clock that is `skew_ms` ahead and gains `drift_ppm` microseconds every second.
    pub(crate) fn new(world_began: Instant, skew_ms: i64, drift_ppm: i32) -> WallClock {
        WallClock { world_began, drift_ppm, offset_ms: Mutex::new(skew_ms) }
    }

    /// What it shows, in ms since the Unix epoch; never before the epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        let elapsed_us = self.world_began.elapsed().as_micros() as i128;
        let drifted_us = elapsed_us + elapsed_us * i128::from(self.drift_ppm) / 1_000_000;
        let offset_ms = i128::from(*self.offset_ms.lock().expect("nothing panics here"));
        let shown_ms = i128::from(EPOCH_MS) + drifted_us / 1_000 + offset_ms;
        u64::try_from(shown_ms.max(0)).unwrap_or(u64::MAX)
    }

    /// Sets it forward, or back.
    pub(crate) fn jump(&self, by_ms: i64) {
        let mut offset_ms = self.offset_ms.lock().expect("nothing panics here");
        *offset_ms = offset_ms.saturating_add(by_ms);
    }
}

/// A time in whole milliseconds as tokio's timers take it.
pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
