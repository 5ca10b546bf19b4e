//! What a world does with a script, seen from its trace.

use std::sync::Arc;

use deadzone_client::{ClientPolicy, ForeignAnswer, ReferenceClient};
use deadzone_contract::{Client, Model};
use deadzone_server::ReferenceServer;
use deadzone_trace::{Event, Trace};
use deadzone_world::{Lineup, run};

const HEAD: &str = "scenario test\nsuite nightly\nworkspace home: ana editor\ndevice phone: ana\n\
                    device laptop: ana\n\nphone create project/p title=\"House\"\nsettle\n";

fn lineup(client: impl Client + 'static) -> Lineup {
    Lineup {
        client: Arc::new(client),
        server: Arc::new(ReferenceServer::default()),
        model: Model::B,
        defect: None,
    }
}

fn run_steps(steps: &str, seed: u64) -> Trace {
    run_with(ReferenceClient::default(), steps, seed)
}

fn run_with(client: impl Client + 'static, steps: &str, seed: u64) -> Trace {
    let text = format!("{HEAD}{steps}");
    let script =
        deadzone_script::parse(&text).unwrap_or_else(|errors| panic!("{}", errors.render("test", false)));
    run(&script, seed, &lineup(client))
}

fn has(trace: &Trace, what: impl Fn(&Event) -> bool) -> bool {
    trace.entries.iter().any(|entry| what(&entry.event))
}

/// Each fault of the language, where it has something to strike.
const FAULTS: &[(&str, &str)] = &[
    ("lose", "f: fault lose phone's next push\nphone create task/1 in project/p title=a\n"),
    (
        "lose answer",
        "f: fault lose the answer to phone's next push\nphone create task/1 in project/p title=a\n",
    ),
    (
        "delay",
        "f: fault delay the answer to phone's next push by 2m\nphone create task/1 in project/p title=a\n",
    ),
    ("twice", "f: fault deliver phone's next push twice\nphone create task/1 in project/p title=a\n"),
    ("late", "f: fault execute phone's next push late by 90s\nphone create task/1 in project/p title=a\n"),
    ("page", "f: fault answer phone's next request with 502\nphone create task/1 in project/p title=a\n"),
    (
        "2nd pull",
        "f: fault lose the answer to phone's 2nd pull\nwait 15m\nphone create task/1 in project/p title=a\n",
    ),
    ("partition", "f: fault partition phone | server\nphone create task/1 in project/p title=a\nwait 1m\n"),
    ("cut up", "f: fault cut phone -> server\nphone create task/1 in project/p title=a\nwait 1m\n"),
    ("cut down", "f: fault cut server -> phone\nphone create task/1 in project/p title=a\nwait 1m\n"),
    ("loss", "f: fault loss phone 30%\nphone create task/1 in project/p title=a\nwait 20m\n"),
    ("latency", "f: fault latency phone 400ms..2s\nphone create task/1 in project/p title=a\nwait 1m\n"),
    ("bandwidth", "f: fault bandwidth phone 1KB/s\nphone create task/1 in project/p title=a\nwait 1m\n"),
    (
        "reset",
        "f: fault reset phone's connection after 100 bytes\nphone create task/1 in project/p title=a\nwait 1m\n",
    ),
    (
        "close",
        "f: fault close phone's connection after 100 bytes\nphone create task/1 in project/p title=a\nwait 1m\n",
    ),
    (
        "kill at an operation",
        "f: fault kill phone at its 7th disk operation for 2s\nphone create task/1 in project/p title=a\n",
    ),
    (
        "power loss at an operation",
        "f: fault power loss on phone at its 7th disk operation\nphone create task/1 in project/p title=a\n",
    ),
    (
        "kill the server at an operation",
        "f: fault kill server at its 7th disk operation for 2s\nphone create task/1 in project/p title=a\n",
    ),
    (
        "kill after answers",
        "f: fault kill phone after 1 acknowledged for 2s\nphone create task/1 in project/p title=a\nwait 1m\n",
    ),
    ("kill after a pull", "f: fault kill phone after its next pull for 2s\nwait 10m\n"),
    ("full", "f: fault fill phone's disk\nphone create task/1 in project/p title=a\n"),
    ("errors", "f: fault fail phone's next disk write\nphone create task/1 in project/p title=a\n"),
    (
        "lies",
        "f: fault lie about phone's disk syncs\nphone offline\nphone create task/1 in project/p title=a\n\
         phone power loss lose-all\nphone restart\nphone online\n",
    ),
    ("flip", "f: fault flip a bit of phone's disk\nphone create task/1 in project/p title=a\n"),
    ("jump", "f: fault jump phone's clock by -2h\nphone create task/1 in project/p title=a\nwait 1m\n"),
];

