//! Rules `version` and `manual`: who is asked, about what, and how it ends.

use insta::assert_snapshot;

use crate::rules::lab;
use crate::write::{after, base, delete, task, update};

#[test]
fn a_write_on_an_old_version_is_kept_and_the_rest_of_its_mutation_applied() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    assert_snapshot!(lab.push("ana/phone", [
        update(1, "t").set("status", "done", base(0)).put("title", "Oat milk").add("completed_count", 1),
    ]), @r#"1 done status: phone:1:status mine=done theirs=open@1 -> t@3 completed_count=1 status=open@1 title="Oat milk" [status: phone:1:status mine=done theirs=open@1] includes 1"#);
    // Her other device is asked too; Ben is not.
    assert_snapshot!(lab.all("ana/tablet"), @r#"
    p@1 title=House includes 1
    t@3 completed_count=1 status=open@1 title="Oat milk" [status: phone:1:status mine=done theirs=open@1] includes 2
    "#);
    assert_snapshot!(lab.all("ben/laptop"), @r#"
    p@1 title=House
    t@3 completed_count=1 status=open@1 title="Oat milk" includes 1
    "#);
    // What stands against it is told as it is now, not as it was.
    lab.push("ben/laptop", [update(2, "t").set("status", "waiting", base(1))]);
    assert_snapshot!(lab.all("ana/phone"), @r#"
    p@1 title=House
    t@4 completed_count=1 status=waiting@2 title="Oat milk" [status: phone:1:status mine=done theirs=waiting@2] includes 1
    "#);
}

#[test]
fn keeping_mine_closes_the_conflict_and_moves_the_version() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    lab.push("ana/phone", [update(1, "t").set("status", "done", base(0))]);
    assert_snapshot!(
        lab.push("ana/tablet", [update(7, "t").decide("status", "done", base(1), "phone:1:status")]), @"7 done -> t@4 status=done@2 title=Milk includes 7");
    assert_snapshot!(lab.all("ana/phone"), @r"
    p@1 title=House
    t@4 status=done@2 title=Milk includes 1
    ");
}

#[test]
fn using_theirs_closes_it_once_and_only_for_its_author() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    lab.push("ana/phone", [update(1, "t").set("status", "done", base(0))]);
    assert_snapshot!(lab.push("ben/laptop", [update(2, "t").close("status", "phone:1:status")]), @"2 done -> t@4 status=open@1 title=Milk includes 2");
    assert_snapshot!(lab.push("ana/phone", [
        update(2, "t").close("due", "phone:1:status"),
        update(3, "t").close("status", "phone:1:status"),
        update(4, "t").close("status", "phone:1:status"),
    ]), @r"
    2 done -> t@5 status=open@1 title=Milk [status: phone:1:status mine=done theirs=open@1] includes 2
    3 done -> t@6 status=open@1 title=Milk includes 3
    4 done -> t@7 status=open@1 title=Milk includes 4
    ");
}

#[test]
fn a_decision_on_an_old_version_becomes_the_conflict_that_it_decided() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    lab.push("ana/phone", [update(1, "t").set("status", "done", base(0))]);
    lab.push("ben/laptop", [update(2, "t").set("status", "waiting", base(1))]);
    assert_snapshot!(
        lab.push("ana/tablet", [update(7, "t").decide("status", "merged", base(1), "phone:1:status")]), @"7 done status: tablet:7:status mine=merged theirs=waiting@2 -> t@5 status=waiting@2 title=Milk [status: tablet:7:status mine=merged theirs=waiting@2] includes 7");
    // Had somebody come to the same decision, nothing would be left to ask.
    assert_snapshot!(
        lab.push("ana/phone", [update(8, "t").decide("status", "waiting", base(1), "tablet:7:status")]), @"8 done -> t@6 status=waiting@2 title=Milk includes 8");
}

#[test]
fn a_device_loses_one_value_at_a_time_and_two_devices_lose_two() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    lab.push(
        "ana/phone",
        [update(1, "t").set("status", "first", base(0)), update(2, "t").set("status", "second", after(0, 1))],
    );
    lab.push("ana/tablet", [update(7, "t").set("status", "other", base(0))]);
    assert_snapshot!(lab.all("ana/phone"), @r"
    p@1 title=House
    t@5 status=open@1 title=Milk [status: phone:2:status mine=second theirs=open@1] [status: tablet:7:status mine=other theirs=open@1] includes 2
    ");
}

#[test]
fn a_device_does_not_conflict_with_itself() {
    let lab = lab();
    assert_snapshot!(lab.push("ana/phone", [
        task(1, "u").set("status", "open", base(0)),
        update(2, "u").set("status", "busy", after(0, 1)),
        update(3, "u").set("status", "done", after(0, 2)),
    ]), @r"
    1 done -> u@1 status=open@1 includes 1
    2 done -> u@2 status=busy@2 includes 2
    3 done -> u@3 status=done@3 includes 3
    ");
    // Ben in between breaks the chain; so does another device of that number.
    lab.push("ben/laptop", [update(3, "u").set("status", "again", base(3))]);
    assert_snapshot!(lab.push("ana/phone", [update(4, "u").set("status", "closed", after(0, 3))]), @"4 done status: phone:4:status mine=closed theirs=again@4 -> u@5 status=again@4 [status: phone:4:status mine=closed theirs=again@4] includes 4");
}

#[test]
fn the_same_decision_twice_is_no_conflict_and_can_be_built_upon() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "done", base(0))]);
    assert_snapshot!(lab.push("ana/phone", [
        update(1, "t").set("status", "done", base(0)),
        update(2, "t").set("status", "closed", after(0, 1)),
    ]), @r"
    1 done -> t@3 status=done@1 title=Milk includes 1
    2 done -> t@4 status=closed@2 title=Milk includes 2
    ");
    // The agreement was with that version only.
    lab.push("ben/laptop", [update(2, "t").set("status", "open", base(2))]);
    assert_snapshot!(lab.push("ana/phone", [update(3, "t").set("status", "late", after(0, 1))]), @"3 done status: phone:3:status mine=late theirs=open@3 -> t@6 status=open@3 title=Milk [status: phone:3:status mine=late theirs=open@3] includes 3");
}

