//! Strange and broken traces never make an oracle panic.

use crate::builder::*;
use deadzone_contract::wire::Role;
use deadzone_contract::{
    Choice,
    RecordState::{Conflict, Failed},
    Value,
};
use deadzone_oracle::{Outcome, judge};
use deadzone_trace::{Event, Exchange, Trace};
use proptest::prelude::*;

/// A run in which a little of everything happens.
fn busy() -> Run {
    let asked = task("task/1", &["title=Two", "status=done", "status:open<done", "tags=[home]"]);
    let mut run = run()
        .does("phone", "task/1", create(&["title=One", "status=open", "tags=[home]", "completed_count=2"]))
        .pushes("phone", "e1", &["task/1 title=One@1"])
        .pulls("laptop", "e2")
        .shows("laptop", task("task/1", &["title=One", "status=open", "tags=[home]", "completed_count=2"]))
        .does("laptop", "a2", edit("task/1", &["title=Two", "tags-=home", "completed_count+=5"]))
        .begin("tablet", "task/2", create(&["title=Maybe"]))
        .indefinite("task/2")
        .does("phone", "a3", edit("task/1", &["status=done"]))
        .sends("laptop", "e3", &["task/1 title=Two@9"])
        .arrives("e3")
        .fails("e3")
        .does("laptop", "a4", discard("task/1"))
        .shows("phone", asked.clone())
        .does("phone", "a5", resolve("task/1", "status", Choice::Merge(Value::text("half"))))
        .shows("tablet", task("task/2", &["title=Maybe"]))
        .begin("laptop", "a6", delete("task/1"))
        .restarts("laptop")
        .look("phone", &[asked], &[item("task/1", Conflict), item("task/2", Failed)])
        .gone("phone", "task/1")
        .pulls_page("laptop", "e4", &["task/1@2 title=Two tags=[home] completed_count=7", "-task/2@3"])
        .then("laptop", Event::Suspended)
        .then("laptop", Event::DiskFault { active: true })
        .does("laptop", "a7", edit("task/1", &["status=late", "completed_count+=1"]))
        .then("laptop", Event::DiskFault { active: false })
        .then("laptop", Event::Resumed)
        .sends("laptop", "e5", &["task/1 completed_count+=1", "task/1 delete"])
        .arrives("e5")
        .answered("e5")
        .goes_down("laptop")
        .forgets("laptop", 9)
        .checked("laptop", Some("not a database"))
        .comes_up("laptop")
        .gets("laptop", "e6", "/sync?since=0", &page(&["task/1@1 title=One"], false))
        .shows("laptop", task("task/1", &["title=One"]))
        .grants("ben", None)
        .then("world", Event::Granting(member("ana", Some(Role::Admin))))
        .undoes("phone", "a8", "task/1", &["title=One", "completed_count+=-2"])
        .begin("laptop", "a9", undo("task/1"))
        .signs_out("phone", "a10", true)
        .signs_in("phone", "a11", "ben")
        .refreshes("phone", "e7", "tokens")
        .asks("laptop", "e8", "/sync/hints?since=1&token=tokens-access")
        .arrives("e8")
        .answered_as("e8", 409, &[("retry-after", "7")], "data: {\"changes\":[7]}\nid:task/1")
        .delivered_as("e8", 200, Some("id:task/1 tokens-refresh"))
        .then("world", Event::Scraped { status: 200, body: "sync_queue_lag_alert 1".to_owned() })
        .then("world", Event::Scraped { status: 200, body: "sync_queue_lag_alert x".to_owned() })
        .disk_holds("phone", &["id:task/1", "tokens-access", "One", ""])
        .does("phone", "comment/1", create_in("home", "comment", Some("comment/1"), &["private=yes"]))
        .becomes("tablet", "phone")
        .loses_all("phone")
        .forgets("server", 0)
        .ends_with(&[task("task/1", &["title=Two", "status=half", "completed_count=7"])]);
    run.header().apps.insert("laptop".to_owned(), 3);
    run.header().scopes.insert("phone".to_owned(), vec!["home".to_owned()]);
    run
}

#[test]
fn bodies_of_no_known_form() {
    let bodies = ["", "{", "null", "[]", "7", r#"{"mutations":7}"#, r#"{"mutations":[{"record":[]}]}"#];
    let answers = [r#"{"results":7}"#, r#"{"results":[{"state":[]}]}"#, r#"{"changes":[7],"more":false}"#];
    for body in bodies.into_iter().chain(answers) {
        let exchange = || Exchange("e1".to_owned());
        let sent = Event::Sent {
            exchange: exchange(),
            method: "POST".to_owned(),
            path: "/sync/mutations".to_owned(),
            headers: Vec::new(),
            body: body.to_owned(),
        };
        let run = run().does("phone", "task/1", create(&["title=T"])).then("phone", sent).arrives("e1");
        let run = run.answered_with("e1", body).gets("phone", "e2", "/sync", body);
        let forgot = run.clone().loses_all("phone").ends_with(&[]);
        forgot.passes("lost");
        let run = run.ends_with(&[task("task/1", &["title=T"])]);
        run.passes("lost");
        run.passes("monotonic");
    }
}

#[test]
fn a_push_of_another_form_carries_what_it_names() {
    // Discarded after it had left: the body is not the contract's, but it names the record.
    let sent = Event::Sent {
        exchange: Exchange("e1".to_owned()),
        method: "POST".to_owned(),
        path: "/sync/mutations".to_owned(),
        headers: Vec::new(),
        body: r#"{"ops":[["put","id:task/1","title","T"]]}"#.to_owned(),
    };
    let run = run().does("phone", "task/1", create(&["title=T"])).then("phone", sent).arrives("e1");
    run.does("phone", "a2", discard("task/1"))
        .shows("laptop", task("task/1", &["title=T"]))
        .passes("invented");
}

#[test]
fn events_that_refer_to_nothing() {
    let exchange = || Exchange("nowhere".to_owned());
    let run = run()
        .then("phone", Event::Saved { action: "a9".to_owned(), record: None, undid: Vec::new() })
        .then("phone", Event::Delivered { exchange: exchange(), status: 200, replaced: None })
        .then("server", Event::Arrived { exchange: exchange(), copy: 1 })
        .then("world", Event::Settled)
        .gone("nobody", "task/9");
    assert_eq!(run.judge().outcome, Outcome::Unknown);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is left out, repeated or out of order.
    #[test]
    fn any_part_of_a_trace_in_any_order(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..120),
        ordered in any::<bool>(),
    ) {
        let whole = busy().trace.entries;
        let mut picks: Vec<usize> = picks.iter().map(|pick| pick.index(whole.len())).collect();
        if ordered {
            picks.sort_unstable();
        }
        let entries = whole.iter().take(1).chain(picks.iter().map(|&pick| &whole[pick]));
        let trace = Trace { entries: entries.cloned().collect() };
        let judgement = judge(&trace);
        for violation in judgement.violations() {
            prop_assert!(!violation.evidence.is_empty() && !violation.summary.is_empty());
            prop_assert!(violation.evidence.iter().all(|&at| at < trace.entries.len()));
        }
    }
}
