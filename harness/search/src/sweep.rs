//! Every place in a run where a fault could strike, each as a line of a script.
//!
//! A plan is made from what a run was seen to do, and is data: a list of steps, each of which,
//! put before the first step of the script that was run, gives a script that goes exactly as the
//! run did until its fault strikes.
//!
//! Two crashes are the same run where the same host goes down in the same way (what the others
//! see of a kill and of a loss of power differs), nothing happened between them that a trace
//! would tell and no time went by, and the same is left on the disk. Of those one is planned,
//! and says for how many it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use deadzone_script::{Act, At, Class, Crash, Fault, Item, Moment, Script, Step, Survivors, Target};

/// How long a host that a sweep brings down stays down.
const DOWN_FOR: Duration = Duration::from_secs(2);

/// The moment before an operation of a host's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// Whose disk.
    pub host: String,
    /// The number of the operation, counted from the beginning of the world.
    pub operation: u64,
    /// How many entries the trace had.
    pub entries: usize,
    /// Microseconds of simulated time since the world began.
    pub at_us: u64,
    /// What each of the [`ways`] would leave, as a hash of it.
    pub left: Vec<(u64, u64)>,
}

/// A place in an exchange at which a fault could have struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Names the exchange.
    pub exchange: String,
    /// Whose it is.
    pub device: String,
    /// What kind of request.
    pub class: Class,
    /// Which place.
    pub what: Sighted,
    /// How many entries the trace had.
    pub entries: usize,
}

/// A place in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighted {
    /// The server's machine has the request.
    Asked,
    /// The server has done what it was asked.
    TookEffect,
    /// The device has the whole answer.
    Delivered {
        /// Whether there is another page.
        more: bool,
    },
}

/// What is planned, and from how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepPlan {
    /// Disk operations before which a host could go down.
    pub crash_points: usize,
    /// Requests that reached the server.
    pub exchanges: usize,
    /// One for each run, crashes first; within them by host and operation, and exchanges in the
    /// order in which they happened.
    pub faults: Vec<Planned>,
}

/// A fault that is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Begins it; without a label.
    pub step: Step,
    /// How many faults it stands for, itself among them.
    pub stands_for: usize,
}

impl SweepPlan {
    /// How many faults are not run because another one is the same run.
    pub fn merged(&self) -> usize {
        self.faults.iter().map(|planned| planned.stands_for - 1).sum()
    }
}

/// The ways in which a sweep brings a host down: a kill, and losses of power that leave nothing of
/// what was not durable, all of it, a torn prefix, and so many drawn subsets of its sectors.
pub fn ways(subsets: u32) -> Vec<Crash> {
    let named = [Survivors::LoseAll, Survivors::KeepAll, Survivors::TornPrefix];
    let losses = named.into_iter().chain((1..=subsets).map(Survivors::Subset));
    [Crash::Kill].into_iter().chain(losses.map(|left| Crash::PowerLoss(Some(left)))).collect()
}

/// Plans every fault for what was seen while the trace had so many entries as `within` says:
/// before each of `points` each of `ways`, and of `sightings` every request lost, every answer
/// lost after its commit, every exchange delivered twice that did something, and a kill between
/// every two pages. (That the request for the next page is lost is among the lost requests.)
///
/// Both lists have to be complete: what lies outside counts, but is not planned.
pub fn plan(
    points: &[CrashPoint],
    sightings: &[Sighting],
    ways: &[Crash],
    within: &RangeInclusive<usize>,
) -> SweepPlan {
    let mut plan = SweepPlan::default();
    plan.crashes(points, ways, within);
    plan.exchanges(sightings, within);
    plan
}

impl SweepPlan {
    fn crashes(&mut self, points: &[CrashPoint], ways: &[Crash], within: &RangeInclusive<usize>) {
        let mut planned: BTreeMap<_, usize> = BTreeMap::new();
        for point in points.iter().filter(|point| within.contains(&point.entries)) {
            // No script can name what is further on.
            let Ok(operation) = u32::try_from(point.operation) else { continue };
            self.crash_points += 1;
            for (way, left) in ways.iter().zip(&point.left) {
                let is_kill = *way == Crash::Kill;
                let same = (&point.host, is_kill, point.entries, point.at_us, *left);
                let place = *planned.entry(same).or_insert(self.faults.len());
                if let Some(found) = self.faults.get_mut(place) {
                    found.stands_for += 1;
                } else {
                    let moment = Moment::OperationEver(operation);
                    self.add(None, crash(&point.host, *way, moment));
                }
            }
        }
    }