#[test]
fn a_field_that_nobody_has_written_conflicts_with_a_version_that_never_was() {
    let lab = lab();
    assert_snapshot!(lab.push("ana/phone", [update(1, "t").set("due", "friday", base(3))]), @"1 done due: phone:1:due mine=friday theirs=nothing@0 -> t@2 title=Milk [due: phone:1:due mine=friday theirs=nothing@0] includes 1");
}

#[test]
fn a_manual_conflict_is_shown_to_everybody_who_may_write() {
    let lab = lab();
    let once = update(1, "t").set("description", "mine", base(0)).put("title", "Oat milk");
    lab.push("ben/laptop", [update(1, "t").set("description", "first", base(0))]);
    assert_snapshot!(lab.push("ana/phone", [once.clone()]), @r#"1 done description: phone:1:description mine=mine theirs=first@1 -> t@3 description=first@1 title="Oat milk" [description: phone:1:description mine=mine theirs=first@1] includes 1"#);
    assert_snapshot!(lab.all("ben/laptop"), @r#"
    p@1 title=House
    t@3 description=first@1 title="Oat milk" [description: phone:1:description mine=mine theirs=first@1] includes 1
    "#);
    // Vic reads only; he has nothing to decide.
    assert_snapshot!(lab.all("vic/tv"), @r#"
    p@1 title=House
    t@3 description=first@1 title="Oat milk"
    "#);
    // Ben decides, and Ana's repeated push tells what became of it.
    assert_snapshot!(lab.push("ben/pad", [
        update(1, "t").decide("description", "first, then mine", base(1), "phone:1:description"),
    ]), @r#"1 done -> t@4 description="first, then mine"@2 title="Oat milk" includes 1"#);
    assert_snapshot!(lab.push("ana/phone", [once]), @r#"1 done -> t@4 description="first, then mine"@2 title="Oat milk" includes 1"#);
}

#[test]
fn a_manual_conflict_is_closed_by_anybody_who_may_write() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("description", "first", base(0))]);
    lab.push("ana/phone", [update(1, "t").set("description", "mine", base(0))]);
    let close = |number| update(number, "t").close("description", "phone:1:description");
    assert_snapshot!(lab.push("vic/tv", [close(1)]), @"1 forbidden (a viewer cannot change anything here) -> t@3 description=first@1 title=Milk");
    assert_snapshot!(lab.push("ben/pad", [close(1), close(2)]), @r"
    1 done -> t@4 description=first@1 title=Milk includes 1
    2 done -> t@5 description=first@1 title=Milk includes 2
    ");
    assert_snapshot!(lab.all("ana/phone"), @r"
    p@1 title=House
    t@5 description=first@1 title=Milk includes 1
    ");
}

#[test]
fn a_manual_decision_on_an_old_version_becomes_the_conflict_that_it_decided() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("description", "first", base(0))]);
    lab.push("ana/phone", [update(1, "t").set("description", "mine", base(0))]);
    lab.push("ben/pad", [update(1, "t").set("description", "second", base(1))]);
    assert_snapshot!(lab.push("ben/laptop", [
        update(2, "t").decide("description", "both", base(1), "phone:1:description"),
    ]), @"2 done description: laptop:2:description mine=both theirs=second@2 -> t@5 description=second@2 title=Milk [description: laptop:2:description mine=both theirs=second@2] includes 2");
}

#[test]
fn a_delete_takes_a_manual_conflict_along_that_was_in_view() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("description", "first", base(0))]);
    lab.push("ana/phone", [update(1, "t").set("description", "mine", base(0))]);
    assert_snapshot!(lab.push("ben/laptop", [delete(2, "t", base(2)), delete(3, "t", base(3))]), @r"
    2 done -> t@3 description=first@1 title=Milk [description: phone:1:description mine=mine theirs=first@1] includes 1
    3 done -> nothing
    ");
}
