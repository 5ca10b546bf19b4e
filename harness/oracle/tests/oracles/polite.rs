//! `polite`.

use crate::builder::*;
use deadzone_trace::Event;
use insta::assert_snapshot;

const BUSY: &str = r#"{"status":429,"code":"too-many-requests","detail":"later"}"#;

/// The server wants not to be asked for a minute.
fn told() -> Run {
    let asked = run().sends("phone", "e1", &["task/1 title=T@1"]).arrives("e1");
    asked.answered_as("e1", 429, &[("Retry-After", "60")], BUSY).delivered_as("e1", 429, None)
}

fn again(run: Run, exchange: &str) -> Run {
    let asked = run.sends("phone", exchange, &["task/1 title=T@1"]).arrives(exchange);
    asked.answered_as(exchange, 429, &[("Retry-After", "60")], BUSY).delivered_as(exchange, 429, None)
}

#[test]
fn a_device_waits_as_long_as_it_is_told() {
    again(again(told().wait_ms(60_000), "e2").wait_ms(60_000), "e3").passes("polite");
    // Once, its user may have asked for it.
    let once = again(told().wait_ms(5_000), "e2");
    once.passes("polite");
    assert_snapshot!(again(once.wait_ms(5_000), "e3").verdict("polite"), @r"
    fail
    too-early push: phone asks again 54999 ms before the server wants to be asked
      expected: nothing of the kind before the time has passed that `Retry-After` said
      evidence: sent e2, delivered e2, sent e3
    ");
    // It is about that kind of request only, and about that device.
    let pulls = told().pulls("phone", "e2").pulls("phone", "e3");
    pulls.sends("laptop", "e4", &["task/1"]).sends("laptop", "e5", &["task/1"]).passes("polite");
}

#[test]
fn a_part_of_a_batch_is_deferred_with_a_time_too() {
    let asked = run().sends("phone", "e1", &["task/1 title=T@1"]).arrives("e1");
    let body = r#"{"results":[{"record":"id:task/1","outcome":"deferred"}]}"#;
    let told = asked.answered_as("e1", 200, &[("retry-after", "60")], body).delivered("e1");
    again(again(told.clone(), "e2"), "e3").violates("polite too-early push");
    // Of two copies the device has had one answer, and nobody knows which.
    let all = |mut run: Run| {
        let delivered = run.trace.entries.pop().expect("it is the last");
        let mut run = run.answered("e1");
        run.trace.entries.push(delivered);
        run
    };
    again(again(all(told), "e2"), "e3").passes("polite");
}

#[test]
fn whoever_begins_anew_may_have_forgotten() {
    let early = |run: Run| again(again(run, "e2"), "e3");
    let restarted = |run: Run| run.restarts("phone");
    early(told()).violates("polite too-early push");
    again(restarted(again(told(), "e2")), "e3").passes("polite");
    again(again(told(), "e2").then("phone", Event::Resumed), "e3").passes("polite");
    again(again(told(), "e2").then("phone", Event::Connectivity { online: true }), "e3").passes("polite");
    again(again(told(), "e2").does("phone", "a2", sign_in("ana")), "e3").passes("polite");
    again(again(told(), "e2").restarts("laptop"), "e3").violates("polite too-early push");
    // A page of somebody else's asks for nothing.
    let page = run().sends("phone", "e1", &["task/1"]).delivered_as("e1", 503, Some("later"));
    early(page).passes("polite");
}

/// So many attempts fail, each so long after the one before.
fn attempts(times: usize, apart_ms: u64) -> Run {
    (0..times).fold(run(), |run, n| {
        let exchange = format!("e{n}");
        run.sends("phone", &exchange, &["task/1"]).fails(&exchange).wait_ms(apart_ms - 2)
    })
}

#[test]
fn failures_are_followed_by_pauses() {
    attempts(40, 3_100).passes("polite");
    attempts(20, 1_000).passes("polite");
    assert_snapshot!(attempts(21, 1_000).verdict("polite"), @r"
    fail
    hammering push: phone has tried 21 times in a row within 60 s, and failed each time
      expected: growing pauses between attempts, up to the longest
      evidence: sent e0, sent e20
    ");
    // A success, or the network's coming back, begins the pauses anew.
    let ten = |run: Run, from: usize| {
        (from..from + 12).fold(run, |run, n| {
            let exchange = format!("e{n}");
            run.sends("phone", &exchange, &["task/1"]).fails(&exchange)
        })
    };
    ten(ten(run(), 0), 20).violates("polite hammering push");
    ten(ten(run(), 0).pushes("phone", "x", &["task/1"]), 20).passes("polite");
    ten(ten(run(), 0).then("phone", Event::Connectivity { online: true }), 20).passes("polite");
    ten(ten(run(), 0).pulls("phone", "x"), 20).violates("polite hammering push");
}

#[test]
fn every_kind_of_failure_counts_and_no_refusal_does() {
    let answered = |status: u16, replaced: Option<&str>| {
        (0..21).fold(run(), |run, n| {
            let exchange = format!("e{n}");
            let asked = run.asks("phone", &exchange, "/sync?since=7").arrives(&exchange);
            asked.answered_as(&exchange, status, &[], "{}").delivered_as(&exchange, status, replaced)
        })
    };
    answered(503, None).violates("polite hammering pull");
    answered(429, None).violates("polite hammering pull");
    answered(426, None).violates("polite hammering pull");
    answered(200, Some("<html>")).violates("polite hammering pull");
    answered(401, None).passes("polite");
    answered(200, None).passes("polite");
}

/// A device that is known to the server sends one mutation, and is told what became of it.
fn numbered(run: Run, exchange: &str, outcome: &str) -> Run {
    let mut run = run.sends("phone", exchange, &["task/1 title=T@1"]);
    if let Some(Event::Sent { headers, body, .. }) =
        run.trace.entries.last_mut().map(|entry| &mut entry.event)
    {
        headers.push(("Device-Id".to_owned(), "d1".to_owned()));
        *body = body.replace("\"kind\"", "\"number\":7,\"kind\"");
    }
    let body = format!(r#"{{"results":[{{"record":"id:task/1","outcome":{outcome}}}]}}"#);
    run.arrives(exchange).answered_with(exchange, &body).delivered(exchange)
}

fn so_often(times: usize, outcome: &str) -> Run {
    (0..times).fold(run(), |run, n| numbered(run, &format!("e{n}"), outcome))
}

#[test]
fn what_was_answered_is_not_sent_for_ever() {
    let rejected = r#"{"rejected":{"code":"forbidden","detail":"no"}}"#;
    so_often(10, rejected).passes("polite");
    assert_snapshot!(so_often(11, rejected).verdict("polite"), @r"
    fail
    answered-again push: phone has sent mutation 7 11 times, and each was answered
      expected: a mutation that was answered leaves the queue
      evidence: sent e10, delivered e10
    ");
    so_often(11, r#"{"done":{}}"#).violates("polite answered-again push");
    so_often(11, r#""deferred""#).passes("polite");
    so_often(11, r#"{"rejected":{"code":"stamp-ahead","detail":"no"}}"#).passes("polite");
    // An app that dies before it can save the answer asks again.
    let died = so_often(8, rejected).restarts("phone");
    (20..28).fold(died, |run, n| numbered(run, &format!("e{n}"), rejected)).passes("polite");
    // One that finds no room on its disk for the answer does too, for as long as there is none.
    let full = |active| move |run: Run| run.then("phone", Event::DiskFault { active });
    let again = |run: Run, from: usize| {
        (from..from + 9).fold(run, |run, n| numbered(run, &format!("e{n}"), rejected))
    };
    again(full(false)(again(full(true)(run()), 0)), 20).passes("polite");
    again(again(full(false)(full(true)(run())), 0), 20).violates("polite answered-again push");
    // But not without pauses.
    let in_a_row = |times: usize, apart_ms: u64| {
        let again = |run: Run, n| numbered(run, &format!("e{n}"), rejected).wait_ms(apart_ms);
        (0..times).fold(full(true)(run()), again)
    };
    in_a_row(20, 0).passes("polite");
    in_a_row(21, 0).violates("polite answered-again push");
    in_a_row(40, run().header().parameters.backoff_max / 10).passes("polite");
}

#[test]
fn a_server_keeps_its_limits() {
    let pushed = |times: usize, apart_ms: u64| {
        let mut run = run();
        run.header().parameters.push_limit = 2;
        (0..times).fold(run, |run, n| {
            run.pushes("phone", &format!("e{n}"), &["task/1 title=T@1"]).wait_ms(apart_ms)
        })
    };
    pushed(4, 10).passes("polite");
    pushed(20, 20_000).passes("polite");
    assert_snapshot!(pushed(5, 10).verdict("polite"), @r"
    fail
    over-the-limit push: the server carried out 5 mutations of ana within 60000 ms
      expected: at most 2 in each window of that length, 4 in two that touch
      evidence: answered e0, answered e4
    ");
    // Each user has a limit, and a server that starts anew counts anew.
    let both = pushed(4, 10).pushes("laptop", "x", &["task/1 title=T@1"]);
    both.passes("polite");
    let same = pushed(4, 10).pushes("tablet", "x", &["task/1 title=T@1"]);
    same.violates("polite over-the-limit push");
    pushed(4, 10).restarts("server").pushes("tablet", "x", &["task/1 title=T@1"]).passes("polite");
    let text = "jump server's clock by -2h".to_owned();
    let jumped = pushed(4, 10).then("world", Event::FaultBegan { fault: "f1".to_owned(), text });
    jumped.pushes("tablet", "x", &["task/1 title=T@1"]).passes("polite");
    // What is answered again is not carried out again.
    let mut replayed = so_often(6, r#"{"done":{}}"#);
    replayed.header().parameters.push_limit = 2;
    replayed.passes("polite");
    let mut pulls = (0..5).fold(run(), |run, n| run.pulls("phone", &format!("e{n}")));
    pulls.header().parameters.pull_limit = 2;
    pulls.violates("polite over-the-limit pull");
}

#[test]
fn a_server_that_refuses_for_now_says_when_to_come_again() {
    let answered = |status: u16, headers: &[(&str, &str)], body: &str| {
        run().asks("phone", "e1", "/sync?since=7").arrives("e1").answered_as("e1", status, headers, body)
    };
    answered(429, &[("Retry-After", "60")], BUSY).passes("polite");
    assert_snapshot!(answered(429, &[], BUSY).verdict("polite"), @r"
    fail
    no-retry-after pull: the server refuses phone with 429 and does not say until when
      expected: a `Retry-After` with every 429 and 503, so that devices wait and give nothing up
      evidence: sent e1, answered e1
    ");
    let down = r#"{"status":503,"code":"unavailable","detail":"later"}"#;
    answered(503, &[("retry-after", "5")], down).passes("polite");
    answered(503, &[], down).violates("polite no-retry-after pull");
    // A failure that no time mends has none to say, and a page of somebody else's is not the server's.
    answered(500, &[], r#"{"status":500,"code":"internal","detail":"no"}"#).passes("polite");
    answered(503, &[], "<html>").passes("polite");
}
