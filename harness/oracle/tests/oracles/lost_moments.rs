//! `lost`, at every moment on the device itself.

use crate::builder::*;
use deadzone_contract::RecordState::{Conflict, Discarded, Failed, Modified, Saved, Syncing};
use insta::assert_snapshot;

fn shared() -> Run {
    run()
        .does("phone", "task/1", create(&["title=Draft", "status=open"]))
        .pushes("phone", "e1", &["task/1"])
        .shows("laptop", task("task/1", &["title=Draft", "status=open"]))
}

/// The laptop's screen, as it follows.
fn then_shows(run: &Run, state: deadzone_contract::RecordState, fields: &[&str]) -> String {
    let shown = run.clone().shows("laptop", in_state(state, task("task/1", fields)));
    let verdict = shown.verdict("lost");
    verdict.strip_suffix("\nunknown: nobody waited for the world to settle").unwrap_or(&verdict).to_owned()
}

const FINE: &str = "unknown";

#[test]
fn an_own_write_is_not_taken_back() {
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Final"]));
    assert_eq!(then_shows(&run, Modified, &["title=Final", "status=open"]), FINE);
    assert_snapshot!(then_shows(&run, Modified, &["title=Draft", "status=open"]), @r"
    fail
    on-own-device lww put: laptop's title=Final on task/1 (a2) was saved, but laptop then shows title=Draft
      expected: title=Final, or something newer
      evidence: invoked a2, saved a2, shown laptop
    ");
    assert_snapshot!(then_shows(&run, Modified, &["status=open"]), @r"
    fail
    on-own-device lww put: laptop's title=Final on task/1 (a2) was saved, but laptop then shows title=nothing
      expected: title=Final, or something newer
      evidence: invoked a2, saved a2, shown laptop
    ");
}

#[test]
fn an_own_write_can_lose_against_one_that_it_had_not_seen() {
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Final"])).does(
        "phone",
        "a3",
        edit("task/1", &["title=Other"]),
    );
    assert_eq!(then_shows(&run, Modified, &["title=Other", "status=open"]), FINE);
    // The same value, written again by somebody else, is not the old one come back.
    let run = run.does("tablet", "a4", edit("task/1", &["title=Draft"]));
    assert_eq!(then_shows(&run, Modified, &["title=Draft", "status=open"]), FINE);
}

#[test]
fn the_old_value_comes_back_where_the_new_one_was_discarded_or_failed() {
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Final"]));
    assert_eq!(then_shows(&run, Failed, &["title=Draft", "status=open"]), FINE);
    let listed =
        run.clone().then("laptop", deadzone_trace::Event::Tray { items: vec![item("task/1", Failed)] });
    assert_eq!(then_shows(&listed, Modified, &["title=Draft", "status=open"]), FINE);
    // Within one instant, the record may be shown first.
    let tray = deadzone_trace::Event::Tray { items: vec![item("task/1", Failed)] };
    let shown = run.clone().shows("laptop", in_state(Conflict, task("task/1", &["title=Draft"])));
    shown.clone().then("laptop", tray.clone()).violates("lost on-own-device lww put");
    let verdict = shown.at_once().then("laptop", tray).verdict("lost");
    assert!(verdict.starts_with(FINE), "{verdict}");
    let discarded = run.does("laptop", "a3", discard("task/1"));
    assert_eq!(then_shows(&discarded, Discarded, &["title=Final", "status=open"]), FINE);
    assert_eq!(then_shows(&discarded, Modified, &["title=Draft", "status=open"]), FINE);
}

#[test]
fn an_open_conflict_shows_the_other_side() {
    let run = shared().does("phone", "a2", edit("task/1", &["status=done"])).does(
        "laptop",
        "a3",
        edit("task/1", &["status=blocked"]),
    );
    let asked = ["title=Draft", "status=done", "status:blocked<done"];
    assert_eq!(then_shows(&run, Conflict, &asked), FINE);
    assert_snapshot!(then_shows(&run, Syncing, &["title=Draft", "status=open"]), @r"
    fail
    on-own-device version put: laptop's status=blocked on task/1 (a3) was saved, but laptop then shows status=open
      expected: status=blocked, or something newer
      evidence: invoked a3, saved a3, shown laptop
    ");
}

#[test]
fn a_decision_for_the_servers_value_asks_for_whatever_that_is() {
    // While the conflict about `done` was open, the laptop wrote `half` on top of it.
    let asked = task("task/1", &["title=Draft", "status=half", "status:done<open"]);
    let run = shared()
        .does("laptop", "a2", edit("task/1", &["status=done"]))
        .does("laptop", "a3", edit("task/1", &["status=half"]))
        .shows("laptop", asked)
        .does("laptop", "a4", resolve("task/1", "status", deadzone_contract::Choice::UseTheirs));
    assert_eq!(then_shows(&run, Syncing, &["title=Draft", "status=half"]), FINE);
}

#[test]
fn what_was_never_promised_may_vanish() {
    let run = shared().begin("laptop", "a2", edit("task/1", &["title=Final"])).indefinite("a2");
    assert_eq!(then_shows(&run, Modified, &["title=Draft", "status=open"]), FINE);
}

#[test]
fn own_increments_stay_in_the_total() {
    let run = shared().does("laptop", "a2", edit("task/1", &["completed_count+=3"])).does(
        "phone",
        "a3",
        edit("task/1", &["completed_count+=-2"]),
    );
    let shown = |total: &str| then_shows(&run, Syncing, &["title=Draft", "status=open", total]);
    assert_eq!(shown("completed_count=3"), FINE);
    assert_eq!(shown("completed_count=1"), FINE);
    assert_snapshot!(shown("completed_count=0"), @r"
    fail
    on-own-device counter add: laptop's completed_count+=3 on task/1 (a2) was saved, but laptop then shows completed_count=0
      expected: at least 1: what was added on laptop itself, less what was taken away
      evidence: invoked a2, saved a2, shown laptop
    ");
}

#[test]
fn own_tags_stay_until_somebody_removes_them() {
    let run = shared().does("laptop", "a2", edit("task/1", &["tags+=home"]));
    assert_eq!(then_shows(&run, Syncing, &["title=Draft", "status=open", "tags=[home]"]), FINE);
    assert_snapshot!(then_shows(&run, Syncing, &["title=Draft", "status=open"]), @r"
    fail
    on-own-device set insert: laptop's tags+=home on task/1 (a2) was saved, but laptop then shows tags=nothing
      expected: home in tags: nobody removed it since
      evidence: invoked a2, saved a2, shown laptop
    ");
    let removed = run.does("phone", "a3", edit("task/1", &["tags-=home"]));
    assert_eq!(then_shows(&removed, Syncing, &["title=Draft", "status=open"]), FINE);
}

#[test]
fn it_survives_a_restart() {
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Final"])).restarts("laptop");
    assert_snapshot!(then_shows(&run, Saved, &["title=Draft", "status=open"]), @r"
    fail
    on-own-device lww put: laptop's title=Final on task/1 (a2) was saved, but laptop then shows title=Draft
      expected: title=Final, or something newer
      evidence: invoked a2, saved a2, shown laptop
    ");
    assert_snapshot!(run.look("laptop", &[], &[]).verdict("lost"), @r"
    fail
    record-gone lww put: laptop's title=Final on task/1 (a2) was saved, but laptop does not show it
      expected: task/1 on laptop: nobody deleted or discarded it
      evidence: invoked a2, saved a2, viewed laptop
    unknown: nobody waited for the world to settle
    ");
}

#[test]
fn a_record_stays_until_somebody_deletes_or_discards_it() {
    let run = run().does("phone", "task/1", create(&["title=Draft"]));
    assert_snapshot!(run.clone().gone("phone", "task/1").verdict("lost"), @r"
    fail
    record-gone create: phone's creation of task/1 (task/1) was saved, but phone stopped showing it
      expected: task/1 on phone: nobody deleted or discarded it
      evidence: invoked task/1, saved task/1, gone phone
    unknown: nobody waited for the world to settle
    ");
    let deleted = run.clone().does("phone", "a2", delete("task/1")).gone("phone", "task/1");
    assert_snapshot!(deleted.verdict("lost"), @r"
    unknown
    unknown: nobody waited for the world to settle
    ");
    let discarded = run.does("phone", "a2", discard("task/1")).gone("phone", "task/1");
    assert_snapshot!(discarded.verdict("lost"), @r"
    unknown
    unknown: nobody waited for the world to settle
    ");
}

#[test]
fn what_hangs_under_a_discarded_record_goes_with_it() {
    let child = create_in("home", "task", Some("task/1"), &["title=Child"]);
    run()
        .does("phone", "task/1", create(&["title=Draft"]))
        .does("phone", "task/2", child)
        .does("phone", "a3", discard("task/1"))
        .gone("phone", "task/2")
        .gone("phone", "task/1")
        .ends_with(&[])
        .passes("lost");
}
