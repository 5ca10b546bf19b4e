//! How much one user gets in a time.

use bytes::Bytes;
use deadzone_contract::wire::PushRequest;
use http::{Method, Response};
use insta::assert_snapshot;

use crate::lab::{Lab, START_MS, parsed};
use crate::render;
use crate::rules::prepared;
use crate::write::{base, delete, task, update};

/// Ana's tablet has used two mutations of the window that is under way.
fn lab(push_limit: u64, pull_limit: u64) -> Lab {
    prepared(Lab::with(|p| {
        (p.push_limit, p.pull_limit, p.limit_window) = (push_limit, pull_limit, 10_000);
        assert_eq!(START_MS % p.limit_window, 0);
    }))
}

/// A push of counters, with the status and the time after which to come again.
fn push(lab: &Lab, who: &str, numbers: std::ops::RangeInclusive<u64>) -> String {
    let mutations = numbers.map(|n| update(n, "t").add("completed_count", 1).into()).collect();
    let body = serde_json::to_vec(&PushRequest { mutations }).unwrap();
    let response = lab.send(lab.request(who, Method::POST, "/sync/mutations", body));
    let told = match parsed(&response) {
        Ok(answer) => render::push(&answer),
        Err(problem) => render::problem(&problem),
    };
    format!("{told}\n{} {}", response.status().as_u16(), retry_after(&response))
}

fn retry_after(response: &Response<Bytes>) -> &str {
    response.headers().get("retry-after").map_or("-", |value| value.to_str().unwrap())
}

#[test]
fn a_push_is_answered_for_what_fits_and_the_rest_is_deferred() {
    let lab = lab(5, 100);
    lab.pass(2_500);
    assert_snapshot!(push(&lab, "ana/phone", 1..=2), @r"
    1 done -> t@2 completed_count=1 title=Milk includes 1
    2 done -> t@3 completed_count=2 title=Milk includes 2
    200 -
    ");
    assert_snapshot!(push(&lab, "ana/phone", 3..=5), @r"
    3 done -> t@4 completed_count=3 title=Milk includes 3
    4 deferred -> nothing
    5 deferred -> nothing
    200 8
    ");
    // All of her devices count together; Ben counts for himself.
    assert_snapshot!(push(&lab, "ana/tablet", 9..=9), @r"
    429 too-many-requests: all that is allowed for now is used; come again in 8 s
    429 8
    ");
    assert_snapshot!(push(&lab, "ben/laptop", 1..=1), @r"
    1 done -> t@5 completed_count=4 title=Milk includes 1
    200 -
    ");
    lab.pass(7_499);
    assert_snapshot!(push(&lab, "ana/phone", 4..=5), @r"
    429 too-many-requests: all that is allowed for now is used; come again in 1 s
    429 1
    ");
    lab.pass(1);
    assert_snapshot!(push(&lab, "ana/phone", 4..=5), @r"
    4 done -> t@6 completed_count=5 title=Milk includes 4
    5 done -> t@7 completed_count=6 title=Milk includes 5
    200 -
    ");
}

#[test]
fn what_is_repeated_refused_or_malformed_counts_by_what_it_costs() {
    let lab = lab(6, 100);
    // Two for the tablet, two for these: a repetition and a refusal are work too.
    assert_snapshot!(lab.push("ana/phone", [task(1, "u"), task(1, "u")]), @r"
    1 done -> u@1 includes 1
    1 done -> u@1 includes 1
    ");
    assert_snapshot!(lab.push("ana/phone", [delete(2, "none", base(0)), delete(3, "none", base(0)), delete(4, "none", base(0))]), @r"
    2 unknown-record (there is no such record) -> nothing
    3 unknown-record (there is no such record) -> nothing
    4 deferred -> nothing
    ");
    assert_snapshot!(lab.push("ana/phone", [] as [crate::write::Write; 0]), @"");
    let lab = prepared(Lab::with(|p| (p.push_limit, p.push_max) = (5, 3)));
    assert_eq!(push(&lab, "ana/phone", 1..=4).lines().last(), Some("400 -"));
    assert_eq!(push(&lab, "ana/phone", 1..=3).lines().last(), Some("200 -"));
}

#[test]
fn pulls_are_counted_for_themselves() {
    let lab = lab(2, 3);
    let pull = |who: &str| {
        let response = lab.send(lab.request(who, Method::GET, "/sync?since=9", Bytes::new()));
        format!("{} {}", response.status().as_u16(), retry_after(&response))
    };
    // Whatever their answer is.
    assert_eq!([pull("ana/phone"), pull("ana/tablet"), pull("ana/phone")], ["410 -", "410 -", "410 -"]);
    assert_eq!([pull("ana/phone"), pull("ben/laptop")], ["429 10", "410 -"]);
    assert_snapshot!(lab.pull("ana/phone", ""), @"429 too-many-requests: all that is allowed for now is used; come again in 10 s");
    lab.pass(9_001);
    assert_eq!(pull("ana/phone"), "429 1");
    lab.pass(999);
    assert_eq!(pull("ana/phone"), "410 -");
}

#[test]
fn a_clock_that_is_set_back_begins_a_window() {
    let lab = lab(2, 100);
    assert_eq!(push(&lab, "ana/phone", 1..=1).lines().last(), Some("429 10"));
    lab.set_back(10_000);
    assert_eq!(push(&lab, "ana/phone", 1..=1).lines().last(), Some("200 -"));
}
