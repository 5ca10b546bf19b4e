//! Taking entries in: what the state is after each.

use deadzone_contract::rules::entity as entity_named;
use deadzone_contract::wire::{METRIC_LAG_ALERT, Role};
use deadzone_contract::{Action, Badge, Code, RecordView};
use deadzone_trace::{Event, Header};

use crate::kinds;
use crate::met::Met;
use crate::read::Ended;
use crate::state::{
    Answer, Begun, Class, Content, Copy, Device, DeviceNo, Fault, Outcome, Pending, Record, RecordNo,
    Request, Sent, State, What,
};
use crate::work::{Deed, Work};

/// From how far ahead of the server's clock a stamp is called ahead, in ms: more than any clock of
/// a scenario drifts by itself.
pub(crate) const AHEAD_MS: u64 = 2_000;

/// Whether metrics say that the alert on the lag of queues fires.
pub(crate) fn fires(metrics: &str) -> bool {
    let value = |line: &str| line.strip_prefix(METRIC_LAG_ALERT).map(|value| value.trim() == "1");
    metrics.lines().find_map(value) == Some(true)
}

impl<'t> State<'t> {
    pub(crate) fn take(
        &mut self,
        device: Option<DeviceNo>,
        event: &'t Event,
        ended: &Ended<'t>,
        met: &mut Met,
    ) {
        match event {
            Event::Started(header) => self.take_started(header),
            Event::FaultBegan { .. } | Event::FaultStruck { .. } | Event::FaultEnded { .. } => {
                self.take_fault(event, met);
            }
            Event::Granted(change) => {
                let role = self.roles.get(&(change.workspace.as_str(), change.user.as_str()));
                if role.is_none_or(|role| *role == Role::Viewer) && change.role > Some(Role::Viewer) {
                    self.regranted.insert((&change.workspace, &change.user));
                }
                match change.role {
                    Some(role) => self.roles.insert((&change.workspace, &change.user), role),
                    None => self.roles.remove(&(change.workspace.as_str(), change.user.as_str())),
                };
            }
            Event::Scraped { body, .. } => self.is_alerted = fires(body),
            Event::Arrived { exchange, .. } => {
                if let Some(request) = self.requests.get_mut(exchange.0.as_str()) {
                    request.arrived = true;
                }
            }
            Event::Delivered { exchange, replaced, .. } => {
                self.take_delivered(&exchange.0, replaced.is_some());
            }
            Event::Failed { exchange, .. } => self.close(&exchange.0),
            Event::Invoked { action, act, .. } => {
                if let Some(no) = device {
                    self.begun.insert(action, Begun { device: no, act });
                    self.devices[no].busy += 1;
                }
            }
            Event::Saved { .. } | Event::Refused { .. } | Event::Indefinite { .. } => {
                self.take_ended(event, ended);
            }
            Event::Shown(view) => self.take_shown(device, view),
            _ => self.take_host(device, event),
        }
    }

    fn take_started(&mut self, header: &'t Header) {
        self.model = header.model;
        self.header = Some(header);
        self.server_up = true;
        self.roles = header.grants.iter().map(|(place, user, role)| ((&**place, &**user), *role)).collect();
        let devices = header.devices.iter().map(|(name, user)| Device {
            name,
            user: Some(user),
            last_user: user,
            app: header.apps.get(name).copied(),
            ..Device::default()
        });
        self.devices = devices.collect();
    }

