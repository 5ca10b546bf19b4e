//! Each fault of a disk alone: what it does, what it leaves alone, and that its strikes are
//! counted.

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use deadzone_disk::{Disk, IoError, Nth, OperationKind, Outcome, Snapshot, Sprung, Strikes, Trap};
use rusqlite::{Connection, ErrorCode};
use support::{DB, DELETE, Draws, Mode, TRUNCATE, WAL, check, connect, mount, open, transact};

/// A disk with a database of so many transactions, all durable and closed.
fn filled(mode: Mode, transactions: i64) -> Disk {
    let disk = Disk::new();
    let mount = mount(&disk);
    let mut app = open(&mount, mode).expect("an empty disk");
    (1..=transactions).for_each(|number| transact(&mut app, number).expect("no fault yet"));
    drop(app);
    disk.power_loss(Outcome::KeepAll);
    disk
}

fn code<T: std::fmt::Debug>(result: rusqlite::Result<T>) -> ErrorCode {
    result.expect_err("a fault").sqlite_error_code().expect("an error of SQLite")
}

/// Does transactions until one fails: the last that went well, and the error.
fn until_error(app: &mut Connection, from: i64) -> (i64, ErrorCode) {
    for number in from + 1..from + 500 {
        if let Err(error) = transact(app, number) {
            return (number - 1, error.sqlite_error_code().expect("an error of SQLite"));
        }
    }
    panic!("no fault struck");
}

#[test]
fn a_full_disk_refuses_to_grow_and_even_to_delete() {
    for mode in [TRUNCATE, DELETE, WAL] {
        let disk = filled(mode, 20);
        let first = mount(&disk);
        let mut app = open(&first, mode).expect("there is room");
        app.execute_batch("PRAGMA wal_autocheckpoint = 0").expect("no room needed");
        transact(&mut app, 21).expect("there is room");
        disk.set_capacity(Some(disk.used_bytes()));
        // A deletion has to log what it deletes.
        assert_eq!(code(app.execute("DELETE FROM rows", [])), ErrorCode::DiskFull, "{mode:?}");
        let struck = disk.strikes().full;
        assert!(struck > 0);
        assert_eq!(check(&app), Ok(21), "reading needs no room");
        let capacity = disk.used_bytes() + 50_000;
        disk.set_capacity(Some(capacity));
        let (last, error) = until_error(&mut app, 21);
        assert_eq!(error, ErrorCode::DiskFull, "{mode:?}");
        assert!(last > 21 && disk.used_bytes() <= capacity && disk.strikes().full > struck, "{mode:?}");
        assert_eq!(check(&app), Ok(last), "{mode:?}");
        disk.set_capacity(None);
        transact(&mut app, last + 1).expect("there is room again");
        assert_eq!(check(&app), Ok(last + 1));
    }
}

#[test]
fn freed_space_counts() {
    let disk = filled(TRUNCATE, 50);
    let used = disk.used_bytes();
    disk.set_capacity(Some(used + 100_000));
    let mount = mount(&disk);
    let app = open(&mount, TRUNCATE).expect("there is room");
    app.execute_batch("DELETE FROM rows; VACUUM").expect("the copy is small");
    assert!(disk.used_bytes() < used / 2);
    assert_eq!(disk.used_bytes(), disk.snapshot().files().map(|(_, len)| len).sum::<u64>());
    assert_eq!(disk.strikes(), Strikes::default());
}

#[test]
fn the_nth_operation_of_a_kind_fails_and_nothing_acknowledged_is_lost() {
    for mode in [TRUNCATE, DELETE, WAL] {
        for on in [
            OperationKind::Create,
            OperationKind::Read,
            OperationKind::Write,
            OperationKind::Truncate,
            OperationKind::Sync,
            OperationKind::Delete,
        ] {
            let mut struck = 0;
            for nth in 1..=20 {
                struck += u64::from(one_error(mode, IoError { on, nth: Nth::Only(nth) }));
            }
            let never = NEVER.contains(&(mode.journal, on));
            assert_eq!(struck == 0, never, "{mode:?} {on:?}: struck {struck}");
        }
    }
}

/// What SQLite does not do while it works on an existing database in one process.
const NEVER: &[(&str, OperationKind)] = &[
    ("truncate", OperationKind::Create),
    ("truncate", OperationKind::Delete),
    ("delete", OperationKind::Truncate),
];

