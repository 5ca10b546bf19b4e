//! Oracle `converged`: once the world has settled, everybody sees the same.
//!
//! Invariant: every device that had to settle shows what the server has for its present user, of
//! the workspaces and entities that it subscribes to: the same records, the same values of the fields that its
//! app knows, the same open conflicts. Records with failed or waiting work on a device are exempt
//! on it (not the device). Devices that nobody is signed in on, and those that the server finds too
//! old, are exempt, and the verdict names them. Users who see the same record see the same values.
//!
//! Source: strong eventual convergence, the purpose of every sync contract.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `missing-on-device` | a device does not show a record that the server has for its user |
//! | `extra-on-device` | a device shows a record that the server does not have for its user |
//! | `out-of-scope` | a device shows a record of a workspace or an entity that it does not subscribe to |
//! | `fields-differ` | a device shows other values than the server has |
//! | `conflicts-differ` | a device shows other open conflicts than the server has |
//! | `audits-differ` | the server shows two users different values of one record |

use std::collections::BTreeMap;

use deadzone_contract::{ConflictView, RecordId, RecordState, RecordView};

use crate::findings::{Case, Findings};
use crate::history::apps::knows;
use crate::history::end::{Audit, Last, Look, is_pending};
use crate::history::{History, words};
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("converged");
    match &history.last {
        Ok(last) => {
            for device in history.header.devices.keys() {
                judge_device(history, last, device, &mut findings);
            }
            judge_audits(history, last, &mut findings);
        }
        Err(why) => findings.unknown(why.clone()),
    }
    findings.verdict()
}

fn judge_device(history: &History<'_>, last: &Last<'_>, device: &str, findings: &mut Findings) {
    let too_old = history.wire.last_status(device) == Some(STATUS_TOO_OLD);
    let too_old = too_old.then_some("too old for the server");
    if let Some(why) = last.exemption(device).or(too_old) {
        return findings.exempt(format!("{device}: {why}"));
    }
    let Some(user) = history.users.surely_at(device, last.quiet) else {
        return findings.exempt(format!("{device}: nobody is known to be signed in"));
    };
    let audit = match last.audit(user) {
        Ok(audit) => audit,
        Err(why) => return findings.unknown(why),
    };
    let Some(look) = last.look(device) else {
        return findings.unknown(format!("{device} shows nothing at the end"));
    };
    let pair = Pair { history, device, audit, look };
    for (id, held) in &audit.records {
        if !history.subscribes(device, &held.workspace, &held.entity) {
            continue;
        }
        match look.records.get(id) {
            Some(shown) => pair.compare(held, shown, findings),
            None => pair.missing(id, findings),
        }
    }
    for (id, shown) in &look.records {
        if !history.subscribes(device, &shown.workspace, &shown.entity) {
            pair.out_of_scope(shown, findings);
        } else if !audit.records.contains_key(id) {
            pair.extra(shown, findings);
        }
    }
}

/// HTTP: this app is older than the server still serves.
const STATUS_TOO_OLD: u16 = 426;

/// A device and the server, as its user sees it.
struct Pair<'h, 't> {
    history: &'h History<'t>,
    device: &'h str,
    audit: &'h Audit<'t>,
    look: &'h Look<'t>,
}

impl Pair<'_, '_> {
    fn name(&self, id: &RecordId) -> String {
        name(self.history, id)
    }

    fn case(&self, clause: &'static str, effect: &'static str, id: &RecordId) -> Case {
        Case::new(clause, effect).record(id).device(self.device).evidence([self.audit.at, self.look.at])
    }

    /// Work on a record that has failed, or has not been sent, explains every difference.
    fn is_unresolved(&self, shown: &RecordView) -> bool {
        shown.state == RecordState::Failed
            || is_pending(shown.state)
            || self.look.failed.contains(&shown.record)
    }

    fn missing(&self, id: &RecordId, findings: &mut Findings) {
        if self.look.failed.contains(id) {
            return;
        }
        let name = self.name(id);
        findings.report(self.case("missing-on-device", "record", id).says(
            format!("{name} is on the server, but {} does not show it", self.device),
            format!("{name} on {}", self.device),
        ));
    }

