//! What a restart keeps, and what a request leaves behind that nobody waits for any more.

use std::pin::pin;
use std::task::{Context, Waker};

use deadzone_contract::wire::{PushRequest, Role, TokenRequest};
use http::Method;
use insta::assert_snapshot;
use tower::ServiceExt;

use crate::lab::Lab;
use crate::rules::{lab, prepared};
use crate::write::{base, delete, task, update};

#[test]
fn a_restart_keeps_everything() {
    let mut lab = prepared(Lab::with(|p| p.tombstone_horizon = 1_000));
    let once = update(1, "t").set("status", "done", base(3)).add("completed_count", 1).tags(["x"], []);
    lab.push("ana/phone", [once.clone()]);
    lab.push("ana/phone", [task(2, "u"), delete(3, "u", base(1))]);
    let refresh = TokenRequest::Refresh { refresh_token: lab.sign_in("ana").refresh_token };
    let before = lab.pull("ana/phone", "since=0");
    lab.restart();
    assert_eq!(lab.pull("ana/phone", "since=0"), before);
    assert!(lab.token(&refresh).is_ok());
    assert_snapshot!(lab.push("ana/phone", [once.clone()]), @"1 done status: phone:1:status mine=done theirs=nothing@0 -> t@2 completed_count=1 tags=[x by phone:1:x] title=Milk [status: phone:1:status mine=done theirs=nothing@0] includes 1");
    lab.pass(1_000);
    lab.pull("ana/phone", "");
    lab.restart();
    assert_snapshot!(lab.push("ana/phone", [once, update(3, "u")]), @r"
    1 key-expired (the answers of that time are gone; nobody can say whether it took effect) -> t@2 completed_count=1 tags=[x by phone:1:x] title=Milk [status: phone:1:status mine=done theirs=nothing@0] includes 1
    3 key-expired (the answers of that time are gone; nobody can say whether it took effect) -> nothing
    ");
    assert_snapshot!(lab.pull("ana/phone", "since=1"), @"410 cursor-expired: the cursor is older than the tombstones that are kept; pull everything anew");
}

#[test]
fn a_restart_takes_up_new_passwords_and_leaves_the_roles() {
    let mut lab = lab();
    lab.start.passwords.insert("ana".into(), "new".into());
    lab.start.grants[0].2 = Role::Viewer;
    lab.grant("home", "ana", Some(Role::Admin));
    lab.restart();
    let sign_in =
        |password: &str| lab.token(&TokenRequest::Password { user: "ana".into(), password: password.into() });
    assert!(sign_in("ana-pw").is_err());
    assert_snapshot!(format!("{:?}", sign_in("new").unwrap().roles), @r#"{"home": Admin}"#);
}

#[test]
fn a_request_that_is_dropped_inside_its_transaction_rolls_back() {
    let lab = lab();
    let first = update(1, "t").put("title", "first");
    let second = update(2, "t").put("title", "second");
    let mutations = vec![first.into(), second.clone().into()];
    let body = serde_json::to_vec(&PushRequest { mutations }).unwrap();
    let request = lab.request("ana/phone", Method::POST, "/sync/mutations", body);
    {
        let mut answer = pin!(lab.service().oneshot(request));
        let mut context = Context::from_waker(Waker::noop());
        // The first poll begins the first transaction; the second ends it and begins another.
        assert!(answer.as_mut().poll(&mut context).is_pending());
        lab.stall(true);
        assert!(answer.as_mut().poll(&mut context).is_pending());
    }
    lab.stall(false);
    assert_snapshot!(lab.all("ana/phone"), @r"
    p@1 title=House
    t@2 title=first includes 1
    ");
    assert_snapshot!(lab.push("ana/phone", [second]), @"2 done -> t@3 title=second includes 2");
}

#[test]
fn two_pushes_take_turns_mutation_by_mutation() {
    let lab = lab();
    let push = |who: &str| {
        let mutations = (1..=3).map(|number| task(number, &format!("{who}-{number}")).into()).collect();
        let body = serde_json::to_vec(&PushRequest { mutations }).unwrap();
        lab.service().oneshot(lab.request(who, Method::POST, "/sync/mutations", body))
    };
    let (mut ana, mut ben) = (pin!(push("ana/phone")), pin!(push("ben/laptop")));
    let mut context = Context::from_waker(Waker::noop());
    let (mut ana_done, mut ben_done) = (false, false);
    while !(ana_done && ben_done) {
        ana_done = ana_done || ana.as_mut().poll(&mut context).is_ready();
        ben_done = ben_done || ben.as_mut().poll(&mut context).is_ready();
    }
    assert_snapshot!(lab.pull("vic/tv", "since=2"), @r"
    ana/phone-1@1
    ana/phone-2@1
    ben/laptop-1@1
    ana/phone-3@1
    ben/laptop-2@1
    ben/laptop-3@1
    next=8 more=false
    ");
}

#[test]
fn a_database_that_cannot_be_used_is_told_in_one_sentence() {
    let mut lab = Lab::new();
    lab.anchor.pragma_update(None, "user_version", 99).unwrap();
    assert_snapshot!(lab.start_error(), @"the server's database has schema 99; this server knows 5");
    let folder = tempfile::tempdir().unwrap();
    lab.use_file(&folder.path().join("server.db"));
    lab.start.grants.push(("home".into(), "zoe".into(), Role::Viewer));
    assert_snapshot!(lab.start_error(), @"`zoe` is granted a role in `home` but is not among the users");
}

#[test]
fn a_file_keeps_its_journal_as_wal_and_belongs_to_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let mut lab = Lab::new();
    lab.use_file(&file);
    lab.restart();
    lab.forget_tokens();
    lab.push("ana/phone", [crate::write::project(1, "p").put("title", "House")]);
    let other = rusqlite::Connection::open(&file).unwrap();
    other.busy_timeout(std::time::Duration::ZERO).unwrap();
    assert_snapshot!(other.query_row("SELECT 1 FROM records", [], |_| Ok(())).unwrap_err(), @"database is locked");
    lab.restart();
    assert_snapshot!(lab.all("ana/phone"), @"p@1 title=House includes 1");
}
