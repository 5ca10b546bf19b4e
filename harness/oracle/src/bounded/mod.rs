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

mod stamps;

use deadzone_contract::Status;
use deadzone_trace::{Entry, Event};

use crate::findings::{Case, Findings};
use crate::history::{Class, History};
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
    stamps::judge(history, &mut findings);
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
