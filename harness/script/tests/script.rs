//! What scripts say about themselves, and scripts made from scripts.

use std::collections::BTreeSet;

use deadzone_contract::wire::Role;
use deadzone_contract::{Badge, Capability, Change, Choice, Model, Parameters, Rule, Value};
use deadzone_script::{Act, Declaration, Item, Repro, Script, Suite, UserAction, expectation_text, parse};
use deadzone_trace::{Claim, Expectation, Place};

/// Parses a text that has to be right.
fn script(text: &str) -> Script {
    parse(text).unwrap_or_else(|errors| panic!("{}", errors.render("test.scn", false)))
}

const HEAD: &str = "scenario s\nworkspace home: ana editor\ndevice phone: ana\n";

#[test]
fn declarations_can_be_asked_for() {
    let digest = "ab".repeat(32);
    let text = format!(
        "scenario s\nsuite pr\nseed 7\nclient tiny\ndefect \"two words\"\nviolates lost effect\n\
         digest {digest}\nreaches crash-between-pages\nset push_max 3\nset sync_every 90s\nworkspace home: ana editor, ben viewer\n\
         workspace work: ben admin\ndevice phone: ana clock -2h drift 50ppm\ndevice laptop: ben\n"
    );
    let script = script(&text);
    assert_eq!((script.name(), script.suite(), script.seed()), ("s", Some(Suite::Pr), Some(7)));
    assert_eq!((script.client(), script.defect()), (Some("tiny"), Some("two words")));
    assert_eq!((script.violates(), script.digest()), (Some(("lost", "effect")), Some(&*digest)));
    assert_eq!(script.reaches(), Some("crash-between-pages"));
    let expected = Parameters { push_max: 3, sync_every: 90_000, ..Parameters::default() };
    assert_eq!(script.parameters(), expected);
    let workspaces: Vec<_> = script.workspaces().collect();
    let home = [("ana".to_owned(), Role::Editor), ("ben".to_owned(), Role::Viewer)];
    assert_eq!(workspaces, [("home", &home[..]), ("work", &[("ben".to_owned(), Role::Admin)][..])]);
    let devices: Vec<_> = script.devices().map(|d| (d.name, d.user, d.skew_ms, d.drift_ppm)).collect();
    assert_eq!(devices, [("phone", "ana", -7_200_000, 50), ("laptop", "ben", 0, 0)]);
}

#[test]
fn what_a_device_subscribes_to_is_printed_as_it_is_read() {
    let head = "scenario s\n\nworkspace home: ana editor\nworkspace work: ana editor\n";
    let line = "device    phone:  ana scope home, work entities project, task app 3 clock +3m drift 50ppm\n";
    let text = format!("{head}{line}device    laptop: ana entities project\n");
    let script = script(&text);
    assert_eq!(script.to_string(), text);
    let entities: Vec<_> = script.devices().map(|device| device.entities).collect();
    assert_eq!(
        entities,
        [Some(&["project".to_owned(), "task".to_owned()][..]), Some(&["project".to_owned()])]
    );
    assert_eq!(
        script.needs(),
        BTreeSet::from([Capability::Scope, Capability::Entities, Capability::OlderApp])
    );
}

#[test]
fn a_list_of_nothing_is_no_subscription() {
    let script =
        script("scenario s\nworkspace home: ana editor\ndevice phone: ana scope home entities project\n");
    for emptied in ["scope", "entities"] {
        let mut script = script.clone();
        for item in &mut script.items {
            if let Item::Declaration(Declaration::Device { scope, entities, .. }) = item {
                let list = if emptied == "scope" { scope } else { entities };
                *list = Some(Vec::new());
            }
        }
        let problem = script.check().unwrap_err().remove(0).to_string();
        assert_eq!(problem, "line 3: a device subscribes to one thing at least", "{emptied}");
    }
}

