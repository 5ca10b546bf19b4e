//! `list`: what there is.

use deadzone_coverage::SITUATIONS;
use serde::Serialize;

use crate::args::{List, Listed};
use crate::defects::DEFECTS;
use crate::faults::FAULTS;
use crate::stop::Stop;
use crate::{STATUS_PASS, output, scenarios};

/// How far names are from what is said about them.
const GAP: usize = 2;

#[derive(Serialize)]
struct ScenarioEntry {
    name: String,
    suite: Option<String>,
    /// The comment that it opens with.
    about: String,
    /// What a client has to be capable of.
    needs: Vec<String>,
}

#[derive(Serialize)]
struct OracleEntry {
    name: &'static str,
    invariant: &'static str,
    source: &'static str,
}

/// Prints a list.
pub(super) fn list(args: &List) -> Result<u8, Stop> {
    let text = match args.what {
        Listed::Rules if args.json => print(&deadzone_reports::rules(), true, |_| ("", String::new())),
        Listed::Rules => deadzone_reports::rules_document(),
        Listed::Scenarios => {
            let entries = scenario_entries()?;
            print(&entries, args.json, |e| (&e.name, format!("{}{}", suite(e.suite.as_deref()), e.about)))
        }
        Listed::Faults => print(FAULTS, args.json, |fault| {
            (fault.example, format!("{}. Struck when {}.", fault.about, fault.struck))
        }),
        Listed::Oracles => {
            let entries: Vec<OracleEntry> = deadzone_oracle::ORACLES
                .iter()
                .map(|o| OracleEntry { name: o.name, invariant: o.invariant, source: o.source })
                .collect();
            print(&entries, args.json, |oracle| (oracle.name, oracle.invariant.to_owned()))
        }
        Listed::Situations => print(SITUATIONS, args.json, |situation| {
            (situation.name, format!("{} ({})", situation.meaning, situation.source))
        }),
        Listed::Defects => print(DEFECTS, args.json, |defect| {
            let caught = defect.oracles.join(" or ");
            (
                defect.name,
                format!(
                    "{}: {} Caught by {caught}; {} shows it. ({})",
                    defect.side(),
                    defect.mistake,
                    defect.scenario,
                    defect.source
                ),
            )
        }),
    };
    output::result(&text)?;
    Ok(STATUS_PASS)
}

fn scenario_entries() -> Result<Vec<ScenarioEntry>, Stop> {
    let entry = |scenario: scenarios::Scenario| ScenarioEntry {
        name: scenario.name().to_owned(),
        suite: scenario.script.suite().map(|suite| suite.to_string()),
        about: scenario.about(),
        needs: scenario.script.needs().iter().map(ToString::to_string).collect(),
    };
    Ok(scenarios::built_in()?.into_iter().map(entry).collect())
}

fn suite(suite: Option<&str>) -> String {
    suite.map_or_else(String::new, |suite| format!("[{suite}] "))
}

/// One entry a paragraph, its words wrapped behind its name; or all as JSON.
fn print<T: Serialize>(entries: &[T], json: bool, words: impl Fn(&T) -> (&str, String)) -> String {
    if json {
        let text =
            serde_json::to_string_pretty(entries).expect("lists have string keys and no failing parts");
        return text + "\n";
    }
    let entries: Vec<(&str, String)> = entries.iter().map(words).collect();
    let indent = " ".repeat(GAP);
    let paragraph = |(name, words): &(&str, String)| format!("{name}\n{}", wrap(words, &indent));
    entries.iter().map(paragraph).collect()
}

/// Words in lines of at most 100 characters, each behind `indent`.
fn wrap(words: &str, indent: &str) -> String {
    let mut lines: Vec<String> = vec![indent.to_owned()];
    for word in words.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.len() > indent.len() && line.chars().count() + 1 + word.chars().count() > 100 {
            lines.push(format!("{indent}{word}"));
        } else {
            if line.len() > indent.len() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_none_is_lost() {
        let words = "word ".repeat(50);
        let text = wrap(&words, "  ");
        assert!(text.lines().all(|line| line.starts_with("  w") && line.len() <= 100), "{text}");
        assert_eq!(text.split_whitespace().count(), 50);
        assert_eq!(wrap("", "  "), "  \n");
    }
}