    fn take_fault(&mut self, event: &'t Event, met: &mut Met) {
        match event {
            Event::FaultBegan { fault, text } => {
                let names = self.devices.iter().map(|device| device.name);
                let device = kinds::host_in(text, names);
                let kind = kinds::kind_of(text);
                self.faults.insert(fault, Fault { kind, text, device, ended: false });
                if let Some(no) = device.filter(|_| text.starts_with("jump ") && text.contains(" by -")) {
                    self.devices[no].before_jump = Some(self.devices[no].edited.clone());
                }
            }
            Event::FaultStruck { fault, .. } => {
                let Some(Fault { kind: Some(kind), device, .. }) = self.faults.get(fault.as_str()).copied()
                else {
                    return;
                };
                met.strike(kind);
                if let Some(device) = device.filter(|_| kinds::KINDS[kind] == "lose-answer") {
                    self.take_lost_answer(device);
                }
            }
            Event::FaultEnded { fault } => {
                if let Some(fault) = self.faults.get_mut(fault.as_str()) {
                    fault.ended = true;
                }
            }
            _ => {}
        }
    }

    /// From now on nobody will tell a device what became of the push that was carried out.
    fn take_lost_answer(&mut self, device: DeviceNo) {
        let lost = |request: &&Request<'_>| request.device == device && request.committed && !request.closed;
        for request in self.requests.values().filter(lost) {
            for mutation in &request.mutations {
                if let Some(pending) = numbered(&mut self.devices[device], mutation) {
                    pending.unheard = true;
                }
            }
        }
    }

    fn take_host(&mut self, device: Option<DeviceNo>, event: &'t Event) {
        let Some(no) = device else {
            match event {
                Event::HostUp { .. } => self.server_up = true,
                Event::HostDown { .. } => self.server_up = false,
                _ => {}
            }
            return;
        };
        match event {
            Event::HostDown { .. } => self.take_down(no),
            Event::BackedUp { backup } => {
                let device = &self.devices[no];
                let copy = Copy { queue: device.queue.clone(), cursor: device.cursor };
                self.backups.insert(backup, copy);
            }
            Event::Restored { backup } => {
                let copy = self.backups.get(backup.as_str()).cloned().unwrap_or_default();
                let device = &mut self.devices[no];
                (device.queue, device.cursor, device.was_restored) = (copy.queue, copy.cursor, true);
            }
            Event::Cloned { from } => {
                let Some(source) = self.device_no(from).map(|from| &self.devices[from]) else { return };
                let (queue, cursor) = (source.queue.clone(), source.cursor);
                let device = &mut self.devices[no];
                (device.queue, device.cursor, device.was_cloned) = (queue, cursor, true);
            }
            _ => take_own(&mut self.devices[no], event),
        }
    }

    fn take_down(&mut self, no: DeviceNo) {
        let open: Vec<&'t str> = self
            .requests
            .iter()
            .filter(|(_, request)| request.device == no && !request.closed)
            .map(|(exchange, _)| *exchange)
            .collect();
        open.into_iter().for_each(|exchange| self.close(exchange));
        let device = &mut self.devices[no];
        (device.is_asleep, device.is_paging, device.busy) = (false, false, 0);
        (device.fresh_answer, device.refused_by_disk) = (None, false);
        device.pending_mut().for_each(|pending| pending.crashes += 1);
    }

    fn take_shown(&mut self, device: Option<DeviceNo>, view: &'t RecordView) {
        let Some(no) = device else { return };
        let record = self.record_no(&view.record.0);
        if self.records[record].entity.is_none() {
            let parent = view.parent.as_ref().map(|parent| self.record_no(&parent.0));
            let known = &mut self.records[record];
            (known.entity, known.workspace, known.parent) =
                (entity_named(&view.entity), &view.workspace, parent);
        }
        let device = &mut self.devices[no];
        device.fresh_answer = None;
        device.removed.remove(&record);
        if view.conflicts.is_empty() {
            device.conflicts.remove(&record);
        } else {
            device.conflicts.insert(record, view.conflicts.len());
        }
    }

    fn take_ended(&mut self, event: &'t Event, ended: &Ended<'t>) {
        self.begun.remove(ended.action);
        let Some(Begun { device: no, act }) = ended.begun else { return };
        let device = &mut self.devices[no];
        device.busy = device.busy.saturating_sub(1);
        device.fresh_answer = None;
        match event {
            Event::Refused { code: Code::Storage, .. } => device.refused_by_disk = true,
            Event::Saved { .. } => take_saved(device, act, ended.record, ended.work),
            _ => {}
        }
    }

