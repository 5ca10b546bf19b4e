//! Which effects an answer of the server called done, whether it arrived or not.
//!
//! Asked only of devices whose disk forgot something: what the server has is not lost with it.

use std::collections::BTreeMap;

use super::bodies::{Mutation, Outcome};
use super::wire::Request;
use super::{Effect, History};

/// What a device, and the copies of it, sent of its work.
pub(super) struct Commits<'h> {
    by_record: BTreeMap<usize, Vec<Carried<'h>>>,
}

/// One mutation in one push.
struct Carried<'h> {
    /// When it left the device itself; none: a copy of it sent it.
    own: Option<usize>,
    /// When a mutation of this number first left its device.
    first_sent: usize,
    mutation: &'h Mutation,
    /// When the server called it done first, and what it said of its fields.
    done: Option<(usize, &'h Outcome)>,
}

impl<'h> Commits<'h> {
    /// Looks at everything that a device and its copies pushed.
    pub(super) fn of(history: &'h History<'_>, device: &str) -> Commits<'h> {
        let mut commits = Commits { by_record: BTreeMap::new() };
        let mut first_sent: BTreeMap<(&str, usize, u64), usize> = BTreeMap::new();
        let copies = history.hosts.copies_of(device, 0);
        let of_its_work = |push: &&Request<'_>| {
            push.device == device || copies.get(push.device).is_some_and(|&copied| copied < push.sent)
        };
        for push in history.wire.requests().iter().filter(of_its_work) {
            for (position, mutation) in push.mutations.iter().enumerate() {
                let Some(record) = mutation.record else { continue };
                let first = match mutation.number {
                    Some(number) => *first_sent.entry((push.device, record, number)).or_insert(push.sent),
                    None => push.sent,
                };
                let own = (push.device == device).then_some(push.sent);
                let mut outcomes = push.outcomes(position);
                let done = outcomes.find(|(_, outcome)| matches!(outcome, Outcome::Done { .. }));
                let carried = Carried { own, first_sent: first, mutation, done };
                commits.by_record.entry(record).or_default().push(carried);
            }
        }
        commits
    }

    /// When the server first called an effect done that its device's disk forgot at `forgot`: what
    /// the device sent afterwards is other work, however much it looks like it.
    pub(super) fn done(
        &self,
        history: &History<'_>,
        record: usize,
        effect: &Effect<'_>,
        forgot: usize,
    ) -> Option<usize> {
        let begun = history.action_of(effect).begun;
        let carried = self.by_record.get(&record).into_iter().flatten();
        let carried = carried.filter(|carried| {
            carried.own.is_none_or(|sent| sent < forgot)
                && carried.first_sent > begun
                && carried.mutation.does(effect)
        });
        let done = carried.filter_map(|carried| carried.done);
        done.filter(|(_, outcome)| outcome.did(effect)).map(|(at, _)| at).min()
    }
}
