//! The one pass over the trace that collects what the rest of the history is made of.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{Action, Code, RecordId, RecordState, RecordView, TrayItem};
use deadzone_trace::{Entry, Event, Header};

use super::{ActionRun, End, Ending, History, Hosts, RecordHistory, Rights, Sight, Users, Viewer, wire};

/// Collects everything, in order.
pub(crate) fn scan<'t>(entries: &'t [Entry], header: &'t Header) -> History<'t> {
    let mut scan = Scan {
        history: History {
            entries,
            header,
            actions: Vec::new(),
            records: Vec::new(),
            ids: BTreeMap::new(),
            views: BTreeMap::new(),
            wire: wire::Wire::default(),
            hosts: Hosts::default(),
            users: Users::default(),
            rights: Rights::default(),
            end: End::default(),
            last: Err(String::new()),
        },
        by_label: BTreeMap::new(),
        failed: BTreeMap::new(),
    };
    for (at, entry) in entries.iter().enumerate() {
        scan.take(at, entry);
    }
    let mut history = scan.history;
    history.last = history.end.close();
    history.wire = wire::read(entries, &history.ids);
    history.hosts.recover(entries, header.parameters.save_bound, history.wire.full_pulls());
    history
}

struct Scan<'t> {
    history: History<'t>,
    by_label: BTreeMap<&'t str, usize>,
    /// The records with failed work in each device's tray, as it stands.
    failed: BTreeMap<&'t str, BTreeSet<&'t RecordId>>,
}

impl<'t> Scan<'t> {
    fn take(&mut self, at: usize, entry: &'t Entry) {
        let host = entry.host.as_str();
        self.history.end.take(at, entry);
        self.history.hosts.take(at, entry, self.history.entries.len());
        match &entry.event {
            Event::Invoked { action, user, name, act, cannot } => {
                let record = act.record().map(|record| self.record(record));
                self.by_label.insert(action, self.history.actions.len());
                self.history.actions.push(ActionRun {
                    label: action,
                    device: host,
                    user,
                    name: name.as_deref(),
                    act,
                    begun: at,
                    ended: self.history.entries.len(),
                    ending: Ending::Open,
                    refusal: None,
                    cannot: *cannot,
                    undid: &[],
                    record,
                    made_anew: None,
                });
            }
            Event::Saved { action, record, undid } => {
                let record = record.as_ref().map(|record| self.record(record));
                if let Some(run) = self.end(at, action, Ending::Saved, record) {
                    run.undid = undid;
                }
            }
            Event::Refused { action, code, .. } => {
                // No answer came: the device does not know either.
                let indefinite = *code == Code::Indefinite;
                let ending = if indefinite { Ending::Indefinite } else { Ending::Refused };
                if let Some(run) = self.end(at, action, ending, None) {
                    run.refusal = Some(*code);
                }
            }
            Event::Indefinite { action, .. } => {
                self.end(at, action, Ending::Indefinite, None);
            }
            Event::Named { name, record } => {
                let record = self.record(record);
                self.history.records[record].name = Some(name);
            }
            Event::Shown(view) => self.see(at, Viewer::Device(host), view),
            Event::Gone { record } => {
                let record = self.record(record);
                self.history.records[record].gones.push((at, host));
            }
            Event::Tray { items } => self.tray(at, host, items),
            Event::HostUp { .. } => {
                self.failed.remove(host);
            }
            Event::Audited { user, records } => {
                for view in records {
                    self.see(at, Viewer::Server(user), view);
                }
            }
            Event::Viewed(view) => {
                self.history.views.entry(host).or_default().push(at);
                self.tray(at, host, &view.tray);
                for record in &view.records {
                    self.see(at, Viewer::Device(host), record);
                }
            }
            _ => {}
        }
    }

    fn record(&mut self, id: &'t RecordId) -> usize {
        let records = &mut self.history.records;
        *self.history.ids.entry(&id.0).or_insert_with(|| {
            records.push(RecordHistory::new(id));
            records.len() - 1
        })
    }

    /// Ends an action, unless it has ended.
    fn end(
        &mut self,
        at: usize,
        label: &str,
        ending: Ending,
        record: Option<usize>,
    ) -> Option<&mut ActionRun<'t>> {
        let i = *self.by_label.get(label)?;
        let action = self.history.actions.get_mut(i).filter(|action| action.ending == Ending::Open)?;
        action.ended = at;
        action.ending = ending;
        match (action.act, record) {
            (Action::Create { .. }, _) => {
                action.record = record;
                if let Some(record) = record {
                    let made = &mut self.history.records[record];
                    made.creator.get_or_insert(i);
                    made.name = made.name.or(action.name);
                }
            }
            (Action::Retry { .. }, Some(made)) if action.record != Some(made) => {
                action.made_anew = Some(made);
                self.history.records[made].creator.get_or_insert(i);
            }
            _ => {}
        }
        Some(action)
    }

    fn see(&mut self, at: usize, by: Viewer<'t>, view: &'t RecordView) {
        let record = self.record(&view.record);
        let troubled = match by {
            Viewer::Device(device) => {
                view.state == RecordState::Failed
                    || self.failed.get(device).is_some_and(|failed| failed.contains(&view.record))
            }
            Viewer::Server(_) => false,
        };
        self.history.records[record].sights.push(Sight { at, by, view, troubled });
    }

    fn tray(&mut self, at: usize, device: &'t str, items: &'t [TrayItem]) {
        let failed = items.iter().filter(|item| item.state == RecordState::Failed);
        let failed: BTreeSet<&'t RecordId> = failed.map(|item| &item.record).collect();
        // Within one instant, a record may be shown before the line that speaks of it.
        let now_us = self.history.entries[at].at_us;
        let history = &mut self.history;
        for &record in failed.iter().filter_map(|id| history.ids.get(id.0.as_str())) {
            let sights = history.records[record].sights.iter_mut().rev();
            let of_now = sights.take_while(|sight| history.entries[sight.at].at_us == now_us);
            of_now.filter(|sight| sight.device() == Some(device)).for_each(|sight| sight.troubled = true);
        }
        self.failed.insert(device, failed);
    }
}
