//! How large anything in a script may be. Every loop over a script ends because of these.

use std::time::Duration;

/// The longest script, in bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// The most lines of a script.
pub const LINES_MAX: usize = 20_000;

/// The longest name, and the longest value without quotes, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// The longest word, in bytes: a name with all that can be written without white space around
/// it, as in `task/1.completed_count`.
pub(crate) const WORD_BYTES_MAX: usize = 100;

/// The most times that one line repeats its action.
pub const REPEAT_MAX: u32 = 10_000;

/// The most user actions that a script may add up to, repetitions and devices counted.
pub const ACTIONS_MAX: u64 = 100_000;

/// The longest time that a script may name: a hundred years of 365 days, so that a clock can be
/// set beyond the year 2100.
pub const TIME_MAX: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

/// [`TIME_MAX`] in ms.
pub(crate) const TIME_MS_MAX: u64 = 36_500 * 24 * 60 * 60 * 1_000;

/// How far from true a device's clock may run, in parts per million either way. A bad quartz
/// has 200.
pub const DRIFT_PPM_MAX: i32 = 100_000;

/// The most problems that are told of one script at once.
pub const PROBLEMS_MAX: usize = 5;
