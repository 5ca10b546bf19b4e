//! Oracle `justified`: no user is bothered without a reason.
//!
//! Invariant: work stands in the tray as failed, and a record shows `failed`, only after the device
//! has had a refusal of it, or of what it hangs under; a word that the record or its workspace is
//! not for its user to change any more; or as many errors of the server in a row as the contract
//! allows. An open conflict is shown only where the field's rule asks, where the two values differ,
//! and after an answer that told of it; and the server makes one only of a write that was based on
//! an older version, by a device that did not know better. Nothing is sent before what it hangs under. Every line of the tray names its
//! mutation and the code of its reason. What a device says that its server refused, an answer said.
//! Nobody is signed out while tokens are good.
//!
//! A device that was told something of a form that nobody knows may know anything.
//!
//! Source: the contract's rules for errors: what a device can go on with by itself, it does.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `failed-without-refusal` | work has failed although nothing that the device was told says so |
//! | `needless-conflict` | a conflict is open although the write was based on what stands in its way, or its author had it in view |
//! | `conflict-from-nowhere` | a conflict is shown of which no answer told |
//! | `conflict-without-a-rule` | a conflict is shown of a field whose rule does not ask |
//! | `nothing-to-decide` | a conflict is shown between a value and itself |
//! | `nameless` | a line of the tray does not say what was tried |
//! | `no-code` | a line of the tray does not begin with the code of its reason |
//! | `error-from-nowhere` | a device gives a code of the server as its last error that no answer had |
//! | `child-before-parent` | a device sends the creation of a record before that of what it hangs under |
//! | `signed-out-needlessly` | a device asks to sign in although it has a good refresh token |

mod conflicts;
mod grounds;
mod order;
mod session;

use std::collections::BTreeSet;

use deadzone_contract::{Code, RecordId, RecordState, RecordView, Status, TrayItem, rules};
use deadzone_trace::{Entry, Event};

use crate::findings::{Case, Findings};
use crate::history::History;
use crate::verdict::Verdict;

use grounds::Grounds;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("justified");
    let mut walk = Walk { history, grounds: Grounds::of(history), seen: BTreeSet::new() };
    for (at, entry) in history.entries.iter().enumerate() {
        walk.take(at, entry, &mut findings);
    }
    conflicts::judge_made(history, &mut findings);
    order::judge(history, &mut findings);
    session::judge(history, &mut findings);
    findings.verdict()
}

struct Walk<'h, 't> {
    history: &'h History<'t>,
    grounds: Grounds<'h, 't>,
    /// The lines of trays that were looked at: their device, record, what and why.
    seen: BTreeSet<(&'t str, &'t RecordId, &'t str, &'t str)>,
}