    fn extra(&self, shown: &RecordView, findings: &mut Findings) {
        if self.is_unresolved(shown) {
            return;
        }
        let name = self.name(&shown.record);
        findings.report(self.case("extra-on-device", "record", &shown.record).says(
            format!("{} shows {name}, which is not on the server", self.device),
            format!("no {name} on {}", self.device),
        ));
    }

    /// A device keeps what it subscribes to, and makes nothing else.
    fn out_of_scope(&self, shown: &RecordView, findings: &mut Findings) {
        if self.is_unresolved(shown) {
            return;
        }
        let name = self.name(&shown.record);
        let case = Case::new("out-of-scope", "record").record(&shown.record).device(self.device);
        findings.report(case.evidence([self.look.at]).says(
            format!(
                "{} shows {name}, a {} of {}, to which it does not subscribe",
                self.device, shown.entity, shown.workspace,
            ),
            format!("no {} of {} on {}", shown.entity, shown.workspace, self.device),
        ));
    }

    fn compare(&self, held: &RecordView, shown: &RecordView, findings: &mut Findings) {
        if self.is_unresolved(shown) {
            return;
        }
        let name = self.name(&held.record);
        let app = self.history.app(self.device);
        for field in differing(held, shown).into_iter().filter(|field| knows(app, &held.entity, field)) {
            let rule = self.history.rule(&held.entity, field);
            let case = self.case("fields-differ", "value", &held.record).rule(rule).subject(field);
            findings.report(case.says(
                format!(
                    "{} shows {field}={} on {name}, but the server has {}",
                    self.device,
                    words::shown(shown.fields.get(field)),
                    words::shown(held.fields.get(field)),
                ),
                format!("{field}={} on {}", words::shown(held.fields.get(field)), self.device),
            ));
        }
        let sorted = |view: &RecordView| {
            let mut conflicts = view.conflicts.clone();
            conflicts.sort_unstable();
            conflicts
        };
        let (there, here) = (sorted(held), sorted(shown));
        if there != here {
            findings.report(self.case("conflicts-differ", "conflict", &held.record).says(
                format!(
                    "{} shows {} on {name}, but the server has {}",
                    self.device,
                    in_words(&here),
                    in_words(&there),
                ),
                format!("{} on {}", in_words(&there), self.device),
            ));
        }
    }
}

/// The fields in which two views of a record differ.
fn differing<'a>(one: &'a RecordView, other: &'a RecordView) -> Vec<&'a str> {
    let mut fields: Vec<&str> = one.fields.keys().chain(other.fields.keys()).map(String::as_str).collect();
    fields.sort_unstable();
    fields.dedup();
    fields.retain(|field| one.fields.get(*field) != other.fields.get(*field));
    fields
}

fn judge_audits(history: &History<'_>, last: &Last<'_>, findings: &mut Findings) {
    let mut first: BTreeMap<&RecordId, (&Audit<'_>, &RecordView)> = BTreeMap::new();
    for audit in last.audits() {
        for (id, view) in &audit.records {
            let &mut (other, reference) = first.entry(id).or_insert((audit, view));
            for field in differing(reference, view) {
                let case = Case::new("audits-differ", "value").rule(history.rule(&view.entity, field));
                let case = case.record(id).subject(field).evidence([other.at, audit.at]);
                findings.report(case.says(
                    format!(
                        "the server shows {} {field}={} on {}, but {} {}",
                        other.user,
                        words::shown(reference.fields.get(field)),
                        name(history, id),
                        audit.user,
                        words::shown(view.fields.get(field)),
                    ),
                    "the same value for everybody",
                ));
            }
        }
    }
}

fn name(history: &History<'_>, id: &RecordId) -> String {
    history.record(id).map_or_else(|| format!("record {id}"), |record| history.name(record))
}

fn in_words(conflicts: &[ConflictView]) -> String {
    if conflicts.is_empty() {
        return "no conflict".to_owned();
    }
    let told = conflicts.iter().map(|open| {
        format!("a conflict of {}={} with {}", open.field, open.mine, words::shown(open.theirs.as_ref()))
    });
    told.collect::<Vec<_>>().join(" and ")
}
