//! A record that is gone for good, and that its user makes anew from the tray.

use crate::builder::*;
use deadzone_contract::RecordState::{Failed, Saved};
use deadzone_contract::{Action, RecordView};
use deadzone_trace::Event;

const JUDGES: [&str; 6] = ["lost", "invented", "duplicated", "converged", "monotonic", "honest"];

fn old() -> RecordView {
    task("task/1", &["title=U", "completed_count=2", "tags=[home]"])
}

fn anew() -> RecordView {
    task("task/9", &["title=U", "completed_count=2", "tags=[home]"])
}

/// The laptop deletes a task; the phone's edit comes too late, and its user makes it anew.
fn made_anew() -> Run {
    let run = run()
        .does("phone", "task/1", create(&["title=T", "completed_count=2", "tags=[home]"]))
        .shows("phone", in_state(Saved, task("task/1", &["title=T", "completed_count=2", "tags=[home]"])))
        .pushes("phone", "e1", &["task/1 create"])
        .shows("laptop", task("task/1", &["title=T", "completed_count=2", "tags=[home]"]))
        .does("laptop", "a2", delete("task/1"))
        .gone("laptop", "task/1")
        .does("phone", "a3", edit("task/1", &["title=U"]))
        .shows("phone", in_state(Failed, old()))
        .begin("phone", "a4", Action::Retry { record: id("task/1") });
    let saved = Event::Saved { action: "a4".to_owned(), record: Some(id("task/9")), undid: Vec::new() };
    run.then("phone", saved).gone("phone", "task/1").shows("phone", in_state(Saved, anew()))
}

#[test]
fn the_copy_has_everything_and_the_old_one_nothing() {
    made_anew().ends_with(&[anew()]).passes_all(&JUDGES);
    made_anew().ends_with(&[]).violates("lost at-end create");
    let less = task("task/9", &["title=T", "completed_count=2", "tags=[home]"]);
    made_anew().ends_with(&[less]).violates("invented value-from-nowhere lww put");
    let less = task("task/9", &["title=U", "tags=[home]"]);
    made_anew().ends_with(&[less]).violates("lost at-end counter add");
    let twice = task("task/9", &["title=U", "completed_count=4", "tags=[home]"]);
    made_anew().ends_with(&[twice]).violates("duplicated counted-twice counter add");
}

#[test]
fn without_it_the_edit_is_lost() {
    let run = run()
        .does("phone", "task/1", create(&["title=T"]))
        .pushes("phone", "e1", &["task/1 create"])
        .shows("laptop", task("task/1", &["title=T"]))
        .does("laptop", "a2", delete("task/1"))
        .does("phone", "a3", edit("task/1", &["title=U"]));
    run.clone().ends_with(&[]).violates("lost edit-against-delete lww put");
    // A retry that only sends once more makes nothing anew.
    let retried = run.does("phone", "a4", Action::Retry { record: id("task/1") });
    retried.ends_with(&[]).violates("lost edit-against-delete lww put");
}

#[test]
fn what_hung_under_the_old_one_hangs_under_the_copy() {
    let child = |parent: &str| of("comment", Some(parent), task("comment/1", &["body=B"]));
    let comment = create_in("home", "comment", Some("task/1"), &["body=B"]);
    let run = made_anew().does("phone", "comment/1", comment);
    run.clone().shows("phone", in_state(Saved, child("task/9"))).passes("invented");
    run.shows("phone", in_state(Saved, child("task/2"))).violates("invented place create");
}

#[test]
fn undoing_it_deletes_the_copy() {
    let undone = made_anew().pushes("phone", "e2", &["task/9 create"]).undoes("phone", "a5", "task/9", &[]);
    undone.clone().gone("phone", "task/9").ends_with(&[]).passes_all(&["lost", "invented", "converged"]);
    undone.ends_with(&[anew()]).violates("lost at-end delete");
}
