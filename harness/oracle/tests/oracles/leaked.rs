//! `leaked`: what goes over the wire and what is shown.

use crate::builder::*;
use deadzone_contract::RecordView;
use deadzone_contract::wire::Role;
use deadzone_trace::Event;
use insta::assert_snapshot;

const SECRET: &str = "Buy 7 rings";

/// Ana makes a project in a workspace of her own, of which ben knows nothing.
fn hers() -> Run {
    let mut run = run();
    run.header().grants.push(("work".to_owned(), "ana".to_owned(), Role::Editor));
    let project = create_in("work", "project", None, &[&format!("title={SECRET}")]);
    run.does("phone", "project/1", project).pushes("phone", "e1", &["project/1 create"])
}

/// The laptop is ben's.
fn asks(run: Run) -> Run {
    run.asks("laptop", "e2", "/sync?since=0").arrives("e2")
}

fn hit() -> String {
    r#"{"changes":[{"record":{"record":"id:project/1","version":1}}],"more":false}"#.to_owned()
}

#[test]
fn a_page_has_nothing_of_another_workspace() {
    assert_snapshot!(asks(hers()).answered_with("e2", &hit()).delivered("e2").verdict("leaked"), @r"
    fail
    on-the-wire record: an answer to laptop, in the hands of ben, has project/1 of work in it
      expected: nothing to which its user was entitled at no moment from the request to the answer
      evidence: invoked project/1, sent e2, arrived e2, answered e2
    ");
    asks(hers()).answered_with("e2", r#"{"changes":[],"more":false}"#).delivered("e2").passes("leaked");
    // It does not matter whether the answer gets anywhere.
    asks(hers()).answered_with("e2", &hit()).violates("leaked on-the-wire record");
    hers().asks("tablet", "e2", "/sync?since=0").arrives("e2").answered_with("e2", &hit()).passes("leaked");
    let longer = hit().replace("project/1", "project/10");
    asks(hers()).answered_with("e2", &longer).passes("leaked");
    let header = asks(hers()).answered_as("e2", 200, &[("etag", "id:project/1")], "{}");
    header.violates("leaked on-the-wire record");
}

#[test]
fn texts_tell_of_their_row_too() {
    let answer = |text: &str| asks(hers()).answered_with("e2", &format!(r#"{{"theirs":"{text}"}}"#));
    answer(SECRET).violates("leaked on-the-wire value");
    answer("Buy 8 rings").passes("leaked");
    // What is written into rows of several visibilities tells of none of them.
    let both = hers().does("laptop", "task/1", create(&[&format!("title={SECRET}")]));
    asks(both).answered_with("e2", &format!(r#"{{"theirs":"{SECRET}"}}"#)).passes("leaked");
    // Nor does a short text, or a word of the contract.
    for common in ["rings", "version", "editor", "description", "laptop"] {
        let named = hers().does("phone", "a2", edit("project/1", &[&format!("title={common}")]));
        asks(named).answered_with("e2", &format!(r#"{{"{common}":"{common}"}}"#)).passes("leaked");
    }
    // A single word counts where it is all of a string.
    let word = hers().does("phone", "a2", edit("project/1", &["title=Wedding"]));
    let told = |body: &str| asks(word.clone()).answered_with("e2", body);
    told(r#"{"theirs":"Wedding"}"#).violates("leaked on-the-wire value");
    told(r#"{"theirs":"Wedding day"}"#).passes("leaked");
    let quoted = hers().does("phone", "a2", edit("project/1", &["title=say \"7\""]));
    asks(quoted).answered_with("e2", r#"{"theirs":"say \"7\""}"#).violates("leaked on-the-wire value");
}

/// A task that both see, until ben is taken out.
fn shared() -> Run {
    run().does("phone", "task/1", create(&["title=T"])).pushes("phone", "e1", &["task/1 create"]).pulls_page(
        "laptop",
        "e9",
        &["task/1@1 title=T"],
    )
}

const TASK: &str = r#"{"changes":[{"record":{"record":"id:task/1","version":1}}],"more":false}"#;

#[test]
fn whoever_was_entitled_for_a_moment_may_have_it() {
    let asked = |run: Run| run.asks("laptop", "e2", "/sync?since=0").arrives("e2");
    let answered = |run: Run| run.answered_with("e2", TASK).delivered("e2");
    answered(asked(shared())).passes("leaked");
    answered(asked(shared()).grants("ben", None)).passes("leaked");
    let revoked = answered(asked(shared().grants("ben", None)));
    assert_snapshot!(revoked.verdict("leaked"), @r"
    fail
    on-the-wire record: an answer to laptop, in the hands of ben, has task/1 of home in it
      expected: nothing to which its user was entitled at no moment from the request to the answer
      evidence: invoked task/1, granted ben, sent e2, arrived e2, answered e2
    ");
    // While it is being changed, both hold; and ever after, where nobody knows.
    let begun = || shared().then("world", Event::Granting(member("ben", None)));
    answered(asked(begun())).passes("leaked");
    let change = member("ben", None);
    let failed = begun().then("world", Event::GrantFailed { change, why: "no answer".to_owned() });
    answered(asked(failed.clone())).passes("leaked");
    answered(asked(failed.grants("ben", None))).violates("leaked on-the-wire record");
    let back = shared().grants("ben", None).grants("ben", Some(Role::Viewer));
    answered(asked(back)).passes("leaked");
}

#[test]
fn a_role_that_a_member_changed_counts_the_same() {
    let set = |role| deadzone_contract::Action::SetRole {
        workspace: "home".to_owned(),
        member: "ben".to_owned(),
        role,
        password: "secret".to_owned(),
    };
    let answered =
        |run: Run| run.asks("laptop", "e2", "/sync?since=0").arrives("e2").answered_with("e2", TASK);
    answered(shared().does("phone", "a2", set(None))).violates("leaked on-the-wire record");
    answered(shared().begin("phone", "a2", set(None)).refused("a2")).passes("leaked");
    answered(shared().begin("phone", "a2", set(None)).indefinite("a2")).passes("leaked");
    answered(shared().begin("phone", "a2", set(None))).passes("leaked");
}

#[test]
fn that_a_row_is_gone_may_be_told_to_who_once_saw_it() {
    let told = |run: Run, change: &str| {
        let body = format!(r#"{{"changes":[{{"{change}":{{"record":"id:task/1"}}}}],"more":false}}"#);
        run.asks("laptop", "e2", "/sync?since=0").arrives("e2").answered_with("e2", &body)
    };
    told(shared().grants("ben", None), "removed").passes("leaked");
    told(shared().grants("ben", None), "tombstone").passes("leaked");
    told(shared().grants("ben", None), "record").violates("leaked on-the-wire record");
    let mut never = run();
    never.header().grants.retain(|(_, user, _)| user == "ana");
    let never = never.does("phone", "task/1", create(&["title=T"])).pushes("phone", "e1", &["task/1"]);
    told(never, "removed").violates("leaked on-the-wire record");
}

#[test]
fn errors_replays_hints_and_caches_are_answers_too() {
    let revoked = || shared().grants("ben", None);
    let problem = r#"{"status":403,"code":"forbidden","detail":"id:task/1 is not yours"}"#;
    let error = revoked().asks("laptop", "e2", "/sync?since=0").arrives("e2");
    error.answered_as("e2", 403, &[], problem).violates("leaked in-an-error record");
    // Of a hint, the moment of its answer counts.
    let hint = |run: Run| {
        run.answered_with("e2", "data: {\"changes\":[{\"record\":{\"record\":\"id:task/1\"}}]}\n\n")
    };
    let waits = || shared().asks("laptop", "e2", "/sync/hints?since=1").arrives("e2");
    hint(waits()).passes("leaked");
    hint(waits().grants("ben", None)).violates("leaked in-a-hint record");
    let gone = "data: {\"changes\":[{\"removed\":{\"record\":\"id:task/1\"}}]}\n\n";
    waits().grants("ben", None).answered_with("e2", gone).passes("leaked");
    // Somebody else's page, from a cache.
    let cached = hers().asks("laptop", "e2", "/sync?since=0");
    cached.delivered_as("e2", 200, Some(&hit())).violates("leaked from-a-cache record");
    let tokens = run().refreshes("phone", "e1", "hers").asks("laptop", "e2", "/auth/token");
    tokens
        .delivered_as("e2", 200, Some("{\"access_token\":\"hers-access\"}"))
        .violates("leaked from-a-cache token");
    let own = run().refreshes("phone", "e1", "hers").asks("tablet", "e2", "/auth/token");
    own.delivered_as("e2", 200, Some("{\"access_token\":\"hers-access\"}")).passes("leaked");
}

#[test]
fn what_was_answered_before_is_not_for_everybody() {
    let with_number = |run: Run, device: &str, exchange: &str| {
        let mut run = run.sends(device, exchange, &["task/2 title=U@1"]);
        if let Some(Event::Sent { headers, body, .. }) =
            run.trace.entries.last_mut().map(|entry| &mut entry.event)
        {
            headers.push(("Device-Id".to_owned(), "d1".to_owned()));
            *body = body.replace("\"kind\"", "\"number\":7,\"kind\"");
        }
        run.arrives(exchange)
    };
    let first = with_number(hers(), "phone", "e2").answered_with("e2", "{\"results\":[]}").delivered("e2");
    let again = with_number(first.clone(), "laptop", "e3");
    again.answered_with("e3", &hit()).violates("leaked in-a-replay record");
    let other = first.sends("laptop", "e3", &["task/2 title=U@1"]).arrives("e3");
    other.answered_with("e3", &hit()).violates("leaked on-the-wire record");
}

#[test]
fn an_answer_may_repeat_its_request() {
    let refusal = r#"{"results":[{"record":"id:task/1","outcome":{"rejected":{"code":"unknown-record"}}}]}"#;
    let run = shared().does("laptop", "a2", edit("task/1", &["title=Mine 22"])).grants("ben", None);
    let sent = run.sends("laptop", "e2", &["task/1 title=U@1"]).arrives("e2");
    sent.clone().answered_with("e2", refusal).passes("leaked");
    let run = sent.does("phone", "a3", edit("task/1", &["title=Hers 22"]));
    run.clone().answered_with("e2", r#"{"theirs":"Mine 22"}"#).passes("leaked");
    run.answered_with("e2", r#"{"theirs":"Hers 22"}"#).violates("leaked on-the-wire value");
}

#[test]
fn a_private_task_is_told_to_its_assignee_alone() {
    let private = |assignee: &str| {
        let fields = ["private=yes".to_owned(), format!("assignee={assignee}")];
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let run = run().does("phone", "task/1", create(&fields));
        run.pushes("phone", "e1", &["task/1 create", &format!("task/1 assignee={assignee}@5")])
    };
    let told = |run: Run| run.asks("laptop", "e2", "/sync?since=0").arrives("e2").answered_with("e2", TASK);
    told(private("ben")).passes("leaked");
    told(private("ana")).violates("leaked on-the-wire record");
    told(private("ana").grants("ben", Some(Role::Admin))).passes("leaked");
    let reassigned = |stamp: u64| {
        private("ana").sends("phone", "e3", &[&format!("task/1 assignee=ben@{stamp}")]).arrives("e3")
    };
    told(reassigned(9).answered("e3")).passes("leaked");
    // Not yet answered: it may be so already.
    told(reassigned(9)).passes("leaked");
    told(reassigned(1).answered("e3")).violates("leaked on-the-wire record");
    let refusal = r#"{"results":[{"record":"id:task/1","outcome":{"rejected":{"code":"forbidden"}}}]}"#;
    told(reassigned(9).answered_with("e3", refusal)).violates("leaked on-the-wire record");
    let away = private("ben").pushes("phone", "e3", &["task/1 assignee=ana@9"]);
    told(away.clone()).violates("leaked on-the-wire record");
    // So is what hangs under it.
    let comment = create_in("home", "comment", Some("task/1"), &["body=B"]);
    let body = TASK.replace("task/1", "comment/1");
    let under = away.does("phone", "comment/1", comment).pushes("phone", "e4", &["comment/1 create"]);
    let under = under.asks("laptop", "e5", "/sync?since=0").arrives("e5");
    under.answered_with("e5", &body).violates("leaked on-the-wire record");
}

#[test]
fn in_model_a_the_last_assignment_counts() {
    let run = run().does("phone", "task/1", create(&["private=yes", "assignee=ben"])).in_model_a();
    let run = run.pushes("phone", "e1", &["task/1 create", "task/1 assignee=ben@5"]);
    let run = run.pushes("phone", "e3", &["task/1 assignee=ana@1"]);
    let told = run.asks("laptop", "e2", "/sync?since=0").arrives("e2").answered_with("e2", TASK);
    told.violates("leaked on-the-wire record");
}

#[test]
fn an_assignment_in_conflict_does_not_count() {
    let run = run().does("phone", "task/1", create(&["private=yes", "assignee=ben"])).in_model_a();
    let run = run.pushes("phone", "e1", &["task/1 create", "task/1 assignee=ben@5"]);
    let run = run.sends("phone", "e3", &["task/1 assignee=ana@6"]).arrives("e3");
    let told = |run: Run| run.asks("laptop", "e2", "/sync?since=0").arrives("e2").answered_with("e2", TASK);
    let conflict = |field: &str| {
        let open = format!(r#"{{"field":"{field}","mine":"ana","theirs":"ben","version":1}}"#);
        let fields = format!(r#"{{"{field}":{{"conflict":{{"open":{open}}}}}}}"#);
        format!(r#"{{"results":[{{"record":"id:task/1","outcome":{{"done":{{"fields":{fields}}}}}}}]}}"#)
    };
    told(run.clone().answered_with("e3", &conflict("assignee"))).passes("leaked");
    told(run.clone().answered_with("e3", &conflict("status"))).violates("leaked on-the-wire record");
    told(run.answered("e3")).violates("leaked on-the-wire record");
}

#[test]
fn a_task_may_be_made_private_later() {
    let run = shared().does("phone", "a2", edit("task/1", &["private=yes"]));
    let sent = run.sends("phone", "e3", &["task/1 private=yes@1"]).arrives("e3");
    let told = |run: Run| run.asks("laptop", "e2", "/sync?since=0").arrives("e2").answered_with("e2", TASK);
    told(sent.clone()).passes("leaked");
    told(sent.clone().answered("e3")).violates("leaked on-the-wire record");
    let refused =
        r#"{"results":[{"outcome":{"done":{"fields":{"private":{"rejected":{"code":"immutable"}}}}}}]}"#;
    told(sent.answered_with("e3", refused)).passes("leaked");
}

#[test]
fn a_device_sends_nothing_of_another_users_row() {
    let switched = hers().signs_out("phone", "a2", true).signs_in("phone", "a3", "ben");
    switched.clone().sends("phone", "e2", &["project/1 title=U@1"]).violates("leaked on-the-wire record");
    switched.sends("phone", "e2", &["task/2 title=U@1"]).passes("leaked");
    shared().grants("ben", None).sends("laptop", "e2", &["task/1 title=U@1"]).passes("leaked");
    let token = run().refreshes("phone", "e1", "hers");
    token.clone().asks("phone", "e2", "/sync/hints?token=hers-access").violates("leaked on-the-wire token");
    token.asks("phone", "e2", "/sync/hints?since=7").passes("leaked");
}

#[test]
fn an_audit_has_what_its_user_may_see() {
    let mut view = of("project", None, task("project/1", &["title=Else"]));
    view.workspace = "work".to_owned();
    hers().audit("ana", std::slice::from_ref(&view)).passes("leaked");
    hers().audit("ben", std::slice::from_ref(&view)).violates("leaked in-the-audit record");
    let elsewhere = task("task/2", &[&format!("title={SECRET}")]);
    hers().audit("ben", &[elsewhere]).violates("leaked in-the-audit value");
    hers().audit("ben", &[]).passes("leaked");
}

fn t() -> RecordView {
    task("task/1", &["title=T"])
}

#[test]
fn after_a_sign_out_a_device_shows_nothing_of_before() {
    let out = || shared().shows("phone", t()).signs_out("phone", "a2", true);
    out().look("phone", &[], &[]).passes("leaked");
    out().look("phone", &[t()], &[]).violates("leaked on-screen record");
    out().shows("phone", t()).violates("leaked on-screen record");
    let failed = deadzone_contract::RecordState::Failed;
    out().look("phone", &[], &[item("task/1", failed)]).violates("leaked on-screen record");
    // Ben may see it; what is ana's alone he may not.
    out().signs_in("phone", "a3", "ben").shows("phone", t()).passes("leaked");
    let hers = hers().signs_out("phone", "a2", true).signs_in("phone", "a3", "ben");
    hers.shows("phone", task("project/1", &[])).violates("leaked on-screen record");
    // Who lost the right keeps seeing it until the device has heard of it.
    shared().grants("ben", None).shows("laptop", t()).passes("leaked");
    let refused = shared().begin("phone", "a2", deadzone_contract::Action::SignOut { anyway: false });
    refused.refused("a2").shows("phone", t()).passes("leaked");
    // A sign-in that a crash cut short may have happened, and what is written then is that user's own.
    let own = create(&["title=Buy 7 rings", "private=yes"]);
    let shown = || task("task/9", &["title=Buy 7 rings", "private=yes"]);
    let cut = || out().begin("phone", "a3", sign_in("ben")).indefinite("a3").restarts("phone");
    cut().does("phone", "task/9", own.clone()).shows("phone", shown()).passes("leaked");
    out().does("phone", "task/9", own).shows("phone", shown()).violates("leaked on-screen record");
}
