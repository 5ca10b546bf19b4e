//! Every scenario of this folder and its regressions, run as data: it is in canonical form, opens
//! with why a user cares, passes on the reference, and together they reach every situation and find every
//! planted defect with an oracle that the defect named beforehand.

mod scripts;

use std::collections::BTreeSet;
use std::sync::Arc;

use deadzone::defects::{DEFECTS, Defect};
use deadzone_client::ReferenceClient;
use deadzone_client_tiny::TinyClient;
use deadzone_coverage::{SITUATIONS, Totals, met};
use deadzone_oracle::{ORACLES, Outcome, judge};
use deadzone_script::{Item, Script, Suite};
use deadzone_server::ReferenceServer;
use deadzone_world::{Lineup, missing, run};
use scripts::{lineup, reference, scripts_in};

/// What once went wrong.
const REGRESSIONS: &str = "regressions";
/// The command line runs many more; these are for `cargo test`.
const SEEDS: std::ops::Range<u64> = 0..3;
/// Some mistakes show only where the draws of a seed bring them about.
const SEEDS_FOR_DEFECTS: std::ops::Range<u64> = 0..20;

fn scripts() -> Vec<(String, String, Script)> {
    scripts_in(&["", REGRESSIONS])
}

/// The reference with a mistake in it.
fn planted(defect: &Defect, script: &Script) -> Lineup {
    let model = script.model().unwrap_or_default();
    let lived = defect.model(model);
    Lineup {
        client: Arc::new(ReferenceClient::new(defect.client_policy()).in_model(lived)),
        server: Arc::new(ReferenceServer::new(defect.server_policy()).in_model(lived)),
        model,
        defect: Some(defect.name.to_owned()),
    }
}

#[test]
fn every_scenario_is_named_placed_and_says_why_a_user_cares() {
    for (name, text, script) in scripts() {
        assert_eq!(script.name(), name);
        assert!(script.suite().is_some(), "{name} belongs to no suite");
        assert_eq!(script.to_string(), text, "{name} is not in canonical form");
        let opening = script.items.iter().map_while(|item| match item {
            Item::Comment(words) => Some(words.as_str()),
            _ => None,
        });
        let opening = opening.collect::<Vec<_>>().join(" ");
        let source = ["(000", "(001", "(002", "(003", "(004"].iter().any(|source| opening.contains(source));
        assert!(source, "{name} does not say which line of the source documents it covers");
    }
}

/// One seed is enough to reach everything: a nightly run with few seeds proves as much.
#[test]
fn every_scenario_passes_on_the_reference_and_with_each_seed_they_reach_every_situation() {
    let scripts = scripts();
    for seed in SEEDS {
        let mut totals = Totals::default();
        for (name, _, script) in &scripts {
            let trace = run(script, seed, &reference(script));
            let judgement = judge(&trace);
            assert_eq!(judgement.outcome, Outcome::Pass, "{name} {seed}: {judgement:#?}");
            let met = met(&trace);
            let reached = script.reaches().is_none_or(|situation| met.holds(situation));
            assert!(reached, "{name} {seed} did not reach {:?}", script.reaches());
            totals.count(&met);
        }
        let missed: Vec<&str> = totals.missed().collect();
        assert!(missed.is_empty(), "no scenario reaches with seed {seed}: {missed:?}");
    }
}

/// What keeps a script from being a regression: it has to say where it was when it caught something.
fn lacks(script: &Script) -> Option<String> {
    let Some(situation) = script.reaches() else {
        return Some(format!("{} has no `reaches` line", script.name()));
    };
    let known = SITUATIONS.iter().any(|known| known.name == situation);
    (!known).then(|| format!("{} reaches `{situation}`, which is no situation", script.name()))
}