    pub(crate) fn take_sent(&mut self, exchange: &'t str, request: Request<'t>) {
        let device = &mut self.devices[request.device];
        device.fresh_answer = None;
        for mutation in &request.mutations {
            let queue = device.queue.entry(mutation.record).or_default();
            let known = queue.iter().position(|pending| pending.number == mutation.number);
            let place = known.or_else(|| queue.iter().position(|pending| pending.number.is_none()));
            let place = place.unwrap_or_else(|| {
                queue.push(Pending { work: mutation.work, ..Pending::default() });
                queue.len() - 1
            });
            queue[place].number = mutation.number;
            queue[place].stamp_ms = mutation.stamp_ms;
            queue[place].sent += 1;
        }
        if request.class == Class::Pull {
            device.is_resyncing |= request.since == 0 && device.cursor.is_some_and(|cursor| cursor > 0);
        }
        self.requests.insert(exchange, request);
    }

    pub(crate) fn take_answered(&mut self, exchange: &'t str, answer: Answer) {
        let Some(request) = self.requests.get_mut(exchange) else { return };
        if let Content::Push { results, server_time_ms } = &answer.content {
            let device = &mut self.devices[request.device];
            for (mutation, outcome) in request.mutations.iter().zip(results) {
                if !matches!(outcome, Outcome::Done { .. }) {
                    continue;
                }
                request.committed = true;
                if let Some(pending) = numbered(device, mutation) {
                    pending.committed = true;
                    pending.unheard |= request.closed;
                }
                let fresh = mutation.number.is_none_or(|n| self.committed.insert((request.device_id, n)));
                if fresh {
                    let is_ahead = mutation.stamp_ms > server_time_ms.saturating_add(AHEAD_MS);
                    take_commit(&mut self.records[mutation.record], request.device, mutation, is_ahead);
                }
            }
        }
        request.answer = Some(answer);
    }

    fn take_delivered(&mut self, exchange: &'t str, replaced: bool) {
        if replaced {
            return self.close(exchange);
        }
        let Some(request) = self.requests.get_mut(exchange) else { return };
        request.closed = true;
        let Some(answer) = &request.answer else { return };
        let device = &mut self.devices[request.device];
        device.fresh_answer = Some(request.class);
        match &answer.content {
            Content::Push { results, .. } => {
                for (mutation, outcome) in request.mutations.iter().zip(results) {
                    self.acknowledged |= matches!(outcome, Outcome::Done { .. });
                    take_outcome(device, &mut self.records[mutation.record], mutation, *outcome);
                }
            }
            Content::Page { changes, next, more } => {
                (device.cursor, device.is_paging) = (Some(*next), *more);
                device.is_resyncing &= *more;
                take_changes(device, changes);
            }
            Content::Hint { since, next, changes: Some(changes) } if device.cursor == Some(*since) => {
                device.cursor = Some(*next);
                take_changes(device, changes);
            }
            Content::Hint { .. } => {}
            Content::Nothing => {
                device.is_resyncing |= answer.code == Some(Code::CursorExpired);
                device.too_old |= answer.code == Some(Code::ClientTooOld);
            }
        }
    }

    /// The exchange has brought its device no answer of the server.
    fn close(&mut self, exchange: &'t str) {
        let Some(request) = self.requests.get_mut(exchange) else { return };
        request.closed = true;
        let device = &mut self.devices[request.device];
        for mutation in &request.mutations {
            if let Some(pending) = numbered(device, mutation) {
                pending.unheard = true;
            }
        }
    }
}

fn numbered<'d>(device: &'d mut Device<'_>, mutation: &Sent) -> Option<&'d mut Pending> {
    device.queue.get_mut(&mutation.record)?.iter_mut().find(|pending| pending.number == mutation.number)
}

