//! The whole harness as one test, for `ci/mutants`: each mutant of the client's and the server's
//! sync code is judged by what a night judges the real code by. It is ignored elsewhere, because
//! it takes minutes and every part of it has tests of its own.

use std::process::Command;

/// A few seeds of every scenario find what has a scenario; what has none is for the search.
const NIGHTLY: &[&str] = &["run", "--suite", "nightly", "--seeds", "2"];
const SEARCH: &[&str] = &["search", "--time", "60s"];
/// Seconds of real time after which a run counts as spinning. The longest takes less than one.
const DEADLINE: &str = "30";
/// While the search still finds failures of the unmutated code, `A..B` names seeds that pass on
/// it; unset, seeds are drawn from 0 on.
const SEEDS: &str = "DEADZONE_JUDGE_SEEDS";

#[test]
#[ignore = "minutes of work; `ci/mutants` asks for it"]
fn nothing_fails_in_a_nightly_run_and_a_minute_of_search() {
    assert_eq!(judge(NIGHTLY), Some(0), "the nightly suite");
    let seeds = std::env::var(SEEDS).ok();
    let seeds: Vec<&str> = seeds.iter().flat_map(|range| ["--seeds", range]).collect();
    let searched = judge(&[SEARCH, &seeds].concat());
    // A drawn script of which nothing can be said is no failure.
    assert!(matches!(searched, Some(0 | 2)), "the search: {searched:?}");
}

/// The exit status of the binary under test, which stops at the first failure.
fn judge(args: &[&str]) -> Option<i32> {
    let out = tempfile::tempdir().expect("a folder for repros");
    let status = Command::new(env!("CARGO_BIN_EXE_deadzone"))
        .args(args)
        .args(["--fail-fast", "--jobs", "2", "--deadline", DEADLINE, "--out"])
        .arg(out.path())
        .status();
    status.expect("the binary runs").code()
}
