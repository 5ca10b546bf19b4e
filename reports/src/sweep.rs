//! What a sweep found, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use deadzone_oracle::Outcome;
use serde::Serialize;

use crate::coverage::CoverageEntry;
use crate::json::{Violation, text_of};
use crate::terminal::{outcome_style, plural};
use crate::{Coverage, Finding, Look, Run, Told, failures};

/// How many reasons for doubt are told to people.
const DOUBTS_TOLD_MAX: usize = 8;

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// The scenario's name.
    pub scenario: String,
    /// What the script left open.
    pub seed: u64,
    /// Who ran on the devices.
    pub client: String,
    /// What was planted.
    pub defect: Option<String>,
    /// The hosts that were brought down.
    pub hosts: Vec<String>,
    /// The ways in which they were.
    pub ways: Vec<String>,
    /// Disk operations before which they were.
    pub crash_points: usize,
    /// Requests that reached the server.
    pub exchanges: usize,
    /// Faults that were not run because another one is the same run.
    pub merged: usize,
    /// How the run without a further fault came out; none where it did not end.
    pub clean: Option<Outcome>,
    /// The runs with one fault.
    pub singles: Tally,
    /// The runs with two.
    pub pairs: Option<Pairs>,
    /// One for each run that shows a kind of violation first.
    pub failing: Vec<Failing>,
    /// Why runs prove less than they should, or why the harness failed in them.
    pub doubts: Vec<InDoubt>,
    /// Runs that were planned and not made, because somebody stopped the command.
    pub unmade: usize,
    /// What the runs met together.
    pub coverage: Coverage,
    /// Real time of all together.
    pub wall: Duration,
}

/// How runs came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All of them.
    pub runs: usize,
    /// Those in which every planned fault struck.
    pub struck: usize,
    /// Those that passed.
    pub pass: usize,
    /// Those that prove nothing.
    pub unknown: usize,
    /// Those in which a promise was broken.
    pub fail: usize,
    /// Those in which the harness failed.
    pub error: usize,
}

/// Runs with two faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    /// How many pairs there are.
    pub possible: usize,
    /// Those that were run.
    pub tally: Tally,
}

/// A run that shows a violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Its faults, as the script has them; none in the run without.
    pub faults: Vec<String>,
    /// What it found.
    pub run: Run,
    /// The kinds of violation that no run before shows, by [`Finding::key`], and how many runs
    /// show each.
    pub first: Vec<(String, usize)>,
}

/// One reason why runs prove less than they should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InDoubt {
    /// Unknown, or an error of the harness.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// In how many runs.
    pub runs: usize,
    /// The faults of the first of them.
    pub faults: Vec<String>,
}

impl Tally {
    /// Counts a run.
    pub fn count(&mut self, outcome: Outcome, struck: bool) {
        self.runs += 1;
        self.struck += usize::from(struck);
        *match outcome {
            Outcome::Pass => &mut self.pass,
            Outcome::Unknown => &mut self.unknown,
            Outcome::Fail => &mut self.fail,
            Outcome::Error => &mut self.error,
        } += 1;
    }

    fn of(&self, outcome: Outcome) -> usize {
        match outcome {
            Outcome::Pass => self.pass,
            Outcome::Unknown => self.unknown,
            Outcome::Fail => self.fail,
            Outcome::Error => self.error,
        }
    }
}

impl Sweep {
    /// The gravest outcome of all runs; an error where the command was stopped, or where a run
    /// could not be repeated.
    pub fn outcome(&self) -> Outcome {
        let mut outcome = self.clean.unwrap_or(Outcome::Unknown);
        for tally in self.tallies() {
            let came_out = [Outcome::Unknown, Outcome::Error, Outcome::Fail].into_iter();
            outcome = came_out.filter(|one| tally.of(*one) > 0).fold(outcome, Outcome::max);
        }
        let broken = self.unmade > 0 || self.failing.iter().any(|failing| failing.run.error.is_some());
        if broken { outcome.max(Outcome::Error) } else { outcome }
    }

