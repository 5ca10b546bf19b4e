//! Oracle `bounded`: what is declared to be limited stays within its limit.
//!
//! Invariant: no device queues more mutations than it may keep, no host's databases come to more
//! bytes than they may, no page of a pull and no push carries more than it may, no pull and no hint
//! brings a device what it does not subscribe to, and no stamp gets far ahead of the server's clock.
//!
//! Source: the contract's parameters, and its scopes.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `queue` | a device says that it has more queued than it may keep |
//! | `database` | the databases of a host come to more bytes than they may |
//! | `page` | an answer to a pull has more changes in it than a page may carry |
//! | `scope` | a pull or a hint tells a device of a record to which it does not subscribe, also where it does not show that |
//! | `push` | a push carries more mutations than it may |
//! | `stamp-ahead` | the server carries out a mutation whose stamp lies further ahead of its clock than it may, and above every stamp before: it would win against everybody for as long |

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{Stamp, Status};
use deadzone_trace::{Entry, Event};

use crate::findings::{Case, Findings};
use crate::history::{Class, History, Outcome, SERVER};
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("bounded");
    let parameters = &history.header.parameters;
    for (at, entry) in history.entries.iter().enumerate() {
        match &entry.event {
            Event::Status(status) => judge_queue(history, at, entry, status, &mut findings),
            Event::Viewed(view) => judge_queue(history, at, entry, &view.status, &mut findings),
            Event::DiskRead { bytes, .. } if *bytes > parameters.database_max => {
                let effect = if entry.host == crate::history::SERVER { "server" } else { "device" };
                let case = Case::new("database", effect).device(&entry.host).evidence([at]);
                findings.report(case.says(
                    format!("the databases of {} come to {bytes} bytes", entry.host),
                    format!("at most {} bytes", parameters.database_max),
                ));
            }
            _ => {}
        }
    }
    judge_wire(history, &mut findings);
    judge_scopes(history, &mut findings);
    judge_stamps(history, &mut findings);
    findings.verdict()
}

fn judge_queue(history: &History<'_>, at: usize, entry: &Entry, status: &Status, findings: &mut Findings) {
    let most = history.header.parameters.queue_max;
    if status.queued <= most {
        return;
    }
    let case = Case::new("queue", "device").device(&entry.host).evidence([at]);
    findings.report(case.says(
        format!("{} has {} mutations queued", entry.host, status.queued),
        format!("at most {most}: a further one is refused"),
    ));
}

fn judge_wire(history: &History<'_>, findings: &mut Findings) {
    let parameters = &history.header.parameters;
    let over = |count: usize, most: u64| u64::try_from(count).is_ok_and(|count| count > most);
    for request in history.wire.requests() {
        if request.class == Class::Push && over(request.mutations.len(), parameters.push_max) {
            let case = Case::new("push", "push").device(request.device).evidence([request.sent]);
            findings.report(case.says(
                format!("a push of {} carries {} mutations", request.device, request.mutations.len()),
                format!("at most {}", parameters.push_max),
            ));
        }
        for answer in &request.answers {
            let Some((changes, _)) = answer.content.page else { continue };
            if over(changes, parameters.pull_max) {
                let case =
                    Case::new("page", "pull").device(request.device).evidence([request.sent, answer.at]);
                findings.report(case.says(
                    format!("a page for {} brings {changes} changes", request.device),
                    format!("at most {}", parameters.pull_max),
                ));
            }
        }
    }
}

/// What is sent costs, whether a device keeps it or not. Answers to pushes are about what the device
/// itself names.
fn judge_scopes(history: &History<'_>, findings: &mut Findings) {
    if !history.has_scopes() {
        return;
    }
    for (record, known) in history.records.iter().enumerate() {
        let Some(place) = history.place(known) else { continue };
        for told in history.wire.told(record) {
            let effect = match told.class {
                Class::Pull => "pull",
                Class::Hints => "hint",
                Class::Push | Class::Token | Class::Members | Class::Other => continue,
            };
            if history.subscribes(told.device, place.workspace, place.entity) {
                continue;
            }
            let case = Case::new("scope", effect).record(known.id).device(told.device);
            findings.report(case.evidence([told.at]).says(
                format!(
                    "a {effect} brings {} {}, a {} of {}, to which it does not subscribe",
                    told.device,
                    history.name(record),
                    place.entity,
                    place.workspace,
                ),
                format!("nothing but what {} subscribes to", told.device),
            ));
        }
    }
}

fn judge_stamps(history: &History<'_>, findings: &mut Findings) {
    let ahead_ms = history.header.parameters.stamp_ahead;
    let mut answers: Vec<_> = history
        .wire
        .requests()
        .iter()
        .flat_map(|request| request.answers.iter().map(move |answer| (answer.at, request, answer)))
        .collect();
    answers.sort_by_key(|(at, ..)| *at);
    let open = open_arrivals(history);
    let mut highest_ms = 0;
    let mut taken: BTreeSet<(Option<&str>, u64)> = BTreeSet::new();
    for (at, request, answer) in answers {
        let (Some(results), Some(now_ms)) = (&answer.content.results, answer.content.server_time_ms) else {
            continue;
        };
        // Each mutation was compared with the clock as it was then, and not as the answer tells it.
        let arrived = request.arrived.iter().copied().filter(|&arrived| arrived < at).max();
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
            let jumped = history.hosts.lost_time(SERVER, arrived, at);
            // Whoever has seen a stamp has to stamp above it, whatever the clocks say.
            if !jumped && stamp.ms > now_ms.saturating_add(ahead_ms) && stamp.ms > highest_ms {
                let case = Case::new("stamp-ahead", "push").device(request.device);
                findings.report(case.record(&mutation.id).evidence([request.sent, at]).says(
                    format!(
                        "the server took a stamp of {} that is {} ms ahead of its clock",
                        request.device,
                        stamp.ms - now_ms
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