/// Works on a filled disk with one error to come. Whether it came.
fn one_error(mode: Mode, error: IoError) -> bool {
    let disk = filled(mode, 10);
    disk.set_error(Some(error));
    let mut last = 10;
    let mut failed = false;
    let first = mount(&disk);
    match open(&first, mode) {
        Err(_) => failed = true,
        Ok(mut app) => {
            while last < 40 && !failed {
                failed = transact(&mut app, last + 1).is_err();
                last += i64::from(!failed);
            }
        }
    }
    let struck = disk.strikes().errors;
    assert!(struck <= 1, "one error was ordered");
    assert!(!failed || struck == 1, "{mode:?} {error:?}: an error that nobody ordered");
    disk.set_error(None);
    disk.power_loss(Outcome::KeepAll);
    let second = mount(&disk);
    let found = check(&open(&second, mode).expect("no fault any more"));
    // What failed may have happened: a commit is done before SQLite tidies up after it.
    let expected = [Ok(last), Ok(last + i64::from(failed))];
    assert!(expected.contains(&found), "{mode:?} {error:?}: {found:?} after {last}");
    struck == 1
}

#[test]
fn every_operation_of_a_kind_fails_until_told_otherwise() {
    let disk = filled(WAL, 5);
    let mount = mount(&disk);
    let mut app = open(&mount, WAL).expect("no fault yet");
    disk.set_error(Some(IoError { on: OperationKind::Sync, nth: Nth::Every }));
    for _ in 0..3 {
        assert_eq!(code(transact(&mut app, 6)), ErrorCode::SystemIoFailure);
    }
    assert_eq!(disk.strikes().errors, 3);
    assert_eq!(check(&app), Ok(5));
    disk.set_error(None);
    transact(&mut app, 6).expect("no fault any more");
    assert_eq!(check(&app), Ok(6));
}

/// A trap that tells where it sprang.
fn trap(at: u64, torn: Option<usize>) -> (Trap, Arc<Mutex<Option<Sprung>>>) {
    let told = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&told);
    let sprung = move |sprung| {
        let before = tell.lock().expect("no panic").replace(sprung);
        assert_eq!(before, None, "it springs once");
    };
    (Trap { at, torn, sprung: Box::new(sprung) }, told)
}

#[test]
fn a_trap_springs_at_its_operation_and_stops_the_machine() {
    let start = filled(TRUNCATE, 3).snapshot();
    for k in 1..=60 {
        let disk = Disk::new();
        disk.restore(&start);
        let (bystander, victim) = (mount(&disk), mount(&disk));
        let at = disk.operations() + k;
        let (trap, told) = trap(at, None);
        disk.arm(trap);
        let mut app = open(&victim, TRUNCATE).expect("opening an existing database changes nothing");
        let (last, _) = until_error(&mut app, 3);
        let sprung = told.lock().expect("no panic").take().expect("it was told");
        assert_eq!((sprung.operation, disk.operations(), disk.strikes().sprung), (at, at, 1));
        assert!(connect(&bystander).is_err(), "the whole machine stands still");
        assert!(transact(&mut app, last + 1).is_err());
        assert_eq!(disk.operations(), at, "nothing happens on a machine that stands still");
        victim.kill();
        assert!(bystander.is_alive() && !victim.is_alive());
        let found = check(&open(&bystander, TRUNCATE).expect("the other process goes on"));
        assert!([Ok(last), Ok(last + 1)].contains(&found), "{found:?} after {last}, {sprung:?}");
        assert!(transact(&mut app, last + 1).is_err(), "the dead stay dead");
    }
}

