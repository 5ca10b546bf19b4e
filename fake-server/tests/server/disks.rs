//! Disks that are full, fail or are damaged: the server says so, keeps what it has, and goes on
//! when the disk does.

use bytes::Bytes;
use deadzone_contract::Code;
use deadzone_contract::wire::TokenRequest;
use deadzone_disk::{IoError, Nth, OperationKind, Outcome};
use deadzone_server::ServerPolicy;
use http::{Method, Response, StatusCode};
use insta::assert_snapshot;

use crate::lab::parsed;
use crate::machine::{Crash, Machine, outcomes};
use crate::write::{project, task};

const KINDS: [OperationKind; 6] = [
    OperationKind::Create,
    OperationKind::Read,
    OperationKind::Write,
    OperationKind::Truncate,
    OperationKind::Sync,
    OperationKind::Delete,
];

/// A server with a project and a task, on which ana is signed in.
fn machine() -> Machine {
    let mut machine = Machine::new(ServerPolicy::default());
    machine.boot().unwrap();
    let first = [project(1, "p").put("title", "House").at(0), task(2, "t").put("title", "Milk").at(0)];
    machine.lab.push("ana/tablet", first);
    machine.state();
    machine
}

/// The server cannot serve just now, and says when to come again.
fn is_unavailable(response: &Response<Bytes>) -> bool {
    let problem = parsed::<()>(response).expect_err("no answer");
    response.status() == StatusCode::SERVICE_UNAVAILABLE
        && problem.code == Code::Unavailable
        && problem.detail.ends_with("whether anything happened is unknown")
        && response.headers().contains_key("retry-after")
}

#[test]
fn a_full_disk_takes_no_writes_and_still_reads() {
    let mut machine = machine();
    let before = machine.state();
    machine.disk.set_capacity(Some(machine.disk.used_bytes()));
    for _ in 0..3 {
        assert!(is_unavailable(&machine.raw_push()));
        assert_eq!(machine.state(), before);
    }
    let sign_in = TokenRequest::Password { user: "ben".into(), password: "ben-pw".into() };
    let problem = machine.lab.token(&sign_in).unwrap_err();
    assert_snapshot!(problem.detail, @"the server cannot reach what it keeps (its storage is full); whether anything happened is unknown");
    // Nor does a restart need room.
    for crash in [Crash::Kill, Crash::PowerLoss(Outcome::LoseAll)] {
        machine.crash(crash);
        machine.boot().unwrap();
        assert_eq!(machine.state(), before);
        assert!(is_unavailable(&machine.raw_push()));
    }
    assert!(machine.disk.strikes().full > 0);
    machine.disk.set_capacity(None);
    assert!(machine.push().is_ok());
    assert!(machine.lab.token(&sign_in).is_ok());
}

/// Housekeeping is due, and cannot be done: a pull is answered all the same.
#[test]
fn what_cannot_be_forgotten_now_is_forgotten_later() {
    let mut machine = Machine::new(ServerPolicy::default());
    machine.lab.start.parameters.tombstone_horizon = 1_000;
    machine.boot().unwrap();
    let first = [project(1, "p").put("title", "House").at(0), task(2, "t").put("title", "Milk").at(0)];
    machine.lab.push("ana/phone", first);
    let answers = |machine: &mut Machine| {
        let snapshot = machine.disk.snapshot();
        let other = deadzone_disk::Disk::new();
        other.restore(&snapshot);
        let mount = other.mount(|| 0);
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let db = rusqlite::Connection::open_with_flags_and_vfs("server", flags, mount.vfs()).unwrap();
        db.query_one("SELECT count(*) FROM answers", [], |row| row.get::<_, u64>(0)).unwrap()
    };
    assert_eq!(answers(&mut machine), 2);
    machine.lab.pass(2_000);
    machine.disk.set_capacity(Some(machine.disk.used_bytes()));
    let before = machine.state();
    assert_eq!(answers(&mut machine), 2);
    machine.disk.set_capacity(None);
    assert_eq!(machine.state(), before);
    assert_eq!(answers(&mut machine), 0);
}

