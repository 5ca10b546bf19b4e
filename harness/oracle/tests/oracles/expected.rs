//! `expected`.

use crate::builder::*;
use deadzone_contract::{Badge, RecordId, RecordState::Failed, RecordView};
use deadzone_trace::{Claim, Event, FieldClaim, Place};
use insta::assert_snapshot;

fn one() -> RecordView {
    task("task/1", &["title=One"])
}

fn scene(server: &[RecordView], phone: &[RecordView]) -> Run {
    let run = run().does("phone", "task/1", create(&["title=One"]));
    let run = run.audit("ana", server).audit("ben", server).look("laptop", server, &[]);
    run.look("tablet", server, &[]).look("phone", phone, &[])
}

fn record(once: bool, fields: &[(&str, bool, &str)], place: Place) -> Claim {
    let claim = |&(field, equal, words): &(&str, bool, &str)| FieldClaim {
        field: field.to_owned(),
        equal,
        value: value(words),
    };
    Claim::Record { name: "task/1".to_owned(), once, fields: fields.iter().map(claim).collect(), place }
}

fn on_phone() -> Place {
    Place::Devices(vec!["phone".to_owned()])
}

fn says(run: Run, claim: Claim) -> String {
    run.expects(claim).verdict("expected")
}

#[test]
fn a_record_is_there() {
    for place in [Place::Everywhere, Place::Server, on_phone()] {
        assert_eq!(says(scene(&[one()], &[one()]), record(true, &[("title", true, "One")], place)), "pass");
    }
    assert_snapshot!(says(scene(&[one()], &[]), record(false, &[], Place::Everywhere)), @r"
    fail
    record claim: line 9 (expect the claim): phone does not show task/1
      expected: the claim
      evidence: viewed phone, expected world
    ");
    assert_eq!(says(scene(&[one()], &[]), record(false, &[], Place::Server)), "pass");
    assert_snapshot!(says(scene(&[], &[one()]), record(false, &[], Place::Server)), @r"
    fail
    record claim: line 9 (expect the claim): the server, asked by ana, does not show task/1
      expected: the claim
      evidence: audited ana, expected world
    ");
}

#[test]
fn a_record_is_there_once() {
    let mut again = one();
    again.record = RecordId("another".to_owned());
    let run = scene(&[one(), again], &[one()]);
    assert_eq!(says(run.clone(), record(false, &[], Place::Server)), "pass");
    assert_snapshot!(says(run, record(true, &[], Place::Server)), @r"
    fail
    once claim: line 9 (expect the claim): the server, asked by ana, shows task/1 2 times
      expected: the claim
      evidence: audited ana, expected world
    ");
}

#[test]
fn a_field_has_a_value() {
    let phone = || scene(&[], &[one()]);
    assert_eq!(says(phone(), record(false, &[("title", false, "Two")], on_phone())), "pass");
    // What nobody wrote: a counter is 0, a set is empty, anything else is nothing.
    let empty = [("completed_count", true, "0"), ("tags", true, "[]"), ("status", false, "open")];
    assert_eq!(says(phone(), record(false, &empty, on_phone())), "pass");
    let wrong =
        [("title", true, "Two"), ("title", false, "One"), ("tags", true, "[home]"), ("due", true, "x")];
    assert_snapshot!(says(phone(), record(false, &wrong, on_phone())), @r"
    fail
    field lww claim: line 9 (expect the claim): phone shows title=One
      expected: the claim
      evidence: viewed phone, expected world
    field set claim: line 9 (expect the claim): phone shows tags=[]
      expected: the claim
      evidence: viewed phone, expected world
    field version claim: line 9 (expect the claim): phone shows due=nothing
      expected: the claim
      evidence: viewed phone, expected world
    ");
}

#[test]
fn a_record_is_absent() {
    let absent = |place| Claim::Absent { name: "task/1".to_owned(), place };
    assert_eq!(says(scene(&[], &[]), absent(Place::Everywhere)), "pass");
    assert_snapshot!(says(scene(&[], &[one()]), absent(Place::Everywhere)), @r"
    fail
    absent claim: line 9 (expect the claim): phone shows task/1
      expected: the claim
      evidence: viewed phone, expected world
    ");
}

#[test]
fn a_conflict_is_shown_or_not() {
    let asked = task("task/1", &["title=One", "status:done<open"]);
    let claim = |shown| Claim::Conflict {
        name: "task/1".to_owned(),
        field: "status".to_owned(),
        shown,
        devices: vec!["phone".to_owned()],
    };
    assert_eq!(says(scene(&[], std::slice::from_ref(&asked)), claim(true)), "pass");
    assert_eq!(says(scene(&[], &[one()]), claim(false)), "pass");
    assert_snapshot!(says(scene(&[], std::slice::from_ref(&asked)), claim(false)), @r"
    fail
    conflict version claim: line 9 (expect the claim): phone shows a conflict of task/1.status
      expected: the claim
      evidence: viewed phone, expected world
    ");
    assert_snapshot!(says(scene(&[], &[one()]), claim(true)), @r"
    fail
    conflict version claim: line 9 (expect the claim): phone shows no conflict of task/1.status
      expected: the claim
      evidence: viewed phone, expected world
    ");
    assert_eq!(says(scene(&[one()], &[one()]), Claim::NoConflicts), "pass");
    assert_snapshot!(says(scene(&[asked], &[one()]), Claim::NoConflicts), @r"
    fail
    no-conflicts version claim: line 9 (expect the claim): the server, asked by ana, shows a conflict of task/1.status
      expected: the claim
      evidence: audited ana, expected world
    ");
}

#[test]
fn a_tray_lists_a_record_or_not() {
    let run = |tray: &[deadzone_contract::TrayItem]| scene(&[], &[]).look("phone", &[one()], tray);
    let claim = |listed| Claim::InTray {
        name: "task/1".to_owned(),
        device: "phone".to_owned(),
        listed,
        because: None,
    };
    let empty = || Claim::TrayEmpty { device: "phone".to_owned() };
    let full = [item("task/1", Failed)];
    assert_eq!(says(run(&full), claim(true)), "pass");
    assert_eq!(says(run(&[]), claim(false)), "pass");
    assert_eq!(says(run(&[]), empty()), "pass");
    assert_snapshot!(says(run(&full), claim(false)), @r"
    fail
    in-tray claim: line 9 (expect the claim): phone's tray lists task/1
      expected: the claim
      evidence: viewed phone, expected world
    ");
    assert_snapshot!(says(run(&[]), claim(true)), @r"
    fail
    in-tray claim: line 9 (expect the claim): phone's tray does not list task/1
      expected: the claim
      evidence: viewed phone, expected world
    ");
    assert_snapshot!(says(run(&full), empty()), @r"
    fail
    tray-empty claim: line 9 (expect the claim): phone's tray has 1, `set status=done` first
      expected: the claim
      evidence: viewed phone, expected world
    ");
}

#[test]
fn a_badge_shows() {
    let claim = |badge| Claim::Badge { device: "phone".to_owned(), badge };
    assert_eq!(says(scene(&[], &[]), claim(Badge::Synced)), "pass");
    assert_snapshot!(says(scene(&[], &[]), claim(Badge::Error)), @r"
    fail
    badge claim: line 9 (expect the claim): phone's badge is synced
      expected: the claim
      evidence: viewed phone, expected world
    ");
}

#[test]
fn only_what_was_seen_since_the_last_step_counts() {
    let stale = scene(&[one()], &[one()]).does("phone", "a2", edit("task/1", &["title=Two"]));
    assert_snapshot!(says(stale.clone(), record(false, &[], Place::Server)), @r"
    unknown
    unknown: line 9 (expect the claim): the server was not asked on behalf of ana
    ");
    assert_snapshot!(says(stale, record(false, &[], on_phone())), @r"
    unknown
    unknown: line 9 (expect the claim): phone was not looked at
    ");
    // Claims that follow each other look at the same state.
    let run = scene(&[one()], &[one()]).expects(record(false, &[], Place::Server));
    assert_eq!(says(run, record(false, &[], on_phone())), "pass");
}

#[test]
fn what_cannot_be_seen_cannot_be_told() {
    let failed = Event::AuditFailed { user: "ben".to_owned(), why: "503".to_owned() };
    let run = scene(&[one()], &[one()]);
    assert_snapshot!(says(run.clone().then("world", failed), record(false, &[], Place::Server)), @r"
    unknown
    unknown: line 9 (expect the claim): the server could not be asked on behalf of ben: 503
    ");
    let down = Event::HostDown { crash: deadzone_trace::Crash::Kill };
    assert_snapshot!(says(run.clone().then("phone", down), record(false, &[], Place::Everywhere)), @r"
    unknown
    unknown: line 9 (expect the claim): phone was not looked at
    ");
    let stranger = Claim::Absent { name: "task/7".to_owned(), place: Place::Server };
    assert_snapshot!(says(run, stranger), @r"
    unknown
    unknown: line 9 (expect the claim): nobody created task/7
    ");
}

#[test]
fn a_refused_create_makes_nothing() {
    let run = run().begin("phone", "task/1", create(&["title=One"])).refused("task/1");
    let run = run.audit("ana", &[]).audit("ben", &[]);
    assert_eq!(says(run.clone(), Claim::Absent { name: "task/1".to_owned(), place: Place::Server }), "pass");
    assert_snapshot!(says(run, record(false, &[], Place::Server)), @r"
    fail
    record claim: line 9 (expect the claim): the server, asked by ana, does not show task/1
      expected: the claim
      evidence: audited ana, expected world
    ");
}
