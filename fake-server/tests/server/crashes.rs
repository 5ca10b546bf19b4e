//! The server goes down at every operation of its disk. What was answered is there; what was not
//! answered is there whole or not at all; and asking again does nothing twice.

use std::collections::BTreeSet;

use deadzone_contract::wire::PushAnswer;
use deadzone_disk::{Outcome, Snapshot, Trap};
use deadzone_server::{ServerPolicy, policy};

use crate::machine::{CRASHES, Crash, Machine, outcomes};
use crate::write::{project, task};

/// What a torn write leaves of itself, in bytes; none: nothing.
const TORN: [Option<usize>; 2] = [None, Some(700)];

/// How the batch goes where nothing happens.
struct Undisturbed {
    before: Snapshot,
    answer: PushAnswer,
    state: String,
    /// Operations of the disk from the request to the last task that it left.
    operations: u64,
}

fn undisturbed(machine: &mut Machine) -> Undisturbed {
    machine.boot().unwrap();
    let first = [project(1, "p").put("title", "House").at(0), task(2, "t").put("title", "Milk").at(0)];
    machine.lab.push("ana/tablet", first);
    machine.state();
    machine.lab.run_tasks();
    let before = machine.disk.snapshot();
    machine.boot_from(&before);
    let begun = machine.disk.operations();
    let answer = machine.push().unwrap();
    machine.lab.run_tasks();
    let operations = machine.disk.operations() - begun;
    Undisturbed { before, answer, state: machine.state(), operations }
}

/// The machine stands still at one operation (or after the last) while it takes a batch: whether
/// the batch was answered, and the disk.
fn disturb(machine: &mut Machine, right: &Undisturbed, at: u64, torn: Option<usize>) -> (bool, Snapshot) {
    machine.boot_from(&right.before);
    let sprung = machine.disk.strikes().sprung;
    machine.disk.arm(Trap { at: machine.disk.operations() + 1 + at, torn, sprung: Box::new(|_| ()) });
    let answer = machine.push();
    machine.lab.run_tasks();
    machine.disk.disarm();
    let sprung = machine.disk.strikes().sprung > sprung;
    assert_eq!(sprung, at < right.operations, "every operation is reached");
    match &answer {
        Ok(answer) => assert_eq!(outcomes(answer), outcomes(&right.answer)),
        Err(problem) => assert_eq!(problem.status, 503, "{problem:?}"),
    }
    (answer.is_ok(), machine.disk.snapshot())
}

/// What is wrong after a crash of a machine with this disk, if anything.
fn broken_promise(
    machine: &mut Machine,
    right: &Undisturbed,
    crash: Crash,
    (answered, disk): &(bool, Snapshot),
) -> Option<String> {
    machine.disk.restore(disk);
    machine.crash(crash);
    if let Err(error) = machine.boot() {
        return Some(format!("it does not start: {error}"));
    }
    if *answered && machine.state() != right.state {
        return Some(format!("what was answered is gone: {}", machine.state()));
    }
    // Two more times, with the power gone in between: what a replay says has to be durable too.
    for _ in 0..2 {
        match machine.push() {
            Ok(answer) if outcomes(&answer) == outcomes(&right.answer) => {}
            other => return Some(format!("a replay gets {other:?}")),
        }
        machine.lab.run_tasks();
        machine.crash(Crash::PowerLoss(Outcome::LoseAll));
        machine.boot().unwrap();
        if machine.state() != right.state {
            return Some(format!("after a replay: {}", machine.state()));
        }
    }
    let complaints = machine.complaints().unwrap();
    (!complaints.is_empty()).then(|| complaints.join(", "))
}

/// Every crash at every operation; what is wrong after the first that breaks a promise.
fn sweep(policy: ServerPolicy) -> Option<String> {
    let mut machine = Machine::new(policy);
    let right = undisturbed(&mut machine);
    // The same disk and the same answer need to be looked at only once.
    let mut seen = BTreeSet::new();
    for at in 0..=right.operations {
        for torn in TORN {
            let stood_still = disturb(&mut machine, &right, at, torn);
            for crash in CRASHES {
                let outcome = match crash {
                    Crash::Kill => None,
                    Crash::PowerLoss(outcome) => Some(outcome),
                };
                let left = stood_still.1.survivor(outcome);
                if !seen.insert((matches!(crash, Crash::Kill), stood_still.0, left)) {
                    continue;
                }
                if let Some(what) = broken_promise(&mut machine, &right, crash, &stood_still) {
                    return Some(format!("{crash} at operation {at} of {}: {what}", right.operations));
                }
            }
        }
    }
    None
}

#[test]
fn no_crash_takes_back_an_answer_or_does_anything_twice() {
    assert_eq!(sweep(ServerPolicy::default()), None);
}

#[test]
fn an_answer_before_its_commit_is_taken_back_by_a_crash() {
    let broken = sweep(policy::ANSWER_BEFORE_COMMIT.policy()).expect("the mistake shows");
    assert!(broken.contains("what was answered is gone"), "{broken}");
}

/// Whatever a first start leaves, the next one makes a server of it.
#[test]
fn a_first_start_may_go_down_anywhere() {
    let mut machine = Machine::new(ServerPolicy::default());
    machine.boot().unwrap();
    let operations = machine.disk.operations();
    let lists = |machine: &Machine| ["ana", "ben", "vic", "eve"].map(|user| machine.lab.sign_in(user).roles);
    let right = lists(&machine);
    assert!(operations > 10, "{operations}");
    for at in 0..operations {
        for crash in CRASHES {
            machine.crash(Crash::Kill);
            machine.disk.wipe();
            let trap = Trap { at: machine.disk.operations() + 1 + at, torn: None, sprung: Box::new(|_| ()) };
            machine.disk.arm(trap);
            let sprung = machine.disk.strikes().sprung;
            assert!(machine.boot().is_err(), "{at}: it started on a disk that stands still");
            assert_eq!(machine.disk.strikes().sprung, sprung + 1, "{at}");
            machine.crash(crash);
            machine.boot().unwrap_or_else(|error| panic!("{crash} at {at}: {error}"));
            assert_eq!(lists(&machine), right, "{crash} at {at}");
        }
    }
}

/// A start that finds all as it is to be leaves the disk alone.
#[test]
fn a_start_with_nothing_new_writes_nothing() {
    let mut machine = Machine::new(ServerPolicy::default());
    machine.boot().unwrap();
    machine.lab.stop();
    let before = machine.disk.snapshot();
    machine.boot().unwrap();
    let bytes = |snapshot: &Snapshot| snapshot.bytes("server");
    assert_eq!(bytes(&machine.disk.snapshot()), bytes(&before));
    assert_eq!(machine.disk.snapshot().bytes("server-wal").unwrap_or_default(), [0; 0]);
}
