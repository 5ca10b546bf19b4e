//! `sweep` from outside: what it strikes, what it finds, what it says.

use serde_json::Value;

use crate::place::{Place, Ran, data};

fn sweep(place: &Place, scenario: &str, more: &[&str]) -> Ran {
    place.run(&[&["sweep", &data(scenario)], more].concat())
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err))
}

fn number(document: &Value, name: &str) -> u64 {
    document[name].as_u64().unwrap_or_else(|| panic!("no {name}: {document}"))
}

#[test]
fn every_fault_that_is_planned_strikes_and_the_reference_stands_it() {
    let place = Place::new();
    let ran = sweep(&place, "one-task.scn", &["--subsets", "1", "--json"]);
    let found = document(&ran);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{found}");
    assert_eq!((&found["outcome"], &found["clean"]), (&"pass".into(), &"pass".into()));
    assert_eq!((&found["scenario"], &found["violations"]), (&"one-task".into(), &Value::Array(Vec::new())));
    assert_eq!(found["hosts"], serde_json::json!(["phone", "server"]));
    assert_eq!(found["ways"].as_array().map(Vec::len), Some(5));
    let [points, merged, runs] = ["crash_points", "merged", "runs"].map(|name| number(&found, name));
    assert!(points > 50 && merged > points, "{found}");
    assert_eq!((number(&found, "struck"), number(&found, "pass")), (runs, runs));
    // Whatever is no crash is about an exchange: each is lost, and most can be struck otherwise.
    let exchanges = runs + merged - 5 * points;
    assert!(
        (number(&found, "exchanges") + 1..=4 * number(&found, "exchanges")).contains(&exchanges),
        "{found}"
    );
    assert_eq!(place.files(""), [""; 0], "a sweep that passes leaves nothing behind");
}

#[test]
fn the_number_of_workers_changes_nothing_but_time() {
    let place = Place::new();
    let found = |jobs: &str| {
        let args =
            ["--exchanges", "--pairs", "9", "--defect", "no-idempotency-number", "--json", "--jobs", jobs];
        let mut found = document(&sweep(&place, "one-task.scn", &args));
        found["wall_s"] = Value::Null;
        found
    };
    let one = found("1");
    assert!(one["violations"].as_array().is_some_and(|violations| !violations.is_empty()), "{one}");
    assert_eq!(one, found("3"));
}

/// What breaks the promise, under which faults, which defect, and who finds it.
#[test]
fn a_planted_mistake_is_found_and_its_repro_is_an_ordinary_one() {
    for (defect, asked, oracle) in [
        ("no-idempotency-number", &["--exchanges"][..], "duplicated"),
        ("no-idempotency-number", &["--crash", "phone", "--subsets", "0"], "duplicated"),
    ] {
        let place = Place::new();
        let args = [asked, &["--defect", defect, "--json", "--out", "out"]].concat();
        let ran = sweep(&place, "one-task.scn", &args);
        let found = document(&ran);
        assert_eq!((ran.status, &found["outcome"]), (1, &"fail".into()), "{defect}: {found}");
        assert_eq!((&found["clean"], &found["defect"]), (&"pass".into(), &defect.into()), "it takes a fault");
        assert_eq!(number(&found, "struck"), number(&found, "runs"), "{found}");
        let violations = found["violations"].as_array().expect("violations");
        let violation = violations.iter().find(|one| one["oracle"] == oracle);
        let violation = violation.unwrap_or_else(|| panic!("{defect} is not found by {oracle}: {found}"));
        assert!(number(violation, "runs") >= 1 && !violation["summary"].is_null(), "{violation}");
        let fault = violation["faults"][0].as_str().expect("a fault");
        let repro = violation["repro"].as_str().expect("a repro");
        let text = place.read(repro);
        assert!(text.contains(fault) && !text.contains("expect "), "{text}");

        let again = place.run(&["replay", repro]);
        assert_eq!(again.status, 1, "{}", again.out);
        assert!(again.out.contains("fails the same way: "), "{}", again.out);
        assert!(again.out.contains("same digest: "), "{}", again.out);
        let without = place.run(&["replay", repro, "--defect", "none"]);
        assert!(without.out.contains("does not fail: "), "{}", without.out);
    }
}

#[test]
fn a_failure_is_told_with_its_fault_its_story_and_its_repro() {
    let place = Place::new();
    let ran = sweep(&place, "one-task.scn", &["--exchanges", "--defect", "no-idempotency-number"]);
    assert_eq!((ran.status, ran.err.as_str()), (1, ""), "{}", ran.out);
    for part in [
        "fail one-task with `deliver phone's 3rd push twice` seed 0, ",
        "duplicated ",
        "  replay   deadzone replay target/deadzone/one-task-0-no-idempotency-number-sweep-",
        "fail: one-task, seed 0 in ",
        " exchanges\n  one fault: ",
    ] {
        assert!(ran.out.contains(part), "no {part:?} in {}", ran.out);
    }
}

/// What a scenario shows by itself says nothing about a fault that is added to it.
#[test]
fn a_scenario_that_fails_by_itself_is_not_swept() {
    let place = Place::new();
    let args = ["--exchanges", "--defect", "row-dropped-when-sent"];
    let ran = sweep(&place, "one-task.scn", &[&args[..], &["--json"]].concat());
    let found = document(&ran);
    assert_eq!((ran.status, &found["clean"], number(&found, "runs")), (1, &"fail".into(), 0), "{found}");
    assert_eq!(found["violations"][0]["oracle"], "lost");
    let repro = found["violations"][0]["repro"].as_str().expect("a repro");
    assert!(place.run(&["replay", repro]).out.contains("same digest: "));
    let told = sweep(&place, "one-task.scn", &args).out;
    assert!(told.contains("fail one-task without another fault seed 0"), "{told}");
    assert!(told.contains("fail: one-task, seed 0; no fault was added"), "{told}");
}

#[test]
fn second_faults_strike_after_the_first_and_say_how_many_there_could_be() {
    let place = Place::new();
    let args = ["--crash", "phone", "--exchanges", "--subsets", "0", "--pairs", "40", "--json"];
    let ran = sweep(&place, "one-task.scn", &args);
    let found = document(&ran);
    assert_eq!(ran.status, 0, "{found}");
    let pairs = &found["pairs"];
    assert_eq!((number(pairs, "runs"), number(pairs, "struck")), (40, 40), "{found}");
    assert!(number(pairs, "possible") > 1_000, "{found}");
    assert!(number(&found, "runs") > 140, "those of single faults are among them: {found}");
}

#[test]
fn what_proves_nothing_by_itself_proves_nothing_when_it_is_swept() {
    let place = Place::new();
    let ran = sweep(&place, "nothing-strikes.scn", &["--exchanges"]);
    assert_eq!((ran.status, ran.err.as_str()), (2, ""), "{}", ran.out);
    assert!(ran.out.contains("had nothing to strike"), "{}", ran.out);
}
