//! `duplicated`.

use crate::builder::*;
use deadzone_contract::RecordId;
use insta::assert_snapshot;

fn counted() -> Run {
    run()
        .does("phone", "task/1", create(&["title=T"]))
        .does("phone", "a2", edit("task/1", &["completed_count+=3"]))
        .does("laptop", "a3", edit("task/1", &["completed_count+=1"]))
}

fn with(total: i64) -> deadzone_contract::RecordView {
    task("task/1", &["title=T", &format!("completed_count={total}")])
}

#[test]
fn each_increment_counts_once() {
    let run = counted().sends("phone", "e1", &["task/1"]).arrives("e1").answered("e1").fails("e1").pushes(
        "phone",
        "e2",
        &["task/1"],
    );
    run.clone().ends_with(&[with(4)]).passes("duplicated");
    assert_snapshot!(run.clone().ends_with(&[with(7)]).verdict("duplicated"), @r"
    fail
    counted-twice counter add: phone's completed_count+=3 on task/1 (a2) counts more than once: the total is 7
      expected: completed_count=4, each increment once
      evidence: invoked a2, saved a2, sent e1, arrived e1, failed e1, sent e2, arrived e2, delivered e2, audited ana
    ");
    assert_snapshot!(run.ends_with(&[with(1_000)]).verdict("duplicated"), @r"
    fail
    counted-twice counter add: completed_count of task/1 is 1000, too much
      expected: completed_count=4, each increment once
      evidence: audited ana
    ");
}

#[test]
fn an_increment_that_may_be_there_counts_once_as_well() {
    let run = counted().begin("tablet", "a4", edit("task/1", &["completed_count+=50"])).indefinite("a4");
    run.clone().ends_with(&[with(4)]).passes("duplicated");
    run.clone().ends_with(&[with(54)]).passes("duplicated");
    assert_snapshot!(run.ends_with(&[with(104)]).verdict("duplicated"), @r"
    fail
    counted-twice counter add: tablet's completed_count+=50 on task/1 (a4) counts more than once: the total is 104
      expected: completed_count=4, and perhaps some of 50 on top
      evidence: invoked a4, indefinite a4, audited ana
    ");
}

#[test]
fn a_missing_increment_is_no_duplicate() {
    counted().ends_with(&[with(3)]).passes("duplicated");
    counted().ends_with(&[with(0)]).passes("duplicated");
}

#[test]
fn no_total_is_ever_higher_than_what_was_added_by_then() {
    let run = run()
        .does("phone", "task/1", create(&["title=T"]))
        .does("phone", "a2", edit("task/1", &["completed_count+=3"]))
        .shows("phone", with(3));
    let later =
        |run: Run| run.does("laptop", "a3", edit("task/1", &["completed_count+=3"])).ends_with(&[with(6)]);
    later(run.clone()).passes("duplicated");
    assert_snapshot!(later(run.shows("phone", with(6))).verdict("duplicated"), @r"
    fail
    counted-twice counter add: phone shows completed_count=6 on task/1, but only 3 had been added in all
      expected: at most 3
      evidence: shown phone
    ");
}

#[test]
fn a_counter_that_was_overwritten_is_not_judged() {
    counted()
        .does("phone", "a4", edit("task/1", &["completed_count=40"]))
        .ends_with(&[with(90)])
        .passes("duplicated");
}

#[test]
fn one_create_makes_one_record() {
    let run = run().does("phone", "task/1", create(&["title=Unique"]));
    let once = task("task/1", &["title=Unique"]);
    run.clone().ends_with(std::slice::from_ref(&once)).passes("duplicated");
    let mut twice = once.clone();
    twice.record = RecordId("another".to_owned());
    let run = run.ends_with(&[once, twice]);
    assert_snapshot!(run.verdict("duplicated"), @r"
    fail
    made-twice create: the server, asked by ana, shows a second record that phone's creation of task/1 (task/1) made: title=Unique
      expected: one create makes one record
      evidence: invoked task/1, saved task/1, audited ana
    ");
    // It is a duplicate, and therefore not said to be invented as well.
    run.passes("invented");
}

#[test]
fn two_creates_may_make_two_records_of_the_same_words() {
    let run = run()
        .does("phone", "task/1", create(&["title=Same"]))
        .begin("phone", "task/2", create(&["title=Same"]))
        .indefinite("task/2");
    run.ends_with(&[task("task/1", &["title=Same"]), task("task/2", &["title=Same"])]).passes("duplicated");
}

#[test]
fn without_the_last_state_nobody_can_tell() {
    assert_snapshot!(counted().verdict("duplicated"), @r"
    unknown
    unknown: nobody waited for the world to settle
    ");
    assert_snapshot!(counted().settles().verdict("duplicated"), @r"
    unknown
    unknown: the server was not asked on behalf of ana at the end
    ");
}
