//! Each mistake that a policy can plant shows: what a user or the server sees goes wrong with it,
//! and does not without it.

use std::collections::BTreeSet;

use deadzone_client::*;
use deadzone_contract::wire::{
    FieldOp, HEADER_QUEUE_AGE, Hint, MutationKind, PATH_HINTS, PATH_MUTATIONS, PulledChange, Role,
    ServerField,
};
use deadzone_contract::{Action, Change, Code, RecordId, Value};

use crate::kit::answers::{and_wait, hints, page, problem};
use crate::kit::rules::rejected;
use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

/// A phone that makes a mistake, or none.
fn phone(policy: &ClientPolicy) -> Phone {
    let mut phone = Phone::new(1);
    phone.policy = policy.clone();
    phone
}

/// Starts with a task that the server knows.
async fn house(phone: &Phone, server: &Server) -> (App, RecordId, RecordId) {
    let app = phone.signed_in(server).await;
    let (project, task) = app.house().await;
    (app, project, task)
}

fn is_push(request: &http::Request<bytes::Bytes>) -> bool {
    request.uri().path() == PATH_MUTATIONS
}

/// The offline edit of a task, after something; whether it never arrives.
async fn edit_is_lost(app: &App, server: &Server) -> bool {
    app.settle().await;
    server.titled("mine") == 0
}

async fn resync(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    app.device.connectivity(false);
    app.set(&task, "title", "mine").await.unwrap();
    app.act(Action::Repair).await.unwrap();
    edit_is_lost(&app, &server).await
}

/// The app of version 3 leaves a due date and an edit; the next one is of version 4 and offline.
async fn upgraded(policy: &ClientPolicy, server: &Server) -> (App, RecordId) {
    let mut phone = phone(policy);
    phone.app_version = 3;
    let (app, _, task) = house(&phone, server).await;
    app.set(&task, "due", "monday").await.unwrap();
    app.settle().await;
    app.device.connectivity(false);
    app.set(&task, "title", "mine").await.unwrap();
    app.end().await;
    phone.app_version = 4;
    (phone.start(server, false).await.unwrap(), task)
}

async fn migration(policy: ClientPolicy) -> bool {
    let server = Server::default();
    let (app, _) = upgraded(&policy, &server).await;
    edit_is_lost(&app, &server).await
}

async fn old_schema(policy: ClientPolicy) -> bool {
    let (app, task) = upgraded(&policy, &Server::default()).await;
    app.field(&task, "due").await.is_none()
}

async fn sets(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    app.edit(&task, "tags", Change::Insert("old".into())).await.unwrap();
    app.settle().await;
    app.device.connectivity(false);
    app.edit(&task, "tags", Change::Insert("new".into())).await.unwrap();
    let held = match &server.state.lock().unwrap().records[&task].record.fields["tags"] {
        ServerField::Set { members } => members.clone(),
        _ => Default::default(),
    };
    let remove = FieldOp::Tags { add: BTreeSet::new(), remove: held };
    server.does(&task, MutationKind::Update, &[("tags", remove)]);
    app.settle().await;
    server.field("Roof", "tags") != Some(Value::Set(BTreeSet::from(["new".to_owned()])))
}

async fn parents(policy: ClientPolicy) -> bool {
    let server = Server::default();
    let app = phone(&policy).signed_in(&server).await;
    app.device.connectivity(false);
    let project = app.create("House").await.unwrap();
    app.task(&project, "Roof").await.unwrap();
    app.settle().await;
    !app.tray().await.is_empty()
}

/// Work that the server refuses; the tray five minutes later, and how often it was sent.
async fn refused(policy: &ClientPolicy) -> (Vec<String>, usize) {
    let (phone, server) = (phone(policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    server.judge(|_| Some(rejected(Code::Invalid)));
    server.log.lock().unwrap().clear();
    app.set(&task, "title", "mine").await.unwrap();
    sleep_s(300).await;
    let reasons = app.tray().await.into_iter().map(|item| item.reason).collect();
    (reasons, server.requests(PATH_MUTATIONS))
}

async fn refusals(policy: ClientPolicy) -> bool {
    refused(&policy).await.1 > 1
}

async fn failed_work(policy: ClientPolicy) -> bool {
    refused(&policy).await.0.is_empty()
}

async fn error_text(policy: ClientPolicy) -> bool {
    refused(&policy).await.0 != ["invalid: no"]
}

async fn server_errors(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    let mut failed = false;
    server.intercept(move |request| {
        let first = is_push(request) && !std::mem::replace(&mut failed, true);
        first.then(|| problem(500, Code::Internal))
    });
    app.set(&task, "title", "mine").await.unwrap();
    app.settle().await;
    !app.tray().await.is_empty()
}

async fn backoff(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    server.log.lock().unwrap().clear();
    *server.silent.lock().unwrap() = true;
    app.set(&task, "title", "mine").await.unwrap();
    sleep_s(300).await;
    server.requests(PATH_MUTATIONS) > 100
}

async fn retry_after(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    server.log.lock().unwrap().clear();
    server.intercept(|request| is_push(request).then(|| and_wait(problem(429, Code::TooManyRequests), 120)));
    app.set(&task, "title", "mine").await.unwrap();
    sleep_s(110).await;
    server.requests(PATH_MUTATIONS) > 1
}

async fn captive_portal(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    server.intercept(|request| is_push(request).then(|| page(200)));
    for by in [1, 2] {
        app.add(&task, by).await.unwrap();
    }
    sleep_s(5).await;
    assert_eq!(app.field(&task, "completed_count").await, Some(Value::Int(3)), "its user sees nothing of it");
    server.behave();
    app.settle().await;
    server.field("Roof", "completed_count") != Some(Value::Int(3))
}

async fn out_of_order(policy: ClientPolicy) -> bool {
    let server = Server::default();
    let mut phone = phone(&policy);
    phone.parameters.hint_hold = 30_000;
    phone.parameters.sync_every = 3_600_000;
    let (app, ..) = house(&phone, &server).await;
    sleep_s(5).await;
    // Two things happen, and the device hears of the second one only.
    let mut given = false;
    let state = std::sync::Arc::clone(&server.state);
    server.intercept(move |request| {
        let first = request.uri().path() == PATH_HINTS && !std::mem::replace(&mut given, true);
        first.then(|| {
            let state = state.lock().unwrap();
            let last = state.records[&RecordId("second".into())].clone();
            let changes = Some(vec![PulledChange::Record(last.seen("", 4))]);
            hints(&[Hint { since: last.commit - 1, next: last.commit, changes, server_time_ms: 0 }])
        })
    });
    server.create("first", "first");
    server.create("second", "second");
    sleep_s(60).await;
    app.shown().await != server.everything()
}

async fn hints_only(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, ..) = house(&phone, &server).await;
    server.create("other", "other");
    sleep_s(600).await;
    app.shown().await != server.everything()
}

async fn needless(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    app.device.connectivity(false);
    app.set(&task, "title", "mine").await.unwrap();
    server.write(&task, "status", "theirs");
    app.settle().await;
    assert_eq!(server.titled("mine"), 1);
    !app.tray().await.is_empty()
}

async fn sign_out(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, ..) = house(&phone, &server).await;
    app.sign_out(false).await.unwrap();
    server.state.lock().unwrap().records.clear();
    app.sign_in("ben").await.unwrap();
    let seen = !app.shown().await.is_empty();
    assert_eq!(seen, phone.disk.snapshot().contains(b"Roof"));
    seen
}

