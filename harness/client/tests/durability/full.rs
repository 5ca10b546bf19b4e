//! A full disk: what was saved stays and is sent, what does not fit is refused, and nobody gets
//! the room that the queue needs to drain.

use deadzone_contract::{Badge, Code, RecordId};

use crate::phone::{App, Phone, sleep_s, story};
use crate::server::Server;

/// Fills the disk up and writes until no more fits. Answers with the titles that were saved.
async fn fill(phone: &Phone, app: &App, left_bytes: u64) -> Vec<String> {
    phone.disk.set_capacity(Some(phone.disk.used_bytes() + left_bytes));
    let mut saved = Vec::new();
    let mut refused = 0;
    for n in 0..400 {
        let title = format!("{n} {}", "words ".repeat(20));
        match app.create(&title).await {
            Ok(_) => saved.push(title),
            Err(refusal) => {
                assert_eq!(refusal.code, Code::Storage);
                assert!(refusal.detail.contains("full"), "{refusal:?}");
                refused += 1;
            }
        }
        if refused == 5 {
            return saved;
        }
    }
    panic!("{left_bytes} bytes were never full: {} saved", saved.len());
}

async fn all_sent(app: &App, server: &Server, saved: &[String]) {
    for _ in 0..60 {
        if app.view().await.status.queued == 0 {
            break;
        }
        sleep_s(60).await;
    }
    let status = app.view().await.status;
    assert_eq!(status.queued, 0, "{status:?}");
    for title in saved {
        assert_eq!(server.titled(title), 1, "{title}");
    }
}

#[test]
fn a_full_disk_refuses_what_does_not_fit_and_sends_what_was_saved() {
    for left_bytes in (0..40_000).step_by(1_777).chain([150_000]) {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let house = app.create("House").await.unwrap();
            app.settle().await;
            app.device.connectivity(false);
            let saved = fill(&phone, &app, left_bytes).await;
            let status = app.view().await.status;
            assert_eq!((status.badge, status.queued), (Badge::Error, saved.len() as u64));
            assert!(status.last_error.unwrap().contains("full"));
            // Sending needs room for itself, which users' actions have not got.
            app.device.connectivity(true);
            all_sent(&app, &server, &saved).await;
            works_again(&phone, &app, &server, &house).await;
            app.kill().await;
        });
    }
}

async fn works_again(phone: &Phone, app: &App, server: &Server, house: &RecordId) {
    phone.disk.set_capacity(None);
    sleep_s(120).await;
    app.set(house, "title", "Home").await.unwrap();
    app.settle().await;
    assert_eq!(server.titled("Home"), 1);
    assert_eq!(app.shown().await, server.everything());
    let status = app.view().await.status;
    assert_eq!((status.badge, status.last_error), (Badge::Synced, None));
}

#[test]
fn an_app_that_starts_on_a_full_disk_sends_what_was_saved() {
    for left_bytes in [0, 5_000, 20_000] {
        let (phone, server) = (Phone::new(1), Server::default());
        story(async {
            let app = phone.signed_in(&server).await;
            let house = app.create("House").await.unwrap();
            app.settle().await;
            app.device.connectivity(false);
            let saved = fill(&phone, &app, left_bytes).await;
            app.kill().await;
            let app = phone.start(&server, true).await.unwrap();
            all_sent(&app, &server, &saved).await;
            works_again(&phone, &app, &server, &house).await;
            app.kill().await;
        });
    }
}

#[test]
fn a_full_disk_is_asked_for_room_now_and_then_only() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        app.create("House").await.unwrap();
        app.settle().await;
        app.device.connectivity(false);
        let saved = fill(&phone, &app, 0).await;
        phone.disk.set_capacity(Some(0));
        app.device.connectivity(true);
        sleep_s(3600).await;
        let before = phone.disk.strikes().full;
        sleep_s(3600).await;
        let asked = phone.disk.strikes().full - before;
        assert!(asked < 1000, "{asked} refusals in an hour");
        phone.disk.set_capacity(None);
        all_sent(&app, &server, &saved).await;
        app.kill().await;
    });
}
