//! One pass over a trace: each entry is read once, shown to every family, and then taken in.

use std::collections::BTreeSet;

use deadzone_contract::rules::entity as entity_named;
use deadzone_contract::wire::{
    HEADER_DEVICE_ID, METRIC_LAG_ALERT, PATH_HINTS, PATH_MUTATIONS, PATH_SYNC, PATH_TOKEN, Role,
};
use deadzone_contract::{Action, Badge, Code, RecordView};
use deadzone_trace::{Entry, Event, Header, Trace};

use crate::bodies::{self, Change, FieldResult, Kind};
use crate::met::Met;
use crate::state::{
    Answer, Begun, Class, Content, Copy, Device, DeviceNo, Fault, Outcome, Pending, Record, RecordNo,
    Request, Sent, State, What,
};
use crate::work::{Deed, Work};
use crate::{families, kinds};

/// An entry and what it means, before the state has taken it in.
pub(crate) struct See<'a, 't> {
    pub(crate) state: &'a State<'t>,
    pub(crate) event: &'t Event,
    /// Where it happened; none for the server and the world.
    pub(crate) device: Option<DeviceNo>,
    /// The request that it is about.
    pub(crate) request: Option<&'a Request<'t>>,
    /// The server's answer that it is about; none where a device had none, or another's.
    pub(crate) answer: Option<&'a Answer>,
    /// The action that it ends.
    pub(crate) begun: Option<Begun<'t>>,
    /// The record of what was saved.
    pub(crate) record: Option<RecordNo>,
}

impl<'a, 't> See<'a, 't> {
    /// The device that it happened on.
    pub(crate) fn on(&self) -> Option<(DeviceNo, &'a Device<'t>)> {
        self.device.map(|no| (no, &self.state.devices[no]))
    }

    /// The device that sent the request that it is about.
    pub(crate) fn sender(&self) -> Option<(DeviceNo, &'a Device<'t>)> {
        self.request.map(|request| (request.device, &self.state.devices[request.device]))
    }

    /// What the answer says of each mutation of its push.
    pub(crate) fn results(&self) -> impl Iterator<Item = (Sent, Outcome)> + use<'a, 't> {
        let results = match self.answer.map(|answer| &answer.content) {
            Some(Content::Push { results, .. }) => results.as_slice(),
            _ => &[],
        };
        let mutations = self.request.map(|request| request.mutations.as_slice()).unwrap_or_default();
        mutations.iter().copied().zip(results.iter().copied())
    }

    /// Whether the server has carried part of a push out already.
    pub(crate) fn is_done(&self, request: &Request<'_>) -> bool {
        let mut numbers = request.mutations.iter().filter_map(|mutation| mutation.number);
        numbers.any(|number| self.state.committed.contains(&(request.device_id, number)))
    }

    /// What a page or a hint says of records.
    pub(crate) fn changes(&self) -> &'a [(RecordNo, What)] {
        match self.answer.map(|answer| &answer.content) {
            Some(Content::Page { changes, .. } | Content::Hint { changes: Some(changes), .. }) => changes,
            _ => &[],
        }
    }
}

/// What a run met.
pub fn met(trace: &Trace) -> Met {
    let mut state = State::default();
    let mut met = Met::default();
    for entry in &trace.entries {
        state.step(entry, &mut met);
    }
    met
}

impl<'t> State<'t> {
    fn step(&mut self, entry: &'t Entry, met: &mut Met) {
        let sent = self.read_sent(entry);
        let answered = self.read_answered(&entry.event);
        let ended = self.read_ended(&entry.event);
        let see = See {
            state: self,
            event: &entry.event,
            device: self.device_no(&entry.host),
            request: sent.as_ref().map(|(_, request)| request).or_else(|| self.request_of(&entry.event)),
            answer: answered.as_ref().or_else(|| self.answer_of(&entry.event)),
            begun: ended.begun,
            record: ended.record,
        };
        families::look(&see, met);
        let device = see.device;
        if let Some((exchange, request)) = sent {
            self.take_sent(exchange, request);
        } else if let (Event::Answered { exchange, .. }, Some(answer)) = (&entry.event, answered) {
            self.take_answered(&exchange.0, answer);
        } else {
            self.take(device, &entry.event, &ended, met);
        }
    }

    fn record_no(&mut self, id: &'t str) -> RecordNo {
        if let Some(no) = self.record_nos.get(id) {
            return *no;
        }
        self.records.push(Record::default());
        self.record_nos.insert(id, self.records.len() - 1);
        self.records.len() - 1
    }

