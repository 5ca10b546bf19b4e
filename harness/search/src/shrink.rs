//! Which lines are tried, in which order, and when it ends.
//!
//! Lines are deleted in runs of half the script, then of a quarter, and so on to single ones, the
//! last first, because later lines hang on earlier ones. Declarations are tried after the steps.
//! All of that is repeated until nothing more can go: delta debugging, cut down to what scripts
//! need. Which candidate comes next depends on the script and on the answers alone, so the
//! result does not depend on how fast or where the candidates run.

use std::collections::BTreeSet;

use deadzone_script::{Item, Script};

use crate::cut::{Cut, is_prose, is_removable_declaration, tidy};

/// A smaller script that shows the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// What is left. Every step has its label written.
    pub script: Script,
    /// Lines that say something, before.
    pub lines_before: usize,
    /// Lines that say something, now.
    pub lines_after: usize,
    /// How many candidates were run.
    pub runs: usize,
    /// Whether the runs were used up before everything was tried.
    pub exhausted: bool,
}

/// Deletes lines of a checked script while `shows` says that what is left shows the same
/// violation. `shows` is asked at most `runs_max` times, only about scripts that pass their
/// check, and never twice about the same one. That `script` itself shows it is the caller's
/// word. Comments between its lines go in any case.
///
/// # Errors
/// The first error of `shows`.
pub fn shrink<E>(
    script: &Script,
    runs_max: usize,
    shows: impl FnMut(&Script) -> Result<bool, E>,
) -> Result<Shrunk, E> {
    // Labels name what is drawn for a step: they must not move when lines go.
    let whole = tidy(&script.labelled());
    let mut search =
        Search { whole: &whole, best: Cut::default(), tried: BTreeSet::new(), runs_max, runs: 0, shows };
    loop {
        let before = search.best.clone();
        search.pass(|item| matches!(item, Item::Step(_)))?;
        search.pass(|item| matches!(item, Item::Declaration(one) if is_removable_declaration(one)))?;
        if search.best == before || search.exhausted() {
            break;
        }
    }
    let (best, runs, exhausted) = (search.best.clone(), search.runs, search.exhausted());
    let script = best.of(&whole);
    Ok(Shrunk { lines_before: lines(&whole), lines_after: lines(&script), script, runs, exhausted })
}

fn lines(script: &Script) -> usize {
    script.items.iter().filter(|item| !is_prose(item)).count()
}

struct Search<'s, F> {
    whole: &'s Script,
    /// The smallest one so far that shows the violation.
    best: Cut,
    tried: BTreeSet<Cut>,
    runs_max: usize,
    runs: usize,
    shows: F,
}

impl<E, F: FnMut(&Script) -> Result<bool, E>> Search<'_, F> {
    fn exhausted(&self) -> bool {
        self.runs >= self.runs_max
    }

    /// Tries to delete the lines that `wanted` picks, in ever smaller groups.
    fn pass(&mut self, wanted: impl Fn(&Item) -> bool) -> Result<(), E> {
        let mut size = self.best.left(self.whole, &wanted).len();
        while size > 0 {
            let mut end = self.best.left(self.whole, &wanted).len();
            while end > 0 {
                let left = self.best.left(self.whole, &wanted);
                // A success may have taken lines along that hung on those of the group.
                end = end.min(left.len());
                let start = end.saturating_sub(size);
                self.attempt(self.best.and(&left[start..end]))?;
                end = start;
            }
            size /= 2;
        }
        Ok(())
    }

    /// Takes a candidate for the best one if it shows the violation.
    fn attempt(&mut self, candidate: Cut) -> Result<(), E> {
        let Some(candidate) = candidate.repaired(self.whole) else { return Ok(()) };
        if self.exhausted() || candidate == self.best || !self.tried.insert(candidate.clone()) {
            return Ok(());
        }
        self.runs += 1;
        if (self.shows)(&candidate.of(self.whole))? {
            self.best = candidate;
        }
        Ok(())
    }
}