    fn tallies(&self) -> impl Iterator<Item = Tally> {
        [self.singles].into_iter().chain(self.pairs.map(|pairs| pairs.tally))
    }

    fn sum(&self, number: impl Fn(Tally) -> usize) -> usize {
        self.tallies().map(number).sum()
    }
}

impl Failing {
    /// The violations that no run before shows, with how many runs show each.
    fn violations(&self) -> impl Iterator<Item = (&Finding, usize)> {
        let shown = |key: &String| self.run.findings.iter().find(|finding| finding.key == *key);
        self.first.iter().filter_map(move |(key, runs)| Some((shown(key)?, *runs)))
    }
}

// ---- for programs ----

#[derive(Serialize)]
struct Document<'r> {
    outcome: Outcome,
    scenario: &'r str,
    seed: u64,
    client: &'r str,
    defect: Option<&'r str>,
    hosts: &'r [String],
    ways: &'r [String],
    crash_points: usize,
    exchanges: usize,
    merged: usize,
    /// How the run without a further fault came out.
    clean: Option<Outcome>,
    #[serde(flatten)]
    tally: Tally,
    pairs: Option<PairsEntry>,
    violations: Vec<ViolationEntry<'r>>,
    unknown_reasons: &'r [InDoubt],
    /// Only where the command was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmade: Option<usize>,
    /// Which situations were met; none where nothing was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<CoverageEntry>,
    wall_s: f64,
}

#[derive(Serialize)]
struct PairsEntry {
    possible: usize,
    #[serde(flatten)]
    tally: Tally,
}

#[derive(Serialize)]
struct ViolationEntry<'r> {
    #[serde(flatten)]
    violation: Violation<'r>,
    /// Of the first run that shows it.
    faults: &'r [String],
    /// How many show it.
    runs: usize,
    repro: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'r str>,
}

/// The sweep as one JSON document, indented, with a line end. The numbers of runs are those of
/// single faults and of pairs together; `pairs` has its part of them.
pub fn sweep_document(sweep: &Sweep) -> String {
    let violations = sweep.failing.iter().flat_map(|failing| {
        failing.violations().map(|(finding, runs)| ViolationEntry {
            violation: Violation::of(finding),
            faults: &failing.faults,
            runs,
            repro: failing.run.repro.as_deref(),
            trace: failing.run.trace.as_deref(),
        })
    });
    text_of(&Document {
        outcome: sweep.outcome(),
        scenario: &sweep.scenario,
        seed: sweep.seed,
        client: &sweep.client,
        defect: sweep.defect.as_deref(),
        hosts: &sweep.hosts,
        ways: &sweep.ways,
        crash_points: sweep.crash_points,
        exchanges: sweep.exchanges,
        merged: sweep.merged,
        clean: sweep.clean,
        tally: Tally {
            runs: sweep.sum(|tally| tally.runs),
            struck: sweep.sum(|tally| tally.struck),
            pass: sweep.sum(|tally| tally.pass),
            unknown: sweep.sum(|tally| tally.unknown),
            fail: sweep.sum(|tally| tally.fail),
            error: sweep.sum(|tally| tally.error),
        },
        pairs: sweep.pairs.map(|Pairs { possible, tally }| PairsEntry { possible, tally }),
        violations: violations.collect(),
        unknown_reasons: &sweep.doubts,
        unmade: (sweep.unmade > 0).then_some(sweep.unmade),
        coverage: sweep.coverage.entry(),
        wall_s: (sweep.wall.as_secs_f64() * 10.0).round() / 10.0,
    })
}

// ---- for people ----

