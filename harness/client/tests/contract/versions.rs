//! Apps of two versions: what each calls things, and what becomes of a cache and of pending work
//! when the one follows the other.

use std::collections::BTreeMap;

use deadzone_contract::wire::{HEADER_CLIENT_VERSION, HEADER_SCHEMA_VERSION, MutationKind};
use deadzone_contract::{Action, Badge, Change, Choice, Code, FieldChange, RecordId, RecordState, Value};

use crate::kit::answers::problem;
use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

fn words(words: &str) -> Option<Value> {
    Some(Value::text(words))
}

fn phone_with(app_version: u32) -> Phone {
    let mut phone = Phone::new(1);
    phone.app_version = app_version;
    phone
}

/// The same phone with another version of the app.
fn with_version(phone: &Phone, app_version: u32) -> Phone {
    let mut phone = phone.clone();
    phone.app_version = app_version;
    phone
}

/// The fields that every push named, in order.
fn named(server: &Server) -> Vec<String> {
    server.pushed().into_iter().flat_map(|mutation| mutation.fields.into_keys()).collect()
}

#[test]
fn an_older_app_speaks_its_own_names_and_shows_todays() {
    let (phone, server) = (phone_with(3), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        server.write(&task, "priority", "high");
        app.settle().await;
        server.log.lock().unwrap().clear();
        app.device.connectivity(false);
        app.set(&task, "due", "monday").await.unwrap();
        assert_eq!(app.field(&task, "due").await, words("monday"));
        server.write(&task, "due", "friday");
        app.settle().await;
        assert_eq!(named(&server), ["deadline"]);
        let headers = server.log.lock().unwrap()[0].1.headers().clone();
        assert_eq!(
            (&headers[HEADER_SCHEMA_VERSION], &headers[HEADER_CLIENT_VERSION]),
            (&"3".parse().unwrap(), &"3".parse().unwrap())
        );

        let view = app.record(&task).await.unwrap();
        assert_eq!(
            (view.conflicts[0].field.as_str(), view.fields["due"].clone()),
            ("due", Value::text("friday"))
        );
        assert_eq!(app.tray().await[0].what, "set due=monday");
        let (record, field) = (task.clone(), "due".to_owned());
        app.act(Action::Resolve { record, field, choice: Choice::KeepMine }).await.unwrap();
        app.settle().await;
        assert_eq!(server.field("Roof", "due"), words("monday"));
        assert_eq!(app.undo(&task).await.unwrap().undid[0].field, "due");

        // What it does not know it does not show, and does not write.
        assert_eq!(app.field(&task, "priority").await, None);
        assert_eq!(app.set(&task, "priority", "low").await.unwrap_err().code, Code::Invalid);
        assert_eq!(app.set(&task, "deadline", "x").await.unwrap_err().code, Code::Invalid);
        app.settle().await;
        app.kill().await;
    });
}

/// Does something of everything on a task and leaves it pending.
async fn much_pending_work(app: &App, server: &Server) -> RecordId {
    let project = app.create("Other").await.unwrap();
    let task = app.task(&project, "Much to do").await.unwrap();
    app.set(&task, "due", "monday").await.unwrap();
    app.settle().await;
    // The server knows this one, and its answer is lost.
    *server.silent.lock().unwrap() = true;
    app.add(&task, 5).await.unwrap();
    app.set(&task, "due", "tuesday").await.unwrap();
    sleep_s(1).await;
    app.device.connectivity(false);
    *server.silent.lock().unwrap() = false;
    app.add(&task, 2).await.unwrap();
    app.set(&task, "due", "friday").await.unwrap();
    task
}

#[test]
fn an_upgrade_takes_cache_and_pending_work_along() {
    let (phone, server) = (phone_with(3), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (project, _) = app.house().await;
        let idle = app.task(&project, "idle").await.unwrap();
        app.set(&idle, "due", "sunday").await.unwrap();
        app.settle().await;
        server.write(&idle, "priority", "high");
        app.settle().await;
        let task = much_pending_work(&app, &server).await;
        let before = app.record(&task).await.unwrap();
        app.end().await;
        let app = with_version(&phone, 4).start(&server, false).await.unwrap();
        let after = app.record(&task).await.unwrap();
        assert_eq!(after.fields, before.fields);
        assert_eq!(app.field(&idle, "due").await, words("sunday"));
        assert_eq!(app.view().await.status.queued, 4);
        server.log.lock().unwrap().clear();
        app.settle().await;
        assert!(named(&server).iter().all(|name| name != "deadline"));
        assert_eq!(server.field("Much to do", "completed_count"), Some(Value::Int(7)));
        assert_eq!((server.field("Much to do", "due"), app.tray().await), (words("friday"), vec![]));
        // No cursor of the old app brings what it had no name for.
        assert_eq!(app.field(&idle, "priority").await, words("high"));
        assert_eq!(app.shown().await, server.everything());
        assert_eq!(server.state.lock().unwrap().reused, 0);
        app.kill().await;
    });
}

#[test]
fn what_an_older_app_deleted_can_be_brought_back_after_the_upgrade() {
    let (phone, server) = (phone_with(3), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        app.set(&task, "due", "monday").await.unwrap();
        app.settle().await;
        app.delete(&task).await.unwrap();
        app.settle().await;
        app.end().await;
        let app = with_version(&phone, 4).start(&server, false).await.unwrap();
        app.undo(&task).await.unwrap();
        assert_eq!(app.field(&task, "due").await, words("monday"));
        app.kill().await;
    });
}