#[test]
fn a_torn_write_lands_in_part() {
    let mut landed = BTreeSet::new();
    for k in 1..=20 {
        let disk = filled(WAL, 3);
        let first = mount(&disk);
        let mut app = open(&first, WAL).expect("no fault yet");
        let (trap, told) = trap(disk.operations() + k, Some(100));
        disk.arm(trap);
        disk.record(true);
        let (last, _) = until_error(&mut app, 3);
        let sprung = told.lock().expect("no panic").take().expect("it was told");
        let point = disk.take_points().pop().expect("it was recorded");
        let torn = if sprung.kind == OperationKind::Write { 100.min(sprung.len) } else { 0 };
        assert_eq!((point.operation, sprung.landed), (sprung.operation, torn));
        landed.insert(torn);
        let file = |snapshot: &Snapshot| snapshot.bytes(&sprung.file).unwrap_or_default();
        let (mut expected, found) = (file(&point.disk), file(&disk.snapshot()));
        let (offset, end) = (sprung.offset as usize, sprung.offset as usize + torn);
        if torn > 0 {
            expected.resize(expected.len().max(end), 0);
            expected[offset..end].copy_from_slice(&found[offset..end]);
        }
        assert!(expected == found, "{sprung:?}: nothing else was touched");
        disk.power_loss(Outcome::KeepAll);
        let found = check(&open(&mount(&disk), WAL).expect("it recovers"));
        assert!([Ok(last), Ok(last + 1)].contains(&found), "{sprung:?}: {found:?} after {last}");
    }
    assert_eq!(landed, BTreeSet::from([0, 24, 32, 100]), "syncs, headers of frames and of the log, pages");
}

#[test]
fn a_trap_can_be_taken_away_and_a_panic_in_it_is_contained() {
    let disk = filled(WAL, 1);
    let mount = mount(&disk);
    let mut app = open(&mount, WAL).expect("no fault yet");
    disk.arm(Trap { at: disk.operations() + 1, torn: None, sprung: Box::new(|_| panic!("not called")) });
    disk.disarm();
    transact(&mut app, 2).expect("no fault any more");
    let inner = disk.clone();
    let sprung = move |_| {
        assert!(inner.operations() > 0, "no lock is held");
        panic!("swallowed: it must not unwind through SQLite");
    };
    disk.arm(Trap { at: 0, torn: None, sprung: Box::new(sprung) });
    assert!(transact(&mut app, 3).is_err());
    disk.power_loss(Outcome::LoseAll);
    assert_eq!(check(&open(&support::mount(&disk), WAL).expect("it recovers")), Ok(2));
}

#[test]
fn a_sync_that_lies_makes_nothing_durable() {
    let disk = filled(WAL, 5);
    let first = mount(&disk);
    let mut app = open(&first, WAL).expect("no fault yet");
    transact(&mut app, 6).expect("no fault yet");
    assert_eq!(disk.durable_operations(), disk.operations());
    let durable = disk.durable_operations();
    disk.set_lying(true);
    transact(&mut app, 7).expect("it says that all is well");
    assert_eq!(disk.durable_operations(), durable);
    assert!(disk.strikes().lied > 0 && disk.operations() > durable);
    let lied = disk.snapshot();
    let losses = disk.power_loss(Outcome::LoseAll);
    assert!(losses.struck() && losses.survived_through == durable, "{losses:?}");
    assert_eq!(check(&open(&mount(&disk), WAL).expect("it opens")), Ok(6), "7 was acknowledged");

    // The first honest sync makes up for it.
    disk.restore(&lied);
    disk.set_lying(false);
    let second = mount(&disk);
    let mut app = open(&second, WAL).expect("it opens");
    assert_eq!(check(&app), Ok(7));
    transact(&mut app, 8).expect("no fault any more");
    assert_eq!(disk.durable_operations(), disk.operations());
    assert!(!disk.power_loss(Outcome::LoseAll).struck());
    assert_eq!(check(&open(&mount(&disk), WAL).expect("it opens")), Ok(8));
}

#[test]
fn a_lie_costs_what_was_durable_before_it_only_where_that_is_said() {
    let (mut far, mut near, mut needless) = (0, 0, 0);
    for seed in 0..1_500 {
        let mut draws = Draws(seed);
        let mode = [WAL, TRUNCATE][draws.below(2) as usize];
        let disk = filled(mode, 2 + draws.below(6) as i64);
        let before = mount(&disk);
        let mut app = open(&before, mode).expect("no fault yet");
        let durable = check(&app).expect("no fault yet");
        disk.set_lying(true);
        let told = durable + 1 + draws.below(9) as i64;
        let honest = told + draws.below(4) as i64;
        for number in durable + 1..=honest {
            disk.set_lying(number <= told);
            transact(&mut app, number).expect("it says that all is well");
        }
        disk.set_lying(false);
        let losses = disk.power_loss(draws.outcome());
        let left = open(&mount(&disk), mode).map_err(|error| error.to_string()).and_then(|app| check(&app));
        let intact = left.as_ref().is_ok_and(|last| *last >= durable);
        assert!(intact || losses.reached_back(), "seed {seed}: {left:?} of {durable}, {losses:?}");
        assert!(left == Ok(honest) || losses.broke_a_promise(), "seed {seed}: {left:?} of {honest}");
        far += u64::from(!intact);
        near += u64::from(losses.broke_a_promise() && !losses.reached_back());
        needless += u64::from(intact && losses.reached_back());
    }
    assert!(far > 100 && near > 200 && needless < 2 * far, "{far}, {near}, {needless}");
}

