//! Snapshots, recorded points and what can be told of them without running anything.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use deadzone_disk::{Disk, Outcome, Point, Snapshot};
use support::{DB, DELETE, Mode, TRUNCATE, WAL, check, connect, mount, open, transact};

/// Every way in which a crash can go.
fn crashes(seed: u64) -> [Option<Outcome>; 6] {
    [
        None,
        Some(Outcome::LoseAll),
        Some(Outcome::KeepAll),
        Some(Outcome::TornPrefix { seed }),
        Some(Outcome::Subset { seed }),
        Some(Outcome::Subset { seed: seed + 1 }),
    ]
}

/// Opens an empty disk and works on it. Every point carries the number of transactions that were
/// acknowledged before it.
fn recorded(mode: Mode, transactions: i64) -> Vec<Point> {
    let disk = Disk::new();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mark = Arc::clone(&acknowledged);
    disk.set_mark(move || mark.load(Relaxed));
    disk.record(true);
    let mount = mount(&disk);
    let mut app = open(&mount, mode).expect("an empty disk");
    for number in 1..=transactions {
        transact(&mut app, number).expect("no fault");
        acknowledged.store(number as u64, Relaxed);
    }
    drop(app);
    disk.record(false);
    let points = disk.take_points();
    assert!(disk.take_points().is_empty());
    let numbers: Vec<u64> = points.iter().map(|point| point.operation).collect();
    assert_eq!(numbers, (1..=disk.operations()).collect::<Vec<_>>(), "every operation, once");
    points
}

type Files = Vec<(String, Vec<u8>)>;

fn files(snapshot: &Snapshot) -> Files {
    let bytes = |name: &str| (name.to_owned(), snapshot.bytes(name).expect("it was listed"));
    snapshot.files().map(|(name, _)| bytes(name)).collect()
}

#[test]
fn every_crash_at_every_operation_keeps_what_was_acknowledged() {
    for mode in [WAL, TRUNCATE, Mode { sync: "EXTRA", ..DELETE }] {
        let disk = Disk::new();
        let points = recorded(mode, 8);
        assert!(points.len() > 100, "{mode:?}: {}", points.len());
        for point in &points {
            let mut seen = BTreeSet::new();
            for crash in crashes(point.operation) {
                if !seen.insert(point.disk.survivor(crash)) {
                    continue;
                }
                disk.restore(&point.disk);
                if let Some(outcome) = crash {
                    disk.power_loss(outcome);
                }
                let found = check(&open(&mount(&disk), mode).expect("it recovers"));
                let acknowledged = point.mark as i64;
                assert!(
                    [Ok(acknowledged), Ok(acknowledged + 1)].contains(&found),
                    "{mode:?} {crash:?} before {:?} {} {}: {found:?} after {acknowledged}",
                    point.kind,
                    point.file,
                    point.operation,
                );
            }
        }
    }
}

#[test]
fn survivors_are_equal_exactly_where_their_hashes_are() {
    let mut by_hash: BTreeMap<u64, Files> = BTreeMap::new();
    let mut by_files: BTreeMap<Files, u64> = BTreeMap::new();
    let (mut asked, disk) = (0, Disk::new());
    for mode in [WAL, DELETE] {
        for point in recorded(mode, 4) {
            for crash in crashes(point.operation) {
                asked += 1;
                let hash = point.disk.survivor(crash);
                disk.restore(&point.disk);
                let left = match crash {
                    None => disk.snapshot(),
                    Some(outcome) => {
                        disk.power_loss(outcome);
                        assert_eq!(files(&point.disk.after(outcome).0), files(&disk.snapshot()));
                        disk.snapshot()
                    }
                };
                assert_eq!(left.survivor(None), hash);
                let left = files(&left);
                assert_eq!(by_hash.entry(hash).or_insert_with(|| left.clone()), &left, "one hash");
                assert_eq!(by_files.entry(left).or_insert(hash), &hash, "equal files");
            }
        }
    }
    let (all, distinct) = (asked, by_hash.len());
    assert!(distinct > 100 && distinct < all / 2, "{distinct} of {all}: most crashes leave the same");
}

#[test]
fn names_and_lengths_count_in_a_hash() {
    let disk = Disk::new();
    let hash = || disk.snapshot().survivor(None);
    let empty = hash();
    let app = connect(&mount(&disk)).expect("an empty disk");
    let first = hash();
    assert_ne!(empty, first, "an empty file is not no file");
    drop(app);
    let mount = mount(&disk);
    let other = rusqlite::Connection::open_with_flags_and_vfs("b.db", Default::default(), mount.vfs());
    other.expect("an empty disk");
    assert_ne!(hash(), first);
}

