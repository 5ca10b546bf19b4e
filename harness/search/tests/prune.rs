//! What a run tells of a drawn script, put back into the script.

use std::collections::BTreeSet;

use deadzone_script::Script;
use deadzone_search::{refused, unclaimed, without};

fn script(steps: &[&str]) -> Script {
    let head = "scenario x\nworkspace home: ana editor\ndevice phone: ana\n";
    let text = format!("{head}{}\n", steps.join("\n"));
    deadzone_script::parse(&text).unwrap_or_else(|errors| panic!("{}", errors.render("x", false)))
}

fn labels(labels: &[&str]) -> BTreeSet<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}

const STEPS: [&str; 4] = [
    "a: phone create project/p",
    "b: phone create task/1 in project/p",
    "c: phone cannot delete project/p",
    "d: phone sign out",
];

#[test]
fn a_refused_step_stays_and_says_so() {
    let told = refused(&script(&STEPS), &labels(&["d"])).expect("there is such a step");
    let expected = [STEPS[0], STEPS[1], STEPS[2], "d: phone cannot sign out"];
    assert_eq!(told, script(&expected), "{told}");
}

#[test]
fn what_says_so_already_or_is_not_there_changes_nothing() {
    assert_eq!(refused(&script(&STEPS), &labels(&["c", "x"])), None);
    assert_eq!(refused(&script(&STEPS), &labels(&[])), None);
}

#[test]
fn a_script_can_take_every_such_word_back() {
    let whole = script(&STEPS);
    let plain = unclaimed(&whole).expect("it has such words");
    assert_eq!(plain, script(&[STEPS[0], STEPS[1], "c: phone delete project/p", STEPS[3]]), "{plain}");
    assert_eq!(unclaimed(&plain), None);
}

#[test]
fn what_goes_takes_along_what_hangs_on_it() {
    let left = without(&script(&STEPS), &labels(&["a"])).expect("something is left");
    assert_eq!(left, script(&[STEPS[3]]), "{left}");
}
