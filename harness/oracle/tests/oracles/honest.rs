//! `honest`.

use crate::builder::*;
use deadzone_contract::RecordState::{
    self, Conflict, Discarded, Failed, Modified, Retrying, Saved, Synced, Syncing,
};
use deadzone_contract::{Badge, Choice, RecordView, WayOut};
use deadzone_trace::Event;
use insta::assert_snapshot;

fn as_is(state: RecordState) -> RecordView {
    in_state(state, task("task/1", &["title=T"]))
}

fn created() -> Run {
    run().does("phone", "task/1", create(&["title=T"]))
}

/// The phone shows its new task in these states, with a push that is accepted before each
/// `synced`.
fn steps(states: &[RecordState]) -> Run {
    let mut run = created();
    for (i, &state) in states.iter().enumerate() {
        if state == Synced {
            run = run.pushes("phone", &format!("e{i}"), &["task/1"]);
        }
        run = run.shows("phone", as_is(state));
    }
    run
}

#[test]
fn every_step_of_the_table_is_legal() {
    steps(&[Saved, Syncing, Synced, Modified, Syncing, Synced]).passes("honest");
    steps(&[Saved, Syncing, Retrying, Syncing, Failed, Syncing, Synced]).passes("honest");
    steps(&[Saved, Syncing, Modified, Failed, Discarded, Synced]).passes("honest");
    steps(&[Saved, Syncing, Conflict, Syncing, Conflict, Synced]).passes("honest");
    steps(&[Saved, Syncing, Retrying, Modified, Syncing, Retrying, Discarded]).passes("honest");
    steps(&[Saved, Saved, Failed, Failed]).passes("honest");
    steps(&[Saved, Syncing, Synced, Conflict, Discarded, Synced]).passes("honest");
}

