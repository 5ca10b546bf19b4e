//! What became of each request, put together from the events of both ends of the wire.

use std::collections::BTreeMap;

use deadzone_contract::RecordId;
use deadzone_contract::wire::{
    FieldResult, Mutation, Outcome, PATH_MUTATIONS, PATH_SYNC, PATH_TOKEN, PushAnswer, PushRequest,
};
use deadzone_trace::{Event, Exchange, Trace};

use crate::words::Names;

/// A request and everything that is known of it.
pub(crate) struct Call<'t> {
    pub(crate) device: &'t str,
    /// `push`, `pull`, `sign-in`, `request`: as faults call it.
    pub(crate) class: &'static str,
    /// What a push carries; empty where it is none.
    pub(crate) mutations: Vec<Mutation>,
    /// Where in the trace it was sent.
    pub(crate) sent: usize,
    /// Where it arrived, copy by copy.
    arrived: Vec<usize>,
    /// Where it was answered, copy by copy.
    answered: Vec<Answer<'t>>,
    /// Where its device got an answer or gave up.
    ended: Option<(usize, End<'t>)>,
}

struct Answer<'t> {
    at: usize,
    status: u16,
    body: &'t str,
}

enum End<'t> {
    Delivered { status: u16, replaced: bool },
    Failed { error: &'t str },
}

/// Every request of a trace, in the order in which they were sent.
pub(crate) struct Calls<'t> {
    pub(crate) list: Vec<Call<'t>>,
    by_name: BTreeMap<&'t Exchange, usize>,
}

