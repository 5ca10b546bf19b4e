//! `lost`, rule `counter`, at the end.

use crate::builder::*;
use insta::assert_snapshot;

fn counted() -> Run {
    run()
        .does("phone", "task/1", create(&["title=T"]))
        .pushes("phone", "e1", &["task/1"])
        .shows("laptop", task("task/1", &["title=T"]))
        .does("phone", "a2", edit("task/1", &["completed_count+=1"]))
        .does("laptop", "a3", edit("task/1", &["completed_count+=2"]))
}

fn end(run: &Run, total: i64) -> String {
    run.clone()
        .ends_with(&[task("task/1", &["title=T", &format!("completed_count={total}")])])
        .verdict("lost")
}

#[test]
fn every_increment_is_in_the_total() {
    assert_eq!(end(&counted(), 3), "pass");
    assert_snapshot!(end(&counted(), 1), @r"
    fail
    at-end counter add: laptop's completed_count+=2 on task/1 (a3) was saved, but is not in the total of 1
      expected: completed_count=3, each increment once
      evidence: invoked a3, saved a3, audited ana
    on-own-device counter add: laptop's completed_count+=2 on task/1 (a3) was saved, but laptop then shows completed_count=1
      expected: at least 2: what was added on laptop itself, less what was taken away
      evidence: invoked a3, saved a3, viewed laptop
    ");
    assert_snapshot!(counted().ends_with(&[task("task/1", &["title=T"])]).verdict("lost"), @r"
    fail
    at-end counter add: phone's completed_count+=1 on task/1 (a2) was saved, but is not in the total of 0, nor is something else
      expected: completed_count=3, each increment once
      evidence: invoked a2, saved a2, audited ana
    on-own-device counter add: phone's completed_count+=1 on task/1 (a2) was saved, but phone then shows completed_count=nothing
      expected: at least 1: what was added on phone itself, less what was taken away
      evidence: invoked a2, saved a2, viewed phone
    on-own-device counter add: laptop's completed_count+=2 on task/1 (a3) was saved, but laptop then shows completed_count=nothing
      expected: at least 2: what was added on laptop itself, less what was taken away
      evidence: invoked a3, saved a3, viewed laptop
    ");
}

#[test]
fn an_increment_that_may_be_there_does_not_stand_for_one_that_must() {
    let run = counted().begin("tablet", "a4", edit("task/1", &["completed_count+=4"])).indefinite("a4");
    assert_eq!(end(&run, 3), "pass");
    assert_eq!(end(&run, 7), "pass");
    assert_snapshot!(end(&run, 5), @r"
    fail
    at-end counter add: laptop's completed_count+=2 on task/1 (a3) was saved, but is not in the total of 5
      expected: completed_count=3, and perhaps some of 4 on top
      evidence: invoked a3, saved a3, audited ana
    ");
    assert_snapshot!(end(&run, 0), @r"
    fail
    at-end counter add: phone's completed_count+=1 on task/1 (a2) was saved, but is not in the total of 0, nor is something else
      expected: completed_count=3, and perhaps some of 4 on top
      evidence: invoked a2, saved a2, audited ana
    on-own-device counter add: phone's completed_count+=1 on task/1 (a2) was saved, but phone then shows completed_count=0
      expected: at least 1: what was added on phone itself, less what was taken away
      evidence: invoked a2, saved a2, viewed phone
    on-own-device counter add: laptop's completed_count+=2 on task/1 (a3) was saved, but laptop then shows completed_count=0
      expected: at least 2: what was added on laptop itself, less what was taken away
      evidence: invoked a3, saved a3, viewed laptop
    ");
}

#[test]
fn a_total_too_high_is_nothing_lost() {
    assert_eq!(end(&counted(), 4), "pass");
}

#[test]
fn where_several_are_missing_one_that_never_arrived_is_named() {
    let run = counted().pushes("phone", "e3", &["task/1"]);
    assert_snapshot!(end(&run, 0), @r"
    fail
    at-end counter add: laptop's completed_count+=2 on task/1 (a3) was saved, but is not in the total of 0, nor is something else
      expected: completed_count=3, each increment once
      evidence: invoked a3, saved a3, audited ana
    on-own-device counter add: phone's completed_count+=1 on task/1 (a2) was saved, but phone then shows completed_count=0
      expected: at least 1: what was added on phone itself, less what was taken away
      evidence: invoked a2, saved a2, viewed phone
    on-own-device counter add: laptop's completed_count+=2 on task/1 (a3) was saved, but laptop then shows completed_count=0
      expected: at least 2: what was added on laptop itself, less what was taken away
      evidence: invoked a3, saved a3, viewed laptop
    ");
}

#[test]
fn a_discarded_increment_that_had_left_goes_either_way() {
    // The answer to the push is lost: what left cannot be called back.
    let run = counted()
        .does("tablet", "a4", edit("task/1", &["completed_count+=4"]))
        .sends("tablet", "e3", &["task/1"])
        .fails("e3")
        .does("tablet", "a5", discard("task/1"))
        .arrives("e3");
    assert_eq!(end(&run, 3), "pass");
    assert_eq!(end(&run, 7), "pass");
}

#[test]
fn an_increment_that_its_user_knew_to_be_there_cannot_be_discarded() {
    let run = counted()
        .pushes("phone", "e3", &["task/1"])
        .shows("phone", task("task/1", &["title=T", "completed_count=1"]))
        .does("phone", "a4", edit("task/1", &["completed_count+=4"]))
        .does("phone", "a5", discard("task/1"));
    assert_eq!(end(&run, 3), "pass");
    assert_snapshot!(end(&run, 2), @r"
    fail
    at-end counter add: phone's completed_count+=1 on task/1 (a2) was saved, but is not in the total of 2
      expected: completed_count=3, each increment once
      evidence: invoked a2, saved a2, sent e3, arrived e3, delivered e3, audited ana
    ");
}

#[test]
fn a_badge_alone_confirms_nothing() {
    // The phone called it synced without any answer: that is a lie, and no reason to expect it.
    let run = counted().shows("phone", task("task/1", &["title=T", "completed_count=1"])).does(
        "phone",
        "a4",
        discard("task/1"),
    );
    assert_eq!(end(&run, 2), "pass");
}
