//! Model A: a server with the last word. Whatever overwrites is asked about.

use deadzone_contract::Model;
use insta::assert_snapshot;

use crate::lab::Lab;
use crate::write::{base, create, delete, project, task, update};

/// A server of model A with a project `p` and a task `t`.
fn lab() -> Lab {
    let lab = Lab::of_model(Model::A);
    lab.push(
        "ana/tablet",
        [project(1, "p").set("title", "House", base(0)), task(2, "t").set("title", "Milk", base(0))],
    );
    lab
}

#[test]
fn whatever_overwrites_names_the_version_that_it_read() {
    let lab = lab();
    lab.push(
        "ben/laptop",
        [update(1, "t")
            .set("title", "Oat milk", base(1))
            .set("description", "first", base(0))
            .set("priority", "low", base(0))
            .set("status", "open", base(0))
            .put("created_at", "monday")],
    );
    assert_snapshot!(lab.push("ana/phone", [update(1, "t")
        .set("title", "Soy milk", base(1))
        .set("description", "mine", base(0))
        .set("priority", "high", base(0))
        .set("status", "done", base(1))
        .put("created_at", "tuesday")]), @r#"1 done created_at: immutable description: phone:1:description mine=mine theirs=first@1 priority: phone:1:priority mine=high theirs=low@1 title: phone:1:title mine="Soy milk" theirs="Oat milk"@2 -> t@3 created_at=monday for ever description=first@1 priority=low@1 status=done@2 title="Oat milk"@2 [description: phone:1:description mine=mine theirs=first@1] [priority: phone:1:priority mine=high theirs=low@1] [title: phone:1:title mine="Soy milk" theirs="Oat milk"@2] includes 1"#);
    // A description is its author's to decide, like everything else.
    assert_snapshot!(lab.all("ben/laptop"), @r#"
    p@1 title=House@1
    t@3 created_at=monday for ever description=first@1 priority=low@1 status=done@2 title="Oat milk"@2 includes 1
    "#);
}

#[test]
fn there_are_no_sets_and_no_counters() {
    let lab = lab();
    assert_snapshot!(lab.push("ben/laptop", [
        update(1, "t").tags(["urgent"], []),
        update(2, "t").add("completed_count", 1),
        update(3, "t").put("title", "Oat milk"),
    ]), @r"
    1 invalid (a task has no field `tags`) -> t@1 title=Milk@1
    2 invalid (a task has no field `completed_count`) -> t@1 title=Milk@1
    3 invalid (`title` has rule version, which this operation does not fit) -> t@1 title=Milk@1
    ");
}

#[test]
fn a_private_task_goes_with_its_assignee_and_a_deleted_comment_stays_deleted() {
    let lab = lab();
    lab.push(
        "ben/laptop",
        [
            task(1, "s").put("private", "yes").set("assignee", "ben", base(0)),
            create(2, "c", "comment", "home", Some("s")).set("body", "A kite", base(0)),
        ],
    );
    lab.push("ben/laptop", [delete(3, "c", base(1))]);
    assert_snapshot!(lab.push("ben/pad", [update(1, "c").set("body", "A boat", base(1))]), @"1 gone (the comment was deleted meanwhile; it can be created anew) -> nothing");
    // What became a conflict assigns nobody.
    assert_snapshot!(lab.push("ben/pad", [update(2, "s").set("assignee", "vic", base(0))]), @"2 done assignee: pad:2:assignee mine=vic theirs=ben@1 -> s@2 assignee=ben@1 private=yes for ever [assignee: pad:2:assignee mine=vic theirs=ben@1] includes 2");
    assert_snapshot!(lab.push("ben/pad", [update(3, "s").set("assignee", "vic", base(1))]), @"3 done -> nothing");
    assert_snapshot!(lab.pull("vic/tv", "since=2"), @r"
    s@3 assignee=vic@2 private=yes for ever
    c@2 deleted
    next=10 more=false
    ");
}

#[test]
fn a_database_is_of_one_model() {
    let mut lab = Lab::of_model(Model::A);
    lab.restart();
    lab.model = Model::B;
    assert_snapshot!(lab.start_error(), @"the server's database is of model A; this server is of model B");
}
