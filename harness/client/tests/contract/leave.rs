//! Signing out: nothing stays, nobody else sees anything, and nothing is thrown away unasked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadzone_contract::wire::PATH_MUTATIONS;
use deadzone_contract::{Action, Badge, Code};
use deadzone_disk::{Disk, IoError, Nth, OperationKind, Outcome};

use crate::kit::rules::rejected;
use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

/// Everything on the screen, the disk and among the secrets is gone.
async fn nothing_is_left(phone: &Phone, app: &App) {
    let view = app.view().await;
    assert_eq!((view.records, view.tray), (vec![], vec![]));
    assert_eq!(app.eyes.badges(), BTreeMap::new(), "the screen was not told");
    assert_eq!((view.status.badge, view.status.queued), (Badge::Error, 0));
    assert_eq!(view.status.last_error.as_deref(), Some("nobody is signed in"));
    assert_eq!(view.status.last_sync_ms, None);
    nothing_is_stored(phone);
}

fn nothing_is_stored(phone: &Phone) {
    let disk = phone.disk.snapshot();
    for word in ["House", "Roof", "ana", "refresh of", "access of"] {
        assert!(!disk.contains(word.as_bytes()), "`{word}` stands on the disk");
    }
    assert_eq!(phone.secrets(), BTreeMap::new());
}

#[test]
fn who_signs_out_leaves_nothing_and_somebody_else_can_sign_in() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        app.house().await;
        let first = server.devices();
        app.sign_out(false).await.unwrap();
        sleep_s(1).await;
        nothing_is_left(&phone, &app).await;
        for action in [Action::Repair, Action::SignOut { anyway: true }] {
            assert_eq!(app.act(action).await.unwrap_err().code, Code::SignedOut);
        }
        assert_eq!(app.create("x").await.unwrap_err().code, Code::SignedOut);
        let before = server.log.lock().unwrap().len();
        sleep_s(3_600).await;
        assert_eq!(server.log.lock().unwrap().len(), before, "nobody is there to ask for anything");

        server.state.lock().unwrap().records.clear();
        app.sign_in("ben").await.unwrap();
        app.create("Shed").await.unwrap();
        app.settle().await;
        assert_eq!(server.titled("Shed"), 1);
        assert!(server.devices().len() > first.len(), "a new device for the server");
        app.kill().await;
        let app = phone.start(&server, true).await.unwrap();
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        assert_eq!(app.sign_in("ana").await.unwrap_err().code, Code::Invalid);
        app.device.connectivity(false);
        app.create("Garage").await.unwrap();
        assert_eq!(app.sign_in("ana").await.unwrap_err().code, Code::WorkPending);
        app.kill().await;
    });
}

#[test]
fn what_the_network_has_not_carried_yet_is_thrown_away_too() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        app.house().await;
        *server.slow.lock().unwrap() = Duration::from_secs(2);
        app.create("Shed").await.unwrap();
        sleep_s(1).await;
        app.sign_out(true).await.unwrap();
        sleep_s(10).await;
        assert_eq!(server.titled("Shed"), 0, "it went out in nobody's name");
        nothing_is_left(&phone, &app).await;
        app.kill().await;
    });
}

#[test]
fn work_that_is_pending_keeps_its_user_from_signing_out() {
    for case in ["unsent", "in the tray", "no answer"] {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let (_, task) = app.house().await;
            app.device.connectivity(case != "unsent");
            match case {
                "in the tray" => server.judge(|_| Some(rejected(Code::Invalid))),
                "no answer" => *server.silent.lock().unwrap() = true,
                _ => {}
            }
            app.set(&task, "title", "later").await.unwrap();
            sleep_s(5).await;
            assert_eq!(app.sign_out(false).await.unwrap_err().code, Code::WorkPending, "{case}");
            assert!(app.field(&task, "title").await.is_some(), "{case}");
            app.sign_out(true).await.unwrap();
            nothing_is_left(&phone, &app).await;
            app.kill().await;
        });
    }
}

#[test]
fn an_open_conflict_keeps_its_user_from_signing_out() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        app.device.connectivity(false);
        app.set(&task, "status", "mine").await.unwrap();
        server.write(&task, "status", "theirs");
        app.settle().await;
        assert_eq!(app.sign_out(false).await.unwrap_err().code, Code::WorkPending);
        app.kill().await;
    });
}

#[test]
fn an_answer_that_comes_after_its_user_has_left_is_thrown_away() {
    // While a push, a pull or a refresh of the tokens is on its way.
    for after_ms in [0, 50, 150, 250, 350, 450, 550] {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let (_, task) = app.house().await;
            server.write(&task, "description", "theirs");
            *server.slow.lock().unwrap() = Duration::from_millis(100);
            let mut expired = false;
            server.intercept(move |_| {
                let first = !std::mem::replace(&mut expired, true);
                first.then(|| crate::kit::answers::problem(401, Code::Unauthenticated))
            });
            app.set(&task, "title", "later").await.unwrap();
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            app.sign_out(true).await.unwrap();
            sleep_s(5).await;
            nothing_is_left(&phone, &app).await;
            app.kill().await;
        });
    }
}