/// The sweep as people read it: each kind of violation with the story of the first run that shows
/// it, why runs are in doubt, and what was run. `program` is what the command is called.
pub fn sweep_text(sweep: &Sweep, program: &str, look: Look) -> String {
    let mut text = String::new();
    for failing in &sweep.failing {
        let mut run = failing.run.clone();
        run.scenario = with(&sweep.scenario, &failing.faults);
        let all = if failing.faults.is_empty() { 1 } else { sweep.sum(|tally| tally.runs) };
        let told =
            failing.violations().map(|(finding, failing)| Told { run: &run, finding, failing, runs: all });
        text += &failures(&told.collect::<Vec<_>>(), program, look);
        if let Some(error) = &run.error {
            push(&mut text, format_args!("{} {}\n  {error}\n", look.outcome(Outcome::Error), run.scenario));
        }
    }
    for InDoubt { outcome, reason, runs, faults } in sweep.doubts.iter().take(DOUBTS_TOLD_MAX) {
        let first = with(&sweep.scenario, faults);
        push(
            &mut text,
            format_args!(
                "{} {}, such as {first}\n  {reason}\n",
                look.outcome(*outcome),
                plural(*runs, "run")
            ),
        );
    }
    match sweep.doubts.len().saturating_sub(DOUBTS_TOLD_MAX) {
        0 => {}
        more => push(&mut text, format_args!("{} are not told\n", plural(more, "more reason"))),
    }
    text + &sweep.coverage.lines(look) + &summary(sweep, look)
}

fn with(scenario: &str, faults: &[String]) -> String {
    match faults {
        [] => format!("{scenario} without another fault"),
        faults => format!("{scenario} with `{}`", faults.join("` and `")),
    }
}

fn summary(sweep: &Sweep, look: Look) -> String {
    let mut text = format!("{}: {}, seed {}", look.outcome(sweep.outcome()), sweep.scenario, sweep.seed);
    if sweep.singles.runs + sweep.unmade == 0 {
        let wall = sweep.wall.as_secs_f64();
        push(&mut text, format_args!("; no fault was added, in {wall:.1} s\n"));
        return text;
    }
    push(&mut text, format_args!(" in {:.1} s\n", sweep.wall.as_secs_f64()));
    if !sweep.hosts.is_empty() {
        push(
            &mut text,
            format_args!(
                "  {} of {}: {}\n",
                plural(sweep.crash_points, "crash point"),
                sweep.hosts.join(", "),
                sweep.ways.join(", ")
            ),
        );
    }
    push(&mut text, format_args!("  {}\n", plural(sweep.exchanges, "exchange")));
    let same = format!("{} the same as another", plural(sweep.merged, "fault"));
    push(&mut text, format_args!("  one fault: {}; {same}\n", counts(sweep.singles)));
    if let Some(Pairs { possible, tally }) = sweep.pairs {
        let share = tally.runs as f64 * 100.0 / possible.max(1) as f64;
        push(&mut text, format_args!("  two faults: {}; {share:.3}% of {possible} pairs\n", counts(tally)));
    }
    if sweep.unmade > 0 {
        push(&mut text, format_args!("  stopped with {} to go\n", plural(sweep.unmade, "run")));
    }
    text
}

