//! `settled`.

use crate::builder::*;
use deadzone_trace::Event;
use insta::assert_snapshot;

fn unsettled(waiting: &[&str]) -> Event {
    Event::Unsettled { waiting: waiting.iter().map(|&who| who.to_owned()).collect() }
}

#[test]
fn the_world_falls_quiet() {
    run().settles().passes("settled");
    run().settles().settles().passes("settled");
}

#[test]
fn the_world_does_not_fall_quiet() {
    let run = run().settles().settle_begins();
    let stuck =
        run.clone().then("world", unsettled(&["phone has 3 mutations queued", "a push is under way"]));
    assert_snapshot!(stuck.verdict("settled"), @r"
    fail
    unsettled quiet: the world did not settle within 90s: phone has 3 mutations queued; a push is under way
      expected: every queue empty and nothing under way within 90s
      evidence: settle-began world, unsettled world
    ");
    assert_snapshot!(run.then("world", unsettled(&[])).verdict("settled"), @r"
    fail
    unsettled quiet: the world did not settle within 90s: nobody says why
      expected: every queue empty and nothing under way within 90s
      evidence: settle-began world, unsettled world
    ");
}

#[test]
fn one_quiet_end_does_not_excuse_an_unquiet_middle() {
    let run = run().settle_begins().then("world", unsettled(&["phone"])).settles();
    assert_eq!(run.judge().verdict("settled").expect("an oracle").outcome, deadzone_oracle::Outcome::Fail);
}

#[test]
fn nobody_waited() {
    assert_snapshot!(run().verdict("settled"), @r"
    unknown
    unknown: nobody waited for the world to settle
    ");
    assert_snapshot!(run().settles().settle_begins().verdict("settled"), @r"
    unknown
    unknown: the trace ends while the world settles
    ");
}
