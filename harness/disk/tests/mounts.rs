//! Processes on one disk: who sees what, who waits for whom, and what the dead leave behind.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use deadzone_disk::{Disk, Outcome, Trap};
use rusqlite::{Connection, ErrorCode, OpenFlags, Result};
use support::{DELETE, SHARED_WAL, TRUNCATE, WAL, check, connect, mount, open, transact};

fn count(app: &Connection) -> Result<i64> {
    app.query_row("SELECT count(*) FROM rows", [], |row| row.get(0))
}

fn is_busy<T>(result: Result<T>) -> bool {
    result.is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
}

const ADD: &str = "INSERT INTO rows SELECT coalesce(max(number), 0) + 1, 0, x'00' FROM rows";

#[test]
fn one_writes_at_a_time_and_the_other_is_busy_at_once() {
    for mode in [TRUNCATE, DELETE, SHARED_WAL] {
        let disk = Disk::new();
        let (near, far) = (mount(&disk), mount(&disk));
        let (one, two) = (open(&near, mode).expect("empty"), open(&far, mode).expect("it exists"));
        one.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
        one.execute_batch(ADD).expect("it may write");
        two.busy_timeout(Duration::ZERO).expect("a number");
        assert!(is_busy(two.execute_batch(ADD)), "{mode:?}");
        assert_eq!(count(&two), Ok(0), "{mode:?}: reading is free, and nothing is committed");
        one.execute_batch("COMMIT").expect("nobody reads");
        assert_eq!(count(&two), Ok(1), "{mode:?}");
        two.execute_batch(ADD).expect("nobody writes any more");
        assert_eq!(count(&one), Ok(2), "{mode:?}");
    }
}

#[test]
fn a_busy_handler_gives_up_without_waiting() {
    let disk = Disk::new();
    let (near, far) = (mount(&disk), mount(&disk));
    let (one, two) = (open(&near, TRUNCATE).expect("empty"), open(&far, TRUNCATE).expect("it exists"));
    one.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    two.busy_timeout(Duration::from_mins(5)).expect("a number");
    assert!(is_busy(two.execute_batch(ADD)), "in real time this test would take five minutes");
}

#[test]
fn a_commit_waits_for_a_reader_and_keeps_new_ones_out() {
    let disk = Disk::new();
    let mounts = [mount(&disk), mount(&disk), mount(&disk)];
    let [writer, reader, late] = mounts.each_ref().map(|mount| open(mount, TRUNCATE).expect("it opens"));
    reader.execute_batch("BEGIN; SELECT count(*) FROM rows").expect("nobody writes");
    writer.execute_batch("BEGIN").expect("no lock yet");
    writer.execute_batch(ADD).expect("a reader is no obstacle yet");
    assert!(is_busy(writer.execute_batch("COMMIT")));
    assert!(is_busy(count(&late)), "the writer is waiting");
    assert_eq!(count(&reader), Ok(0));
    reader.execute_batch("COMMIT").expect("it only read");
    writer.execute_batch("COMMIT").expect("the reader has gone");
    assert_eq!(count(&late), Ok(1));
}

#[test]
fn an_exclusive_database_is_refused_to_a_second_process() {
    let disk = Disk::new();
    let (near, far) = (mount(&disk), mount(&disk));
    let mut one = open(&near, WAL).expect("empty");
    transact(&mut one, 1).expect("it is alone");
    let two = connect(&far).expect("opening touches nothing");
    assert!(is_busy(count(&two)));
    near.kill();
    assert_eq!(count(&two), Ok(3), "the dead hold no lock");
}

#[test]
fn readers_of_a_shared_log_keep_their_moment() {
    let disk = Disk::new();
    let (near, far) = (mount(&disk), mount(&disk));
    let mut writer = open(&near, SHARED_WAL).expect("empty");
    let (same, other) = (open(&near, SHARED_WAL).expect("open"), open(&far, SHARED_WAL).expect("open"));
    transact(&mut writer, 1).expect("it is alone");
    other.execute_batch("BEGIN").expect("no lock yet");
    assert_eq!(count(&other), Ok(3));
    (2..=40).for_each(|number| transact(&mut writer, number).expect("readers are no obstacle"));
    assert_eq!((count(&same), count(&other)), (Ok(120), Ok(3)));
    other.execute_batch("COMMIT").expect("it only read");
    assert_eq!(count(&other), Ok(120));
    drop((writer, same, other));
    let files: Vec<_> = disk.snapshot().files().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(files, ["app.db"], "the last one to close moves the log into the database");
}

#[test]
fn a_killed_writer_leaves_a_shared_log_to_the_living() {
    let disk = Disk::new();
    let (near, far) = (mount(&disk), mount(&disk));
    let (mut doomed, mut living) =
        (open(&near, SHARED_WAL).expect("empty"), open(&far, SHARED_WAL).expect("it exists"));
    transact(&mut doomed, 1).expect("nobody writes");
    doomed.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    doomed.execute_batch("DELETE FROM rows").expect("it may write");
    assert!(is_busy(transact(&mut living, 2)));
    near.kill();
    assert!(doomed.execute_batch("COMMIT").is_err());
    drop(doomed);
    transact(&mut living, 2).expect("the dead hold no lock");
    assert_eq!(check(&living), Ok(2));
}

