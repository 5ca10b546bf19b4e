//! `bounded`.

use crate::builder::*;
use deadzone_contract::Badge;
use deadzone_trace::{Event, Exchange};
use insta::assert_snapshot;

fn small() -> Run {
    let mut run = run();
    let parameters = &mut run.header().parameters;
    parameters.queue_max = 2;
    parameters.push_max = 2;
    parameters.pull_max = 2;
    parameters.database_max = 65_536;
    run
}

#[test]
fn a_queue_stays_within_its_limit() {
    let says = |queued| small().then("phone", Event::Status(status(Badge::Offline, queued)));
    says(2).passes("bounded");
    assert_snapshot!(says(3).verdict("bounded"), @r"
    fail
    queue device: phone has 3 mutations queued
      expected: at most 2: a further one is refused
      evidence: status phone
    ");
}

#[test]
fn a_database_stays_within_its_limit() {
    let read = |host: &str, bytes| small().then(host, Event::DiskRead { bytes, holds: Vec::new() });
    read("phone", 65_536).passes("bounded");
    read("phone", 65_537).violates("bounded database device");
    read("server", 65_537).violates("bounded database server");
}

#[test]
fn a_page_and_a_push_stay_within_their_limits() {
    small().pulls_page("phone", "e1", &["task/1@1", "-task/2@1"]).passes("bounded");
    small().pulls_page("phone", "e1", &["task/1@1", "-task/2@1", "task/3@1"]).violates("bounded page pull");
    small().sends("phone", "e1", &["task/1", "task/2"]).passes("bounded");
    small().sends("phone", "e1", &["task/1", "task/2", "task/3"]).violates("bounded push push");
}

#[test]
fn a_device_is_sent_what_it_subscribes_to() {
    let told = |workspaces: &[&str], entities: &[&str], path: &str, answer: &str| {
        let mut run = run();
        let declared = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            (!names.is_empty()).then(|| ("laptop".to_owned(), names)).into_iter().collect()
        };
        run.header().scopes = declared(workspaces);
        run.header().entities = declared(entities);
        let project = create_in("home", "project", None, &["title=P"]);
        let run = run.does("phone", "project/1", project).does("phone", "task/1", create(&["title=T"]));
        run.gets("laptop", "e1", path, answer)
    };
    let pull = |workspaces: &[&str], entities: &[&str], changes: &[&str]| {
        told(workspaces, entities, "/sync?since=0", &page(changes, false))
    };
    let both = ["project/1@1 title=P", "task/1@1 title=T"];
    pull(&[], &[], &both).passes("bounded");
    pull(&["home"], &["project", "task"], &both).passes("bounded");
    pull(&[], &["project"], &both[..1]).passes("bounded");
    // By what was declared of the device, not by what it asks for.
    assert_snapshot!(pull(&[], &["project"], &both).verdict("bounded"), @r"
    fail
    scope pull: a pull brings laptop task/1, a task of home, to which it does not subscribe
      expected: nothing but what laptop subscribes to
      evidence: delivered e1
    ");
    pull(&["work"], &["project", "task"], &both).violates("bounded scope pull");
    // That something is gone is about it, too.
    pull(&[], &["project"], &["-task/1@2"]).violates("bounded scope pull");
    pull(&["work"], &[], &["-task/1@2"]).violates("bounded scope pull");
    // Of what nobody is known to have made, nobody knows what it is.
    pull(&[], &["project"], &["task/9@1 title=T"]).passes("bounded");
    let hint = |entities: &[&str]| {
        let changes = r#"{"changes":[{"record":{"record":"id:task/1","version":1}}]}"#;
        told(&[], entities, "/sync/hints?since=0", &format!("event: hint\ndata: {changes}\n\n"))
    };
    hint(&["project", "task"]).passes("bounded");
    hint(&["project"]).violates("bounded scope hint");
    // The answer to a push is about what the device itself sent.
    let own = pull(&[], &["project"], &both[..1]).sends("laptop", "e2", &["task/1 title=U@1"]).arrives("e2");
    let state = r#"{"results":[{"record":"id:task/1","outcome":{"done":{}},"state":{"record":"id:task/1","version":2}}]}"#;
    own.answered_with("e2", state).delivered("e2").passes("bounded");
}

#[test]
fn a_stamp_stays_near_the_servers_clock() {
    let push_as = |device: &str, run: Run, exchange: &str, stamps: &[u64]| {
        let mutation = |(number, ms): (u64, &u64)| {
            serde_json::json!({
                "number": number, "record": "task/1", "kind": "update",
                "stamp": { "ms": ms, "n": 0, "device": "phone" },
                "fields": { "title": { "put": { "value": "x" } } },
            })
        };
        let mutations: Vec<_> = (1..).zip(stamps).map(mutation).collect();
        let done =
            |number| serde_json::json!({ "number": number, "record": "task/1", "outcome": { "done": {} } });
        let results: Vec<_> = (1..=stamps.len()).map(done).collect();
        let body = serde_json::json!({ "mutations": mutations }).to_string();
        let answer = serde_json::json!({ "results": results, "server_time_ms": 1_000_000 }).to_string();
        let sent = Event::Sent {
            exchange: Exchange(exchange.to_owned()),
            method: "POST".to_owned(),
            path: "/sync/mutations".to_owned(),
            headers: vec![("Device-Id".to_owned(), device.to_owned())],
            body,
        };
        run.then("phone", sent).arrives(exchange).answered_with(exchange, &answer)
    };
    let push_on = |run: Run, exchange: &str, stamps: &[u64]| push_as("d1", run, exchange, stamps);
    let push = |stamps: &[u64]| push_on(small(), "e1", stamps);
    let most = 1_000_000 + small().header().parameters.stamp_ahead;
    push(&[most]).passes("bounded");
    push(&[most + 1]).violates("bounded stamp-ahead push");
    // An old copy of what was stamped anew and taken is answered, and not carried out.
    push_on(push(&[most]), "e2", &[most + 1]).passes("bounded");
    push_on(push(&[most]), "e2", &[most, most + 1]).violates("bounded stamp-ahead push");
    // Where the clock is set back while the server is at it, the answer tells another time.
    let jump = Event::FaultBegan { fault: "f1".to_owned(), text: "jump server's clock by -2h".to_owned() };
    let mut jumped = push(&[most + 1]);
    let answered = jumped.trace.entries.pop().expect("the answer is the last");
    let mut jumped = jumped.then("world", jump.clone());
    jumped.trace.entries.push(answered);
    jumped.passes("bounded");
    let mut before = small().then("world", jump);
    before = push_on(before, "e1", &[most + 1]);
    before.violates("bounded stamp-ahead push");
    // The same where it has carried it out before, and answers from what it has kept.
    let cut_of = |run: Run, stamp: u64| {
        let mut cut = push_on(run, "e2", &[stamp]);
        cut.trace.entries.pop();
        cut
    };
    let back = || Event::FaultBegan { fault: "f1".to_owned(), text: "jump server's clock by -2h".to_owned() };
    let cut = |run: Run| cut_of(run, most + 1);
    push_on(cut(small()).then("world", back()), "e3", &[most + 1]).passes("bounded");
    push_on(cut(small().then("world", back())), "e3", &[most + 1]).violates("bounded stamp-ahead push");
    // Of a clock that is set back while the server is at it, an answer before tells what it was.
    let known = |stamp: u64| {
        let told = push_as("d2", small(), "e1", &[1]).wait_ms(1_000);
        push_on(cut_of(told, stamp).then("world", back()), "e3", &[stamp])
    };
    known(most + 100).passes("bounded");
    known(most + 10_000).violates("bounded stamp-ahead push");
    // What was carried out, and of which no answer tells, is above what the server takes since.
    let untold = |stamp: u64, jump: Event| {
        let told = push_as("d2", small(), "e1", &[1]).wait_ms(1_000);
        let mut untold = push_as("d3", told, "e2", &[stamp]);
        untold.trace.entries.pop();
        push_on(untold.then("world", jump), "e3", &[most + 100])
    };
    untold(most + 200, back()).passes("bounded");
    untold(most + 50, back()).violates("bounded stamp-ahead push");
    untold(most + 10_000, back()).violates("bounded stamp-ahead push");
}
