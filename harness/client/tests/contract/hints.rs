//! What a server tells in between is applied where it fits, and nowhere else.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use deadzone_contract::wire::{Hint, PATH_HINTS, PATH_SYNC, PulledChange};
use deadzone_contract::{Code, RecordId, Value};
use http::Response;

use crate::kit::answers::{and_wait, hints, page, problem};
use crate::phone::{App, Phone, sleep_s, story};
use crate::server::{HOLD_S, Server};

const HOUR_S: u64 = 3_600;

/// A phone that listens, and pulls by itself so rarely that nothing comes by that.
fn listener() -> Phone {
    let mut phone = Phone::new(1);
    phone.parameters.hint_hold = HOLD_S * 1_000;
    phone.parameters.sync_every = 24 * HOUR_S * 1_000;
    phone
}

async fn listening(phone: &Phone, server: &Server) -> App {
    let app = phone.signed_in(server).await;
    app.house().await;
    sleep_s(5).await;
    server.log.lock().unwrap().clear();
    app
}

async fn sees(app: &App, title: &str) -> bool {
    app.shown().await.values().any(|fields| fields.get("title") == Some(&Value::text(title)))
}

#[test]
fn what_a_hint_brings_is_shown_at_once_and_without_a_pull() {
    let (phone, server) = (listener(), Server::default());
    story(async {
        let app = listening(&phone, &server).await;
        for n in 0..5 {
            server.create(&format!("r{n}"), &format!("t{n}"));
            sleep_s(2).await;
            assert!(sees(&app, &format!("t{n}")).await, "{n}");
        }
        assert_eq!(server.requests(PATH_SYNC), 0);
        server.create("last", "while it sleeps");
        app.kill().await;
        let app = phone.start(&server, true).await.unwrap();
        sleep_s(2).await;
        assert_eq!(app.shown().await, server.everything());
        app.kill().await;
    });
}

/// A hint that names the device's cursor as `since` if it is none, and tells of a project.
fn hint(since: Option<u64>, next: u64, title: &str) -> impl Fn(&str) -> Response<Bytes> + use<> {
    let donor = Server::default();
    donor.create("told", title);
    let record = donor.state.lock().unwrap().records[&RecordId("told".into())].seen("", 4);
    move |query: &str| {
        let cursor: u64 = query.strip_prefix("since=").unwrap().parse().unwrap();
        let since = since.unwrap_or(cursor);
        let changes = Some(vec![PulledChange::Record(record.clone())]);
        hints(&[Hint { since, next, changes, server_time_ms: 0 }])
    }
}

/// Whether the one hint that a server gives is shown, and how often the device pulls then.
fn told(hint: impl Fn(&str) -> Response<Bytes> + Send + 'static) -> (bool, usize) {
    let (phone, server) = (listener(), Server::default());
    story(async {
        let app = listening(&phone, &server).await;
        let mut given = false;
        server.intercept(move |request| {
            let asks = request.uri().path() == PATH_HINTS && !std::mem::replace(&mut given, true);
            asks.then(|| hint(request.uri().query().unwrap()))
        });
        sleep_s(HOLD_S + 3).await;
        let shown = sees(&app, "told").await;
        app.kill().await;
        (shown, server.requests(PATH_SYNC))
    })
}

#[test]
fn a_hint_is_believed_only_where_it_continues_what_the_device_has() {
    // The truth of these servers is that there is nothing new.
    assert_eq!(told(hint(None, 1_000, "told")), (true, 0));
    assert!(!told(hint(Some(900), 1_000, "told")).0);
    assert!(told(hint(Some(900), 1_000, "told")).1 > 0);
    assert!(!told(hint(Some(0), 1_000, "told")).0);
    let empty = |query: &str| {
        let since = query.strip_prefix("since=").unwrap().parse().unwrap();
        hints(&[Hint { since, next: since + 1, changes: None, server_time_ms: 0 }])
    };
    assert!(told(empty).1 > 0, "only a pull helps");
    let known = |query: &str| {
        let next = query.strip_prefix("since=").unwrap().parse().unwrap();
        hints(&[Hint { since: 0, next, changes: None, server_time_ms: 0 }])
    };
    assert_eq!(told(known), (false, 0), "it has that already");
}

/// Requests for hints in an hour, when each is answered so.
fn asked_in_an_hour(answer: fn() -> Response<Bytes>) -> usize {
    let (phone, server) = (listener(), Server::default());
    story(async {
        let app = listening(&phone, &server).await;
        server.intercept(move |request| (request.uri().path() == PATH_HINTS).then(answer));
        sleep_s(HOUR_S).await;
        app.kill().await;
        server.requests(PATH_HINTS)
    })
}

#[test]
fn who_answers_wrong_or_at_once_is_not_asked_all_the_time() {
    // A pause is half a minute on average in the end.
    for (what, answer) in [
        ("a page", (|| page(502)) as fn() -> _),
        ("a portal", || page(200)),
        ("an error", || problem(500, Code::Internal)),
        ("no such thing", || problem(404, Code::UnknownRecord)),
    ] {
        let asked = asked_in_an_hour(answer);
        assert!((60..300).contains(&asked), "{what}: {asked}");
    }
    assert!(asked_in_an_hour(|| and_wait(problem(429, Code::TooManyRequests), 600)) <= 7);
    assert!(asked_in_an_hour(|| hints(&[])) <= 3_601, "no more than one a second");
}

#[test]
fn one_request_at_a_time_and_none_where_there_is_nobody_or_no_network() {
    let (phone, server) = (listener(), Server::default());
    story(async {
        let app = listening(&phone, &server).await;
        for n in 0..20 {
            app.create(&format!("{n}")).await.unwrap();
            app.device.connectivity(n % 2 == 0);
            sleep_s(1).await;
        }
        app.device.connectivity(true);
        app.settle().await;
        assert_eq!(server.most_listeners.load(Ordering::Relaxed), 1);
        for silence in ["no network", "nobody"] {
            app.device.connectivity(true);
            sleep_s(5).await;
            assert_eq!(server.listeners.load(Ordering::Relaxed), 1);
            match silence {
                "no network" => app.device.connectivity(false),
                _ => drop(app.sign_out(true).await.unwrap()),
            }
            sleep_s(1).await;
            assert_eq!(server.listeners.load(Ordering::Relaxed), 0, "{silence}: it still listens");
            server.create(silence, silence);
            server.log.lock().unwrap().clear();
            sleep_s(HOUR_S).await;
            assert_eq!(server.requests(PATH_HINTS), 0, "{silence}");
            assert!(!sees(&app, silence).await);
        }
        app.kill().await;
    });
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = listening(&phone, &server).await;
        sleep_s(HOUR_S).await;
        assert_eq!(server.requests(PATH_HINTS), 0, "nobody asked for hints");
        app.kill().await;
    });
}

#[test]
fn a_hint_of_work_whose_answer_is_on_its_way_shows_nothing_twice() {
    let (phone, server) = (listener(), Server::default());
    story(async {
        let app = listening(&phone, &server).await;
        let task = app.task(app.shown().await.keys().next().unwrap(), "Roof").await.unwrap();
        app.settle().await;
        *server.slow.lock().unwrap() = Duration::from_millis(300);
        let mut expected = 0;
        for by in [1, 2, 4, 8] {
            app.add(&task, by).await.unwrap();
            expected += by;
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                assert_eq!(app.field(&task, "completed_count").await, Some(Value::Int(expected)));
            }
        }
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        app.kill().await;
    });
}