#[test]
fn what_is_said_to_be_durable_is_exactly_what_no_loss_can_take() {
    for mode in [WAL, TRUNCATE, DELETE, Mode { sync: "OFF", ..WAL }] {
        let mut last = 0;
        for point in recorded(mode, 4) {
            let done = point.operation - 1;
            assert_eq!(point.disk.operations(), done);
            let durable = point.disk.durable_operations();
            let (_, losses) = point.disk.after(Outcome::LoseAll);
            assert_eq!(losses.survived_through, durable);
            assert!(durable >= last, "what is durable stays so");
            last = durable;
            assert_eq!(losses.struck(), durable < done, "{mode:?} {}", point.operation);
            let (_, kept) = point.disk.after(Outcome::KeepAll);
            assert_eq!((kept.kept, kept.lost, kept.torn), (losses.lost, 0, 0));
            for outcome in crashes(point.operation).into_iter().flatten() {
                let (_, some) = point.disk.after(outcome);
                assert_eq!(some.kept + some.torn + some.lost, losses.lost, "{outcome}");
                assert!(some.survived_through >= losses.survived_through, "{outcome}");
            }
        }
    }
}

#[test]
fn a_restored_disk_is_what_it_was_with_what_was_at_risk() {
    let disk = Disk::new();
    let first = mount(&disk);
    let mut app = open(&first, Mode { sync: "OFF", ..WAL }).expect("an empty disk");
    (1..=5).for_each(|number| transact(&mut app, number).expect("no fault"));
    let then = disk.snapshot();
    (6..=9).for_each(|number| transact(&mut app, number).expect("no fault"));
    let operations = disk.operations();
    disk.restore(&then);
    assert!(!first.is_alive());
    assert!(transact(&mut app, 10).is_err());
    assert_eq!((disk.operations(), files(&disk.snapshot())), (operations, files(&then)));
    assert!(disk.durable_operations() < operations);
    assert_eq!(check(&open(&mount(&disk), WAL).expect("it opens")), Ok(5));
    disk.restore(&then);
    assert!(disk.power_loss(Outcome::LoseAll).struck(), "it was not durable then either");
    assert_eq!(check(&open(&mount(&disk), WAL).expect("it opens")), Ok(0));
}

#[test]
fn a_clone_goes_its_own_way() {
    let (one, two) = (Disk::new(), Disk::new());
    let first = mount(&one);
    let mut app = open(&first, WAL).expect("an empty disk");
    transact(&mut app, 1).expect("no fault");
    two.restore(&one.snapshot());
    assert_eq!((two.operations(), two.durable_operations()), (one.operations(), one.durable_operations()));
    assert!(first.is_alive(), "reading a disk does not hurt it");
    transact(&mut app, 2).expect("no fault");
    let second = mount(&two);
    let mut copy = open(&second, WAL).expect("it recovers");
    assert_eq!(check(&copy), Ok(1));
    (2..=9).for_each(|number| transact(&mut copy, number).expect("no fault"));
    assert_eq!((check(&app), check(&copy)), (Ok(2), Ok(9)));
}

#[test]
fn a_text_is_found_until_it_is_really_gone() {
    let disk = Disk::new();
    let mount = mount(&disk);
    let app = open(&mount, WAL).expect("an empty disk");
    let holds = || disk.snapshot().contains(b"a secret of 24 letters..");
    assert!(!holds());
    let insert = "INSERT INTO rows VALUES (1, 1, 'a secret of 24 letters..')";
    app.execute_batch(insert).expect("no fault");
    assert!(holds());
    app.execute_batch("DELETE FROM rows").expect("no fault");
    assert!(holds(), "deleting a row does not overwrite it");
    app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
        .expect("no fault");
    assert!(!holds());
    disk.set_lying(true);
    app.execute_batch(insert).expect("no fault");
    app.execute_batch("DELETE FROM rows; PRAGMA wal_checkpoint(TRUNCATE); VACUUM").expect("no fault");
    app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("no fault");
    let visible = files(&disk.snapshot());
    let seen =
        visible.iter().any(|(_, bytes)| bytes.windows(24).any(|text| text == b"a secret of 24 letters.."));
    assert!(!seen && holds(), "it may still reach the medium");
}

#[test]
fn a_deleted_file_can_come_back_and_is_searched_until_it_cannot() {
    let disk = Disk::new();
    let mount = mount(&disk);
    let app = open(&mount, DELETE).expect("an empty disk");
    app.execute_batch("INSERT INTO rows VALUES (1, 1, 'first')").expect("no fault");
    let journal = |snapshot: &Snapshot| snapshot.bytes("app.db-journal").is_some();
    assert!(!journal(&disk.snapshot()));
    let (after, losses) = disk.snapshot().after(Outcome::LoseAll);
    assert!(journal(&after) && losses.lost == 1, "its directory was not synced");
    app.execute_batch("PRAGMA synchronous = EXTRA; INSERT INTO rows VALUES (2, 1, 'second')")
        .expect("no fault");
    let (after, losses) = disk.snapshot().after(Outcome::LoseAll);
    assert!(!journal(&after) && !losses.struck());
    assert!(after.bytes(DB).is_some());
}
