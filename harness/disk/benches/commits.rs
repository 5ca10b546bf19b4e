//! What durable commits cost on a simulated disk, beside a database in memory.

#![allow(missing_docs, reason = "the macros of criterion make public items")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use deadzone_disk::Disk;
use rusqlite::{Connection, OpenFlags, params};

/// Commits of one measurement, and measurements whose median counts.
const ROUND: u64 = 20_000;
const ROUNDS: usize = 9;

/// The least that a disk must do, in commits a second.
const BOUND: f64 = 150_000.0;

const SNAPSHOTS: u32 = 10_000;

fn prepare(connection: &Connection) {
    connection
        .execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, data BLOB)")
        .expect("a new database");
}

/// One row a transaction, each durable when it returns.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn commit(connection: &Connection, count: u64) -> Duration {
    let mut insert =
        connection.prepare_cached("INSERT INTO rows (data) VALUES (?1)").expect("the table is there");
    let start = Instant::now();
    for _ in 0..count {
        insert.execute(params![[7u8; 100]]).expect("nothing fails here");
    }
    start.elapsed()
}

fn on_disk(count: u64) -> Duration {
    let disk = Disk::new();
    let mount = disk.mount(|| 0);
    let connection = Connection::open_with_flags_and_vfs("app.db", OpenFlags::default(), mount.vfs());
    let connection = connection.expect("an empty disk");
    connection
        .execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
        )
        .expect("SQLite knows these");
    prepare(&connection);
    let before = disk.durable_operations();
    let took = commit(&connection, count);
    assert_eq!(disk.durable_operations(), disk.operations(), "every commit is on the medium");
    assert!(disk.operations() - before >= 3 * count, "a commit writes a frame and syncs");
    took
}

fn in_memory(count: u64) -> Duration {
    let connection = Connection::open_in_memory().expect("memory is there");
    prepare(&connection);
    commit(&connection, count)
}

/// A disk with a database of 1 MB, and `count` snapshots of it.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn snapshots(count: u64) -> Duration {
    let disk = Disk::new();
    let mount = disk.mount(|| 0);
    let connection = Connection::open_with_flags_and_vfs("app.db", OpenFlags::default(), mount.vfs());
    let connection = connection.expect("an empty disk");
    connection.execute_batch("CREATE TABLE one AS SELECT zeroblob(1000000)").expect("there is room");
    let start = Instant::now();
    for _ in 0..count {
        black_box(disk.snapshot());
    }
    start.elapsed()
}

/// Commits a second: the median of some rounds.
fn rate(round: impl Fn(u64) -> Duration) -> f64 {
    let mut times: Vec<_> = (0..ROUNDS).map(|_| round(ROUND)).collect();
    times.sort();
    ROUND as f64 / times[ROUNDS / 2].as_secs_f64()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("commit");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.bench_function("disk", |bench| bench.iter_custom(on_disk));
    group.bench_function("memory", |bench| bench.iter_custom(in_memory));
    group.finish();
    criterion.final_summary();
    let (disk, memory) = (rate(on_disk), rate(in_memory));
    let snapshot = snapshots(u64::from(SNAPSHOTS)) / SNAPSHOTS;
    println!(
        "durable commits a second: {disk:.0} on the disk, {memory:.0} in memory; memory / disk = {:.2}; \
         disk / bound of {BOUND:.0} = {:.2}; snapshot of 1 MB {snapshot:.0?}",
        memory / disk,
        disk / BOUND,
    );
}
