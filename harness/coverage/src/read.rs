//! Reading entries: what requests, answers and ended actions say.

use deadzone_contract::rules::entity as entity_named;
use deadzone_contract::wire::{HEADER_DEVICE_ID, PATH_HINTS, PATH_MUTATIONS, PATH_SYNC, PATH_TOKEN};
use deadzone_contract::{Action, Code};
use deadzone_trace::{Entry, Event};

use crate::bodies::{self, Change, FieldResult, Kind};
use crate::state::{
    Answer, Begun, Class, Content, DeviceNo, Outcome, Record, RecordNo, Request, Sent, State, What,
};
use crate::work::Work;

impl<'t> State<'t> {
    pub(crate) fn read_sent(&mut self, entry: &'t Entry) -> Option<(&'t str, Request<'t>)> {
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

    pub(crate) fn read_answered(&mut self, event: &'t Event) -> Option<Answer> {
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
                hidden: result.state.is_none(),
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

    pub(crate) fn read_ended(&mut self, event: &'t Event) -> Ended<'t> {
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
pub(crate) struct Ended<'t> {
    pub(crate) action: &'t str,
    pub(crate) begun: Option<Begun<'t>>,
    pub(crate) record: Option<RecordNo>,
    pub(crate) work: Work,
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
