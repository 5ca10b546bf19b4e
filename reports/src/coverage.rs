//! Which situations were met, for people and for programs.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};
use deadzone_coverage::{SITUATIONS, Totals};
use deadzone_oracle::Outcome;
use serde::Serialize;

use crate::Look;
use crate::terminal::{outcome_style, plural};

const QUIET: Style = AnsiColor::BrightBlack.on_default();

/// What all runs of a command met together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Every situation and kind of fault, counted.
    pub totals: Totals,
    /// Every situation has to be met: the whole nightly suite was run, by the reference.
    pub is_demanded: bool,
}

#[derive(Serialize)]
pub(crate) struct CoverageEntry {
    /// What was met, with the number of runs that met it.
    situations: BTreeMap<&'static str, u64>,
    /// What struck, with the number of strikes.
    faults: BTreeMap<&'static str, u64>,
    missed: Vec<&'static str>,
}

impl Coverage {
    /// What was demanded and not met, in the order of the situations.
    pub(crate) fn lacking(&self) -> Vec<&'static str> {
        if self.is_demanded { self.totals.missed().collect() } else { Vec::new() }
    }

    /// Why the runs together prove less than they should; none where nothing is lacking.
    pub(crate) fn doubt(&self) -> Option<String> {
        let lacking = self.lacking();
        let words = if lacking.len() == 1 { "a situation" } else { "situations" };
        (!lacking.is_empty()).then(|| format!("no run reached {words}: {}", lacking.join(", ")))
    }

    /// None where nothing was run.
    pub(crate) fn entry(&self) -> Option<CoverageEntry> {
        let counted = |all: &mut dyn Iterator<Item = (&'static str, u64)>| {
            all.filter(|(_, times)| *times > 0).collect::<BTreeMap<_, _>>()
        };
        (self.totals.runs() > 0).then(|| CoverageEntry {
            situations: counted(&mut self.totals.situations()),
            faults: counted(&mut self.totals.strikes()),
            missed: self.totals.missed().collect(),
        })
    }

    /// How many situations were met, the rarest where every one has to be, and what is lacking.
    /// Empty where nothing was run; else each line ends with a line end.
    pub(crate) fn lines(&self, look: Look) -> String {
        if self.totals.runs() == 0 {
            return String::new();
        }
        let met = SITUATIONS.len() - self.totals.missed().count();
        let mut line = format!("{met} of {} situations reached", SITUATIONS.len());
        let rarest = self.totals.situations().filter(|(_, runs)| *runs > 0).min_by_key(|(_, runs)| *runs);
        if let Some((name, runs)) = rarest.filter(|_| self.is_demanded) {
            let runs = plural(usize::try_from(runs).unwrap_or(usize::MAX), "run");
            line += &format!("; the rarest, {name}, in {runs}");
        }
        let doubt = self.doubt().map_or_else(String::new, |doubt| {
            format!("{} {doubt}\n", look.paint(outcome_style(Outcome::Unknown), Outcome::Unknown))
        });
        format!("{doubt}{}\n", look.paint(QUIET, line))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use deadzone_coverage::Met;

    use super::*;

    /// One run that met the first situations and that two faults of a kind struck.
    pub(crate) fn met(situations: u32) -> Met {
        let bits = (1_u64 << situations) - 1;
        let text = format!(r#"{{"situations":[{bits},0,0],"strikes":{{"0":2}}}}"#);
        serde_json::from_str(&text).expect("a worker sends such")
    }

    fn coverage(is_demanded: bool) -> Coverage {
        let mut totals = Totals::default();
        totals.count(&met(2));
        totals.count(&met(1));
        Coverage { totals, is_demanded }
    }

    #[test]
    fn only_where_all_is_demanded_a_miss_leaves_a_doubt() {
        assert_eq!(coverage(false).doubt(), None);
        let doubt = coverage(true).doubt().expect("nearly all are missed");
        assert!(doubt.starts_with("no run reached situations: answer-lost-of-set, "), "{doubt}");
        let lines = coverage(true).lines(Look::Plain);
        let [first, second] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
        assert_eq!(first, format!("unknown {doubt}"));
        let counted = format!(
            "2 of {} situations reached; the rarest, answer-lost-of-counter, in 1 run",
            SITUATIONS.len()
        );
        assert_eq!(second, counted);
        assert_eq!(Coverage { is_demanded: true, ..Coverage::default() }.lines(Look::Plain), "");
    }

    #[test]
    fn programs_get_what_was_met_and_what_was_not() {
        let entry = serde_json::to_value(coverage(false).entry()).expect("string keys");
        assert_eq!(
            entry["situations"],
            serde_json::json!({"answer-lost-of-create": 2, "answer-lost-of-counter": 1})
        );
        assert_eq!(entry["faults"], serde_json::json!({"lose-request": 4}));
        assert_eq!(entry["missed"].as_array().map(Vec::len), Some(SITUATIONS.len() - 2));
        assert!(Coverage::default().entry().is_none());
    }
}
