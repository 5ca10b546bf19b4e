//! A device that sleeps: its timers stand, and its wall clock goes on.

use std::sync::atomic::Ordering;

use crate::phone::{Phone, sleep_s, story};
use crate::server::Server;

/// Whether somebody else's work has come within a minute, `slept_ms` after it was made.
fn comes_soon(slept_ms: u64) -> bool {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        app.settle().await;
        server.create("one", "one");
        phone.slept.store(slept_ms, Ordering::Relaxed);
        sleep_s(61).await;
        let soon = app.shown().await == server.everything();
        app.kill().await;
        soon
    })
}

#[test]
fn a_device_that_wakes_up_syncs_soon_and_not_when_its_old_timer_ends() {
    assert!(comes_soon(2 * 24 * 3_600_000));
    assert!(!comes_soon(0), "it would have come anyway");
}
