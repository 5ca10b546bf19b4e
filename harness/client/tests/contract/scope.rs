//! A device that keeps only some of its user's workspaces.

use std::collections::BTreeSet;

use deadzone_contract::wire::{PATH_HINTS, PATH_SYNC, Role};
use deadzone_contract::{Code, RecordId, Value};

use crate::phone::{App, Phone, sleep_s, story};
use crate::server::{HOLD_S, Server};

/// A server with a project in each of two workspaces.
fn two_workspaces() -> Server {
    let server = Server::default();
    server.state.lock().unwrap().roles.insert("work".into(), Role::Editor);
    server.create("house", "House");
    server.create_in("work", "office", "Office");
    server
}

/// A phone that keeps these workspaces.
fn keeping(phone: &Phone, scope: &[&str]) -> Phone {
    let mut phone = phone.clone();
    phone.scope = Some(scope.iter().map(|name| (*name).to_owned()).collect());
    phone
}

async fn titles(app: &App) -> BTreeSet<String> {
    let titles = app.shown().await.into_values().filter_map(|mut fields| fields.remove("title"));
    titles.map(|title| title.to_string()).collect()
}

fn set(titles: &[&str]) -> BTreeSet<String> {
    titles.iter().map(|title| (*title).to_owned()).collect()
}

#[test]
fn what_is_not_kept_is_not_asked_for_and_not_made() {
    let (phone, server) = (keeping(&Phone::new(1), &["home"]), two_workspaces());
    story(async {
        let app = phone.signed_in(&server).await;
        app.settle().await;
        assert_eq!(titles(&app).await, set(&["House"]));
        let log = server.log.lock().unwrap().clone();
        let mut pulls = log.iter().filter(|(_, request)| request.uri().path() == PATH_SYNC);
        assert!(pulls.all(|(_, request)| request.uri().query().unwrap().ends_with("&scope=home")));
        assert_eq!(app.create_in("work").await.unwrap_err().code, Code::Invalid);
        app.kill().await;
    });
}

/// A phone that keeps these entities.
fn keeping_only(phone: &Phone, entities: &[&str]) -> Phone {
    let mut phone = phone.clone();
    phone.entities = Some(entities.iter().map(|name| (*name).to_owned()).collect());
    phone
}

#[test]
fn entities_that_are_not_kept_are_not_asked_for_and_not_made() {
    let (mut phone, server) = (keeping_only(&Phone::new(1), &["project"]), Server::default());
    phone.parameters.hint_hold = HOLD_S * 1_000;
    server.create("house", "House");
    server.create_under("task", "house", "milk", "Milk");
    story(async {
        let app = phone.signed_in(&server).await;
        app.settle().await;
        assert_eq!(titles(&app).await, set(&["House"]));
        let refusal = app.task(&RecordId("house".into()), "Bread").await.unwrap_err();
        assert_eq!(refusal.code, Code::Invalid);
        assert_eq!(refusal.detail, "this device does not keep a task of `home`");
        // What it keeps it makes, and hears of the rest of the world.
        app.create_in("home").await.unwrap();
        server.create("garden", "Garden");
        app.settle().await;
        sleep_s(1).await;
        assert!(titles(&app).await.contains("Garden"));
        for path in [PATH_SYNC, PATH_HINTS] {
            let log = server.log.lock().unwrap().clone();
            let mut asked = log.iter().filter(|(_, request)| request.uri().path() == path).peekable();
            assert!(asked.peek().is_some(), "{path}");
            assert!(asked.all(|(_, request)| request.uri().query().unwrap().ends_with("&entities=project")));
        }
        app.kill().await;
    });
}

#[test]
fn other_entities_take_away_at_once_and_bring_the_rest() {
    let (phone, server) = (Phone::new(1), Server::default());
    server.create("house", "House");
    server.create_under("task", "house", "milk", "Milk");
    story(async {
        let app = phone.signed_in(&server).await;
        app.settle().await;
        assert_eq!(titles(&app).await, set(&["House", "Milk"]));
        app.device.connectivity(false);
        app.set(&RecordId("milk".into()), "title", "Bread").await.unwrap();
        app.end().await;

        let app = keeping_only(&phone, &["project"]).start(&server, false).await.unwrap();
        assert_eq!(titles(&app).await, set(&["House", "Bread"]), "what waits is still to be sent");
        app.settle().await;
        assert_eq!(server.titled("Bread"), 1);
        assert_eq!((titles(&app).await, app.tray().await), (set(&["House"]), vec![]));
        app.end().await;

        let app = keeping_only(&phone, &["project", "task"]).start(&server, true).await.unwrap();
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        app.kill().await;
    });
}

#[test]
fn another_scope_takes_away_at_once_and_brings_the_rest() {
    let (phone, server) = (Phone::new(1), two_workspaces());
    story(async {
        let app = phone.signed_in(&server).await;
        app.settle().await;
        assert_eq!(titles(&app).await, set(&["House", "Office"]));
        app.device.connectivity(false);
        let office = RecordId("office".into());
        app.set(&office, "title", "Bureau").await.unwrap();
        app.end().await;

        let app = keeping(&phone, &["home"]).start(&server, false).await.unwrap();
        assert_eq!(titles(&app).await, set(&["House", "Bureau"]), "what waits is still to be sent");
        app.settle().await;
        assert_eq!(server.titled("Bureau"), 1);
        assert_eq!((titles(&app).await, app.tray().await), (set(&["House"]), vec![]));
        app.end().await;

        let app = keeping(&phone, &["work"]).start(&server, false).await.unwrap();
        assert_eq!(titles(&app).await, set(&[]), "at once, and offline");
        app.settle().await;
        assert_eq!(titles(&app).await, set(&["Bureau"]));
        app.end().await;

        let app = phone.start(&server, true).await.unwrap();
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        app.end().await;
        // The same scope again is no reason to fetch anything anew.
        server.log.lock().unwrap().clear();
        let app = phone.start(&server, true).await.unwrap();
        sleep_s(1).await;
        let log = server.log.lock().unwrap().clone();
        assert!(log.iter().all(|(_, request)| !request.uri().to_string().contains("since=0")));
        app.kill().await;
    });
}

#[test]
fn a_server_that_sends_more_than_was_asked_for_is_not_listened_to() {
    let server = two_workspaces();
    server.create_under("task", "house", "milk", "Milk");
    let everything = server.clone();
    story(async {
        let phone = keeping_only(&keeping(&Phone::new(1), &["home"]), &["project"]);
        server.intercept(move |request| {
            let uri = request.uri().to_string();
            let more = uri.contains("scope").then(|| uri.replace("&scope=home&entities=project", ""))?;
            let mut request = request.clone();
            *request.uri_mut() = more.parse().unwrap();
            Some(everything.answer(&request))
        });
        let app = phone.signed_in(&server).await;
        app.settle().await;
        assert_eq!(titles(&app).await, set(&["House"]));
        assert_eq!(app.field(&RecordId("house".into()), "title").await, Some(Value::text("House")));
        app.kill().await;
    });
}
