//! Private tasks, and what is told to those who come to see more or less.

use bytes::Bytes;
use deadzone_contract::wire::Role;
use http::Method;
use insta::assert_snapshot;

use crate::lab::Lab;
use crate::rules::prepared;
use crate::write::{Write, base, create, delete, task, update};

/// Ana is an admin at home, Ben and Eve are editors, Vic is a viewer; there is a project `p` and
/// a task `t`.
fn lab() -> Lab {
    staffed(Lab::new())
}

fn staffed(lab: Lab) -> Lab {
    lab.grant("home", "ana", Some(Role::Admin));
    lab.grant("home", "eve", Some(Role::Editor));
    prepared(lab)
}

/// A private task `s` of this user's.
fn secret(number: u64, assignee: &str) -> Write {
    task(number, "s").put("private", "yes").put("assignee", assignee).put("title", "Gift")
}

fn comment(number: u64) -> Write {
    create(number, "c", "comment", "home", Some("s")).put("body", "A kite")
}

fn assign(number: u64, assignee: &str) -> Write {
    update(number, "s").put("assignee", assignee)
}

#[test]
fn a_private_task_is_for_its_assignee_and_the_admins() {
    let lab = lab();
    assert_snapshot!(lab.push("ben/laptop", [secret(1, "ben"), comment(2)]), @r#"
    1 done -> s@1 assignee=ben private=yes for ever title=Gift includes 1
    2 done -> c@1 body="A kite" includes 2
    "#);
    assert_snapshot!(lab.pull("ana/phone", "since=2"), @r#"
    s@1 assignee=ben private=yes for ever title=Gift
    c@1 body="A kite"
    next=4 more=false
    "#);
    assert_snapshot!(lab.pull("ben/pad", "since=2"), @r#"
    s@1 assignee=ben private=yes for ever title=Gift
    c@1 body="A kite"
    next=4 more=false
    "#);
    assert_snapshot!(lab.pull("vic/tv", "since=2"), @"next=4 more=false");
    assert_snapshot!(lab.pull("eve/pad", "since=2"), @"next=4 more=false");
    // It is private by that one word only.
    lab.push("ben/laptop", [task(3, "u").put("private", "no").put("assignee", "ben")]);
    assert_snapshot!(lab.pull("eve/pad", "since=4"), @r"
    u@1 assignee=ben private=no for ever
    next=5 more=false
    ");
}

#[test]
fn a_private_task_of_others_is_answered_like_what_does_not_exist() {
    let lab = lab();
    lab.push("ben/laptop", [secret(1, "ben"), comment(2)]);
    let attempts = |who: &str, task: &str, comment: &str| {
        lab.push(
            who,
            [
                update(1, task).put("title", "x"),
                update(2, task).put("private", "no"),
                update(3, comment).put("colour", "an invalid field tells nothing either"),
                delete(4, task, base(1)),
                delete(5, comment, base(1)).at(99_999_999),
                create(6, "new", "comment", "home", Some(task)),
            ],
        )
    };
    assert_eq!(attempts("eve/pad", "s", "c"), attempts("eve/pad", "no-task", "no-comment"));
    assert_snapshot!(attempts("eve/pad", "s", "c"), @r"
    1 unknown-record (there is no such record) -> nothing
    2 unknown-record (there is no such record) -> nothing
    3 unknown-record (there is no such record) -> nothing
    4 unknown-record (there is no such record) -> nothing
    5 unknown-record (there is no such record) -> nothing
    6 unknown-record (there is no such task to hang it under) -> nothing
    ");
    assert_snapshot!(lab.push("vic/tv", [update(1, "s").put("title", "x")]), @"1 unknown-record (there is no such record) -> nothing");
    // Nor does it show to whom the whole workspace is hidden.
    lab.grant("home", "eve", None);
    assert_eq!(attempts("eve/pad", "s", "c"), attempts("eve/pad", "no-task", "no-comment"));
}

#[test]
fn an_author_who_may_not_see_what_was_made_is_answered_without_it() {
    let lab = lab();
    let once = secret(1, "vic");
    assert_snapshot!(lab.push("ben/laptop", [once.clone(), once, comment(2), update(3, "s")]), @r"
    1 done -> nothing
    1 done -> nothing
    2 unknown-record (there is no such task to hang it under) -> nothing
    3 unknown-record (there is no such record) -> nothing
    ");
    assert_snapshot!(lab.pull("ben/laptop", "since=2"), @"next=3 more=false");
    assert_snapshot!(lab.pull("vic/tv", "since=2"), @r"
    s@1 assignee=vic private=yes for ever title=Gift
    next=3 more=false
    ");
    // Nobody's, it is for the admins.
    lab.push("ben/laptop", [task(4, "n").put("private", "yes")]);
    assert_snapshot!(lab.pull("ana/phone", "since=3"), @r"
    n@1 private=yes for ever
    next=4 more=false
    ");
    assert_snapshot!(lab.pull("ben/laptop", "since=2"), @"next=4 more=false");
}

#[test]
fn a_new_assignee_gets_a_private_task_whole_and_the_old_one_is_told_to_let_go() {
    let lab = lab();
    lab.push("ben/laptop", [secret(1, "ben"), comment(2)]);
    lab.push("ana/phone", [update(1, "c").put("body", "A boat")]);
    let given = assign(3, "eve").put("private", "maybe");
    assert_snapshot!(lab.push("ben/laptop", [given.clone(), given, update(4, "s").put("title", "x")]), @r"
    3 done private: unknown-record -> nothing
    3 done private: unknown-record -> nothing
    4 unknown-record (there is no such record) -> nothing
    ");
    for since in [2, 3, 5] {
        assert_eq!(lab.pull("ben/pad", &format!("since={since}")), lab.pull("ben/pad", "since=5"));
    }
    assert_snapshot!(lab.pull("ben/pad", "since=5"), @r"
    s removed
    c removed
    next=9 more=false
    ");
    assert_snapshot!(lab.pull("eve/pad", "since=5"), @r#"
    s@2 assignee=eve private=yes for ever title=Gift
    c@2 body="A kite"
    next=9 more=false
    "#);
    assert_snapshot!(lab.pull("vic/tv", "since=2"), @"next=9 more=false");
    // And back, without Ben's devices having asked in between.
    lab.push("eve/pad", [assign(9, "ben")]);
    assert_snapshot!(lab.pull("ben/pad", "since=5"), @r#"
    s@3 assignee=ben private=yes for ever title=Gift includes 9
    c@2 body="A kite"
    next=13 more=false
    "#);
    assert_snapshot!(lab.pull("eve/pad", "since=5"), @r"
    s removed
    c removed
    next=13 more=false
    ");
}

#[test]
fn an_assignment_that_lost_changes_nobodys_sight() {
    let lab = lab();
    lab.push("ben/laptop", [secret(1, "ben").at(50)]);
    assert_snapshot!(lab.push("ben/laptop", [assign(2, "eve").at(49)]), @"2 done -> s@2 assignee=ben private=yes for ever title=Gift includes 2");
    assert_snapshot!(lab.pull("eve/pad", "since=2"), @"next=4 more=false");
}

#[test]
fn a_task_that_becomes_private_goes_from_the_devices_of_others() {
    let lab = lab();
    lab.push("ana/phone", [create(1, "c", "comment", "home", Some("t")).put("body", "Two bottles")]);
    lab.push("ben/laptop", [update(1, "t").put("assignee", "ben"), update(2, "t").put("private", "yes")]);
    assert_snapshot!(lab.pull("ben/laptop", "since=2"), @r#"
    c@1 body="Two bottles"
    t@3 assignee=ben private=yes for ever title=Milk includes 2
    next=9 more=false
    "#);
    assert_snapshot!(lab.pull("eve/pad", "since=2"), @r"
    t removed
    c removed
    next=9 more=false
    ");
    assert_snapshot!(lab.pull("vic/tv", "since=2"), @r"
    t removed
    c removed
    next=9 more=false
    ");
}

#[test]
fn a_task_without_an_assignee_or_with_the_same_stays_in_sight() {
    let lab = lab();
    lab.push("ana/phone", [secret(1, "ben")]);
    lab.push("ben/laptop", [assign(1, "ben"), update(2, "s").put("title", "Kite")]);
    assert_snapshot!(lab.pull("ben/laptop", "since=3"), @r"
    s@3 assignee=ben private=yes for ever title=Kite includes 2
    next=5 more=false
    ");
}

#[test]
fn what_is_removed_is_named_and_nothing_else_is_said() {
    let lab = lab();
    lab.push("ben/laptop", [secret(1, "ben"), assign(2, "eve")]);
    let answer = lab.send(lab.request("ben/pad", Method::GET, "/sync?since=3", Bytes::new()));
    let answer = String::from_utf8(answer.body().to_vec()).unwrap();
    assert!(answer.starts_with(r#"{"changes":[{"removed":{"record":"s"}}],"next":"#), "{answer}");
}

#[test]
fn whoever_leaves_a_workspace_is_told_of_every_record_and_whoever_comes_back_gets_them() {
    let lab = lab();
    lab.push("ben/laptop", [secret(1, "ben"), task(2, "u"), task(3, "v"), delete(4, "u", base(1))]);
    lab.grant("home", "ben", None);
    let told = lab.pull("ben/pad", "since=4");
    assert_snapshot!(told, @r"
    p removed
    t removed
    s removed
    v removed
    u removed
    next=11 more=false
    ");
    assert_eq!(lab.pull("ben/pad", "since=6"), told);
    assert_eq!(lab.pages("ben/pad", 2).join("\n"), told.rsplit_once("\nnext").unwrap().0);
    lab.push("ana/phone", [update(1, "s").put("title", "Boat")]);
    assert_eq!(
        lab.pull("ben/pad", "since=6"),
        told.replace("next=11", "next=12"),
        "what they are now is not said"
    );
    // The private task is given to somebody else meanwhile.
    lab.push("ana/phone", [assign(2, "eve")]);
    lab.grant("home", "ben", Some(Role::Viewer));
    assert_snapshot!(lab.pull("ben/pad", "since=12"), @r"
    p@1 title=House
    t@1 title=Milk
    v@1
    u@2 deleted
    next=17 more=false
    ");
    assert_snapshot!(lab.pull("ben/pad", "since=6"), @r"
    s removed
    p@1 title=House
    t@1 title=Milk
    v@1
    u@2 deleted
    next=17 more=false
    ");
}

#[test]
fn an_admin_who_becomes_less_keeps_what_every_member_sees() {
    let lab = lab();
    lab.push(
        "ben/laptop",
        [secret(1, "ben"), comment(2), task(3, "mine").put("private", "yes").put("assignee", "ana")],
    );
    let place = |who: &str| lab.try_pull(who, "since=0").unwrap().next;
    let since = place("ana/phone");
    lab.grant("home", "ana", Some(Role::Viewer));
    assert_snapshot!(lab.pull("ana/phone", &format!("since={since}")), @r"
    s removed
    c removed
    next=7 more=false
    ");
    let since = place("ana/phone");
    lab.grant("home", "ana", Some(Role::Editor));
    assert_snapshot!(lab.pull("ana/phone", &format!("since={since}")), @"next=7 more=false");
    lab.grant("home", "ana", Some(Role::Admin));
    assert_snapshot!(lab.pull("ana/phone", &format!("since={since}")), @r#"
    s@1 assignee=ben private=yes for ever title=Gift
    c@1 body="A kite"
    next=9 more=false
    "#);
}

#[test]
fn who_comes_to_write_is_asked_what_writers_are_asked() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("description", "first", base(0))]);
    lab.push("eve/pad", [update(1, "t").set("description", "mine", base(0))]);
    assert_snapshot!(lab.pull("vic/tv", "since=2"), @r"
    t@3 description=first@1 title=Milk
    next=4 more=false
    ");
    lab.grant("home", "vic", Some(Role::Editor));
    assert_snapshot!(lab.pull("vic/tv", "since=4"), @r"
    t@3 description=first@1 title=Milk [description: pad:1:description mine=mine theirs=first@1]
    next=5 more=false
    ");
    lab.grant("home", "vic", Some(Role::Viewer));
    assert_snapshot!(lab.pull("vic/tv", "since=5"), @r"
    t@3 description=first@1 title=Milk
    next=6 more=false
    ");
}

#[test]
fn a_replay_tells_nothing_of_a_private_task_that_went_to_somebody_else() {
    let lab = lab();
    lab.push("ana/phone", [secret(1, "ben")]);
    lab.push("ana/phone", [update(2, "s").set("status", "open", base(0)).put("created_at", "monday")]);
    let once =
        update(1, "s").set("status", "done", base(0)).put("created_at", "tuesday").put("title", "Kite");
    assert_snapshot!(lab.push("ben/laptop", [once.clone()]), @"1 done created_at: immutable status: laptop:1:status mine=done theirs=open@1 -> s@3 assignee=ben created_at=monday for ever private=yes for ever status=open@1 title=Gift [status: laptop:1:status mine=done theirs=open@1] includes 1");
    lab.push("ana/phone", [assign(3, "eve")]);
    assert_snapshot!(lab.push("ben/laptop", [once]), @"1 done created_at: unknown-record status: unknown-record -> nothing");
}

#[test]
fn past_the_horizon_nobody_is_told_any_more() {
    let lab = staffed(Lab::with(|p| p.tombstone_horizon = 1_000));
    lab.push("ben/laptop", [secret(1, "ben"), delete(2, "t", base(1)), assign(3, "eve")]);
    lab.pass(999);
    assert_snapshot!(lab.pull("ben/pad", "since=3"), @r"
    t@2 deleted
    s removed
    next=6 more=false
    ");
    lab.pass(1);
    assert_snapshot!(lab.pull("ben/pad", "since=3"), @"410 cursor-expired: the cursor is older than the tombstones that are kept; pull everything anew");
    assert_snapshot!(lab.all("ben/pad"), @"p@1 title=House");
    // Nor of what was forgotten before.
    lab.grant("home", "vic", None);
    assert_snapshot!(lab.all("vic/tv"), @"p removed");
    lab.push("eve/pad", [delete(1, "s", base(2))]);
    lab.pass(1_000);
    // A purged task is still only its assignee's.
    assert_snapshot!(lab.push("eve/pad", [update(2, "s").put("title", "x")]), @"2 gone (the record was deleted long ago and cannot come back) -> nothing");
    assert_snapshot!(lab.push("ben/pad", [update(2, "s").put("title", "x")]), @"2 unknown-record (there is no such record) -> nothing");
}
