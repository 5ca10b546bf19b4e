//! Disks that answer with errors: what cannot be saved is not called saved, and the other way.

use deadzone_contract::{Badge, Code, Value};
use deadzone_disk::{IoError, Nth, OperationKind, Outcome};

use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

const KINDS: [OperationKind; 6] = [
    OperationKind::Create,
    OperationKind::Read,
    OperationKind::Write,
    OperationKind::Truncate,
    OperationKind::Sync,
    OperationKind::Delete,
];

/// Counts with every bit once, and tells which of them were saved and which refused.
async fn count(app: &App, task: &deadzone_contract::RecordId, bits: std::ops::Range<u32>) -> (i64, i64) {
    let (mut saved, mut refused) = (0, 0);
    for by in bits.map(|bit| 1 << bit) {
        match app.add(task, by).await {
            Ok(_) => saved |= by,
            Err(refusal) => {
                assert_eq!(refusal.code, Code::Storage, "{refusal:?}");
                refused |= by;
            }
        }
    }
    (saved, refused)
}

fn counted(server: &Server) -> i64 {
    match server.field("Roof", "completed_count") {
        Some(Value::Int(counted)) => counted,
        _ => 0,
    }
}

/// What was told of every increment is true, also after a power loss.
fn errors_tell_no_lies(on: OperationKind, nth: Nth, online: bool) -> bool {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let project = app.create("House").await.unwrap();
        let task = app.task(&project, "Roof").await.unwrap();
        app.settle().await;
        app.device.connectivity(online);
        phone.disk.set_error(Some(IoError { on, nth }));
        let during = count(&app, &task, 0..6).await;
        if online {
            let _ = app.device.sync().await;
        }
        phone.disk.set_error(None);
        sleep_s(120).await;
        assert_ne!(app.view().await.status.badge, Badge::Error, "{:?}", app.view().await.status);
        let after = count(&app, &task, 6..8).await;
        assert_eq!(after.1, 0, "the disk works again");
        app.kill().await;
        phone.disk.power_loss(Outcome::LoseAll);
        let app = phone.start(&server, true).await.unwrap();
        app.settle().await;
        assert_eq!(counted(&server), during.0 | after.0, "saved {:b}, refused {:b}", during.0, during.1);
        assert_eq!(app.shown().await, server.everything());
        assert_eq!(server.state.lock().unwrap().reused, 0);
        app.kill().await;
    });
    phone.disk.strikes().errors > 0
}

#[test]
fn what_a_user_is_told_of_an_action_is_true_whichever_operation_fails() {
    let mut struck = 0;
    for on in KINDS {
        for nth in (1..25).map(Nth::Only).chain([Nth::Every]) {
            for online in [false, true] {
                struck += u32::from(errors_tell_no_lies(on, nth, online));
            }
        }
    }
    assert!(struck > 60, "only {struck} of the errors met anything");
}

#[test]
fn what_was_refused_is_not_there_after_a_kill_either() {
    for on in KINDS {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let project = app.create("House").await.unwrap();
            let task = app.task(&project, "Roof").await.unwrap();
            app.settle().await;
            app.device.connectivity(false);
            phone.disk.set_error(Some(IoError { on, nth: Nth::Every }));
            let (saved, _) = count(&app, &task, 0..1).await;
            app.kill().await;
            phone.disk.set_error(None);
            let app = phone.start(&server, true).await.unwrap();
            app.settle().await;
            assert_eq!(counted(&server), saved, "{on:?}");
            app.kill().await;
        });
    }
}

#[test]
fn a_database_that_fails_at_the_start_is_opened_as_soon_as_it_works() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        app.device.connectivity(false);
        let project = app.create("House").await.unwrap();
        app.kill().await;
        phone.disk.set_error(Some(IoError { on: OperationKind::Read, nth: Nth::Every }));
        let app = phone.start(&server, false).await.unwrap();
        sleep_s(3600).await;
        let view = app.view().await;
        assert_eq!(view.status.badge, Badge::Error);
        assert!(view.status.last_error.unwrap().contains("storage"), "its user reads why");
        assert_eq!(app.set(&project, "title", "Home").await.unwrap_err().code, Code::Storage);
        phone.disk.set_error(None);
        sleep_s(120).await;
        assert_eq!(app.view().await.status.badge, Badge::Offline);
        assert_eq!(app.shown().await[&project]["title"], Value::text("House"));
        app.settle().await;
        assert_eq!(server.titled("House"), 1);
        app.kill().await;
    });
}

#[test]
fn an_error_during_the_very_first_start_passes() {
    let mut struck = 0;
    for on in KINDS {
        for nth in 1..40 {
            let (phone, server) = (Phone::new(1), Server::default());
            phone.disk.set_error(Some(IoError { on, nth: Nth::Only(nth) }));
            story(async {
                let app = phone.start(&server, true).await.unwrap_or_else(|e| panic!("{on:?} {nth}: {e}"));
                sleep_s(120).await;
                phone.sign_in(&app).await;
                if app.create("House").await.is_err() {
                    // The error has come this late.
                    app.create("House").await.unwrap();
                }
                app.settle().await;
                assert_eq!(server.titled("House"), 1, "{on:?} {nth}");
                app.kill().await;
            });
            struck += phone.disk.strikes().errors;
        }
    }
    assert!(struck > 20, "{struck}");
}

#[test]
fn an_app_with_a_dead_disk_does_not_spin() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        app.create("House").await.unwrap();
        phone.disk.set_error(Some(IoError { on: OperationKind::Read, nth: Nth::Every }));
        phone.disk.set_error(Some(IoError { on: OperationKind::Write, nth: Nth::Every }));
        let before = phone.disk.strikes().errors;
        sleep_s(3600).await;
        let tried = phone.disk.strikes().errors - before;
        assert!((10..1000).contains(&tried), "{tried} tries in an hour");
        app.kill().await;
    });
}

#[test]
fn a_second_process_is_turned_away_and_the_first_goes_on() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let first = phone.signed_in(&server).await;
        let Err(refusal) = phone.start(&server, true).await.map(drop) else {
            panic!("two apps on one database")
        };
        assert_eq!(refusal.code, Code::Storage);
        assert!(refusal.detail.contains("another process of this app"), "{refusal:?}");
        first.create("House").await.unwrap();
        first.settle().await;
        first.kill().await;
        let second = phone.start(&server, true).await.unwrap();
        assert_eq!(second.shown().await, server.everything());
        second.kill().await;
    });
}
