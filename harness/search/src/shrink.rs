//! What is tried to make a script smaller, in which order, and when it ends.
//!
//! Three things are done in turn until none of them helps any more:
//!
//! 1. Lines are deleted in runs of half the script, then of a quarter, and so on to single ones,
//!    the last first, because later lines hang on earlier ones; declarations after the steps. That
//!    is delta debugging, cut down to what scripts need.
//! 2. Devices and users are made one: whatever one did, another one does.
//! 3. Single lines are made simpler: fewer changes, shorter times, a kill in place of a power loss.
//!
//! Where none of them helps, a step may stand there only because a fault counts what it makes a disk
//! do: single steps are deleted while such a fault counts less far, and if that helps, all begins anew.
//!
//! At last the labels go that nothing refers to, so that the script reads as a person would have
//! written it. Which candidate comes next depends on the script and on the answers alone, so the
//! result does not depend on how fast or where the candidates run.

use std::collections::BTreeSet;

use deadzone_script::{Act, Item, Script};

use crate::cut::{Cut, is_prose, is_removable_declaration, tidy};
use crate::simpler;

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
    let best = tidy(&script.labelled());
    let lines_before = lines(&best);
    let mut search = Search { best, tried: BTreeSet::new(), runs_max, runs: 0, shows };
    loop {
        let before = search.best.clone();
        search.delete()?;
        search.merge()?;
        search.simplify()?;
        if search.best == before {
            search.count_less()?;
        }
        if search.best == before || search.exhausted() {
            break;
        }
    }
    search.unlabel()?;
    let (runs, exhausted) = (search.runs, search.exhausted());
    Ok(Shrunk { lines_before, lines_after: lines(&search.best), script: search.best, runs, exhausted })
}

fn lines(script: &Script) -> usize {
    script.items.iter().filter(|item| !is_prose(item)).count()
}

struct Search<F> {
    /// The smallest one so far that shows the violation.
    best: Script,
    /// Hashes would do; the texts cannot collide.
    tried: BTreeSet<String>,
    runs_max: usize,
    runs: usize,
    shows: F,
}

impl<E, F: FnMut(&Script) -> Result<bool, E>> Search<F> {
    fn exhausted(&self) -> bool {
        self.runs >= self.runs_max
    }

    /// Takes a candidate for the best one if it shows the violation; whether it did.
    fn attempt(&mut self, candidate: Script) -> Result<bool, E> {
        if self.exhausted() || candidate == self.best || !self.tried.insert(candidate.to_string()) {
            return Ok(false);
        }
        self.runs += 1;
        let shows = (self.shows)(&candidate)?;
        if shows {
            self.best = candidate;
        }
        Ok(shows)
    }

    fn delete(&mut self) -> Result<(), E> {
        let whole = self.best.clone();
        let mut best = Cut::default();
        self.pass(&whole, &mut best, |item| matches!(item, Item::Step(_)))?;
        self.pass(
            &whole,
            &mut best,
            |item| matches!(item, Item::Declaration(one) if is_removable_declaration(one)),
        )
    }

    /// Tries to delete the lines that `wanted` picks, in ever smaller groups.
    fn pass(&mut self, whole: &Script, best: &mut Cut, wanted: impl Fn(&Item) -> bool) -> Result<(), E> {
        let mut size = best.left(whole, &wanted).len();
        while size > 0 {
            let mut end = best.left(whole, &wanted).len();
            while end > 0 {
                let left = best.left(whole, &wanted);
                // A success may have taken lines along that hung on those of the group.
                end = end.min(left.len());
                let start = end.saturating_sub(size);
                if let Some(cut) = best.and(&left[start..end]).repaired(whole)
                    && self.attempt(cut.of(whole))?
                {
                    *best = cut;
                }
                end = start;
            }
            size /= 2;
        }
        Ok(())
    }

    fn merge(&mut self) -> Result<(), E> {
        loop {
            let before = self.best.clone();
            for candidate in simpler::merged(&before) {
                if let Some(candidate) = legal(&candidate)
                    && self.attempt(candidate)?
                {
                    break;
                }
            }
            if self.best == before {
                return Ok(());
            }
        }
    }

    fn simplify(&mut self) -> Result<(), E> {
        let mut at = 0;
        while at < self.best.items.len() && !self.exhausted() {
            let candidates = simpler::simpler(&self.best.items[at]);
            let mut helped = false;
            for item in candidates {
                let mut candidate = self.best.clone();
                candidate.items[at] = item;
                if candidate.check().is_ok() && self.attempt(candidate)? {
                    helped = true;
                    break;
                }
            }
            // A line that became simpler may become simpler still.
            at += usize::from(!helped);
        }
        Ok(())
    }

    /// Deletes one step for which a fault counts less far than before.
    fn count_less(&mut self) -> Result<(), E> {
        let whole = self.best.clone();
        let steps = Cut::default().left(&whole, |item| matches!(item, Item::Step(_)));
        for (&gone, &fault) in steps.iter().rev().flat_map(|gone| steps.iter().map(move |at| (gone, at))) {
            for earlier in simpler::earlier(&whole.items[fault]) {
                let mut counting = whole.clone();
                counting.items[fault] = earlier;
                if let Some(cut) = Cut::default().and(&[gone]).repaired(&counting)
                    && gone != fault
                    && self.attempt(cut.of(&counting))?
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What is drawn for a step hangs on its label, so the violation may hang on it too.
    fn unlabel(&mut self) -> Result<(), E> {
        let referred: BTreeSet<String> =
            self.best.steps().filter_map(|(_, _, step)| ended(&step.act)).collect();
        let mut candidate = self.best.clone();
        for item in &mut candidate.items {
            if let Item::Step(step) = item
                && !step.label.as_ref().is_some_and(|label| referred.contains(label))
            {
                step.label = None;
            }
        }
        if candidate.check().is_ok() {
            self.attempt(candidate)?;
        }
        Ok(())
    }
}

fn ended(act: &Act) -> Option<String> {
    match act {
        Act::End(label) => Some(label.clone()),
        _ => None,
    }
}

/// The script without the lines that mean nothing any more.
fn legal(script: &Script) -> Option<Script> {
    Some(Cut::default().repaired(script)?.of(script))
}