/// Each operation of each kind fails once, anywhere in a batch. The answer is whole or none, and
/// asking again brings all of it about once.
#[test]
fn one_error_anywhere_is_got_over() {
    let mut machine = machine();
    let before = machine.disk.snapshot();
    machine.boot_from(&before);
    let right = machine.push().unwrap();
    let state = machine.state();
    for on in KINDS {
        for n in 1.. {
            machine.boot_from(&before);
            let errors = machine.disk.strikes().errors;
            machine.disk.set_error(Some(IoError { on, nth: Nth::Only(n) }));
            let response = machine.raw_push();
            machine.disk.set_error(None);
            if machine.disk.strikes().errors == errors {
                // A restart has nothing to delete or to create; the others have been reached.
                assert!(n > 1 || !matches!(on, OperationKind::Write | OperationKind::Sync), "{on:?}");
                break;
            }
            assert!(response.status().is_success() || is_unavailable(&response), "{on:?} {n}: {response:?}");
            let answer = machine.push().unwrap_or_else(|problem| panic!("{on:?} {n}: {problem:?}"));
            assert_eq!(outcomes(&answer), outcomes(&right), "{on:?} {n}");
            machine.crash(Crash::PowerLoss(Outcome::LoseAll));
            machine.boot().unwrap();
            assert_eq!(machine.state(), state, "{on:?} {n}");
        }
    }
    assert_eq!(machine.complaints(), Ok(Vec::new()));
}

/// A kind of operation fails for good: requests are refused for now, again and again, those that
/// only read are served where no operation of that kind is needed, and all is well afterwards.
#[test]
fn a_disk_that_fails_for_long_is_waited_out() {
    let mut machine = machine();
    let (before, empty) = (machine.state(), machine.disk.snapshot());
    for on in KINDS {
        machine.boot_from(&empty);
        machine.disk.set_error(Some(IoError { on, nth: Nth::Every }));
        for _ in 0..3 {
            let push = machine.raw_push();
            let writes = matches!(on, OperationKind::Write | OperationKind::Sync);
            assert!(!writes && push.status().is_success() || is_unavailable(&push), "{on:?}: {push:?}");
            if on == OperationKind::Write {
                assert_eq!(machine.state(), before);
            }
        }
        machine.disk.set_error(None);
        assert!(machine.push().is_ok(), "{on:?}");
    }
}

/// A commit fails, and then the database cannot be opened to see what became of it.
#[test]
fn a_database_that_cannot_be_opened_again_is_waited_for() {
    let machine = machine();
    machine.disk.set_error(Some(IoError { on: OperationKind::Sync, nth: Nth::Every }));
    assert!(is_unavailable(&machine.raw_push()));
    machine.disk.set_error(Some(IoError { on: OperationKind::Read, nth: Nth::Every }));
    for _ in 0..3 {
        assert!(is_unavailable(&machine.raw_push()));
        let pull = machine.lab.request("ana/phone", Method::GET, "/sync?since=0", Bytes::new());
        assert!(is_unavailable(&machine.lab.send(pull)));
    }
    machine.disk.set_error(None);
    assert!(machine.push().is_ok());
}

/// One bit, anywhere. Where SQLite's check can see it, the server does not start and says what to
/// do; where it cannot, nothing that the server does is a panic.
#[test]
fn a_damaged_database_is_refused() {
    let mut machine = machine();
    machine.push().unwrap();
    machine.lab.stop();
    let whole = machine.disk.snapshot();
    let (mut refused, mut unseen) = (0, 0);
    for draw in 0..1_000 {
        machine.crash(Crash::Kill);
        machine.disk.restore(&whole);
        machine.disk.flip_bit("server", draw).expect("there is a database");
        let damaged = machine.disk.snapshot();
        let whole_to_sqlite = machine.complaints().is_ok_and(|complaints| complaints.is_empty());
        machine.disk.restore(&damaged);
        match machine.boot() {
            Err(error) if error.contains("is damaged (") => {
                assert!(error.ends_with("; restore it from a backup"), "{error}");
                refused += 1;
            }
            // The version of the schema, for one, can be read and is wrong.
            Err(error) => assert!(error.starts_with("the server's database "), "{error}"),
            Ok(()) => {
                assert!(whole_to_sqlite, "bit {draw}: it serves what is damaged");
                let _ = machine.raw_push();
                let _ = machine.lab.try_pull("ana/phone", "since=0");
                unseen += 1;
            }
        }
    }
    assert!(refused > 20 && unseen > 20, "{refused} refused, {unseen} unseen");
}
