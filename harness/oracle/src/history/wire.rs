//! Requests and their answers.
//!
//! Bodies are read leniently: what is not of the contract's form tells nothing, and breaks
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::{
    CURSOR_START, HEADER_DEVICE_ID, HEADER_QUEUE_AGE, PATH_HINTS, PATH_MEMBERS, PATH_MUTATIONS, PATH_SYNC,
    PATH_TOKEN,
};
use deadzone_contract::{Code, Stamp, Value};
use deadzone_trace::{Entry, Event};

use super::answers::{Content, Told};
use super::bodies::{self, Mutation, Outcome};
use super::{Effect, Ids};

/// When to come again, in seconds.
const RETRY_AFTER: &str = "retry-after";

/// What a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// It brings what was saved.
    Push,
    /// It asks what others did.
    Pull,
    /// It waits for news.
    Hints,
    /// It signs in, or refreshes tokens.
    Token,
    /// It changes what a user may do.
    Members,
    #[default]
    Other,
}

impl Class {
    fn of(method: &str, path: &str) -> Class {
        let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
        match (method, bare) {
            ("POST", _) if path.starts_with(PATH_MUTATIONS) => Class::Push,
            ("GET", PATH_SYNC) => Class::Pull,
            ("GET", PATH_HINTS) => Class::Hints,
            ("POST", PATH_TOKEN) => Class::Token,
            ("POST", PATH_MEMBERS) => Class::Members,
            _ => Class::Other,
        }
    }
}

/// One request of a device.
#[derive(Debug, Default)]
pub(crate) struct Request<'t> {
    pub(crate) device: &'t str,
    /// The name by which the server knows the device.
    pub(crate) device_id: Option<&'t str>,
    pub(crate) class: Class,
    /// When it was sent.
    pub(crate) sent: usize,
    /// The age of the device's oldest pending mutation, as it says.
    pub(crate) queue_age_ms: Option<u64>,
    /// When the server's machine had it, once for each copy.
    pub(crate) arrived: Vec<usize>,
    /// When the device had the server's own answer, if that was a success.
    pub(crate) accepted: Option<usize>,
    /// When the exchange ended on the device, however that was.
    pub(crate) closed: Option<usize>,
    /// The HTTP status of the server's own answer that the device had.
    pub(crate) status: Option<u16>,
    /// The mutations that it carries, in their order.
    pub(crate) mutations: Vec<Mutation>,
    /// The records that it carries work on.
    pub(crate) records: BTreeSet<usize>,
    /// Those of them whose work an answer of the server calls done.
    pub(crate) done: BTreeSet<usize>,
    /// What the server answered, once for each copy.
    pub(crate) answers: Vec<Answer>,
}

/// One answer of the server, whether it got anywhere or not.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) at: usize,
    /// HTTP status.
    pub(crate) status: u16,
    /// How long its device has to wait before it asks again, in seconds.
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) content: Content,
}

impl Answer {
    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Request<'_> {
    /// What answers of success say of the mutation at a position, with the moment of the answer.
    pub(crate) fn outcomes(&self, position: usize) -> impl Iterator<Item = (usize, &Outcome)> {
        self.answers
            .iter()
            .filter_map(move |answer| Some((answer.at, answer.content.results.as_ref()?.get(position)?)))
    }

    /// The positions of the mutations that do what an effect on a record does.
    fn carrying(&self, record: usize, effect: &Effect<'_>) -> impl Iterator<Item = usize> {
        let mutations = self.mutations.iter().enumerate();
        let carrying = mutations.filter(move |(_, m)| m.record == Some(record) && m.does(effect));
        carrying.map(|(position, _)| position)
    }
}

/// Everything that went over the wire and that oracles ask for.
#[derive(Debug, Default)]
pub(crate) struct Wire<'t> {
    requests: Vec<Request<'t>>,
    /// By device and record.
    pushes: BTreeMap<&'t str, BTreeMap<usize, Vec<usize>>>,
    delivered: BTreeMap<&'t str, Vec<usize>>,
    stamps: BTreeMap<&'t str, StampsOfDevice>,
    /// By record, what answers told of it, in the order in which devices had them.
    told: BTreeMap<usize, Vec<Told<'t>>>,
    full_pulls: BTreeMap<&'t str, Vec<(usize, usize)>>,
    new_pulls: BTreeMap<&'t str, Vec<usize>>,
}

/// The stamp last sent with each value, by record and field.
type StampsOfDevice = BTreeMap<(usize, String), BTreeMap<Value, Stamp>>;

