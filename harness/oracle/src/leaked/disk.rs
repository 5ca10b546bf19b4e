//! What stands on disks that the harness has read.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{RecordId, RecordState, TrayItem};
use deadzone_trace::{Entry, Event};

use super::canaries::{Canaries, Canary, Kind};
use super::{called, case, is_for, told};
use crate::findings::Findings;
use crate::history::History;
use crate::history::end::is_pending;

/// Judges every disk that was read.
pub(super) fn judge(history: &History<'_>, canaries: &Canaries<'_>, findings: &mut Findings) {
    let mut trays: BTreeMap<&str, &[TrayItem]> = BTreeMap::new();
    for (at, entry) in history.entries.iter().enumerate() {
        match &entry.event {
            Event::Tray { items } => {
                trays.insert(&entry.host, items);
            }
            Event::Viewed(view) => {
                trays.insert(&entry.host, &view.tray);
            }
            Event::DiskRead { holds, .. } => {
                let tray = trays.get(entry.host.as_str()).copied().unwrap_or_default();
                let disk = Disk { history, canaries, entry, at, tray, held: OnceCell::new() };
                for canary in holds.iter().filter_map(|word| canaries.of(word)) {
                    disk.judge(canary, findings);
                }
            }
            _ => {}
        }
    }
}

/// One disk at one moment.
struct Disk<'h, 't> {
    history: &'h History<'t>,
    canaries: &'h Canaries<'h>,
    entry: &'t Entry,
    at: usize,
    /// What the device's tray lists.
    tray: &'t [TrayItem],
    held: OnceCell<BTreeSet<usize>>,
}

impl Disk<'_, '_> {
    fn judge(&self, canary: &Canary<'_>, findings: &mut Findings) {
        let host = self.entry.host.as_str();
        if canary.kind == Kind::Token {
            let case = case(self.history, "token-on-disk", canary, Some(host), None, self.at);
            findings.report(case.evidence([canary.since.min(self.at)]).says(
                format!("a token that the server handed out stands on {host}'s disk"),
                "tokens in the store for secrets only",
            ));
            return;
        }
        // A word that prose may have in it may stand in the shape of an empty database.
        if !self.history.header.devices.contains_key(host) || canary.kind == Kind::Word {
            return;
        }
        let clause = if self.is_left_from_before(canary) {
            "on-disk-after-sign-out"
        } else if self.is_left_from_a_right(canary) {
            "on-disk-after-revocation"
        } else {
            return;
        };
        // The disk is searched for bytes, and has what others have this word in.
        if self.canaries.is_part_of_another(canary.word) {
            return;
        }
        let user = self.history.users.surely_at(host, self.at);
        let case = case(self.history, clause, canary, Some(host), user, self.at);
        findings.report(case.evidence(self.history.users.wiped(host, self.at)).says(
            format!(
                "{host}, in the hands of {}, still has {} on its disk",
                called(user),
                told(self.history, canary)
            ),
            "nothing of what is not for its user, but his own words in the tray",
        ));
    }

    /// Whether it was there before somebody signed out, and is not for who signed in since.
    fn is_left_from_before(&self, canary: &Canary<'_>) -> bool {
        let host = self.entry.host.as_str();
        let out = self.history.users.sign_outs(host).rev().find(|out| out.begun < self.at);
        let Some(out) = out.filter(|out| out.certain && out.ended < self.at) else { return false };
        let damaged = self.history.hosts.damaged(host, self.at).is_some_and(|damage| damage.at > out.begun);
        let mut users = self.history.users.at(host, self.at).into_iter();
        canary.since < out.begun
            && !damaged
            && !users.any(|user| is_for(self.history, canary, user, out.ended, self.at))
    }

    /// Whether its user was not entitled to it any more when the device asked for everything that
    /// it had at the end of its last pull, and the words are not his own, in the tray or waiting.
    fn is_left_from_a_right(&self, canary: &Canary<'_>) -> bool {
        let host = self.entry.host.as_str();
        let Some(user) = self.history.users.surely_at(host, self.at) else { return false };
        let entries = self.history.entries;
        let kept_us = self.history.header.parameters.save_bound.saturating_mul(1_000);
        let pulls = self.history.wire.full_pulls().get(host).map(Vec::as_slice).unwrap_or_default();
        let done = |had: usize| entries[had].at_us.saturating_add(kept_us) <= entries[self.at].at_us;
        let last = pulls.iter().rev().find(|&&(_, had)| had < self.at && done(had));
        let Some(&(asked, _)) = last else { return false };
        let entitled = canary
            .records
            .first()
            .is_none_or(|&record| self.history.rights.may_see(user, record, asked, self.at));
        let own = canary.kind == Kind::Id || canary.authors.contains(user);
        let held = self.held.get_or_init(|| self.hold());
        !(entitled || own && canary.records.iter().any(|record| held.contains(record)))
    }

    /// The records on which the device has work in its tray or waiting, with what they hang under.
    fn hold(&self) -> BTreeSet<usize> {
        let host = self.entry.host.as_str();
        let listed: BTreeSet<&RecordId> = self.tray.iter().map(|item| &item.record).collect();
        let mut held = BTreeSet::new();
        for (index, record) in self.history.records.iter().enumerate() {
            let before = &record.sights[..record.sights.partition_point(|sight| sight.at < self.at)];
            let last = before.iter().rev().find(|sight| sight.device() == Some(host));
            let gone = record.gones.iter().any(|&(at, device)| {
                device == host && at < self.at && last.is_some_and(|sight| sight.at < at)
            });
            let waits = last
                .filter(|_| !gone)
                .is_some_and(|sight| is_pending(sight.view.state) || sight.view.state == RecordState::Failed);
            let mut next = (waits || listed.contains(record.id)).then_some(index);
            while let Some(index) = next.filter(|index| held.insert(*index)) {
                next = self.history.parent(index);
            }
        }
        held
    }
}
