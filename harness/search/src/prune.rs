//! A drawn script without the lines that came to nothing.

use std::collections::BTreeSet;

use deadzone_script::{Item, Script};

use crate::cut::Cut;

/// The script without the steps of these labels, and without what has no meaning without them
/// (the end of a fault that is gone). None where nothing legal is left, or none of them was there.
pub fn without(script: &Script, labels: &BTreeSet<String>) -> Option<Script> {
    let goes = |item: &Item| match item {
        Item::Step(step) => step.label.as_ref().is_some_and(|label| labels.contains(label)),
        _ => false,
    };
    let lines: Vec<usize> = (0..script.items.len()).filter(|at| goes(&script.items[*at])).collect();
    if lines.is_empty() {
        return None;
    }
    Some(Cut::default().and(&lines).repaired(script)?.of(script))
}
