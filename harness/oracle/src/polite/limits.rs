//! The limits that a server declares for each user.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use deadzone_trace::Event;

use super::word;
use crate::findings::{Case, Findings};
use crate::history::{Class, History, Outcome, Request};

/// Judges what the server carried out for each user.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    let mut limits = Limits { history, seen: BTreeSet::new(), windows: BTreeMap::new() };
    let mut answers: Vec<(usize, &Request<'_>)> = Vec::new();
    for request in history.wire.requests() {
        let answered = request.answers.iter().filter(|answer| (200..300).contains(&answer.status));
        answers.extend(answered.map(|answer| (answer.at, request)));
    }
    answers.sort_unstable_by_key(|(at, _)| *at);
    // A server that starts anew, or whose clock jumps, counts anew.
    let anew = history.entries.iter().enumerate().filter(|(_, entry)| match &entry.event {
        Event::HostUp { .. } => entry.host == crate::history::SERVER,
        Event::FaultBegan { text, .. } => text.starts_with("jump server's clock"),
        _ => false,
    });
    let mut anew = anew.map(|(at, _)| at).peekable();
    for (at, request) in answers {
        while anew.next_if(|&start| start < at).is_some() {
            limits.windows.clear();
        }
        limits.take(at, request, findings);
    }
}

struct Limits<'h, 't> {
    history: &'h History<'t>,
    /// What was carried out once is not carried out again.
    seen: BTreeSet<(&'t str, u64)>,
    /// By user: when something of a kind was done, within the last window.
    windows: BTreeMap<(&'t str, Class), VecDeque<(u64, usize)>>,
}

impl<'t> Limits<'_, 't> {
    fn take(&mut self, at: usize, request: &Request<'t>, findings: &mut Findings) {
        let Some(user) = self.history.users.surely_at(request.device, request.sent) else { return };
        let parameters = &self.history.header.parameters;
        let (count, limit) = match request.class {
            Class::Push => (self.carried_out(at, request), parameters.push_limit),
            Class::Pull => (1, parameters.pull_limit),
            _ => return,
        };
        let now_us = self.history.entries[at].at_us;
        // A little less than the whole: the server's clock may run fast.
        let window_us = parameters.limit_window.saturating_mul(990);
        let window = self.windows.entry((user, request.class)).or_default();
        window.extend(std::iter::repeat_n((now_us, at), count));
        while window.front().is_some_and(|(first_us, _)| first_us.saturating_add(window_us) < now_us) {
            window.pop_front();
        }
        let done = u64::try_from(window.len()).unwrap_or(u64::MAX);
        if done <= limit.saturating_mul(2) {
            return;
        }
        let first = window.front().map(|(_, at)| *at);
        let what = if request.class == Class::Push { "mutations" } else { "pulls" };
        let case = Case::new("over-the-limit", word(request.class)).subject(user);
        findings.report(case.evidence(first).evidence([at]).says(
            format!("the server carried out {done} {what} of {user} within {} ms", parameters.limit_window),
            format!(
                "at most {limit} in each window of that length, {} in two that touch",
                limit.saturating_mul(2)
            ),
        ));
    }

    /// How many mutations an answer carried out.
    fn carried_out(&mut self, at: usize, request: &Request<'t>) -> usize {
        let positions = request.mutations.iter().enumerate();
        let done = positions.filter(|(position, mutation)| {
            let mut outcomes = request.outcomes(*position);
            outcomes.any(|(told, outcome)| told == at && matches!(outcome, Outcome::Done { .. }))
                && match (request.device_id, mutation.number) {
                    (Some(device), Some(number)) => self.seen.insert((device, number)),
                    _ => true,
                }
        });
        done.count()
    }
}
