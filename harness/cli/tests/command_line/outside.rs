//! The command line, as people and CI meet it.

use std::io::Read;
use std::process::Stdio;

use crate::place::{Place, data, finish};
use serde_json::Value;

/// Command lines that make no sense, and files that are not there: the exit status and the whole
/// error.
#[test]
fn every_bad_input_has_one_clear_error() {
    let place = Place::new();
    std::fs::write(place.path("file"), "").expect("a file");
    std::fs::create_dir(place.path("empty")).expect("a folder");
    std::fs::create_dir(place.path("two")).expect("a folder");
    for name in ["two-syncs.scn", "one-task.scn"] {
        std::fs::copy(data(name), place.path("two").join(name)).expect("a script");
    }
    std::fs::write(place.path("latin.scn"), b"scenario caf\xe9\n").expect("a file");
    let data = |name| data(name);
    let two = data("two-syncs.scn");
    let cases: &[(&str, i32, &[&str])] = &[
        ("unknown_command", 64, &["rnu"]),
        ("unknown_flag", 64, &["run", "--seedz", "3"]),
        ("unknown_suite", 64, &["run", "--suite", "nightyl"]),
        ("unknown_scenario", 64, &["run", "concurent-edits-on-two-devices"]),
        ("unknown_client", 64, &["run", "--client", "refrence"]),
        ("unknown_defect", 64, &["run", "--defect", "no-idempotency-numbers"]),
        ("defect_of_another_client", 64, &["run", "--client", "tiny", "--defect", "no-idempotency-number"]),
        ("empty_seeds", 64, &["run", "--seeds", "7..7"]),
        ("seed_out_of_range", 64, &["run", "--seed", "18446744073709551616"]),
        ("seed_and_seeds", 64, &["run", "--seed", "1", "--seeds", "2"]),
        ("no_jobs", 64, &["run", "--jobs", "0"]),
        ("nothing_in_the_suite", 64, &["run", &two, "--suite", "pr"]),
        ("sweep_unknown_scenario", 64, &["sweep", "offline-wriet-then-reconnect"]),
        ("sweep_unknown_host", 64, &["sweep", &two, "--crash", "phnoe"]),
        ("sweep_no_pairs", 64, &["sweep", &two, "--pairs", "0"]),
        ("sweep_two_scenarios", 64, &["sweep", "two"]),
        ("missing_file", 3, &["run", "nowhere/x.scn"]),
        ("missing_repro", 3, &["replay", "x.scn"]),
        ("folder_without_scripts", 3, &["run", "empty/"]),
        ("not_text", 3, &["run", "latin.scn"]),
        ("broken_script", 3, &["run", &data("broken.scn")]),
        ("broken_repro", 3, &["replay", &data("broken.scn")]),
        ("no_repro", 3, &["replay", &two]),
        ("nothing_to_shrink", 3, &["shrink", &two]),
        ("unwritable_out", 3, &["run", &two, "--out", "file/out"]),
        ("unwritable_junit", 3, &["run", &two, "--junit", "file/report.xml"]),
        ("junit_is_a_folder", 3, &["run", &two, "--junit", "empty"]),
    ];
    for (name, status, args) in cases {
        let ran = place.run(args);
        assert_eq!(ran.out, "", "{name}: errors go to standard error");
        assert_eq!(ran.status, *status, "{name}: {}", ran.err);
        insta::assert_snapshot!(*name, place.tidy(&ran.err));
    }
    assert_eq!(place.files(""), ["empty", "file", "latin.scn", "two"], "nothing was left behind");
}

#[test]
fn help_is_something_to_learn_from() {
    let place = Place::new();
    for (name, args) in [
        ("help", &["--help"][..]),
        ("help_run", &["run", "--help"]),
        ("help_replay", &["replay", "--help"]),
        ("help_shrink", &["shrink", "--help"]),
        ("help_check", &["check", "--help"]),
        ("help_sweep", &["sweep", "--help"]),
        ("help_list", &["list", "--help"]),
    ] {
        let ran = place.run(args);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{name}");
        insta::assert_snapshot!(name, ran.out);
    }
}

