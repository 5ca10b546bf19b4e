//! The shrinker against violations that are decided by the text of a script.

use std::convert::Infallible;

use deadzone_script::{Script, parse};
use deadzone_search::{Shrunk, shrink};
use proptest::prelude::*;

const HOUSE: &str = r#"# What the scenario is about.
scenario house
suite    nightly
set      sync_every 2m

workspace home: ana editor, ben editor
device phone: ana
device laptop: ben
device tablet: ben

# What happens first.
phone   create project/p title="House"
phone   create task/1 in project/p title="Milk"
laptop  offline
phone   create task/2 in project/p title="Bread"
settle

phone   add 1 to task/1 completed_count
wait    2h
laptop  online
lost:   fault lose the answer to phone's next push
phone   add 4 to task/2 completed_count
tablet  sync
settle

expect  task/1 once, completed_count=1 everywhere
expect  task/2 once, completed_count=4 everywhere
"#;

fn script(text: &str) -> Script {
    parse(text).unwrap_or_else(|errors| panic!("{}", errors.render("house.scn", false)))
}

/// Shrinks while every one of `needles` still stands in the text.
fn keeping(text: &str, runs_max: usize, needles: &[&str]) -> Shrunk {
    let shows = |candidate: &Script| {
        let text = candidate.to_string();
        assert!(candidate.check().is_ok(), "an invalid candidate was run:\n{text}");
        Ok::<_, Infallible>(needles.iter().all(|needle| text.contains(needle)))
    };
    match shrink(&script(text), runs_max, shows) {
        Ok(shrunk) => shrunk,
        Err(never) => match never {},
    }
}

#[test]
fn only_what_the_violation_needs_is_left() {
    let shrunk = keeping(HOUSE, 1_000, &["add 4 to task/2", "lose the answer"]);
    insta::assert_snapshot!(shrunk.script, @r#"
    # What the scenario is about.
    scenario house
    suite    nightly

    workspace home: ana editor
    device    phone:  ana

    phone   create project/p title="House"
    phone   create task/2 in project/p title="Bread"
    fault   lose the answer to phone's next push
    phone   add 4 to task/2 completed_count
    "#);
    assert_eq!((shrunk.lines_before, shrunk.lines_after), (21, 8));
    assert!(!shrunk.exhausted);
}

#[test]
fn a_device_goes_with_everything_that_it_does() {
    let text = keeping(HOUSE, 1_000, &["add 1 to task/1"]).script.to_string();
    assert!(!text.contains("laptop") && !text.contains("tablet"), "{text}");
}

#[test]
fn labels_stay_with_their_steps_where_the_violation_needs_them() {
    let whole = script(HOUSE);
    let labels: Vec<String> = whole.steps().map(|(_, label, _)| label).collect();
    let shrunk = keeping(HOUSE, 1_000, &["s10: phone   add 4 to task/2"]).script;
    let (_, label, _) = shrunk.steps().last().expect("one step is left");
    assert_eq!(label, labels[9]);
}

const CROWD: &str = r#"scenario crowd
workspace home: ana admin, ben editor
device phone: ana clock -2m drift 200ppm
device laptop: ben

phone create project/p title="House"
settle
laptop create task/1 in project/p title="Milk" status=open tags+=urgent
f1: fault power loss torn-prefix on phone after 3 acknowledged
laptop set task/1 title="Bread" status=done
wait 17h3m
phone power loss subset
"#;

#[test]
fn one_device_does_what_two_did_and_lines_become_simple() {
    let shrunk =
        keeping(CROWD, 1_000, &["create task/1", "status=done", "wait", "acknowledged", " power loss"]);
    insta::assert_snapshot!(shrunk.script, @r#"
    scenario crowd

    workspace home: ana editor
    device    phone:  ana

    phone   create project/p title="House"
    phone   create task/1 in project/p title="Milk"
    fault   power loss lose-all on phone after 1 acknowledged
    phone   set task/1 status=done
    wait    100ms
    "#);
}

#[test]
fn the_runs_are_bounded() {
    let shrunk = keeping(HOUSE, 3, &["add 4 to task/2"]);
    assert_eq!(shrunk.runs, 3);
    assert!(shrunk.exhausted);
    assert!(shrunk.script.to_string().contains("add 4 to task/2"));
}

#[test]
fn no_candidate_is_run_twice() {
    let mut seen = Vec::new();
    let shown = shrink(&script(HOUSE), 1_000, |candidate| {
        seen.push(candidate.to_string());
        Ok::<_, Infallible>(candidate.to_string().contains("sync"))
    });
    let runs = shown.map(|shrunk| shrunk.runs).unwrap_or_default();
    assert_eq!(runs, seen.len());
    seen.sort();
    seen.dedup();
    assert_eq!(runs, seen.len());
}

#[test]
fn what_cannot_be_run_ends_it() {
    let result = shrink(&script(HOUSE), 1_000, |_| Err::<bool, _>("no worker"));
    assert_eq!(result, Err("no worker"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever set of steps the violation needs: they are all kept, the result is legal, and no
    /// single line more can go.
    #[test]
    fn the_result_is_legal_and_minimal(needed in proptest::collection::btree_set(0_usize..13, 1..4)) {
        let whole = script(HOUSE).labelled();
        let all: Vec<String> = whole.steps().map(|(_, label, _)| label).collect();
        let labels: Vec<&String> = needed.iter().filter_map(|at| all.get(*at)).collect();
        let shows = |candidate: &Script| {
            labels.iter().all(|label| candidate.steps().any(|(_, there, _)| there == **label))
        };
        let shrunk = shrink(&whole, 10_000, |candidate| Ok::<_, Infallible>(shows(candidate)));
        let shrunk = shrunk.map_err(|never| match never {})?.script;
        prop_assert!(shrunk.check().is_ok());
        prop_assert!(shows(&shrunk));
        for at in 0..shrunk.items.len() {
            let smaller = shrunk.without_items(&[at].into());
            prop_assert!(smaller == shrunk || smaller.check().is_err() || !shows(&smaller) || !can_go(&shrunk, at));
        }
    }
}

/// Whether a line is of a kind that the shrinker may take.
fn can_go(script: &Script, at: usize) -> bool {
    use deadzone_script::{Declaration, Item};
    match &script.items[at] {
        Item::Step(_) => true,
        Item::Declaration(one) => {
            matches!(
                one,
                Declaration::Set { .. } | Declaration::Workspace { .. } | Declaration::Device { .. }
            )
        }
        Item::Blank | Item::Comment(_) => false,
    }
}