impl<'t> Wire<'t> {
    /// The pushes of a device that carry work on a record, in the order in which they left.
    pub(crate) fn pushes(
        &self,
        device: &str,
        record: usize,
    ) -> impl DoubleEndedIterator<Item = &Request<'t>> {
        let found = self.pushes.get(device).and_then(|records| records.get(&record));
        let found = found.map(Vec::as_slice).unwrap_or_default();
        found.iter().map(|&i| &self.requests[i])
    }

    /// Every request, in the order in which they left.
    pub(crate) fn requests(&self) -> &[Request<'t>] {
        &self.requests
    }

    /// The request that was sent in an entry.
    pub(crate) fn request_at(&self, sent: usize) -> Option<&Request<'t>> {
        let found = self.requests.binary_search_by_key(&sent, |request| request.sent).ok()?;
        self.requests.get(found)
    }

    /// Whether a device received any answer after `from` and before `until`.
    pub(crate) fn heard(&self, device: &str, from: usize, until: usize) -> bool {
        let times = self.delivered.get(device).map(Vec::as_slice).unwrap_or_default();
        let first = times.partition_point(|&at| at <= from);
        times.get(first).is_some_and(|&at| at < until)
    }

    /// What answers told devices of a record, in the order in which they had them.
    pub(crate) fn told(&self, record: usize) -> &[Told<'t>] {
        self.told.get(&record).map(Vec::as_slice).unwrap_or_default()
    }

    /// By device: when it sent each pull that brought the last page, and when it had that page.
    pub(crate) fn full_pulls(&self) -> &BTreeMap<&'t str, Vec<(usize, usize)>> {
        &self.full_pulls
    }

    /// Whether a device asked for everything anew after `from` and before `until`.
    pub(crate) fn began_anew(&self, device: &str, from: usize, until: usize) -> bool {
        let times = self.new_pulls.get(device).map(Vec::as_slice).unwrap_or_default();
        let first = times.partition_point(|&at| at <= from);
        times.get(first).is_some_and(|&at| at < until)
    }

    /// The stamp that a device last sent with a value of a field.
    pub(crate) fn stamp(&self, device: &str, record: usize, field: &str, value: &Value) -> Option<&Stamp> {
        self.stamps.get(device)?.get(&(record, field.to_owned()))?.get(value)
    }

    /// Whether the server may have taken an effect on a record, by what `device` sent of it after
    /// `from`: a request that carries it arrived, and no answer says that it was refused.
    pub(crate) fn may_have_taken(
        &self,
        device: &str,
        from: usize,
        record: usize,
        effect: &Effect<'_>,
    ) -> bool {
        let arrived = self.pushes(device, record).filter(|push| push.sent > from && !push.arrived.is_empty());
        arrived.into_iter().any(|push| {
            // In a body of another form nobody knows what is carried.
            if push.mutations.is_empty() {
                return true;
            }
            push.carrying(record, effect).any(|position| {
                let refusals = push.outcomes(position).filter(|(_, outcome)| outcome.refused(effect));
                refusals.count() < push.arrived.len()
            })
        })
    }

    /// When a device was told of an effect on a record that nobody can say any more whether it took
    /// place.
    pub(crate) fn expired(&self, device: &str, record: usize, effect: &Effect<'_>) -> Option<usize> {
        let is_expired = |outcome: &Outcome| matches!(outcome, Outcome::Rejected(Some(Code::KeyExpired)));
        let told = self.pushes(device, record).filter(|push| {
            let mut of_effect = push.carrying(record, effect).flat_map(|position| push.outcomes(position));
            of_effect.any(|(_, outcome)| is_expired(outcome))
        });
        told.filter_map(|push| push.accepted).min()
    }

    /// When devices were told that their own delete of a record is done, each with the moment at which
    /// the server was first asked for it.
    pub(crate) fn deletes_done(&self, record: usize) -> Vec<(&'t str, usize, usize)> {
        let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
        let mut done = Vec::new();
        for push in self.requests.iter().filter(|request| request.records.contains(&record)) {
            let is_delete = |at: usize| {
                let mutation = push.mutations.get(at);
                mutation.is_some_and(|of| of.record == Some(record) && of.kind == bodies::Kind::Delete)
            };
            let Some(&arrived) = push.arrived.first() else { continue };
            if !(0..push.mutations.len()).any(is_delete) {
                continue;
            }
            let first = asked.entry(push.device).or_insert(arrived);
            *first = arrived.min(*first);
            let mut unseen = push.answers.iter().flat_map(|answer| &answer.content.unseen);
            if let Some(at) = push.accepted.filter(|_| unseen.any(|&at| is_delete(at))) {
                done.push((push.device, at));
            }
        }
        done.into_iter().map(|(device, at)| (device, asked[device], at)).collect()
    }

    /// The HTTP status that the server answered to a device last.
    pub(crate) fn last_status(&self, device: &str) -> Option<u16> {
        let of_device = self.requests.iter().filter(|request| request.device == device);
        let answers = of_device.flat_map(|request| &request.answers);
        answers.max_by_key(|answer| answer.at).map(|answer| answer.status)
    }

    /// Whether an answer called an effect on a record done, in what `device` sent after `from`.
    pub(crate) fn was_done(&self, device: &str, from: usize, record: usize, effect: &Effect<'_>) -> bool {
        self.pushes(device, record).filter(|push| push.sent > from).any(|push| {
            push.carrying(record, effect)
                .any(|position| push.outcomes(position).any(|(_, outcome)| outcome.did(effect)))
        })
    }
}

