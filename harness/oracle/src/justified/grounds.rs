//! What a device has been told that is a reason to bother its user.

use std::collections::BTreeMap;

use deadzone_contract::wire::Role;
use deadzone_contract::{Code, Deletes, Value};
use deadzone_trace::Event;

use crate::history::{History, Request};

/// The reasons of every device.
pub(super) struct Grounds<'h, 't> {
    history: &'h History<'t>,
    by_device: BTreeMap<&'t str, Told<'h>>,
}

/// What one device was told, each with the moment from which on it knew.
#[derive(Default)]
struct Told<'h> {
    /// By record: refusals that leave nothing to try, with their codes.
    refusals: BTreeMap<usize, Vec<(usize, Option<Code>)>>,
    /// By record: server errors without a time to come again.
    errors: BTreeMap<usize, Vec<usize>>,
    /// By record: since when it knows that it is not for this user, or that a delete has won.
    ends: BTreeMap<usize, usize>,
    /// By record: the open conflicts, by their field and the value that lost.
    conflicts: BTreeMap<usize, Vec<(usize, &'h str, &'h Value)>>,
    /// What its user may do, as the server said with the tokens.
    roles: Vec<(usize, &'h BTreeMap<String, Role>)>,
    /// Another version of its app need not know what work there was.
    upgraded: Option<usize>,
    /// The refusals of whole requests, whatever they were about: since when it knows each code.
    problems: BTreeMap<Code, usize>,
    /// An answer of a form that nobody knows: it may have said anything.
    riddle: Option<usize>,
}

impl<'h, 't> Grounds<'h, 't> {
    pub(super) fn of(history: &'h History<'t>) -> Grounds<'h, 't> {
        let mut grounds = Grounds { history, by_device: BTreeMap::new() };
        for request in history.wire.requests() {
            grounds.take_request(request);
        }
        for record in 0..history.records.len() {
            grounds.take_record(record);
        }
        for (at, entry) in history.entries.iter().enumerate() {
            if matches!(entry.event, Event::Upgraded { .. }) {
                grounds.by_device.entry(&entry.host).or_default().upgraded.get_or_insert(at);
            }
        }
        grounds
    }

    fn take_request(&mut self, request: &'h Request<'t>) {
        let (Some(at), Some(status)) = (request.closed, request.status) else { return };
        let told = self.by_device.entry(request.device).or_default();
        if let Some(at) = request.accepted {
            told.accept(at, request);
            return;
        }
        let theirs = || request.answers.iter().filter(|answer| answer.status == status);
        // Without this contract's own words it is somebody else's page.
        let Some(code) = theirs().find_map(|answer| answer.content.problem) else { return };
        told.problems.entry(code).and_modify(|since| *since = at.min(*since)).or_insert(at);
        let waits = theirs().any(|answer| answer.retry_after_s.is_some());
        for &record in &request.records {
            match status {
                401 | 426 | 429 => {}
                400..=499 => told.refusals.entry(record).or_default().push((at, Some(code))),
                500.. if !waits => told.errors.entry(record).or_default().push(at),
                _ => {}
            }
        }
    }

    fn take_record(&mut self, record: usize) {
        let delete_wins = || {
            let entity = self.history.entity(&self.history.records[record]);
            entity.is_some_and(|entity| entity.deletes == Deletes::DeleteWins)
        };
        let delete_wins = delete_wins();
        for told in self.history.wire.told(record) {
            let device = self.by_device.entry(told.device).or_default();
            if told.state.removed || (told.state.gone && delete_wins) {
                device.end(record, told.at);
            }
            for open in &told.state.conflicts {
                let conflicts = device.conflicts.entry(record).or_default();
                conflicts.push((told.at, &open.field, &open.mine));
            }
        }
    }

