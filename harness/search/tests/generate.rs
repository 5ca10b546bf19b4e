//! Drawn scripts: legal, the same for ever, and legal still when they are simplified.

use deadzone_search::generate;
use proptest::prelude::*;

#[test]
fn every_seed_gives_a_legal_script_that_is_printed_as_it_is() {
    for seed in 0..2_000 {
        let script = generate::script(seed);
        if let Err(problems) = script.check() {
            panic!("seed {seed}: {}\n{script}", problems[0]);
        }
        let printed = script.to_string();
        let parsed = deadzone_script::parse(&printed).expect("a legal script parses");
        assert_eq!(parsed, script, "seed {seed}");
    }
}

/// A change of this text changes every seed that anybody has written down.
#[test]
fn a_seed_is_a_promise() {
    insta::assert_snapshot!(generate::script(7).to_string());
}

proptest! {
    // When this fails, `proptest` simplifies the plan, and so runs through simplified ones too.
    #[test]
    fn every_plan_gives_a_legal_script(plan in generate::plans()) {
        let script = plan.script("drawn");
        prop_assert!(script.check().is_ok(), "{:?}\n{script}", script.check());
    }
}

/// `proptest` simplifies plans by its own lights; whatever it comes to is legal.
#[test]
fn simplified_plans_are_legal() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    for _ in 0..20 {
        let mut tree = generate::plans().new_tree(&mut runner).expect("nothing is filtered out");
        let mut steps = 0;
        while tree.simplify() && steps < 200 {
            let script = tree.current().script("simplified");
            assert!(script.check().is_ok(), "{:?}\n{script}", script.check());
            steps += 1;
        }
        assert!(steps > 10, "there was something to simplify");
    }
}

#[test]
fn a_client_that_can_do_less_gets_a_script_that_it_can_do() {
    use deadzone_contract::{Capability, Rule};
    let can = |capability: &Capability| {
        matches!(capability, Capability::Entity(_) | Capability::Rule(Rule::Lww | Rule::Counter))
    };
    for seed in 0..200 {
        let whole = generate::script(seed);
        let fitted = deadzone_search::fitted(&whole, can).expect("something is left");
        assert!(fitted.check().is_ok(), "{:?}\n{fitted}", fitted.check());
        assert!(fitted.needs().iter().all(can), "{:?}\n{fitted}", fitted.needs());
        assert_eq!(deadzone_search::fitted(&whole, |_| true), Some(whole));
    }
}
