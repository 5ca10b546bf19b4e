//! What an operator can watch.

use bytes::Bytes;
use http::{Method, Request};
use insta::assert_snapshot;

use crate::lab::Lab;
use crate::rules::prepared;
use crate::write::{base, delete, task, update};

fn scrape(lab: &Lab) -> String {
    let response = lab.send(Request::get("/metrics").body(Bytes::new()).unwrap());
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/plain; version=0.0.4".parse().unwrap())
    );
    String::from_utf8(response.body().to_vec()).unwrap()
}

/// A pull with this age of the queue; its status.
fn report(lab: &Lab, who: &str, age: &str) -> u16 {
    let mut request = lab.request(who, Method::GET, "/sync", Bytes::new());
    request.headers_mut().insert("queue-age", age.parse().unwrap());
    lab.send(request).status().as_u16()
}

/// The lines about the queues of devices, without what they mean.
fn ages(lab: &Lab) -> String {
    let lines = scrape(lab);
    let lines = lines.lines().filter(|line| line.starts_with("sync_queue"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn everything_that_there_is_to_watch() {
    let lab = prepared(Lab::with(|p| (p.push_limit, p.lag_alert) = (5, 60_000)));
    assert_eq!(report(&lab, "ana/phone", "59500"), 200);
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    lab.push(
        "ana/phone",
        [
            update(1, "t").set("status", "done", base(0)),
            task(2, "u"),
            delete(3, "u", base(1)),
            update(4, "t"),
        ],
    );
    assert_snapshot!(scrape(&lab), @r#"
    # HELP sync_queue_age_seconds Age of the oldest pending mutation that a device told last.
    # TYPE sync_queue_age_seconds gauge
    sync_queue_age_seconds{device="phone"} 59.500
    # HELP sync_queue_lag_alert 1 while a device tells of a pending mutation older than is acceptable.
    # TYPE sync_queue_lag_alert gauge
    sync_queue_lag_alert 0
    # HELP sync_mutations_total Mutations that were answered.
    # TYPE sync_mutations_total counter
    sync_mutations_total{outcome="deferred"} 1
    sync_mutations_total{outcome="done"} 6
    sync_mutations_total{outcome="rejected"} 0
    # HELP sync_open_conflicts Conflicts that wait for a decision.
    # TYPE sync_open_conflicts gauge
    sync_open_conflicts 1
    # HELP sync_stored_answers Answers that are kept for repetitions.
    # TYPE sync_stored_answers gauge
    sync_stored_answers 6
    # HELP sync_tombstones Deleted records that are kept for devices to learn of.
    # TYPE sync_tombstones gauge
    sync_tombstones 1
    "#);
}

#[test]
fn the_alert_fires_while_any_device_lags_and_ends_with_it() {
    let mut lab = prepared(Lab::with(|p| p.lag_alert = 60_000));
    assert_snapshot!(ages(&lab), @"sync_queue_lag_alert 0");
    report(&lab, "ben/laptop", "60001");
    report(&lab, "ana/phone", "7");
    assert_snapshot!(ages(&lab), @r#"
    sync_queue_age_seconds{device="laptop"} 60.001
    sync_queue_age_seconds{device="phone"} 0.007
    sync_queue_lag_alert 1
    "#);
    report(&lab, "ben/laptop", "60000");
    assert_snapshot!(ages(&lab), @r#"
    sync_queue_age_seconds{device="laptop"} 60.000
    sync_queue_age_seconds{device="phone"} 0.007
    sync_queue_lag_alert 0
    "#);
    report(&lab, "ben/laptop", "0");
    assert_eq!(report(&lab, r#"ben/a"quoted\one"#, "12345678"), 200);
    assert_snapshot!(ages(&lab), @r#"
    sync_queue_age_seconds{device="a\"quoted\\one"} 12345.678
    sync_queue_age_seconds{device="laptop"} 0.000
    sync_queue_age_seconds{device="phone"} 0.007
    sync_queue_lag_alert 1
    "#);
    lab.restart();
    assert_snapshot!(ages(&lab), @"sync_queue_lag_alert 0");
}

#[test]
fn only_who_is_signed_in_can_report_and_only_a_number() {
    let lab = prepared(Lab::with(|p| p.app_version_min = 4));
    let mut request = lab.request("ana/phone", Method::GET, "/sync", Bytes::new());
    request.headers_mut().insert("queue-age", "99999999".parse().unwrap());
    request.headers_mut().remove("authorization");
    assert_eq!(lab.send(request).status(), 401);
    assert_eq!(report(&lab, "ana/phone", "long"), 400);
    assert_eq!(report(&lab, "ana/phone", "-1"), 400);
    assert_snapshot!(ages(&lab), @"sync_queue_lag_alert 0");
    // An app that is too old waits all the same.
    assert_eq!(report(&lab, "ana/phone/3", "99999999"), 426);
    assert_snapshot!(ages(&lab), @r#"
    sync_queue_age_seconds{device="phone"} 99999.999
    sync_queue_lag_alert 1
    "#);
}

#[test]
fn the_alert_does_not_need_the_database() {
    let lab = prepared(Lab::with(|p| p.lag_alert = 60_000));
    report(&lab, "ben/laptop", "60001");
    lab.anchor.execute_batch("ALTER TABLE conflicts RENAME TO hidden").unwrap();
    let page = scrape(&lab);
    assert!(page.contains("sync_queue_lag_alert 1") && !page.contains("sync_tombstones"), "{page}");
}
