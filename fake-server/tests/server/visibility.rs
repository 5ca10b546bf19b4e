//! Who sees what, and who learns that something exists.

use deadzone_contract::wire::Role;
use insta::assert_snapshot;

use crate::rules::lab;
use crate::write::{base, create, delete, project, task, update};

#[test]
fn what_the_caller_may_not_see_is_answered_like_what_does_not_exist() {
    let lab = lab();
    let attempts = |record: &str, parent: &str, workspace: &str| {
        lab.push(
            "eve/pad",
            [
                update(1, record).put("title", "x"),
                update(2, record).put("colour", "an invalid field tells nothing either"),
                update(3, record).at(99_999_999),
                delete(4, record, base(1)),
                create(5, "new", "project", workspace, None),
                create(6, "new", "task", "away", Some(parent)),
            ],
        )
    };
    assert_eq!(attempts("t", "p", "home"), attempts("no-record", "no-parent", "no-workspace"));
    assert_snapshot!(attempts("t", "p", "home"), @r"
    1 unknown-record (there is no such record) -> nothing
    2 unknown-record (there is no such record) -> nothing
    3 unknown-record (there is no such record) -> nothing
    4 unknown-record (there is no such record) -> nothing
    5 unknown-record (there is no such record) -> nothing
    6 unknown-record (there is no such project to hang it under) -> nothing
    ");
    assert_snapshot!(lab.pull("eve/pad", "since=0"), @"next=2 more=false");
}

#[test]
fn a_taken_id_is_refused_without_a_look_at_its_record() {
    let lab = lab();
    assert_snapshot!(lab.push("eve/pad", [create(1, "t", "project", "away", None)]), @"1 record-exists (a record of this id exists already) -> nothing");
}

#[test]
fn a_viewer_reads_and_is_forbidden_to_write() {
    let lab = lab();
    assert_snapshot!(lab.push("vic/tv", [
        update(1, "t").put("title", "x"),
        delete(2, "t", base(1)),
        project(3, "q"),
        task(4, "u"),
        update(5, "nothing").put("title", "x"),
    ]), @r"
    1 forbidden (a viewer cannot change anything here) -> t@1 title=Milk
    2 forbidden (a viewer cannot change anything here) -> t@1 title=Milk
    3 forbidden (a viewer cannot change anything here) -> nothing
    4 forbidden (a viewer cannot change anything here) -> nothing
    5 unknown-record (there is no such record) -> nothing
    ");
    assert_snapshot!(lab.all("vic/tv"), @r"
    p@1 title=House
    t@1 title=Milk
    ");
}

#[test]
fn a_parent_in_another_workspace_does_not_count() {
    let lab = lab();
    lab.grant("away", "ana", Some(Role::Editor));
    assert_snapshot!(lab.push("ana/phone", [create(1, "u", "task", "away", Some("p"))]), @"1 unknown-record (there is no such project to hang it under) -> nothing");
}

#[test]
fn rights_are_those_of_the_moment() {
    let lab = lab();
    lab.try_pull("ana/phone", "").unwrap();
    lab.grant("home", "ana", None);
    assert_snapshot!(lab.pull("ana/phone", "since=0"), @r"
    p removed
    t removed
    next=4 more=false
    ");
    assert_snapshot!(lab.push("ana/phone", [update(1, "t").put("title", "x")]), @"1 unknown-record (there is no such record) -> nothing");
}