#[test]
fn after_a_downgrade_what_can_be_said_is_sent_and_the_rest_waits_in_the_tray() {
    let (phone, server) = (phone_with(4), Server::default());
    let put = |field: &str, words: &str| FieldChange {
        field: field.into(),
        change: Change::Put(Value::text(words)),
    };
    story(async {
        let app = phone.signed_in(&server).await;
        let (project, task) = app.house().await;
        app.set(&task, "priority", "low").await.unwrap();
        app.set(&task, "due", "monday").await.unwrap();
        app.settle().await;
        // One that may have taken effect, one that was never sent, and a new task.
        let sent = app.task(&project, "sent").await.unwrap();
        app.settle().await;
        *server.silent.lock().unwrap() = true;
        let both = vec![put("title", "sent again"), put("priority", "high")];
        app.act(Action::Edit { record: sent.clone(), changes: both }).await.unwrap();
        sleep_s(1).await;
        app.device.connectivity(false);
        *server.silent.lock().unwrap() = false;
        let both = vec![put("due", "friday"), put("priority", "high")];
        app.act(Action::Edit { record: task.clone(), changes: both }).await.unwrap();
        let (entity, workspace) = ("task".to_owned(), "home".to_owned());
        let changes = vec![put("title", "new"), put("priority", "high")];
        let create = Action::Create { entity, workspace, parent: Some(project.clone()), changes };
        let new = app.act(create).await.unwrap().record.unwrap();
        app.end().await;

        let old = with_version(&phone, 3).start(&server, false).await.unwrap();
        assert_eq!(old.field(&task, "due").await, words("friday"), "shown before any pull");
        let states: BTreeMap<_, _> =
            old.view().await.records.into_iter().map(|view| (view.record, view.state)).collect();
        for record in [&sent, &task, &new] {
            assert_eq!(states[record], RecordState::Failed);
        }
        old.settle().await;
        let tray = old.tray().await;
        let what: Vec<_> = tray.iter().map(|item| item.what.as_str()).collect();
        assert_eq!(
            what,
            ["set title=\"sent again\" priority=high", "set priority=high", "set priority=high"]
        );
        assert!(tray.iter().all(|item| item.reason.starts_with("client-too-old: ")), "{tray:?}");
        assert_eq!(server.field("Roof", "due"), words("friday"));
        assert_eq!(server.field("new", "priority"), None);
        old.end().await;

        let app = with_version(&phone, 4).start(&server, true).await.unwrap();
        app.settle().await;
        for record in [&sent, &task, &new] {
            app.act(Action::Retry { record: record.clone() }).await.unwrap();
        }
        app.settle().await;
        assert_eq!(server.field("new", "priority"), words("high"));
        assert_eq!(server.field("sent again", "priority"), words("high"));
        assert_eq!((app.tray().await, app.shown().await), (vec![], server.everything()));
        assert_eq!(server.state.lock().unwrap().reused, 0, "it kept its number and its content");
        app.kill().await;
    });
}

#[test]
fn a_create_that_may_have_taken_effect_takes_its_edits_along_when_it_cannot_be_said() {
    let (phone, server) = (phone_with(4), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (project, _) = app.house().await;
        *server.silent.lock().unwrap() = true;
        let changes =
            vec![FieldChange { field: "priority".into(), change: Change::Put(Value::text("high")) }];
        let (entity, workspace) = ("task".to_owned(), "home".to_owned());
        let create = Action::Create { entity, workspace, parent: Some(project.clone()), changes };
        let task = app.act(create).await.unwrap().record.unwrap();
        sleep_s(1).await;
        app.device.connectivity(false);
        app.set(&task, "title", "named").await.unwrap();
        app.end().await;
        *server.silent.lock().unwrap() = false;
        let app = with_version(&phone, 3).start(&server, true).await.unwrap();
        app.settle().await;
        app.end().await;
        let app = with_version(&phone, 4).start(&server, true).await.unwrap();
        app.settle().await;
        if app.tray().await.iter().any(|item| item.record == task) {
            app.act(Action::Retry { record: task.clone() }).await.unwrap();
        }
        app.settle().await;
        assert_eq!((server.titled("named"), server.field("named", "priority")), (1, words("high")));
        assert_eq!((app.tray().await, app.shown().await), (vec![], server.everything()));
        let creates = server.pushed().into_iter().filter(|m| matches!(m.kind, MutationKind::Create { .. }));
        let numbers: std::collections::BTreeSet<_> =
            creates.filter(|m| m.record == task).map(|m| m.number).collect();
        assert_eq!(numbers.len(), 1);
        app.kill().await;
    });
}

#[test]
fn an_app_that_is_too_old_keeps_its_work_and_asks_now_and_then() {
    let (mut phone, server) = (phone_with(3), Server::default());
    phone.parameters.attempts_max = 2;
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        server.intercept(|request| {
            let old = request.headers()[HEADER_CLIENT_VERSION] == "3";
            old.then(|| problem(426, Code::ClientTooOld))
        });
        server.log.lock().unwrap().clear();
        app.set(&task, "due", "friday").await.unwrap();
        sleep_s(3_600).await;
        let status = app.view().await.status;
        assert_eq!((status.badge, status.queued), (Badge::Error, 1));
        assert!(status.last_error.unwrap().contains("upgrade"));
        assert_eq!(app.tray().await, []);
        let asked = server.log.lock().unwrap().len();
        assert!((55..=61).contains(&asked), "{asked} requests in an hour");
        app.set(&task, "title", "still saved").await.unwrap();
        app.end().await;
        let app = with_version(&phone, 4).start(&server, true).await.unwrap();
        app.settle().await;
        assert_eq!(app.view().await.status.badge, Badge::Synced);
        assert_eq!(server.field("still saved", "due"), words("friday"));
        app.kill().await;
    });
}
