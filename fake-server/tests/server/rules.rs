//! What each rule does, and what no rule takes.

use deadzone_contract::Value;
use deadzone_contract::wire::FieldOp;
use insta::assert_snapshot;

use crate::lab::{Lab, START_MS};
use crate::write::{after, base, create, delete, project, task, update};

/// A project `p` and a task `t` in it, made by Ana's tablet before every other write.
pub(crate) fn lab() -> Lab {
    prepared(Lab::new())
}

pub(crate) fn prepared(lab: Lab) -> Lab {
    lab.push(
        "ana/tablet",
        [project(1, "p").put("title", "House").at(0), task(2, "t").put("title", "Milk").at(0)],
    );
    lab
}

#[test]
fn the_highest_stamp_wins_whatever_comes_last() {
    let lab = lab();
    let write = |number, ms, n, device: &str, value: &str| {
        update(number, "t").put("title", value).stamped(START_MS + ms, n, device)
    };
    assert_snapshot!(lab.push("ana/phone", [
        write(1, 50, 0, "phone", "later"),
        write(2, 49, 9, "phone", "earlier"),
        write(3, 50, 1, "laptop", "same ms, counted further"),
        write(4, 50, 1, "phone", "the device breaks the tie"),
        write(5, 50, 1, "phone", "not again"),
    ]), @r#"
    1 done -> t@2 title=later includes 1
    2 done -> t@3 title=later includes 2
    3 done -> t@4 title="same ms, counted further" includes 3
    4 done -> t@5 title="the device breaks the tie" includes 4
    5 done -> t@6 title="the device breaks the tie" includes 5
    "#);
}

#[test]
fn a_stamp_too_far_ahead_is_refused_with_everything_in_its_mutation() {
    let lab = prepared(Lab::with(|p| p.stamp_ahead = 100));
    assert_snapshot!(lab.push("ana/phone", [
        update(1, "t").put("title", "on the edge").at(100),
        update(2, "t").put("title", "beyond it").add("completed_count", 1).at(101),
        delete(3, "t", base(2)).at(101),
        task(4, "u").at(101),
        update(5, "t").put("title", "never").stamped(u64::MAX, 0, "d"),
    ]), @r#"
    1 done -> t@2 title="on the edge" includes 1
    2 stamp-ahead (the stamp is 101 ms ahead of the server's clock; stamp anew) -> t@2 title="on the edge" includes 1
    3 stamp-ahead (the stamp is 101 ms ahead of the server's clock; stamp anew) -> t@2 title="on the edge" includes 1
    4 stamp-ahead (the stamp is 101 ms ahead of the server's clock; stamp anew) -> nothing
    5 stamp-ahead (the stamp is 18446744073708551615 ms ahead of the server's clock; stamp anew) -> t@2 title="on the edge" includes 1
    "#);
}

#[test]
fn increments_add_up_and_stop_at_the_end_of_counting() {
    let lab = lab();
    assert_snapshot!(lab.push("ana/phone", [
        update(1, "t").add("completed_count", 2),
        update(2, "t").add("completed_count", -5),
        update(3, "t").add("completed_count", i64::MIN),
        update(4, "t").op("completed_count", FieldOp::Put { value: Value::Int(i64::MAX) }),
        update(5, "t").put("title", "gone with the rest").add("completed_count", 1),
        update(6, "t").put("completed_count", "three"),
    ]), @r"
    1 done -> t@2 completed_count=2 title=Milk includes 1
    2 done -> t@3 completed_count=-3 title=Milk includes 2
    3 invalid (`completed_count` cannot count that far: -3 and -9223372036854775808) -> t@3 completed_count=-3 title=Milk includes 2
    4 done -> t@4 completed_count=9223372036854775807 title=Milk includes 4
    5 invalid (`completed_count` cannot count that far: 9223372036854775807 and 1) -> t@4 completed_count=9223372036854775807 title=Milk includes 4
    6 invalid (`completed_count` is a counter and holds whole numbers) -> t@4 completed_count=9223372036854775807 title=Milk includes 4
    ");
}

#[test]
fn a_removal_takes_away_only_what_it_had_seen() {
    let lab = lab();
    assert_snapshot!(lab.push("ana/phone", [
        update(1, "t").tags(["home", "urgent"], []),
        update(2, "t").tags(["urgent"], []),
        update(3, "t").tags([], [("urgent", &["phone:1:urgent", "phone:9:urgent"])]),
        update(4, "t").tags(["garden"], [("urgent", &["phone:2:urgent"]), ("home", &["phone:1:home"])]),
        update(5, "t").tags([], [("garden", &["phone:4:garden"])]),
    ]), @r"
    1 done -> t@2 tags=[home by phone:1:home, urgent by phone:1:urgent] title=Milk includes 1
    2 done -> t@3 tags=[home by phone:1:home, urgent by phone:1:urgent and phone:2:urgent] title=Milk includes 2
    3 done -> t@4 tags=[home by phone:1:home, urgent by phone:2:urgent] title=Milk includes 3
    4 done -> t@5 tags=[garden by phone:4:garden] title=Milk includes 4
    5 done -> t@6 title=Milk includes 5
    ");
}

#[test]
fn the_first_write_to_an_immutable_field_stays() {
    let lab = lab();
    assert_snapshot!(lab.push("ben/laptop", [
        update(1, "t").put("created_at", "monday"),
        update(2, "t").put("created_at", "monday").put("title", "Oat milk"),
    ]), @r#"
    1 done -> t@2 created_at=monday for ever title=Milk includes 1
    2 done -> t@3 created_at=monday for ever title="Oat milk" includes 2
    "#);
    // Whoever comes later loses that field, and nothing else.
    let late = update(1, "t").put("created_at", "tuesday").put("title", "Soy milk").add("completed_count", 1);
    assert_snapshot!(lab.push("ana/phone", [late.clone(), late]), @r#"
    1 done created_at: immutable -> t@4 completed_count=1 created_at=monday for ever title="Oat milk" includes 1
    1 done created_at: immutable -> t@4 completed_count=1 created_at=monday for ever title="Oat milk" includes 1
    "#);
    assert_snapshot!(lab.push("ana/phone", [
        task(2, "u").put("created_at", "monday").put("private", "no"),
        update(3, "u").put("created_at", "tuesday").put("private", "yes"),
        update(4, "u").set("created_at", "tuesday", base(0)),
    ]), @r"
    2 done -> u@1 created_at=monday for ever private=no for ever includes 2
    3 done created_at: immutable private: immutable -> u@1 created_at=monday for ever private=no for ever includes 2
    4 invalid (`created_at` has rule immutable, which this operation does not fit) -> u@1 created_at=monday for ever private=no for ever includes 2
    ");
}

#[test]
fn an_edit_that_is_refused_in_every_field_was_none() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").put("created_at", "monday"), delete(2, "t", base(2))]);
    let refused = update(1, "t").put("created_at", "tuesday");
    assert_snapshot!(lab.push("ana/phone", [refused.clone()]), @"1 done created_at: immutable -> t@3 created_at=monday for ever title=Milk under a tombstone");
    assert_snapshot!(lab.all("ana/phone"), @r"
    p@1 title=House
    t@3 deleted
    ");
    assert_snapshot!(lab.push("ana/phone", [refused, update(2, "t").put("created_at", "tuesday").add("completed_count", 1)]), @r"
    1 done created_at: immutable -> t@3 created_at=monday for ever title=Milk under a tombstone
    2 done created_at: immutable -> t@4 completed_count=1 created_at=monday for ever title=Milk includes 2
    ");
}

#[test]
fn of_two_concurrent_priorities_the_more_urgent_stays() {
    for (first, second, stays) in [
        ("low", "high", "high@2"),
        ("high", "low", "high@1"),
        ("urgent", "high", "urgent@1"),
        ("whenever", "low", "low@2"),
        ("low", "whenever", "low@1"),
        ("asap", "whenever", "whenever@2"),
        ("whenever", "asap", "whenever@1"),
        ("high", "high", "high@1"),
    ] {
        let lab = lab();
        lab.push("ben/laptop", [update(1, "t").set("priority", first, base(0))]);
        let answer = lab.push("ana/phone", [update(1, "t").set("priority", second, base(0))]);
        assert_eq!(
            answer,
            format!("1 done -> t@3 priority={stays} title=Milk includes 1"),
            "{first}, {second}"
        );
    }
}

#[test]
fn a_priority_that_was_in_view_is_replaced_whatever_its_urgency() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("priority", "urgent", base(0))]);
    assert_snapshot!(lab.push("ana/phone", [
        update(1, "t").set("priority", "low", base(1)),
        update(2, "t").set("priority", "normal", after(1, 1)),
        // Ben said the same first, and this device builds upon it.
        update(3, "t").set("priority", "normal", base(1)),
        update(4, "t").set("priority", "low", after(1, 3)),
        // Of a merge that it lost it has not seen the outcome.
        update(5, "t").set("priority", "high", after(1, 4)),
        update(6, "t").set("priority", "low", base(1)),
        update(7, "t").set("priority", "normal", after(1, 6)),
        update(8, "t").close("priority", "phone:7:priority"),
    ]), @r"
    1 done -> t@3 priority=low@2 title=Milk includes 1
    2 done -> t@4 priority=normal@3 title=Milk includes 2
    3 done -> t@5 priority=normal@3 title=Milk includes 3
    4 done -> t@6 priority=low@4 title=Milk includes 4
    5 done -> t@7 priority=high@5 title=Milk includes 5
    6 done -> t@8 priority=high@5 title=Milk includes 6
    7 done -> t@9 priority=high@5 title=Milk includes 7
    8 invalid (`priority` has rule custom, which this operation does not fit) -> t@9 priority=high@5 title=Milk includes 7
    ");
}

#[test]
fn without_a_number_everything_happens_each_time_it_arrives() {
    let lab = lab();
    let again = update(None, "t").add("completed_count", 1).tags(["urgent"], []);
    assert_snapshot!(lab.push("ana/phone", [again.clone(), again]), @r"
    - done -> t@2 completed_count=1 tags=[urgent by #3:urgent] title=Milk
    - done -> t@3 completed_count=2 tags=[urgent by #3:urgent and #4:urgent] title=Milk
    ");
}

#[test]
fn what_the_rules_do_not_allow_is_refused_whole() {
    let lab = lab();
    let more = |number| update(number, "t").put("assignee", "ben");
    assert_snapshot!(lab.push("ana/phone", [
        more(1).put("colour", "red"),
        more(2).put("status", "done"),
        more(3).set("title", "x", base(0)),
        more(4).add("due", 1),
        more(5).add("tags", 1),
        more(6).close("tags", "c"),
        delete(7, "t", base(1)).put("title", "x"),
        more(u64::MAX),
        create(8, "c", "comment", "home", Some("t")).put("title", "a comment has none"),
    ]), @r"
    1 invalid (a task has no field `colour`) -> t@1 title=Milk
    2 invalid (`status` has rule version, which this operation does not fit) -> t@1 title=Milk
    3 invalid (`title` has rule lww, which this operation does not fit) -> t@1 title=Milk
    4 invalid (`due` has rule version, which this operation does not fit) -> t@1 title=Milk
    5 invalid (`tags` has rule set, which this operation does not fit) -> t@1 title=Milk
    6 invalid (`tags` has rule set, which this operation does not fit) -> t@1 title=Milk
    7 invalid (a delete changes no fields) -> t@1 title=Milk
    18446744073709551615 invalid (the number is beyond what can be counted) -> t@1 title=Milk
    8 invalid (a comment has no field `title`) -> nothing
    ");
    assert_snapshot!(lab.all("ana/phone"), @r"
    p@1 title=House
    t@1 title=Milk
    ");
}

#[test]
fn a_record_is_made_once_and_in_its_place() {
    let lab = lab();
    assert_snapshot!(lab.push("ana/phone", [
        create(1, "c", "comment", "home", Some("t")).put("body", "Two bottles"),
        task(2, "t").put("title", "another"),
        create(3, "e", "poem", "home", None),
        create(4, "e", "task", "home", None),
        create(5, "e", "project", "home", Some("p")),
        create(6, "e", "task", "home", Some("t")),
        create(7, "e", "task", "home", Some("nowhere")),
        create(8, "", "project", "home", None),
        create(9, &"e".repeat(129), "project", "home", None),
    ]), @r#"
    1 done -> c@1 body="Two bottles" includes 1
    2 record-exists (a record of this id exists already) -> t@1 title=Milk
    3 invalid (there is no entity `poem`) -> nothing
    4 invalid (a task hangs under a project) -> nothing
    5 invalid (a project hangs under nothing) -> nothing
    6 unknown-record (there is no such project to hang it under) -> nothing
    7 unknown-record (there is no such project to hang it under) -> nothing
    8 invalid (a record's id has 1 to 128 bytes) -> nothing
    9 invalid (a record's id has 1 to 128 bytes) -> nothing
    "#);
}
