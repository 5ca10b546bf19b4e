//! Operations that need a fresh sign-in: done at once or refused, and never queued.

use std::time::Duration;

use bytes::Bytes;
use deadzone_contract::wire::{MutationKind, Outcome, PATH_MEMBERS, PATH_MUTATIONS, PATH_TOKEN, Role};
use deadzone_contract::{Action, Code, RecordId, Refusal, Saved};
use http::Response;

use crate::kit::answers::{page, problem};
use crate::kit::rules::rejected;
use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

async fn make_viewer(app: &App, password: &str) -> Result<Saved, Refusal> {
    let (workspace, member, role) = ("home".into(), "ben".into(), Some(Role::Viewer));
    app.act(Action::SetRole { workspace, member, role, password: password.into() }).await
}

async fn delete(app: &App, project: &RecordId, password: Option<&str>) -> Result<Saved, Refusal> {
    let password = password.map(str::to_owned);
    app.act(Action::Delete { record: project.clone(), password }).await
}

#[test]
fn with_a_password_and_a_network_it_is_done_at_once() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (project, task) = app.house().await;
        server.log.lock().unwrap().clear();
        make_viewer(&app, "secret").await.unwrap();
        assert_eq!(server.state.lock().unwrap().members, [("ben".to_owned(), Some(Role::Viewer))]);
        delete(&app, &project, Some("secret")).await.unwrap();
        assert_eq!(app.record(&project).await, None);
        assert!(!server.everything().contains_key(&project));
        let proofs = server.log.lock().unwrap().iter().filter(|(_, r)| r.uri().path() == PATH_TOKEN).count();
        assert!(proofs >= 2, "each with a sign-in of its own");
        // Its number is used up, and what follows has others.
        app.set(&task, "title", "after").await.unwrap();
        app.settle().await;
        assert_eq!(server.state.lock().unwrap().reused, 0);
        assert_eq!((server.titled("after"), app.tray().await), (1, vec![]));
        assert_eq!(app.shown().await, server.everything());
        app.kill().await;
    });
}

#[test]
fn without_a_network_it_is_refused_and_forgotten() {
    for way in ["the platform says so", "nobody answers"] {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let (project, _) = app.house().await;
            app.device.connectivity(way == "nobody answers");
            *server.silent.lock().unwrap() = true;
            let _ = app.device.sync().await;
            for refusal in [
                make_viewer(&app, "secret").await.unwrap_err(),
                delete(&app, &project, Some("secret")).await.unwrap_err(),
            ] {
                assert_eq!(refusal.code, Code::Offline, "{way}");
            }
            *server.silent.lock().unwrap() = false;
            app.settle().await;
            assert_eq!(server.state.lock().unwrap().members, []);
            assert!(server.everything().contains_key(&project), "{way}");
            app.kill().await;
        });
    }
}

type Answer = fn() -> Response<Bytes>;

/// What a user is told of a delete or a role change whose requests to `path` are answered so.
fn told(deletes: bool, path: &'static str, answer: Answer) -> Code {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (project, _) = app.house().await;
        server.intercept(move |request| (request.uri().path() == path).then(answer));
        let done = if deletes {
            delete(&app, &project, Some("secret")).await
        } else {
            make_viewer(&app, "secret").await
        };
        server.behave();
        app.settle().await;
        assert_eq!(app.tray().await, [], "nothing of it is kept");
        assert!(app.record(&project).await.is_some());
        app.kill().await;
        done.unwrap_err().code
    })
}

#[test]
fn a_refusal_says_what_is_known() {
    use Code::{Forbidden, Indefinite, Internal, Offline, StepUpRequired, Unavailable};
    // To the request for tokens, which changes nothing; and to the decisive one.
    let cases: [(Answer, Code, Code); 6] = [
        (|| problem(403, Code::Forbidden), Forbidden, Forbidden),
        (|| problem(403, Code::StepUpRequired), StepUpRequired, StepUpRequired),
        (|| problem(503, Code::Unavailable), Unavailable, Unavailable),
        (|| problem(500, Code::Internal), Internal, Indefinite),
        (|| page(502), Offline, Indefinite),
        (|| page(200), Offline, Indefinite),
    ];
    for (deletes, path) in [(false, PATH_MEMBERS), (true, PATH_MUTATIONS)] {
        for (answer, to_proof, to_request) in cases {
            let status = answer().status();
            assert_eq!(told(deletes, PATH_TOKEN, answer), to_proof, "{status} before {path}");
            assert_eq!(told(deletes, path, answer), to_request, "{status} to {path}");
        }
    }
}

#[test]
fn a_wrong_or_a_missing_password_changes_nothing() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (project, task) = app.house().await;
        assert_eq!(make_viewer(&app, "guess").await.unwrap_err().code, Code::Unauthenticated);
        assert_eq!(delete(&app, &project, Some("guess")).await.unwrap_err().code, Code::Unauthenticated);
        assert_eq!(delete(&app, &project, None).await.unwrap_err().code, Code::StepUpRequired);
        assert_eq!(server.state.lock().unwrap().members, []);
        // The session goes on, and what is no such operation needs no password.
        delete(&app, &task, None).await.unwrap();
        app.settle().await;
        assert!(!server.everything().contains_key(&task));
        app.kill().await;
    });
}

#[test]
fn a_delete_does_not_overtake_what_waits_under_its_project() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (project, task) = app.house().await;
        server.judge(|mutation| matches!(mutation.kind, MutationKind::Update).then_some(Outcome::Deferred));
        app.set(&task, "title", "waits").await.unwrap();
        sleep_s(1).await;
        let refusal = delete(&app, &project, Some("secret")).await.unwrap_err();
        assert_eq!(refusal.code, Code::WorkPending);
        server.behave();
        app.settle().await;
        delete(&app, &project, Some("secret")).await.unwrap();
        assert!(!server.everything().contains_key(&project));
        app.kill().await;
    });
}

#[test]
fn what_the_server_says_of_the_delete_is_what_its_user_hears() {
    for (outcome, code) in [
        (rejected(Code::Forbidden), Code::Forbidden),
        (rejected(Code::UnknownRecord), Code::UnknownRecord),
        (rejected(Code::StampAhead), Code::StampAhead),
        (rejected(Code::NumberReused), Code::NumberReused),
        (Outcome::Deferred, Code::TooManyRequests),
    ] {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let (project, _) = app.house().await;
            server.judge(move |_| Some(outcome.clone()));
            assert_eq!(delete(&app, &project, Some("secret")).await.unwrap_err().code, code);
            server.behave();
            sleep_s(15).await;
            delete(&app, &project, Some("secret")).await.unwrap();
            app.settle().await;
            assert_eq!(app.shown().await, server.everything());
            app.kill().await;
        });
    }
}

#[test]
fn its_user_waits_for_everything_together_no_longer_than_for_one_request() {
    for slow_ms in [4_000, 9_000, 16_000] {
        let (mut phone, server) = (Phone::new(1), Server::default());
        phone.parameters.request_timeout = 10_000;
        story(async {
            let app = phone.signed_in(&server).await;
            app.house().await;
            *server.slow.lock().unwrap() = Duration::from_millis(slow_ms / 2);
            let began = tokio::time::Instant::now();
            let code = make_viewer(&app, "secret").await.err().map(|refusal| refusal.code);
            assert!(began.elapsed() <= Duration::from_millis(10_100), "{:?}", began.elapsed());
            let expected = match slow_ms {
                4_000 => None,
                9_000 => Some(Code::Indefinite),
                _ => Some(Code::Offline),
            };
            assert_eq!(code, expected);
            app.kill().await;
        });
    }
}
