//! What a search was worth: how large its worlds were, what was taken out of its scripts, and what
//! its failures came down to.

use serde::{Deserialize, Serialize};

/// What one drawn script came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Devices of its world.
    pub devices: usize,
    /// What users were told is saved.
    pub saved: usize,
    /// Faults that struck.
    pub struck: usize,
    /// How often it was run again without lines that had come to nothing.
    pub reruns: usize,
    /// Faults among those lines.
    pub pruned_faults: usize,
    /// Refused steps among them.
    pub pruned_steps: usize,
}

/// A failure that was made small.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shrunk {
    /// Of the script that failed.
    pub seed: u64,
    /// Who found it.
    pub oracle: String,
    /// Which part of the invariant.
    pub clause: String,
    /// Steps that are left.
    pub steps: usize,
    /// Lines that said something, before.
    pub lines_before: usize,
    /// Lines that say something, now.
    pub lines: usize,
    /// Candidates that were run.
    pub runs: usize,
    /// Real time that it took.
    pub seconds: f64,
    /// The file.
    pub path: String,
}

/// All scripts of a search together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Search {
    /// Scripts that were run to their end.
    pub scripts: usize,
    /// How often scripts were run again without lines that had come to nothing.
    pub reruns: usize,
    /// Faults that were taken out because they had nothing to strike.
    pub pruned_faults: usize,
    /// Steps that were taken out because a device refused them.
    pub pruned_steps: usize,
    /// Devices of a script: half of the scripts have so many or more.
    pub devices_median: usize,
    /// Saved actions, likewise.
    pub saved_median: usize,
    /// Faults that struck, likewise.
    pub struck_median: usize,
    /// One for each kind of violation.
    pub shrunk: Vec<Shrunk>,
    #[serde(skip)]
    measured: Vec<(u32, u32, u32)>,
}

impl Search {
    /// One more script.
    pub fn add(&mut self, measured: &Measured) {
        self.scripts += 1;
        self.reruns += measured.reruns;
        self.pruned_faults += measured.pruned_faults;
        self.pruned_steps += measured.pruned_steps;
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.measured.push((small(measured.devices), small(measured.saved), small(measured.struck)));
    }

    /// Computes the medians; call it when all scripts are in.
    pub fn finish(&mut self) {
        let median = |of: fn(&(u32, u32, u32)) -> u32| {
            let mut numbers: Vec<u32> = self.measured.iter().map(of).collect();
            numbers.sort_unstable();
            // The lower one of two: half of all have it or more.
            numbers.get(numbers.len().saturating_sub(1) / 2).map_or(0, |median| *median as usize)
        };
        let medians = [median(|one| one.0), median(|one| one.1), median(|one| one.2)];
        [self.devices_median, self.saved_median, self.struck_median] = medians;
    }
}

/// For people, a few lines; ends with a line end.
pub fn search_summary(search: &Search) -> String {
    let Search { scripts, reruns, pruned_faults, pruned_steps, .. } = search;
    let mut text = format!(
        "{scripts} scripts were drawn; in the median {} devices, {} saved actions, {} faults that struck\n\
         pruned: {pruned_faults} faults with nothing to strike, {pruned_steps} refused steps; {reruns} reruns\n",
        search.devices_median, search.saved_median, search.struck_median
    );
    for one in &search.shrunk {
        text += &format!(
            "shrunk: {} {} from {} lines to {} ({} steps) in {} runs, {:.1} s: {}\n",
            one.oracle, one.clause, one.lines_before, one.lines, one.steps, one.runs, one.seconds, one.path
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_all_scripts() {
        let mut search = Search::default();
        for saved in [30, 10, 20] {
            search.add(&Measured {
                devices: 2,
                saved,
                struck: 3,
                reruns: 1,
                pruned_faults: 2,
                pruned_steps: 1,
            });
        }
        search.finish();
        insta::assert_snapshot!(search_summary(&search), @r"
        3 scripts were drawn; in the median 2 devices, 20 saved actions, 3 faults that struck
        pruned: 6 faults with nothing to strike, 3 refused steps; 3 reruns
        ");
    }
}
