//! `lost`, rule `version`, at the end.

use crate::builder::*;
use deadzone_contract::{Choice, RecordState::Conflict, Value};
use insta::assert_snapshot;

/// A task that everybody has seen open.
fn shared() -> Run {
    run()
        .does("phone", "task/1", create(&["status=open"]))
        .pushes("phone", "e1", &["task/1"])
        .shows("laptop", task("task/1", &["status=open"]))
        .shows("tablet", task("task/1", &["status=open"]))
}

/// Phone and laptop decide differently, without knowing of each other.
fn contested() -> Run {
    shared().does("phone", "a2", edit("task/1", &["status=done"])).does(
        "laptop",
        "a3",
        edit("task/1", &["status=blocked"]),
    )
}

#[test]
fn a_write_that_lost_is_an_open_conflict() {
    let not_asked = task("task/1", &["status=done"]);
    let asked = task("task/1", &["status=done", "status:blocked<done"]);
    let run = contested().settles().audit("ana", std::slice::from_ref(&not_asked)).audit("ben", &[asked]);
    let run = run.look("phone", std::slice::from_ref(&not_asked), &[]);
    run.look("laptop", std::slice::from_ref(&not_asked), &[]).finish().passes("lost");
    assert_snapshot!(contested().ends_with(&[not_asked]).verdict("lost"), @r"
    fail
    at-end version put: laptop's status=blocked on task/1 (a3) was saved, but the server has done, and nobody is asked about it
      expected: status=blocked as the value, as an open conflict or in the tray: nobody who knew of it wrote anything else
      evidence: invoked a3, saved a3, audited ana
    ");
}

#[test]
fn a_conflict_may_be_open_on_the_device_alone() {
    let held = task("task/1", &["status=done"]);
    let run = contested()
        .settles()
        .audit("ana", std::slice::from_ref(&held))
        .audit("ben", std::slice::from_ref(&held));
    let run = run.look("phone", std::slice::from_ref(&held), &[]);
    let shown = task("task/1", &["status=done", "status:blocked<done"]);
    run.clone().look("laptop", &[shown], &[item("task/1", Conflict)]).finish().passes("lost");
    let in_tray = in_state(Conflict, held.clone());
    run.clone().look("laptop", &[in_tray], &[item("task/1", Conflict)]).finish().passes("lost");
    assert_snapshot!(run.look("laptop", &[held], &[]).finish().verdict("lost"), @r"
    fail
    at-end version put: laptop's status=blocked on task/1 (a3) was saved, but the server has done, and nobody is asked about it
      expected: status=blocked as the value, as an open conflict or in the tray: nobody who knew of it wrote anything else
      evidence: invoked a3, saved a3, audited ana
    ");
}

#[test]
fn a_write_that_knew_of_the_other_replaces_it() {
    let run = shared()
        .does("phone", "a2", edit("task/1", &["status=done"]))
        .shows("laptop", task("task/1", &["status=done"]))
        .does("laptop", "a3", edit("task/1", &["status=blocked"]));
    run.clone().ends_with(&[task("task/1", &["status=blocked"])]).passes("lost");
    assert_snapshot!(run.ends_with(&[task("task/1", &["status=done"])]).verdict("lost"), @r"
    fail
    at-end version put: laptop's status=blocked on task/1 (a3) was saved, but the server has done, and nobody is asked about it
      expected: status=blocked as the value, as an open conflict or in the tray: nobody who knew of it wrote anything else
      evidence: invoked a3, saved a3, audited ana
    on-own-device version put: laptop's status=blocked on task/1 (a3) was saved, but laptop then shows status=done
      expected: status=blocked, or something newer
      evidence: invoked a3, saved a3, viewed laptop
    ");
}

#[test]
fn what_came_while_the_action_was_under_way_may_have_been_known() {
    shared()
        .does("phone", "a2", edit("task/1", &["status=done"]))
        .begin("laptop", "a3", edit("task/1", &["status=blocked"]))
        .shows("laptop", task("task/1", &["status=done"]))
        .saved("a3")
        .ends_with(&[task("task/1", &["status=blocked"])])
        .passes("lost");
}

#[test]
fn a_value_of_two_authors_may_have_been_seen_from_either() {
    // `done` is written twice; the laptop saw it and went on. Neither author is lost.
    shared()
        .does("phone", "a2", edit("task/1", &["status=done"]))
        .does("tablet", "a3", edit("task/1", &["status=done"]))
        .shows("laptop", task("task/1", &["status=done"]))
        .does("laptop", "a4", edit("task/1", &["status=blocked"]))
        .ends_with(&[task("task/1", &["status=blocked"])])
        .passes("lost");
}

#[test]
fn a_delete_that_knew_of_a_conflict_decides_it() {
    // Ben deletes the task, with his open conflict in view; the phone's edit brings it back.
    let asked = task("task/1", &["status=done", "status:blocked<done"]);
    let run = contested().shows("laptop", asked).does("laptop", "a4", delete("task/1"));
    let run = run.does("phone", "a5", edit("task/1", &["title=Still here"]));
    let back = [task("task/1", &["title=Still here", "status=done"])];
    run.ends_with(&back).passes("lost");
    // Ana's delete, which could not know of ben's conflict, does not decide it.
    let run = contested().does("phone", "a4", delete("task/1"));
    let run = run.does("tablet", "a5", edit("task/1", &["title=Still here"]));
    assert_snapshot!(run.ends_with(&back).verdict("lost"), @r"
    fail
    at-end version put: laptop's status=blocked on task/1 (a3) was saved, but the server has done, and nobody is asked about it
      expected: status=blocked as the value, as an open conflict or in the tray: nobody who knew of it wrote anything else
      evidence: invoked a3, saved a3, audited ana
    ");
}

#[test]
fn a_screen_does_not_change_when_its_value_is_written_again() {
    // The laptop had pulled the phone's second `open`; what it shows has stayed the same.
    shared()
        .does("phone", "a2", edit("task/1", &["status=open"]))
        .does("laptop", "a3", edit("task/1", &["status=blocked"]))
        .ends_with(&[task("task/1", &["status=blocked"])])
        .passes("lost");
}

#[test]
fn writes_that_agree_have_nothing_to_decide() {
    // Both mean `done`; the laptop goes on from its own. The phone's write is not lost.
    let run = shared()
        .does("phone", "a2", edit("task/1", &["status=done"]))
        .does("laptop", "a3", edit("task/1", &["status=done"]))
        .does("laptop", "a4", edit("task/1", &["status=blocked"]));
    run.ends_with(&[task("task/1", &["status=blocked"])]).passes("lost");
    // But an older write of the same value, which the phone had seen replaced, is no agreement.
    let run = shared()
        .does("laptop", "a2", edit("task/1", &["status=half"]))
        .does("phone", "a3", edit("task/1", &["status=done"]))
        .does("phone", "a4", edit("task/1", &["status=open"]))
        .does("laptop", "a5", edit("task/1", &["status=blocked"]));
    assert_snapshot!(run.ends_with(&[task("task/1", &["status=blocked"])]).verdict("lost"), @r"
    fail
    at-end version put: phone's status=open on task/1 (a4) was saved, but the server has blocked, and nobody is asked about it
      expected: status=open as the value, as an open conflict or in the tray: nobody who knew of it wrote anything else
      evidence: invoked a4, saved a4, audited ana
    ");
}

#[test]
fn a_decision_replaces_both_sides() {
    let asked = task("task/1", &["status=done", "status:blocked<done"]);
    let run = contested().shows("laptop", asked);
    let mine = run.clone().does("laptop", "a4", resolve("task/1", "status", Choice::KeepMine));
    mine.clone().ends_with(&[task("task/1", &["status=blocked"])]).passes("lost");
    assert_snapshot!(mine.ends_with(&[task("task/1", &["status=done"])]).verdict("lost"), @r"
    fail
    at-end version resolve: laptop's decision for status=blocked on task/1 (a4) was saved, but the server has done, and nobody is asked about it
      expected: status=blocked as the value, as an open conflict or in the tray: nobody who knew of it wrote anything else
      evidence: invoked a4, saved a4, audited ana
    on-own-device version resolve: laptop's decision for status=blocked on task/1 (a4) was saved, but laptop then shows status=done
      expected: decision for status=blocked, or something newer
      evidence: invoked a4, saved a4, viewed laptop
    ");
    let theirs = run.clone().does("laptop", "a4", resolve("task/1", "status", Choice::UseTheirs));
    theirs.ends_with(&[task("task/1", &["status=done"])]).passes("lost");
    let merged = resolve("task/1", "status", Choice::Merge(Value::text("half")));
    let merged = run.does("laptop", "a4", merged);
    merged.clone().ends_with(&[task("task/1", &["status=half"])]).passes("lost");
    assert_snapshot!(merged.ends_with(&[task("task/1", &["status=blocked"])]).verdict("lost"), @r"
    fail
    at-end version resolve: laptop's decision for status=half on task/1 (a4) was saved, but the server has blocked, and nobody is asked about it
      expected: status=half as the value, as an open conflict or in the tray: nobody who knew of it wrote anything else
      evidence: invoked a4, saved a4, audited ana
    on-own-device version resolve: laptop's decision for status=half on task/1 (a4) was saved, but laptop then shows status=blocked
      expected: decision for status=half, or something newer
      evidence: invoked a4, saved a4, viewed laptop
    ");
}

#[test]
fn a_decision_on_another_device_of_the_author() {
    // The phone's write lost; ana decides for it on the tablet.
    let asked = task("task/1", &["status=blocked", "status:done<blocked"]);
    contested()
        .shows("tablet", asked)
        .does("tablet", "a4", resolve("task/1", "status", Choice::KeepMine))
        .ends_with(&[task("task/1", &["status=done"])])
        .passes("lost");
}

#[test]
fn a_conflict_that_nobody_was_shown_may_be_decided_for_anything_written() {
    contested()
        .does("tablet", "a4", resolve("task/1", "status", Choice::KeepMine))
        .ends_with(&[task("task/1", &["status=done", "status:blocked<done"])])
        .passes("lost");
}

#[test]
fn a_conflict_discarded_on_another_device_need_not_be_kept() {
    let asked = task("task/1", &["status=blocked", "status:done<blocked"]);
    let run = contested().shows("tablet", asked);
    let end = [task("task/1", &["status=blocked"])];
    run.clone().does("tablet", "a4", discard("task/1")).ends_with(&end).passes("lost");
    assert_snapshot!(run.ends_with(&end).verdict("lost"), @r"
    fail
    at-end version put: phone's status=done on task/1 (a2) was saved, but the server has blocked, and nobody is asked about it
      expected: status=done as the value, as an open conflict or in the tray: nobody who knew of it wrote anything else
      evidence: invoked a2, saved a2, audited ana
    ");
}

#[test]
fn without_its_author_nobody_knows_what_is_asked() {
    let held = task("task/1", &["status=done"]);
    let failed = deadzone_trace::Event::AuditFailed { user: "ben".to_owned(), why: "503".to_owned() };
    let run = contested().settles().audit("ana", std::slice::from_ref(&held)).then("world", failed);
    let run = run.look("phone", std::slice::from_ref(&held), &[]).look("laptop", &[held], &[]).finish();
    assert_snapshot!(run.verdict("lost"), @r"
    unknown
    unknown: the server could not be asked on behalf of ben: 503
    ");
}
