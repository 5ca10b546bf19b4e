//! Clients that take more than themselves down: every one is a finding with its script.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use crate::place::{Place, Ran, data, finish};
use serde_json::Value;

/// The example is built with the tests.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let examples = test.ancestors().nth(2).expect("tests are built in target/PROFILE/deps").join("examples");
    let binary = examples.join(format!("own_client{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.exists(), "{} is not built; `cargo test -p deadzone` builds it", binary.display());
    binary
}

fn run(place: &Place, args: &[&str]) -> Ran {
    finish(place.binary(&binary(), args))
}

fn with_client(place: &Place, client: &str, more: &[&str]) -> Ran {
    let script = data("two-syncs.scn");
    let args =
        [&["run", &script, "--client", client, "--deadline", "2", "--out", "out", "--seeds", "2"], more];
    run(place, &args.concat())
}

/// Each misbehaviour is found by `alive`, leaves a repro, and the repro fails the same way.
#[test]
fn whatever_a_client_does_to_its_process_is_a_finding() {
    for (client, clause, words) in [
        ("spins", "spun", "had not ended after 2 s of real time"),
        ("aborts", "aborted", "by signal 6"),
        ("overflows", "aborted", "has overflowed its stack"),
        ("panics", "panicked", "the second sync cannot happen"),
    ] {
        let place = Place::new();
        let ran = with_client(&place, client, &["--json"]);
        assert_eq!(ran.status, 1, "{client}: {}", ran.err);
        let document: Value = serde_json::from_str(&ran.out).expect("one JSON document");
        let runs = document["runs"].as_array().expect("runs");
        assert_eq!(runs.len(), 2, "a death ends one run and not the others");
        for run in runs {
            let violation = &run["violations"][0];
            assert_eq!(violation["oracle"], "alive", "{client}: {run}");
            assert_eq!(violation["clause"], clause, "{client}: {run}");
            let summary = violation["summary"].as_str().expect("a summary");
            assert!(summary.contains(words), "{client}: {summary}");
        }
        let repro = place.read("out/two-syncs-0.scn");
        assert!(repro.contains(&format!("violates alive {clause}\n")), "{repro}");
        assert!(repro.contains(&format!("client   {client}\n")), "{repro}");
        // A run that died has no digest to reach.
        assert_eq!(repro.contains("digest "), clause == "panicked", "{repro}");

        let again = run(&place, &["replay", "out/two-syncs-0.scn", "--deadline", "2"]);
        assert_eq!(again.status, 1, "{client}: {}{}", again.out, again.err);
        assert!(again.out.contains(&format!("fails the same way: alive {clause}")), "{}", again.out);
    }
}

#[test]
fn a_client_that_prints_disturbs_nobody() {
    let place = Place::new();
    let ran = with_client(&place, "prints", &[]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn a_death_is_told_as_a_story_with_its_replay() {
    let place = Place::new();
    let ran = with_client(&place, "aborts", &[]);
    insta::with_settings!({filters => vec![(r"in \d+\.\d s", "in [time]")]}, {
        insta::assert_snapshot!(ran.out, @r"
        fail two-syncs seed 0, 2 of 2 runs
          alive aborted: the client or the server took its process down, by signal 6 (abort)
          expected an app that goes on whatever it meets
          replay   own_client replay out/two-syncs-0.scn

        fail: 1 scenario, 2 runs, 2 failed in [time]
        ");
    });
}

#[test]
fn what_aborts_is_shrunk_to_the_lines_that_it_needs() {
    let place = Place::new();
    with_client(&place, "aborts", &[]);
    let shrunk = run(&place, &["shrink", "out/two-syncs-0.scn", "--deadline", "2"]);
    assert_eq!(shrunk.status, 0, "{}", shrunk.err);
    insta::assert_snapshot!(place.read("out/two-syncs-0.min.scn"), @r"
    # A phone syncs twice. Nothing is wrong with that.
    scenario two-syncs
    suite    nightly
    seed     0
    client   aborts
    violates alive aborted

    workspace home: ana editor
    device    phone:  ana

    s1:  phone   sync
    s2:  phone   sync
    ");
    let again = run(&place, &["replay", "out/two-syncs-0.min.scn", "--deadline", "2"]);
    assert_eq!(again.status, 1, "{}", again.out);
}

#[test]
fn a_client_that_remembers_another_run_is_not_deterministic() {
    let place = Place::new();
    let script = data("two-syncs.scn");
    let args = ["check", &script, "--client", "remembers", "--seeds", "2", "--jobs", "2", "--out", "out"];
    let ran = run(&place, &args);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("two-syncs seed 0 is not deterministic\n"), "{}", ran.out);
    assert!(ran.out.contains("the first line that differs is line "), "{}", ran.out);
    assert_eq!(place.files("out"), ["two-syncs-0.a.trace.jsonl", "two-syncs-0.b.trace.jsonl"]);
    assert_ne!(place.read("out/two-syncs-0.a.trace.jsonl"), place.read("out/two-syncs-0.b.trace.jsonl"));
}

/// Without this, Ctrl-C or a killed parent would leave processes behind that spin for ever.
#[test]
fn a_worker_ends_with_its_parent_also_while_it_spins() {
    let place = Place::new();
    let mut command = place.binary(&binary(), &["worker"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut worker = command.spawn().expect("a worker starts");
    let mut lines = BufReader::new(worker.stdout.take().expect("a pipe")).lines();
    let ready = lines.by_ref().map_while(Result::ok).find(|line| line.contains("Ready"));
    assert!(ready.is_some(), "the worker never was there");
    let script = std::fs::read_to_string(data("two-syncs.scn")).expect("the script");
    let job = serde_json::json!({
        "id": 0, "text": script, "seed": 0, "client": "spins", "defect": null, "trace": null
    });
    let mut jobs = worker.stdin.take().expect("a pipe");
    writeln!(jobs, "{job}").expect("the worker listens");
    drop(jobs);

    let (sender, ended) = mpsc::channel();
    let waiting = std::thread::Builder::new().spawn(move || sender.send(worker.wait()));
    assert!(waiting.is_ok(), "a thread to wait in");
    ended.recv_timeout(Duration::from_secs(60)).expect("the worker ends").expect("it can be waited for");
}
