//! Step-up operations, refusals that say that nobody knows, and steps that cannot be done.

use crate::builder::*;
use deadzone_contract::wire::Role;
use deadzone_contract::{Action, Code};
use deadzone_oracle::{Doubt, Outcome};

const JUDGES: [&str; 4] = ["lost", "invented", "duplicated", "converged"];

fn shared() -> Run {
    let project = create_in("home", "project", None, &["title=P"]);
    run().does("phone", "project/1", project).pushes("phone", "e1", &["project/1 create"])
}

fn p() -> deadzone_contract::RecordView {
    of("project", None, task("project/1", &["title=P"]))
}

fn delete_for_good() -> Action {
    Action::Delete { record: id("project/1"), password: Some("secret".to_owned()) }
}

fn set_role() -> Action {
    let (workspace, member, password) = ("home".to_owned(), "ben".to_owned(), "secret".to_owned());
    Action::SetRole { workspace, member, role: Some(Role::Viewer), password }
}

#[test]
fn a_project_is_deleted_at_once_or_not_at_all() {
    shared().does("phone", "a2", delete_for_good()).ends_with(&[]).passes_all(&JUDGES);
    shared().does("phone", "a2", delete_for_good()).ends_with(&[p()]).violates("lost at-end delete");
    let refused = shared().begin("phone", "a2", delete_for_good()).refused_because("a2", Code::Offline);
    refused.clone().ends_with(&[p()]).passes_all(&JUDGES);
    refused.ends_with(&[]).violates("lost at-end create");
}

#[test]
fn a_device_that_does_not_know_says_so() {
    let asked = shared().begin("phone", "a2", delete_for_good()).wait_ms(70_000);
    let unknown = asked.refused_because("a2", Code::Indefinite);
    for end in [&[][..], &[p()]] {
        let run = unknown.clone().ends_with(end);
        run.passes_all(&JUDGES);
        run.passes("alive");
    }
}

#[test]
fn step_up_operations_need_a_network() {
    for act in [delete_for_good(), set_role()] {
        let run = shared().begin("phone", "a2", act);
        run.clone().refused_because("a2", Code::Offline).passes("available");
        run.wait_ms(20_000).saved("a2").passes("available");
    }
    let kept = shared().begin("phone", "a2", delete("project/1"));
    kept.refused_because("a2", Code::Offline).violates("available refused-for-network delete");
}

#[test]
fn what_cannot_be_done_is_refused() {
    let tried = || shared().begin("phone", "a2", edit("project/1", &["title=Q"])).which_cannot_be();
    let refused = tried().refused_because("a2", Code::Forbidden).ends_with(&[p()]);
    refused.passes("expected");
    assert_eq!(refused.judge().outcome, Outcome::Pass);
    tried().saved("a2").violates("expected refusal claim");
    // It is said of a run that went as written.
    let astray = shared().begin("phone", "a0", set_role()).refused_because("a0", Code::Offline);
    let astray = astray.begin("phone", "a2", edit("project/1", &["title=Q"])).which_cannot_be().saved("a2");
    assert!(astray.verdict("expected").starts_with("unknown"), "{}", astray.verdict("expected"));
    // What the script does not announce leaves a doubt.
    let doubted = shared().begin("phone", "a2", edit("project/1", &["title=Q"])).refused("a2");
    let judgement = doubted.ends_with(&[p()]).judge();
    assert!(matches!(judgement.doubts[..], [Doubt::StepRefused { .. }]));
}

#[test]
fn what_needs_a_fresh_sign_in_is_not_called_saved_without_an_answer() {
    let begun = || shared().shows("phone", p()).begin("phone", "a2", delete_for_good());
    begun().pushes("phone", "e2", &["project/1 delete"]).saved("a2").passes("honest");
    begun().saved("a2").violates("honest saved-without-an-answer delete");
    shared().does("phone", "a2", set_role()).violates("honest saved-without-an-answer set-role");
}
