//! A drawn script without the lines that came to nothing, or that a client cannot do.

use std::collections::BTreeSet;

use deadzone_contract::Capability;
use deadzone_script::{Act, Declaration, Item, Script, Step};

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

/// The script in which the steps of these labels say that a device has to refuse them. None where
/// none of them was there.
pub fn refused(script: &Script, labels: &BTreeSet<String>) -> Option<Script> {
    let is_one = |step: &Step| step.label.as_ref().is_some_and(|label| labels.contains(label));
    with_refusals(script, |step, cannot| cannot || is_one(step))
}

/// The script without any word on what a device has to refuse. None where it has none.
pub fn unclaimed(script: &Script) -> Option<Script> {
    with_refusals(script, |_, _| false)
}

fn with_refusals(script: &Script, refuses: impl Fn(&Step, bool) -> bool) -> Option<Script> {
    let mut changed = script.clone();
    for item in &mut changed.items {
        let Item::Step(step) = item else { continue };
        let Act::User { cannot, .. } = step.act else { continue };
        let refused = refuses(step, cannot);
        if let Act::User { cannot, .. } = &mut step.act {
            *cannot = refused;
        }
    }
    (changed != *script).then_some(changed)
}

/// The script as a client can go through it that has not every capability: without the steps that it
/// cannot do, in the model that holds where nothing is said, and with devices that subscribe to
/// everything and run the newest app. None where nothing legal is left.
pub fn fitted(script: &Script, can: impl Fn(&Capability) -> bool) -> Option<Script> {
    if script.needs().iter().all(&can) {
        return Some(script.clone());
    }
    let mut plain = script.clone();
    plain.items.retain(|item| !matches!(item, Item::Declaration(Declaration::Model(_))));
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