async fn revocation(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    server.state.lock().unwrap().hide(&task);
    app.settle().await;
    let seen = app.record(&task).await.is_some();
    assert_eq!(seen, phone.disk.snapshot().contains(b"Roof"));
    seen
}

async fn expiry(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    let mut expired = false;
    server.intercept(move |_| {
        let first = !std::mem::replace(&mut expired, true);
        first.then(|| problem(401, Code::Unauthenticated))
    });
    app.set(&task, "title", "mine").await.unwrap();
    sleep_s(5).await;
    app.sign_in("ana").await.unwrap();
    edit_is_lost(&app, &server).await
}

async fn tokens(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    house(&phone, &server).await;
    ["access of", "refresh of"].iter().any(|token| phone.disk.snapshot().contains(token.as_bytes()))
}

async fn scope(policy: ClientPolicy) -> bool {
    let server = Server::default();
    server.create_in("work", "office", "Office");
    let mut phone = phone(&policy);
    phone.scope = Some(vec!["home".to_owned()]);
    let (app, ..) = house(&phone, &server).await;
    app.record(&RecordId("office".into())).await.is_some()
}

async fn queue_age(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, _, task) = house(&phone, &server).await;
    app.device.connectivity(false);
    app.set(&task, "title", "mine").await.unwrap();
    sleep_s(600).await;
    server.log.lock().unwrap().clear();
    app.device.connectivity(true);
    sleep_s(1).await;
    let log = server.log.lock().unwrap();
    log[0].1.headers()[HEADER_QUEUE_AGE] == "0"
}

async fn step_up(policy: ClientPolicy) -> bool {
    let (phone, server) = (phone(&policy), Server::default());
    let (app, project, _) = house(&phone, &server).await;
    app.device.connectivity(false);
    let (workspace, member, password) = ("home".into(), "ben".into(), "secret".into());
    let set = Action::SetRole { workspace, member, role: Some(Role::Viewer), password };
    let role = app.act(set).await.is_ok();
    let deleted = app.delete(&project).await.is_ok();
    assert_eq!(role, deleted);
    role
}

/// Runs a story with a policy: whether something goes wrong in it.
macro_rules! mistakes {
    ($($story:ident: $field:ident = $wrong:expr;)*) => {
        $(mod $story {
            #[test]
            fn shows() {
                use super::*;
                let right = ClientPolicy::default();
                assert!(!story(super::$story(right.clone())), "it goes wrong without the mistake too");
                let wrong = ClientPolicy { $field: $wrong, ..right };
                assert!(story(super::$story(wrong)), "nothing shows");
            }
        })*
    };
}

mistakes! {
    resync: pending_on_resync = PendingOnResync::Dropped;
    migration: pending_on_migration = PendingOnMigration::Dropped;
    old_schema: old_schema = OldSchema::ReadAsNew;
    sets: sets = SetsSent::Whole;
    parents: parents = Parents::NotWaitedFor;
    refusals: refusals = Refusals::RetriedForEver;
    server_errors: server_errors = ServerErrors::ToTray;
    failed_work: failed_work = FailedWork::Forgotten;
    error_text: error_text = ErrorText::Generic;
    backoff: backoff = Backoff::None;
    retry_after: retry_after = RetryAfter::Ignored;
    captive_portal: captive_portal = CaptivePortal::TakenForSuccess;
    out_of_order: hints = Hints::AppliedOutOfOrder;
    hints_only: pulling = Pulling::OnHintsOnly;
    needless: conflicts = Conflicts::Needless;
    sign_out: sign_out = SignOut::LeavesData;
    revocation: revocation = Revocation::LeavesData;
    expiry: expiry = Expiry::SignsOut;
    tokens: tokens = Tokens::InDatabase;
    scope: scope = Scope::Ignored;
    queue_age: queue_age = QueueAge::NotReported;
    step_up: step_up = StepUp::Queued;
}
