//! `available`.

use crate::builder::*;
use deadzone_contract::{Action, Badge, Code};
use deadzone_trace::Event;
use insta::assert_snapshot;

fn refused(run: Run, action: &str, code: Code) -> Run {
    run.then("phone", Event::Refused { action: action.to_owned(), code, detail: "no".to_owned() })
}

fn begun() -> Run {
    run().begin("phone", "task/1", create(&["title=T"]))
}

fn disk_fault(active: bool) -> Event {
    Event::DiskFault { active }
}

#[test]
fn an_action_ends_within_its_bound() {
    begun().wait_ms(1_999).saved("task/1").passes("available");
    assert_snapshot!(begun().wait_ms(2_000).saved("task/1").verdict("available"), @r"
    fail
    slow create: phone saved create task/1 only after 2001 ms
      expected: saved or refused within 2000 ms, with or without a network
      evidence: invoked task/1, saved task/1
    ");
    let late = refused(begun().wait_ms(5_000), "task/1", Code::Invalid);
    assert_snapshot!(late.verdict("available"), @r"
    fail
    slow create: phone refused create task/1 only after 5001 ms
      expected: saved or refused within 2000 ms, with or without a network
      evidence: invoked task/1, refused task/1
    ");
}

#[test]
fn sleep_does_not_count() {
    let slept = begun().then("phone", Event::Suspended).wait_ms(60_000).then("phone", Event::Resumed);
    slept.clone().saved("task/1").passes("available");
    assert!(slept.wait_ms(2_000).saved("task/1").verdict("available").starts_with("fail\nslow create"));
    // Another device's sleep is no excuse.
    let other = begun().then("laptop", Event::Suspended).wait_ms(60_000).saved("task/1");
    assert!(other.verdict("available").starts_with("fail\nslow create"));
}

#[test]
fn a_sign_in_needs_a_network_and_may_take_its_time() {
    let sign_in = Action::SignIn { user: "ana".to_owned(), password: "x".to_owned() };
    let run = run().does("phone", "task/1", create(&["title=T"])).begin("phone", "a1", sign_in);
    run.clone().wait_ms(30_000).saved("a1").passes("available");
    refused(run, "a1", Code::Offline).passes("available");
}

#[test]
fn nothing_is_refused_for_the_sake_of_the_network() {
    refused(begun(), "task/1", Code::Invalid).passes("available");
    assert_snapshot!(refused(begun(), "task/1", Code::Offline).verdict("available"), @r"
    fail
    refused-for-network create: phone refused create task/1 with `offline`
      expected: saved: only a sign-in and a step-up operation need a network
      evidence: invoked task/1, refused task/1
    ");
    let unavailable = refused(begun(), "task/1", Code::Unavailable).verdict("available");
    assert!(unavailable.starts_with("fail\nrefused-for-network create"), "{unavailable}");
}

#[test]
fn a_storage_that_fails_may_refuse() {
    assert_snapshot!(refused(begun(), "task/1", Code::Storage).verdict("available"), @r"
    fail
    refused-for-storage create: phone refused create task/1 with `storage`
      expected: saved: the disk was neither full nor had errors
      evidence: invoked task/1, refused task/1
    ");
    let full = run().then("phone", disk_fault(true)).begin("phone", "task/1", create(&["title=T"]));
    let during = refused(full.clone(), "task/1", Code::Storage);
    during.passes("available");
    // What a full disk could not take was refused as it should be: the run proves what it should.
    let doubts = |run: &Run| run.judge().unknowns().join("\n");
    assert!(!doubts(&during).contains("did not go as written"), "{}", doubts(&during));
    // It began under the fault, or came under it.
    refused(full.then("phone", disk_fault(false)), "task/1", Code::Storage).passes("available");
    let came = begun().then("phone", disk_fault(true)).then("phone", disk_fault(false));
    refused(came, "task/1", Code::Storage).passes("available");
    let over = run().then("phone", disk_fault(true)).then("phone", disk_fault(false));
    let over = refused(over.begin("phone", "task/1", create(&["title=T"])), "task/1", Code::Storage);
    assert!(over.verdict("available").starts_with("fail\nrefused-for-storage create"));
    assert!(doubts(&over).contains("did not go as written"));
    let other = refused(begun().then("tablet", disk_fault(true)), "task/1", Code::Storage);
    assert!(other.verdict("available").starts_with("fail\nrefused-for-storage create"));
}

#[test]
fn a_damaged_storage_may_refuse_until_it_has_recovered() {
    let refuses = |run: Run| refused(run.begin("phone", "a1", create(&["title=U"])), "a1", Code::Storage);
    let damaged = run().forgets("phone", 0);
    refuses(damaged.clone()).passes("available");
    let recovered = damaged.restarts("phone").pulls_page("phone", "e1", &[]).wait_ms(3_000);
    assert!(refuses(recovered).verdict("available").starts_with("fail\nrefused-for-storage create"));
}

#[test]
fn a_queue_or_a_database_as_large_as_it_may_be_refuses() {
    let mut limited = run();
    limited.header().parameters.queue_max = 2;
    let queued = |n| limited.clone().then("phone", Event::Status(status(Badge::Offline, n)));
    let refuses = |run: Run| refused(run.begin("phone", "a1", create(&["title=U"])), "a1", Code::Storage);
    refuses(queued(2)).passes("available");
    refuses(queued(1)).violates("available refused-for-storage create");
    limited.header().parameters.database_max = 65_536;
    refuses(limited).passes("available");
}

#[test]
fn where_nobody_did_anything_nothing_can_be_told() {
    assert_snapshot!(run().verdict("available"), @r"
    unknown
    unknown: no user did anything that was saved or refused
    ");
}