#[test]
fn a_script_without_them_says_so() {
    let empty = Script::default();
    assert_eq!((empty.name(), empty.suite(), empty.seed(), empty.digest()), ("", None, None, None));
    assert_eq!(empty.parameters(), Parameters::default());
    assert_eq!(
        empty.check().unwrap_err()[0].to_string(),
        "line 1: the script has no `scenario` line (its first declaration is `scenario` and a name)"
    );
}

#[test]
fn steps_are_named_by_their_labels_or_their_ordinals() {
    let script = script(&format!("{HEAD}# first\nheal\n\nx: settle\nheal\n"));
    let steps: Vec<_> = script.steps().map(|(line, label, _)| (line, label)).collect();
    assert_eq!(steps, [(5, "s1".into()), (7, "x".into()), (8, "s3".into())]);
}

#[test]
fn needs_follow_from_what_is_done_and_expected() {
    let entity = |name: &str| Capability::Entity(name.into());
    for (steps, needs) in [
        ("heal\nexpect no conflicts\nexpect phone's tray empty", vec![]),
        ("phone create project/p", vec![entity("project")]),
        ("phone create project/p title=x", vec![entity("project"), Capability::Rule(Rule::Lww)]),
        (
            "phone create project/p\n2 times: phone create task/# in project/p tags+=x",
            vec![entity("project"), entity("task"), Capability::Rule(Rule::Set)],
        ),
        (
            "phone create project/p\nphone delete project/p\nphone discard project/p\nphone retry project/p",
            vec![
                entity("project"),
                Capability::Delete,
                Capability::Discard,
                Capability::Retry,
                Capability::StepUp,
            ],
        ),
        (
            "phone create project/p\nphone resolve project/p.status keep mine",
            vec![entity("project"), Capability::Rule(Rule::Version), Capability::Resolve],
        ),
        (
            "phone create project/p\nexpect conflict project/p.status shown on phone",
            vec![entity("project"), Capability::Rule(Rule::Version)],
        ),
        (
            "phone create project/p\nphone create task/1 in project/p\nexpect task/1 completed_count=0 everywhere",
            vec![entity("project"), entity("task"), Capability::Rule(Rule::Counter)],
        ),
    ] {
        assert_eq!(script(&format!("{HEAD}{steps}\n")).needs(), BTreeSet::from_iter(needs), "{steps}");
    }
    let under_a = script(&format!("{HEAD}phone create project/p title=House\n")).under(Model::A);
    assert_eq!(under_a.needs(), BTreeSet::from([entity("project"), Capability::Rule(Rule::Version)]));
}

#[test]
fn a_repro_says_which_run_it_repeats_and_labels_its_steps() {
    let digest = "0f".repeat(32);
    let before = script(&format!(
        "# why\nscenario s\nsuite nightly\nseed 1\nclient old\ndefect gone\nviolates a b\ndigest {}\nreaches key-expires\n\nset push_max 3\n\
         workspace home: ana editor\ndevice phone: ana\n\nphone create project/p\nf: fault loss phone 5%\nsettle\n",
        "00".repeat(32)
    ));
    let repro = Repro {
        seed: 42,
        client: "reference",
        defect: Some("new-number-on-each-retry"),
        oracle: "duplicated",
        clause: "created-twice",
        digest: &digest,
    };
    let expected = format!(
        "# why\nscenario s\nsuite    nightly\nseed     42\nclient   reference\n\
         defect   new-number-on-each-retry\nviolates duplicated created-twice\ndigest   {digest}\nreaches  key-expires\n\n\
         set       push_max 3\nworkspace home: ana editor\ndevice    phone:  ana\n\n\
         s1:  phone   create project/p\nf:   fault   loss phone 5%\ns3:  settle\n"
    );
    let after = before.as_repro(&repro);
    assert_eq!(after.to_string(), expected);
    assert_eq!(after.as_repro(&repro), after);
    let without = after.without_items(&BTreeSet::from([14]));
    assert_eq!(without.to_string(), expected.replace("s1:  phone   create project/p\n", ""));
}

