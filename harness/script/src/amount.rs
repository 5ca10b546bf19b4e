//! Writes numbers with and without units, each in its one canonical form.
//!
//! [`crate::literal`] reads them.

use std::fmt;
use std::time::Duration;

/// Units of time, the largest first, in ms.
pub(crate) const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Units of bandwidth, the largest first, in bytes a second.
pub(crate) const RATES: [(&str, u64); 4] =
    [("GB/s", 1_000_000_000), ("MB/s", 1_000_000), ("KB/s", 1_000), ("B/s", 1)];

/// The ending of a number that says which one: `2nd`.
pub(crate) fn ordinal_suffix(number: u32) -> &'static str {
    match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

/// Writes a time in whole ms: `0s`, `250ms`, `12.5s`, `1m30s`, `1d12h`.
pub(crate) struct Time(pub(crate) u64);

impl Time {
    /// What is finer than a millisecond is left out.
    pub(crate) fn of(time: Duration) -> Time {
        Time(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut left = self.0;
        for (unit, size) in &UNITS[..3] {
            if left >= *size {
                write!(f, "{}{unit}", left / size)?;
                left %= size;
            }
        }
        match (left / 1_000, left % 1_000) {
            (0, 0) => Ok(()),
            (0, ms) => write!(f, "{ms}ms"),
            (s, 0) => write!(f, "{s}s"),
            (s, ms) => write!(f, "{s}.{}s", format!("{ms:03}").trim_end_matches('0')),
        }
    }
}

/// Writes a time with its sign: `+3m`, `-2h`.
pub(crate) struct Signed(pub(crate) i64);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.0 < 0 { '-' } else { '+' }, Time(self.0.unsigned_abs()))
    }
}

/// Writes a range of times: `400ms..2s`, or one time where both are equal.
pub(crate) struct TimeRange(pub(crate) Duration, pub(crate) Duration);

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 {
            return Time::of(self.0).fmt(f);
        }
        write!(f, "{}..{}", Time::of(self.0), Time::of(self.1))
    }
}

/// Writes hundredths of a percent: `5%`, `0.25%`.
pub(crate) struct Share(pub(crate) u32);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, part) => write!(f, "{whole}.{}%", format!("{part:02}").trim_end_matches('0')),
        }
    }
}

/// Writes bytes a second in the largest unit that leaves a whole number: `10KB/s`, `1500B/s`.
pub(crate) struct Rate(pub(crate) u64);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, size): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*size);
        let (unit, size) = RATES.iter().find(fits).unwrap_or(&("B/s", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

/// Writes which one: `next`, `2nd`, `every`.
pub(crate) struct Ordinal(pub(crate) u32);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("every"),
            1 => f.write_str("next"),
            n => write!(f, "{n}{}", ordinal_suffix(n)),
        }
    }
}
