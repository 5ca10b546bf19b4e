//! `bounded`.

use crate::builder::*;
use deadzone_contract::Badge;
use deadzone_trace::{Event, Exchange};
use insta::assert_snapshot;

fn small() -> Run {
    let mut run = run();
    let parameters = &mut run.header().parameters;
    parameters.queue_max = 2;
    parameters.push_max = 2;
    parameters.pull_max = 2;
    parameters.database_max = 65_536;
    run
}

#[test]
fn a_queue_stays_within_its_limit() {
    let says = |queued| small().then("phone", Event::Status(status(Badge::Offline, queued)));
    says(2).passes("bounded");
    assert_snapshot!(says(3).verdict("bounded"), @r"
    fail
    queue device: phone has 3 mutations queued
      expected: at most 2: a further one is refused
      evidence: status phone
    ");
}

#[test]
fn a_database_stays_within_its_limit() {
    let read = |host: &str, bytes| small().then(host, Event::DiskRead { bytes, holds: Vec::new() });
    read("phone", 65_536).passes("bounded");
    read("phone", 65_537).violates("bounded database device");
    read("server", 65_537).violates("bounded database server");
}

#[test]
fn a_page_and_a_push_stay_within_their_limits() {
    small().pulls_page("phone", "e1", &["task/1@1", "-task/2@1"]).passes("bounded");
    small().pulls_page("phone", "e1", &["task/1@1", "-task/2@1", "task/3@1"]).violates("bounded page pull");
    small().sends("phone", "e1", &["task/1", "task/2"]).passes("bounded");
    small().sends("phone", "e1", &["task/1", "task/2", "task/3"]).violates("bounded push push");
}

#[test]
fn a_stamp_stays_near_the_servers_clock() {
    let push = |stamps: &[u64]| {
        let mutation = |(number, ms): (u64, &u64)| {
            serde_json::json!({
                "number": number, "record": "task/1", "kind": "update",
                "stamp": { "ms": ms, "n": 0, "device": "phone" },
                "fields": { "title": { "put": { "value": "x" } } },
            })
        };
        let mutations: Vec<_> = (1..).zip(stamps).map(mutation).collect();
        let done =
            |number| serde_json::json!({ "number": number, "record": "task/1", "outcome": { "done": {} } });
        let results: Vec<_> = (1..=stamps.len()).map(done).collect();
        let body = serde_json::json!({ "mutations": mutations }).to_string();
        let answer = serde_json::json!({ "results": results, "server_time_ms": 1_000_000 }).to_string();
        let sent = Event::Sent {
            exchange: Exchange("e1".to_owned()),
            method: "POST".to_owned(),
            path: "/sync/mutations".to_owned(),
            headers: Vec::new(),
            body,
        };
        small().then("phone", sent).arrives("e1").answered_with("e1", &answer)
    };
    let most = 1_000_000 + small().header().parameters.stamp_ahead;
    push(&[most]).passes("bounded");
    push(&[most + 1]).violates("bounded stamp-ahead push");
}
