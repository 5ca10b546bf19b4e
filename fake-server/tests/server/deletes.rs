//! Delete against edit, and what is left of a deleted record.

use insta::assert_snapshot;

use crate::lab::Lab;
use crate::rules::{lab, prepared};
use crate::write::{after, base, create, delete, task, update};

#[test]
fn a_delete_of_what_was_in_view_leaves_a_tombstone() {
    let lab = lab();
    assert_snapshot!(lab.push("ben/laptop", [delete(1, "t", base(1)), delete(2, "t", base(1))]), @r"
    1 done -> nothing
    2 done -> nothing
    ");
    assert_snapshot!(lab.all("ben/laptop"), @r"
    p@1 title=House
    t@2 deleted includes 1
    ");
}

#[test]
fn an_edit_that_the_delete_had_not_seen_wins() {
    let lab = lab();
    // Its stamp is too low to change the title; its user wanted the record all the same.
    lab.push("ana/phone", [update(1, "t").put("title", "Oat milk").at(0)]);
    assert_snapshot!(lab.push("ben/laptop", [
        delete(1, "t", base(1)),
        delete(2, "t", after(1, 1)),
        delete(3, "t", base(9)),
    ]), @r"
    1 done -> t@2 title=Milk
    2 done -> t@2 title=Milk
    3 done -> t@2 title=Milk
    ");
}

#[test]
fn own_edits_do_not_stand_in_the_way() {
    let lab = lab();
    assert_snapshot!(lab.push("ben/laptop", [
        update(1, "t").put("title", "Oat milk"),
        update(2, "t").put("title", "older").at(0),
        delete(3, "t", after(1, 2)),
    ]), @r#"
    1 done -> t@2 title="Oat milk" includes 1
    2 done -> t@3 title="Oat milk" includes 2
    3 done -> nothing
    "#);
    // The delete named number 1 only; number 2 was not in view.
    assert_snapshot!(lab.push("ana/phone", [
        task(1, "u"),
        update(2, "u").put("title", "a copy of this device wrote this"),
        delete(3, "u", after(0, 1)),
    ]), @r#"
    1 done -> u@1 includes 1
    2 done -> u@2 title="a copy of this device wrote this" includes 2
    3 done -> u@2 title="a copy of this device wrote this" includes 2
    "#);
}

#[test]
fn an_edit_brings_a_deleted_record_back_whole() {
    let lab = lab();
    lab.push("ana/phone", [update(1, "t").tags(["urgent"], []).set("status", "open", base(0))]);
    lab.push("ben/laptop", [delete(1, "t", base(2))]);
    // Even one that changes nothing.
    assert_snapshot!(lab.push("ana/phone", [update(2, "t").put("title", "old").at(0)]), @"2 done -> t@4 status=open@1 tags=[urgent by phone:1:urgent] title=Milk includes 2");
    assert_snapshot!(lab.all("ben/laptop"), @r"
    p@1 title=House
    t@4 status=open@1 tags=[urgent by phone:1:urgent] title=Milk includes 1
    ");
}

#[test]
fn a_delete_does_not_take_another_users_conflict_along() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    lab.push("ana/phone", [update(1, "t").set("status", "done", base(0))]);
    lab.push("ben/laptop", [delete(2, "t", base(3))]);
    assert_snapshot!(lab.push("ana/phone", [update(2, "t").put("title", "Back")]), @"2 done -> t@4 status=open@1 title=Back [status: phone:1:status mine=done theirs=open@1] includes 2");
}

#[test]
fn a_delete_elsewhere_is_nothing_that_a_delete_could_overlook() {
    let lab = lab();
    lab.push("ben/laptop", [delete(1, "t", base(1))]);
    // The edit was made before either delete was known and brings the record back; its own
    // device then deletes it, and nobody is left who wants it.
    assert_snapshot!(lab.push("ana/phone", [
        update(1, "t").put("title", "Mine"),
        delete(2, "t", after(1, 1)),
    ]), @r"
    1 done -> t@3 title=Mine includes 1
    2 done -> nothing
    ");
    assert_snapshot!(lab.all("ben/laptop"), @r"
    p@1 title=House
    t@4 deleted includes 1
    ");
}

#[test]
fn children_of_a_deleted_record_stay_and_more_may_come() {
    let lab = lab();
    lab.push("ana/phone", [create(1, "c", "comment", "home", Some("t")).put("body", "first")]);
    lab.push("ana/phone", [delete(2, "t", base(1))]);
    assert_snapshot!(
        lab.push("ana/phone", [create(3, "d", "comment", "home", Some("t")).put("body", "second")]), @"3 done -> d@1 body=second includes 3");
    assert_snapshot!(lab.all("ben/laptop"), @r"
    p@1 title=House
    c@1 body=first
    t@2 deleted
    d@1 body=second
    ");
}

#[test]
fn a_comment_that_was_deleted_stays_so() {
    let lab = lab();
    lab.push("ana/phone", [create(1, "c", "comment", "home", Some("t")).put("body", "first")]);
    // The edit arrives first, and the delete had not seen it.
    lab.push("ana/tablet", [update(3, "c").put("body", "second")]);
    assert_snapshot!(lab.push("ben/laptop", [delete(1, "c", base(1))]), @"1 done -> nothing");
    // The other way round.
    assert_snapshot!(lab.push("ana/phone", [
        update(2, "c").put("body", "third"),
        update(2, "c").put("body", "third"),
        delete(3, "c", base(1)),
    ]), @r"
    2 gone (the comment was deleted meanwhile; it can be created anew) -> nothing
    2 gone (the comment was deleted meanwhile; it can be created anew) -> nothing
    3 done -> nothing
    ");
    assert_snapshot!(lab.all("ben/laptop"), @r"
    p@1 title=House
    t@1 title=Milk
    c@3 deleted includes 1
    ");
}

#[test]
fn a_comment_comes_back_only_by_the_device_that_deleted_it() {
    let lab = lab();
    lab.push("ana/phone", [create(1, "c", "comment", "home", Some("t")).put("body", "first")]);
    lab.push("ana/phone", [delete(5, "c", base(1))]);
    assert_snapshot!(lab.push("ana/tablet", [update(9, "c").put("body", "another device")]), @"9 gone (the comment was deleted meanwhile; it can be created anew) -> nothing");
    assert_snapshot!(lab.push("ana/phone", [
        update(4, "c").put("body", "made before the delete, arrives behind it"),
        update(6, "c").put("body", "of a copy of the phone, perhaps"),
        update(7, "c"),
    ]), @r"
    4 gone (the comment was deleted meanwhile; it can be created anew) -> nothing
    6 gone (the comment was deleted meanwhile; it can be created anew) -> nothing
    7 done -> c@3 body=first includes 7
    ");
}

#[test]
fn past_the_horizon_nothing_is_left_but_the_name() {
    let lab = prepared(Lab::with(|p| p.tombstone_horizon = 1_000));
    lab.push("ana/phone", [delete(1, "t", base(1))]);
    lab.pass(999);
    assert_snapshot!(lab.all("ana/phone"), @r"
    p@1 title=House
    t@2 deleted includes 1
    ");
    lab.pass(1);
    assert_snapshot!(lab.all("ana/phone"), @"p@1 title=House");
    assert_snapshot!(lab.push("ana/phone", [
        update(2, "t").put("title", "too late"),
        delete(3, "t", base(2)),
        task(4, "t"),
        create(5, "c", "comment", "home", Some("t")),
    ]), @r"
    2 gone (the record was deleted long ago and cannot come back) -> nothing
    3 done -> nothing
    4 record-exists (a record of this id exists already) -> nothing
    5 unknown-record (there is no such task to hang it under) -> nothing
    ");
    // Who may not see it is told what is told of everything else.
    assert_snapshot!(lab.push("eve/pad", [update(1, "t").put("title", "x")]), @"1 unknown-record (there is no such record) -> nothing");
    let left: u64 = lab
        .anchor
        .query_row("SELECT count(*) FROM fields JOIN records ON key = record WHERE id = 't'", [], |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(left, 0, "content outlives its purge");
}