#[test]
fn every_fault_strikes_and_the_world_settles_after_it() {
    for (name, steps) in FAULTS {
        let trace = run_steps(&format!("{steps}wait 10m\nheal\nsettle\n"), 1);
        assert!(has(&trace, |e| matches!(e, Event::FaultStruck { fault, .. } if fault == "f")), "{name}");
        assert!(has(&trace, |e| matches!(e, Event::FaultEnded { fault } if fault == "f")), "{name}");
        assert!(!has(&trace, |e| matches!(e, Event::Unsettled { .. })), "{name}");
        assert!(has(&trace, |e| matches!(e, Event::Finished(_))), "{name}");
    }
}

/// Faults that are there and change nothing.
const WEIGHTLESS: &[&str] = &[
    "lose the answer to laptop's 3rd push",
    "latency phone 1ms",
    "bandwidth phone 900MB/s",
    "jump phone's clock by +1ms",
    "jump phone's clock by -1ms",
    "jump server's clock by -1ms",
];

#[test]
fn a_fault_that_changes_nothing_does_not_strike() {
    for fault in WEIGHTLESS {
        let steps = format!("f: fault {fault}\nphone create task/1 in project/p title=a\nwait 1m\nsettle\n");
        for seed in 0..5 {
            let trace = run_steps(&steps, seed);
            assert!(has(&trace, |e| matches!(e, Event::FaultBegan { .. })));
            assert!(!has(&trace, |e| matches!(e, Event::FaultStruck { .. })), "{fault} {seed}");
        }
    }
}

#[test]
fn the_same_script_and_seed_give_the_same_trace_and_another_seed_another_one() {
    for (_, steps) in FAULTS {
        let (one, two) = (run_steps(steps, 7), run_steps(steps, 7));
        assert_eq!(one.digest(), two.digest(), "{steps}");
        assert_ne!(one.digest(), run_steps(steps, 8).digest(), "{steps}");
    }
}

#[test]
fn a_run_does_not_depend_on_what_else_runs() {
    let alone = run_steps(FAULTS[1].1, 3).digest();
    let crowd = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| run_steps(FAULTS[1].1, 3).digest())).collect();
        runs.into_iter().map(|run| run.join().expect("a run")).collect::<Vec<_>>()
    });
    assert!(crowd.iter().all(|digest| *digest == alone));
}

#[test]
fn a_dead_host_writes_nothing_more() {
    for crash in ["kill", "power loss"] {
        let steps = format!(
            "phone create task/1 in project/p title=a\nphone {crash}\nwait 2h\nphone restart\nsettle\n"
        );
        let trace = run_steps(&steps, 1);
        let on_phone = trace.entries.iter().filter(|entry| entry.host == "phone");
        let mut down = false;
        for entry in on_phone {
            match entry.event {
                Event::HostDown { .. } => down = true,
                Event::HostUp { .. } => down = false,
                // The harness looks at its disk.
                Event::DiskSurvived { .. } | Event::DatabaseChecked { .. } => assert!(down),
                _ => assert!(!down, "{crash}: {:?}", entry.event),
            }
        }
        // What was saved before the crash is there after it.
        let titles = |event: &Event| match event {
            Event::Audited { records, .. } => records.iter().any(|r| r.entity == "task"),
            _ => false,
        };
        assert!(has(&trace, titles), "{crash}");
    }
}

#[test]
fn the_server_may_crash_too() {
    let steps = "phone create task/1 in project/p title=a\nserver power loss\nwait 10m\nheal\nsettle\n\
                 expect task/1 once everywhere\n";
    let trace = run_steps(steps, 4);
    assert!(has(&trace, |e| matches!(e, Event::Settled)));
    assert_eq!(
        trace
            .entries
            .iter()
            .filter(|e| e.host == "server" && matches!(e.event, Event::HostUp { .. }))
            .count(),
        2
    );
}

