//! What an undo comes to.
//!
//! A device that saves one tells which changes it made. Where it tells of none, the undo deleted
//! the record that the device had made, or brought back the one that it had deleted, whichever it
//! had done last. An undo that nobody confirmed may have done the opposite of that, or nothing.
//! What its disk forgot in between, a device may have done last or not at all; what the device did
//! that it became a copy of, it has done itself.

use deadzone_contract::Action;

use super::hosts::Hosts;
use super::{ActionRun, Ending, Op, RecordHistory};

/// What a device had last done to a record when it undid something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Undone {
    /// The last one first; several where it is not certain which of them it was.
    pub(crate) actions: Vec<usize>,
    pub(crate) certain: bool,
}

/// What an effect of an undo does, and to which field.
pub(super) type Opposite<'t> = (Option<&'t str>, Op<'t>);

/// What the device of an undo had last done to the record.
pub(crate) fn undone(
    record: &RecordHistory<'_>,
    actions: &[ActionRun<'_>],
    hosts: &Hosts<'_>,
    undo: usize,
) -> Undone {
    let mut undone = Undone { actions: Vec::new(), certain: true };
    let before = record.actions.iter().rev().skip_while(|&&i| i != undo).skip(1);
    for &i in before {
        let run = &actions[i];
        let is_own = hosts.is_own(actions[undo].device, run.device, run.ended, actions[undo].begun);
        if !is_own || run.refused() {
            continue;
        }
        match run.act {
            // It made the record.
            Action::Retry { .. } if record.creator == Some(i) => undone.actions.push(i),
            Action::Create { .. }
            | Action::Edit { .. }
            | Action::Delete { .. }
            | Action::Resolve { .. }
            | Action::Undo { .. } => {
                undone.actions.push(i);
                let damage = hosts.destroyed(run.device, run.ended);
                let forgotten = damage.is_some_and(|damage| damage.at < actions[undo].begun);
                if run.saved() && !forgotten {
                    break;
                }
                undone.certain = false;
            }
            // It may have thrown away whatever came before.
            Action::Discard { .. } => undone.certain = false,
            _ => {}
        }
    }
    undone
}

/// What an undo did, where its device did not tell, and whether that is certain.
pub(super) fn opposites<'t>(
    record: &RecordHistory<'t>,
    actions: &[ActionRun<'t>],
    hosts: &Hosts<'t>,
    undo: usize,
) -> (Vec<Opposite<'t>>, bool) {
    let undone = undone(record, actions, hosts, undo);
    let done = record.effects.iter().filter(|effect| undone.actions.contains(&effect.action));
    let confirmed = actions[undo].ending == Ending::Saved;
    let opposites = done.filter_map(|effect| {
        let op = match &effect.op {
            Op::Create | Op::Restore => Op::Delete,
            Op::Delete => Op::Restore,
            // It would have told.
            _ if confirmed => return None,
            Op::Put(_) | Op::Resolve(_) | Op::UseTheirs(_) => {
                let field = record.fields.get(effect.field?)?;
                Op::Put(field.by_value.keys().copied().collect())
            }
            Op::Add(by) => Op::Add(by.saturating_neg()),
            Op::Insert(member) => Op::Remove(member),
            Op::Remove(member) => Op::Insert(member),
        };
        Some((effect.field, op))
    });
    (opposites.collect(), undone.certain)
}