impl<'t> Calls<'t> {
    pub(crate) fn of(trace: &'t Trace) -> Calls<'t> {
        let mut calls = Calls { list: Vec::new(), by_name: BTreeMap::new() };
        for (at, entry) in trace.entries.iter().enumerate() {
            match &entry.event {
                Event::Sent { exchange, path, body, .. } => {
                    calls.by_name.insert(exchange, calls.list.len());
                    calls.list.push(Call {
                        device: &entry.host,
                        class: class(path),
                        mutations: mutations(path, body),
                        sent: at,
                        arrived: Vec::new(),
                        answered: Vec::new(),
                        ended: None,
                    });
                }
                Event::Arrived { exchange, .. } => {
                    calls.with(exchange, |call| call.arrived.push(at));
                }
                Event::Answered { exchange, status, body, .. } => {
                    calls.with(exchange, |call| call.answered.push(Answer { at, status: *status, body }));
                }
                Event::Delivered { exchange, status, replaced } => calls.with(exchange, |call| {
                    call.ended = Some((at, End::Delivered { status: *status, replaced: replaced.is_some() }));
                }),
                Event::Failed { exchange, error, .. } => {
                    calls.with(exchange, |call| call.ended = Some((at, End::Failed { error })));
                }
                _ => {}
            }
        }
        calls
    }

    fn with(&mut self, exchange: &Exchange, change: impl FnOnce(&mut Call<'t>)) {
        if let Some(&place) = self.by_name.get(exchange) {
            change(&mut self.list[place]);
        }
    }

    /// The place in the list of the request that an event is about.
    pub(crate) fn place(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Sent { exchange, .. }
            | Event::Arrived { exchange, .. }
            | Event::Answered { exchange, .. }
            | Event::Delivered { exchange, .. }
            | Event::Failed { exchange, .. } => self.by_name.get(exchange).copied(),
            _ => None,
        }
    }

    /// The place of the request that a strike is about: of those that the words name, the one to
    /// which something happened last before it.
    pub(crate) fn struck(&self, what: &str, at: usize) -> Option<usize> {
        let named = |call: &Call<'_>| what.contains(&format!("{}'s {}", call.device, call.class));
        let last = |(place, call): (usize, &Call<'_>)| Some((call.last_before(at)?, place));
        let calls = self.list.iter().enumerate().filter(|(_, call)| named(call));
        calls.filter_map(last).max().map(|(_, place)| place)
    }
}

impl Call<'_> {
    /// When something last happened to it before `at`; none where it was not yet sent.
    fn last_before(&self, at: usize) -> Option<usize> {
        let moments = self.answered.iter().map(|answer| answer.at).chain(self.arrived.iter().copied());
        let moments = moments.chain(self.ended.iter().map(|(at, _)| *at)).chain([self.sent]);
        moments.filter(|moment| *moment < at).max()
    }

    /// Whether it carries work on a record.
    pub(crate) fn is_about(&self, record: &RecordId) -> bool {
        self.mutations.iter().any(|mutation| mutation.record == *record)
    }

    /// Whether it went as requests should.
    pub(crate) fn is_ordinary(&self) -> bool {
        matches!(self.ended, Some((_, End::Delivered { status: 200, replaced: false })))
            && self.answered.len() == 1
    }

    /// Whether the server only asked for a fresh token, as it does every hour.
    pub(crate) fn is_refreshed(&self) -> bool {
        matches!(self.ended, Some((_, End::Delivered { status: 401, replaced: false })))
    }

    /// Where in the trace it is decided what became of it: where the server answered, arrived, or
    /// where its device sent it in vain.
    pub(crate) fn decided(&self) -> usize {
        self.answered.first().map(|answer| answer.at).or(self.arrived.first().copied()).unwrap_or(self.sent)
    }

    /// What became of it, in one sentence; `record` is what the story is about.
    pub(crate) fn words(&self, names: &Names<'_>, record: Option<&RecordId>) -> String {
        let subject = self.subject(names, record);
        let Some(first) = self.answered.first() else {
            return match &self.ended {
                Some((_, End::Delivered { status, .. })) => {
                    format!("somebody else than the server answered {subject} with status {status}")
                }
                Some((_, End::Failed { error })) if self.arrived.is_empty() => {
                    format!("{subject} never reached the server ({error})")
                }
                Some((_, End::Failed { error })) => format!("the server never answered {subject} ({error})"),
                None if self.arrived.is_empty() => format!("{subject} was on its way and never arrived"),
                None => format!("the server got {subject}"),
            };
        };
        let result = first.words(record);
        let twice = match self.answered.len() {
            1 => String::new(),
            2 => "; it was delivered twice".to_owned(),
            n => format!("; it was delivered {n} times"),
        };
        match &self.ended {
            Some((_, End::Delivered { replaced: true, status })) => {
                format!(
                    "the server {result} {subject}; its device got somebody else's answer, status {status}{twice}"
                )
            }
            Some((_, End::Delivered { .. })) => format!("the server {result} {subject}{twice}"),
            Some((at, End::Failed { .. })) if *at < first.at => {
                format!("the server {result} {subject} after its device had given it up{twice}")
            }
            Some((_, End::Failed { .. })) => {
                format!("the answer to {subject} was lost after the server {result} it{twice}")
            }
            None => format!("the server {result} {subject}; its device never heard of it{twice}"),
        }
    }

    /// `phone's push (create task/1 and 3 more)`; `phone's push` in a story about no record.
    fn subject(&self, names: &Names<'_>, record: Option<&RecordId>) -> String {
        let Some(record) = record else { return format!("{}'s {}", self.device, self.class) };
        let about = |mutation: &&Mutation| mutation.record == *record;
        let first = self.mutations.iter().find(about).or(self.mutations.first());
        let what = match (first, self.mutations.len()) {
            (None, _) => String::new(),
            (Some(only), 1) => format!(" ({})", names.mutation(only)),
            (Some(first), n) => format!(" ({} and {} more)", names.mutation(first), n - 1),
        };
        format!("{}'s {}{what}", self.device, self.class)
    }
}

impl Answer<'_> {
    /// What the server did, as a verb: `committed`, `rejected (forbidden)`.
    fn words(&self, record: Option<&RecordId>) -> String {
        if !(200..300).contains(&self.status) {
            return format!("refused (status {})", self.status);
        }
        let Ok(answer) = serde_json::from_str::<PushAnswer>(self.body) else {
            return "answered".to_owned();
        };
        let about = |result: &&deadzone_contract::wire::MutationResult| {
            record.is_some_and(|record| result.record == *record)
        };
        let mut results = answer.results.iter();
        match results.clone().find(about).or_else(|| results.next()).map(|result| &result.outcome) {
            None => "answered".to_owned(),
            Some(Outcome::Deferred) => "deferred".to_owned(),
            Some(Outcome::Rejected { code, .. }) => format!("rejected ({code})"),
            Some(Outcome::Done { fields }) => {
                let conflict = |(field, result): (&String, &FieldResult)| {
                    matches!(result, FieldResult::Conflict { .. }).then(|| field.clone())
                };
                match fields.iter().find_map(conflict) {
                    Some(field) => format!("committed (with a conflict on {field})"),
                    None => "committed".to_owned(),
                }
            }
        }
    }
}

fn class(path: &str) -> &'static str {
    match path.split('?').next().unwrap_or_default() {
        PATH_MUTATIONS => "push",
        PATH_SYNC => "pull",
        PATH_TOKEN => "sign-in",
        _ => "request",
    }
}

fn mutations(path: &str, body: &str) -> Vec<Mutation> {
    if class(path) != "push" {
        return Vec::new();
    }
    serde_json::from_str(body).map(|push: PushRequest| push.mutations).unwrap_or_default()
}