#[test]
fn a_panic_of_the_code_under_test_stands_in_the_trace() {
    let policy = ClientPolicy { foreign_answer: ForeignAnswer::Panic, ..ClientPolicy::default() };
    let trace = run_with(
        ReferenceClient::new(policy),
        "f: fault answer phone's next push with 502\nphone create task/1 in project/p title=a\nwait 1m\nheal\nsettle\n",
        1,
    );
    let panic = trace.entries.iter().find_map(|entry| match &entry.event {
        Event::Panicked { message, location } => {
            Some((entry.host.clone(), message.clone(), location.clone()))
        }
        _ => None,
    });
    let (host, message, location) = panic.expect("the defect panics");
    assert_eq!((host.as_str(), message.as_str()), ("phone", "an answer that cannot be: status 502"));
    assert!(location.starts_with("client/src/call.rs:"), "{location}");
}

#[test]
fn clocks_are_wrong_as_the_script_says() {
    let text = "scenario test\nsuite nightly\nworkspace home: ana editor\ndevice phone: ana clock +1h\n\n\
                phone create project/p title=a\nwait 1s\nsettle\n";
    let script = deadzone_script::parse(text).expect("a legal script");
    let trace = run(&script, 1, &lineup(ReferenceClient::default()));
    let pushed = trace.entries.iter().find_map(|entry| match &entry.event {
        Event::Sent { path, body, .. } if path == "/sync/mutations" => Some(body.clone()),
        _ => None,
    });
    let push: deadzone_contract::wire::PushRequest =
        serde_json::from_str(&pushed.expect("the create is pushed")).expect("the client speaks the contract");
    let ahead_ms = push.mutations[0].stamp.ms - 1_767_600_000_000;
    assert!((3_600_000..3_602_000).contains(&ahead_ms), "{ahead_ms}");
}

/// The events of one host, behind the set-up.
fn on<'a>(trace: &'a Trace, host: &'a str) -> impl Iterator<Item = &'a Event> {
    trace.entries.iter().filter(move |entry| entry.host == host).map(|entry| &entry.event)
}

#[test]
fn every_crash_is_followed_by_a_look_at_the_databases() {
    let trace =
        run_steps("phone kill\nserver power loss torn-prefix\nserver restart\nphone restart\nsettle\n", 1);
    for host in ["phone", "server"] {
        let checks = on(&trace, host).filter(|e| matches!(e, Event::DatabaseChecked { problem: None, .. }));
        assert!(checks.count() >= 1, "{host}");
    }
    assert!(has(&trace, |e| matches!(e, Event::DiskSurvived { outcome } if outcome == "torn-prefix")));
}

#[test]
fn a_host_that_a_fault_brought_down_for_a_while_goes_on_with_the_script() {
    let steps = "f: fault kill phone at its 2nd disk operation for 5s\n\
                 20 times: phone create task/# in project/p title=\"No. #\"\nsettle\n";
    let trace = run_steps(steps, 1);
    let saved = on(&trace, "phone").filter(|e| matches!(e, Event::Saved { .. })).count();
    assert!(has(&trace, |e| matches!(e, Event::Indefinite { why, .. } if why == "its host went down")));
    // One is lost on the way, the sign-in and the project come on top.
    assert_eq!(saved, 21);
    let down =
        trace.entries.iter().find(|entry| matches!(entry.event, Event::HostDown { .. })).expect("down");
    let up = trace.entries.iter().rfind(|entry| matches!(entry.event, Event::HostUp { .. })).expect("up");
    assert_eq!(up.at_us - down.at_us, 5_000_000);
}

#[test]
fn a_crash_during_the_set_up_is_met_by_signing_in_again() {
    for operation in [1, 5, 20] {
        let text = format!(
            "scenario test\nworkspace home: ana editor\ndevice phone: ana\n\
             f: fault power loss on phone at disk operation {operation} for 2s\n\
             phone create project/p title=x\nsettle\n"
        );
        let script = deadzone_script::parse(&text).expect("a script");
        let trace = run(&script, 1, &lineup(ReferenceClient::default()));
        assert!(has(&trace, |e| matches!(e, Event::FaultStruck { .. })), "{operation}");
        assert!(has(&trace, |e| matches!(e, Event::Saved { action, .. } if action == "s2")), "{operation}");
        assert!(!has(&trace, |e| matches!(e, Event::Unsettled { .. })), "{operation}");
    }
}

