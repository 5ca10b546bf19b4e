//! A crash before every operation of a disk, by a kill and by power losses of every kind.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use deadzone_client::{ClientPolicy, CursorSaved, Integrity, Saving};
use deadzone_contract::Value;
use deadzone_disk::{Disk, Outcome, Point};

use crate::phone::{Phone, story};
use crate::server::{Server, State};

/// What was known at one moment of the story.
#[derive(Clone, Default)]
struct Known {
    /// The increments that were saved: each a power of two.
    saved: i64,
    /// Titles that were saved.
    titles: Vec<String>,
    server: State,
}

/// An app that creates, counts, pushes and pulls, with the disk before each of its operations.
fn recorded(policy: ClientPolicy) -> (Vec<Point>, Vec<Known>, Phone) {
    let mut phone = Phone::new(1);
    phone.policy = policy;
    let server = Server::default();
    let known: Arc<Mutex<Vec<Known>>> = Arc::new(Mutex::new(vec![Known::default()]));
    let so_far = Arc::new(Mutex::new(Known::default()));
    let mark = (Arc::clone(&known), Arc::clone(&so_far), server.clone());
    phone.disk.set_mark(move || {
        let (known, so_far, server) = &mark;
        let mut now = so_far.lock().unwrap().clone();
        now.server = server.state.lock().unwrap().clone();
        let mut known = known.lock().unwrap();
        known.push(now);
        known.len() as u64 - 1
    });
    phone.disk.record(true);
    story(async {
        let app = phone.signed_in(&server).await;
        let project = app.create("House").await.unwrap();
        so_far.lock().unwrap().titles.push("House".into());
        let task = app.task(&project, "Roof").await.unwrap();
        so_far.lock().unwrap().titles.push("Roof".into());
        for by in [1, 2, 4, 8, 16] {
            app.add(&task, by).await.unwrap();
            so_far.lock().unwrap().saved |= by;
            if by == 2 {
                for other in ["one", "two", "three"] {
                    server.create(other, other);
                }
            }
            if by != 4 {
                app.device.sync().await.unwrap();
            }
        }
        app.device.connectivity(false);
        // A crash may find it with the one title or the other.
        so_far.lock().unwrap().titles = vec!["Roof".into()];
        app.set(&project, "title", "Home").await.unwrap();
        so_far.lock().unwrap().titles = vec!["Home".into(), "Roof".into()];
        app.kill().await;
    });
    phone.disk.record(false);
    let points = phone.disk.take_points();
    let known = known.lock().unwrap().clone();
    (points, known, phone)
}

fn saved_in(fields: Option<&BTreeMap<String, Value>>) -> i64 {
    match fields.and_then(|fields| fields.get("completed_count")) {
        Some(Value::Int(saved)) => *saved,
        _ => 0,
    }
}

/// Starts the app on what a crash left, and looks.
fn check(phone: &Phone, known: &Known) {
    let server = Server::copy(known.server.clone());
    story(async {
        let app = phone.start(&server, false).await.unwrap();
        let shown = app.shown().await;
        let task = shown.values().find(|fields| fields.get("title") == Some(&Value::text("Roof")));
        let sees = saved_in(task);
        assert_eq!(sees & known.saved, known.saved, "shows {sees:b}, but {:b} was saved", known.saved);
        for title in &known.titles {
            let titled = |fields: &BTreeMap<String, Value>| fields.get("title") == Some(&Value::text(title));
            assert!(shown.values().any(titled), "{title} is not shown: {shown:?}");
        }
        let view = app.view().await;
        assert!(view.tray.is_empty(), "{:?}", view.tray);
        if known.titles.is_empty() {
            return app.kill().await; // perhaps not even signed in
        }
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        let counted = match server.field("Roof", "completed_count") {
            Some(Value::Int(counted)) => counted,
            _ => 0,
        };
        assert_eq!(counted & known.saved, known.saved, "{counted:b} of {:b} arrived", known.saved);
        assert!(counted.count_ones() <= known.saved.count_ones() + 1, "{counted:b} of {:b}", known.saved);
        for title in &known.titles {
            assert_eq!(server.titled(title), 1, "{title}");
        }
        assert_eq!(server.state.lock().unwrap().reused, 0, "a number was given twice");
        // Work goes on, under numbers of its own.
        let more = app.create("After").await.unwrap();
        app.settle().await;
        assert_eq!(server.titled("After"), 1, "{more}");
        app.kill().await;
    });
}

/// How many of the crashes leave something wrong.
fn sweep(policy: ClientPolicy) -> (usize, Vec<String>) {
    let (points, known, phone) = recorded(policy);
    assert!(points.len() > 50, "only {} operations were recorded", points.len());
    let mut wrong = Vec::new();
    let mut tried = 0;
    for point in &points {
        let seed = point.operation;
        let losses = [Outcome::LoseAll, Outcome::TornPrefix { seed }, Outcome::Subset { seed }];
        for outcome in [None].into_iter().chain(losses.map(Some)) {
            let disk = Disk::new();
            disk.restore(&point.disk);
            if let Some(outcome) = outcome {
                disk.power_loss(outcome);
            }
            tried += 1;
            let phone = phone.with_disk(disk);
            let known = &known[point.mark as usize];
            if catch_unwind(AssertUnwindSafe(|| check(&phone, known))).is_err() {
                wrong.push(format!(
                    "{outcome:?} before {} {:?} of {}",
                    point.operation, point.kind, point.file
                ));
            }
        }
    }
    (tried, wrong)
}

#[test]
fn whatever_was_saved_survives_a_crash_before_any_operation_of_the_disk() {
    let (tried, wrong) = sweep(ClientPolicy::default());
    assert!(wrong.is_empty(), "{} of {tried}: {wrong:#?}", wrong.len());
}

#[test]
fn a_cursor_that_is_saved_before_its_page_skips_it_in_some_crash() {
    let policy = ClientPolicy { cursor: CursorSaved::BeforePage, ..ClientPolicy::default() };
    assert!(!sweep(policy).1.is_empty());
}

#[test]
fn a_record_that_changes_before_the_queue_is_shown_for_ever_after_some_crash() {
    // The mistake leaves rows under good seals; it is another one not to look at them.
    let policy = ClientPolicy {
        saving: Saving::TwoTransactions,
        integrity: Integrity::Trusted,
        ..ClientPolicy::default()
    };
    assert!(!sweep(policy).1.is_empty());
}
