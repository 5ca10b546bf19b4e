//! The tray: what is in it, what has to be, and what may not be forgotten.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::view::View;
use deadzone_contract::{Action, RecordId, RecordState, TrayItem};

use super::moves::word;
use crate::findings::{Case, Findings};
use crate::history::History;

/// What stands in every device's tray, and what its user decided.
pub(super) struct Trays<'t> {
    listed: BTreeMap<&'t str, Listed<'t>>,
    /// From when to when, in order.
    decisions: BTreeMap<&'t str, Vec<(usize, usize)>>,
}

struct Listed<'t> {
    at: usize,
    items: &'t [TrayItem],
    /// It was told before the device came up last.
    restarted: bool,
}

impl<'t> Trays<'t> {
    pub(super) fn new(history: &History<'t>) -> Trays<'t> {
        let mut decisions: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
        for run in history.actions.iter().filter(|run| !run.refused()) {
            use Action::{Delete, Discard, Resolve, Retry};
            if matches!(run.act, Discard { .. } | Retry { .. } | Resolve { .. } | Delete { .. }) {
                decisions.entry(run.device).or_default().push((run.begun, run.ended));
            }
        }
        Trays { listed: BTreeMap::new(), decisions }
    }

    /// Whether a device's user may have decided something between two entries, or just before the
    /// first: a decision and what it changes on the screen come in whichever order.
    pub(super) fn decided(&self, device: &str, from: usize, until: usize) -> bool {
        let decisions = self.decisions.get(device).map(Vec::as_slice).unwrap_or_default();
        let before = decisions.partition_point(|&(begun, _)| begun < until);
        // A user does one thing at a time: the last one that began ended last.
        decisions[..before].last().is_some_and(|&(_, ended)| from <= ended)
    }

    /// Whether a device's tray lists work on a record.
    pub(super) fn lists(&self, host: &str, record: &RecordId) -> bool {
        self.listed.get(host).is_some_and(|listed| listed.items.iter().any(|item| item.record == *record))
    }

    /// The device came up: what stood in its tray still has to.
    pub(super) fn restart(&mut self, host: &str) {
        if let Some(listed) = self.listed.get_mut(host) {
            listed.restarted = true;
        }
    }

    /// Nobody knows what stands in the tray.
    pub(super) fn forget(&mut self, host: &str) {
        self.listed.remove(host);
    }

    /// Judges a tray, all of it.
    pub(super) fn judge(
        &mut self,
        history: &History<'t>,
        at: usize,
        host: &'t str,
        items: &'t [TrayItem],
        findings: &mut Findings,
    ) {
        judge_items(history, at, host, items, findings);
        let before = self.listed.insert(host, Listed { at, items, restarted: false });
        let Some(before) = before.filter(|before| before.restarted) else { return };
        let listed: BTreeSet<&RecordId> = items.iter().map(|item| &item.record).collect();
        let decided = self.decided(host, before.at, at);
        // An open conflict is the server's: what it answered may have closed it.
        let heard = history.wire.heard(host, before.at, at);
        for item in before.items.iter().filter(|item| !listed.contains(&item.record)) {
            if decided || (heard && item.state == RecordState::Conflict) {
                continue;
            }
            let name = name(history, &item.record);
            let case = Case::new("tray-forgotten", word(item.state)).record(&item.record).device(host);
            findings.report(case.evidence([before.at, at]).says(
                format!("{host}'s tray had `{}` on {name} in it, and has not after a restart", item.what),
                format!("{name} in {host}'s tray until somebody decides"),
            ));
        }
    }
}

fn judge_items(history: &History<'_>, at: usize, host: &str, items: &[TrayItem], findings: &mut Findings) {
    for item in items {
        let about = name(history, &item.record);
        let case = |clause| {
            let case = Case::new(clause, word(item.state)).record(&item.record).device(host);
            case.subject(&item.what).evidence([at])
        };
        if item.reason.trim().is_empty() {
            findings.report(case("no-reason").says(
                format!("{host}'s tray does not say why `{}` on {about} is in it", item.what),
                "a reason on every line of the tray",
            ));
        }
        if item.ways_out.is_empty() {
            findings.report(case("no-way-out").says(
                format!("{host}'s tray offers no way out for `{}` on {about}", item.what),
                "at least one way out on every line of the tray",
            ));
        }
    }
}

/// What needs its user is in the tray.
pub(super) fn judge_view(history: &History<'_>, at: usize, host: &str, view: &View, findings: &mut Findings) {
    let listed: BTreeSet<&RecordId> = view.tray.iter().map(|item| &item.record).collect();
    let failed: BTreeMap<&RecordId, &TrayItem> = view
        .tray
        .iter()
        .filter(|item| item.state == RecordState::Failed)
        .map(|item| (&item.record, item))
        .collect();
    for shown in &view.records {
        if let Some(item) = failed.get(&shown.record)
            && !matches!(shown.state, RecordState::Failed | RecordState::Conflict | RecordState::Syncing)
        {
            let name = name(history, &shown.record);
            let case = Case::new("failed-not-shown", word(shown.state)).record(&shown.record).device(host);
            findings.report(case.subject(&item.what).evidence([at]).says(
                format!(
                    "{host} shows {name} as {}, but its tray has `{}` on it as failed",
                    shown.state, item.what
                ),
                format!("{name} as failed, until its user decides"),
            ));
        }
        let needs_user = matches!(shown.state, RecordState::Failed | RecordState::Conflict);
        if !needs_user || listed.contains(&shown.record) {
            continue;
        }
        let name = name(history, &shown.record);
        let case = Case::new("not-in-tray", word(shown.state)).record(&shown.record).device(host);
        findings.report(case.evidence([at]).says(
            format!("{host} shows {name} as {}, but its tray does not list it", shown.state),
            format!("{name} in {host}'s tray, with its reason and its ways out"),
        ));
    }
}

fn name(history: &History<'_>, id: &RecordId) -> String {
    history.record(id).map_or_else(|| format!("record {id}"), |record| history.name(record))
}
