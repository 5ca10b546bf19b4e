//! `alerted`.

use crate::builder::*;
use deadzone_contract::RecordState::{Failed, Saved};
use deadzone_trace::Event;
use insta::assert_snapshot;

const HOUR_MS: u64 = 3_600_000;

/// Sets what the request sent last says of its device.
fn with_age(mut run: Run, device_id: &str, age_ms: u64) -> Run {
    if let Some(Event::Sent { headers, .. }) = run.trace.entries.last_mut().map(|entry| &mut entry.event) {
        headers.push(("Device-Id".to_owned(), device_id.to_owned()));
        headers.push(("Queue-Age".to_owned(), age_ms.to_string()));
    }
    run
}

fn asks(run: Run, exchange: &str, device_id: &str, age_ms: u64) -> Run {
    with_age(run.asks("phone", exchange, "/sync?since=7"), device_id, age_ms).arrives(exchange)
}

fn tells(run: Run, exchange: &str, device_id: &str, age_ms: u64) -> Run {
    asks(run, exchange, device_id, age_ms).answered_with(exchange, "{}").delivered(exchange)
}

fn scraped(run: Run, alert: u64) -> Run {
    let body = format!("# TYPE sync_queue_lag_alert gauge\nsync_queue_lag_alert {alert}\n");
    run.wait_ms(2_000).then("world", Event::Scraped { status: 200, body })
}

