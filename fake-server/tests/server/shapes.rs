//! Apps of another version than the newest.

use bytes::Bytes;
use http::Method;
use insta::assert_snapshot;

use crate::lab::Lab;
use crate::rules::{lab, prepared};
use crate::write::{base, task, update};

#[test]
fn an_older_app_is_served_in_its_own_shape() {
    let lab = lab();
    assert_snapshot!(lab.push("ana/phone/4", [update(1, "t").set("due", "monday", base(0)).set("priority", "high", base(0))]), @"1 done -> t@2 due=monday@1 priority=high@1 title=Milk includes 1");
    assert_snapshot!(lab.push("ben/laptop/3", [
        update(1, "t").set("deadline", "tuesday", base(1)).set("status", "open", base(0)),
        update(2, "t").set("deadline", "friday", base(1)).put("title", "Oat milk"),
        task(3, "u").set("deadline", "sunday", base(0)),
    ]), @r#"
    1 done -> t@3 deadline=tuesday@2 status=open@1 title=Milk includes 1
    2 done deadline: laptop:2:due mine=friday theirs=tuesday@2 -> t@4 deadline=tuesday@2 status=open@1 title="Oat milk" [deadline: laptop:2:due mine=friday theirs=tuesday@2] includes 2
    3 done -> u@1 deadline=sunday@1 includes 3
    "#);
    assert_snapshot!(lab.all("ben/laptop/3"), @r#"
    p@1 title=House
    t@4 deadline=tuesday@2 status=open@1 title="Oat milk" [deadline: laptop:2:due mine=friday theirs=tuesday@2] includes 2
    u@1 deadline=sunday@1 includes 3
    "#);
    assert_snapshot!(lab.all("ben/laptop/4"), @r#"
    p@1 title=House
    t@4 due=tuesday@2 priority=high@1 status=open@1 title="Oat milk" [due: laptop:2:due mine=friday theirs=tuesday@2] includes 2
    u@1 due=sunday@1 includes 3
    "#);
    let answer = lab.send(lab.request("ben/pad/3", Method::GET, "/sync?since=0", Bytes::new()));
    let answer = String::from_utf8(answer.body().to_vec()).unwrap();
    assert!(
        answer.contains(r#""deadline":{"version":"#) && answer.contains(r#""field":"deadline""#),
        "{answer}"
    );
    assert!(answer.ends_with(r#""schema_version":4}"#), "{answer}");
}

#[test]
fn an_older_app_cannot_name_what_it_does_not_know() {
    let lab = lab();
    assert_snapshot!(lab.push("ben/laptop/3", [
        update(1, "t").set("due", "monday", base(0)),
        update(2, "t").set("priority", "high", base(0)),
        task(3, "u").set("priority", "high", base(0)),
        update(4, "t").put("colour", "red"),
        update(5, "none").set("priority", "high", base(0)),
    ]), @r"
    1 invalid (a task has no field `due (schema 3)`) -> t@1 title=Milk
    2 invalid (a task has no field `priority (schema 3)`) -> t@1 title=Milk
    3 invalid (a task has no field `priority (schema 3)`) -> nothing
    4 invalid (a task has no field `colour (schema 3)`) -> t@1 title=Milk
    5 unknown-record (there is no such record) -> nothing
    ");
    assert_snapshot!(lab.push("ana/phone/4", [update(1, "t").set("deadline", "monday", base(0))]), @"1 invalid (a task has no field `deadline`) -> t@1 title=Milk");
}

#[test]
fn a_mutation_stays_the_same_when_its_app_is_upgraded() {
    let lab = lab();
    let sent = |name: &str| {
        lab.push(
            if name == "due" { "ana/phone/4" } else { "ana/phone/3" },
            [
                update(1, "t").set(name, "monday", base(0)).put("created_at", "today"),
                task(2, "u").set(name, "monday", base(0)),
            ],
        )
    };
    assert_snapshot!(sent("deadline"), @r"
    1 done -> t@2 created_at=today for ever deadline=monday@1 title=Milk includes 1
    2 done -> u@1 deadline=monday@1 includes 2
    ");
    assert_snapshot!(sent("due"), @r"
    1 done -> t@2 created_at=today for ever due=monday@1 title=Milk includes 1
    2 done -> u@1 due=monday@1 includes 2
    ");
    assert_snapshot!(sent("deadline"), @r"
    1 done -> t@2 created_at=today for ever deadline=monday@1 title=Milk includes 1
    2 done -> u@1 deadline=monday@1 includes 2
    ");
}

#[test]
fn an_older_app_is_served_as_long_as_the_tolerance_lasts() {
    let mut lab = prepared(Lab::with(|p| p.schema_tolerance = 1_000));
    lab.pass(999);
    lab.restart();
    assert_eq!(lab.all("ben/laptop/3"), lab.all("ben/laptop/4"));
    lab.pass(1);
    assert_snapshot!(lab.pull("ben/laptop/3", "since=0"), @"426 client-too-old: schema 3 is not served any more; the present one is 4; upgrade the app, pending work is kept");
    assert_snapshot!(lab.push("ben/laptop/3", [task(1, "u")]), @"426 client-too-old: schema 3 is not served any more; the present one is 4; upgrade the app, pending work is kept");
    assert!(lab.try_pull("ben/laptop/4", "since=0").is_ok());
    let lab = prepared(Lab::with(|p| p.schema_tolerance = 0));
    assert!(lab.pull("ben/laptop/3", "since=0").starts_with("426 client-too-old"));
}

#[test]
fn versions_that_are_not_served_are_told_what_to_do() {
    let lab = lab();
    assert_snapshot!(lab.pull("ben/laptop/2", ""), @"426 client-too-old: schema 2 is not served any more; the present one is 4; upgrade the app, pending work is kept");
    assert_snapshot!(lab.pull("ben/laptop/0", ""), @"426 client-too-old: apps are served from version 1 on, and this one is 0; upgrade the app, pending work is kept");
    assert_snapshot!(lab.pull("ben/laptop/5", ""), @"400 malformed: schema 5 is not known here; the newest is 4");
    assert_snapshot!(lab.pull("ben/laptop/four", ""), @"400 malformed: the header `schema-version` is a whole number");
    let lab = prepared(Lab::with(|p| p.app_version_min = 4));
    assert_snapshot!(lab.pull("ben/laptop/3", ""), @"426 client-too-old: apps are served from version 4 on, and this one is 3; upgrade the app, pending work is kept");
    assert_snapshot!(lab.push("ben/laptop/3", [update(1, "t").put("title", "kept")]), @"426 client-too-old: apps are served from version 4 on, and this one is 3; upgrade the app, pending work is kept");
    assert!(lab.try_pull("ben/laptop/4", "").is_ok());
    // Whoever says nothing has the newest, whatever that is.
    let lab = prepared(Lab::with(|p| p.app_version_min = 9));
    assert!(lab.try_pull("ben/laptop", "").is_ok());
    assert!(lab.pull("ben/laptop/4", "").starts_with("426 client-too-old"));
    // And nobody is told anything without a token.
    let mut request = lab.request("ben/laptop/3", Method::GET, "/sync", "");
    request.headers_mut().remove("authorization");
    assert_eq!(lab.send(request).status(), 401);
}