    fn request_of(&self, event: &Event) -> Option<&Request<'t>> {
        match event {
            Event::Arrived { exchange, .. }
            | Event::Answered { exchange, .. }
            | Event::Delivered { exchange, .. }
            | Event::Failed { exchange, .. } => self.requests.get(exchange.0.as_str()),
            _ => None,
        }
    }

    fn answer_of(&self, event: &Event) -> Option<&Answer> {
        match event {
            Event::Delivered { replaced: None, .. } => self.request_of(event)?.answer.as_ref(),
            _ => None,
        }
    }

    fn read_sent(&mut self, entry: &'t Entry) -> Option<(&'t str, Request<'t>)> {
        let Event::Sent { exchange, method, path, headers, body } = &entry.event else { return None };
        let device = self.device_no(&entry.host)?;
        let class = class_of(method, path, body);
        let header =
            |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let since = path.split_once("since=").map_or("", |(_, rest)| rest.split('&').next().unwrap_or(rest));
        let request = Request {
            device,
            class,
            device_id: header(HEADER_DEVICE_ID).unwrap_or_default(),
            since: since.parse().unwrap_or(0),
            mutations: if class == Class::Push { self.read_mutations(device, body) } else { Vec::new() },
            arrived: false,
            committed: false,
            closed: false,
            answer: None,
        };
        Some((&exchange.0, request))
    }

    fn read_mutations(&mut self, device: DeviceNo, body: &'t str) -> Vec<Sent> {
        let Ok(push) = serde_json::from_str::<bodies::Push<'t>>(body) else { return Vec::new() };
        let read = |mutation: &bodies::Mutation<'t>| {
            let record = self.record_no(mutation.record);
            if let Kind::Create { entity, workspace, parent } = &mutation.kind {
                let parent = parent.map(|parent| self.record_no(parent));
                let known = &mut self.records[record];
                (known.entity, known.workspace, known.parent) = (entity_named(entity), workspace, parent);
                known.author.get_or_insert(device);
            }
            Sent {
                number: mutation.number,
                record,
                work: Work::of_mutation(mutation, self.records[record].entity, self.model),
                stamp_ms: mutation.stamp.as_ref().map_or(0, |stamp| stamp.ms),
            }
        };
        push.mutations.iter().map(read).collect()
    }

    fn read_answered(&mut self, event: &'t Event) -> Option<Answer> {
        let Event::Answered { exchange, status, headers, body, .. } = event else { return None };
        let class = self.requests.get(exchange.0.as_str())?.class;
        let content = match class {
            Class::Push if *status == 200 => self.read_results(&exchange.0, body),
            Class::Pull if *status == 200 => self.read_page(body),
            Class::Hints if *status == 200 => self.read_hint(body),
            _ => None,
        };
        let code = (*status >= 400).then(|| serde_json::from_str::<bodies::Problem<'_>>(body).ok()).flatten();
        Some(Answer {
            status: *status,
            code: code.and_then(|problem| Code::named(problem.code)),
            has_retry_after: headers.iter().any(|(name, _)| name == "retry-after"),
            content: content.unwrap_or(Content::Nothing),
        })
    }

    fn read_results(&self, exchange: &str, body: &'t str) -> Option<Content> {
        let request = self.requests.get(exchange)?;
        let answer: bodies::PushAnswer<'t> = serde_json::from_str(body).ok()?;
        let outcome = |(sent, result): (&Sent, &bodies::Result<'_>)| match &result.outcome {
            bodies::Outcome::Deferred => Outcome::Deferred,
            bodies::Outcome::Rejected { code } => Outcome::Rejected(Code::named(code)),
            bodies::Outcome::Done { fields } => Outcome::Done {
                fresh: sent
                    .number
                    .is_none_or(|number| !self.committed.contains(&(request.device_id, number))),
                conflict: fields.values().any(|field| matches!(field, FieldResult::Conflict(_))),
                refused: fields.values().find_map(|field| match field {
                    FieldResult::Rejected { code } => Code::named(code),
                    _ => None,
                }),
                applied: fields.values().any(|field| matches!(field, FieldResult::Applied)),
            },
        };
        Some(Content::Push {
            results: request.mutations.iter().zip(&answer.results).map(outcome).collect(),
            server_time_ms: answer.server_time_ms.unwrap_or(0),
        })
    }

    fn read_page(&mut self, body: &'t str) -> Option<Content> {
        let page: bodies::Page<'t> = serde_json::from_str(body).ok()?;
        let changes = self.read_changes(&page.changes);
        Some(Content::Page { changes, next: page.next, more: page.more })
    }

    fn read_hint(&mut self, body: &'t str) -> Option<Content> {
        let hint = bodies::hint(body)?;
        let changes = hint.changes.as_ref().map(|changes| self.read_changes(changes));
        Some(Content::Hint { since: hint.since, next: hint.next, changes })
    }

    fn read_changes(&mut self, changes: &[Change<'t>]) -> Vec<(RecordNo, What)> {
        let read = |change: &Change<'t>| match change {
            Change::Record { record } => (self.record_no(record), What::There),
            Change::Removed { record } => (self.record_no(record), What::Removed),
            Change::Tombstone { record } => (self.record_no(record), What::Deleted),
        };
        changes.iter().map(read).collect()
    }

    fn read_ended(&mut self, event: &'t Event) -> Ended<'t> {
        let (action, record) = match event {
            Event::Saved { action, record, .. } => (action, record.as_ref()),
            Event::Refused { action, .. } | Event::Indefinite { action, .. } => (action, None),
            _ => return Ended::default(),
        };
        let begun = self.begun.get(action.as_str()).copied();
        let record = record.map(|record| self.record_no(&record.0));
        if let (Some(record), Some(Begun { device, act: Action::Create { entity, workspace, parent, .. } })) =
            (record, begun)
        {
            let parent = parent.as_ref().map(|parent| self.record_no(&parent.0));
            let author = Some(device);
            let entity = entity_named(entity);
            self.records[record] = Record { entity, workspace, parent, author, ..Record::default() };
        }
        let entity = record.and_then(|record| self.records[record].entity);
        let work = begun.map_or_else(Work::default, |begun| Work::of_action(begun.act, entity, self.model));
        Ended { action, begun, record, work }
    }
}

/// How an action ended.
#[derive(Default)]
struct Ended<'t> {
    action: &'t str,
    begun: Option<Begun<'t>>,
    record: Option<RecordNo>,
    work: Work,
}

