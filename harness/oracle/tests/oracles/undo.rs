//! Undo: what it comes to is asked for like any work, and it comes to what was there before.

use crate::builder::*;
use deadzone_contract::RecordState::Modified;
use deadzone_contract::RecordView;
use insta::assert_snapshot;

const JUDGES: [&str; 4] = ["lost", "invented", "duplicated", "converged"];

fn t(title: &str) -> RecordView {
    task("task/1", &[title, "status=open"])
}

/// Everybody has seen the draft; the laptop calls it final.
fn edited() -> Run {
    run()
        .does("phone", "task/1", create(&["title=Draft", "status=open"]))
        .pushes("phone", "e1", &["task/1 create"])
        .shows("laptop", t("title=Draft"))
        .does("laptop", "a2", edit("task/1", &["title=Final"]))
        .shows("laptop", in_state(Modified, t("title=Final")))
}

#[test]
fn an_undo_counts_like_an_edit() {
    let run = edited().undoes("laptop", "a3", "task/1", &["title=Draft"]);
    run.clone().ends_with(&[t("title=Draft")]).passes_all(&JUDGES);
    assert_snapshot!(run.ends_with(&[t("title=Final")]).verdict("lost"), @r"
    fail
    at-end lww put: laptop's title=Draft on task/1 (a3) was saved, but the server has Final
      expected: title=Draft: nobody who knew of it wrote anything else
      evidence: invoked a3, saved a3, audited ana
    on-own-device lww put: laptop's title=Draft on task/1 (a3) was saved, but laptop then shows title=Final
      expected: title=Draft, or something newer
      evidence: invoked a3, saved a3, viewed laptop
    ");
}

#[test]
fn an_undo_writes_what_was_shown_before() {
    assert_snapshot!(edited().undoes("laptop", "a3", "task/1", &["title=Final"]).verdict("invented"), @r"
    fail
    undone-wrongly lww undo: laptop undid a2 on task/1 with title=Final (a3)
      expected: title=Draft: what was there before
      evidence: invoked a2, saved a2, invoked a3, saved a3
    ");
    // The phone showed nothing before it wrote: nobody knows what to go back to.
    let first = run().does("phone", "task/1", create(&[])).does("phone", "a2", edit("task/1", &["title=T"]));
    first.undoes("phone", "a3", "task/1", &["title=T"]).look("phone", &[], &[]).passes("invented");
    // While the edit was under way, the screen changed.
    let run = run().does("phone", "task/1", create(&["title=Draft", "status=open"]));
    let run = run.shows("laptop", t("title=Draft")).does("phone", "a2", edit("task/1", &["title=Other"]));
    let run = run.begin("laptop", "a3", edit("task/1", &["title=Final"])).shows("laptop", t("title=Other"));
    let run = run.saved("a3").shows("laptop", t("title=Final"));
    run.clone().undoes("laptop", "a4", "task/1", &["title=Other"]).passes("invented");
    run.clone().undoes("laptop", "a4", "task/1", &["title=Draft"]).passes("invented");
    run.undoes("laptop", "a4", "task/1", &["title=Final"]).violates("invented undone-wrongly lww undo");
}

#[test]
fn an_undo_of_an_increment_takes_it_away() {
    let run = edited().does("laptop", "a3", edit("task/1", &["completed_count+=3"]));
    let undone = run.clone().undoes("laptop", "a4", "task/1", &["completed_count+=-3"]);
    let end = |count: &str| task("task/1", &["title=Final", "status=open", count]);
    undone.clone().ends_with(&[end("completed_count=0")]).passes_all(&JUDGES);
    undone.ends_with(&[end("completed_count=3")]).violates("lost at-end counter add");
    run.undoes("laptop", "a4", "task/1", &["completed_count+=-2"])
        .violates("invented undone-wrongly counter undo");
}

#[test]
fn an_undo_of_an_undo_goes_back_or_further_back() {
    let run = edited().undoes("laptop", "a3", "task/1", &["title=Draft"]).shows("laptop", t("title=Draft"));
    run.clone().undoes("laptop", "a4", "task/1", &["title=Final"]).passes("invented");
    run.clone().undoes("laptop", "a4", "task/1", &["title=Draft"]).passes("invented");
    run.undoes("laptop", "a4", "task/1", &["title=Else"]).violates("invented undone-wrongly lww undo");
}

#[test]
fn what_it_undid_is_not_certain_after_a_discard() {
    let run = edited().does("laptop", "a3", discard("task/1")).shows("laptop", t("title=Draft"));
    run.does("phone", "a4", edit("task/1", &["title=Else"]))
        .undoes("laptop", "a5", "task/1", &["title=Else"])
        .passes("invented");
}

#[test]
fn an_undo_of_a_creation_deletes() {
    let run = run().does("phone", "task/1", create(&["title=T"])).pushes("phone", "e1", &["task/1 create"]);
    let undone = run.undoes("phone", "a2", "task/1", &[]);
    undone.clone().gone("phone", "task/1").ends_with(&[]).passes_all(&JUDGES);
    undone.clone().ends_with(&[task("task/1", &["title=T"])]).violates("lost at-end delete");
    // And undoing that brings it back.
    let back = undone.undoes("phone", "a3", "task/1", &[]);
    back.clone().ends_with(&[task("task/1", &["title=T"])]).passes_all(&JUDGES);
    assert_snapshot!(back.gone("phone", "task/1").ends_with(&[]).verdict("lost"), @r"
    fail
    edit-against-delete restore: phone's bringing back of task/1 (a3) is gone: phone's deletion of task/1 (a2) did not know of it and won
      expected: task/1 comes back whole: an edit that the delete did not know of outlives it
      evidence: invoked a2, saved a2, invoked a3, saved a3, audited ana
    ");
}

#[test]
fn an_undo_of_a_delete_brings_back() {
    let run = edited().does("laptop", "a3", delete("task/1")).gone("laptop", "task/1");
    let undone =
        run.undoes("laptop", "a4", "task/1", &[]).shows("laptop", in_state(Modified, t("title=Final")));
    undone.clone().ends_with(&[t("title=Final")]).passes_all(&JUDGES);
    undone.passes("honest");
    undone.ends_with(&[]).violates("lost edit-against-delete restore");
}

#[test]
fn an_undo_that_nobody_confirmed_went_either_way() {
    let run = edited().begin("laptop", "a3", undo("task/1")).indefinite("a3");
    run.clone().ends_with(&[t("title=Draft")]).passes_all(&JUDGES);
    run.clone().ends_with(&[t("title=Final")]).passes_all(&JUDGES);
    let deleted = run.does("laptop", "a4", delete("task/1")).begin("laptop", "a5", undo("task/1"));
    let deleted = deleted.indefinite("a5");
    deleted.clone().ends_with(&[]).passes_all(&JUDGES);
    deleted.ends_with(&[t("title=Final")]).passes_all(&JUDGES);
}

#[test]
fn an_undo_that_was_refused_came_to_nothing() {
    let run = edited().begin("laptop", "a3", undo("task/1")).refused("a3");
    run.clone().ends_with(&[t("title=Final")]).passes_all(&JUDGES);
    run.ends_with(&[t("title=Draft")]).violates("lost at-end lww put");
}
