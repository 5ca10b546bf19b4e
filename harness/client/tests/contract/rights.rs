//! What a device does when its user may not do something, or not see something any more.

use std::collections::BTreeMap;

use deadzone_contract::wire::{Base, FieldOp, MutationKind, PATH_SYNC, Role};
use deadzone_contract::{Action, Choice, Code, RecordId, RecordState, Value, WayOut};

use crate::kit::answers::problem;
use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

fn word_stands_on(phone: &Phone, word: &str) -> bool {
    phone.disk.snapshot().contains(word.as_bytes())
}

/// A task with somebody else's words in it and an edit of this device's that waits.
async fn shared_task(app: &App, server: &Server) -> RecordId {
    let (_, task) = app.house().await;
    server.write(&task, "description", "somebody else's words");
    app.settle().await;
    app.device.connectivity(false);
    app.set(&task, "title", "my words").await.unwrap();
    task
}

/// What is left of a record that its user may not see any more.
async fn only_words_are_left(app: &App, phone: &Phone, task: &RecordId, reason: &str) {
    assert_eq!(app.record(task).await, None);
    let tray = app.tray().await;
    assert_eq!(tray.len(), 1, "{tray:?}");
    assert_eq!((tray[0].what.as_str(), tray[0].state), ("set title=\"my words\"", RecordState::Failed));
    assert_eq!((tray[0].reason.as_str(), &tray[0].ways_out[..]), (reason, &[WayOut::Discard][..]));
    assert!(!word_stands_on(phone, "somebody else's words"), "it stands on the disk");
    assert!(word_stands_on(phone, "my words"));
}

#[test]
fn what_may_not_be_seen_any_more_goes_and_its_users_words_stay() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let task = shared_task(&app, &server).await;
        assert!(word_stands_on(&phone, "somebody else's words"));
        // The push fails, so that the pull is the first to tell.
        server.state.lock().unwrap().hide(&task);
        server.intercept(|request| {
            (request.uri().path() != PATH_SYNC).then(|| problem(503, Code::Unavailable))
        });
        let page = server.clone();
        app.device.connectivity(true);
        sleep_s(1).await;
        page.behave();
        app.settle().await;
        only_words_are_left(&app, &phone, &task, "unknown-record: no").await;
        app.kill().await;
        let app = phone.start(&server, true).await.unwrap();
        app.settle().await;
        only_words_are_left(&app, &phone, &task, "unknown-record: no").await;
        assert_eq!(app.set(&task, "title", "more").await.unwrap_err().code, Code::UnknownRecord);
        app.act(Action::Discard { record: task.clone() }).await.unwrap();
        assert_eq!(app.tray().await, []);
        app.kill().await;
    });
}

#[test]
fn a_pull_that_takes_a_record_away_leaves_its_users_words() {
    let (mut phone, server) = (Phone::new(1), Server::default());
    phone.parameters.push_max = 1;
    story(async {
        let app = phone.signed_in(&server).await;
        let task = shared_task(&app, &server).await;
        app.settle().await;
        app.set(&task, "title", "my words").await.unwrap();
        // It is refused for another reason first, and waits in the tray.
        server.judge(|_| Some(crate::kit::rules::rejected(Code::Invalid)));
        app.settle().await;
        server.behave();
        server.state.lock().unwrap().hide(&task);
        app.settle().await;
        only_words_are_left(&app, &phone, &task, "invalid: no").await;
        app.kill().await;
    });
}

#[test]
fn words_that_were_only_chosen_go_with_their_record() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        server.write(&task, "description", "one");
        let base = Base { version: 0, after: None };
        let op = FieldOp::Write { value: Value::text("somebody else's words"), base, closes: None };
        server.does(&task, MutationKind::Update, &[("description", op)]);
        app.settle().await;
        app.device.connectivity(false);
        let (record, field) = (task.clone(), "description".to_owned());
        app.act(Action::Resolve { record, field, choice: Choice::KeepMine }).await.unwrap();
        server.state.lock().unwrap().hide(&task);
        app.settle().await;
        let tray = app.tray().await;
        assert_eq!((tray.len(), tray[0].what.as_str()), (1, "change description"));
        assert!(!word_stands_on(&phone, "somebody else's words"));
        app.kill().await;
    });
}