fn class_of(method: &str, path: &str, body: &str) -> Class {
    let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
    match (method, bare) {
        ("POST", PATH_MUTATIONS) => Class::Push,
        ("GET", PATH_SYNC) => Class::Pull,
        ("GET", PATH_HINTS) => Class::Hints,
        ("POST", PATH_TOKEN) => match serde_json::from_str::<bodies::TokenRequest<'_>>(body) {
            Ok(request) if request.grant == "refresh" => Class::Refresh,
            _ => Class::SignIn,
        },
        _ => Class::Other,
    }
}

/// Whether metrics say that the alert on the lag of queues fires.
pub(crate) fn fires(metrics: &str) -> bool {
    let value = |line: &str| line.strip_prefix(METRIC_LAG_ALERT).map(|value| value.trim() == "1");
    metrics.lines().find_map(value) == Some(true)
}

/// Taking an entry in.
impl<'t> State<'t> {
    fn take(&mut self, device: Option<DeviceNo>, event: &'t Event, ended: &Ended<'t>, met: &mut Met) {
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
                self.take_delivered(&exchange.0, replaced.is_some())
            }
            Event::Failed { exchange, .. } => self.close(&exchange.0),
            Event::Invoked { action, act, .. } => {
                if let Some(no) = device {
                    self.begun.insert(action, Begun { device: no, act });
                    self.devices[no].busy += 1;
                }
            }
            Event::Saved { .. } | Event::Refused { .. } | Event::Indefinite { .. } => {
                self.take_ended(event, ended)
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
            is_up: true,
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
                if let Some(kind) = self.faults.get(fault.as_str()).and_then(|fault| fault.kind) {
                    met.strike(kind);
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

    fn take_host(&mut self, device: Option<DeviceNo>, event: &'t Event) {
        let Some(no) = device else {
            match event {
                Event::HostUp { .. } => self.server_up = true,
                Event::HostDown { .. } => self.server_up = false,
                Event::DiskFault { active } => self.server_disk_fails = *active,
                _ => {}
            }
            return;
        };
        match event {
            Event::HostUp { .. } => self.devices[no].is_up = true,
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
        (device.is_up, device.is_asleep, device.is_paging, device.busy) = (false, false, false, 0);
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

    fn take_sent(&mut self, exchange: &'t str, request: Request<'t>) {
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
            queue[place].sent += 1;
        }
        if request.class == Class::Pull {
            device.is_resyncing |= request.since == 0 && device.cursor.is_some_and(|cursor| cursor > 0);
        }
        self.requests.insert(exchange, request);
    }

    fn take_answered(&mut self, exchange: &'t str, answer: Answer) {
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
                    let is_ahead = mutation.stamp_ms > server_time_ms + AHEAD_MS;
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

/// From how far ahead of the server's clock a stamp is called ahead, in ms: more than any clock of
/// a scenario drifts by itself.
pub(crate) const AHEAD_MS: u64 = 2_000;

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

fn take_saved(device: &mut Device<'_>, act: &Action, record: Option<RecordNo>, work: Work) {
    let pending = Pending { work, ..Pending::default() };
    match (act, record) {
        (Action::SignIn { user, .. }, _) if device.last_user == user => device.user = Some(device.last_user),
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
    let gone: BTreeSet<RecordNo> =
        changes.iter().filter(|(_, what)| *what == What::Removed).map(|(record, _)| *record).collect();
    device.removed.extend(gone);
}
