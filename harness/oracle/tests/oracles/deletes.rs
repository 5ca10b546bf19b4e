//! `lost`: creations, deletions, and edits against deletions.

use crate::builder::*;
use deadzone_contract::{Choice, RecordState::Failed};
use insta::assert_snapshot;

/// A task that phone and laptop know.
fn shared() -> Run {
    run()
        .does("phone", "task/1", create(&["title=Draft"]))
        .pushes("phone", "e1", &["task/1"])
        .pulls("laptop", "e2")
        .shows("laptop", task("task/1", &["title=Draft"]))
}

#[test]
fn a_created_record_is_there() {
    shared().ends_with(&[task("task/1", &["title=Draft"])]).passes("lost");
    // The laptop's look is as empty as the server, so only the creation itself is missing.
    assert_snapshot!(shared().ends_with(&[]).verdict("lost"), @r"
    fail
    at-end create: phone's creation of task/1 (task/1) was saved, but the server, asked by ana, does not have it
      expected: task/1 on the server: nobody deleted it
      evidence: invoked task/1, saved task/1, sent e1, arrived e1, delivered e1, audited ana
    record-gone create: phone's creation of task/1 (task/1) was saved, but phone does not show it
      expected: task/1 on phone: nobody deleted or discarded it
      evidence: invoked task/1, saved task/1, viewed phone
    ");
}

#[test]
fn a_record_that_one_user_is_not_given() {
    let record = task("task/1", &["title=Draft"]);
    let run = shared().settles().audit("ana", std::slice::from_ref(&record)).audit("ben", &[]);
    let run = run.look("phone", &[record], &[]).finish();
    assert_snapshot!(run.verdict("lost"), @r"
    fail
    at-end create: phone's creation of task/1 (task/1) was saved, but the server, asked by ben, does not have it
      expected: task/1 on the server: nobody deleted it
      evidence: invoked task/1, saved task/1, sent e1, arrived e1, delivered e1, audited ben
    ");
}

#[test]
fn a_creation_that_failed_stands_in_the_tray() {
    let run =
        run().does("phone", "task/1", create(&["title=Draft"])).settles().audit("ana", &[]).audit("ben", &[]);
    let failed = in_state(Failed, task("task/1", &["title=Draft"]));
    run.look("phone", &[failed], &[item("task/1", Failed)]).finish().passes("lost");
}

#[test]
fn an_indefinite_creation_may_appear_or_not() {
    let run = run().begin("phone", "task/1", create(&["title=Draft"])).indefinite("task/1");
    run.clone().ends_with(&[]).passes("lost");
    // When it appears, it is that record, and what is done to it counts.
    let run = run.shows("phone", task("task/1", &["title=Draft"])).does(
        "phone",
        "a2",
        edit("task/1", &["title=Final"]),
    );
    run.clone().ends_with(&[task("task/1", &["title=Final"])]).passes("lost");
    run.clone().ends_with(&[task("task/1", &["title=Final"])]).passes("invented");
    assert_snapshot!(run.ends_with(&[task("task/1", &["title=Draft"])]).verdict("lost"), @r"
    fail
    at-end lww put: phone's title=Final on task/1 (a2) was saved, but the server has Draft
      expected: title=Final: nobody who knew of it wrote anything else
      evidence: invoked a2, saved a2, audited ana
    on-own-device lww put: phone's title=Final on task/1 (a2) was saved, but phone then shows title=Draft
      expected: title=Final, or something newer
      evidence: invoked a2, saved a2, viewed phone
    ");
}

#[test]
fn a_delete_that_knew_of_everything_stands() {
    let run = shared().does("laptop", "a2", delete("task/1"));
    run.clone().ends_with(&[]).passes("lost");
    assert_snapshot!(run.ends_with(&[task("task/1", &["title=Draft"])]).verdict("lost"), @r"
    fail
    at-end delete: laptop's deletion of task/1 (a2) was saved, but task/1 is still on the server
      expected: task/1 is gone: the delete knew of every edit
      evidence: invoked a2, saved a2, audited ana
    ");
}

#[test]
fn an_indefinite_delete_goes_either_way() {
    let run = shared().begin("laptop", "a2", delete("task/1")).indefinite("a2");
    run.clone().ends_with(&[]).passes("lost");
    run.ends_with(&[task("task/1", &["title=Draft"])]).passes("lost");
}

#[test]
fn an_edit_that_the_delete_cannot_have_known_outlives_it() {
    let run = shared()
        .does("phone", "a2", edit("task/1", &["title=Final"]))
        .pushes("phone", "e3", &["task/1"])
        .does("laptop", "a3", delete("task/1"));
    run.clone().ends_with(&[task("task/1", &["title=Final"])]).passes("lost");
    assert_snapshot!(run.ends_with(&[]).verdict("lost"), @r"
    fail
    edit-against-delete lww put: phone's title=Final on task/1 (a2) is gone: laptop's deletion of task/1 (a3) did not know of it and won
      expected: task/1 comes back whole: an edit that the delete did not know of outlives it
      evidence: invoked a2, saved a2, sent e3, arrived e3, delivered e3, invoked a3, saved a3, audited ana
    ");
}

#[test]
fn an_edit_that_the_delete_knew_goes_with_it() {
    let run = shared()
        .does("phone", "a2", edit("task/1", &["title=Final", "tags+=home", "completed_count+=3"]))
        .pushes("phone", "e3", &["task/1"])
        .pulls("laptop", "e4")
        .shows("laptop", task("task/1", &["title=Final", "tags=[home]", "completed_count=3"]))
        .does("laptop", "a3", delete("task/1"));
    run.clone().ends_with(&[]).passes("lost");
    let back = task("task/1", &["title=Final", "tags=[home]", "completed_count=3"]);
    assert_snapshot!(run.ends_with(&[back]).verdict("lost"), @r"
    fail
    at-end delete: laptop's deletion of task/1 (a3) was saved, but task/1 is still on the server
      expected: task/1 is gone: the delete knew of every edit
      evidence: invoked a3, saved a3, audited ana
    ");
}

#[test]
fn an_edit_that_the_delete_may_have_known_goes_either_way() {
    // The laptop had an answer after the edit was on the server, but never showed it.
    let run = shared()
        .does("phone", "a2", edit("task/1", &["completed_count+=3"]))
        .pushes("phone", "e3", &["task/1"])
        .pulls("laptop", "e4")
        .does("laptop", "a3", delete("task/1"));
    run.clone().ends_with(&[]).passes("lost");
    run.ends_with(&[task("task/1", &["title=Draft", "completed_count=3"])]).passes("lost");
}

#[test]
fn a_decision_elsewhere_changes_a_record_without_a_value_to_see() {
    let run = shared().does("phone", "a2", resolve("task/1", "status", Choice::UseTheirs)).does(
        "laptop",
        "a3",
        delete("task/1"),
    );
    run.clone().ends_with(&[]).passes("lost");
    run.ends_with(&[task("task/1", &["title=Draft"])]).passes("lost");
}

#[test]
fn a_delete_that_was_discarded_before_it_left_deletes_nothing() {
    let run = shared().does("laptop", "a2", delete("task/1")).does("laptop", "a3", discard("task/1"));
    run.clone().ends_with(&[task("task/1", &["title=Draft"])]).passes("lost");
    assert_snapshot!(run.ends_with(&[]).verdict("lost"), @r"
    fail
    at-end create: phone's creation of task/1 (task/1) was saved, but the server, asked by ana, does not have it
      expected: task/1 on the server: nobody deleted it
      evidence: invoked task/1, saved task/1, sent e1, arrived e1, delivered e1, audited ana
    ");
}
