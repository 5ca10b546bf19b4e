//! What a probe sees is what a fault strikes: who plans faults from it can count on each.

use std::sync::Arc;

use deadzone_client::ReferenceClient;
use deadzone_contract::Model;
use deadzone_script::{Class, Crash, Script, Survivors};
use deadzone_server::ReferenceServer;
use deadzone_trace::{Entry, Event, Trace};
use deadzone_world::{CrashPoint, Lineup, Probe, Sighted, Sighting, run, run_watched};

const WORLD: &str = "scenario test\nset pull_max 2\nworkspace home: ana editor\ndevice phone: ana\n\
                     device laptop: ana\n\n";
const STEPS: &str = "a: laptop offline\nb: phone create project/p title=x\n\
                     c: 4 times: phone create task/# in project/p title=y\nd: phone sync\n\
                     e: laptop online\nf: heal\ng: phone add 1 to task/1 completed_count\nh: settle\n";

fn lineup() -> Lineup {
    let client = Arc::new(ReferenceClient::default());
    Lineup { client, server: Arc::new(ReferenceServer::default()), model: Model::B, defect: None }
}

fn script(fault: &str) -> Script {
    let text = format!("{WORLD}{fault}\n{STEPS}");
    deadzone_script::parse(&text).unwrap_or_else(|errors| panic!("{}", errors.render("test", false)))
}

fn watched(fault: &str) -> (Trace, Vec<CrashPoint>, Vec<Sighting>) {
    let probe = Probe::recording();
    let trace = run_watched(&script(fault), 1, &lineup(), &probe);
    (trace, probe.take_points(), probe.take_sightings())
}

fn struck(trace: &Trace) -> Option<usize> {
    trace.entries.iter().position(|entry| matches!(entry.event, Event::FaultStruck { .. }))
}

/// What happened, without the line that says that a fault lies in wait.
fn before(trace: &Trace, entries: usize) -> Vec<&Entry> {
    let told = trace.entries.iter().filter(|entry| !matches!(entry.event, Event::FaultBegan { .. }));
    told.take(entries).collect()
}

#[test]
fn looking_on_changes_nothing() {
    let (trace, points, sightings) = watched("");
    assert_eq!(trace, run(&script(""), 1, &lineup()));
    assert!(!points.is_empty() && !sightings.is_empty());
}

#[test]
fn a_run_goes_as_if_there_were_no_fault_until_it_strikes_even_after_a_heal() {
    let (clean, points, sightings) = watched("");
    let healed = clean.entries.iter().position(|entry| entry.event == Event::Healed).expect("healed");
    let of_phone: Vec<&CrashPoint> = points.iter().filter(|point| point.host == "phone").collect();
    let late = of_phone.iter().find(|point| point.moment.entries > healed).expect("a write after the heal");
    let mut rows: Vec<(String, usize)> = Vec::new();
    for point in [of_phone[0], of_phone[of_phone.len() / 3], late] {
        let operation = point.operation;
        rows.push((
            format!("x: fault kill phone at disk operation {operation} for 2s"),
            point.moment.entries,
        ));
    }
    let nth = |what: Sighted, class: Class| {
        sightings.iter().filter(move |one| one.device == "phone" && one.what == what && one.class == class)
    };
    for (at, seen) in nth(Sighted::Asked, Class::Push).enumerate() {
        let ordinal = ["next", "2nd", "3rd", "4th", "5th", "6th"][at];
        rows.push((format!("x: at start fault lose phone's {ordinal} push"), seen.entries));
    }
    for (at, seen) in nth(Sighted::TookEffect, Class::SignIn).enumerate() {
        assert_eq!(at, 0, "it signs in once, while the world is set up");
        rows.push(("x: at start fault lose the answer to phone's next sign-in".to_owned(), seen.entries));
    }
    let cut = sightings.iter().find(|one| one.what == Sighted::Delivered { more: true }).expect("pages");
    let pulled = |one: &&Sighting| one.class == Class::Pull && matches!(one.what, Sighted::Delivered { .. });
    let pulls = sightings.iter().filter(|one| one.device == cut.device).filter(pulled);
    let ordinal = pulls.take_while(|one| one.exchange != cut.exchange).count() + 1;
    let ordinal = ["next", "2nd", "3rd", "4th"][ordinal - 1];
    rows.push((
        format!("x: at start fault kill {} after its {ordinal} pull for 2s", cut.device),
        cut.entries,
    ));
    assert!(rows.len() >= 6, "{rows:?}");
    for (fault, entries) in rows {
        let trace = run(&script(&fault), 1, &lineup());
        assert!(struck(&trace).is_some(), "{fault} did not strike");
        assert_eq!(before(&trace, entries), before(&clean, entries), "{fault}");
        let unsettled = trace.entries.iter().any(|entry| matches!(entry.event, Event::Unsettled { .. }));
        assert!(!unsettled, "{fault}");
    }
}

#[test]
fn what_a_crash_would_leave_is_what_it_leaves() {
    let (_, points, _) = watched("");
    let of_phone: Vec<&CrashPoint> = points.iter().filter(|point| point.host == "phone").collect();
    let mut told_apart = 0;
    for at in [3, of_phone.len() / 4, of_phone.len() / 3, of_phone.len() / 2] {
        let mut seen = Vec::new();
        for (way, left) in [
            ("kill", None),
            ("power loss lose-all on", Some(Survivors::LoseAll)),
            ("power loss keep-all on", Some(Survivors::KeepAll)),
            ("power loss torn-prefix on", Some(Survivors::TornPrefix)),
            ("power loss subset on", Some(Survivors::Subset(0))),
            ("power loss subset-1 on", Some(Survivors::Subset(1))),
            ("power loss subset-2 on", Some(Survivors::Subset(2))),
        ] {
            let operation = of_phone[at].operation;
            let crash = left.map_or(Crash::Kill, |left| Crash::PowerLoss(Some(left)));
            let fault = format!("x: fault {way} phone at disk operation {operation} for 2s");
            // Of one run: the salts of SQLite's log differ from run to run.
            let (_, points, _) = watched(&fault);
            let mut of_phone = points.iter().filter(|point| point.host == "phone");
            let struck = of_phone.find(|point| point.operation == operation).expect("it strikes there");
            let next = of_phone.next().expect("the first operation of the next start");
            assert!(next.moment.at_us >= struck.moment.at_us + 2_000_000, "{fault}");
            let expected = struck.survivor(crash);
            assert_eq!(next.survivor(Crash::Kill).0, expected.0, "{fault}");
            seen.push(expected.0);
        }
        seen.sort_unstable();
        seen.dedup();
        told_apart += seen.len();
    }
    assert!(told_apart > 12, "different crashes leave different things: {told_apart}");
}
