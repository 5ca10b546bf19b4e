//! `lost`, rule `lww`, at the end.

use crate::builder::*;
use deadzone_contract::RecordState::{Conflict, Failed, Modified, Retrying};
use insta::assert_snapshot;

/// The phone makes a task, and the laptop comes to know of it.
fn shared() -> Run {
    run()
        .does("phone", "task/1", create(&["title=Draft"]))
        .pushes("phone", "e1", &["task/1 title=Draft@1"])
        .pulls("laptop", "e2")
        .shows("laptop", task("task/1", &["title=Draft"]))
}

#[test]
fn the_write_that_had_seen_the_other_stands() {
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Final"]));
    run.clone().ends_with(&[task("task/1", &["title=Final"])]).passes("lost");
    assert_snapshot!(run.ends_with(&[task("task/1", &["title=Draft"])]).verdict("lost"), @r"
    fail
    at-end lww put: laptop's title=Final on task/1 (a2) was saved, but the server has Draft
      expected: title=Final: nobody who knew of it wrote anything else
      evidence: invoked a2, saved a2, audited ana
    on-own-device lww put: laptop's title=Final on task/1 (a2) was saved, but laptop then shows title=Draft
      expected: title=Final, or something newer
      evidence: invoked a2, saved a2, viewed laptop
    ");
}

#[test]
fn a_value_that_vanished() {
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Final"]));
    assert_snapshot!(run.ends_with(&[task("task/1", &[])]).verdict("lost"), @r"
    fail
    at-end lww put: laptop's title=Final on task/1 (a2) was saved, but the server has nothing
      expected: title=Final: nobody who knew of it wrote anything else
      evidence: invoked a2, saved a2, audited ana
    on-own-device lww put: phone's title=Draft on task/1 (task/1) was saved, but phone then shows title=nothing
      expected: title=Draft, or something newer
      evidence: invoked task/1, saved task/1, viewed phone
    on-own-device lww put: laptop's title=Final on task/1 (a2) was saved, but laptop then shows title=nothing
      expected: title=Final, or something newer
      evidence: invoked a2, saved a2, viewed laptop
    ");
}

#[test]
fn between_concurrent_writes_the_highest_stamp_decides() {
    let run = shared()
        .does("laptop", "a2", edit("task/1", &["title=Ours"]))
        .does("phone", "a3", edit("task/1", &["title=Mine"]))
        .pushes("phone", "e3", &["task/1 title=Mine@30"])
        .pushes("laptop", "e4", &["task/1 title=Ours@20"]);
    run.clone().ends_with(&[task("task/1", &["title=Mine"])]).passes("lost");
    assert_snapshot!(run.ends_with(&[task("task/1", &["title=Ours"])]).verdict("lost"), @r"
    fail
    at-end lww put: phone's title=Mine on task/1 (a3) was saved, but the server has Ours, which has a lower stamp
      expected: title=Mine, the write with the highest stamp
      evidence: invoked a3, saved a3, sent e3, arrived e3, delivered e3, audited ana
    ");
}

#[test]
fn between_concurrent_writes_of_unknown_stamps_either_may_stand() {
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Ours"])).does(
        "phone",
        "a3",
        edit("task/1", &["title=Mine"]),
    );
    run.clone().ends_with(&[task("task/1", &["title=Mine"])]).passes("lost");
    run.clone().ends_with(&[task("task/1", &["title=Ours"])]).passes("lost");
    assert_snapshot!(run.ends_with(&[task("task/1", &["title=Draft"])]).verdict("lost"), @r"
    fail
    at-end lww put: phone's title=Mine on task/1 (a3) was saved, but the server has Draft
      expected: title=Mine or title=Ours
      evidence: invoked a3, saved a3, audited ana
    on-own-device lww put: phone's title=Mine on task/1 (a3) was saved, but phone then shows title=Draft
      expected: title=Mine, or something newer
      evidence: invoked a3, saved a3, viewed phone
    on-own-device lww put: laptop's title=Ours on task/1 (a2) was saved, but laptop then shows title=Draft
      expected: title=Ours, or something newer
      evidence: invoked a2, saved a2, viewed laptop
    ");
}

#[test]
fn the_stamp_that_was_sent_last_counts() {
    // The phone's clock is far ahead: its first stamp is refused, and it stamps anew.
    let run = shared()
        .does("laptop", "a2", edit("task/1", &["title=Ours"]))
        .does("phone", "a3", edit("task/1", &["title=Mine"]))
        .pushes("phone", "e3", &["task/1 title=Mine@9000"])
        .pushes("laptop", "e4", &["task/1 title=Ours@20"])
        .pushes("phone", "e5", &["task/1 title=Mine@10"]);
    run.clone().ends_with(&[task("task/1", &["title=Ours"])]).passes("lost");
    assert_snapshot!(run.ends_with(&[task("task/1", &["title=Mine"])]).verdict("lost"), @r"
    fail
    at-end lww put: laptop's title=Ours on task/1 (a2) was saved, but the server has Mine, which has a lower stamp
      expected: title=Ours, the write with the highest stamp
      evidence: invoked a2, saved a2, sent e4, arrived e4, delivered e4, audited ana
    ");
}

#[test]
fn a_value_written_twice_proves_nothing_by_its_stamp() {
    // Whose stamp 30 is, the first `Mine`'s or the second's, nobody knows.
    shared()
        .does("laptop", "a2", edit("task/1", &["title=Ours"]))
        .does("phone", "a3", edit("task/1", &["title=Mine"]))
        .begin("phone", "a4", edit("task/1", &["title=Mine"]))
        .indefinite("a4")
        .sends("phone", "e3", &["task/1 title=Mine@30"])
        .pushes("laptop", "e4", &["task/1 title=Ours@20"])
        .ends_with(&[task("task/1", &["title=Ours"])])
        .passes("lost");
}

#[test]
fn what_is_known_of_what_is_known_is_known() {
    // The tablet never showed `One`, but it showed `Two`, whose author had seen `One`.
    let run = shared()
        .does("phone", "a2", edit("task/1", &["title=One"]))
        .pushes("phone", "e3", &["task/1 title=One@30"])
        .shows("laptop", task("task/1", &["title=One"]))
        .does("laptop", "a3", edit("task/1", &["title=Two"]))
        .shows("tablet", task("task/1", &["title=Two"]))
        .does("tablet", "a4", edit("task/1", &["title=Three"]));
    run.clone().ends_with(&[task("task/1", &["title=Three"])]).passes("lost");
    assert_snapshot!(run.ends_with(&[task("task/1", &["title=One"])]).verdict("lost"), @r"
    fail
    at-end lww put: tablet's title=Three on task/1 (a4) was saved, but the server has One
      expected: title=Three: nobody who knew of it wrote anything else
      evidence: invoked a4, saved a4, audited ana
    on-own-device lww put: laptop's title=Two on task/1 (a3) was saved, but laptop then shows title=One
      expected: title=Two, or something newer
      evidence: invoked a3, saved a3, viewed laptop
    on-own-device lww put: tablet's title=Three on task/1 (a4) was saved, but tablet then shows title=One
      expected: title=Three, or something newer
      evidence: invoked a4, saved a4, viewed tablet
    ");
}

#[test]
fn a_value_of_two_authors_does_not_say_whom_it_was_seen_from() {
    // The tablet saw `Same`, written by both phone and laptop: neither write was surely seen.
    shared()
        .does("phone", "a2", edit("task/1", &["title=Same"]))
        .does("laptop", "a3", edit("task/1", &["title=Same"]))
        .shows("tablet", task("task/1", &["title=Same"]))
        .does("tablet", "a4", edit("task/1", &["title=Other"]))
        .ends_with(&[task("task/1", &["title=Same"])])
        .passes("lost");
}

#[test]
fn an_indefinite_write_may_stand_or_not() {
    let run = shared().begin("laptop", "a2", edit("task/1", &["title=Final"])).indefinite("a2");
    run.clone().ends_with(&[task("task/1", &["title=Final"])]).passes("lost");
    run.ends_with(&[task("task/1", &["title=Draft"])]).passes("lost");
}

#[test]
fn a_write_with_a_lower_stamp_cannot_replace_one_that_must_stand() {
    let run = shared()
        .begin("laptop", "a2", edit("task/1", &["title=Perhaps"]))
        .indefinite("a2")
        .does("phone", "a3", edit("task/1", &["title=Surely"]))
        .pushes("laptop", "e3", &["task/1 title=Perhaps@20"]);
    let low = run.clone().pushes("phone", "e4", &["task/1 title=Surely@10"]);
    low.ends_with(&[task("task/1", &["title=Perhaps"])]).passes("lost");
    let high = run.pushes("phone", "e4", &["task/1 title=Surely@30"]);
    assert_snapshot!(high.ends_with(&[task("task/1", &["title=Perhaps"])]).verdict("lost"), @r"
    fail
    at-end lww put: phone's title=Surely on task/1 (a3) was saved, but the server has Perhaps, which has a lower stamp
      expected: title=Surely, the write with the highest stamp
      evidence: invoked a3, saved a3, sent e4, arrived e4, delivered e4, audited ana
    ");
}

#[test]
fn what_stands_in_the_tray_is_not_lost() {
    let server = task("task/1", &["title=Draft"]);
    let failed = in_state(Failed, task("task/1", &["title=Draft"]));
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Final"])).settles();
    let run = run.audit("ana", std::slice::from_ref(&server)).audit("ben", std::slice::from_ref(&server));
    let run = run.look("phone", std::slice::from_ref(&server), &[]).look(
        "tablet",
        std::slice::from_ref(&server),
        &[],
    );
    run.clone().look("laptop", &[failed], &[item("task/1", Failed)]).finish().passes("lost");
    assert_snapshot!(run.look("laptop", &[server], &[]).finish().verdict("lost"), @r"
    fail
    at-end lww put: laptop's title=Final on task/1 (a2) was saved, but the server has Draft
      expected: title=Final: nobody who knew of it wrote anything else
      evidence: invoked a2, saved a2, audited ana
    on-own-device lww put: laptop's title=Final on task/1 (a2) was saved, but laptop then shows title=Draft
      expected: title=Final, or something newer
      evidence: invoked a2, saved a2, viewed laptop
    ");
}

#[test]
fn a_device_that_need_not_settle_may_still_hold_its_work() {
    let server = task("task/1", &["title=Draft"]);
    let waiting = in_state(Retrying, task("task/1", &["title=Final"]));
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Final"])).exempt("laptop").settles();
    let run = run.audit("ana", std::slice::from_ref(&server)).audit("ben", std::slice::from_ref(&server));
    let run = run.look("phone", std::slice::from_ref(&server), &[]).look(
        "tablet",
        std::slice::from_ref(&server),
        &[],
    );
    run.clone().look("laptop", &[waiting], &[]).finish().passes("lost");
    run.clone().finish().passes("lost");
    // An open conflict covers the badge of what waits.
    let asks = [in_state(Conflict, task("task/1", &["title=Final"]))];
    run.clone().look_with_queue("laptop", &asks, 1).finish().passes("lost");
    run.clone().look_with_queue("laptop", &asks, 0).finish().violates("lost at-end lww put");
    run.clone().look_with_queue("laptop", &[], 1).finish().violates("lost at-end lww put");
    // One that calls it synced cannot hold it any more.
    let synced = task("task/1", &["title=Final"]);
    assert_snapshot!(run.look("laptop", &[synced], &[]).finish().verdict("lost"), @r"
    fail
    at-end lww put: laptop's title=Final on task/1 (a2) was saved, but the server has Draft
      expected: title=Final: nobody who knew of it wrote anything else
      evidence: invoked a2, saved a2, audited ana
    ");
}

#[test]
fn a_device_that_has_to_settle_may_not_hold_its_work() {
    let server = task("task/1", &["title=Draft"]);
    let held = in_state(Modified, task("task/1", &["title=Final"]));
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Final"])).settles();
    let run = run.audit("ana", std::slice::from_ref(&server)).audit("ben", std::slice::from_ref(&server));
    assert_snapshot!(run.look("laptop", &[held], &[]).finish().verdict("lost"), @r"
    fail
    at-end lww put: laptop's title=Final on task/1 (a2) was saved, but the server has Draft
      expected: title=Final: nobody who knew of it wrote anything else
      evidence: invoked a2, saved a2, audited ana
    unknown: phone shows nothing at the end
    ");
}

#[test]
fn without_the_last_state_nobody_can_tell() {
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Final"]));
    assert_snapshot!(run.clone().finish().verdict("lost"), @r"
    unknown
    unknown: nobody waited for the world to settle
    ");
    let waiting = deadzone_trace::Event::Unsettled { waiting: vec!["phone".to_owned()] };
    assert_snapshot!(run.clone().settle_begins().then("world", waiting).verdict("lost"), @r"
    unknown
    unknown: the world did not settle
    ");
    assert_snapshot!(run.clone().settle_begins().verdict("lost"), @r"
    unknown
    unknown: the trace ends while the world settles
    ");
    assert_snapshot!(run.clone().settles().finish().verdict("lost"), @r"
    unknown
    unknown: laptop shows nothing at the end; phone shows nothing at the end; the server was not asked on behalf of ana at the end
    ");
    let failed =
        |user: &str| deadzone_trace::Event::AuditFailed { user: user.to_owned(), why: "503".to_owned() };
    let unasked = run.clone().settles().then("world", failed("ana")).then("world", failed("ben"));
    assert_snapshot!(unasked.finish().verdict("lost"), @r"
    unknown
    unknown: laptop shows nothing at the end; phone shows nothing at the end; the server could not be asked on behalf of ana: 503
    ");
    let done = run.ends_with(&[task("task/1", &["title=Final"])]);
    assert_snapshot!(done.does("phone", "a9", edit("task/1", &["title=Late"])).verdict("lost"), @r"
    unknown
    unknown: users went on after the world had settled last
    ");
}

#[test]
fn a_device_that_need_not_settle_may_still_have_to_delete() {
    let server = [task("task/1", &["title=Draft"])];
    let run = shared().does("laptop", "a2", delete("task/1")).exempt("laptop").settles();
    let run = run.audit("ana", &server).audit("ben", &server);
    let run = run.look("phone", &server, &[]).look("tablet", &server, &[]);
    run.clone().look_with_queue("laptop", &[], 1).finish().passes("lost");
    run.look_with_queue("laptop", &[], 0).finish().violates("lost at-end delete");
}