fn counts(tally: Tally) -> String {
    let mut parts = vec![plural(tally.runs, "run"), format!("{} struck", tally.struck)];
    let words = [
        (tally.pass, "passed"),
        (tally.fail, "failed"),
        (tally.unknown, "unknown"),
        (tally.error, "broken by the harness"),
    ];
    parts.extend(words.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")));
    parts.join(", ")
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes everything");
}

impl Look {
    fn outcome(self, outcome: Outcome) -> String {
        self.paint(outcome_style(outcome), outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::run;

    fn sweep() -> Sweep {
        let kill = "kill phone at disk operation 7 for 2s".to_owned();
        let lost = "lose phone's 2nd push".to_owned();
        let failing = Failing {
            faults: vec![kill.clone()],
            run: Run { repro: Some("out/a-0-sweep-13.scn".into()), ..run("a", 0, &["lost", "duplicated"]) },
            first: vec![("lost twice create".into(), 3)],
        };
        let doubt = InDoubt {
            outcome: Outcome::Unknown,
            reason: "nothing was saved".into(),
            runs: 2,
            faults: vec![kill, lost],
        };
        Sweep {
            scenario: "a".into(),
            client: "reference".into(),
            hosts: vec!["phone".into(), "server".into()],
            ways: vec!["kill".into(), "power loss lose-all".into()],
            crash_points: 40,
            exchanges: 1,
            merged: 31,
            clean: Some(Outcome::Pass),
            singles: Tally { runs: 52, struck: 52, pass: 49, fail: 3, ..Tally::default() },
            pairs: Some(Pairs {
                possible: 2_000,
                tally: Tally { runs: 10, struck: 9, pass: 8, unknown: 2, ..Tally::default() },
            }),
            failing: vec![failing],
            doubts: vec![doubt],
            wall: Duration::from_millis(1_240),
            ..Sweep::default()
        }
    }

    #[test]
    fn a_sweep_reads_like_its_runs_and_counts_what_it_did() {
        insta::assert_snapshot!(sweep_text(&sweep(), "deadzone", Look::Plain), @r"
        fail a with `kill phone at disk operation 7 for 2s` seed 0, 3 of 62 runs
          lost twice: task/1 stands twice on the server
          +0.210s ana on phone: create task/1 (saved)
           +12.5s phone's app starts again
                  2 more in the trace
          expected one record for one create
          replay   deadzone replay out/a-0-sweep-13.scn

        unknown 2 runs, such as a with `kill phone at disk operation 7 for 2s` and `lose phone's 2nd push`
          nothing was saved
        fail: a, seed 0 in 1.2 s
          40 crash points of phone, server: kill, power loss lose-all
          1 exchange
          one fault: 52 runs, 52 struck, 49 passed, 3 failed; 31 faults the same as another
          two faults: 10 runs, 9 struck, 8 passed, 2 unknown; 0.500% of 2000 pairs
        ");
    }

    #[test]
    fn the_document_has_the_promised_shape() {
        insta::assert_snapshot!(sweep_document(&sweep()), @r#"
        {
          "outcome": "fail",
          "scenario": "a",
          "seed": 0,
          "client": "reference",
          "defect": null,
          "hosts": [
            "phone",
            "server"
          ],
          "ways": [
            "kill",
            "power loss lose-all"
          ],
          "crash_points": 40,
          "exchanges": 1,
          "merged": 31,
          "clean": "pass",
          "runs": 62,
          "struck": 61,
          "pass": 57,
          "unknown": 2,
          "fail": 3,
          "error": 0,
          "pairs": {
            "possible": 2000,
            "runs": 10,
            "struck": 9,
            "pass": 8,
            "unknown": 2,
            "fail": 0,
            "error": 0
          },
          "violations": [
            {
              "oracle": "lost",
              "clause": "twice",
              "summary": "task/1 stands twice on the server",
              "expected": "one record for one create",
              "faults": [
                "kill phone at disk operation 7 for 2s"
              ],
              "runs": 3,
              "repro": "out/a-0-sweep-13.scn"
            }
          ],
          "unknown_reasons": [
            {
              "outcome": "unknown",
              "reason": "nothing was saved",
              "runs": 2,
              "faults": [
                "kill phone at disk operation 7 for 2s",
                "lose phone's 2nd push"
              ]
            }
          ],
          "wall_s": 1.2
        }
        "#);
    }

    #[test]
    fn the_gravest_run_decides_and_a_stopped_sweep_does_not_pass() {
        let clean = Sweep { clean: Some(Outcome::Pass), ..Sweep::default() };
        assert_eq!(clean.outcome(), Outcome::Pass);
        assert_eq!(Sweep::default().outcome(), Outcome::Unknown, "nothing is known of it");
        let with = |unknown, fail| {
            let pairs = Some(Pairs { possible: 9, tally: Tally { fail, ..Tally::default() } });
            Sweep { singles: Tally { unknown, ..Tally::default() }, pairs, ..clean.clone() }
        };
        assert_eq!(with(1, 0).outcome(), Outcome::Unknown);
        assert_eq!(with(1, 1).outcome(), Outcome::Fail);
        assert_eq!(Sweep { unmade: 1, ..with(1, 0) }.outcome(), Outcome::Error);
        let mut failing = sweep();
        failing.failing[0].run.error = Some("not deterministic".into());
        assert_eq!(Sweep { singles: Tally::default(), ..failing }.outcome(), Outcome::Error);
    }
}
