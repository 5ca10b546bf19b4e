//! Every planted defect is caught by the oracle that it declares, replays the same, and is gone
//! without the defect. A harness that cannot see these mistakes would pass everything.

use serde_json::Value;

use crate::place::Place;

/// Runs of the scenario that a defect names. Most show in each of them; who does not show in the
/// first few gets more.
const SEEDS: [&str; 2] = ["2", "24"];

#[test]
fn every_defect_is_caught_replayed_and_gone_without_it() {
    let place = Place::new();
    let defects: Vec<Value> =
        serde_json::from_str(&place.run(&["list", "defects", "--json"]).out).expect("one JSON document");
    assert!(defects.len() >= 12);
    for defect in &defects {
        let name = defect["name"].as_str().expect("a name");
        let oracles: Vec<&str> =
            defect["oracles"].as_array().expect("oracles").iter().filter_map(Value::as_str).collect();
        let scenario = defect["scenario"].as_str().expect("a scenario");
        // Long enough for a busy machine: a run that is killed says nothing of the defect.
        let args = ["run", scenario, "--defect", name, "--json", "--deadline", "600", "--seeds"];
        let run = |seeds| place.run(&[&args[..], &[seeds]].concat());
        let [few, many] = SEEDS;
        let first = run(few);
        let ran = if first.status == 1 { first } else { run(many) };
        assert_eq!(ran.status, 1, "{name} is not caught: {}", ran.err);
        let document: Value = serde_json::from_str(&ran.out).expect("one JSON document");
        let runs = document["runs"].as_array().expect("runs");
        let caught = |run: &&Value| {
            let mut violations = run["violations"].as_array().expect("violations").iter();
            violations.any(|one| one["oracle"].as_str().is_some_and(|oracle| oracles.contains(&oracle)))
        };
        let run = runs.iter().find(caught).unwrap_or_else(|| panic!("{name} is not caught by {oracles:?}"));
        let repro = run["repro"].as_str().expect("a repro");

        let again = place.run(&["replay", repro]);
        assert_eq!(again.status, 1, "{name}: {}", again.out);
        let same = oracles.iter().any(|oracle| again.out.contains(&format!("fails the same way: {oracle} ")));
        assert!(same && again.out.contains("same digest: "), "{name}: {}", again.out);

        let without = place.run(&["replay", repro, "--defect", "none"]);
        assert!([0, 2].contains(&without.status), "{name}: {}", without.out);
        assert!(without.out.contains("does not fail: "), "{name}: {}", without.out);
    }
}
