//! What programs read when a command comes to nothing.

use serde_json::{Value, json};

use crate::place::{Place, Ran, data};

/// The document of a command that was asked for one.
fn document(name: &str, ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{name}: {error}: {:?}", ran.out))
}

/// Each bad input with its exit status, and what its document says: words of the message, the
/// end of the file's name, the line.
#[test]
fn every_error_has_its_document_where_one_is_asked_for() {
    let place = Place::new();
    std::fs::write(place.path("file"), "").expect("a file");
    std::fs::create_dir(place.path("empty")).expect("a folder");
    let two = data("two-syncs.scn");
    let broken = data("broken.scn");
    let unknown = place.script("client-unknown.scn", &["seed 3", "client refrence"]);
    type Case<'a> = (i32, &'a [&'a str], &'a str, Option<&'a str>, Option<u64>);
    let cases: &[Case<'_>] = &[
        (64, &["run", "--seedz", "3"], "unexpected argument '--seedz' found", None, None),
        (64, &["run", "--suite", "nightyl"], "invalid value 'nightyl'", None, None),
        (64, &["run", "--seed", "18446744073709551616"], "the seed is out of range", None, None),
        (64, &["run", "--seeds", "7..7"], "the range is empty", None, None),
        (64, &["search", "--seeds", "7..7"], "the range is empty", None, None),
        (64, &["search", "--time", "5"], "a time is 1s to 168h", None, None),
        (64, &["search", "--client", "refrence"], "there is no client `refrence`", None, None),
        (64, &["search", "--defect", "hard-deletes"], "did you mean `hard-delete`", None, None),
        (3, &["search", "--seeds", "2", "--out", "file/out"], "is not a folder", Some("file/out"), None),
        (64, &["defects", "hard-deletes"], "did you mean `hard-delete`", None, None),
        (3, &["defects", "--page", "empty"], "cannot write empty: it is a folder", Some("empty"), None),
        (64, &["run", "concurent-edits-on-two-devices"], "did you mean `concurrent-edits", None, None),
        (64, &["run", "--client", "refrence"], "there is no client `refrence`", None, None),
        (64, &["run", "--defect", "no-idempotency-numbers"], "there is no defect", None, None),
        (64, &["run", &two, "--suite", "pr"], "nothing is in suite `pr`", None, None),
        (64, &["list", "scenarioz"], "invalid value 'scenarioz'", None, None),
        (3, &["run", "nowhere/x.scn"], "cannot read nowhere/x.scn", Some("nowhere/x.scn"), None),
        (3, &["run", "empty/"], "no file in empty/ ends in .scn", Some("empty/"), None),
        (3, &["run", &broken], "a project has no field `titel`; did you mean", Some("broken.scn"), Some(5)),
        (
            3,
            &["run", &unknown],
            "there is no client `refrence`; did you",
            Some("client-unknown.scn"),
            Some(3),
        ),
        (3, &["run", &two, "--out", "file/out"], "is not a folder", Some("file/out"), None),
        (3, &["run", &two, "--junit", "empty"], "cannot write empty: it is a folder", Some("empty"), None),
    ];
    for (status, args, message, file, line) in cases {
        let name = args.join(" ");
        let plain = place.run(args);
        let mut args = args.to_vec();
        args.push("--json");
        let ran = place.run(&args);
        assert_eq!((ran.status, plain.status), (*status, *status), "{name}: {}", ran.err);
        assert_eq!(plain.out, "", "{name}: only who asks gets a document");
        assert!(!ran.err.is_empty(), "{name}: people are told all the same");

        let found = document(&name, &ran);
        let keys: Vec<&String> = found.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["error", "outcome", "runs", "skipped"], "{name}");
        assert_eq!((&found["outcome"], &found["runs"]), (&json!("error"), &json!([])), "{name}");
        let error = &found["error"];
        assert!(error["message"].as_str().is_some_and(|text| text.contains(message)), "{name}: {error}");
        assert_eq!(error["line"].as_u64(), *line, "{name}: {error}");
        let same_file = match (error["file"].as_str(), file) {
            (Some(found), Some(end)) => found.ends_with(end),
            (found, end) => found.is_none() && end.is_none(),
        };
        assert!(same_file, "{name}: {error}");
    }
}

/// Its last words come when everything has been run.
#[test]
fn an_error_at_the_end_of_a_run_has_its_document_too() {
    let place = Place::new();
    let out = place.path("out");
    std::fs::create_dir(&out).expect("a folder");
    // The repro's place is taken by a folder, which nobody sees before a run fails.
    std::fs::create_dir(out.join("answer-lost-after-commit-0-no-idempotency-number.scn")).expect("a folder");
    let ran = place.run(&[
        "run",
        "answer-lost-after-commit",
        "--seed",
        "0",
        "--defect",
        "no-idempotency-number",
        "--out",
        "out",
        "--json",
    ]);
    // What was found counts for more than that its repro could not be written.
    assert_eq!(ran.status, 1, "{}", ran.err);
    let found = document("repro", &ran);
    assert_eq!((&found["outcome"], found["runs"].as_array().map(Vec::len)), (&json!("fail"), Some(1)));
    assert!(found["error"]["file"].as_str().is_some_and(|file| file.ends_with(".scn")), "{found}");
}
