//! When a device says that what it shows is old.

use std::sync::atomic::Ordering;

use deadzone_contract::{Badge, Code};

use crate::kit::rules::rejected;
use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

const HOUR_S: u64 = 3_600;

async fn badge(app: &App) -> Badge {
    app.view().await.status.badge
}

#[test]
fn a_device_that_has_not_synced_for_long_says_so_to_the_second() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        app.settle().await;
        app.device.connectivity(false);
        sleep_s(4 * HOUR_S - 1).await;
        assert_eq!(badge(&app).await, Badge::Offline);
        sleep_s(2).await;
        assert_eq!(badge(&app).await, Badge::Stale);
        app.create("House").await.unwrap();
        assert_eq!(badge(&app).await, Badge::Stale, "what waits here makes nothing newer");
        app.device.connectivity(true);
        sleep_s(1).await;
        assert_eq!(badge(&app).await, Badge::Synced);
        sleep_s(20 * HOUR_S).await;
        assert_eq!(badge(&app).await, Badge::Synced, "an idle device pulls now and then");
        app.kill().await;
    });
}

#[test]
fn whatever_the_reason_old_is_old_and_only_an_error_is_worse() {
    for (reason, expected) in [
        ("nobody answers", Badge::Stale),
        ("the app was killed", Badge::Stale),
        ("it has slept", Badge::Stale),
        ("it was never synced", Badge::Stale),
        ("something stands in the tray", Badge::Error),
        ("nobody is signed in", Badge::Error),
    ] {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let mut app = phone.signed_in(&server).await;
            if reason != "it was never synced" {
                app.settle().await;
            }
            if reason == "something stands in the tray" {
                server.judge(|_| Some(rejected(Code::Invalid)));
                app.create("House").await.unwrap();
                app.settle().await;
            }
            app.device.connectivity(reason == "nobody answers");
            *server.silent.lock().unwrap() = true;
            sleep_s(1).await;
            match reason {
                "nobody is signed in" => drop(app.sign_out(true).await.unwrap()),
                "it has slept" => phone.slept.store(5 * HOUR_S * 1_000, Ordering::Relaxed),
                _ => {}
            }
            if reason == "the app was killed" {
                app.kill().await;
                phone.slept.store(5 * HOUR_S * 1_000, Ordering::Relaxed);
                app = phone.start(&server, false).await.unwrap();
            }
            sleep_s(if reason == "it has slept" { 61 } else { 5 * HOUR_S }).await;
            assert_eq!(badge(&app).await, expected, "{reason}");
            app.kill().await;
        });
    }
}
