//! Stories and summaries for people at a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use deadzone_oracle::Outcome;

use crate::{Report, Run, Story, Told};

/// How many of the other failing seeds are named.
const SEEDS_NAMED_MAX: usize = 8;

/// Whether text comes with colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing but text.
    Plain,
    /// With ANSI escapes.
    Coloured,
}

impl Look {
    pub(crate) fn paint(self, style: Style, text: impl std::fmt::Display) -> String {
        match self {
            Look::Plain => text.to_string(),
            Look::Coloured => format!("{style}{text}{style:#}"),
        }
    }
}

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
const QUIET: Style = Style::new().dimmed();

pub(crate) fn outcome_style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Pass => GOOD,
        Outcome::Unknown => DOUBTFUL,
        Outcome::Fail | Outcome::Error => BAD,
    }
}

/// Simulated time as a story tells it: `+0.210s`, `+12.5s`, `+2h 03m 12s`.
pub fn time(us: u64) -> String {
    let (ms, s) = (us / 1_000, us / 1_000_000);
    let (minutes, hours, days) = (s / 60, s / 3_600, s / 86_400);
    match () {
        () if s < 10 => format!("+{s}.{:03}s", ms % 1_000),
        () if s < 60 => format!("+{s}.{}s", ms % 1_000 / 100),
        () if hours == 0 => format!("+{minutes}m {:02}s", s % 60),
        () if days == 0 => format!("+{hours}h {:02}m {:02}s", minutes % 60, s % 60),
        () => format!("+{days}d {:02}h {:02}m", hours % 24, minutes % 60),
    }
}