#[test]
fn a_role_that_is_known_holds_offline_too() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let roles = [("home", Role::Viewer), ("work", Role::Editor)];
        server.state.lock().unwrap().roles = roles.map(|(name, role)| (name.to_owned(), role)).into();
        let app = phone.signed_in(&server).await;
        app.settle().await;
        for online in [true, false] {
            app.device.connectivity(online);
            for (workspace, refused) in [("home", true), ("elsewhere", true), ("work", false)] {
                let code = app.create_in(workspace).await.err().map(|refusal| refusal.code);
                assert_eq!(code, refused.then_some(Code::Forbidden), "{workspace}, online: {online}");
            }
        }
        // Who is refused may have been allowed meanwhile: that is asked soon.
        server.state.lock().unwrap().roles = BTreeMap::from([("home".to_owned(), Role::Editor)]);
        app.device.connectivity(true);
        app.create_in("home").await.unwrap_err();
        sleep_s(1).await;
        app.create_in("home").await.unwrap();
        app.kill().await;
    });
}

#[test]
fn a_viewer_changes_nothing() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        let failed = app.task(&app.house().await.0, "failed").await.unwrap();
        server.judge(|_| Some(crate::kit::rules::rejected(Code::Forbidden)));
        server.state.lock().unwrap().roles = BTreeMap::from([("home".to_owned(), Role::Viewer)]);
        let tokens = server.state.lock().unwrap().tokens;
        app.settle().await;
        assert_eq!(app.tray().await[0].reason, "forbidden: no");
        assert!(server.state.lock().unwrap().tokens > tokens, "a refusal makes it ask for its rights");
        let (set, delete) =
            (app.set(&task, "title", "x").await, Action::Delete { record: task, password: None });
        for refusal in [set.unwrap_err(), app.act(delete).await.unwrap_err()] {
            assert_eq!(refusal.code, Code::Forbidden);
        }
        // Whether it is allowed by now the server says: nothing new is promised.
        app.act(Action::Retry { record: failed.clone() }).await.unwrap();
        app.settle().await;
        assert_eq!(app.tray().await[0].reason, "forbidden: no");
        app.act(Action::Discard { record: failed }).await.unwrap();
        app.kill().await;
    });
}

#[test]
fn a_full_resync_leaves_nothing_of_a_workspace_that_is_not_shared_any_more() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let task = shared_task(&app, &server).await;
        app.device.connectivity(true);
        server.judge(|_| Some(crate::kit::rules::rejected(Code::Forbidden)));
        server.state.lock().unwrap().roles = BTreeMap::from([("work".to_owned(), Role::Editor)]);
        sleep_s(1).await;
        // Long ago, for the server: it does not know any more what it has to take away.
        server.state.lock().unwrap().records.clear();
        let mut expired = false;
        server.intercept(move |request| {
            let first = request.uri().path() == PATH_SYNC && !std::mem::replace(&mut expired, true);
            first.then(|| problem(410, Code::CursorExpired))
        });
        app.settle().await;
        only_words_are_left(&app, &phone, &task, "forbidden: no").await;
        app.kill().await;
    });
}

#[test]
fn what_a_full_resync_does_not_bring_goes_once_its_workspace_is_known_to_be_gone() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let task = shared_task(&app, &server).await;
        // The answer to this work was lost, and the server has forgotten it; it does not say why
        // the record is not there.
        server.judge(|_| Some(crate::kit::rules::rejected(Code::KeyExpired)));
        server.state.lock().unwrap().roles = BTreeMap::from([("work".to_owned(), Role::Editor)]);
        server.state.lock().unwrap().records.clear();
        let mut expired = false;
        server.intercept(move |request| {
            let first = request.uri().path() == PATH_SYNC && !std::mem::replace(&mut expired, true);
            first.then(|| problem(410, Code::CursorExpired))
        });
        app.device.connectivity(true);
        app.settle().await;
        only_words_are_left(&app, &phone, &task, "key-expired: no").await;
        app.kill().await;
    });
}
