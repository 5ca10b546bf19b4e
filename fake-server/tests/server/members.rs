//! Who changes what others may do, and what needs a password that was typed just now.

use deadzone_contract::wire::{Role, TokenRequest};
use http::{Method, Request};
use insta::assert_snapshot;

use crate::lab::{Lab, OPERATOR_TOKEN};
use crate::rules::{lab, prepared};
use crate::write::{base, delete, project, update};

#[test]
fn the_operator_changes_members_and_nobody_else_passes_for_it() {
    let mut lab = lab();
    let make_eve_a_viewer = |lab: &Lab, token: &str| lab.members(token, "home", "eve", Some(Role::Viewer));
    assert_snapshot!(make_eve_a_viewer(&lab, "guessed"), @"401 unauthenticated: the access token is not valid any more");
    assert_snapshot!(make_eve_a_viewer(&lab, ""), @"401 unauthenticated: the access token is not valid any more");
    assert_eq!(make_eve_a_viewer(&lab, OPERATOR_TOKEN), "done");
    assert_eq!(make_eve_a_viewer(&lab, OPERATOR_TOKEN), "done", "the first answer may have been lost");
    assert_eq!(format!("{:?}", lab.sign_in("eve").roles), r#"{"away": Editor, "home": Viewer}"#);
    assert_eq!(lab.members(OPERATOR_TOKEN, "home", "eve", None), "done");
    assert_eq!(format!("{:?}", lab.sign_in("eve").roles), r#"{"away": Editor}"#);
    // Where there is no operator, an empty token makes nobody one.
    lab.start.operator_token.clear();
    lab.restart();
    assert_snapshot!(make_eve_a_viewer(&lab, ""), @"401 unauthenticated: the access token is not valid any more");
    assert_snapshot!(make_eve_a_viewer(&lab, OPERATOR_TOKEN), @"401 unauthenticated: the access token is not valid any more");
}

#[test]
fn an_admin_changes_the_members_of_the_own_workspace() {
    let lab = lab();
    lab.grant("home", "ana", Some(Role::Admin));
    let change = |user: &str, workspace: &str| {
        lab.members(&lab.sign_in(user).access_token, workspace, "vic", Some(Role::Editor))
    };
    assert_snapshot!(change("ben", "home"), @"403 forbidden: only an admin of a workspace changes its members");
    assert_snapshot!(change("ana", "away"), @"403 forbidden: only an admin of a workspace changes its members");
    assert_eq!(change("ana", "away"), change("ana", "nowhere"));
    assert_eq!(format!("{:?}", lab.sign_in("vic").roles), r#"{"home": Viewer}"#);
    assert_eq!(change("ana", "home"), "done");
    assert_eq!(format!("{:?}", lab.sign_in("vic").roles), r#"{"home": Editor}"#);
}

#[test]
fn changing_members_needs_a_fresh_sign_in() {
    let lab = prepared(Lab::with(|p| p.step_up_life = 5_000));
    lab.grant("home", "ana", Some(Role::Admin));
    let tokens = lab.sign_in("ana");
    let change = |token: &str, role| lab.members(token, "home", "vic", Some(role));
    lab.pass(5_000);
    assert_eq!(change(&tokens.access_token, Role::Editor), "done");
    lab.pass(1);
    assert_snapshot!(change(&tokens.access_token, Role::Viewer), @"403 step-up-required: changing members needs the password again; sign in and repeat it");
    let refreshed = lab.token(&TokenRequest::Refresh { refresh_token: lab.sign_in("ana").refresh_token });
    assert_snapshot!(change(&refreshed.unwrap().access_token, Role::Viewer), @"403 step-up-required: changing members needs the password again; sign in and repeat it");
    // Who may not do it anyway is not sent to type a password.
    let ben = lab.sign_in("ben").access_token;
    lab.pass(5_001);
    assert_snapshot!(change(&ben, Role::Viewer), @"403 forbidden: only an admin of a workspace changes its members");
    assert_eq!(change(&lab.sign_in("ana").access_token, Role::Viewer), "done");
}

#[test]
fn a_change_of_members_names_a_user_and_a_workspace() {
    let lab = lab();
    let change = |workspace: &str, user: &str| lab.members(OPERATOR_TOKEN, workspace, user, None);
    assert_snapshot!(change("home", "zoe"), @"400 malformed: there is no user `zoe`");
    assert_snapshot!(change("", "ana"), @"400 malformed: a workspace's name has 1 to 128 bytes and no comma");
    assert_eq!(change(&"w".repeat(128), "ana"), "done");
    for refused in ["w".repeat(129), "home,away".into()] {
        assert_eq!(change(&refused, "ana"), change("", "ana"));
    }
    let request = Request::post("/members").header("authorization", format!("Bearer {OPERATOR_TOKEN}"));
    assert_eq!(lab.send(request.body("{}".into()).unwrap()).status(), 400);
    let answer = lab.send(lab.request("ana/phone", Method::GET, "/members", ""));
    assert_eq!(answer.status(), 405);
}

#[test]
fn deleting_a_project_needs_a_fresh_sign_in() {
    let lab = prepared(Lab::with(|p| p.step_up_life = 5_000));
    lab.push("ana/phone", [project(1, "q").put("title", "Garden")]);
    lab.pass(5_001);
    let once = delete(2, "q", base(1));
    assert_snapshot!(lab.push("ana/phone", [once.clone(), delete(3, "t", base(1)), update(4, "q").put("title", "Yard")]), @r"
    2 step-up-required (deleting a project needs the password again; sign in and repeat it) -> q@1 title=Garden includes 1
    3 done -> nothing
    4 done -> q@2 title=Yard includes 4
    ");
    assert_snapshot!(lab.push("vic/tv", [delete(1, "q", base(2))]), @"1 forbidden (a viewer cannot change anything here) -> q@2 title=Yard");
    assert_snapshot!(lab.push("eve/pad", [delete(1, "q", base(2))]), @"1 unknown-record (there is no such record) -> nothing");
    lab.forget_tokens();
    let again = delete(5, "q", base(2));
    assert_snapshot!(lab.push("ana/phone", [again.clone()]), @"5 done -> nothing");
    // It was done; a repetition tells so whenever it comes.
    lab.pass(5_001);
    assert_snapshot!(lab.push("ana/phone", [again, once]), @r"
    5 done -> nothing
    2 step-up-required (deleting a project needs the password again; sign in and repeat it) -> nothing
    ");
}

#[test]
fn a_role_counts_from_the_moment_that_it_is_given() {
    let lab = lab();
    assert_snapshot!(lab.push("vic/tv", [update(1, "t").put("title", "V")]), @"1 forbidden (a viewer cannot change anything here) -> t@1 title=Milk");
    lab.grant("home", "vic", Some(Role::Editor));
    assert_snapshot!(lab.push("vic/tv", [update(1, "t").put("title", "V")]), @"1 done -> t@2 title=V includes 1");
    lab.grant("home", "vic", Some(Role::Viewer));
    assert_snapshot!(lab.push("vic/tv", [update(2, "t").put("title", "W")]), @"2 forbidden (a viewer cannot change anything here) -> t@2 title=V includes 1");
}
