//! `monotonic`.

use crate::builder::*;
use deadzone_contract::RecordState::{Conflict, Modified, Synced};
use deadzone_contract::RecordView;
use deadzone_trace::Event;
use insta::assert_snapshot;

const OLD: &str = "task/1@1 title=Old tags=[home] completed_count=3";
const NEW: &str = "task/1@2 title=New tags=[] completed_count=8";

fn old() -> RecordView {
    task("task/1", &["title=Old", "tags=[home]", "completed_count=3"])
}

fn new() -> RecordView {
    task("task/1", &["title=New", "completed_count=8"])
}

/// The laptop shows what the phone made and changed.
fn pulled() -> Run {
    run()
        .does("phone", "task/1", create(&["title=Old", "tags+=home", "completed_count=3"]))
        .does("phone", "a2", edit("task/1", &["title=New", "tags-=home", "completed_count+=5"]))
        .pulls_page("laptop", "e1", &[OLD])
        .shows("laptop", old())
        .pulls_page("laptop", "e2", &[NEW])
        .shows("laptop", new())
}

#[test]
fn what_was_pulled_stays() {
    let run = pulled().shows("laptop", new()).restarts("laptop").look("laptop", &[new()], &[]);
    run.passes("monotonic");
}

#[test]
fn older_content_comes_back() {
    assert_snapshot!(pulled().shows("laptop", old()).verdict("monotonic"), @r"
    fail
    went-back counter value: laptop shows completed_count=3 on task/1, which came with version 1 at the latest, after it had shown 8 of version 2
      expected: completed_count=8 on task/1, or something newer
      evidence: delivered e2, shown laptop, shown laptop
    ");
    let forgetful = pulled().restarts("laptop").look("laptop", &[old()], &[]);
    assert!(
        forgetful
            .verdict("monotonic")
            .starts_with("fail\nwent-back counter value: laptop shows completed_count=3")
    );
}

#[test]
fn an_answer_that_comes_late_changes_nothing() {
    let late = pulled().pulls_page("laptop", "e3", &[OLD]);
    late.clone().shows("laptop", new()).passes("monotonic");
    assert!(late.shows("laptop", old()).verdict("monotonic").starts_with("fail\nwent-back counter value"));
}

#[test]
fn a_value_that_comes_again_is_not_the_old_one() {
    let again = pulled().pulls_page("laptop", "e3", &["task/1@3 title=Old tags=[home] completed_count=3"]);
    again.shows("laptop", old()).shows("laptop", new()).shows("laptop", old()).passes("monotonic");
}

#[test]
fn what_was_told_but_not_shown_binds_nobody() {
    let run = run().does("phone", "task/1", create(&["title=Old"])).pulls_page("laptop", "e1", &[OLD]);
    let told = run.does("phone", "a2", edit("task/1", &["title=New"])).pulls_page("laptop", "e2", &[NEW]);
    told.shows("laptop", old()).shows("laptop", new()).passes("monotonic");
}

#[test]
fn a_value_vanishes() {
    let bare = task("task/1", &["completed_count=8"]);
    assert_snapshot!(pulled().shows("laptop", bare).verdict("monotonic"), @r"
    fail
    went-back lww value: laptop shows title=nothing on task/1, which no version had, after it had shown New of version 2
      expected: title=New on task/1, or something newer
      evidence: delivered e2, shown laptop, shown laptop
    ");
}

#[test]
fn own_work_covers_a_field_until_it_is_synced() {
    // `Old` again, by the laptop itself.
    let edited = pulled().does("laptop", "a3", edit("task/1", &["title=Old"]));
    let again = || task("task/1", &["title=Old", "completed_count=8"]);
    let shown = edited.shows("laptop", in_state(Modified, again()));
    shown.passes("monotonic");
    // What a pull brings meanwhile stands underneath it.
    let pulled = shown.clone().pulls_page("laptop", "e3", &[NEW]);
    pulled.shows("laptop", in_state(Modified, again())).passes("monotonic");
    // Others changed it meanwhile.
    let newer = "task/1@4 title=Newest tags=[] completed_count=8";
    let synced = shown.shows("laptop", in_state(Synced, again())).pulls_page("laptop", "e4", &[newer]);
    let synced = synced.shows("laptop", task("task/1", &["title=Newest", "completed_count=8"]));
    synced.passes("monotonic");
    let back = synced.shows("laptop", again()).verdict("monotonic");
    assert!(back.starts_with("fail\nwent-back lww value: laptop shows title=Old"), "{back}");
}

#[test]
fn an_open_conflict_shows_either_side() {
    let versions = ["task/1@1 status=open", "task/1@2 status=done"];
    let run = run()
        .does("phone", "task/1", create(&["status=open"]))
        .does("phone", "a2", edit("task/1", &["status=done"]))
        .pulls_page("laptop", "e1", &versions[..1])
        .pulls_page("laptop", "e2", &versions[1..])
        .shows("laptop", task("task/1", &["status=done"]));
    let asked = task("task/1", &["status=open", "status:open<done"]);
    assert_eq!(asked.state, Conflict);
    run.clone().shows("laptop", asked).passes("monotonic");
    let back = run.shows("laptop", task("task/1", &["status=open"])).verdict("monotonic");
    assert!(back.starts_with("fail\nwent-back version value"), "{back}");
}

#[test]
fn a_record_stays_until_somebody_says_that_it_is_gone() {
    assert_snapshot!(pulled().gone("laptop", "task/1").verdict("monotonic"), @r"
    fail
    vanished record: laptop had task/1 from the server and showed it, but stopped showing it
      expected: task/1 on laptop: neither the server nor anybody there said that it is gone
      evidence: delivered e2, shown laptop, gone laptop
    ");
    let forgetful = pulled().restarts("laptop").look("laptop", &[], &[]);
    assert_snapshot!(forgetful.verdict("monotonic"), @r"
    fail
    vanished record: laptop had task/1 from the server and showed it, but does not show it
      expected: task/1 on laptop: neither the server nor anybody there said that it is gone
      evidence: delivered e2, shown laptop, viewed laptop
    ");
    // The server says so, a user there does, or everything is pulled anew.
    let told = pulled().pulls_page("laptop", "e3", &["-task/1@3"]).gone("laptop", "task/1");
    told.look("laptop", &[], &[]).passes("monotonic");
    let deleted = pulled().does("laptop", "a3", delete("task/1")).gone("laptop", "task/1");
    deleted.passes("monotonic");
    let anew = pulled().gets("laptop", "e3", "/sync?since=0", &page(&[], false)).gone("laptop", "task/1");
    anew.passes("monotonic");
}

#[test]
fn a_record_that_comes_back_may_not_go_again_by_itself() {
    let revived = pulled()
        .pulls_page("laptop", "e3", &["-task/1@3"])
        .gone("laptop", "task/1")
        .pulls_page("laptop", "e4", &["task/1@4 title=New completed_count=8"])
        .shows("laptop", new());
    revived.passes("monotonic");
    assert!(revived.gone("laptop", "task/1").verdict("monotonic").starts_with("fail\nvanished record"));
}

#[test]
fn what_was_deleted_here_does_not_come_back_by_itself() {
    let deleted = pulled()
        .does("laptop", "a3", delete("task/1"))
        .gone("laptop", "task/1")
        .sends("laptop", "e3", &["task/1 delete"])
        .arrives("e3")
        .answered_with("e3", r#"{"results":[{"record":"id:task/1","outcome":{"done":{}},"state":null}]}"#)
        .delivered("e3");
    deleted.passes("monotonic");
    let back = deleted.clone().shows("laptop", new());
    assert_snapshot!(back.verdict("monotonic"), @r"
    fail
    came-back record: laptop shows task/1 again, although its delete there is done
      expected: no task/1 on laptop, until the server says that somebody brought it back
      evidence: arrived e3, delivered e3, shown laptop
    ");
    // What the server is asked for later may say that somebody brought it back.
    let told = deleted.pulls_page("laptop", "e4", &["task/1@4 title=New completed_count=8"]);
    told.shows("laptop", new()).passes("monotonic");
}

#[test]
fn what_its_user_may_not_see_any_more_goes_from_what_stays_in_view() {
    let removed = r#"{"changes":[{"removed":{"record":"id:task/1"}}],"more":false}"#;
    let removed = pulled().gets("laptop", "e3", "/sync?since=2&limit=9", removed).shows("laptop", old());
    removed.passes("monotonic");
    let back = removed.pulls_page("laptop", "e4", &[NEW]).shows("laptop", new());
    back.passes("monotonic");
    assert!(back.shows("laptop", old()).verdict("monotonic").starts_with("fail\nwent-back"));
}

#[test]
fn a_disk_that_forgot_is_excused_until_it_has_pulled_everything() {
    let damaged = pulled().goes_down("laptop").forgets("laptop", 0).comes_up("laptop");
    let behind = damaged.look("laptop", &[], &[]).shows("laptop", old());
    behind.passes("monotonic");
    // One page of several does not make up for it, nor does an instant suffice to show it.
    let more = behind.gets("laptop", "e3", "/sync?since=0", &page(&[OLD], true));
    more.clone().wait_ms(9_000).shows("laptop", old()).passes("monotonic");
    let all = more.pulls_page("laptop", "e4", &[NEW]);
    all.clone().shows("laptop", old()).passes("monotonic");
    let back = all.clone().wait_ms(2_000).shows("laptop", old()).verdict("monotonic");
    assert!(back.starts_with("fail\nwent-back counter value"), "{back}");
    let gone = all.wait_ms(2_000).look("laptop", &[], &[]).verdict("monotonic");
    assert!(gone.starts_with("fail\nvanished record"), "{gone}");
}

#[test]
fn a_server_that_forgot_counts_anew() {
    let damaged = pulled().goes_down("server").forgets("server", 0).comes_up("server");
    damaged.pulls_page("laptop", "e3", &[OLD]).shows("laptop", old()).passes("monotonic");
}

#[test]
fn another_devices_screen_is_its_own() {
    pulled().pulls_page("tablet", "e3", &[OLD]).shows("tablet", old()).passes("monotonic");
    let kept = pulled().then("tablet", Event::Gone { record: id("task/1") });
    kept.passes("monotonic");
}

#[test]
fn where_nothing_is_shown_nothing_can_be_told() {
    assert_snapshot!(run().verdict("monotonic"), @r"
    unknown
    unknown: no device showed anything
    ");
}