#[test]
fn the_suite_for_pull_requests_runs_where_nothing_is_asked_for() {
    let place = Place::new();
    let ran = place.run(&[]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let [coverage, summary] = ran.out.lines().collect::<Vec<_>>()[..] else { panic!("{}", ran.out) };
    assert!(coverage.ends_with(" situations reached"), "{coverage}");
    assert!(summary.starts_with("pass: 3 scenarios, 60 runs, 60 passed in "), "{summary}");
    assert_eq!(ran.err, "", "no progress bar in a pipe");
    assert_eq!(place.files(""), [""; 0], "a run that passes leaves nothing behind");
}

#[test]
fn the_document_has_the_promised_shape_and_stands_alone() {
    let place = Place::new();
    let ran = place.run(&["run", &data("two-syncs.scn"), "--seeds", "3..5", "--json"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    let document: Value = serde_json::from_str(&ran.out).expect("one JSON document");
    assert_eq!(document["outcome"], "pass");
    let runs = document["runs"].as_array().expect("runs");
    let seeds: Vec<_> = runs.iter().map(|run| run["seed"].as_u64()).collect();
    assert_eq!(seeds, [Some(3), Some(4)]);
    for run in runs {
        assert_eq!(run["scenario"], "two-syncs");
        assert_eq!(run["suite"], "nightly");
        assert_eq!(run["outcome"], "pass");
        assert_eq!(run["digest"].as_str().map(str::len), Some(64));
        assert_eq!(run["violations"], Value::Array(Vec::new()));
        assert_eq!(run["repro"], Value::Null);
        for number in ["sim_ms", "wall_us", "requests"] {
            assert!(run[number].as_u64().is_some_and(|n| n > 0), "{number}: {run}");
        }
    }
}

#[test]
fn the_first_failure_can_be_the_last_run() {
    let place = Place::new();
    let stopped = |args: &[&str], planned: u64| {
        let ran = place.run(&[args, &["--fail-fast", "--jobs", "1", "--json"]].concat());
        assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
        let document: Value = serde_json::from_str(&ran.out).expect("one JSON document");
        let runs = document["runs"].as_array().expect("runs");
        let failed = runs.iter().filter(|run| run["outcome"] == "fail").count();
        // What a worker had begun by then still counts.
        assert!((1..=2).contains(&failed), "{}", ran.out);
        assert_eq!(document["unmade"].as_u64(), Some(planned - runs.len() as u64), "{}", ran.out);
    };
    stopped(&["run", "request-delivered-twice", "--defect", "no-idempotency-number"], 20);
    stopped(&["search", "--defect", "row-dropped-when-sent", "--seeds", "0..100"], 100);
    let small = place.files("target/deadzone").into_iter().find(|name| name.ends_with(".min.scn"));
    assert_eq!(small, None, "whoever wants only one failure need not wait for a small one");
}

#[test]
fn a_run_that_does_not_reach_what_its_script_is_about_proves_nothing() {
    let place = Place::new();
    let far = place.script("far.scn", &["reaches  key-expires"]);
    let ran = place.run(&["run", &far, "--seeds", "1"]);
    assert_eq!(ran.status, 2, "{}", ran.out);
    let doubt = "the run did not reach what its script is about: key-expires";
    assert!(ran.out.contains(doubt), "{}", ran.out);
}

#[test]
fn the_nightly_suite_reaches_every_situation_with_any_seed_and_a_part_of_it_need_not() {
    let place = Place::new();
    let whole = place.run(&["run", "--suite", "nightly", "--seed", "7", "--json"]);
    assert_eq!(whole.status, 0, "{}", whole.out);
    let document: Value = serde_json::from_str(&whole.out).expect("one JSON document");
    let coverage = &document["coverage"];
    assert_eq!(coverage["missed"], Value::Array(Vec::new()));
    assert!(coverage["situations"]["crash-between-pages"].as_u64() >= Some(1), "{coverage}");
    assert!(coverage["faults"]["lose-answer"].as_u64() >= Some(1), "{coverage}");
    let part = place.run(&["run", &data("two-syncs.scn"), "--suite", "nightly", "--seed", "7", "--json"]);
    assert_eq!(part.status, 0, "{}", part.out);
    let document: Value = serde_json::from_str(&part.out).expect("one JSON document");
    assert!(document["coverage"]["missed"].as_array().is_some_and(|missed| missed.len() > 9));
}

/// The order of completion depends on the machine; the report does not.
#[test]
fn the_number_of_workers_changes_nothing_but_time() {
    let place = Place::new();
    let digests = |jobs: &str| {
        let ran = place.run(&["run", "--suite", "nightly", "--seeds", "3", "--json", "--jobs", jobs]);
        let document: Value = serde_json::from_str(&ran.out).expect("one JSON document");
        let runs = document["runs"].as_array().expect("runs").clone();
        runs.iter()
            .map(|run| format!("{} {} {}", run["scenario"], run["seed"], run["digest"]))
            .collect::<Vec<_>>()
    };
    let one = digests("1");
    assert!(one.is_sorted_by_key(|line| line.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>()));
    assert_eq!(one, digests("4"));
}

#[test]
fn a_failure_is_told_kept_replayed_and_gone_without_its_defect() {
    let place = Place::new();
    let defect = "no-idempotency-number";
    let ran = place.run(&[
        "run",
        "request-delivered-twice",
        "--seeds",
        "2",
        "--defect",
        defect,
        "--junit",
        "a/j.xml",
    ]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    let repro = format!("target/deadzone/request-delivered-twice-0-{defect}.scn");
    assert!(ran.out.contains(&format!("replay   deadzone replay {repro}\n")), "{}", ran.out);
    assert!(ran.out.contains("duplicated "), "{}", ran.out);
    assert_eq!(
        place.files("target/deadzone"),
        [
            format!("request-delivered-twice-0-{defect}.scn"),
            format!("request-delivered-twice-0-{defect}.trace.jsonl"),
            format!("request-delivered-twice-1-{defect}.scn"),
        ]
    );
    let junit = place.read("a/j.xml");
    assert!(
        junit.contains("<testcase name=\"request-delivered-twice\" classname=\"deadzone.nightly\""),
        "{junit}"
    );
    assert!(junit.contains("<failure message=\"2 of 2 seeds: "), "{junit}");

    let again = place.run(&["replay", &repro]);
    assert_eq!(again.status, 1, "{}", again.out);
    assert!(again.out.contains("fails the same way: duplicated "), "{}", again.out);
    assert!(again.out.contains("same digest: "), "{}", again.out);

    let right = place.run(&["replay", &repro, "--defect", "none"]);
    assert_eq!(right.status, 0, "{}{}", right.out, right.err);
    assert!(right.out.starts_with("does not fail: pass"), "{}", right.out);

    let shrunk = place.run(&["shrink", &repro]);
    assert_eq!(shrunk.status, 0, "{}", shrunk.err);
    let smaller = repro.replace(".scn", ".min.scn");
    let again = place.run(&["replay", &smaller]);
    assert_eq!(again.status, 1, "{}", again.out);
    assert!(again.out.contains("fails the same way") && again.out.contains("same digest"), "{}", again.out);
    assert!(place.read(&smaller).lines().count() < place.read(&repro).lines().count());

    // A repro says itself how it is to be run.
    let run = place.run(&["run", &repro, "--json"]);
    let document: Value = serde_json::from_str(&run.out).expect("one JSON document");
    assert_eq!(document["runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["outcome"], "fail");
}

#[test]
fn a_fault_that_never_strikes_proves_nothing_and_is_named() {
    let place = Place::new();
    let ran = place.run(&["run", &data("nothing-strikes.scn"), "--seeds", "2"]);
    assert_eq!(ran.status, 2, "{}", ran.out);
    let filters = vec![(r"in \d+\.\d s", "in [time]"), (r"\d+ of \d+ situations", "[n] of [all] situations")];
    insta::with_settings!({filters => filters}, {
        insta::assert_snapshot!(ran.out, @r"
        unknown nothing-strikes seeds 0, 1
          fault never (lose phone's 10th push) had nothing to strike
        [n] of [all] situations reached
        unknown: 1 scenario, 2 runs, 2 unknown in [time]
        ");
    });
}

#[test]
fn what_a_client_cannot_do_is_skipped_and_named() {
    let place = Place::new();
    let ran = place.run(&["run", "discard-after-a-lost-answer", "--client", "tiny", "--junit", "j.xml"]);
    assert_eq!(ran.status, 2, "where everything was skipped nothing was proven: {}", ran.out);
    assert!(
        ran.out.contains("skipped discard-after-a-lost-answer: the client has no discarding work"),
        "{}",
        ran.out
    );
    assert!(place.read("j.xml").contains("<skipped message=\"the client has no discarding work"));
    let json = place.run(&["run", "discard-after-a-lost-answer", "--client", "tiny", "--json"]);
    let document: Value = serde_json::from_str(&json.out).expect("one JSON document");
    assert_eq!(document["outcome"], "unknown");
    assert_eq!(document["skipped"][0]["missing"][0], "discarding work");
}

#[test]
fn check_runs_everything_twice_and_finds_no_difference() {
    let place = Place::new();
    for jobs in ["1", "3"] {
        let ran = place.run(&["check", "--seeds", "3", "--jobs", jobs]);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
        assert!(
            ran.out.ends_with("no difference: 9 seeds, each run twice in two processes\n"),
            "{}",
            ran.out
        );
    }
    assert_eq!(place.files(""), ["target"]);
    assert_eq!(place.files("target/deadzone"), [""; 0], "the traces are gone");
}

#[test]
fn lists_are_complete_and_machine_readable() {
    let place = Place::new();
    for (what, least, keys) in [
        ("scenarios", 30, &["name", "about", "needs", "suite"][..]),
        ("faults", 14, &["example", "about", "struck"]),
        ("oracles", 16, &["name", "invariant", "source"]),
        ("defects", 35, &["name", "mistake", "oracles", "scenario", "side", "source"]),
    ] {
        let json = place.run(&["list", what, "--json"]);
        let entries: Vec<Value> = serde_json::from_str(&json.out).expect("one JSON document");
        assert!(entries.len() >= least, "{what}: {}", entries.len());
        let text = place.run(&["list", what]).out;
        for entry in entries {
            let object = entry.as_object().expect("an object");
            let mut sorted = keys.to_vec();
            sorted.sort_unstable();
            assert_eq!(object.keys().collect::<Vec<_>>(), sorted, "{what}");
            let name = entry[keys[0]].as_str().expect("a name");
            assert!(text.lines().any(|line| line == name), "{what}: {name} is missing from the text");
        }
    }
}

#[test]
fn colours_come_when_asked_for_and_never_in_a_pipe() {
    let place = Place::new();
    let args = ["run", &data("nothing-strikes.scn"), "--seed", "0"];
    assert!(!place.run(&args).out.contains('\u{1b}'), "a pipe gets plain text");
    let mut forced = place.command(&args);
    forced.env("CLICOLOR_FORCE", "1");
    assert!(finish(forced).out.contains('\u{1b}'), "colours can be asked for");
    let mut never = place.command(&args);
    never.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    let never = finish(never);
    assert!(!never.out.contains('\u{1b}'), "NO_COLOR wins: {}", never.out);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut command = place.command(&["list", "scenarios"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
    assert_eq!(err, "");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// The first scenario leaves its repro, the second one never ends: Ctrl-C stops it, and what was
/// found by then is told.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_tells_what_was_found_until_then() {
    let place = Place::new();
    let args = [
        "run",
        "answer-lost-after-commit", // its very first seed fails
        "--defect",
        "no-idempotency-number",
        "--jobs",
        "1",
        "--seeds",
        "100000",
    ];
    let mut command = place.command(&args);
    command.stdout(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    while place.files("target/deadzone").is_empty() {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended too early");
        std::thread::yield_now();
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let mut out = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut out).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(out.contains(" seed ") && out.contains("stopped with "), "{out}");
}
