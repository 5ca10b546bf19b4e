//! Names in a repro that only the command line can judge: clients, defects, oracles.

use crate::place::Place;

/// Lines of a repro that name what is not there: the error, with its place and what was meant.
#[test]
fn a_name_that_is_not_known_is_an_error_at_its_place_in_the_file() {
    let place = Place::new();
    let cases: &[(&str, &[&str])] = &[
        ("repro_client", &["seed 3", "client   refrence"]),
        ("repro_client_quoted", &["seed 3", "client \"my engine\""]),
        ("repro_defect", &["seed 3", "client reference", "defect no-idempotency-numbers"]),
        ("repro_defect_of_another_client", &["seed 3", "client tiny", "defect no-idempotency-number"]),
        ("repro_oracle", &["seed 3", "violates losd at-end"]),
        ("repro_oracle_far_off", &["seed 3", "violates everything at-end"]),
        ("situation", &["seed 3", "reaches crash-betwen-pages"]),
        ("situation_far_off", &["seed 3", "reaches everything"]),
    ];
    for (name, lines) in cases {
        let file = place.script("repro.scn", lines);
        let ran = place.run(&["replay", &file]);
        insta::assert_snapshot!(*name, place.tidy(&ran.err));
        for command in ["replay", "run", "shrink", "check"] {
            let again = place.run(&[command, &file]);
            assert_eq!((again.status, again.out.as_str()), (3, ""), "{name} {command}");
            assert_eq!(again.err, ran.err, "{name} {command}");
        }
    }
}

/// Whoever replaces a name on the command line does not need the one in the file, and is told of
/// their own mistakes as such.
#[test]
fn the_command_line_overrides_names_and_answers_for_its_own() {
    let place = Place::new();
    let unknown_client = place.script("a.scn", &["seed 3", "client mine"]);
    let unknown_defect = place.script("b.scn", &["seed 3", "client reference", "defect mine"]);
    let planted = place.script("c.scn", &["seed 3", "defect no-idempotency-number"]);
    for (status, args) in [
        (0, &["replay", &unknown_client, "--client", "reference"][..]),
        (0, &["replay", &unknown_defect, "--defect", "none"]),
        (64, &["replay", &unknown_client, "--client", "refrence"]),
        (64, &["replay", &unknown_defect, "--defect", "mime"]),
        (64, &["replay", &planted, "--client", "tiny"]),
        (3, &["replay", &unknown_client, "--defect", "none"]),
    ] {
        let ran = place.run(args);
        assert_eq!(ran.status, status, "{args:?}: {}{}", ran.out, ran.err);
    }
}
