//! Two processes do the same on the same disk, to the last byte.

mod support;

use std::env;
use std::process::Command;

use deadzone_disk::{Disk, IoError, Nth, OperationKind, Trap, seed_sqlite};
use support::{DELETE, Draws, Mode, SHARED_WAL, TRUNCATE, WAL, check, mount, open, transact};

const SEED: &str = "DEADZONE_DISK_SEED";

fn fold(digest: u64, word: u64) -> u64 {
    Draws(digest ^ word.rotate_left(17)).next()
}

/// A long life of a disk under every fault, told in one number: what SQLite answered, what each
/// fault did, and every byte that was left.
fn run(seed: u64) -> u64 {
    seed_sqlite(seed as u32);
    let (mut draws, mut digest) = (Draws(seed), 0);
    for mode in [WAL, TRUNCATE, DELETE, SHARED_WAL, Mode { sync: "OFF", ..WAL }] {
        let disk = Disk::new();
        let mut last = 0;
        for _ in 0..60 {
            disk.set_lying(draws.below(8) == 0);
            disk.set_capacity((draws.below(8) == 0).then(|| disk.used_bytes() + draws.below(50_000)));
            let nth = Nth::Only(1 + draws.below(60));
            let on = if draws.below(2) == 0 { OperationKind::Write } else { OperationKind::Sync };
            disk.set_error((draws.below(4) == 0).then_some(IoError { on, nth }));
            let (at, torn) = (disk.operations() + 1 + draws.below(200), Some(draws.below(4000) as usize));
            disk.arm(Trap { at, torn, sprung: Box::new(|_| ()) });
            disk.record(true);
            if let Ok(mut app) = open(&mount(&disk), mode) {
                last = check(&app).unwrap_or(last);
                for number in last + 1..last + 10 {
                    digest = fold(digest, u64::from(transact(&mut app, number).is_ok()));
                }
            }
            for point in disk.take_points() {
                digest = fold(digest, point.disk.survivor(Some(draws.outcome())));
            }
            disk.disarm();
            disk.set_error(None);
            disk.set_capacity(None);
            let losses = disk.power_loss(draws.outcome());
            for word in [losses.kept, losses.torn, losses.lost, disk.durable_operations()] {
                digest = fold(digest, word);
            }
            match open(&mount(&disk), mode).map_err(|error| error.to_string()).and_then(|app| check(&app)) {
                Ok(found) => digest = fold(digest, found as u64),
                Err(_) => disk.wipe(),
            }
            digest = fold(digest, disk.snapshot().survivor(None));
        }
        let strikes = disk.strikes();
        assert!(strikes.sprung > 10 && strikes.losses > 10 && strikes.errors > 0, "{mode:?}: {strikes:?}");
        assert!(strikes.full > 0 && (strikes.lied > 0 || mode.sync == "OFF"), "{mode:?}: {strikes:?}");
        digest = fold(fold(digest, strikes.full), strikes.lied);
    }
    digest
}

/// Says the digest where it runs as a child, and is nothing otherwise: SQLite's random numbers
/// belong to the process, so a process has to do this alone.
#[test]
fn child() {
    if let Ok(seed) = env::var(SEED) {
        println!("digest {:016x}", run(seed.parse().expect("a number")));
    }
}

fn in_a_process(seed: u64, padding: usize) -> String {
    let binary = env::current_exe().expect("this test is a file");
    let output = Command::new(binary)
        .args(["--exact", "child", "--nocapture", "--test-threads", "1"])
        .env(SEED, seed.to_string())
        .env("DEADZONE_DISK_PADDING", "x".repeat(padding)) // moves the stack
        .output()
        .expect("it can run twice");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).expect("text");
    let digest = told.lines().find_map(|line| line.split_once("digest ")).expect("it says the digest");
    digest.1.to_owned()
}

#[test]
fn two_processes_do_the_same_to_the_last_byte() {
    let one = in_a_process(1, 0);
    assert_eq!(one, in_a_process(1, 10_000));
    assert_ne!(one, in_a_process(2, 0), "the seed decides");
}