#[test]
fn a_repetition_numbers_names_and_texts() {
    let text = format!(
        "{HEAD}9 times: phone create project/#\n\
         9 times: phone create task/a# in project/# title=\"No. #\" tags+=\"t#\" completed_count+=2\n\
         9 times: phone resolve task/a#.due merge \"#. May\"\n"
    );
    let script = script(&text);
    let numbered: Vec<UserAction> = script
        .steps()
        .filter_map(|(_, _, step)| match &step.act {
            Act::Repeat { act, .. } => match act.as_ref() {
                Act::User { action, .. } => Some(action.numbered(7)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let create = |name: &str, place: Option<&str>, changes: &[(&str, Change)]| UserAction::Create {
        name: name.into(),
        place: place.map(str::to_owned),
        changes: changes.iter().map(|(field, change)| ((*field).to_owned(), change.clone())).collect(),
    };
    let changes = [
        ("title", Change::Put(Value::text("No. 7"))),
        ("tags", Change::Insert("t7".into())),
        ("completed_count", Change::Add(2)),
    ];
    let resolve = UserAction::Resolve {
        name: "task/a7".into(),
        field: "due".into(),
        choice: Choice::Merge(Value::text("7. May")),
    };
    let expected = [create("project/7", None, &[]), create("task/a7", Some("project/7"), &changes), resolve];
    assert_eq!(numbered, expected);
}

#[test]
fn expectations_have_their_texts() {
    let devices = vec!["phone".to_owned(), "laptop".to_owned()];
    let record = |once, place| Claim::Record { name: "task/1".into(), once, fields: vec![], place };
    for (claim, text) in [
        (record(true, Place::Everywhere), "task/1 once everywhere"),
        (record(false, Place::Server), "task/1 on server"),
        (
            Claim::Absent { name: "task/1".into(), place: Place::Devices(devices) },
            "task/1 absent on phone, laptop",
        ),
        (Claim::Badge { device: "phone".into(), badge: Badge::Error }, "phone's badge error"),
        (Claim::NoConflicts, "no conflicts"),
    ] {
        assert_eq!(expectation_text(&Expectation { claim }), text);
    }
}

/// What no text can say is refused as data.
#[test]
fn data_that_could_not_be_written_are_refused() {
    let legal = script(&format!("{HEAD}phone create project/p\n2 times: phone delete project/p\n"));
    let refused = |change: &dyn Fn(&mut Script)| {
        let mut script = legal.clone();
        change(&mut script);
        let problems = script.check().expect_err("the change makes it illegal");
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].to_string()
    };
    let act = |script: &mut Script, item: usize, with: Act| {
        let Item::Step(step) = &mut script.items[item] else { panic!("item {item} is a step") };
        step.act = with;
    };
    let create = |name: &str| UserAction::Create { name: name.into(), place: None, changes: vec![] };
    for (problem, found) in [
        (
            "line 6: the comment has a control character in it",
            refused(&|s| s.items.push(Item::Comment("a\nb".into()))),
        ),
        (
            "line 4: there has to be at least one device",
            refused(&|s| {
                act(s, 3, Act::User { devices: vec![], action: create("project/p"), cannot: false });
            }),
        ),
        (
            "line 5: only what users do can be repeated (write the others in lines of their own)",
            refused(&|s| act(s, 4, Act::Repeat { times: 2, within: None, act: Box::new(Act::Heal) })),
        ),
        (
            "line 5: an edit changes at least one field",
            refused(&|s| {
                let action = UserAction::Edit { name: "project/p".into(), changes: vec![] };
                act(s, 4, Act::User { devices: vec!["phone".into()], action, cannot: false });
            }),
        ),
        (
            "line 5: the time is finer than a millisecond",
            refused(&|s| act(s, 4, Act::Wait(std::time::Duration::from_micros(1_500)))),
        ),
        (
            "line 5: the time is too long; the longest time is 36500d",
            refused(&|s| act(s, 4, Act::Wait(std::time::Duration::MAX / 1_000_000_000 * 1_000_000_000))),
        ),
    ] {
        assert_eq!(found, problem);
    }
}