    /// What was told to a device, or to one that it is a copy of.
    fn told(&self, device: &str) -> impl Iterator<Item = &Told<'h>> {
        let hosts = &self.history.hosts;
        let of = self.by_device.iter().filter(move |(of, _)| hosts.holds_work_of(device, of));
        of.map(|(_, told)| told)
    }

    /// Whether a device may know anything by `at`, for all that is known.
    fn is_riddled(&self, device: &str, at: usize) -> bool {
        self.told(device).any(|told| told.riddle.is_some_and(|riddle| riddle < at))
    }

    /// Whether work on a record may stand in the tray of a device as failed. A code that a server
    /// error has needs as many of those as it takes.
    pub(super) fn justify_failure(&self, device: &str, record: usize, code: Option<Code>, at: usize) -> bool {
        let wants_errors = matches!(code, Some(Code::Internal | Code::Unavailable));
        let attempts_max = self.history.header.parameters.attempts_max;
        let enough = |errors: &Vec<usize>| {
            let before = errors.partition_point(|&error| error < at);
            u64::try_from(before).is_ok_and(|before| before >= attempts_max)
        };
        let spent = || self.told(device).any(|told| told.errors.get(&record).is_some_and(enough));
        self.is_riddled(device, at)
            || spent()
            // A refused record takes along what hangs under it.
            || (!wants_errors && self.history.lineage(record).iter().any(|&of| self.is_refused(device, of, at)))
            || self.told(device).any(|told| told.has_refusal_with(record, code, at))
    }

    /// Whether a request of a device was refused with a code by `at`.
    pub(super) fn knows_problem(&self, device: &str, code: Code, at: usize) -> bool {
        self.is_riddled(device, at)
            || self.told(device).any(|told| told.problems.get(&code).is_some_and(|&since| since < at))
    }

    fn is_refused(&self, device: &str, record: usize, at: usize) -> bool {
        let workspace = self.history.rights.class(record).map(|(workspace, _)| workspace);
        self.told(device).any(|told| {
            let refused =
                told.refusals.get(&record).is_some_and(|all| all.iter().any(|(since, _)| *since < at));
            let ended = told.ends.get(&record).is_some_and(|&since| since < at);
            let writes = |roles: &BTreeMap<String, Role>| {
                let role = workspace.and_then(|workspace| roles.get(workspace));
                matches!(role, Some(Role::Editor | Role::Admin))
            };
            let shut_out = told.roles.iter().any(|(since, roles)| *since < at && !writes(roles));
            let upgraded = told.upgraded.is_some_and(|since| since < at);
            refused || ended || shut_out || upgraded
        })
    }

    /// Whether a device was told of an open conflict of a record: of this field with this value,
    /// where they are given.
    pub(super) fn knows_conflict(
        &self,
        device: &str,
        record: usize,
        of: Option<(&str, &Value)>,
        at: usize,
    ) -> bool {
        let is = |&(since, field, mine): &(usize, &str, &Value)| {
            since < at && of.is_none_or(|of| of == (field, mine))
        };
        self.is_riddled(device, at)
            || self.told(device).any(|told| told.conflicts.get(&record).is_some_and(|all| all.iter().any(is)))
    }
}

impl<'h> Told<'h> {
    /// The device has an answer of success.
    fn accept(&mut self, at: usize, request: &'h Request<'_>) {
        use crate::history::{Class, Kind, Outcome};
        let successes = || request.answers.iter().filter(|answer| (200..300).contains(&answer.status));
        let known = successes().all(|answer| match request.class {
            Class::Push => answer.content.results.is_some(),
            Class::Pull => answer.content.page.is_some(),
            _ => true,
        });
        if !known
            || request.class == Class::Push && request.mutations.is_empty() && !request.records.is_empty()
        {
            self.riddle.get_or_insert(at);
        }
        for answer in successes() {
            self.roles.extend(answer.content.roles.as_ref().map(|roles| (at, roles)));
            for mutation in answer.content.unseen.iter().filter_map(|at| request.mutations.get(*at)) {
                if let Some(record) = mutation.record.filter(|_| mutation.kind != Kind::Delete) {
                    self.end(record, at);
                }
            }
            for (position, open) in &answer.content.opened {
                let mutation = request.mutations.get(*position);
                if let Some(record) = mutation.and_then(|mutation| mutation.record) {
                    self.conflicts.entry(record).or_default().push((at, &open.field, &open.mine));
                }
            }
        }
        for (position, mutation) in request.mutations.iter().enumerate() {
            let Some(record) = mutation.record else { continue };
            for (_, outcome) in request.outcomes(position) {
                let codes: Vec<Option<Code>> = match outcome {
                    Outcome::Rejected(code) => vec![*code],
                    Outcome::Done { refused } => refused.values().copied().collect(),
                    Outcome::Open => Vec::new(),
                };
                // These say how to go on, and a device goes on by itself.
                let ends = |code: &Option<Code>| {
                    !matches!(code, Some(Code::StampAhead | Code::NumberReused | Code::TooManyRequests))
                };
                let refusals = codes.into_iter().filter(ends).map(|code| (at, code));
                self.refusals.entry(record).or_default().extend(refusals);
            }
        }
    }

    /// What is told first need not be read first: the answers to pushes are read before pulls.
    fn end(&mut self, record: usize, at: usize) {
        self.ends.entry(record).and_modify(|since| *since = at.min(*since)).or_insert(at);
    }

    fn has_refusal_with(&self, record: usize, code: Option<Code>, at: usize) -> bool {
        let all = self.refusals.get(&record);
        all.is_some_and(|all| all.iter().any(|(since, told)| *since < at && *told == code))
    }
}
