//! `justified`.

use crate::builder::*;
use deadzone_contract::RecordState::{Conflict, Failed, Modified, Synced};
use deadzone_contract::{Badge, RecordView, Status, TrayItem};
use deadzone_trace::{Event, Exchange};
use insta::assert_snapshot;

fn t(fields: &[&str]) -> RecordView {
    task("task/1", fields)
}

/// A line of the tray about `task/1`, with its reason.
fn line(reason: &str) -> TrayItem {
    TrayItem { reason: reason.to_owned(), ..item("task/1", Failed) }
}

fn lists(run: Run, item: TrayItem) -> Run {
    run.then("phone", Event::Tray { items: vec![item] })
}

/// The phone's edit is on its way.
fn sent() -> Run {
    run()
        .does("phone", "task/1", create(&["status=open"]))
        .pushes("phone", "e1", &["task/1 create"])
        .does("phone", "a2", edit("task/1", &["status=done"]))
        .sends("phone", "e2", &["task/1 status=done@1"])
        .arrives("e2")
}

fn refusal(code: &str) -> String {
    format!(r#"{{"results":[{{"record":"id:task/1","outcome":{{"rejected":{{"code":"{code}"}}}}}}]}}"#)
}

fn refused(code: &str) -> Run {
    sent().answered_with("e2", &refusal(code)).delivered("e2")
}

fn problem(status: u16, code: &str, headers: &[(&str, &str)]) -> Run {
    let body = format!(r#"{{"status":{status},"code":"{code}","detail":"no"}}"#);
    sent().answered_as("e2", status, headers, &body).delivered_as("e2", status, None)
}

#[test]
fn work_fails_only_after_a_refusal() {
    lists(refused("forbidden"), line("forbidden: no")).passes("justified");
    refused("forbidden").shows("phone", in_state(Failed, t(&[]))).passes("justified");
    assert_snapshot!(lists(sent(), line("forbidden: no")).verdict("justified"), @r"
    fail
    failed-without-refusal failed: phone shows `set status=done` (forbidden: no) as failed: task/1, of which no answer said that it was refused for good
      expected: another attempt, until the server refuses it or has failed as often as the contract allows
      evidence: sent e2, tray phone
    ");
    sent().shows("phone", in_state(Failed, t(&[]))).violates("justified failed-without-refusal failed");
    // An answer that nobody got tells nobody.
    let lost = sent().answered_with("e2", &refusal("forbidden")).fails("e2");
    lists(lost, line("forbidden: no")).violates("justified failed-without-refusal failed");
    let done = sent().answered("e2").delivered("e2");
    lists(done, line("forbidden: no")).violates("justified failed-without-refusal failed");
    let deferred = r#"{"results":[{"record":"id:task/1","outcome":"deferred"}]}"#;
    let deferred = sent().answered_with("e2", deferred).delivered("e2");
    lists(deferred, line("too-many-requests: no")).violates("justified failed-without-refusal failed");
    // A device goes on by itself after these.
    for code in ["stamp-ahead", "number-reused"] {
        lists(refused(code), line(&format!("{code}: no")))
            .violates("justified failed-without-refusal failed");
    }
    // One field of several was refused.
    let part = r#"{"results":[{"record":"id:task/1","outcome":{"done":{"fields":{"status":{"rejected":{"code":"invalid"}}}}}}]}"#;
    lists(sent().answered_with("e2", part).delivered("e2"), line("invalid: no")).passes("justified");
    // In an answer that nobody can read, anything may have been said.
    lists(sent().answered_with("e2", "done").delivered("e2"), line("invalid: no")).passes("justified");
}

#[test]
fn whole_requests_are_refused_too() {
    lists(problem(403, "forbidden", &[]), line("forbidden: no")).passes("justified");
    for (status, code) in [(401, "unauthenticated"), (426, "client-too-old"), (429, "too-many-requests")] {
        let listed = lists(problem(status, code, &[]), line(&format!("{code}: no")));
        listed.violates("justified failed-without-refusal failed");
    }
    // Somebody else's page refuses nothing.
    let page = sent().answered_as("e2", 403, &[], "<html>").delivered_as("e2", 403, None);
    lists(page, line("forbidden: no")).violates("justified failed-without-refusal failed");
    let portal = sent().delivered_as("e2", 403, Some(r#"{"code":"forbidden"}"#));
    lists(portal, line("forbidden: no")).violates("justified failed-without-refusal failed");
}

#[test]
fn a_server_may_fail_so_often() {
    let often = |times: u64, headers: &[(&str, &str)]| {
        let mut run = sent().fails("e2");
        run.header().parameters.attempts_max = 3;
        for n in 0..times {
            let exchange = format!("f{n}");
            let body = r#"{"status":500,"code":"internal","detail":"no"}"#;
            run = run.sends("phone", &exchange, &["task/1 status=done@1"]).arrives(&exchange);
            run = run.answered_as(&exchange, 500, headers, body).delivered_as(&exchange, 500, None);
        }
        lists(run, line("internal: no"))
    };
    often(3, &[]).passes("justified");
    often(2, &[]).violates("justified failed-without-refusal failed");
    // With a time to come again, it may fail for ever.
    often(9, &[("Retry-After", "1")]).violates("justified failed-without-refusal failed");
    // A refusal of long ago does not stand for a server error of today.
    let refused = refused("forbidden").sends("phone", "e3", &["task/1 status=done@1"]).arrives("e3");
    let body = r#"{"status":500,"code":"internal","detail":"no"}"#;
    let failed = refused.answered_as("e3", 500, &[], body).delivered_as("e3", 500, None);
    lists(failed, line("internal: no")).violates("justified failed-without-refusal failed");
}

#[test]
fn what_hangs_under_a_refused_record_goes_with_it() {
    let under = |parent: &str| {
        let comment = create_in("home", "comment", Some(parent), &["body=B"]);
        refused("forbidden").does("phone", "comment/1", comment)
    };
    let line = TrayItem { what: "create comment".to_owned(), ..item("comment/1", Failed) };
    lists(under("task/1"), line.clone()).passes("justified");
    lists(under("task/2"), line).violates("justified failed-without-refusal failed");
}

#[test]
fn a_right_that_is_gone_is_a_reason() {
    let removed = |id: &str| {
        let body = format!(r#"{{"changes":[{{"removed":{{"record":"id:{id}"}}}}],"more":false}}"#);
        lists(sent().gets("phone", "e3", "/sync?since=7", &body), line("forbidden: no"))
    };
    removed("task/1").passes("justified");
    removed("task/2").violates("justified failed-without-refusal failed");
    let roles = |role: &str| {
        let body = format!(r#"{{"access_token":"a","refresh_token":"r","roles":{{"home":"{role}"}}}}"#);
        let run = sent().refreshes("phone", "e3", "x");
        let mut run = run;
        run.trace.entries.iter_mut().for_each(|entry| {
            if let Event::Answered { exchange, body: answer, .. } = &mut entry.event
                && *exchange == Exchange("e3".to_owned())
            {
                answer.clone_from(&body);
            }
        });
        lists(run, line("forbidden: no"))
    };
    roles("viewer").passes("justified");
    roles("editor").violates("justified failed-without-refusal failed");
    // A tombstone ends only what a delete wins against.
    let gone = |run: Run, id: &str| {
        let body =
            format!(r#"{{"changes":[{{"tombstone":{{"record":"id:{id}","version":2}}}}],"more":false}}"#);
        run.gets("phone", "e3", "/sync?since=7", &body)
    };
    lists(gone(sent(), "task/1"), line("gone: no")).violates("justified failed-without-refusal failed");
    let comment = create_in("home", "comment", Some("task/1"), &["body=B"]);
    let edited =
        sent().does("laptop", "comment/1", comment).does("phone", "a5", edit("comment/1", &["body=C"]));
    let line = TrayItem {
        reason: "gone: no".to_owned(),
        what: "set body=C".to_owned(),
        ..item("comment/1", Failed)
    };
    lists(gone(edited, "comment/1"), line).passes("justified");
}

#[test]
fn a_copy_knows_what_its_origin_was_told() {
    let copied = refused("forbidden").becomes("tablet", "phone");
    copied.then("tablet", Event::Tray { items: vec![line("forbidden: no")] }).passes("justified");
    let of_a_copy = refused("forbidden").becomes("laptop", "phone").becomes("tablet", "laptop");
    of_a_copy.then("tablet", Event::Tray { items: vec![line("forbidden: no")] }).passes("justified");
    let too_early = refused("forbidden").becomes("tablet", "laptop").becomes("laptop", "phone");
    let too_early = too_early.then("tablet", Event::Tray { items: vec![line("forbidden: no")] });
    too_early.violates("justified failed-without-refusal failed");
    let other = refused("forbidden").then("tablet", Event::Tray { items: vec![line("forbidden: no")] });
    other.violates("justified failed-without-refusal failed");
}

#[test]
fn a_line_of_the_device_itself_needs_a_broken_disk() {
    let line = || TrayItem {
        record: id("this-device"),
        reason: "storage: damaged".to_owned(),
        ..item("task/1", Failed)
    };
    lists(sent().forgets("phone", 0), line()).passes("justified");
    lists(sent().then("phone", Event::DiskFault { active: true }), line()).passes("justified");
    lists(sent().restarts("phone").checked("phone", Some("not a database")), line()).passes("justified");
    lists(sent(), line()).violates("justified failed-without-refusal storage");
}

#[test]
fn every_line_names_its_mutation_and_its_code() {
    let named =
        |what: &str| lists(refused("forbidden"), TrayItem { what: what.to_owned(), ..line("forbidden: no") });
    named("create task status=open").passes("justified");
    named("undo: bring back").passes("justified");
    named("set deadline=friday").passes("justified");
    named("change").violates("justified nameless tray");
    named("").violates("justified nameless tray");
    lists(refused("forbidden"), line("something went wrong")).violates("justified no-code tray");
    lists(refused("forbidden"), line("its record was refused (forbidden: no)"))
        .violates("justified no-code tray");
}

const ASKED: &str = r#"{"field":"status","id":"c1","mine":"done","theirs":"blocked","version":4}"#;

/// The server makes a conflict of the phone's write, which was based on a version.
fn contested(base: &str) -> Run {
    let mut run = run()
        .does("phone", "task/1", create(&["status=open"]))
        .pushes("phone", "e1", &["task/1 create"])
        .does("laptop", "a2", edit("task/1", &["status=blocked"]))
        .does("phone", "a3", edit("task/1", &["status=done"]))
        .sends("phone", "e2", &["task/1 status=done@1"]);
    if let Some(Event::Sent { body, .. }) = run.trace.entries.last_mut().map(|entry| &mut entry.event) {
        *body = format!(
            r#"{{"mutations":[{{"record":"id:task/1","kind":"update","fields":{{"status":{{"write":{{"value":"done","base":{base}}}}}}}}}]}}"#
        );
    }
    let answer = format!(
        r#"{{"results":[{{"record":"id:task/1","outcome":{{"done":{{"fields":{{"status":{{"conflict":{{"open":{ASKED}}}}}}}}}}}}}]}}"#
    );
    run.arrives("e2").answered_with("e2", &answer).delivered("e2")
}

const OLD: &str = r#"{"version":3,"after":null}"#;

fn asked() -> RecordView {
    t(&["status=blocked", "status:done<blocked"])
}

#[test]
fn a_conflict_is_shown_that_the_server_told_of() {
    contested(OLD).shows("phone", asked()).passes("justified");
    let other = t(&["status=blocked", "status:half<blocked"]);
    contested(OLD).shows("phone", other).violates("justified conflict-from-nowhere version conflict");
    // The laptop has not been told.
    contested(OLD).shows("laptop", asked()).violates("justified conflict-from-nowhere version conflict");
    let page = format!(
        r#"{{"changes":[{{"record":{{"record":"id:task/1","version":5,"conflicts":[{ASKED}]}}}}],"more":false}}"#
    );
    contested(OLD).gets("laptop", "e3", "/sync?since=7", &page).shows("laptop", asked()).passes("justified");
    let bare = in_state(Conflict, t(&["status=blocked"]));
    contested(OLD).shows("phone", bare.clone()).passes("justified");
    contested(OLD).shows("laptop", bare).violates("justified conflict-from-nowhere conflict");
    let asks = TrayItem { reason: "conflict: the server has blocked".to_owned(), ..item("task/1", Conflict) };
    lists(contested(OLD), asks.clone()).passes("justified");
    lists(sent().answered("e2").delivered("e2"), asks).violates("justified conflict-from-nowhere tray");
}

#[test]
fn only_some_rules_ask_and_only_where_there_is_something_to_decide() {
    let with = |words: &str| run().audit("ana", &[t(&[words])]);
    with("status:done<blocked").passes("justified");
    with("description:done<blocked").passes("justified");
    with("title:done<blocked").violates("justified conflict-without-a-rule lww conflict");
    with("priority:done<blocked").violates("justified conflict-without-a-rule custom conflict");
    with("title:done<blocked").in_model_a().passes("justified");
    with("status:done<done").violates("justified nothing-to-decide version conflict");
}

#[test]
fn a_conflict_is_made_of_a_write_that_was_based_on_an_older_version() {
    assert_snapshot!(contested(r#"{"version":4,"after":null}"#).verdict("justified"), @r"
    fail
    needless-conflict version conflict: phone's status=done on task/1 became a conflict with blocked, but it was based on version 4, which is what the server has
      expected: status=done as the value: nobody came in between
      evidence: sent e2, answered e2
    ");
    // What it was made upon may itself have lost.
    contested(r#"{"version":4,"after":7}"#).passes("justified");
    // A server that forgot counts anew.
    contested(r#"{"version":4,"after":null}"#).forgets("server", 0).passes("justified");
}

#[test]
fn who_had_the_other_value_in_view_has_nothing_to_decide() {
    let seen = |state| {
        let mut run = contested(OLD);
        let shown = run
            .trace
            .entries
            .iter()
            .position(|entry| matches!(&entry.event, Event::Invoked { action, .. } if action == "a3"));
        let mut entry = run.trace.entries[1].clone();
        entry.host = "phone".to_owned();
        entry.event = Event::Shown(in_state(state, t(&["status=blocked"])));
        run.trace.entries.insert(shown.expect("it was begun"), entry);
        run
    };
    seen(Synced).violates("justified needless-conflict version conflict");
    // On top of work of its own, the device names what that was based on.
    seen(Modified).passes("justified");
    // Somebody may have come back to that value meanwhile.
    let again = |run: Run| run.does("laptop", "a9", edit("task/1", &["status=blocked"]));
    again(seen(Synced)).violates("justified needless-conflict version conflict");
    let mut before = seen(Synced);
    let entries: Vec<_> = again(run()).trace.entries.split_off(5);
    before.trace.entries.splice(5..5, entries);
    before.passes("justified");
}

fn says(run: Run, badge: Badge, error: &str) -> Run {
    let status = Status { badge, queued: 0, last_sync_ms: None, last_error: Some(error.to_owned()) };
    run.then("phone", Event::Status(status))
}

const ENDED: &str = "the session has ended; sign in again, nothing is lost";

#[test]
fn nobody_is_signed_out_while_tokens_are_good() {
    let signed_in = || run().refreshes("phone", "e1", "hers").wait_ms(3_000);
    assert_snapshot!(says(signed_in(), Badge::Error, ENDED).verdict("justified"), @r"
    fail
    signed-out-needlessly session: phone asks its user to sign in (`the session has ended; sign in again, nothing is lost`), although nobody has refused its tokens
      expected: a refresh: the refresh token is good
      evidence: delivered e1, status phone
    ");
    says(signed_in(), Badge::Offline, ENDED).passes("justified");
    says(signed_in(), Badge::Error, "no answer within 30 s").passes("justified");
    says(run(), Badge::Error, ENDED).passes("justified");
    // An expired access token is no reason; a refused refresh token is.
    let told = |code: &str| {
        let body = format!(r#"{{"status":401,"code":"{code}","detail":"no"}}"#);
        let asked = signed_in().asks("phone", "e2", "/sync?since=7").arrives("e2");
        says(asked.answered_as("e2", 401, &[], &body).delivered_as("e2", 401, None), Badge::Error, ENDED)
    };
    told("unauthenticated").violates("justified signed-out-needlessly session");
    told("sign-in-again").passes("justified");
    says(signed_in().then("phone", Event::Wiped), Badge::Error, ENDED).passes("justified");
    says(signed_in().signs_out("phone", "a2", true), Badge::Error, "nobody is signed in").passes("justified");
    let day_ms = 24 * 3_600 * 1_000;
    says(signed_in().wait_ms(29 * day_ms), Badge::Error, ENDED)
        .violates("justified signed-out-needlessly session");
    says(signed_in().wait_ms(30 * day_ms), Badge::Error, ENDED).passes("justified");
}

#[test]
fn what_the_server_is_said_to_have_refused_an_answer_said() {
    let too_old = |run: Run| says(run, Badge::Error, "client-too-old: upgrade the app");
    too_old(problem(426, "client-too-old", &[])).passes("justified");
    assert_snapshot!(too_old(sent()).verdict("justified"), @r"
    fail
    error-from-nowhere error: phone says `client-too-old: upgrade the app`, but no request of it was refused so
      expected: the error that there was
      evidence: status phone
    ");
    // Another refusal, or one that never came.
    too_old(problem(503, "unavailable", &[])).violates("justified error-from-nowhere error");
    let body = r#"{"status":426,"code":"client-too-old","detail":"no"}"#;
    too_old(sent().answered_as("e2", 426, &[], body).fails("e2"))
        .violates("justified error-from-nowhere error");
    // Of what happens on the device itself no answer tells.
    says(sent(), Badge::Error, "storage: the disk is full").passes("justified");
    says(sent(), Badge::Offline, "no answer within 30 s").passes("justified");
    // In an answer that nobody can read, anything may have been said.
    too_old(sent().answered_with("e2", "done").delivered("e2")).passes("justified");
}

#[test]
fn nothing_is_sent_before_what_it_hangs_under() {
    let made = || {
        run().does("phone", "project/1", create_in("home", "project", None, &["title=P"])).does(
            "phone",
            "task/1",
            create_in("home", "task", Some("project/1"), &["title=T"]),
        )
    };
    made().pushes("phone", "e1", &["project/1 create", "task/1 create"]).passes("justified");
    made()
        .sends("phone", "e1", &["project/1 create"])
        .fails("e1")
        .sends("phone", "e2", &["task/1 create"])
        .passes("justified");
    made()
        .sends("phone", "e1", &["task/1 create", "project/1 create"])
        .violates("justified child-before-parent create");
}

#[test]
fn an_answer_without_the_record_says_that_it_is_not_for_its_user() {
    let answered = |state: &str| {
        let result = format!(r#"{{"record":"id:task/1","outcome":{{"done":{{}}}},"state":{state}}}"#);
        let answer = format!(r#"{{"results":[{result}]}}"#);
        lists(
            sent().answered_with("e2", &answer).delivered("e2"),
            line("forbidden: not shared with you any more"),
        )
    };
    answered("null").passes("justified");
    let there = r#"{"record":"id:task/1","entity":"task","workspace":"home","version":1,"fields":{}}"#;
    answered(there).violates("justified failed-without-refusal failed");
}
