//! Pages, cursors and horizons.

use deadzone_contract::wire::Role;
use insta::assert_snapshot;

use crate::hints;
use crate::lab::Lab;
use crate::rules::{lab, prepared};
use crate::write::{base, create, delete, project, task, update};

#[test]
fn pages_follow_the_commits_and_end_where_the_history_does() {
    let lab = lab();
    lab.push("ana/phone", [task(1, "a"), task(2, "b"), task(3, "c")]);
    lab.push("ana/phone", [update(4, "a").put("title", "A"), delete(5, "b", base(1))]);
    assert_snapshot!(lab.pull("ben/laptop", "since=0&limit=2"), @r"
    p@1 title=House
    t@1 title=Milk
    next=2 more=true
    ");
    assert_snapshot!(lab.pull("ben/laptop", "since=2&limit=2"), @r"
    c@1
    a@2 title=A
    next=6 more=true
    ");
    assert_snapshot!(lab.pull("ben/laptop", "since=6&limit=2"), @r"
    b@2 deleted
    next=7 more=false
    ");
    assert_snapshot!(lab.pull("ben/laptop", "since=7&limit=2"), @"next=7 more=false");
}

#[test]
fn a_limit_is_what_the_server_allows() {
    let lab = prepared(Lab::with(|p| p.pull_max = 2));
    lab.push("ana/phone", [task(1, "a")]);
    for (query, carried) in [("", 2), ("limit=9", 2), ("limit=2", 2), ("limit=1", 1), ("limit=0", 1)] {
        let page = lab.try_pull("ben/laptop", query).unwrap();
        assert_eq!((page.changes.len(), page.more), (carried, true), "{query}");
    }
}

#[test]
fn a_record_tells_each_device_what_it_includes_of_its_own() {
    let lab = lab();
    lab.push("ana/phone", [update(4, "t").put("title", "A")]);
    lab.push("ana/tablet", [update(9, "t").add("completed_count", 1), update(8, "t").tags(["x"], [])]);
    assert_snapshot!(lab.all("ana/phone"), @r"
    p@1 title=House
    t@4 completed_count=1 tags=[x by tablet:8:x] title=A includes 4
    ");
    assert_snapshot!(lab.all("ana/tablet"), @r"
    p@1 title=House includes 1
    t@4 completed_count=1 tags=[x by tablet:8:x] title=A includes 9
    ");
    assert_snapshot!(lab.all("ben/laptop"), @r"
    p@1 title=House
    t@4 completed_count=1 tags=[x by tablet:8:x] title=A
    ");
}

#[test]
fn what_others_do_elsewhere_moves_the_cursor_and_shows_nothing() {
    let lab = lab();
    lab.push("eve/pad", [create(1, "secret", "project", "away", None).put("title", "Surprise")]);
    assert_snapshot!(lab.pull("ben/laptop", "since=2"), @"next=3 more=false");
    assert_snapshot!(lab.pull("eve/pad", "since=0"), @r"
    secret@1 title=Surprise includes 1
    next=3 more=false
    ");
}

#[test]
fn a_cursor_that_missed_a_purged_tombstone_starts_over() {
    let lab = prepared(Lab::with(|p| p.tombstone_horizon = 1_000));
    lab.push("ana/phone", [task(1, "a"), task(2, "b"), delete(3, "t", base(1)), task(4, "c")]);
    lab.pass(1_000);
    assert_snapshot!(lab.pull("ben/laptop", "since=4"), @"410 cursor-expired: the cursor is older than the tombstones that are kept; pull everything anew");
    // The tombstone had number 5.
    assert_snapshot!(lab.pull("ben/laptop", "since=5"), @r"
    c@1
    next=4398046511110 more=false
    ");
}

#[test]
fn a_pull_from_the_start_comes_to_its_end_page_by_page_after_a_purge() {
    let lab = prepared(Lab::with(|p| p.tombstone_horizon = 1_000));
    lab.push("ana/phone", [task(1, "a"), task(2, "b"), delete(3, "t", base(1)), task(4, "c")]);
    lab.pass(1_000);
    assert_eq!(lab.pages("ben/laptop", 1).join(", "), "p@1 title=House, a@1, b@1, c@1");
    // A tombstone that is purged while the pull is under way may be of a record that it brought.
    let first = lab.try_pull("ben/laptop", "since=0&limit=2").unwrap();
    lab.push("ana/phone", [delete(5, "a", base(1))]);
    lab.pass(1_000);
    assert_snapshot!(lab.pull("ben/laptop", &format!("since={}", first.next)), @"410 cursor-expired: the cursor is older than the tombstones that are kept; pull everything anew");
}

#[test]
fn a_cursor_from_a_history_that_was_lost_starts_over() {
    let lab = lab();
    assert_snapshot!(lab.pull("ben/laptop", "since=3"), @"410 cursor-expired: the cursor is older than the tombstones that are kept; pull everything anew");
    assert_snapshot!(lab.pull("ben/laptop", &format!("since={}", u64::MAX)), @"410 cursor-expired: the cursor is older than the tombstones that are kept; pull everything anew");
}

#[test]
fn a_new_member_gets_what_was_there_before() {
    let mut lab = lab();
    lab.push("eve/pad", [create(1, "e", "project", "away", None)]);
    assert_snapshot!(lab.pull("eve/pad", "since=0"), @r"
    e@1 includes 1
    next=3 more=false
    ");
    lab.grant("home", "eve", Some(Role::Viewer));
    assert_snapshot!(lab.pull("eve/pad", "since=3"), @r"
    p@1 title=House
    t@1 title=Milk
    next=5 more=false
    ");
    lab.grant("home", "eve", Some(Role::Viewer));
    lab.restart();
    assert_snapshot!(lab.pull("eve/pad", "since=5"), @"next=5 more=false");
    lab.push("ana/phone", [project(1, "q")]);
    assert_snapshot!(lab.pull("eve/pad", "since=5"), @r"
    q@1
    next=6 more=false
    ");
}

#[test]
fn the_histories_of_several_workspaces_are_one() {
    let lab = Lab::new();
    for workspace in ["away", "garden"] {
        lab.grant(workspace, "ana", Some(Role::Editor));
        lab.grant(workspace, "ben", Some(Role::Editor));
    }
    let made = |n: u64, workspace| create(n, &format!("r{n}"), "project", workspace, None);
    let places = ["home", "away", "garden", "garden", "away", "home", "home", "away", "home", "garden"];
    lab.push("ana/phone", (1..).zip(places).map(|(n, workspace)| made(n, workspace)));
    // Ben loses sight of some, somewhere in between.
    lab.grant("away", "ben", None);
    lab.push("ana/phone", [made(11, "garden"), made(12, "home")]);
    let all = "r1@1 r3@1 r4@1 r6@1 r7@1 r9@1 r10@1 r2 removed r5 removed r8 removed r11@1 r12@1";
    for limit in 1..=13 {
        assert_eq!(lab.pages("ben/laptop", limit).join("\n").replace('\n', " "), all, "{limit}");
    }
}

#[test]
fn a_scope_brings_what_is_in_it_and_nothing_for_what_is_not_the_callers() {
    let lab = lab();
    lab.grant("away", "ben", Some(Role::Editor));
    lab.grant("garden", "ben", Some(Role::Editor));
    lab.push(
        "ben/laptop",
        [create(1, "a", "project", "away", None), create(2, "g", "project", "garden", None), task(3, "u")],
    );
    lab.push("eve/pad", [create(1, "b", "project", "away", None)]);
    for (scope, expect) in [
        ("home", "p t u"),
        ("away", "a b"),
        ("garden,home", "p t g u"),
        ("garden%2Chome", "p t g u"),
        ("nowhere", ""),
        ("nowhere,garden", "g"),
        ("", ""),
    ] {
        let page = lab.pull("ben/laptop", &format!("since=0&scope={scope}"));
        let names: Vec<_> = page.lines().filter_map(|line| Some(line.split_once('@')?.0)).collect();
        assert_eq!(names.join(" "), expect, "{scope}");
        assert!(page.ends_with("next=6 more=false"), "{page}");
    }
    // Vic is no member there.
    assert_snapshot!(lab.pull("vic/tv", "since=0&scope=away"), @"next=6 more=false");
    assert_snapshot!(lab.pull("ben/laptop", "since=0&scope=home,away&limit=3"), @r"
    p@1 title=House
    t@1 title=Milk
    a@1 includes 1
    next=3 more=true
    ");
    assert_snapshot!(lab.pull("ben/laptop", "since=4&scope=home,away&limit=3"), @r"
    u@1 includes 3
    b@1
    next=6 more=false
    ");
}

#[test]
fn of_some_entities_comes_what_happens_to_them_and_nothing_else() {
    let lab = lab();
    lab.grant("away", "ana", Some(Role::Editor));
    lab.push(
        "ana/phone",
        [
            create(1, "c", "comment", "home", Some("t")),
            create(2, "q", "project", "home", None),
            task(3, "u"),
            create(4, "a", "project", "away", None),
        ],
    );
    for (query, expect) in [
        ("entities=project", "p q a"),
        ("entities=task,project", "p t q u a"),
        ("entities=project%2Ctask", "p t q u a"),
        ("entities=project,project", "p q a"),
        ("scope=home&entities=project", "p q"),
        ("entities=project,task,comment", "p t c q u a"),
    ] {
        for limit in 1..=4 {
            let pages = lab.pages_of("ana/phone", &format!("&{query}"), limit).join("\n");
            let names: Vec<_> = pages.lines().filter_map(|line| Some(line.split_once('@')?.0)).collect();
            assert_eq!(names.join(" "), expect, "{query} {limit}");
        }
    }
    // A page is full of what was asked for, and its cursor steps over the rest.
    assert_snapshot!(lab.pull("ben/laptop", "since=0&entities=project&limit=2"), @r"
    p@1 title=House
    q@1
    next=6 more=false
    ");
    lab.push("ana/phone", [delete(5, "u", base(1)), update(6, "q").put("title", "Garden")]);
    assert_snapshot!(lab.pull("ben/laptop", "since=6&entities=project"), @r"
    q@2 title=Garden
    next=8 more=false
    ");
    assert_snapshot!(lab.pull("ben/laptop", "since=6&entities=project,task"), @r"
    u@2 deleted
    q@2 title=Garden
    next=8 more=false
    ");
    // What is lost is told of where it was asked for.
    lab.grant("home", "ben", None);
    assert_snapshot!(lab.pull("ben/laptop", "since=8&entities=project"), @r"
    p removed
    q removed
    next=13 more=false
    ");
}

#[test]
fn entities_that_nobody_can_have_alone_are_one_problem() {
    let lab = lab();
    let known = "the entities are project, task, comment";
    for (entities, problem) in [
        ("project,taks", format!("there is no entity `taks`; {known}")),
        ("Project", format!("there is no entity `Project`; {known}")),
        ("project,", format!("there is no entity ``; {known}")),
        ("", format!("there is no entity ``; {known}")),
        ("project,comment", "whoever asks for `comment` asks for `task`, which it hangs under".to_owned()),
    ] {
        let query = format!("since=0&entities={entities}");
        let expected = format!("400 malformed: {problem}");
        assert_eq!(lab.pull("ben/laptop", &query), expected);
        assert_eq!(hints::told(&lab, "ben/laptop", &query), expected);
    }
}

#[test]
fn a_scope_that_was_lost_is_told_of_and_another_is_not() {
    let lab = lab();
    lab.grant("away", "ben", Some(Role::Editor));
    lab.push("ben/laptop", [create(1, "a", "project", "away", None)]);
    lab.grant("away", "ben", None);
    assert_snapshot!(lab.pull("ben/laptop", "since=3&scope=away,home"), @r"
    a removed
    next=4 more=false
    ");
    assert_snapshot!(lab.pull("ben/laptop", "since=3&scope=home"), @"next=4 more=false");
}
