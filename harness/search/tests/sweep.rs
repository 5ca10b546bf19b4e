//! What a sweep plans, on literal points and exchanges.

use deadzone_script::{Class, Crash, Script, parse};
use deadzone_search::sweep::{CrashPoint, Sighted, Sighting, Swept, evenly, plan, ways};

/// Every entry of a trace.
const ALL: std::ops::RangeInclusive<usize> = 0..=usize::MAX;

fn point(host: &str, operation: u64, entries: usize, left: &[u64]) -> CrashPoint {
    let left = left.iter().map(|hash| (*hash, *hash)).collect();
    CrashPoint { host: host.into(), operation, entries, at_us: 5, left }
}

fn sighting(exchange: &str, class: Class, what: Sighted, entries: usize) -> Sighting {
    let device = exchange.split('#').next().expect("a device").to_owned();
    Sighting { exchange: exchange.to_owned(), device, class, what, entries }
}

/// The lines of a plan, each with how many it stands for where that is more than itself.
fn lines(plan: &deadzone_search::sweep::SweepPlan) -> Vec<String> {
    let line = |planned: &deadzone_search::sweep::Planned| match planned.stands_for {
        1 => planned.step.to_string(),
        n => format!("{} ({n})", planned.step),
    };
    plan.faults.iter().map(line).collect()
}

fn script(text: &str) -> Script {
    parse(text).unwrap_or_else(|errors| panic!("{}", errors.render("test", false)))
}

#[test]
fn every_way_down_is_named() {
    let words: Vec<String> = ways(2).iter().map(Crash::to_string).collect();
    assert_eq!(
        words,
        [
            "kill",
            "power loss lose-all",
            "power loss keep-all",
            "power loss torn-prefix",
            "power loss subset-1",
            "power loss subset-2"
        ]
    );
}

#[test]
fn equal_survivors_of_equal_moments_are_one_run() {
    let points = [
        // Nothing on its way: all losses of power are one.
        point("phone", 1, 10, &[1, 1, 1, 1]),
        // The medium is as it was, so that losing all is the same; the rest differs.
        point("phone", 2, 10, &[2, 1, 2, 1]),
        // As before, but something was recorded meanwhile.
        point("phone", 3, 11, &[2, 1, 2, 1]),
        // Another host.
        point("server", 1, 10, &[1, 1, 1, 1]),
    ];
    let plan = plan(&points, &[], &ways(0), &ALL);
    assert_eq!(
        lines(&plan),
        [
            "fault   kill phone at disk operation 1 for 2s",
            "fault   power loss lose-all on phone at disk operation 1 for 2s (5)",
            "fault   kill phone at disk operation 2 for 2s",
            "fault   power loss keep-all on phone at disk operation 2 for 2s",
            "fault   kill phone at disk operation 3 for 2s",
            "fault   power loss lose-all on phone at disk operation 3 for 2s (2)",
            "fault   power loss keep-all on phone at disk operation 3 for 2s",
            "fault   kill server at disk operation 1 for 2s",
            "fault   power loss lose-all on server at disk operation 1 for 2s (3)",
        ]
    );
    assert_eq!((plan.crash_points, plan.merged()), (4, 7));
    assert_eq!(plan.faults.len() + plan.merged(), 4 * 4);
}

#[test]
fn time_that_went_by_and_what_is_less_durable_keep_crashes_apart() {
    let mut points = [point("phone", 1, 10, &[1]), point("phone", 2, 10, &[1]), point("phone", 3, 10, &[1])];
    points[1].at_us += 1;
    points[2].left = vec![(1, 2)];
    let plan = plan(&points, &[], &ways(0)[..1], &ALL);
    assert_eq!((plan.faults.len(), plan.merged()), (3, 0));
}

#[test]
fn exchanges_are_counted_by_device_and_class_and_struck_where_they_can_be() {
    let (asked, done) = (Sighted::Asked, Sighted::TookEffect);
    let got = |more| Sighted::Delivered { more };
    let sightings = [
        sighting("phone#1", Class::SignIn, asked, 1),
        sighting("phone#1", Class::SignIn, done, 2),
        sighting("phone#1", Class::SignIn, got(false), 3),
        // A push without effect: only the request can be lost.
        sighting("phone#2", Class::Push, asked, 4),
        sighting("phone#2", Class::Push, got(false), 5),
        sighting("laptop#1", Class::Pull, asked, 6),
        sighting("phone#3", Class::Push, asked, 7),
        sighting("phone#3", Class::Push, done, 8),
        sighting("laptop#1", Class::Pull, done, 9),
        sighting("laptop#1", Class::Pull, got(true), 10),
        sighting("laptop#2", Class::Pull, asked, 11),
        // Waits for any request count all of them.
        sighting("phone#4", Class::Any, asked, 12),
    ];
    let whole = plan(&[], &sightings, &ways(0), &ALL);
    assert_eq!(
        lines(&whole),
        [
            "at start fault  lose phone's next sign-in",
            "at start fault  deliver phone's next sign-in twice",
            "at start fault  lose the answer to phone's next sign-in",
            "at start fault  lose phone's next push",
            "at start fault  lose laptop's next pull",
            "at start fault  deliver laptop's next pull twice",
            "at start fault  lose phone's 2nd push",
            "at start fault  deliver phone's 2nd push twice",
            "at start fault  lose the answer to phone's next push",
            "at start fault  lose the answer to laptop's next pull",
            "at start fault  kill laptop after its next pull for 2s",
            "at start fault  lose laptop's 2nd pull",
            "at start fault  lose phone's 4th request",
        ]
    );
    assert_eq!(whole.exchanges, 6);
    // What lies outside is not planned, and counts.
    let late = plan(&[], &sightings, &ways(0), &(7..=7));
    assert_eq!(
        lines(&late),
        ["at start fault  lose phone's 2nd push", "at start fault  deliver phone's 2nd push twice"]
    );
}

#[test]
fn a_variant_is_the_script_without_its_claims_and_with_its_faults_first() {
    let text = "scenario x\nworkspace home: ana editor\ndevice phone: ana\n\n\
                sweep-1: phone create project/p\nexpect no conflicts\nphone cannot delete project/p\nphone create task/1 in project/p\nsettle\n";
    let swept = Swept::of(&script(text));
    assert_eq!(swept.labels(2), ["sweep-2", "sweep-3"]);
    let sightings = [sighting("phone#1", Class::Push, Sighted::Asked, 0)];
    let plan = plan(&[point("phone", 7, 0, &[1])], &sightings, &ways(0)[..1], &ALL);
    let variant = swept.with(&lines(&plan));
    insta::assert_snapshot!(variant, @r#"
    scenario x
    workspace home: ana editor
    device    phone:  ana

    sweep-2: fault   kill phone at disk operation 7 for 2s
    sweep-3: at start fault  lose phone's next push
    sweep-1: phone   create project/p
    s4:  phone   create task/1 in project/p
    s5:  settle
    "#);
    assert_eq!(script(&variant).to_string(), variant, "it is an ordinary script");
}

#[test]
fn what_is_chosen_is_spread_evenly() {
    for (all, most, chosen) in [
        (0, 5, vec![]),
        (3, 5, vec![0, 1, 2]),
        (10, 5, vec![0, 2, 4, 6, 8]),
        (10, 3, vec![0, 3, 6]),
        (usize::MAX, 2, vec![0, usize::MAX / 2]),
    ] {
        assert_eq!(evenly(all, most).collect::<Vec<_>>(), chosen, "{most} of {all}");
    }
}
