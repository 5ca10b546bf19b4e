//! `converged`.

use crate::builder::*;
use deadzone_contract::{
    RecordState::{Failed, Saved},
    RecordView,
};
use deadzone_trace::Event;
use insta::assert_snapshot;

/// The server has the first list; the laptop shows the second one, with a tray.
fn ends(server: &[RecordView], laptop: &[RecordView], tray: &[deadzone_contract::TrayItem]) -> Run {
    let run = run().does("phone", "task/1", create(&["title=One"])).settles();
    let run =
        run.audit("ana", server).audit("ben", server).look("phone", server, &[]).look("tablet", server, &[]);
    run.look("laptop", laptop, tray).finish()
}

fn one() -> RecordView {
    task("task/1", &["title=One"])
}

#[test]
fn all_show_the_same() {
    ends(&[one()], &[one()], &[]).passes("converged");
    ends(&[], &[], &[]).passes("converged");
}

#[test]
fn a_record_too_few() {
    assert_snapshot!(ends(&[one()], &[], &[]).verdict("converged"), @r"
    fail
    missing-on-device record: task/1 is on the server, but laptop does not show it
      expected: task/1 on laptop
      evidence: audited ben, viewed laptop
    ");
}

#[test]
fn a_record_too_many() {
    assert_snapshot!(ends(&[], &[one()], &[]).verdict("converged"), @r"
    fail
    extra-on-device record: laptop shows task/1, which is not on the server
      expected: no task/1 on laptop
      evidence: audited ben, viewed laptop
    ");
}

#[test]
fn another_value() {
    let other = task("task/1", &["title=Two"]);
    assert_snapshot!(ends(&[one()], &[other], &[]).verdict("converged"), @r"
    fail
    fields-differ lww value: laptop shows title=Two on task/1, but the server has One
      expected: title=One on laptop
      evidence: audited ben, viewed laptop
    ");
    let none = task("task/1", &[]);
    assert_snapshot!(ends(&[one()], &[none], &[]).verdict("converged"), @r"
    fail
    fields-differ lww value: laptop shows title=nothing on task/1, but the server has One
      expected: title=One on laptop
      evidence: audited ben, viewed laptop
    ");
}

#[test]
fn another_conflict() {
    let asked = task("task/1", &["title=One", "status:done<open"]);
    let asked_otherwise = task("task/1", &["title=One", "status:blocked<open"]);
    ends(std::slice::from_ref(&asked), std::slice::from_ref(&asked), &[]).passes("converged");
    assert_snapshot!(ends(std::slice::from_ref(&asked), &[one()], &[]).verdict("converged"), @r"
    fail
    conflicts-differ conflict: laptop shows no conflict on task/1, but the server has a conflict of status=done with open
      expected: a conflict of status=done with open on laptop
      evidence: audited ben, viewed laptop
    ");
    assert_snapshot!(ends(&[one()], std::slice::from_ref(&asked), &[]).verdict("converged"), @r"
    fail
    conflicts-differ conflict: laptop shows a conflict of status=done with open on task/1, but the server has no conflict
      expected: no conflict on laptop
      evidence: audited ben, viewed laptop
    ");
    assert_snapshot!(ends(&[asked], &[asked_otherwise], &[]).verdict("converged"), @r"
    fail
    conflicts-differ conflict: laptop shows a conflict of status=blocked with open on task/1, but the server has a conflict of status=done with open
      expected: a conflict of status=done with open on laptop
      evidence: audited ben, viewed laptop
    ");
}

#[test]
fn the_order_of_conflicts_is_no_difference() {
    let asked = |fields: &[&str]| task("task/1", fields);
    let (one, two) = ("status:done<open", "due:monday<friday");
    ends(&[asked(&[one, two])], &[asked(&[two, one])], &[]).passes("converged");
}

#[test]
fn failed_and_waiting_work_explains_a_difference() {
    let other = task("task/1", &["title=Two"]);
    let tray = [item("task/1", Failed)];
    ends(&[one()], &[in_state(Failed, other.clone())], &tray).passes("converged");
    ends(&[one()], std::slice::from_ref(&other), &tray).passes("converged");
    ends(&[one()], &[], &tray).passes("converged");
    ends(&[], &[in_state(Saved, other)], &[]).passes("converged");
}

#[test]
fn exempt_devices_are_not_compared() {
    let run = run().does("phone", "task/1", create(&["title=One"])).exempt("laptop").settles();
    let run = run.audit("ana", &[one()]).audit("ben", &[one()]).look("phone", &[one()], &[]);
    run.look("tablet", &[one()], &[]).look("laptop", &[], &[]).finish().passes("converged");
}

#[test]
fn users_see_the_same_values() {
    let other = task("task/1", &["title=Two"]);
    let run = run().does("phone", "task/1", create(&["title=One"])).settles();
    let run = run.audit("ana", &[one()]).audit("ben", std::slice::from_ref(&other));
    let run = run.look("phone", &[one()], &[]).look("tablet", &[one()], &[]).look("laptop", &[other], &[]);
    assert_snapshot!(run.finish().verdict("converged"), @r"
    fail
    audits-differ lww value: the server shows ana title=One on task/1, but ben Two
      expected: the same value for everybody
      evidence: audited ana, audited ben
    ");
}

#[test]
fn without_the_last_state_nobody_can_tell() {
    let run = run().does("phone", "task/1", create(&["title=One"]));
    assert_snapshot!(run.verdict("converged"), @r"
    unknown
    unknown: nobody waited for the world to settle
    ");
    let run = run.settles().audit("ana", &[one()]);
    assert_snapshot!(run.verdict("converged"), @r"
    unknown
    unknown: the server was not asked on behalf of ben at the end; phone shows nothing at the end; tablet shows nothing at the end
    ");
    let failed = Event::AuditFailed { user: "ben".to_owned(), why: "503".to_owned() };
    let run = run.then("world", failed).look("phone", &[one()], &[]).look("tablet", &[one()], &[]);
    assert_snapshot!(run.verdict("converged"), @r"
    unknown
    unknown: the server could not be asked on behalf of ben: 503
    ");
}
