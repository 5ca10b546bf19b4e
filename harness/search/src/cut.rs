//! A script without some of its lines, and without what hung on them.

use std::collections::BTreeSet;

use deadzone_script::{Declaration, Item, Script};

/// A script and the lines that it goes without.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Cut(BTreeSet<usize>);

impl Cut {
    /// The lines that are left and that `wanted` picks, by their places in the whole script.
    pub(crate) fn left(&self, script: &Script, wanted: impl Fn(&Item) -> bool) -> Vec<usize> {
        let all = script.items.iter().enumerate();
        all.filter(|(at, item)| !self.0.contains(at) && wanted(item)).map(|(at, _)| at).collect()
    }

    /// The same without these lines too.
    pub(crate) fn and(&self, lines: &[usize]) -> Cut {
        Cut(self.0.iter().chain(lines).copied().collect())
    }

    /// The script that is left.
    pub(crate) fn of(&self, script: &Script) -> Script {
        script.without_items(&self.0)
    }

    /// The same without every line that has no meaning any more: steps of a device that is gone,
    /// edits of a record that nobody creates. None where that does not end in a script, or where
    /// a line would have to go that says which scenario it is.
    pub(crate) fn repaired(mut self, script: &Script) -> Option<Cut> {
        loop {
            let left: Vec<usize> = self.left(script, |_| true);
            let Err(problems) = self.of(script).check() else { return Some(self) };
            let before = self.0.len();
            for problem in problems {
                let at = *left.get(problem.item)?;
                if !is_removable(&script.items[at]) {
                    return None;
                }
                self.0.insert(at);
            }
            if self.0.len() == before {
                return None;
            }
        }
    }
}

/// The same script with nothing between its lines but one empty line before the world and one
/// before the steps. What stands before the first line that says something is kept: it tells what
/// the scenario is about.
pub(crate) fn tidy(script: &Script) -> Script {
    let first = script.items.iter().position(|item| !is_prose(item)).unwrap_or(0);
    let (head, rest) = script.items.split_at(first);
    let mut items = head.to_vec();
    let mut part = 0;
    for item in rest.iter().filter(|item| !is_prose(item)) {
        let next = match item {
            Item::Step(_) => 2,
            item if is_removable(item) => 1,
            _ => 0,
        };
        if next > part {
            items.push(Item::Blank);
        }
        part = part.max(next);
        items.push(item.clone());
    }
    Script { items }
}

/// Whether a line says nothing to a machine.
pub(crate) fn is_prose(item: &Item) -> bool {
    matches!(item, Item::Blank | Item::Comment(_))
}

/// Whether a script may go without a line.
pub(crate) fn is_removable(item: &Item) -> bool {
    match item {
        Item::Blank | Item::Comment(_) | Item::Step(_) => true,
        Item::Declaration(declaration) => is_removable_declaration(declaration),
    }
}

/// Whether a script may go without a declaration: those that say which scenario it is and which
/// run it repeats stay.
pub(crate) fn is_removable_declaration(declaration: &Declaration) -> bool {
    matches!(
        declaration,
        Declaration::Set { .. } | Declaration::Workspace { .. } | Declaration::Device { .. }
    )
}
