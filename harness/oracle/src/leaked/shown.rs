//! What the server hands to a fresh device, and what devices show.

use std::collections::BTreeSet;

use deadzone_contract::{RecordView, Value};
use deadzone_trace::{Entry, Event};

use super::canaries::{Canaries, Canary};
use super::{called, case, is_for, told};
use crate::findings::Findings;
use crate::history::History;

/// Judges every audit, every screen and every tray.
pub(super) fn judge(history: &History<'_>, canaries: &Canaries<'_>, findings: &mut Findings) {
    if canaries.is_idle() {
        return;
    }
    for (at, entry) in history.entries.iter().enumerate() {
        match &entry.event {
            Event::Audited { user, records } => {
                for canary in records.iter().flat_map(|view| on(canaries, view)) {
                    judge_audit(history, canary, user, at, findings);
                }
            }
            Event::Shown(view) => {
                Screen::of(history, entry, at).judge(on(canaries, view), findings);
            }
            Event::Viewed(view) => {
                let records = view.records.iter().flat_map(|view| on(canaries, view));
                let tray = view.tray.iter().filter_map(|item| canaries.of(&item.record.0));
                Screen::of(history, entry, at).judge(records.chain(tray), findings);
            }
            Event::Tray { items } => {
                let items = items.iter().filter_map(|item| canaries.of(&item.record.0));
                Screen::of(history, entry, at).judge(items, findings);
            }
            _ => {}
        }
    }
}

/// The canaries in a record as it is shown.
fn on<'c, 't>(
    canaries: &'c Canaries<'t>,
    view: &'c RecordView,
) -> impl Iterator<Item = &'c Canary<'t>> + use<'c, 't> {
    let words = view.fields.values().flat_map(|value| match value {
        Value::Text(text) => vec![text.as_str()],
        Value::Set(members) => members.iter().map(String::as_str).collect(),
        Value::Int(_) => Vec::new(),
    });
    let words = std::iter::once(view.record.0.as_str()).chain(words);
    words.filter_map(|word| canaries.of(word))
}

fn judge_audit(history: &History<'_>, canary: &Canary<'_>, user: &str, at: usize, findings: &mut Findings) {
    if is_for(history, canary, Some(user), at, at) {
        return;
    }
    let case = case(history, "in-the-audit", canary, None, Some(user), at).subject(user);
    findings.report(case.says(
        format!("the server hands {} to a fresh device of {user}", told(history, canary)),
        format!("nothing to which {user} is not entitled"),
    ));
}

/// A device's screen, and who may be looking at it.
struct Screen<'h, 't> {
    history: &'h History<'t>,
    device: &'t str,
    at: usize,
    users: BTreeSet<Option<&'t str>>,
    /// When the device last began anew.
    since: usize,
}

impl<'h, 't> Screen<'h, 't> {
    fn of(history: &'h History<'t>, entry: &'t Entry, at: usize) -> Screen<'h, 't> {
        let since = history.users.wiped(&entry.host, at).unwrap_or_default();
        Screen { history, device: &entry.host, at, users: history.users.at(&entry.host, at), since }
    }

    fn judge<'c>(&self, canaries: impl Iterator<Item = &'c Canary<'t>>, findings: &mut Findings)
    where
        't: 'c,
    {
        for canary in canaries {
            let mut users = self.users.iter();
            if users.any(|user| is_for(self.history, canary, *user, self.since, self.at)) {
                continue;
            }
            let user = self.users.first().copied().flatten();
            let case = case(self.history, "on-screen", canary, Some(self.device), user, self.at);
            findings.report(case.evidence([self.since]).says(
                format!(
                    "{}, in the hands of {}, shows {}",
                    self.device,
                    called(user),
                    told(self.history, canary),
                ),
                "nothing to which its user was entitled at no moment since the device was last empty",
            ));
        }
    }
}