#[test]
fn every_regression_says_which_situation_it_is_about() {
    let lacking: Vec<String> =
        scripts_in(&[REGRESSIONS]).iter().filter_map(|(_, _, script)| lacks(script)).collect();
    assert!(lacking.is_empty(), "{lacking:#?}");
    let script = |line: &str| {
        let text = format!("scenario x\n{line}workspace home: ana editor\ndevice phone: ana\nphone sync\n");
        deadzone_script::parse(&text).unwrap_or_else(|errors| panic!("{}", errors.render("x", false)))
    };
    assert_eq!(lacks(&script("")).as_deref(), Some("x has no `reaches` line"));
    assert_eq!(
        lacks(&script("reaches nothing\n")).as_deref(),
        Some("x reaches `nothing`, which is no situation")
    );
    assert_eq!(lacks(&script("reaches key-expires\n")), None);
}

#[test]
fn the_gate_of_a_pull_request_is_part_of_the_nightly_run() {
    let gate: Vec<String> = scripts()
        .into_iter()
        .filter(|(_, _, script)| script.suite() == Some(Suite::Pr))
        .map(|(name, ..)| name)
        .collect();
    let expected = [
        "concurrent-edits-on-two-devices",
        "mid-sync-crash-with-fifty-records",
        "offline-write-then-reconnect",
    ];
    assert_eq!(gate, expected);
}

/// The scenario that a defect names is the quickest way to see it; the nightly suite finds most of
/// them in many others, too.
#[test]
fn every_planted_defect_is_found_by_an_oracle_that_it_named_and_every_oracle_finds_one() {
    let scripts = scripts();
    let mut proven = BTreeSet::new();
    for defect in DEFECTS {
        let (.., script) = scripts
            .iter()
            .find(|(name, ..)| name == defect.scenario)
            .unwrap_or_else(|| panic!("{} names no scenario: {}", defect.name, defect.scenario));
        let planted = planted(defect, script);
        let mut found = BTreeSet::new();
        for seed in SEEDS_FOR_DEFECTS {
            let judgement = judge(&run(script, seed, &planted));
            let failed = judgement.verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Fail);
            found.extend(failed.map(|verdict| verdict.oracle));
            if defect.oracles.iter().all(|oracle| found.contains(oracle)) {
                break;
            }
        }
        let named: Vec<&str> =
            defect.oracles.iter().copied().filter(|oracle| found.contains(oracle)).collect();
        assert!(!named.is_empty(), "{} is found by {found:?}, not by {:?}", defect.name, defect.oracles);
        proven.extend(named);
    }
    // `expected` is shown to fail by its own tests: it judges the words of scripts.
    let silent: Vec<&str> = ORACLES
        .iter()
        .map(|oracle| oracle.name)
        .filter(|name| !proven.contains(name) && *name != "expected")
        .collect();
    assert!(silent.is_empty(), "no defect shows that these can fail: {silent:?}");
}

/// As the documentation of the small client says.
#[test]
fn the_small_client_passes_where_it_can_and_its_weaknesses_are_found() {
    let (mut passed, mut failed, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for (name, _, script) in scripts() {
        if !missing(&script, &lineup(TinyClient, &script)).is_empty() {
            skipped.push(name);
            continue;
        }
        let outcomes: Vec<Outcome> =
            SEEDS.map(|seed| judge(&run(&script, seed, &lineup(TinyClient, &script))).outcome).collect();
        if outcomes.contains(&Outcome::Fail) {
            failed.push(name);
        } else if outcomes.iter().all(|outcome| *outcome == Outcome::Pass) {
            passed.push(name);
        }
    }
    for name in [
        "an-edit-over-a-pull-that-nobody-saw",
        "fast-clock-never-beats-a-write-that-had-seen-it",
        "the-servers-clock-is-set-back",
    ] {
        assert!(failed.iter().any(|failed| failed == name), "{failed:?}");
    }
    assert!(passed.len() >= 5, "{passed:?}");
    for name in ["concurrent-edits-on-two-devices", "discard-after-a-lost-answer"] {
        assert!(skipped.iter().any(|skipped| skipped == name), "{skipped:?}");
    }
}