#[test]
fn nobodys_work_is_sent_in_the_name_of_who_signs_in_next() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        let mut expired = false;
        server.intercept(move |request| {
            let first = request.uri().path() == PATH_MUTATIONS && !std::mem::replace(&mut expired, true);
            first.then(|| crate::kit::answers::problem(401, Code::Unauthenticated))
        });
        *server.slow.lock().unwrap() = Duration::from_millis(100);
        app.set(&task, "title", "anas words").await.unwrap();
        tokio::time::sleep(Duration::from_millis(120)).await;
        app.sign_out(true).await.unwrap();
        server.log.lock().unwrap().clear();
        // Her push is on its way still, and its answer asks for another token. There is one, soon.
        app.sign_in("ben").await.unwrap();
        app.create("Shed").await.unwrap();
        app.settle().await;
        let records: Vec<_> = server.pushed().into_iter().map(|mutation| mutation.record).collect();
        assert!(!records.contains(&task));
        assert_eq!(server.titled("anas words"), 0);
        app.kill().await;
    });
}

#[test]
fn a_crash_while_its_user_leaves_leaves_nothing_either() {
    let (phone, server) = (Phone::new(1), Server::default());
    let secrets = Arc::new(Mutex::new(Vec::new()));
    let mark = (Arc::clone(&secrets), phone.clone());
    phone.disk.set_mark(move || {
        let mut secrets = mark.0.lock().unwrap();
        secrets.push(mark.1.secrets());
        secrets.len() as u64 - 1
    });
    story(async {
        let app = phone.signed_in(&server).await;
        app.house().await;
        phone.disk.record(true);
        app.sign_out(false).await.unwrap();
        app.kill().await;
    });
    phone.disk.record(false);
    let points = phone.disk.take_points();
    let secrets = secrets.lock().unwrap();
    let mut begun = 0;
    for point in &points {
        let secrets = secrets[point.mark as usize].clone();
        begun += usize::from(!secrets.contains_key("refresh"));
        for outcome in [None, Some(Outcome::LoseAll), Some(Outcome::Subset { seed: point.operation })] {
            let disk = Disk::new();
            disk.restore(&point.disk);
            if let Some(outcome) = outcome {
                disk.power_loss(outcome);
            }
            let phone = phone.as_it_was(disk, secrets.clone());
            story(async {
                let app = phone.start(&Server::default(), false).await.unwrap();
                if !secrets.contains_key("refresh") {
                    nothing_is_left(&phone, &app).await;
                }
                app.kill().await;
            });
        }
    }
    assert!(begun > 5, "{begun} of {}", points.len());
}

#[test]
fn a_disk_that_fails_while_its_user_leaves_is_emptied_later() {
    for nth in 1..20 {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            app.house().await;
            phone.disk.set_error(Some(IoError { on: OperationKind::Delete, nth: Nth::Only(nth) }));
            let _ = app.sign_out(false).await;
            sleep_s(120).await;
            nothing_is_left(&phone, &app).await;
            app.kill().await;
        });
    }
}

#[test]
fn a_backup_of_somebody_else_is_not_for_who_is_signed_in() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        app.house().await;
        let backup = phone.disk.snapshot();
        app.sign_out(false).await.unwrap();
        server.state.lock().unwrap().records.clear();
        app.sign_in("ben").await.unwrap();
        app.settle().await;
        app.kill().await;
        phone.disk.restore(&backup);
        let app = phone.start(&server, false).await.unwrap();
        assert_eq!(app.view().await.records, []);
        assert!(!phone.disk.snapshot().contains(b"Roof"));
        app.create("Shed").await.unwrap();
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        app.kill().await;
    });
}

#[test]
fn a_session_that_has_ended_keeps_its_work_and_its_user() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let (_, task) = app.house().await;
        server.intercept(|_| Some(crate::kit::answers::problem(401, Code::SignInAgain)));
        app.set(&task, "title", "later").await.unwrap();
        sleep_s(5).await;
        let status = app.view().await.status;
        assert_eq!(status.badge, Badge::Error);
        assert!(status.last_error.unwrap().contains("sign in again"));
        app.set(&task, "title", "still later").await.unwrap();
        assert_eq!(app.sign_in("ben").await.unwrap_err().code, Code::WorkPending);
        server.behave();
        app.sign_in("ana").await.unwrap();
        app.settle().await;
        assert_eq!(server.titled("still later"), 1);
        app.kill().await;
    });
}