    fn exchanges(&mut self, sightings: &[Sighting], within: &RangeInclusive<usize>) {
        let effective: BTreeSet<&String> =
            sightings.iter().filter(|one| one.what == Sighted::TookEffect).map(|one| &one.exchange).collect();
        let mut counts: BTreeMap<_, u32> = BTreeMap::new();
        for Sighting { exchange, device, class, what, entries } in sightings {
            let place = match what {
                Sighted::Asked => 0,
                Sighted::TookEffect => 1,
                Sighted::Delivered { .. } => 2,
            };
            // Whoever waits for any request counts all of them.
            let counted = if *class == Class::Any { &[Class::Any][..] } else { &[Class::Any, *class] };
            let mut nth = 0;
            for class in counted {
                let count = counts.entry((device, *class, place)).or_default();
                *count += 1;
                nth = *count;
            }
            if !within.contains(entries) {
                continue;
            }
            let target = Target { device: device.clone(), nth, class: *class };
            let start = Some(At::Start);
            match what {
                Sighted::Asked => {
                    self.exchanges += 1;
                    self.add(start, Fault::LoseRequest(target.clone()));
                    if effective.contains(exchange) {
                        self.add(start, Fault::DeliverTwice(target));
                    }
                }
                Sighted::TookEffect => self.add(start, Fault::LoseAnswer(target)),
                Sighted::Delivered { more: true } => {
                    self.add(start, crash(device, Crash::Kill, Moment::Answered(nth, *class)));
                }
                Sighted::Delivered { more: false } => {}
            }
        }
    }

    fn add(&mut self, at: Option<At>, fault: Fault) {
        let step = Step { label: None, at, act: Act::Fault(fault) };
        self.faults.push(Planned { step, stands_for: 1 });
    }
}

fn crash(host: &str, crash: Crash, moment: Moment) -> Fault {
    Fault::Crash { host: host.to_owned(), crash, moment, down_for: Some(DOWN_FOR) }
}

/// A script that faults are added to: each label is written, so that a line more moves nothing,
/// and what the script expects, refusals included, is left out, because that is said of the run
/// without another fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The lines before the first step, and the others.
    parts: [String; 2],
    labels: Vec<String>,
}

impl Swept {
    /// The most faults that are added at once.
    pub const FAULTS_MAX: usize = 2;

    /// What a sweep of `script` varies.
    pub fn of(script: &Script) -> Swept {
        let mut script = script.labelled();
        let is_claim = |act: &Act| matches!(act, Act::Expect(_) | Act::User { cannot: true, .. });
        script.items.retain(|item| !matches!(item, Item::Step(Step { act, .. }) if is_claim(act)));
        let taken: BTreeSet<String> = script.steps().map(|(_, label, _)| label).collect();
        let free = (1..).map(|n: u32| format!("sweep-{n}")).filter(|label| !taken.contains(label));
        let labels = free.take(Swept::FAULTS_MAX).collect();
        let first = script.items.iter().position(|item| matches!(item, Item::Step(_)));
        let steps = script.items.split_off(first.unwrap_or(script.items.len()));
        Swept { parts: [script, Script { items: steps }].map(|part| part.to_string()), labels }
    }

    /// The labels that so many faults get; at most [`Swept::FAULTS_MAX`].
    pub fn labels(&self, faults: usize) -> &[String] {
        &self.labels[..faults]
    }

    /// The script with these faults before its first step, each as the step of a [`Planned`] is printed.
    pub fn with(&self, faults: &[String]) -> String {
        let lines = self.labels(faults.len()).iter().zip(faults);
        let lines: String = lines.map(|(label, fault)| format!("{label}: {fault}\n")).collect();
        let [declared, steps] = &self.parts;
        format!("{declared}{lines}{steps}")
    }
}

/// At most `most` of the numbers below `all`, as evenly spread as whole numbers can be.
pub fn evenly(all: usize, most: usize) -> impl Iterator<Item = usize> {
    let chosen = most.min(all);
    (0..chosen).map(move |n| {
        let place = n as u128 * all as u128 / chosen as u128;
        usize::try_from(place).expect("below a number that fits")
    })
}