#[test]
fn a_process_killed_in_its_commit_is_rolled_back_by_the_other() {
    for mode in [TRUNCATE, DELETE, SHARED_WAL] {
        for k in 1..30 {
            let disk = Disk::new();
            let (near, far) = (mount(&disk), mount(&disk));
            let (mut doomed, living) = (open(&near, mode).expect("empty"), open(&far, mode).expect("open"));
            transact(&mut doomed, 1).expect("nobody else writes");
            disk.arm(Trap { at: disk.operations() + k, torn: Some(1000), sprung: Box::new(|_| ()) });
            let done = (2..40).take_while(|number| transact(&mut doomed, *number).is_ok()).count() as i64;
            near.kill();
            // The dead one is not even closed yet.
            let found = check(&living);
            assert!([Ok(done + 1), Ok(done + 2)].contains(&found), "{mode:?} {k}: {found:?} after {done}");
            let next = found.expect("checked") + 1;
            drop(doomed);
            let mut living = living;
            transact(&mut living, next).expect("nobody else writes");
            assert_eq!(check(&living), Ok(next), "{mode:?} {k}");
        }
    }
}

#[test]
fn what_a_kill_leaves_is_the_page_cache() {
    let disk = Disk::new();
    let first = mount(&disk);
    let mut app = open(&first, WAL).expect("empty");
    app.execute_batch("PRAGMA synchronous = OFF").expect("SQLite knows it");
    transact(&mut app, 1).expect("it is alone");
    let before = disk.snapshot();
    first.kill();
    assert_eq!(disk.snapshot().survivor(None), before.survivor(None));
    assert!(disk.durable_operations() < disk.operations(), "it is no more durable than before");
    assert_eq!(check(&open(&mount(&disk), WAL).expect("it recovers")), Ok(1));
    assert!(transact(&mut app, 2).is_err());
}

#[test]
fn stale_connections_fail_and_can_be_closed_whatever_killed_them() {
    type End = fn(&Disk);
    let ends: [(&str, End); 4] = [
        ("power loss", |disk| assert!(disk.power_loss(Outcome::KeepAll).lost == 0)),
        ("wipe", Disk::wipe),
        ("restore", |disk| disk.restore(&disk.snapshot())),
        ("a trap, and power loss", |disk| {
            disk.arm(Trap { at: 0, torn: None, sprung: Box::new(|_| ()) });
            disk.wipe();
            disk.disarm();
        }),
    ];
    for mode in [TRUNCATE, DELETE, SHARED_WAL, WAL] {
        for (name, end) in ends {
            let disk = Disk::new();
            let first = mount(&disk);
            let mut app = open(&first, mode).expect("empty");
            transact(&mut app, 1).expect("it is alone");
            app.execute_batch("BEGIN IMMEDIATE; DELETE FROM rows").expect("it is alone");
            end(&disk);
            assert!(!first.is_alive());
            let second = mount(&disk);
            let mut next = open(&second, mode).expect("a new process");
            let last = check(&next).expect("whole");
            transact(&mut next, last + 1).expect("the dead hold no lock");
            assert!(app.execute_batch("COMMIT").is_err(), "{mode:?} after {name}");
            assert!(app.execute_batch("DELETE FROM rows").is_err(), "{mode:?} after {name}");
            assert!(connect(&first).is_err(), "{mode:?} after {name}: nothing new either");
            drop(app);
            assert_eq!(check(&next), Ok(last + 1), "{mode:?} after {name}");
        }
    }
}

#[test]
fn a_mount_that_is_dropped_first_leaves_nothing_dangling() {
    let disk = Disk::new();
    let first = mount(&disk);
    let mut app = open(&first, WAL).expect("empty");
    transact(&mut app, 1).expect("it is alone");
    let memory =
        Connection::open_with_flags_and_vfs(":memory:", OpenFlags::default(), first.vfs()).expect("memory");
    let now = |app: &Connection| app.query_row("SELECT unixepoch('now')", [], |row| row.get::<_, i64>(0));
    assert_eq!(now(&memory), Ok(support::NOW_MS as i64 / 1000));
    drop(first);
    assert_eq!(disk.orphans(), 1);
    assert!(transact(&mut app, 2).is_err());
    drop((app, disk));
    assert_eq!(memory.query_row("SELECT 1", [], |row| row.get(0)), Ok(1));
    assert!(now(&memory).is_err(), "it is null: nobody tells it the time any more");
}

#[test]
fn no_two_mounts_ever_have_the_same_name() {
    let disk = Disk::new();
    let names: BTreeSet<String> = (0..3000).map(|_| mount(&disk).vfs().to_owned()).collect();
    assert_eq!(names.len(), 3000);
    for name in names {
        let gone =
            Connection::open_with_flags_and_vfs("app.db", OpenFlags::default(), name.as_str()).is_err();
        assert!(gone, "{name}");
    }
    assert_eq!(disk.orphans(), 0);
}

#[test]
fn each_mount_has_its_own_time() {
    let disk = Disk::new();
    let clock = Arc::new(AtomicU64::new(0));
    let hand = Arc::clone(&clock);
    let (moving, still) = (disk.mount(move || hand.load(Relaxed)), disk.mount(|| u64::MAX));
    let app = connect(&moving).expect("empty");
    let now = || app.query_row("SELECT strftime('%F %T %f', 'now')", [], |row| row.get::<_, String>(0));
    assert_eq!(now().as_deref(), Ok("1970-01-01 00:00:00 00.000"));
    clock.store(4_102_444_800_123, Relaxed);
    assert_eq!(now().as_deref(), Ok("2100-01-01 00:00:00 00.123"));
    let far = connect(&still).expect("it exists");
    let year = far.query_row("SELECT strftime('%Y', 'now')", [], |row| row.get::<_, Option<String>>(0));
    assert_eq!(year, Ok(None), "SQLite knows no such year");
}
