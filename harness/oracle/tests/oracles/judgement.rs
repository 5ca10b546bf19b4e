//! What all oracles together say.

use crate::builder::*;
use deadzone_contract::{Action, Rule};
use deadzone_oracle::{Doubt, Judgement, ORACLES, Outcome, judge};
use deadzone_trace::{Event, Trace};
use insta::assert_snapshot;

fn good() -> Run {
    let view = task("task/1", &["title=T"]);
    run()
        .does("phone", "task/1", create(&["title=T"]))
        .shows("phone", in_state(deadzone_contract::RecordState::Saved, view.clone()))
        .ends_with(&[view])
}

fn brief(judgement: &Judgement) -> String {
    format!("{}\n{}", judgement.outcome, judgement.unknowns().join("\n"))
}

#[test]
fn a_good_run_passes() {
    let judgement = good().judge();
    assert_eq!((judgement.outcome, judgement.doubts.len()), (Outcome::Pass, 0));
    let names: Vec<_> = judgement.verdicts.iter().map(|verdict| verdict.oracle).collect();
    assert_eq!(names, ORACLES.iter().map(|oracle| oracle.name).collect::<Vec<_>>());
    assert_snapshot!(names.join(" "), @"lost invented duplicated leaked intact converged monotonic available settled honest justified polite bounded alerted alive expected");
}

#[test]
fn where_nothing_was_saved_nothing_is_proven() {
    let sign_in = Action::SignIn { user: "ana".to_owned(), password: "x".to_owned() };
    let run = run().does("phone", "a1", sign_in).shows("phone", task("task/1", &[])).ends_with(&[]);
    assert!(brief(&run.judge()).contains("nothing was saved"), "{}", brief(&run.judge()));
}

#[test]
fn a_step_that_was_refused_proves_nothing() {
    let judgement = good().begin("phone", "a2", discard("task/1")).refused("a2").judge();
    assert_eq!(judgement.outcome, Outcome::Unknown);
    assert_eq!(judgement.unknowns()[0], "phone refused step a2 (no): the script did not go as written");
}

#[test]
fn a_fault_that_struck_nothing_proves_nothing() {
    let began = |fault: &str| Event::FaultBegan {
        fault: fault.to_owned(),
        text: "lose the answer to phone's next push".to_owned(),
    };
    let struck = Event::FaultStruck { fault: "f1".to_owned(), what: "an answer".to_owned() };
    let run = good().then("world", began("f1"));
    assert_snapshot!(brief(&run.judge()), @r"
    unknown
    fault f1 (lose the answer to phone's next push) had nothing to strike
    ");
    let run = run.then("world", struck);
    assert_eq!(run.judge().outcome, Outcome::Pass);
    assert_eq!(run.then("world", began("f2")).judge().outcome, Outcome::Unknown);
}

#[test]
fn a_run_without_its_end_proves_nothing() {
    let mut run = good();
    run.trace.entries.pop();
    assert_snapshot!(brief(&run.judge()), @r"
    unknown
    the run did not come to its end
    alive: the run did not come to its end
    ");
}

#[test]
fn who_draws_scripts_can_tell_doubts_apart() {
    let idle = Event::FaultBegan { fault: "f1".to_owned(), text: "skew phone by 1h".to_owned() };
    let mut run = good().begin("phone", "a2", discard("task/1")).refused("a2").then("world", idle);
    run.trace.entries.retain(|entry| !matches!(entry.event, Event::Saved { .. } | Event::Finished(_)));
    let json: Vec<_> = run.judge().doubts.iter().map(|doubt| serde_json::to_string(doubt).unwrap()).collect();
    assert_snapshot!(json.join("\n"), @r#"
    {"doubt":"nothing-saved"}
    {"doubt":"unfinished"}
    {"doubt":"step-refused","device":"phone","action":"a2","code":"invalid","detail":"no"}
    {"doubt":"fault-idle","fault":"f1","text":"skew phone by 1h"}
    {"doubt":"oracle","oracle":"lost","why":"users went on after the world had settled last"}
    {"doubt":"oracle","oracle":"duplicated","why":"users went on after the world had settled last"}
    {"doubt":"oracle","oracle":"converged","why":"users went on after the world had settled last"}
    {"doubt":"oracle","oracle":"alive","why":"the run did not come to its end"}
    "#);
    assert_eq!(judge(&Trace::default()).doubts, [Doubt::Headless]);
}

#[test]
fn the_gravest_outcome_counts() {
    let panic = |host: &str| {
        let event = Event::Panicked { message: "no".to_owned(), location: "x.rs:1".to_owned() };
        good().then(host, event)
    };
    assert_eq!(panic("phone").judge().outcome, Outcome::Fail);
    assert_eq!(panic("world").judge().outcome, Outcome::Error);
    let both = panic("world").gone("phone", "task/1");
    assert_eq!(both.judge().outcome, Outcome::Fail);
    assert!(
        Outcome::Fail > Outcome::Error
            && Outcome::Error > Outcome::Unknown
            && Outcome::Unknown > Outcome::Pass
    );
}

#[test]
fn a_trace_without_its_header_is_an_error_of_the_harness() {
    let judgement = judge(&Trace::default());
    assert_eq!((judgement.outcome, judgement.verdicts.len()), (Outcome::Error, ORACLES.len()));
    assert_snapshot!(brief(&judgement), @r"
    error
    the trace does not begin with what was run
    ");
}

#[test]
fn the_key_tells_what_is_the_same_violation() {
    let lost = |name: &str, title: &str| {
        let run = run().does("phone", name, create(&[title])).ends_with(&[task(name, &[])]);
        run.judge().violations().next().expect("the title is lost").clone()
    };
    let (one, other) = (lost("task/1", "title=One"), lost("task/2", "title=Two"));
    assert_ne!(one, other);
    assert_eq!(one.key(), other.key());
    assert_eq!(one.rule, Some(Rule::Lww));
    assert_snapshot!(one.key(), @"lost at-end lww put");
    assert_snapshot!(serde_json::to_string(&one.key()).expect("plain data"), @r#"{"oracle":"lost","clause":"at-end","rule":"lww","effect":"put"}"#);
}

#[test]
fn violations_come_in_the_order_of_their_certainty() {
    let run = good().gone("phone", "task/1");
    let run = run.does("tablet", "task/2", create(&["title=U"])).gone("tablet", "task/2");
    for verdict in run.judge().verdicts {
        let last: Vec<_> = verdict.violations.iter().map(|v| v.evidence.last().copied()).collect();
        assert!(last.is_sorted(), "{last:?}");
    }
}

#[test]
fn judging_is_a_function_of_the_trace() {
    let run = good().gone("phone", "task/1");
    let mut text = Vec::new();
    run.trace.write(&mut text).expect("a vector takes everything");
    let read = Trace::read(text.as_slice()).expect("just written");
    assert_eq!(judge(&read), judge(&run.trace));
}