#[test]
fn a_flipped_bit_is_one_bit_in_every_image() {
    let disk = filled(TRUNCATE, 10);
    let before = disk.snapshot().bytes(DB).expect("a database");
    let flip = disk.flip_bit(DB, 7).expect("it is not empty");
    let check_one = |after: Vec<u8>| {
        let wrong: Vec<_> = (0..before.len()).filter(|&at| before[at] != after[at]).collect();
        assert_eq!((wrong, before.len()), (vec![flip.offset as usize], after.len()));
        assert_eq!(before[flip.offset as usize] ^ after[flip.offset as usize], 1 << flip.bit);
    };
    check_one(disk.snapshot().bytes(DB).expect("a database"));
    disk.power_loss(Outcome::LoseAll);
    check_one(disk.snapshot().bytes(DB).expect("a database"));
    assert_eq!(disk.flip_bit(DB, 7), Some(flip), "the draw decides, and nothing else");
    assert_eq!(disk.snapshot().bytes(DB), Some(before), "twice is not at all");
    assert_eq!(disk.flip_bit("absent", 7), None);
    assert_eq!(disk.snapshot().bytes("app.db-journal"), Some(vec![]));
    assert_eq!(disk.flip_bit("app.db-journal", 7), None, "it is empty");
    assert_eq!(disk.strikes().flipped, 2);
}

#[test]
fn a_flipped_bit_is_noticed_more_often_than_not() {
    let start = filled(TRUNCATE, 30).snapshot();
    let disk = Disk::new();
    let noticed = (0..100).filter(|&draw| {
        disk.restore(&start);
        disk.flip_bit(DB, draw).expect("it is not empty");
        open(&mount(&disk), TRUNCATE).map_err(|error| error.to_string()).and_then(|app| check(&app)).is_err()
    });
    let noticed = noticed.count();
    assert!((50..100).contains(&noticed), "the content is checked, free space is not: {noticed}");
}

#[test]
fn a_flip_also_strikes_what_is_on_its_way() {
    let disk = Disk::new();
    disk.set_lying(true);
    let mount = mount(&disk);
    drop(open(&mount, TRUNCATE).expect("an empty disk"));
    let before = disk.snapshot().bytes(DB).expect("a database");
    for draw in 0..20 {
        let flip = disk.flip_bit(DB, draw).expect("it is not empty");
        let (kept, _) = disk.snapshot().after(Outcome::TornPrefix { seed: 0 });
        let (all, _) = disk.snapshot().after(Outcome::KeepAll);
        for snapshot in [kept, all] {
            let Some(bytes) = snapshot.bytes(DB) else { continue };
            if let Some(byte) = bytes.get(flip.offset as usize).filter(|byte| **byte != 0) {
                assert_eq!(byte ^ before[flip.offset as usize], 1 << flip.bit);
            }
        }
        disk.flip_bit(DB, draw);
    }
}

#[test]
fn a_wiped_disk_is_empty_and_counts_on() {
    let disk = filled(WAL, 3);
    let (first, operations) = (mount(&disk), disk.operations());
    disk.wipe();
    assert!(!first.is_alive());
    assert_eq!((disk.snapshot().files().count(), disk.used_bytes()), (0, 0));
    assert_eq!((disk.operations(), disk.durable_operations()), (operations, operations));
    assert_eq!(check(&open(&mount(&disk), WAL).expect("an empty disk")), Ok(0));
}

#[test]
fn the_faults_leave_reading_alone() {
    let disk = filled(WAL, 10);
    let mut draws = Draws(1);
    disk.set_capacity(Some(0));
    disk.set_lying(true);
    disk.set_error(Some(IoError { on: OperationKind::Write, nth: Nth::Only(draws.below(5) + 100) }));
    let mount = mount(&disk);
    assert_eq!(check(&connect(&mount).expect("it opens")), Ok(10));
}