/// Reads every exchange of a trace.
pub(crate) fn read<'t>(entries: &'t [Entry], ids: &Ids<'t>) -> Wire<'t> {
    let mut reader = Reader { wire: Wire::default(), by_name: BTreeMap::new(), ids };
    for (at, entry) in entries.iter().enumerate() {
        reader.take(at, entry);
    }
    let mut wire = reader.wire;
    for (i, request) in wire.requests.iter().enumerate() {
        for &record in &request.records {
            wire.pushes.entry(request.device).or_default().entry(record).or_default().push(i);
        }
    }
    wire
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let found = headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

struct Reader<'i, 't> {
    wire: Wire<'t>,
    by_name: BTreeMap<&'t str, usize>,
    ids: &'i Ids<'t>,
}

impl<'t> Reader<'_, 't> {
    fn take(&mut self, at: usize, entry: &'t Entry) {
        match &entry.event {
            Event::Sent { exchange, method, path, headers, body } => {
                self.by_name.insert(&exchange.0, self.wire.requests.len());
                let (device, class) = (entry.host.as_str(), Class::of(method, path));
                let device_id = header(headers, HEADER_DEVICE_ID);
                let queue_age_ms = header(headers, HEADER_QUEUE_AGE).and_then(|age| age.trim().parse().ok());
                let request =
                    Request { device, device_id, queue_age_ms, class, sent: at, ..Request::default() };
                self.send(request, path, body);
            }
            Event::Arrived { exchange, .. } => {
                if let Some(&i) = self.by_name.get(exchange.0.as_str()) {
                    self.wire.requests[i].arrived.push(at);
                }
            }
            Event::Answered { exchange, status, headers, body, .. } => {
                if let Some(&i) = self.by_name.get(exchange.0.as_str()) {
                    let request = &mut self.wire.requests[i];
                    let content = Content::read(request.class, *status, body, self.ids);
                    let retry_after_s = header(headers, RETRY_AFTER).and_then(|s| s.trim().parse().ok());
                    request.answers.push(Answer { at, status: *status, retry_after_s, content });
                }
            }
            Event::Delivered { exchange, status, replaced } => {
                self.wire.delivered.entry(&entry.host).or_default().push(at);
                let Some(&i) = self.by_name.get(exchange.0.as_str()) else { return };
                let request = &mut self.wire.requests[i];
                request.closed = Some(at);
                if replaced.is_none() {
                    request.status = Some(*status);
                    if (200..300).contains(status) {
                        self.accept(i, at);
                    }
                }
            }
            Event::Failed { exchange, .. } => {
                if let Some(&i) = self.by_name.get(exchange.0.as_str()) {
                    self.wire.requests[i].closed = Some(at);
                }
            }
            _ => {}
        }
    }

    fn send(&mut self, mut request: Request<'t>, path: &str, body: &str) {
        let (device, at) = (request.device, request.sent);
        match request.class {
            Class::Push => {
                (request.mutations, request.records) = bodies::read_push(body, self.ids);
                for mutation in &request.mutations {
                    self.keep_stamps(device, mutation);
                }
            }
            Class::Pull => {
                let start = format!("since={CURSOR_START}");
                if !path.contains('?') || path.split(['?', '&']).any(|part| part == start) {
                    self.wire.new_pulls.entry(device).or_default().push(at);
                }
            }
            Class::Hints | Class::Token | Class::Members | Class::Other => {}
        }
        self.wire.requests.push(request);
    }

    fn keep_stamps(&mut self, device: &'t str, mutation: &Mutation) {
        let (Some(record), Some(stamp)) = (mutation.record, &mutation.stamp) else { return };
        let known = self.wire.stamps.entry(device).or_default();
        for (field, op) in &mutation.fields {
            if let Some(value) = op.value() {
                known.entry((record, field.clone())).or_default().insert(value.clone(), stamp.clone());
            }
        }
    }

    /// A device has the server's own answer. Where there are several, to several copies of the
    /// request, it may be any of them.
    fn accept(&mut self, i: usize, at: usize) {
        let request = &mut self.wire.requests[i];
        request.accepted = Some(at);
        let device = request.device;
        let mut successes = request.answers.iter_mut().filter(|answer| answer.is_success()).peekable();
        // An answer of an unknown form is not known to leave anything out.
        let mut all = successes.peek().is_none();
        let mut last_pages = Vec::new();
        let mut told = Vec::new();
        for answer in successes {
            last_pages.extend(answer.content.page.map(|(_, last)| last));
            all |= answer.content.results.is_none();
            request.done.extend(answer.content.done.iter());
            told.append(&mut answer.content.states);
        }
        if all {
            request.done.clone_from(&request.records);
        }
        if !last_pages.is_empty() && last_pages.iter().all(|last| *last) {
            self.wire.full_pulls.entry(device).or_default().push((request.sent, at));
        }
        let class = request.class;
        let asked = request.arrived.first().copied().unwrap_or(request.sent);
        for (id, state) in told {
            if let Some(&record) = self.ids.get(id.0.as_str()) {
                self.wire.told.entry(record).or_default().push(Told { asked, at, device, class, state });
            }
        }
    }
}
