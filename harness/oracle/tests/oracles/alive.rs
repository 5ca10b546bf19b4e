//! `alive`.

use crate::builder::*;
use deadzone_contract::Action;
use deadzone_trace::{Crash, Event};
use insta::assert_snapshot;

fn panic() -> Event {
    Event::Panicked { message: "index out of bounds".to_owned(), location: "src/push.rs:40".to_owned() }
}

fn broke() -> Event {
    Event::Broke { what: "the database does not open".to_owned() }
}

#[test]
fn everything_goes_on() {
    let run = run().does("phone", "task/1", create(&["title=T"])).restarts("phone");
    run.finish().passes("alive");
}

#[test]
fn code_under_test_panics_or_breaks() {
    assert_snapshot!(run().then("phone", panic()).finish().verdict("alive"), @r"
    fail
    panicked device: phone panicked at src/push.rs:40: index out of bounds
      expected: phone goes on
      evidence: panicked phone
    ");
    assert_snapshot!(run().then("server", broke()).finish().verdict("alive"), @r"
    fail
    broke server: server cannot go on: the database does not open
      expected: server goes on
      evidence: broke server
    ");
}

#[test]
fn a_panic_of_the_harness_is_no_failure_of_what_it_tests() {
    let run = run().then("world", panic()).then("world", broke()).finish();
    assert_snapshot!(run.verdict("alive"), @r"
    error
    unknown: the harness panicked at src/push.rs:40: index out of bounds; the harness broke: the database does not open
    ");
    assert_eq!(run.judge().outcome, deadzone_oracle::Outcome::Error);
}

#[test]
fn a_device_keeps_silent() {
    let run = run().begin("phone", "task/1", create(&["title=T"]));
    assert_snapshot!(run.clone().wait_ms(2_000).indefinite("task/1").finish().verdict("alive"), @r"
    fail
    hung create: phone kept silent about create task/1 for 2001 ms
      expected: saved or refused within 2000 ms
      evidence: invoked task/1, indefinite task/1
    ");
    run.wait_ms(1_000).indefinite("task/1").finish().passes("alive");
}

#[test]
fn a_sign_in_may_take_as_long_as_its_request() {
    let sign_in = Action::SignIn { user: "ana".to_owned(), password: "x".to_owned() };
    let run = run().begin("phone", "a1", sign_in);
    run.clone().wait_ms(31_000).indefinite("a1").finish().passes("alive");
    assert_snapshot!(run.wait_ms(32_000).indefinite("a1").finish().verdict("alive"), @r"
    fail
    hung sign-in: phone kept silent about sign-in a1 for 32001 ms
      expected: saved or refused within 32000 ms
      evidence: invoked a1, indefinite a1
    ");
}

#[test]
fn an_end_of_its_host_explains_silence() {
    let down = || Event::HostDown { crash: Crash::PowerLoss };
    let run = run().begin("phone", "task/1", create(&["title=T"])).wait_ms(5_000);
    run.clone().then("phone", down()).indefinite("task/1").finish().passes("alive");
    run.clone().indefinite("task/1").at_once().then("phone", down()).finish().passes("alive");
    // A host that goes down later, or another one, explains nothing.
    let other = run.then("laptop", down()).indefinite("task/1").then("phone", down()).finish();
    assert_snapshot!(other.verdict("alive"), @r"
    fail
    hung create: phone kept silent about create task/1 for 5002 ms
      expected: saved or refused within 2000 ms
      evidence: invoked task/1, indefinite task/1
    ");
}

#[test]
fn a_host_that_was_down_all_along_explains_silence() {
    let run = run().then("phone", Event::HostDown { crash: Crash::Kill });
    let run = run.begin("phone", "task/1", create(&["title=T"])).wait_ms(5_000).indefinite("task/1");
    run.finish().passes("alive");
}

#[test]
fn sleep_explains_silence() {
    let run = run().begin("phone", "task/1", create(&["title=T"])).then("phone", Event::Suspended);
    let run = run.wait_ms(60_000).then("phone", Event::Resumed);
    run.clone().indefinite("task/1").finish().passes("alive");
    assert!(
        run.wait_ms(2_000).indefinite("task/1").finish().verdict("alive").starts_with("fail\nhung create")
    );
}

#[test]
fn what_does_not_start_on_a_failing_disk_is_right_to_say_so() {
    let full = |active| Event::DiskFault { active };
    let run = run().then("phone", full(true));
    run.clone().then("phone", broke()).finish().passes("alive");
    assert!(run.clone().then("tablet", broke()).finish().verdict("alive").starts_with("fail\nbroke device"));
    let over = run.then("phone", full(false)).then("phone", broke()).finish();
    assert!(over.verdict("alive").starts_with("fail\nbroke device"));
}

#[test]
fn the_run_has_to_come_to_its_end() {
    assert_snapshot!(run().verdict("alive"), @r"
    unknown
    unknown: the run did not come to its end
    ");
}