fn take_own(device: &mut Device<'_>, event: &Event) {
    match event {
        Event::Wiped => {
            *device = Device {
                name: device.name,
                last_user: device.last_user,
                app: device.app,
                is_offline: device.is_offline,
                ..Device::default()
            };
        }
        Event::Suspended => (device.is_asleep, device.slept_with_work) = (true, device.has_pending()),
        Event::Resumed => device.is_asleep = false,
        Event::Connectivity { online } => device.is_offline = !online,
        Event::DiskFault { active } => device.disk_fails = *active,
        Event::Upgraded { to } => (device.app, device.too_old) = (Some(*to), false),
        Event::Status(status) => {
            device.fresh_answer = None;
            // Whatever a device has dropped by itself does not wait for ever.
            if status.queued == 0 && device.busy == 0 && status.badge != Badge::Error {
                device.queue.clear();
            }
        }
        Event::Gone { .. } | Event::Tray { .. } => device.fresh_answer = None,
        _ => {}
    }
}

fn take_saved<'t>(device: &mut Device<'t>, act: &'t Action, record: Option<RecordNo>, work: Work) {
    let pending = Pending { work, ..Pending::default() };
    match (act, record) {
        (Action::SignIn { user, .. }, _) => {
            (device.user, device.last_user) = (Some(user.as_str()), user.as_str());
        }
        (Action::SignOut { .. }, _) => {
            device.queue.clear();
            device.failed.clear();
            (device.user, device.cursor) = (None, None);
        }
        (Action::Repair, _) => device.is_resyncing = true,
        (Action::Discard { .. }, Some(record)) => {
            device.queue.remove(&record);
            device.failed.remove(&record);
        }
        (Action::Retry { .. }, Some(record)) => {
            device.failed.remove(&record);
            device.queue.entry(record).or_default().push(pending);
        }
        (
            Action::Create { .. }
            | Action::Edit { .. }
            | Action::Delete { password: None, .. }
            | Action::Undo { .. }
            | Action::Resolve { .. },
            Some(record),
        ) => {
            device.edited.insert(record);
            device.queue.entry(record).or_default().push(pending);
        }
        _ => {}
    }
}

fn take_commit(record: &mut Record<'_>, device: DeviceNo, mutation: &Sent, is_ahead: bool) {
    let deletes = mutation.work.has(Deed::DELETE);
    record.deleted_by = deletes.then_some(device);
    record.last_by = Some(device);
    record.is_ahead = is_ahead;
}

fn take_outcome(device: &mut Device<'_>, record: &mut Record<'_>, mutation: &Sent, outcome: Outcome) {
    let Some(queue) = device.queue.get_mut(&mutation.record) else { return };
    match outcome {
        Outcome::Deferred => {
            queue.iter_mut().filter(|p| p.number == mutation.number).for_each(|p| p.deferred = true);
            return;
        }
        // It goes once more, stamped anew.
        Outcome::Rejected(Some(Code::StampAhead)) => return,
        Outcome::Rejected(Some(Code::NumberReused)) => {
            device.pending_mut().for_each(|pending| pending.number = None);
            return;
        }
        Outcome::Rejected(_) => {
            record.refused |= mutation.work.has(Deed::CREATE);
            device.failed.insert(mutation.record);
        }
        Outcome::Done { refused: Some(_), .. } => {
            device.failed.insert(mutation.record);
        }
        Outcome::Done { .. } => {}
    }
    queue.retain(|pending| pending.number != mutation.number);
    if queue.is_empty() {
        device.queue.remove(&mutation.record);
    }
}

fn take_changes(device: &mut Device<'_>, changes: &[(RecordNo, What)]) {
    let removed = changes.iter().filter(|(_, what)| *what == What::Removed);
    device.removed.extend(removed.map(|(record, _)| *record));
    device.heard_of_a_delete |= changes.iter().any(|(_, what)| *what == What::Deleted);
}