#[test]
fn where_two_crashes_want_an_operation_the_older_has_it() {
    let text = "scenario test\nworkspace home: ana editor\ndevice phone: ana\n\
                z: fault power loss lose-all on phone at disk operation 30 for 2s\n\
                a: fault kill phone at disk operation 30 for 2s\n\
                phone create project/p title=x\nsettle\n";
    let script = deadzone_script::parse(text).expect("a script");
    let trace = run(&script, 1, &lineup(ReferenceClient::default()));
    let struck: Vec<&String> = on(&trace, "world")
        .filter_map(|event| match event {
            Event::FaultStruck { fault, .. } => Some(fault),
            _ => None,
        })
        .collect();
    assert_eq!(struck, ["z"]);
}

/// The bound of `settle` runs from the last thing that was in the way of quiet.
#[test]
fn what_is_upset_while_the_world_settles_has_its_time() {
    for steps in [
        // Down for longer than the bound.
        "f: fault kill phone after its 2nd pull for 1h\nphone create task/1 in project/p title=a\nsettle\n",
        // Upset again and again, each time shortly before it would have been quiet: with the
        // first pull of a start and every second one after that.
        "f: fault kill phone after its 2nd pull for 2s\ng: fault kill phone after its 4th pull for 2s\n\
         h: fault kill phone after its 6th pull for 2s\ni: fault kill phone after its 8th pull for 2s\n\
         phone create task/1 in project/p title=a\nsettle\n",
    ] {
        let trace = run_steps(steps, 1);
        let struck = trace.entries.iter().filter(|entry| matches!(entry.event, Event::FaultStruck { .. }));
        assert_eq!(struck.count(), steps.matches("fault").count(), "{steps}");
        assert!(!has(&trace, |e| matches!(e, Event::Unsettled { .. })), "{steps}");
    }
}

#[test]
fn a_machine_that_sleeps_does_nothing_and_its_clock_goes_on() {
    let steps = "phone offline\nphone create task/1 in project/p title=a\nphone online\nphone suspend\n\
                 wait 2d\nphone resume\nsettle\n";
    let trace = run_steps(steps, 1);
    let of = |wanted: &Event| {
        trace.entries.iter().position(|entry| entry.host == "phone" && entry.event == *wanted).expect("there")
    };
    let (from, to) = (of(&Event::Suspended), of(&Event::Resumed));
    assert!(trace.entries[from + 1..to].iter().all(|entry| entry.host != "phone"));
    assert!(trace.entries[to].at_us - trace.entries[from].at_us >= 2 * 86_400 * 1_000_000);
    assert!(trace.entries[to..].iter().any(|entry| entry.host == "phone"
        && matches!(&entry.event, Event::Sent { path, .. } if path.starts_with("/sync/mutations"))));
    assert!(!has(&trace, |e| matches!(e, Event::Unsettled { .. })));
}

#[test]
fn copies_of_disks_come_back_and_tell_what_they_cost() {
    let steps = "phone backup b1\nphone create task/1 in project/p title=a\nphone restore b1\nphone restart\n\
                 settle\nphone wipe\nphone restart\nphone sign in\nsettle\n";
    let trace = run_steps(steps, 1);
    let costs: Vec<usize> = on(&trace, "phone")
        .filter_map(|e| match e {
            Event::CopiesLost { since, .. } => Some(*since),
            _ => None,
        })
        .collect();
    let backed_up = trace.entries.iter().position(|entry| matches!(entry.event, Event::BackedUp { .. }));
    assert_eq!(costs, [backed_up.expect("made"), 0]);
    let Some(Event::Viewed(view)) = on(&trace, "phone").filter(|e| matches!(e, Event::Viewed(_))).last()
    else {
        panic!("nobody looked");
    };
    assert!(view.records.iter().any(|record| record.entity == "project"), "synced data come back");
}

#[test]
fn a_clone_has_the_disk_and_the_secrets_of_the_other() {
    let steps = "phone offline\nphone create task/1 in project/p title=a\nphone clone onto laptop\n\
                 laptop restart\nphone online\nsettle\n";
    let trace = run_steps(steps, 1);
    let shows = |host| on(&trace, host).any(|e| matches!(e, Event::Shown(view) if view.entity == "task"));
    let cloned = |e: &Event| matches!(e, Event::Cloned { from } if from == "phone");
    assert!(on(&trace, "laptop").any(cloned) && shows("laptop"));
}