impl<'t> Walk<'_, 't> {
    fn take(&mut self, at: usize, entry: &'t Entry, findings: &mut Findings) {
        match &entry.event {
            Event::Shown(view) => self.judge_record(at, &entry.host, view, findings),
            Event::Tray { items } => self.judge_tray(at, &entry.host, items, findings),
            Event::Status(status) => self.judge_status(at, &entry.host, status, findings),
            Event::Viewed(view) => {
                for record in &view.records {
                    self.judge_record(at, &entry.host, record, findings);
                }
                self.judge_tray(at, &entry.host, &view.tray, findings);
                self.judge_status(at, &entry.host, &view.status, findings);
            }
            Event::Audited { records, .. } => {
                for view in records {
                    conflicts::judge_shown(self.history, None, at, "the server", view, findings);
                }
            }
            _ => {}
        }
    }

    fn name(&self, id: &RecordId) -> String {
        self.history.record(id).map_or_else(|| format!("record {id}"), |record| self.history.name(record))
    }

    fn judge_record(&self, at: usize, device: &'t str, view: &'t RecordView, findings: &mut Findings) {
        conflicts::judge_shown(self.history, Some(&self.grounds), at, device, view, findings);
        let Some(record) = self.history.record(&view.record) else { return };
        if view.state == RecordState::Failed && !self.grounds.justify_failure(device, record, None, at) {
            self.report_failure(at, device, &view.record, "a record", findings);
        }
    }

    fn report_failure(&self, at: usize, device: &str, id: &RecordId, what: &str, findings: &mut Findings) {
        let name = self.name(id);
        let case = Case::new("failed-without-refusal", "failed").record(id).device(device);
        let record = self.history.record(id);
        let pushes = record.map(|record| self.history.wire.pushes(device, record));
        let last = pushes.into_iter().flatten().rfind(|push| push.sent < at);
        let told = last.into_iter().flat_map(|push| std::iter::once(push.sent).chain(push.closed));
        findings.report(case.evidence(told).evidence([at]).says(
            format!("{device} shows {what} as failed: {name}, of which no answer said that it was refused for good"),
            "another attempt, until the server refuses it or has failed as often as the contract allows",
        ));
    }

    fn judge_status(&self, at: usize, device: &str, status: &Status, findings: &mut Findings) {
        let Some(error) = status.last_error.as_deref() else { return };
        let Some(code) = code_of(error).filter(|code| code.is_of_the_server()) else { return };
        if self.grounds.knows_problem(device, code, at) {
            return;
        }
        let case = Case::new("error-from-nowhere", "error").device(device).evidence([at]);
        findings.report(case.says(
            format!("{device} says `{error}`, but no request of it was refused so"),
            "the error that there was",
        ));
    }

    fn judge_tray(&mut self, at: usize, device: &'t str, items: &'t [TrayItem], findings: &mut Findings) {
        for item in items {
            let line = (device, &item.record, item.what.as_str(), item.reason.as_str());
            if self.seen.insert(line) {
                self.judge_line(at, device, item, findings);
            }
        }
    }

    fn judge_line(&self, at: usize, device: &'t str, item: &'t TrayItem, findings: &mut Findings) {
        let case = |clause| {
            let case = Case::new(clause, "tray").record(&item.record).device(device);
            case.subject(&item.what).evidence([at])
        };
        let code = code_of(&item.reason);
        let conflicts = item.state == RecordState::Conflict;
        if code.is_none() && !(conflicts && item.reason.starts_with("conflict")) {
            findings.report(case("no-code").says(
                format!("{device}'s tray gives `{}` as the reason for `{}`", item.reason, item.what),
                "the code of the reason, a colon, and a sentence",
            ));
        }
        let Some(record) = self.history.record(&item.record) else {
            self.judge_own_line(at, device, item, code, findings);
            return;
        };
        if !self.names_work(record, &item.what) {
            findings.report(case("nameless").says(
                format!("{device}'s tray calls work on {} `{}`", self.name(&item.record), item.what),
                "the mutation, in words: what was done to which field",
            ));
        }
        if conflicts && !self.grounds.knows_conflict(device, record, None, at) {
            findings.report(case("conflict-from-nowhere").says(
                format!(
                    "{device}'s tray asks about {}, but no answer told of a conflict",
                    self.name(&item.record)
                ),
                "only conflicts of which the server told",
            ));
        }
        if item.state == RecordState::Failed && !self.grounds.justify_failure(device, record, code, at) {
            let what = format!("`{}` ({})", item.what, item.reason);
            self.report_failure(at, device, &item.record, &what, findings);
        }
    }

    /// A line that is about the device itself: something has to be the matter with its disk.
    fn judge_own_line(
        &self,
        at: usize,
        device: &str,
        item: &TrayItem,
        code: Option<Code>,
        findings: &mut Findings,
    ) {
        let hosts = &self.history.hosts;
        let found_broken = |entry: &Entry| {
            let broken = matches!(entry.event, Event::DatabaseChecked { problem: Some(_), .. });
            entry.host == device && broken
        };
        let harmed = hosts.damaged(device, at).is_some()
            || hosts.disk_could_fail(device, 0, at)
            || self.history.entries[..at].iter().any(found_broken);
        if code != Some(Code::Storage) || harmed {
            return;
        }
        let case = Case::new("failed-without-refusal", "storage").device(device).evidence([at]);
        findings.report(case.says(
            format!("{device}'s tray says `{}`, but nothing is wrong with its disk", item.reason),
            "nothing: the disk was neither damaged, nor full, nor had errors",
        ));
    }

    /// Whether words name a kind of work, or a field of the record.
    fn names_work(&self, record: usize, what: &str) -> bool {
        const KINDS: [&str; 5] = ["create", "delete", "restore", "undo", "bring"];
        let entity = self.history.entity(&self.history.records[record]);
        let mut words =
            what.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
        let names_field = |word: &str, entity: &rules::EntityDecl| {
            let mut fields = entity.fields.iter();
            fields.any(|field| field.name == word || field.name_before == Some(word))
        };
        words.any(|word| KINDS.contains(&word) || entity.is_none_or(|entity| names_field(word, entity)))
    }
}

/// The code of the contract that a text for people begins with.
fn code_of(text: &str) -> Option<Code> {
    text.split_once(':').and_then(|(code, _)| Code::named(code.trim()))
}
