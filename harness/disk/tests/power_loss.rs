//! The proof: SQLite on this disk keeps its promises through power losses at any moment, and
//! breaks them where it says that it would, so that a broken promise would be seen.

mod support;

use deadzone_disk::{Disk, Losses, Outcome, Trap};
use support::{DELETE, Draws, Mode, SHARED_WAL, TRUNCATE, WAL, check, mount, open, transact};

#[derive(Debug, Default)]
struct Tally {
    acknowledged: i64,
    /// Power losses after which an acknowledged transaction was gone.
    lost: u64,
    /// Power losses after which something else was wrong, and the first of these.
    corrupt: u64,
    example: Option<String>,
    /// Transactions that were never acknowledged, but are there.
    kept: u64,
    /// Losses that took something, and those that tore a write.
    struck: u64,
    torn: u64,
    /// Crashes inside an operation, and those while SQLite was recovering from the last one.
    sprung: u64,
    in_recovery: u64,
}

/// One machine that loses its power again and again.
struct Machine {
    mode: Mode,
    lying: bool,
    /// Processes that take turns.
    processes: usize,
    disk: Disk,
    /// The last transaction that the database is known to hold.
    last: i64,
    draws: Draws,
    tally: Tally,
}

impl Machine {
    fn new(mode: Mode, lying: bool, processes: usize) -> Machine {
        let disk = Disk::new();
        let (draws, tally) = (Draws(42), Tally::default());
        let mut machine = Machine { mode, lying, processes, disk, last: 0, draws, tally };
        machine.format();
        machine
    }

    /// Starts over with an empty, durable database.
    fn format(&mut self) {
        self.disk.wipe();
        self.disk.set_lying(false);
        drop(open(&mount(&self.disk), self.mode).expect("an empty disk"));
        self.disk.power_loss(Outcome::KeepAll);
        self.disk.set_lying(self.lying);
        self.last = 0;
    }

    fn arm(&mut self, within: u64) {
        let at = self.disk.operations() + 1 + self.draws.below(within);
        let torn = (self.draws.below(2) == 0).then(|| self.draws.below(4200) as usize);
        self.disk.arm(Trap { at, torn, sprung: Box::new(|_| ()) });
    }

    fn power_loss(&mut self) -> Losses {
        self.disk.disarm();
        let losses = self.disk.power_loss(self.draws.outcome());
        self.tally.struck += u64::from(losses.struck());
        self.tally.torn += u64::from(losses.torn > 0);
        losses
    }

    /// Works until the trap springs or all is done. Whether a transaction failed.
    fn work(&mut self) -> bool {
        let mounts: Vec<_> = (0..self.processes).map(|_| mount(&self.disk)).collect();
        let opened: Result<Vec<_>, _> = mounts.iter().map(|mount| open(mount, self.mode)).collect();
        let Ok(mut connections) = opened else { return false };
        for _ in 0..12 {
            let number = self.last + 1;
            let turn = number as usize % connections.len();
            if transact(&mut connections[turn], number).is_err() {
                return true;
            }
            self.last = number;
            self.tally.acknowledged += 1;
        }
        if self.draws.below(2) == 0 {
            // Power goes while the connections are open; they are closed on a dead machine.
            self.power_loss();
        }
        false
    }

    fn round(&mut self) {
        self.arm(300);
        let in_flight = self.work();
        self.power_loss();
        if self.draws.below(4) == 0 {
            let before = self.disk.strikes().sprung;
            self.arm(12);
            drop(self.look());
            self.tally.in_recovery += self.disk.strikes().sprung - before;
            self.power_loss();
        }
        match self.look() {
            Ok(last) if last == self.last => {}
            Ok(last) if last == self.last + 1 && in_flight => {
                self.tally.kept += 1;
                self.last = last;
            }
            Ok(last) if last < self.last => {
                self.tally.lost += 1;
                self.last = last;
            }
            Ok(last) => self.broken(format!("transaction {last} was never begun")),
            Err(error) => self.broken(error),
        }
    }

    fn broken(&mut self, error: String) {
        self.tally.corrupt += 1;
        self.tally.example.get_or_insert(error);
        self.format();
    }

    fn look(&self) -> Result<i64, String> {
        let mount = mount(&self.disk);
        let connection = open(&mount, self.mode).map_err(|error| error.to_string())?;
        check(&connection)
    }
}

fn lose_power(mode: Mode, lying: bool, processes: usize, rounds: u64) -> Tally {
    let mut machine = Machine::new(mode, lying, processes);
    for _ in 0..rounds {
        machine.round();
    }
    machine.tally.sprung = machine.disk.strikes().sprung;
    assert_eq!(machine.disk.orphans(), 0, "every connection is closed before its mount");
    println!("{mode:?}, lying {lying}, {processes} processes, {rounds} rounds: {:?}", machine.tally);
    machine.tally
}

/// Nothing acknowledged is gone, nothing is broken, and the test was no walk in the park.
fn keeps_its_promise(mode: Mode, processes: usize, rounds: u64) {
    let tally = lose_power(mode, false, processes, rounds);
    assert_eq!((tally.lost, tally.corrupt), (0, 0), "{tally:?}");
    assert!(tally.acknowledged > rounds as i64, "{tally:?}");
    assert!(tally.sprung > rounds / 2 && tally.struck > rounds / 4, "{tally:?}");
    assert!(tally.torn > rounds / 50 && tally.kept > rounds / 400, "{tally:?}");
    assert!(tally.in_recovery > rounds / 50, "{tally:?}");
}

#[test]
fn wal_keeps_every_commit_through_2000_power_losses() {
    keeps_its_promise(WAL, 1, 2000);
}

#[test]
fn a_truncated_journal_keeps_every_commit_through_2000_power_losses() {
    keeps_its_promise(TRUNCATE, 1, 2000);
}

#[test]
fn wal_with_shared_memory_and_two_processes_keeps_every_commit() {
    keeps_its_promise(SHARED_WAL, 2, 1000);
}

#[test]
fn a_deleted_journal_keeps_every_commit_only_where_the_directory_is_synced() {
    let tally = lose_power(DELETE, false, 1, 1000);
    assert!(tally.lost > 0, "an old journal comes back and undoes a commit: {tally:?}");
    assert_eq!(tally.corrupt, 0, "what it leaves is whole: {tally:?}");
    keeps_its_promise(Mode { sync: "EXTRA", ..DELETE }, 1, 1000);
}

#[test]
fn without_syncs_commits_are_lost_and_databases_broken() {
    for mode in [WAL, TRUNCATE] {
        for (sync, lying) in [("OFF", false), ("FULL", true)] {
            let tally = lose_power(Mode { sync, ..mode }, lying, 1, 300);
            assert!(tally.lost > 0 && tally.corrupt > 0, "{mode:?} {sync} {lying}: {tally:?}");
        }
    }
}
