//! The badge of a device whose last sync is old.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{Badge, Status};
use deadzone_trace::{Entry, Event};

use crate::findings::{Case, Findings};
use crate::history::History;

/// A device looks at its clock every now and then, and so much in a thousand its clock may drift.
const SLACK_MS: u64 = 120_000;
const DRIFT_MAX: u64 = 1_000;

/// Judges the badge of every device over time.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    // When each page arrived, and whether a hint overtook it.
    let mut synced: BTreeMap<usize, bool> = BTreeMap::new();
    let hints = hints(history);
    for (device, pulls) in history.wire.full_pulls() {
        let overtaken = |sent, had| hints.get(device).is_some_and(|at| at.range(sent..had).next().is_some());
        synced.extend(pulls.iter().map(|&(sent, had)| (had, overtaken(sent, had))));
    }
    let mut devices: BTreeMap<&str, Device> = BTreeMap::new();
    for (at, entry) in history.entries.iter().enumerate() {
        if !history.header.devices.contains_key(&entry.host) || !matters(&entry.event) {
            continue;
        }
        let device = devices.entry(&entry.host).or_default();
        let now = Now { history, at, entry };
        device.judge_overdue(&now, findings);
        if let Some(&overtaken) = synced.get(&at) {
            device.synced = Some((entry.at_us, at));
            device.overtaken = overtaken;
        }
        device.take(&now, findings);
    }
}

/// When each device had hints that may have moved its cursor.
fn hints<'t>(history: &History<'t>) -> BTreeMap<&'t str, BTreeSet<usize>> {
    let mut hints: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for record in 0..history.records.len() {
        for told in history.wire.told(record).iter().filter(|told| told.hinted()) {
            hints.entry(told.device).or_default().insert(told.at);
        }
    }
    hints
}

/// Events that change what the badge should be, or at which it can be seen.
fn matters(event: &Event) -> bool {
    matches!(
        event,
        Event::HostUp { .. }
            | Event::HostDown { .. }
            | Event::CopiesLost { .. }
            | Event::Restored { .. }
            | Event::Wiped
            | Event::Cloned { .. }
            | Event::Status(_)
            | Event::Viewed(_)
            | Event::Delivered { .. }
    )
}

/// One entry of the trace.
struct Now<'h, 't> {
    history: &'h History<'t>,
    at: usize,
    entry: &'t Entry,
}

/// What one device shows, and since when.
#[derive(Default)]
struct Device {
    /// Its badge, as it has been shown since the app started.
    badge: Option<(Badge, usize)>,
    /// When it last had the last page of a pull.
    synced: Option<(u64, usize)>,
    /// A hint came while that page was under way: it may not continue the cursor any more, and be
    /// asked for again.
    overtaken: bool,
    started_us: u64,
}

impl Device {
    fn take(&mut self, now: &Now<'_, '_>, findings: &mut Findings) {
        match &now.entry.event {
            Event::HostUp { .. } => {
                self.badge = None;
                self.started_us = now.entry.at_us;
            }
            Event::HostDown { .. } => {
                self.badge = None;
                // It may have died before it could save the page.
                let bound_us = now.history.header.parameters.save_bound.saturating_mul(1_000);
                self.synced = self.synced.filter(|(us, _)| us.saturating_add(bound_us) <= now.entry.at_us);
            }
            Event::CopiesLost { .. } | Event::Restored { .. } | Event::Wiped | Event::Cloned { .. } => {
                *self = Device { started_us: self.started_us, ..Device::default() };
            }
            Event::Status(status) => self.show(now, status, findings),
            Event::Viewed(view) => self.show(now, &view.status, findings),
            _ => {}
        }
    }

    fn show(&mut self, now: &Now<'_, '_>, status: &Status, findings: &mut Findings) {
        self.badge = Some((status.badge, now.at));
        self.judge_overdue(now, findings);
        self.judge_early(now, status.badge, findings);
    }

    /// When it last synced, if it has kept the time and its user since.
    fn synced(&self, now: &Now<'_, '_>) -> Option<(u64, usize)> {
        let host = now.entry.host.as_str();
        let (us, synced) = self.synced?;
        let hosts = &now.history.hosts;
        let same = now.history.users.surely_at(host, now.at).is_some()
            && now.history.users.wiped(host, now.at).is_none_or(|wiped| wiped < synced);
        (same && !hosts.lost_time(host, synced, now.at)).then_some((us, synced))
    }

    fn judge_overdue(&self, now: &Now<'_, '_>, findings: &mut Findings) {
        let (Some((badge, shown)), Some((synced_us, synced))) = (self.badge, self.synced(now)) else {
            return;
        };
        let after_ms = now.history.header.parameters.stale_after;
        let slack_us = slack_us(after_ms);
        let due_us = synced_us.saturating_add(after_ms.saturating_mul(1_000)).max(self.started_us);
        let is_due = due_us.saturating_add(slack_us) < now.entry.at_us;
        if !is_due || matches!(badge, Badge::Stale | Badge::Error) {
            return;
        }
        let host = now.entry.host.as_str();
        let case = Case::new("stale-not-shown", "device").device(host).evidence([synced, shown, now.at]);
        findings.report(case.says(
            format!(
                "{host} calls itself {badge}, {} ms after its last sync",
                (now.entry.at_us - synced_us) / 1_000
            ),
            format!("stale: the last sync is older than {after_ms} ms"),
        ));
    }

    fn judge_early(&self, now: &Now<'_, '_>, badge: Badge, findings: &mut Findings) {
        let Some((synced_us, synced)) = self.synced(now).filter(|_| badge == Badge::Stale) else { return };
        let host = now.entry.host.as_str();
        let after_ms = now.history.header.parameters.stale_after;
        let age_us = now.entry.at_us.saturating_sub(synced_us);
        let old = age_us.saturating_add(slack_us(after_ms)) >= after_ms.saturating_mul(1_000);
        // A page that could not be saved was not synced; and saving it takes its time.
        let saving = age_us <= now.history.header.parameters.save_bound.saturating_mul(1_000);
        if old || saving || self.overtaken || now.history.hosts.disk_could_fail(host, synced, now.at) {
            return;
        }
        let case = Case::new("stale-too-early", "device").device(host).evidence([synced, now.at]);
        findings.report(case.says(
            format!("{host} calls itself stale, {} ms after its last sync", age_us / 1_000),
            format!("stale only when the last sync is older than {after_ms} ms"),
        ));
    }
}

fn slack_us(after_ms: u64) -> u64 {
    (SLACK_MS + after_ms / DRIFT_MAX).saturating_mul(1_000)
}
