//! Flipped bits: found before anything damaged is shown or sent, and mended without losing what
//! is whole.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use deadzone_client::{ClientPolicy, Integrity};
use deadzone_contract::{RecordId, RecordState, Value, WayOut};
use deadzone_disk::{Disk, Outcome, Snapshot};

use crate::phone::{Phone, story};
use crate::server::{Server, State};

const DATABASE: &str = "ana.db";
const LOG: &str = "ana.db-wal";
const FLIPS: u64 = 400;
/// The titles that somebody wrote.
const WRITTEN: [&str; 5] = ["House", "Roof", "one", "Garden", "Shed"];

/// A phone that is switched off, with work that is not sent, some of it in the database and none
/// in the log.
fn switched_off() -> (Phone, State) {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        server.create("one", "one");
        let project = app.create("House").await.unwrap();
        let task = app.task(&project, "Roof").await.unwrap();
        app.add(&task, 1).await.unwrap();
        app.settle().await;
        app.device.connectivity(false);
        app.add(&task, 2).await.unwrap();
        app.create("Garden").await.unwrap();
        app.create("Shed").await.unwrap();
        // Closed by its process, it leaves no log.
        app.end().await;
        phone.disk.power_loss(Outcome::KeepAll);
    });
    let state = server.state.lock().unwrap().clone();
    (phone, state)
}

fn flipped(disk: &Snapshot, draw: u64) -> Disk {
    let damaged = Disk::new();
    damaged.restore(disk);
    damaged.flip_bit(DATABASE, draw.wrapping_mul(0x9e37_79b9_7f4a_7c15)).expect("there is a database");
    damaged
}

/// What a start on a damaged disk comes to.
#[derive(Debug, PartialEq, Eq)]
struct End {
    /// Which of the pending work reached the server.
    garden: bool,
    shed: bool,
    increment: bool,
    /// The user was told that something is lost.
    told: bool,
}

const NOTHING_LOST: End = End { garden: true, shed: true, increment: true, told: false };

fn genuine(shown: &BTreeMap<RecordId, BTreeMap<String, Value>>) {
    for fields in shown.values() {
        for (name, value) in fields {
            let known = match (name.as_str(), value) {
                ("title", Value::Text(title)) => WRITTEN.contains(&title.as_str()),
                ("completed_count", Value::Int(count)) => [1, 2, 3].contains(count),
                _ => false,
            };
            assert!(known, "nobody wrote {name}={value}");
        }
    }
}

fn start_on(phone: &Phone, state: &State) -> End {
    let server = Server::copy(state.clone());
    story(async {
        let app = phone.start(&server, false).await.unwrap();
        genuine(&app.shown().await);
        app.settle().await;
        genuine(&server.everything());
        assert_eq!(app.shown().await, server.everything());
        assert_eq!(server.state.lock().unwrap().reused, 0, "a number was given twice");
        let count = match server.field("Roof", "completed_count") {
            Some(Value::Int(count)) => count,
            other => panic!("{other:?}"),
        };
        assert!([1, 3].contains(&count), "{count}");
        let (garden, shed) = (server.titled("Garden"), server.titled("Shed"));
        assert!(garden <= 1 && shed <= 1);
        let tray = app.view().await.tray;
        for line in &tray {
            assert_eq!(line.ways_out, [WayOut::Discard]);
            let dismiss = deadzone_contract::Action::Discard { record: line.record.clone() };
            app.act(dismiss).await.unwrap();
        }
        assert!(app.view().await.tray.is_empty());
        app.create("Shed").await.unwrap();
        app.settle().await;
        assert_eq!(server.titled("Shed"), shed + 1);
        let badges = app.eyes.badges();
        assert!(badges.values().all(|badge| *badge == RecordState::Synced), "nothing waits: {badges:?}");
        app.kill().await;
        End { garden: garden == 1, shed: shed == 1, increment: count == 3, told: !tray.is_empty() }
    })
}

#[test]
fn no_flipped_bit_is_shown_or_sent_and_no_work_is_lost_in_silence() {
    let (phone, state) = switched_off();
    let disk = phone.disk.snapshot();
    let mut saved_all = 0;
    for draw in 0..FLIPS {
        let end = start_on(&phone.with_disk(flipped(&disk, draw)), &state);
        let lost = !(end.garden && end.shed && end.increment);
        assert!(end.told || !lost, "flip {draw}: {end:?}");
        saved_all += u64::from(!lost);
    }
    assert!(saved_all > FLIPS * 8 / 10, "work was lost with {} of {FLIPS} flips", FLIPS - saved_all);
    assert_eq!(start_on(&phone, &state), NOTHING_LOST);
}

#[test]
fn who_does_not_look_shows_or_sends_what_nobody_wrote() {
    let (mut phone, state) = switched_off();
    phone.policy = ClientPolicy { integrity: Integrity::Trusted, ..ClientPolicy::default() };
    let disk = phone.disk.snapshot();
    let wrong =
        |draw| catch_unwind(AssertUnwindSafe(|| start_on(&phone.with_disk(flipped(&disk, draw)), &state)));
    assert!((0..FLIPS).any(|draw| wrong(draw).is_err()));
}

