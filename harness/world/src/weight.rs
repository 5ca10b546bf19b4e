//! Whether a fault weighed anything: rules that tell a change from mere presence.
//!
//! They look at what a run can see from outside (how long an exchange took, who wrote when), and
//! where that leaves a doubt, the fault has not struck.

use std::collections::BTreeMap;
use std::time::Duration;

use deadzone_net::Link;
use deadzone_script::Fault;
use tokio::time::Instant;

use crate::fleet::SERVER;

/// What an exchange was, from the device's side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchanged {
    /// From the request to its end.
    pub(crate) took: Duration,
    /// What was sent and received, heads included.
    pub(crate) bytes: u64,
}

/// Whether a fault made an exchange slower than the device's own link would have been.
///
/// - A latency: its longest is beyond the slowest of the link, and the exchange took longer than
///   twice that slowest, there and back.
/// - A bandwidth: the exchange's bytes need longer than the link's latency to get onto it, and
///   the exchange took at least as long as they need.
pub(crate) fn slowed(fault: &Fault, own: &Link, exchange: Exchanged) -> bool {
    match fault {
        Fault::Latency { max, .. } => {
            let slowest = own.latency + own.jitter;
            *max > slowest && exchange.took > slowest * 2
        }
        Fault::Bandwidth { bytes_per_s, .. } => {
            let ns = u128::from(exchange.bytes) * 1_000_000_000 / u128::from((*bytes_per_s).max(1));
            ns > own.latency.as_nanos() && exchange.took.as_nanos() >= ns
        }
        _ => false,
    }
}

/// When each host last wrote.
pub(crate) type Writes = BTreeMap<String, Instant>;

/// A clock that was set, as the nemesis knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jump<'a> {
    pub(crate) host: &'a str,
    pub(crate) by_ms: i64,
    pub(crate) at: Instant,
}

/// Whether what `writer` writes `now` gets a stamp on the wrong side of an earlier write, because
/// of a jump: set back, the clock writes within the jump after somebody else's write, or after
/// its own one before the jump; set forward, somebody else writes within the jump after it.
pub(crate) fn reorders(jump: Jump<'_>, writer: &str, now: Instant, writes: &Writes) -> bool {
    let Jump { host: jumped, by_ms, at } = jump;
    let within = |earlier: &Instant| now - *earlier < Duration::from_millis(by_ms.unsigned_abs());
    if writer == jumped {
        let others = writes.iter().filter(|(host, wrote)| *host != jumped || **wrote <= at);
        by_ms < 0 && others.map(|(_, wrote)| wrote).any(within)
    } else {
        by_ms > 0 && writes.get(jumped).is_some_and(|wrote| *wrote > at && within(wrote))
    }
}

/// Whether the server refuses the stamp of what `writer` writes, because of a jump: a device's
/// clock was set further ahead than the server takes, or the server's own was set back by more.
pub(crate) fn beyond_bound(jump: Jump<'_>, writer: &str, stamp_ahead_ms: u64) -> bool {
    let ahead_ms = if jump.host == SERVER { jump.by_ms.saturating_neg() } else { jump.by_ms };
    writer == jump.host && u64::try_from(ahead_ms).is_ok_and(|ahead_ms| ahead_ms > stamp_ahead_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ms;

    #[test]
    fn a_link_is_slowed_only_by_what_its_own_slowness_does_not_explain() {
        let own = Link { latency: ms(40), jitter: ms(20), ..Link::default() };
        let latency = |min, max| Fault::Latency { device: "phone".to_owned(), min: ms(min), max: ms(max) };
        let bandwidth = |bytes_per_s| Fault::Bandwidth { device: "phone".to_owned(), bytes_per_s };
        let rows = [
            // fault, took ms, bytes, slowed
            (latency(1, 1), 200, 500, false),
            (latency(60, 60), 200, 500, false),
            (latency(61, 61), 120, 500, false),
            (latency(61, 61), 122, 500, true),
            (latency(400, 2_000), 1_000, 500, true),
            (bandwidth(900_000_000), 200, 500, false),
            (bandwidth(10_000), 200, 400, false),
            (bandwidth(10_000), 200, 500, true),
            (bandwidth(10_000), 49, 500, false),
        ];
        for (fault, took, bytes, expected) in rows {
            let exchange = Exchanged { took: ms(took), bytes };
            assert_eq!(slowed(&fault, &own, exchange), expected, "{fault} {exchange:?}");
        }
    }

    #[test]
    fn a_jump_beyond_what_the_server_takes_counts_with_the_next_write() {
        let rows = [
            ("phone", 1_001, "phone", true),
            ("phone", 1_000, "phone", false),
            ("phone", -5_000, "phone", false),
            ("phone", 5_000, "laptop", false),
            ("server", -1_001, "server", true),
            ("server", 5_000, "server", false),
        ];
        for (host, by_ms, writer, expected) in rows {
            let jump = Jump { host, by_ms, at: Instant::now() };
            assert_eq!(beyond_bound(jump, writer, 1_000), expected, "{host} by {by_ms}, {writer} writes");
        }
    }

    #[test]
    fn a_jump_counts_once_stamps_stand_in_another_order_than_their_writes() {
        let began = Instant::now();
        // Who wrote last and when, the jump and when, who writes at 100 s, whether it counts.
        let rows = [
            (("laptop", 99_990), (-1, 50_000), "phone", false),
            (("laptop", 99_990), (-11, 50_000), "phone", true),
            (("laptop", 99_990), (11, 50_000), "phone", false),
            (("phone", 40_000), (-60_000, 50_000), "phone", false),
            (("phone", 40_000), (-60_001, 50_000), "phone", true),
            (("phone", 60_000), (-60_000, 50_000), "phone", false),
            (("phone", 99_990), (11, 50_000), "laptop", true),
            (("phone", 99_990), (10, 50_000), "laptop", false),
            (("phone", 99_990), (-11, 50_000), "laptop", false),
            (("phone", 40_000), (90_000, 50_000), "laptop", false),
        ];
        for ((wrote, wrote_ms), (by_ms, at_ms), writer, expected) in rows {
            let writes = Writes::from([(wrote.to_owned(), began + ms(wrote_ms))]);
            let jump = Jump { host: "phone", by_ms, at: began + ms(at_ms) };
            let found = reorders(jump, writer, began + ms(100_000), &writes);
            assert_eq!(found, expected, "{wrote} at {wrote_ms}, {by_ms} at {at_ms}, {writer}");
        }
    }
}