#[test]
fn the_alert_fires_when_a_device_is_late() {
    let late = || tells(run(), "e1", "d1", HOUR_MS + 1);
    scraped(late(), 1).passes("alerted");
    assert_snapshot!(scraped(late(), 0).verdict("alerted"), @r"
    fail
    silent-although-late alert: the queue-lag alert is silent, but device d1 has told of work that is 3600001 ms old
      expected: an alert: it is older than 3600000 ms
      evidence: sent e1, scraped world
    ");
    let fine = || tells(run(), "e1", "d1", 0);
    scraped(fine(), 0).passes("alerted");
    assert_snapshot!(scraped(fine(), 1).verdict("alerted"), @r"
    fail
    firing-without-reason alert: the queue-lag alert fires, but no device has told of work that is too old
      expected: silence: nothing is older than 3600000 ms
      evidence: scraped world
    ");
    scraped(run(), 1).violates("alerted firing-without-reason alert");
    // It clears with the next word of that device, and of no other.
    scraped(tells(late(), "e2", "d1", 0), 0).passes("alerted");
    scraped(tells(late(), "e2", "d1", 0), 1).violates("alerted firing-without-reason alert");
    scraped(tells(late(), "e2", "d2", 0), 0).violates("alerted silent-although-late alert");
}

#[test]
fn what_may_not_have_counted_decides_nothing() {
    let either = |run: Run| {
        scraped(run.clone(), 0).passes("alerted");
        scraped(run, 1).passes("alerted");
    };
    either(tells(run(), "e1", "d1", HOUR_MS));
    either(asks(run(), "e1", "d1", HOUR_MS + 1));
    either(asks(run(), "e1", "d1", HOUR_MS + 1).answered_as("e1", 503, &[], "{}"));
    either(tells(run(), "e1", "d1", HOUR_MS + 1).restarts("server"));
    // The answer to a late report and to a fine one overlap.
    let both = asks(asks(run(), "e1", "d1", HOUR_MS + 1), "e2", "d1", 0);
    either(both.answered_with("e1", "{}").answered_with("e2", "{}"));
    let now = tells(run(), "e1", "d1", HOUR_MS + 1);
    let body = "sync_queue_lag_alert 0\n".to_owned();
    now.then("world", Event::Scraped { status: 200, body }).passes("alerted");
}

#[test]
fn metrics_that_do_not_tell_leave_it_open() {
    let read = |status, body: &str| run().then("world", Event::Scraped { status, body: body.to_owned() });
    assert_eq!(
        read(200, "up 1\n").verdict("alerted"),
        "unknown\nunknown: the metrics do not tell of the alert"
    );
    read(503, "").passes("alerted");
    run().passes("alerted");
}

/// The phone has work that waits for ten minutes.
fn waits() -> Run {
    run()
        .does("phone", "task/1", create(&["title=T"]))
        .shows("phone", in_state(Saved, task("task/1", &["title=T"])))
        .wait_ms(600_000)
}

fn says(run: Run, age_ms: u64) -> Run {
    with_age(run.asks("phone", "e9", "/sync?since=7"), "d1", age_ms)
}

#[test]
fn a_device_tells_how_old_its_oldest_work_is() {
    says(waits(), 600_000).passes("alerted");
    says(waits(), 590_000).passes("alerted");
    assert_snapshot!(says(waits(), 0).verdict("alerted"), @r"
    fail
    age-not-reported device: phone tells of 0 ms, but has had task/1 for 600003 ms
      expected: the age of the oldest saved work that nobody has answered
      evidence: invoked task/1, saved task/1, sent e9
    ");
    let silent = |run: Run| run.asks("phone", "e9", "/sync?since=7");
    silent(waits()).passes("alerted");
    silent(tells(run(), "e1", "d1", 0).does("phone", "task/1", create(&["title=T"])).wait_ms(600_000))
        .passes("alerted");
    silent(tells(waits(), "e1", "d1", 600_000)).violates("alerted age-not-reported device");
    says(waits().does("phone", "a2", edit("task/1", &["title=U"])), 0)
        .violates("alerted age-not-reported device");
    with_age(waits().asks("laptop", "e9", "/sync?since=7"), "d2", 0).passes("alerted");
    // A request for tokens need not tell.
    waits().asks("phone", "e9", "/auth/token").passes("alerted");
}

#[test]
fn what_does_not_wait_any_more_has_no_age() {
    let sent = || with_age(waits().sends("phone", "e1", &["task/1 create"]), "d1", 600_000).arrives("e1");
    says(sent().answered("e1").delivered("e1"), 0).passes("alerted");
    says(sent().fails("e1"), 0).violates("alerted age-not-reported device");
    let deferred = r#"{"results":[{"record":"id:task/1","outcome":"deferred"}]}"#;
    let deferred =
        waits().sends("phone", "e1", &["task/1 create"]).arrives("e1").answered_with("e1", deferred);
    says(deferred.clone().delivered("e1"), 0).violates("alerted age-not-reported device");
    // Delivered twice, it was answered twice, and the device had one of the two answers.
    says(deferred.answered("e1").delivered("e1"), 0).passes("alerted");
    says(waits().does("phone", "a2", discard("task/1")), 0).passes("alerted");
    // The answer may come before the word that it is saved.
    let slow = waits().begin("phone", "a2", edit("task/1", &["title=U"]));
    let slow = with_age(slow.sends("phone", "e1", &["task/1 title=U@1"]), "d1", 600_000).arrives("e1");
    let slow = slow.answered("e1").delivered("e1").saved("a2").wait_ms(600_000);
    says(slow, 0).passes("alerted");
    says(waits().signs_out("phone", "a2", true), 0).passes("alerted");
    says(waits().shows("phone", in_state(Failed, task("task/1", &["title=T"]))), 0).passes("alerted");
    says(waits().loses_all("phone"), 0).passes("alerted");
}

#[test]
fn a_device_that_slept_or_whose_clock_jumped_cannot_tell() {
    let slept = waits().then("phone", Event::Suspended).then("phone", Event::Resumed);
    says(slept, 0).passes("alerted");
    let jump = |host: &str| Event::FaultBegan {
        fault: "f1".to_owned(),
        text: format!("jump {host}'s clock by -2h"),
    };
    says(waits().then("world", jump("phone")), 0).passes("alerted");
    says(waits().then("world", jump("laptop")), 0).violates("alerted age-not-reported device");
}
