//! What a device does while the server takes nothing, or takes its time.

use deadzone_contract::wire::{HEADER_QUEUE_AGE, Outcome, PATH_MUTATIONS, PATH_SYNC, PATH_TOKEN};
use deadzone_contract::{Badge, Code, Value};
use http::Response;

use crate::kit::answers::{and_wait, page, problem};
use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

/// Counts on a task, `times` times, while the device is offline; then is online.
async fn counts(app: &App, times: i64) {
    let (_, task) = app.house().await;
    app.device.connectivity(false);
    for _ in 0..times {
        app.add(&task, 1).await.unwrap();
    }
    app.device.connectivity(true);
}

#[test]
fn what_a_limit_defers_is_sent_when_its_time_has_come_and_counts_once() {
    let (mut phone, server) = (Phone::new(1), Server::default());
    phone.parameters.attempts_max = 1;
    story(async {
        let app = phone.signed_in(&server).await;
        let mut taken = (tokio::time::Instant::now(), 0);
        counts(&app, 10).await;
        server.log.lock().unwrap().clear();
        server.judge(move |_| {
            // Three in every ten seconds.
            if taken.0.elapsed().as_secs() >= 10 {
                taken = (tokio::time::Instant::now(), 0);
            }
            taken.1 += 1;
            (taken.1 > 3).then_some(Outcome::Deferred)
        });
        sleep_s(1).await;
        let status = app.view().await.status;
        assert_eq!((status.badge, status.queued), (Badge::Syncing, 7));
        assert!(status.last_error.unwrap().contains("takes no more"));
        // Neither a user nor the platform makes it come back sooner.
        assert!(app.device.sync().await.unwrap_err().contains("another 9 s"));
        app.device.connectivity(true);
        app.settle().await;
        assert_eq!(server.field("Roof", "completed_count"), Some(Value::Int(10)));
        assert_eq!(app.tray().await, []);
        let pushes = server.times();
        let early = pushes.windows(2).filter(|pair| (1..10_000).contains(&(pair[1] - pair[0])));
        assert_eq!(early.count(), 0, "{pushes:?}");
        assert_eq!(server.requests(PATH_MUTATIONS), 4, "three each, and one that is left");
        app.kill().await;
    });
}

/// The pause in ms after an answer to a path, however much its user and the platform urge.
fn pause_after(path: &'static str, answer: fn() -> Response<bytes::Bytes>) -> u64 {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        app.house().await;
        server.log.lock().unwrap().clear();
        server.intercept(move |request| (request.uri().path() == path).then(answer));
        app.create("Garden").await.unwrap();
        sleep_s(1).await;
        server.log.lock().unwrap().retain(|(_, request)| request.uri().path() == path);
        server.behave();
        for _ in 0..20 {
            sleep_s(1).await;
            app.device.connectivity(true);
            let _ = app.device.sync().await;
            let _ =
                app.act(deadzone_contract::Action::SignIn { user: "ana".into(), password: "x".into() }).await;
        }
        let times = server.times();
        app.kill().await;
        times[1] - times[0]
    })
}

#[test]
fn nothing_is_sent_before_the_time_that_the_server_asked_for() {
    for path in [PATH_MUTATIONS, PATH_SYNC] {
        for answer in [
            || and_wait(problem(503, Code::Unavailable), 15),
            || and_wait(problem(429, Code::TooManyRequests), 15),
        ] {
            assert!((15_000..17_000).contains(&pause_after(path, answer)), "{path}");
        }
    }
    // Whoever else answers has no say after the network has changed.
    assert!(pause_after(PATH_MUTATIONS, || and_wait(page(503), 15)) < 3_000);
}

#[test]
fn an_answer_that_asks_to_wait_does_not_count_as_a_failed_attempt() {
    let (mut phone, server) = (Phone::new(1), Server::default());
    phone.parameters.attempts_max = 3;
    for (answer, fails) in [
        (and_wait as fn(_, _) -> _, false),
        ((|answer, _| answer) as fn(Response<bytes::Bytes>, u64) -> _, true),
    ] {
        story(async {
            let app = phone.signed_in(&server).await;
            app.house().await;
            server.intercept(move |request| {
                let push = request.uri().path() == PATH_MUTATIONS;
                push.then(|| answer(problem(503, Code::Unavailable), 2))
            });
            app.create("Garden").await.unwrap();
            sleep_s(60).await;
            assert_eq!(!app.tray().await.is_empty(), fails);
            server.behave();
            app.kill().await;
        });
    }
}

#[test]
fn a_queue_has_an_end_and_says_so() {
    let (mut phone, server) = (Phone::new(1), Server::default());
    phone.parameters.queue_max = 3;
    story(async {
        let app = phone.signed_in(&server).await;
        app.settle().await;
        app.device.connectivity(false);
        for n in 0..3 {
            app.create(&format!("{n}")).await.unwrap();
        }
        let refusal = app.create("one too many").await.unwrap_err();
        assert_eq!(refusal.code, Code::Storage);
        assert!(refusal.detail.contains("at most 3 changes"), "{}", refusal.detail);
        assert_eq!(app.shown().await.len(), 3);
        app.settle().await;
        app.create("now there is room").await.unwrap();
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        app.kill().await;
    });
}

/// The age that the last request of a device told, in seconds.
fn told_age(server: &Server) -> u64 {
    let log = server.log.lock().unwrap();
    let age = log.last().unwrap().1.headers()[HEADER_QUEUE_AGE].to_str().unwrap().parse::<u64>();
    age.unwrap() / 1_000
}

#[test]
fn every_request_tells_how_long_work_has_waited() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        let _ = app.device.sync().await;
        assert_eq!(told_age(&server), 0);
        app.device.connectivity(false);
        app.add(&task, 1).await.unwrap();
        sleep_s(100).await;
        app.add(&task, 1).await.unwrap();
        sleep_s(200).await;
        *server.silent.lock().unwrap() = true;
        app.device.connectivity(true);
        sleep_s(1).await;
        assert_eq!(told_age(&server), 300);
        // What stands in the tray waits for its user and not for the network.
        *server.silent.lock().unwrap() = false;
        server.judge(|_| Some(Outcome::Rejected { code: Code::Invalid, detail: "no".into() }));
        app.settle().await;
        assert_eq!((app.tray().await.len(), told_age(&server)), (2, 0));
        app.kill().await;
    });
}

#[test]
fn who_is_not_signed_in_reads_it() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.start(&server, true).await.unwrap();
        sleep_s(1).await;
        let status = app.view().await.status;
        assert_eq!(status.badge, Badge::Error);
        assert_eq!(status.last_error.as_deref(), Some("nobody is signed in"));
        assert_eq!(server.requests(PATH_TOKEN), 0);
        app.kill().await;
    });
}
