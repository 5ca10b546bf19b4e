//! `lost`, rule `set`, at the end.

use crate::builder::*;
use insta::assert_snapshot;

fn shared() -> Run {
    run().does("phone", "task/1", create(&["title=T"])).pushes("phone", "e1", &["task/1"])
}

fn end(run: &Run, tags: &str) -> String {
    run.clone().ends_with(&[task("task/1", &["title=T", &format!("tags=[{tags}]")])]).verdict("lost")
}

#[test]
fn an_addition_that_nobody_removed_is_there() {
    let run = shared().does("phone", "a2", edit("task/1", &["tags+=urgent", "tags+=home"]));
    assert_eq!(end(&run, "home urgent"), "pass");
    assert_snapshot!(end(&run, "home"), @r"
    fail
    at-end set insert: phone's tags+=urgent on task/1 (a2) was saved, but the server does not have it
      expected: urgent in tags: nobody who knew of this addition removed it
      evidence: invoked a2, saved a2, audited ana
    on-own-device set insert: phone's tags+=urgent on task/1 (a2) was saved, but phone then shows tags=[home]
      expected: urgent in tags: nobody removed it since
      evidence: invoked a2, saved a2, viewed phone
    ");
}

#[test]
fn a_removal_takes_away_what_it_knew() {
    let run = shared()
        .does("phone", "a2", edit("task/1", &["tags+=urgent"]))
        .shows("laptop", task("task/1", &["title=T", "tags=[urgent]"]))
        .does("laptop", "a3", edit("task/1", &["tags-=urgent"]));
    assert_eq!(end(&run, ""), "pass");
    assert_snapshot!(end(&run, "urgent"), @r"
    fail
    at-end set remove: laptop's tags-=urgent on task/1 (a3) was saved, but the server still has it
      expected: no urgent in tags: every addition was known to who removed it
      evidence: invoked a3, saved a3, audited ana
    ");
}

#[test]
fn a_removal_leaves_what_it_cannot_have_known() {
    // The laptop was told nothing between the addition's arrival and its own removal.
    let run = shared()
        .pulls("laptop", "e2")
        .does("phone", "a2", edit("task/1", &["tags+=urgent"]))
        .pushes("phone", "e3", &["task/1"])
        .does("laptop", "a3", edit("task/1", &["tags-=urgent"]));
    assert_eq!(end(&run, "urgent"), "pass");
    assert_snapshot!(end(&run, ""), @r"
    fail
    at-end set insert: phone's tags+=urgent on task/1 (a2) was saved, but the server does not have it
      expected: urgent in tags: nobody who knew of this addition removed it
      evidence: invoked a2, saved a2, sent e3, arrived e3, delivered e3, audited ana
    ");
}

#[test]
fn a_removal_that_may_have_known_goes_either_way() {
    let run = shared()
        .does("phone", "a2", edit("task/1", &["tags+=urgent"]))
        .pushes("phone", "e3", &["task/1"])
        .pulls("laptop", "e4")
        .does("laptop", "a3", edit("task/1", &["tags-=urgent"]));
    assert_eq!(end(&run, "urgent"), "pass");
    assert_eq!(end(&run, ""), "pass");
}

#[test]
fn removed_and_added_again() {
    let run = shared()
        .does("phone", "a2", edit("task/1", &["tags+=urgent"]))
        .does("phone", "a3", edit("task/1", &["tags-=urgent"]))
        .does("phone", "a4", edit("task/1", &["tags+=urgent"]));
    assert_eq!(end(&run, "urgent"), "pass");
    assert_snapshot!(end(&run, ""), @r"
    fail
    at-end set insert: phone's tags+=urgent on task/1 (a4) was saved, but the server does not have it
      expected: urgent in tags: nobody who knew of this addition removed it
      evidence: invoked a4, saved a4, audited ana
    on-own-device set insert: phone's tags+=urgent on task/1 (a4) was saved, but phone then shows tags=[]
      expected: urgent in tags: nobody removed it since
      evidence: invoked a4, saved a4, viewed phone
    ");
    let again = run.does("phone", "a5", edit("task/1", &["tags-=urgent"]));
    assert_eq!(end(&again, ""), "pass");
    assert_snapshot!(end(&again, "urgent"), @r"
    fail
    at-end set remove: phone's tags-=urgent on task/1 (a5) was saved, but the server still has it
      expected: no urgent in tags: every addition was known to who removed it
      evidence: invoked a5, saved a5, audited ana
    ");
}

#[test]
fn a_tag_of_two_authors_was_seen_from_nobody_knows_whom() {
    // The tablet saw `urgent`, added by both; its removal may have missed one of them.
    let run = shared()
        .does("phone", "a2", edit("task/1", &["tags+=urgent"]))
        .pushes("phone", "e3", &["task/1"])
        .does("laptop", "a3", edit("task/1", &["tags+=urgent"]))
        .pushes("laptop", "e4", &["task/1"])
        .pulls("tablet", "e5")
        .shows("tablet", task("task/1", &["title=T", "tags=[urgent]"]))
        .does("tablet", "a4", edit("task/1", &["tags-=urgent"]));
    assert_eq!(end(&run, "urgent"), "pass");
    assert_eq!(end(&run, ""), "pass");
}

#[test]
fn an_indefinite_removal_goes_either_way() {
    let run = shared()
        .does("phone", "a2", edit("task/1", &["tags+=urgent"]))
        .begin("phone", "a3", edit("task/1", &["tags-=urgent"]))
        .indefinite("a3");
    assert_eq!(end(&run, "urgent"), "pass");
    assert_eq!(end(&run, ""), "pass");
}

#[test]
fn tags_of_a_creation_are_additions() {
    let run = run().does("phone", "task/1", create(&["title=T", "tags=[home]"]));
    assert_eq!(end(&run, "home"), "pass");
    assert_snapshot!(end(&run, ""), @r"
    fail
    at-end set insert: phone's tags+=home on task/1 (task/1) was saved, but the server does not have it
      expected: home in tags: nobody who knew of this addition removed it
      evidence: invoked task/1, saved task/1, audited ana
    on-own-device set insert: phone's tags+=home on task/1 (task/1) was saved, but phone then shows tags=[]
      expected: home in tags: nobody removed it since
      evidence: invoked task/1, saved task/1, viewed phone
    ");
}

#[test]
fn a_set_that_was_replaced_is_not_judged() {
    let run = shared().does("phone", "a2", edit("task/1", &["tags+=urgent"])).does(
        "phone",
        "a3",
        edit("task/1", &["tags=[home]"]),
    );
    assert_eq!(end(&run, "home"), "pass");
    assert_eq!(end(&run, ""), "pass");
}
