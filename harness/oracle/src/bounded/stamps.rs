//! How far stamps get ahead of the server's clock.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::Stamp;

use crate::findings::{Case, Findings};
use crate::history::{Answer, History, Outcome, Request, SERVER};

pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    let ahead_ms = history.header.parameters.stamp_ahead;
    let mut answers: Vec<(&Request<'_>, &Answer)> = history
        .wire
        .requests()
        .iter()
        .flat_map(|request| request.answers.iter().map(move |answer| (request, answer)))
        .collect();
    answers.sort_by_key(|(_, answer)| answer.at);
    let clock = Clock::of(history, &answers);
    let open = open_arrivals(history);
    let mut highest_ms = 0;
    let mut taken: BTreeSet<(Option<&str>, u64)> = BTreeSet::new();
    for (request, answer) in answers {
        let (Some(results), Some(now_ms)) = (&answer.content.results, answer.content.server_time_ms) else {
            continue;
        };
        // Each mutation was compared with the clock as it was then, and not as the answer tells it.
        let arrived = request.arrived.iter().copied().filter(|&arrived| arrived < answer.at).max();
        let arrived = arrived.unwrap_or(request.sent);
        for (mutation, outcome) in request.mutations.iter().zip(results) {
            let (Some(stamp), Outcome::Done { .. }) = (&mutation.stamp, outcome) else { continue };
            // An older copy of what was stamped anew and taken since: its answer is that of the
            // mutation, and nothing of the copy is carried out.
            if mutation.number.is_some_and(|number| !taken.insert((request.device_id, number))) {
                continue;
            }
            // It may have been carried out when it came before, and this be the answer that is kept.
            let key = (request.device_id, mutation.number, stamp);
            let arrived = open.get(&key).copied().unwrap_or(arrived).min(arrived);
            let may_be = |stamp_ms: u64, arrived| {
                let clock_ms = clock.highest_ms(arrived, answer.at);
                clock_ms.is_none_or(|clock_ms| stamp_ms <= clock_ms.max(now_ms).saturating_add(ahead_ms))
            };
            // Whoever has seen a stamp has to stamp above it, whatever the clocks say: also one of
            // work that was carried out, and of which no answer has told yet.
            let mut untold = open.iter().filter(|((.., other), arrived)| {
                other.ms >= stamp.ms && **arrived < answer.at && may_be(other.ms, **arrived)
            });
            if !may_be(stamp.ms, arrived) && stamp.ms > highest_ms && untold.next().is_none() {
                let case = Case::new("stamp-ahead", "push").device(request.device);
                findings.report(case.record(&mutation.id).evidence([request.sent, answer.at]).says(
                    format!(
                        "the server took a stamp of {} that is {} ms ahead of its clock",
                        request.device,
                        stamp.ms.saturating_sub(now_ms)
                    ),
                    format!("at most {ahead_ms} ms ahead: the device stamps anew"),
                ));
            }
            highest_ms = highest_ms.max(stamp.ms);
        }
    }
}

/// A mutation as it was stamped: the device's name, its number, its stamp.
type Stamped<'h> = (Option<&'h str>, Option<u64>, &'h Stamp);

/// When each mutation first reached the server in a request of which no answer says what became of it.
fn open_arrivals<'h>(history: &'h History<'_>) -> BTreeMap<Stamped<'h>, usize> {
    let mut open = BTreeMap::new();
    for request in history.wire.requests() {
        let told = request.answers.iter().filter(|answer| answer.content.results.is_some()).count();
        let Some(&first) = request.arrived.first().filter(|_| told < request.arrived.len()) else { continue };
        for mutation in &request.mutations {
            if let Some(stamp) = &mutation.stamp {
                open.entry((request.device_id, mutation.number, stamp)).or_insert(first);
            }
        }
    }
    open
}

/// The server's clock, which runs on between the moments at which it is set.
struct Clock<'h> {
    history: &'h History<'h>,
    /// What the server's answers to pushes say that it was, in order.
    told: Vec<(usize, u64)>,
}

impl<'h> Clock<'h> {
    fn of(history: &'h History<'h>, answers: &[(&Request<'_>, &Answer)]) -> Clock<'h> {
        let told = answers.iter().filter_map(|(_, answer)| Some((answer.at, answer.content.server_time_ms?)));
        Clock { history, told: told.collect() }
    }

    /// The highest that it can have been before it was set for the last time from one entry to
    /// another: it is highest right before it is set. 0 if it was not set; none where that is not known.
    fn highest_ms(&self, from: usize, to: usize) -> Option<u64> {
        let jumps = self.history.hosts.jumps(SERVER);
        let mut highest_ms = 0;
        for (position, &jump) in jumps.iter().enumerate().filter(|(_, jump)| (from..=to).contains(jump)) {
            let set_before = position.checked_sub(1).map_or(0, |before| jumps[before]);
            let told = self.told[..self.told.partition_point(|&(at, _)| at < jump)].last();
            let &(at, was_ms) = told.filter(|(at, _)| *at >= set_before)?;
            let entries = self.history.entries;
            let since_us = entries[jump].at_us.saturating_sub(entries[at].at_us);
            highest_ms = highest_ms.max(was_ms.saturating_add(since_us.div_ceil(1_000)));
        }
        Some(highest_ms)
    }
}