#[test]
fn steps_that_are_not_in_the_table() {
    assert_snapshot!(steps(&[Saved, Retrying]).verdict("honest"), @r"
    fail
    illegal-move retrying: phone shows task/1 as retrying right after saved
      expected: after saved: syncing, failed, conflict
      evidence: shown phone, shown phone
    ");
    assert_snapshot!(steps(&[Saved, Syncing, Synced, Retrying]).verdict("honest"), @r"
    fail
    illegal-move retrying: phone shows task/1 as retrying right after synced
      expected: after synced: modified, conflict
      evidence: shown phone, shown phone
    ");
    assert_snapshot!(steps(&[Saved, Syncing, Failed, Synced]).verdict("honest"), @r"
    fail
    illegal-move synced: phone shows task/1 as synced right after failed
      expected: after failed: syncing, discarded
      evidence: shown phone, shown phone
    ");
}

#[test]
fn every_illegal_step_is_found() {
    let legal = [
        (Saved, vec![Syncing, Failed, Conflict]),
        (Modified, vec![Syncing, Failed, Conflict]),
        (Syncing, vec![Synced, Retrying, Modified, Failed, Conflict]),
        (Retrying, vec![Syncing, Modified, Discarded]),
        (Synced, vec![Modified, Conflict]),
        (Failed, vec![Syncing, Discarded]),
        (Conflict, vec![Syncing, Discarded, Synced]),
        (Discarded, vec![Synced]),
    ];
    for (from, to) in &legal {
        for state in legal.iter().map(|(state, _)| *state) {
            let run = created().pushes("phone", "e1", &["task/1"]).shows("phone", as_is(*from));
            let verdict = run.shows("phone", as_is(state)).verdict("honest");
            let moved = verdict.contains(&format!("as {state} right after {from}"));
            assert_eq!(moved, state != *from && !to.contains(&state), "{from} to {state}");
        }
    }
}

#[test]
fn the_first_badge() {
    let elsewhere = |state| created().shows("laptop", as_is(state));
    elsewhere(Synced).passes("honest");
    elsewhere(Conflict).passes("honest");
    assert_snapshot!(elsewhere(Saved).verdict("honest"), @r"
    fail
    illegal-start saved: laptop begins to show task/1 as saved
      expected: synced or conflict: it was not made on this device
      evidence: shown laptop
    ");
    assert_snapshot!(created().shows("phone", as_is(Syncing)).verdict("honest"), @r"
    fail
    illegal-start syncing: phone begins to show task/1 as syncing
      expected: saved
      evidence: shown phone
    ");
}

#[test]
fn a_record_that_was_gone_begins_anew() {
    let run = steps(&[Saved, Syncing, Synced]).gone("phone", "task/1");
    run.clone().shows("phone", as_is(Synced)).passes("honest");
    assert_snapshot!(run.clone().shows("phone", as_is(Failed)).verdict("honest"), @r"
    fail
    illegal-start failed: phone begins to show task/1 as failed
      expected: saved
      evidence: shown phone
    ");
    // Deleted elsewhere and brought back, it comes with the work that was under way.
    let under_way = || steps(&[Saved, Syncing]);
    under_way().gone("phone", "task/1").shows("phone", as_is(Syncing)).passes("honest");
    let elsewhere = under_way().shows("laptop", as_is(Synced)).gone("laptop", "task/1");
    elsewhere.shows("laptop", as_is(Syncing)).violates("honest illegal-start syncing");
    // A delete that was refused brings its record back.
    run.does("phone", "a2", delete("task/1")).shows("phone", as_is(Failed)).passes("honest");
}

#[test]
fn over_a_restart() {
    let after = |states: &[RecordState], next| steps(states).restarts("phone").shows("phone", as_is(next));
    after(&[Saved, Syncing], Saved).passes("honest");
    after(&[Saved, Syncing, Synced, Modified, Syncing], Modified).passes("honest");
    after(&[Saved, Syncing, Retrying], Retrying).passes("honest");
    // What was committed and never shown.
    after(&[Saved], Syncing).passes("honest");
    after(&[], Syncing).passes("honest");
    assert_snapshot!(after(&[Saved, Syncing, Synced], Saved).verdict("honest"), @r"
    fail
    illegal-move saved: phone shows task/1 as saved right after synced
      expected: after synced: modified, conflict
      evidence: shown phone, shown phone
    ");
    assert_snapshot!(after(&[Saved, Syncing, Synced], Retrying).verdict("honest"), @r"
    fail
    illegal-move retrying: phone shows task/1 as retrying right after synced
      expected: after synced: modified, conflict
      evidence: shown phone, shown phone
    ");
}

#[test]
fn synced_needs_an_answer() {
    let run = created().shows("phone", as_is(Saved)).shows("phone", as_is(Syncing));
    assert_snapshot!(run.clone().shows("phone", as_is(Synced)).verdict("honest"), @r"
    fail
    synced-too-early synced: phone shows task/1 as synced after task/1, but no push has carried it yet
      expected: synced only once the server's answer is there
      evidence: invoked task/1, saved task/1, shown phone
    ");
    let sent = run.sends("phone", "e1", &["task/1"]);
    assert_snapshot!(sent.clone().shows("phone", as_is(Synced)).verdict("honest"), @r"
    fail
    synced-too-early synced: phone shows task/1 as synced after task/1, but the push that carries it has brought no answer that says so
      expected: synced only once the server's answer is there
      evidence: invoked task/1, saved task/1, sent e1, shown phone
    ");
    let answered = sent.arrives("e1").answered("e1");
    assert_snapshot!(answered.clone().shows("phone", as_is(Synced)).verdict("honest"), @r"
    fail
    synced-too-early synced: phone shows task/1 as synced after task/1, but the push that carries it has brought no answer that says so
      expected: synced only once the server's answer is there
      evidence: invoked task/1, saved task/1, sent e1, shown phone
    ");
    answered.delivered("e1").shows("phone", as_is(Synced)).passes("honest");
}

#[test]
fn an_answer_that_is_none() {
    let sent = created().shows("phone", as_is(Saved)).sends("phone", "e1", &["task/1"]).arrives("e1");
    let sent = sent.shows("phone", as_is(Syncing));
    let synced = |run: Run| run.shows("phone", as_is(Synced)).verdict("honest");
    let exchange = || deadzone_trace::Exchange("e1".to_owned());
    let portal = Event::Delivered { exchange: exchange(), status: 200, replaced: Some("<html>".to_owned()) };
    assert_snapshot!(synced(sent.clone().answered("e1").then("phone", portal)), @r"
    fail
    synced-too-early synced: phone shows task/1 as synced after task/1, but the push that carries it has brought no answer that says so
      expected: synced only once the server's answer is there
      evidence: invoked task/1, saved task/1, sent e1, shown phone
    ");
    let busy = Event::Delivered { exchange: exchange(), status: 503, replaced: None };
    assert!(synced(sent.clone().answered("e1").then("phone", busy)).starts_with("fail\nsynced-too-early"));
    let rejected = r#"{"results":[{"record":"id:task/1","outcome":{"rejected":{"code":"forbidden"}}}]}"#;
    let rejected = sent.clone().answered_with("e1", rejected).delivered("e1");
    assert!(synced(rejected).starts_with("fail\nsynced-too-early"));
    let another = r#"{"results":[]}"#;
    assert!(synced(sent.clone().answered_with("e1", another).delivered("e1")).starts_with("fail"));
    // A body of a form that nobody knows is not known to leave anything out.
    assert_eq!(synced(sent.answered_with("e1", "done").delivered("e1")), "pass");
}

#[test]
fn the_answer_has_to_be_to_the_last_work() {
    let run = steps(&[Saved, Syncing]).sends("phone", "e1", &["task/1"]);
    let run =
        run.does("phone", "a2", edit("task/1", &["title=U"])).arrives("e1").answered("e1").delivered("e1");
    assert_snapshot!(run.clone().shows("phone", as_is(Synced)).verdict("honest"), @r"
    fail
    synced-too-early synced: phone shows task/1 as synced after a2, but no push has carried it yet
      expected: synced only once the server's answer is there
      evidence: invoked a2, saved a2, shown phone
    ");
    run.pushes("phone", "e2", &["task/1"]).shows("phone", as_is(Synced)).passes("honest");
}

#[test]
fn discarded_work_needs_no_answer() {
    let run = steps(&[Saved, Syncing, Synced]).does("phone", "a2", edit("task/1", &["title=U"]));
    let run = run.shows("phone", as_is(Modified)).shows("phone", as_is(Failed));
    let run = run.does("phone", "a3", discard("task/1")).shows("phone", as_is(Discarded));
    run.shows("phone", as_is(Synced)).passes("honest");
}

#[test]
fn a_decision_for_the_servers_value_may_have_been_made_elsewhere() {
    let run = steps(&[Saved, Syncing, Synced]).shows("phone", as_is(Conflict));
    let run = run.does("phone", "a2", resolve("task/1", "status", Choice::UseTheirs));
    let early = run.clone().shows("phone", as_is(Synced));
    assert!(early.verdict("honest").starts_with("fail\nsynced-too-early"));
    run.pulls("phone", "e9").shows("phone", as_is(Synced)).passes("honest");
}

#[test]
fn the_badge_of_the_device() {
    let badge = |run: Run| run.then("phone", Event::Status(status(Badge::Synced, 0)));
    let waiting = created().shows("phone", as_is(Saved));
    assert_snapshot!(badge(waiting.clone()).verdict("honest"), @r"
    fail
    badge-too-early synced: phone calls itself synced with nothing queued, but shows task/1 as saved
      expected: syncing, or offline, until nothing waits
      evidence: shown phone, status phone
    ");
    let synced = waiting.pushes("phone", "e1", &["task/1"]).shows("phone", as_is(Syncing));
    // Within an instant the badge may come before its records.
    badge(synced.clone()).at_once().shows("phone", as_is(Synced)).passes("honest");
    badge(synced.clone().shows("phone", as_is(Synced))).passes("honest");
    let corrected = badge(synced.clone()).at_once().then("phone", Event::Status(status(Badge::Syncing, 1)));
    corrected.passes("honest");
    let one_queued = synced.then("phone", Event::Status(status(Badge::Synced, 1)));
    one_queued.passes("honest");
}

#[test]
fn what_needs_its_user_is_in_the_tray() {
    let run = created().shows("phone", as_is(Saved)).shows("phone", as_is(Failed));
    run.clone().look("phone", &[as_is(Failed)], &[item("task/1", Failed)]).passes("honest");
    assert_snapshot!(run.look("phone", &[as_is(Failed)], &[]).verdict("honest"), @r"
    fail
    not-in-tray failed: phone shows task/1 as failed, but its tray does not list it
      expected: task/1 in phone's tray, with its reason and its ways out
      evidence: viewed phone
    ");
}

#[test]
fn every_line_of_the_tray_has_a_reason_and_a_way_out() {
    let mut mute = item("task/1", Failed);
    mute.reason = " ".to_owned();
    mute.ways_out = Vec::<WayOut>::new();
    let run = created().shows("phone", as_is(Saved)).then("phone", Event::Tray { items: vec![mute] });
    assert_snapshot!(run.verdict("honest"), @r"
    fail
    no-reason failed: phone's tray does not say why `set status=done` on task/1 is in it
      expected: a reason on every line of the tray
      evidence: tray phone
    no-way-out failed: phone's tray offers no way out for `set status=done` on task/1
      expected: at least one way out on every line of the tray
      evidence: tray phone
    ");
}

#[test]
fn where_nothing_is_shown_nothing_can_be_told() {
    assert_snapshot!(created().verdict("honest"), @r"
    unknown
    unknown: no device showed anything
    ");
}
