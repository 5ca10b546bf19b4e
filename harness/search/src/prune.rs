//! A drawn script without the lines that came to nothing, or that a client cannot do.

use std::collections::BTreeSet;

use deadzone_contract::Capability;
use deadzone_script::{Declaration, Item, Script};

use crate::cut::Cut;

/// The script without the steps of these labels, and without what has no meaning without them
/// (the end of a fault that is gone). None where nothing legal is left, or none of them was there.
pub fn without(script: &Script, labels: &BTreeSet<String>) -> Option<Script> {
    let goes = |item: &Item| match item {
        Item::Step(step) => step.label.as_ref().is_some_and(|label| labels.contains(label)),
        _ => false,
    };
    without_lines(script, goes)
}

/// The script as a client can go through it that has not every capability: without the steps that it
/// cannot do, and with devices that subscribe to everything and run the newest app. None where
/// nothing legal is left.
pub fn fitted(script: &Script, can: impl Fn(&Capability) -> bool) -> Option<Script> {
    if script.needs().iter().all(&can) {
        return Some(script.clone());
    }
    let mut plain = script.clone();
    for item in &mut plain.items {
        if let Item::Declaration(Declaration::Device { scope, entities, app, .. }) = item {
            (*scope, *entities, *app) = (None, None, None);
        }
    }
    let goes = |item: &Item| match item {
        Item::Step(_) => !Script { items: vec![item.clone()] }.needs().iter().all(&can),
        _ => false,
    };
    if plain.items.iter().any(goes) { without_lines(&plain, goes) } else { Some(plain) }
}

fn without_lines(script: &Script, goes: impl Fn(&Item) -> bool) -> Option<Script> {
    let lines: Vec<usize> = (0..script.items.len()).filter(|at| goes(&script.items[*at])).collect();
    if lines.is_empty() {
        return None;
    }
    Some(Cut::default().and(&lines).repaired(script)?.of(script))
}