/// At most `max` characters of a text on one line, with an ellipsis where it was longer.
pub fn shorten(text: &str, max: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(max) {
        None => line,
        Some(_) => line.chars().take(max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// A failure as people read it: what, how it came about, what was expected, how to replay it.
/// `program` is what the command is called. Ends with a line end.
pub fn failure(told: &Told<'_>, program: &str, look: Look) -> String {
    let Told { run, finding, failing, runs } = *told;
    let mut text = format!(
        "{} {} seed {}{}\n",
        look.paint(BAD, "fail"),
        run.scenario,
        run.seed,
        look.paint(QUIET, how_many(failing, runs)),
    );
    let oracle = format!("{} {}", finding.oracle, finding.clause);
    push(&mut text, format_args!("  {}: {}\n", look.paint(BAD, oracle), finding.summary));
    if let Some(story) = &finding.story {
        text.push_str(&moments(story, look));
    }
    let expected = finding.expected.strip_prefix("expect ").unwrap_or(&finding.expected);
    push(&mut text, format_args!("  {} {expected}\n", look.paint(QUIET, "expected")));
    if let Some(repro) = &run.repro {
        push(&mut text, format_args!("  {}   {program} replay {repro}\n", look.paint(QUIET, "replay")));
    }
    if let Some(trace) = &run.trace {
        push(&mut text, format_args!("  {}    {trace}\n", look.paint(QUIET, "trace")));
    }
    text
}

/// Failures as people read them: of each run the first violation with its story, the others in a
/// line each, since they mostly are other sides of the same thing. A blank line follows each run.
pub fn failures(told: &[Told<'_>], program: &str, look: Look) -> String {
    let mut text = String::new();
    let mut rest: Vec<&Told<'_>> = told.iter().collect();
    while let Some(first) = rest.first().copied() {
        text += &failure(first, program, look);
        let run = |told: &Told<'_>| (told.run.scenario.clone(), told.run.seed);
        let (same, others): (Vec<&Told<'_>>, Vec<&Told<'_>>) =
            rest.into_iter().partition(|told| run(told) == run(first));
        for Told { finding, failing, runs, .. } in &same[1..] {
            let oracle = look.paint(BAD, format!("{} {}", finding.oracle, finding.clause));
            let counted = look.paint(QUIET, how_many(*failing, *runs));
            push(
                &mut text,
                format_args!("  {}     {oracle}: {}{counted}\n", look.paint(QUIET, "also"), finding.summary),
            );
        }
        text.push('\n');
        rest = others;
    }
    text
}

fn how_many(failing: usize, runs: usize) -> String {
    match runs {
        0 | 1 => String::new(),
        runs => format!(", {failing} of {runs} runs"),
    }
}

fn moments(story: &Story, look: Look) -> String {
    let times: Vec<String> = story.moments.iter().map(|moment| time(moment.at_us)).collect();
    let width = times.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (moment, time) in story.moments.iter().zip(times) {
        push(&mut text, format_args!("  {} {}\n", look.paint(QUIET, format!("{time:>width$}")), moment.text));
    }
    if story.left_out > 0 {
        let more = format!("{:>width$} {} more in the trace", "", story.left_out);
        push(&mut text, format_args!("  {}\n", look.paint(QUIET, more)));
    }
    text
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes everything");
}

/// The runs that prove less than they should and those in which the harness failed: each reason
/// once for a scenario, with its seeds. Empty where there are none.
pub fn unknowns(report: &Report, look: Look) -> String {
    let mut groups: Vec<(&Run, &str, Vec<u64>)> = Vec::new();
    for run in report.runs.iter().filter(|run| run.outcome == Outcome::Unknown || run.error.is_some()) {
        // What a failing run leaves in doubt is not what it fails for.
        let unknowns = run.unknowns.iter().filter(|_| run.outcome == Outcome::Unknown);
        for reason in run.error.iter().chain(unknowns) {
            match groups.iter_mut().find(|(first, why, _)| first.scenario == run.scenario && why == reason) {
                Some((_, _, seeds)) => seeds.push(run.seed),
                None => groups.push((run, reason, vec![run.seed])),
            }
        }
    }
    let mut text = String::new();
    for (run, reason, seeds) in groups {
        let outcome = if run.error.is_some() { Outcome::Error } else { run.outcome };
        let outcome = look.paint(outcome_style(outcome), outcome);
        push(&mut text, format_args!("{outcome} {} {}\n  {reason}\n", run.scenario, seed_list(&seeds)));
        if let Some(script) = run.repro.as_ref().filter(|_| run.outcome == Outcome::Unknown) {
            push(&mut text, format_args!("  {}   {script}\n", look.paint(QUIET, "script")));
        }
    }
    for skipped in &report.skipped {
        let missing = skipped.missing.join(", ");
        let word = look.paint(DOUBTFUL, "skipped");
        push(&mut text, format_args!("{word} {}: the client has no {missing}\n", skipped.scenario));
    }
    text
}

fn seed_list(seeds: &[u64]) -> String {
    let named: Vec<String> = seeds.iter().take(SEEDS_NAMED_MAX).map(u64::to_string).collect();
    let more = match seeds.len().saturating_sub(SEEDS_NAMED_MAX) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("{} {}{more}", if seeds.len() == 1 { "seed" } else { "seeds" }, named.join(", "))
}

/// The last lines: which situations were met, then what was run and how it came out. Each ends
/// with a line end.
pub fn summary(report: &Report, look: Look) -> String {
    let mut names: Vec<&str> = report.runs.iter().map(|run| run.scenario.as_str()).collect();
    names.dedup();
    let outcome = report.outcome();
    let mut parts = vec![plural(names.len(), "scenario"), plural(report.runs.len(), "run")];
    for (which, word) in [(Outcome::Pass, "passed"), (Outcome::Fail, "failed"), (Outcome::Unknown, "unknown")]
    {
        match report.count(which) {
            0 => {}
            n => parts.push(format!("{n} {word}")),
        }
    }
    match report.count(Outcome::Error) {
        0 => {}
        n => parts.push(plural(n, "harness error")),
    }
    if !report.skipped.is_empty() {
        parts.push(format!("{} skipped", report.skipped.len()));
    }
    if report.unmade > 0 {
        parts.push(format!("stopped with {} to go", plural(report.unmade, "run")));
    }
    let coverage = report.coverage.lines(look);
    format!(
        "{coverage}{}: {} in {:.1} s\n",
        look.paint(outcome_style(outcome), outcome),
        parts.join(", "),
        report.wall.as_secs_f64()
    )
}

pub(crate) fn plural(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Skipped;
    use crate::run::tests::run;

    #[test]
    fn times_keep_what_matters_at_their_size() {
        for (us, shown) in [
            (0, "+0.000s"),
            (210_999, "+0.210s"),
            (9_999_999, "+9.999s"),
            (12_560_000, "+12.5s"),
            (59_999_999, "+59.9s"),
            (192_000_000, "+3m 12s"),
            (7_392_000_000, "+2h 03m 12s"),
            (180_000_000_000, "+2d 02h 00m"),
        ] {
            assert_eq!(time(us), shown, "{us}");
        }
    }

    #[test]
    fn long_texts_are_cut_and_stay_on_one_line() {
        assert_eq!(shorten("milk\nand\tbread", 20), "milk and bread");
        assert_eq!(shorten("größer", 6), "größer");
        assert_eq!(shorten("größere", 6), "größe…");
        assert_eq!(shorten("x", 0), "…");
    }

    #[test]
    fn a_failure_reads_like_a_story() {
        let report =
            Report { runs: vec![run("a", 3, &["duplicated"]), run("a", 4, &[])], ..Report::default() };
        insta::assert_snapshot!(failure(&report.told()[0], "deadzone", Look::Plain), @r"
        fail a seed 3, 1 of 2 runs
          duplicated twice: task/1 stands twice on the server
          +0.210s ana on phone: create task/1 (saved)
           +12.5s phone's app starts again
                  2 more in the trace
          expected one record for one create
          replay   deadzone replay target/deadzone/a-3.scn
        ");
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let report = Report { runs: vec![run("a", 3, &["duplicated"])], ..Report::default() };
        let told = report.told();
        let coloured = failure(&told[0], "deadzone", Look::Coloured);
        assert_ne!(coloured, failure(&told[0], "deadzone", Look::Plain));
        let mut plain = String::new();
        let mut escape = false;
        for c in coloured.chars() {
            escape |= c == '\u{1b}';
            if !escape {
                plain.push(c);
            }
            escape &= c != 'm';
        }
        assert_eq!(plain, failure(&told[0], "deadzone", Look::Plain));
    }

    #[test]
    fn what_proves_nothing_is_named_once_with_its_seeds() {
        let unknown = |seed| Run {
            outcome: Outcome::Unknown,
            unknowns: vec!["fault f1 never struck: lose phone's next push".into()],
            ..run("a", seed, &[])
        };
        let broken =
            Run { outcome: Outcome::Error, error: Some("index out of bounds".into()), ..run("b", 1, &[]) };
        let skipped = Skipped {
            scenario: "c".into(),
            suite: None,
            missing: vec!["deleting records".into(), "tags".into()],
        };
        let mut runs: Vec<Run> = (0..10).map(unknown).collect();
        runs.push(broken);
        let report =
            Report { runs, skipped: vec![skipped], wall: Duration::from_millis(1_240), ..Report::default() };
        insta::assert_snapshot!(unknowns(&report, Look::Plain), @r"
        unknown a seeds 0, 1, 2, 3, 4, 5, 6, 7 and 2 more
          fault f1 never struck: lose phone's next push
        error b seed 1
          index out of bounds
        skipped c: the client has no deleting records, tags
        ");
        insta::assert_snapshot!(
            summary(&report, Look::Plain),
            @"error: 2 scenarios, 11 runs, 10 unknown, 1 harness error, 1 skipped in 1.2 s"
        );
    }
}