#[test]
fn a_crash_in_the_middle_of_mending_loses_nothing_that_mending_keeps() {
    let (phone, state) = switched_off();
    let disk = phone.disk.snapshot();
    let mut crashes = 0;
    // Flips that are noticed and cost nothing by themselves.
    for draw in 0..FLIPS {
        let damaged = flipped(&disk, draw);
        let alone = damaged.snapshot();
        damaged.record(true);
        let whole = start_quietly(&phone.with_disk(damaged.clone()));
        let points = damaged.take_points();
        if !points.iter().any(|point| &*point.file == "ana.db.rescue") || crashes > 3_000 {
            continue;
        }
        let expected = start_on(&phone.with_disk(whole), &state);
        assert_eq!(start_on(&phone.with_disk(copy(&alone)), &state), expected, "flip {draw}");
        for point in points {
            let seed = point.operation;
            for outcome in [None, Some(Outcome::LoseAll), Some(Outcome::Subset { seed })] {
                let disk = copy(&point.disk);
                if let Some(outcome) = outcome {
                    disk.power_loss(outcome);
                }
                crashes += 1;
                let end = start_on(&phone.with_disk(disk), &state);
                let at =
                    format!("flip {draw}, {outcome:?} before {} {:?} of {}", seed, point.kind, point.file);
                assert_eq!(end, expected, "{at}");
            }
        }
    }
    assert!(crashes > 1_000, "only {crashes} crashes");
}

fn copy(snapshot: &Snapshot) -> Disk {
    let disk = Disk::new();
    disk.restore(snapshot);
    disk
}

/// Starts the app offline and ends it again; answers with its disk.
fn start_quietly(phone: &Phone) -> Disk {
    story(async {
        let app = phone.start(&Server::default(), false).await.unwrap();
        app.kill().await;
    });
    phone.disk.record(false);
    phone.disk.clone()
}

#[test]
fn damage_that_is_met_while_the_app_runs_is_mended_at_once() {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let house = app.create("House").await.unwrap();
        // More than SQLite keeps in memory.
        for n in 0..2_000 {
            server.create(&format!("{n:04}"), &format!("{n} {}", "x".repeat(1_500)));
        }
        app.settle().await;
        app.device.connectivity(false);
        let mut renamed = String::new();
        let mut mended = 0;
        for draw in 0..40u64 {
            phone.disk.flip_bit(DATABASE, draw.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            // Others each time: what SQLite has in memory it does not read again.
            for n in (draw..2_000).step_by(97) {
                let record = RecordId(format!("{n:04}"));
                // One that was damaged is not here until it is pulled again.
                let _ = app.set(&record, "title", &format!("{n} {draw}")).await;
            }
            renamed = format!("House {draw}");
            app.set(&house, "title", &renamed).await.unwrap();
            let told = app.view().await.status.last_error;
            mended += u32::from(told.is_some_and(|told| told.contains("was damaged")));
        }
        assert!(mended > 0, "no damage was met");
        app.settle().await;
        assert_eq!(server.titled(&renamed), 1);
        assert_eq!(app.shown().await, server.everything());
        app.kill().await;
    });
}

/// A bit of the log flips, work is saved behind it, and a full disk makes the app open its database
/// anew. Whether the work behind it is lost.
fn log_cut_short(draw: u64) -> bool {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let house = app.create("House").await.unwrap();
        // More than fits into the database as it is: on a full disk the log cannot be copied.
        app.task(&house, &"Roof ".repeat(5_000)).await.unwrap();
        app.settle().await;
        app.device.connectivity(false);
        phone.disk.flip_bit(LOG, draw.wrapping_mul(0x9e37_79b9_7f4a_7c15)).expect("there is a log");
        app.create("Garden").await.unwrap();
        phone.disk.set_capacity(Some(phone.disk.used_bytes()));
        app.create("Shed").await.unwrap_err();
        phone.disk.set_capacity(None);
        let told = !app.view().await.tray.is_empty();
        app.settle().await;
        app.device.connectivity(true);
        app.settle().await;
        assert_eq!(server.state.lock().unwrap().reused, 0, "a number was given twice");
        assert_eq!(app.shown().await, server.everything());
        let lost = server.titled("Garden") == 0;
        assert!(told || !lost, "flip {draw}: nobody was told");
        app.kill().await;
        lost
    })
}

#[test]
fn a_log_that_is_cut_short_does_not_pass_for_all_that_was_saved() {
    let lost = (0..100).filter(|draw| log_cut_short(*draw)).count();
    assert!(lost > 50, "{lost}");
}

/// A disk that calls durable what is not, and then loses power: pages of different moments.
fn lied_to(seed: u64) -> bool {
    let (phone, server) = (Phone::new(1), Server::default());
    story(async {
        let app = phone.signed_in(&server).await;
        let project = app.create("House").await.unwrap();
        let task = app.task(&project, "Roof").await.unwrap();
        app.add(&task, 1).await.unwrap();
        app.settle().await;
        app.end().await;
        phone.disk.power_loss(Outcome::KeepAll);
        phone.disk.set_lying(true);
        let app = phone.start(&server, true).await.unwrap();
        for n in 0..6 {
            server.create(&format!("{n}"), &format!("{n} {}", "x".repeat(900)));
        }
        app.add(&task, 2).await.unwrap();
        app.settle().await;
        app.end().await;
        phone.disk.set_lying(false);
        let struck = phone.disk.power_loss(Outcome::Subset { seed }).struck();
        let app = phone.start(&server, true).await.unwrap();
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        app.add(&task, 4).await.unwrap();
        app.settle().await;
        assert_eq!(app.shown().await, server.everything());
        assert_eq!(server.field("Roof", "completed_count"), Some(Value::Int(7)));
        app.kill().await;
        struck
    })
}

#[test]
fn pages_of_different_moments_do_not_pass_for_a_database() {
    let struck = (0..300).filter(|seed| lied_to(*seed)).count();
    assert!(struck > 250, "{struck}");
}
