//! Whether the harness would notice: every planted mistake, and what it took to find it.

use serde::Serialize;

/// One planted mistake.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The defect.
    pub name: String,
    /// Whether it was found from every start within the time.
    pub found: bool,
    /// The oracle that found it first; one of those that it declares.
    pub oracle: Option<String>,
    /// Scripts that were run until it was found: the median over the starts.
    pub runs: usize,
    /// Seconds of one core until it was found: the median over the starts.
    pub seconds: f64,
    /// The longest of them.
    pub seconds_max: f64,
    /// Steps of the shrunk script.
    pub steps: Option<usize>,
    /// Seconds of one core that shrinking it took.
    pub shrink_seconds: Option<f64>,
    /// The shrunk script's file.
    pub repro: Option<String>,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Scorecard {
    /// In the order of the registry.
    pub defects: Vec<Score>,
    /// Each was searched from so many starts.
    pub starts: usize,
    /// For so many seconds of one core at most.
    pub seconds_max: f64,
}

impl Scorecard {
    /// Whether every defect was found.
    pub fn is_complete(&self) -> bool {
        self.defects.iter().all(|score| score.found)
    }

    /// The defects that were not found.
    fn missing(&self) -> Vec<&str> {
        self.defects.iter().filter(|score| !score.found).map(|score| score.name.as_str()).collect()
    }
}

/// For programs.
pub fn scorecard_document(card: &Scorecard) -> String {
    crate::json::text_of(card)
}

/// For people at a terminal.
pub fn scorecard_text(card: &Scorecard) -> String {
    let width = card.defects.iter().map(|score| score.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for score in &card.defects {
        let Score { name, oracle, runs, seconds, steps, .. } = score;
        let steps = steps.map_or_else(String::new, |steps| format!(", shrunk to {steps} steps"));
        text += &match oracle {
            Some(oracle) if score.found => {
                format!("{name:width$}  {oracle:10} {runs:6} runs {seconds:7.2} s{steps}\n")
            }
            _ => format!("{name:width$}  not found in {seconds:.0} s of one core\n"),
        };
    }
    text + &totals(card)
}

fn totals(card: &Scorecard) -> String {
    let median = |of: &dyn Fn(&Score) -> Option<f64>| {
        let mut numbers: Vec<f64> = card.defects.iter().filter_map(of).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.get(numbers.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
    };
    let found = card.defects.iter().filter(|score| score.found).count();
    let mut text = format!(
        "{found} of {} found, each from {} starts; in the median {:.2} s of one core, {:.0} steps\n",
        card.defects.len(),
        card.starts,
        median(&|score| score.found.then_some(score.seconds)),
        median(&|score| score.steps.and_then(|steps| u32::try_from(steps).ok()).map(f64::from)),
    );
    let missing = card.missing();
    if !missing.is_empty() {
        text += &format!("not found: {}\n", missing.join(", "));
    }
    text
}

/// The page that a skeptic reads: Markdown.
pub fn scorecard_page(card: &Scorecard) -> String {
    let mut text = String::from(
        "# Would the harness notice?\n\n\
         Every known mistake of offline-first sync is planted in the reference client or server, one at\n\
         a time, and searched for with scripts that nobody wrote, drawn from seeds. A mistake counts as\n\
         found when an oracle fails that had been declared for it beforehand. This page is made by\n\
         `deadzone defects --page`.\n\n",
    );
    text += &format!("{}\n", totals(card));
    text +=
        "| Mistake | Found by | Scripts | Seconds of one core | Longest | Steps of the smallest script |\n";
    text += "|---|---|---:|---:|---:|---:|\n";
    for score in &card.defects {
        let Score { name, oracle, runs, seconds, seconds_max, steps, .. } = score;
        let steps = steps.map_or_else(String::new, |steps| steps.to_string());
        text += &match oracle {
            Some(oracle) if score.found => {
                format!("| `{name}` | `{oracle}` | {runs} | {seconds:.2} | {seconds_max:.2} | {steps} |\n")
            }
            _ => format!("| `{name}` | not found | | | {seconds_max:.0} | |\n"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Scorecard {
        let found = Score {
            name: "hard-delete".into(),
            found: true,
            oracle: Some("lost".into()),
            runs: 12,
            seconds: 0.31,
            seconds_max: 1.2,
            steps: Some(7),
            shrink_seconds: Some(2.0),
            repro: None,
        };
        let missed = Score {
            name: "generic-error".into(),
            found: false,
            oracle: None,
            runs: 900,
            seconds: 60.0,
            seconds_max: 60.0,
            steps: None,
            shrink_seconds: None,
            repro: None,
        };
        Scorecard { defects: vec![found, missed], starts: 3, seconds_max: 60.0 }
    }

    #[test]
    fn a_defect_that_is_not_found_is_named() {
        assert!(!card().is_complete());
        insta::assert_snapshot!(scorecard_text(&card()), @r"
        hard-delete    lost           12 runs    0.31 s, shrunk to 7 steps
        generic-error  not found in 60 s of one core
        1 of 2 found, each from 3 starts; in the median 0.31 s of one core, 7 steps
        not found: generic-error
        ");
    }

    #[test]
    fn the_page_has_a_row_for_each() {
        let page = scorecard_page(&card());
        assert!(page.contains("| `hard-delete` | `lost` | 12 | 0.31 | 1.20 | 7 |\n"), "{page}");
        assert!(page.contains("| `generic-error` | not found |"), "{page}");
    }
}
