//! What holds for every script, and for every text.

mod scripts;

use std::collections::BTreeSet;

use deadzone_script::{Item, PROBLEMS_MAX, Repro, Script, parse};
use proptest::prelude::*;

fn numbers() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(any::<u32>(), 0..600)
}

fn legal() -> impl Strategy<Value = Script> {
    numbers().prop_map(|numbers| scripts::script(&numbers, false))
}

fn wild() -> impl Strategy<Value = Script> {
    numbers().prop_map(|numbers| scripts::script(&numbers, true))
}

/// Parses what has to be right.
fn read(text: &str) -> Script {
    parse(text).unwrap_or_else(|errors| panic!("{}\n{text}", errors.render("test.scn", false)))
}

/// Without the items whose numbers are drawn.
fn thinned(script: &Script, drawn: &[usize]) -> Script {
    let items = script.items.len().max(1);
    script.without_items(&drawn.iter().map(|n| n % items).collect())
}

/// The text of a script with a few characters replaced, removed or added.
fn damaged() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(""),
        Just(" "),
        Just("\""),
        Just("\\"),
        Just("\n"),
        Just("#"),
        Just(":"),
        Just(","),
        Just("'s"),
        Just("["),
        Just("]"),
        Just("="),
        Just("+="),
        Just("->"),
        Just("|"),
        Just("/"),
        Just("."),
        Just("9"),
        Just("\u{e9}"),
        Just("\u{a0}"),
        Just("\u{7}"),
        Just("task/1"),
        Just("server"),
        Just("in"),
        Just("12.5s"),
    ];
    let damage = (any::<prop::sample::Index>(), 0..4_usize, piece);
    (wild(), proptest::collection::vec(damage, 1..6)).prop_map(|(script, damages)| {
        let mut text: Vec<char> = script.to_string().chars().collect();
        for (at, removed, piece) in damages {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, piece.chars());
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_legal_script_is_accepted_and_comes_back_from_its_text(script in legal()) {
        prop_assert_eq!(script.check(), Ok(()), "{}", script);
        prop_assert_eq!(read(&script.to_string()), script);
    }

    /// Whatever `check` accepts comes back from its text; what it refuses the parser refuses.
    #[test]
    fn what_is_accepted_as_data_is_accepted_as_text_and_nothing_else(script in wild()) {
        let text = script.to_string();
        match script.check() {
            Ok(()) => prop_assert_eq!(read(&text), script),
            Err(_) => prop_assert!(parse(&text) != Ok(script), "{}", text),
        }
    }

    /// The text of a script with lines removed has the same problems as the script itself.
    #[test]
    fn a_script_with_lines_removed_has_the_same_problems_as_its_text(
        script in legal(),
        drawn in proptest::collection::vec(any::<usize>(), 1..8),
    ) {
        let script = thinned(&script, &drawn);
        let found = |result: Result<(), Vec<(u32, String)>>| result.err().unwrap_or_default();
        let as_data = found(script.check().map_err(|problems| {
            problems.into_iter().map(|p| (p.item as u32 + 1, p.message)).take(PROBLEMS_MAX).collect()
        }));
        let as_text = found(parse(&script.to_string()).map(|_| ()).map_err(|errors| {
            errors.iter().map(|error| (error.line, error.message.clone())).collect()
        }));
        prop_assert_eq!(as_data, as_text, "{}", script);
    }

    /// Steps of a repro keep their labels whatever is removed around them.
    #[test]
    fn a_repro_is_legal_and_its_labels_stay(
        script in legal(),
        drawn in proptest::collection::vec(any::<usize>(), 1..8),
    ) {
        let digest = "0f".repeat(32);
        let repro = Repro { seed: 7, client: "c", defect: None, oracle: "lost", clause: "x y", digest: &digest };
        let kept = script.as_repro(&repro);
        prop_assert_eq!(&read(&kept.to_string()), &kept);
        prop_assert_eq!((kept.seed(), kept.client(), kept.defect()), (Some(7), Some("c"), None));
        prop_assert_eq!((kept.violates(), kept.digest()), (Some(("lost", "x y")), Some(&*digest)));
        let acts = |script: &Script| -> Vec<_> {
            script.steps().map(|(_, label, step)| (label, step.at, step.act.clone())).collect()
        };
        prop_assert_eq!(acts(&kept), acts(&script));
        let before: BTreeSet<String> = kept.items.iter().map(Item::to_string).collect();
        let thin = thinned(&kept, &drawn);
        for (_, label, step) in thin.steps() {
            prop_assert!(step.label.as_ref() == Some(&label) && before.contains(&step.to_string()));
        }
    }

    /// Nothing that is fed to the parser harms it; what it accepts is printed in a form that it
    /// accepts again; what it refuses it can show.
    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![damaged(), any::<String>()]) {
        match parse(&text) {
            Ok(script) => {
                prop_assert_eq!(read(&script.to_string()), script);
            }
            Err(errors) => {
                let shown = errors.render("test.scn", false);
                for error in errors.iter() {
                    prop_assert!(shown.contains(&format!(":{}:", error.line)), "{}", shown);
                }
            }
        }
    }
}
