//! `lost` and `invented`: the rules `immutable`, `manual` and `custom`, deletes that win, and model A.

use crate::builder::*;
use deadzone_contract::Choice;
use deadzone_contract::RecordState::{Conflict, Failed, Modified};
use insta::assert_snapshot;

const JUDGES: [&str; 4] = ["lost", "invented", "duplicated", "converged"];

/// A task that everybody has seen.
fn shared(fields: &[&str]) -> Run {
    let seen = task("task/1", fields);
    run()
        .does("phone", "task/1", create(fields))
        .pushes("phone", "e1", &["task/1 create"])
        .shows("laptop", seen.clone())
        .shows("tablet", seen)
}

fn contested(field: &str) -> Run {
    let (mine, theirs) = (format!("{field}=one"), format!("{field}=two"));
    shared(&["title=T"]).does("phone", "a2", edit("task/1", &[&mine])).does(
        "laptop",
        "a3",
        edit("task/1", &[&theirs]),
    )
}

fn t(fields: &[&str]) -> deadzone_contract::RecordView {
    let mut view = task("task/1", fields);
    view.fields.insert("title".to_owned(), value("T"));
    view
}

#[test]
fn of_two_writes_of_an_immutable_field_the_second_is_in_the_tray() {
    let late = || in_state(Failed, t(&["created_at=one"]));
    let run = contested("created_at").settles().audit("ana", &[t(&["created_at=one"])]);
    let run = run.audit("ben", &[t(&["created_at=one"])]).look("phone", &[t(&["created_at=one"])], &[]);
    let run = run.look("tablet", &[t(&["created_at=one"])], &[]);
    run.clone().look("laptop", &[late()], &[item("task/1", Failed)]).finish().passes_all(&JUDGES);
    assert_snapshot!(run.look("laptop", &[t(&["created_at=one"])], &[]).finish().verdict("lost"), @r"
    fail
    at-end immutable put: laptop's created_at=two on task/1 (a3) was saved, but the server has one, and no tray says so
      expected: created_at=two as the first write, or in the tray as one that came too late
      evidence: invoked a3, saved a3, audited ana
    ");
    // The same value twice is nobody's loss.
    let same = shared(&["created_at=one"]).does("laptop", "a2", edit("task/1", &["created_at=one"]));
    same.ends_with(&[task("task/1", &["created_at=one"])]).passes_all(&JUDGES);
    let gone = contested("created_at").ends_with(&[t(&[])]);
    gone.violates("lost at-end immutable put");
}

#[test]
fn an_immutable_field_never_changes() {
    let told = |run: Run, exchange: &str, value: &str| {
        run.pulls_page("tablet", exchange, &[&format!("task/1@2 title=T created_at={value}")])
    };
    let run = contested("created_at");
    let first = told(run, "e2", "one");
    assert!(!told(first.clone(), "e3", "one").verdict("lost").contains("replaced"));
    assert_snapshot!(told(first.clone(), "e3", "two").verdict("lost"), @r"
    fail
    replaced immutable put: the server tells created_at=two on task/1, after it had told one
      expected: created_at=one for ever: the first write stays
      evidence: delivered e2, delivered e3
    unknown: nobody waited for the world to settle
    ");
    // A server that lost its database begins anew.
    let forgot = told(first.forgets("server", 0), "e3", "two");
    assert!(!forgot.verdict("lost").contains("replaced"));
}

#[test]
fn on_its_own_device_a_late_write_may_give_way_before_it_is_refused() {
    let run = contested("created_at").pulls_page("laptop", "e2", &["task/1@2 title=T created_at=one"]);
    let shown = run.clone().shows("laptop", in_state(Modified, t(&["created_at=one"])));
    assert!(!shown.verdict("lost").contains("on-own-device"));
    let bare = run.shows("laptop", in_state(Modified, t(&[])));
    bare.violates("lost on-own-device immutable put");
}

#[test]
fn any_member_may_be_asked_about_a_manual_field() {
    let held = t(&["description=one"]);
    let asked = t(&["description=one", "description:two<one"]);
    // The laptop's write lost. Its user sees the question, but so do ana's devices.
    let run = contested("description").settles().audit("ana", std::slice::from_ref(&asked));
    let run = run.audit("ben", std::slice::from_ref(&held));
    let run = run.look("phone", std::slice::from_ref(&held), &[]).look("tablet", &[], &[]);
    let run = run.look("laptop", std::slice::from_ref(&held), &[]).finish();
    run.passes("lost");
    contested("description").ends_with(std::slice::from_ref(&asked)).passes_all(&JUDGES);
    contested("description").ends_with(std::slice::from_ref(&held)).violates("lost at-end manual put");
    // Under rule `version` only its author counts.
    let (held, asked) = (t(&["status=one"]), t(&["status=one", "status:two<one"]));
    let run = contested("status").settles().audit("ana", &[asked]).audit("ben", std::slice::from_ref(&held));
    run.look("laptop", &[held], &[]).finish().violates("lost at-end version put");
}

#[test]
fn any_member_may_decide_about_a_manual_field() {
    let asked = t(&["description=one", "description:two<one"]);
    let run = contested("description").shows("tablet", asked);
    let decided = run.clone().does("tablet", "a4", resolve("task/1", "description", Choice::UseTheirs));
    decided.ends_with(&[t(&["description=one"])]).passes("lost");
    let thrown_away = run.clone().does("tablet", "a4", discard("task/1"));
    thrown_away.ends_with(&[t(&["description=one"])]).passes("lost");
    run.ends_with(&[t(&["description=one"])]).violates("lost at-end manual put");
}

#[test]
fn a_manual_field_with_an_open_conflict_shows_the_other_side() {
    let shown = |state, fields: &[&str]| {
        contested("description").shows("laptop", in_state(state, t(fields))).verdict("lost")
    };
    assert!(shown(Conflict, &["description=one", "description:two<one"]).starts_with("unknown"));
    assert!(shown(Modified, &[]).starts_with("fail\non-own-device manual put"));
}

#[test]
fn of_a_custom_field_any_value_may_stand_that_somebody_wrote() {
    let ends = |fields: &[&str]| contested("priority").ends_with(&[t(fields)]);
    ends(&["priority=one"]).passes_all(&JUDGES);
    ends(&["priority=two"]).passes_all(&JUDGES);
    ends(&["priority=three"]).violates("invented value-from-nowhere custom put");
    ends(&[]).violates("lost at-end custom put");
}

/// A comment that phone and laptop know.
fn commented() -> Run {
    run()
        .does("phone", "task/1", create(&["title=T"]))
        .does("phone", "comment/1", create_in("home", "comment", Some("task/1"), &["body=Draft"]))
        .pushes("phone", "e1", &["task/1 create", "comment/1 create"])
        .shows("laptop", c("body=Draft"))
}

fn c(body: &str) -> deadzone_contract::RecordView {
    of("comment", Some("task/1"), task("comment/1", &[body]))
}

#[test]
fn where_a_delete_wins_the_record_stays_away() {
    let run = commented().does("phone", "a2", edit("comment/1", &["body=Final"]));
    let run = run.does("laptop", "a3", delete("comment/1"));
    // The edit had reached the server first, and goes with the record.
    let first = run.clone().pushes("phone", "e2", &["comment/1 body=Final@1"]);
    first.ends_with(&[t(&[])]).passes_all(&JUDGES);
    let back = run.ends_with(&[t(&[]), c("body=Final")]);
    assert_snapshot!(back.verdict("lost"), @r"
    fail
    at-end delete: laptop's deletion of comment/1 (a3) was saved, but comment/1 is still on the server
      expected: comment/1 is gone: a delete wins
      evidence: invoked a3, saved a3, audited ana
    ");
}

#[test]
fn who_deleted_a_record_for_good_may_bring_it_back() {
    let run = commented().does("laptop", "a3", delete("comment/1"));
    let back = [t(&[]), c("body=Again")];
    let again = |device: &str| run.clone().does(device, "a4", edit("comment/1", &["body=Again"]));
    again("laptop").ends_with(&back).passes_all(&JUDGES);
    again("phone").ends_with(&back).violates("lost at-end delete");
}

#[test]
fn where_a_delete_wins_an_edit_that_came_too_late_is_in_the_tray() {
    let run = commented().does("phone", "a2", edit("comment/1", &["body=Final"]));
    let run = run.does("laptop", "a3", delete("comment/1"));
    let refusal = r#"{"results":[{"record":"id:comment/1","outcome":{"rejected":{"code":"gone"}}}]}"#;
    let sent = run.clone().sends("phone", "e2", &["comment/1 body=Final@1"]).arrives("e2");
    let refused = sent.clone().answered_with("e2", refusal).delivered("e2");
    assert_snapshot!(refused.clone().ends_with(&[t(&[])]).verdict("lost"), @r"
    fail
    edit-against-delete lww put: phone's body=Final on comment/1 (a2) is gone: laptop's deletion of comment/1 (a3) did not know of it and the server did not take it
      expected: in the tray: the delete wins, but nothing goes without a word
      evidence: invoked a2, saved a2, invoked a3, saved a3, sent e2, arrived e2, delivered e2, audited ana
    ");
    // Nor is it for a device to drop what it never sent.
    run.ends_with(&[t(&[])]).violates("lost edit-against-delete lww put");
    // What may have been taken explains it.
    sent.clone().ends_with(&[t(&[])]).passes("lost");
    sent.answered_with("e2", "done").delivered("e2").ends_with(&[t(&[])]).passes("lost");
    let end =
        refused.settles().audit("ana", &[t(&[])]).audit("ben", &[t(&[])]).look("laptop", &[t(&[])], &[]);
    let end = end.look("tablet", &[t(&[])], &[]);
    let failed = in_state(Failed, c("body=Final"));
    end.look("phone", &[t(&[]), failed], &[item("comment/1", Failed)]).finish().passes_all(&JUDGES);
}

#[test]
fn in_model_a_a_title_is_asked_about() {
    let run = shared(&["title=T"]).does("phone", "a2", edit("task/1", &["title=One"])).does(
        "laptop",
        "a3",
        edit("task/1", &["title=Two"]),
    );
    let held = [task("task/1", &["title=One"])];
    // In model B the title with the lower stamp is nobody's loss.
    run.clone().ends_with(&held).passes("lost");
    let run = run.in_model_a();
    run.clone().ends_with(&held).violates("lost at-end version put");
    run.ends_with(&[task("task/1", &["title=One", "title:Two<One"])]).passes_all(&JUDGES);
}
