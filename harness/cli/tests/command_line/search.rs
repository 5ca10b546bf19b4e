//! `search`, `shrink` and `defects` from outside.

use serde_json::Value;

use crate::place::{Place, Ran, data};

/// A defect that shows in most drawn scripts.
const DEFECT: &str = "no-idempotency-number";

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err))
}

fn search(place: &Place, seeds: &str, more: &[&str]) -> Value {
    document(&place.run(&[&["search", "--json", "--seeds", seeds], more].concat()))
}

#[test]
fn what_a_search_finds_is_small_and_is_found_again() {
    let place = Place::new();
    let found = search(&place, "0..4", &["--defect", DEFECT, "--out", "out"]);
    assert_eq!(found["outcome"], "fail", "{found}");
    let shrunk = &found["search"]["shrunk"][0];
    assert_eq!(shrunk["oracle"], "duplicated", "{found}");
    assert!(shrunk["steps"].as_u64().is_some_and(|steps| steps <= 20), "{shrunk}");
    let repro = shrunk["path"].as_str().expect("a path");
    assert!(place.read(repro).contains(&format!("defect   {DEFECT}\n")));
    for _ in 0..2 {
        let again = place.run(&["replay", repro]);
        assert_eq!(again.status, 1, "{}", again.out);
        assert!(again.out.contains("fails the same way: duplicated "), "{}", again.out);
        assert!(again.out.contains("same digest: "), "{}", again.out);
    }
    let without = place.run(&["replay", repro, "--defect", "none"]);
    assert!(without.out.contains("does not fail: "), "{}", without.out);

    let story = place.run(&["search", "--seeds", "0..2", "--defect", DEFECT]).out;
    for part in
        ["fail search seed ", "  duplicated ", "scripts were drawn; ", "pruned: ", "shrunk: duplicated "]
    {
        assert!(story.contains(part), "no {part:?} in {story}");
    }
}

#[test]
fn a_seed_is_the_same_run_whatever_else_is_run() {
    let place = Place::new();
    let run = |seeds: &str, jobs: &str| {
        let found = search(&place, seeds, &["--jobs", jobs]);
        let runs = found["runs"].as_array().expect("runs").clone();
        let last = runs.last().expect("a run").clone();
        assert_eq!(last["seed"], 4, "{found}");
        last["digest"].clone()
    };
    let digest = run("4..5", "1");
    assert_ne!(digest, Value::Null);
    assert_eq!(digest, run("0..5", "3"));
}

#[test]
fn the_totals_are_in_the_document() {
    let found = search(&Place::new(), "0..6", &[]);
    let totals = &found["search"];
    assert_eq!((&totals["scripts"], found["runs"].as_array().map(Vec::len)), (&6.into(), Some(6)), "{found}");
    for name in ["devices_median", "saved_median", "struck_median", "pruned_faults", "pruned_steps", "reruns"]
    {
        assert!(totals[name].as_u64().is_some_and(|n| n > 0), "{name}: {totals}");
    }
}

/// The app's word that it will not do something is as good as its work.
#[test]
fn a_step_that_has_to_be_refused_stays() {
    let found = search(&Place::new(), "0..12", &[]);
    let met = &found["coverage"]["situations"];
    assert!(met["step-up-refused-offline"].as_u64().is_some_and(|times| times > 0), "{met}");
    assert_eq!(found["outcome"], "pass", "{found}");
}

#[test]
fn a_repro_that_cannot_be_written_takes_nothing_with_it() {
    let place = Place::new();
    std::fs::create_dir_all(place.path(&format!("out/search-0-{DEFECT}.scn"))).expect("a folder in the way");
    let ran = place.run(&["search", "--seeds", "0..2", "--defect", DEFECT, "--out", "out", "--json"]);
    let found = document(&ran);
    assert_eq!(found["runs"].as_array().map(Vec::len), Some(2), "the search went on: {found}");
    assert!(found["error"]["message"].as_str().is_some_and(|why| why.contains("search-0-")), "{found}");
    assert!(ran.err.starts_with("error: cannot write out/search-0-"), "{}", ran.err);
    assert_eq!(ran.status, 1, "what was found counts");
}

#[test]
fn a_script_that_does_not_fail_is_not_shrunk() {
    let place = Place::new();
    let script = place.script("fine.scn", &["seed 3"]);
    let ran = place.run(&["shrink", &script]);
    assert_eq!((ran.status, ran.out.as_str()), (3, ""));
    assert_eq!(ran.err, "error: fine.scn does not fail, so there is nothing to shrink\n");
    let without = place.run(&["shrink", &data("one-task.scn")]);
    assert_eq!(without.status, 3, "{}", without.err);
    assert_eq!(place.files("."), ["fine.scn"], "nothing was written");
}

#[test]
fn a_defect_gets_its_score_and_its_place_on_the_page() {
    let place = Place::new();
    let mut args = vec!["defects", DEFECT, "row-dropped-when-sent", "--starts", "2", "--json"];
    args.extend(["--time", "600s", "--page", "page.md"]);
    let ran = place.run(&args);
    let card = document(&ran);
    assert_eq!(ran.status, 0, "{card}");
    let scores = card["defects"].as_array().expect("defects");
    assert_eq!(scores.len(), 2, "{card}");
    for score in scores {
        assert_eq!(score["found"], true, "{score}");
        assert!(score["runs"].as_u64().is_some_and(|runs| runs > 0), "{score}");
        assert!(score["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{score}");
        assert!(score["steps"].as_u64().is_some_and(|steps| steps <= 20), "{score}");
    }
    assert_eq!((&scores[0]["name"], &scores[0]["oracle"]), (&DEFECT.into(), &"duplicated".into()));
    assert!(place.read("page.md").contains(&format!("| `{DEFECT}` | `duplicated` |")));
}
