//! Requests, their answers, and the pushes among them.
//!
//! Bodies are read leniently: what is not of the contract's form tells nothing, and breaks
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::{CURSOR_START, PATH_MUTATIONS, PATH_SYNC};
use deadzone_contract::{RecordId, Stamp, Value};
use deadzone_trace::{Entry, Event};
use serde_json::Value as Json;

use super::answers::{self, Told};

/// One request of a device.
#[derive(Debug, Default)]
pub(crate) struct Request<'t> {
    pub(crate) device: &'t str,
    /// When it was sent.
    pub(crate) sent: usize,
    /// When the server's machine had it, once for each copy.
    pub(crate) arrived: Vec<usize>,
    /// When the device had the server's own answer, if that was a success.
    pub(crate) accepted: Option<usize>,
    /// When the exchange ended on the device, however that was.
    pub(crate) closed: Option<usize>,
    /// The records that it carries work on.
    pub(crate) records: BTreeSet<usize>,
    /// Those of them whose work an answer of the server calls done.
    pub(crate) done: BTreeSet<usize>,
    /// When the server answered it with success, once for each copy.
    pub(crate) answered: Vec<usize>,
    /// It asks what others did.
    is_pull: bool,
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
}

/// Reads every exchange of a trace.
pub(crate) fn read<'t>(entries: &'t [Entry], ids: &BTreeMap<&'t RecordId, usize>) -> Wire<'t> {
    let mut wire = Wire::default();
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        match &entry.event {
            Event::Sent { exchange, method, path, body, .. } => {
                by_name.insert(&exchange.0, wire.requests.len());
                let mut request = Request { device: &entry.host, sent: at, ..Request::default() };
                if method == "POST" && path.starts_with(PATH_MUTATIONS) {
                    wire.read_push(&mut request, body, ids);
                } else if let Some(query) = path.strip_prefix(PATH_SYNC)
                    && method == "GET"
                    && (query.is_empty() || query.starts_with('?'))
                {
                    request.is_pull = true;
                    let start = format!("since={CURSOR_START}");
                    if query.is_empty() || query.split(['?', '&']).any(|part| part == start) {
                        wire.new_pulls.entry(&entry.host).or_default().push(at);
                    }
                }
                wire.requests.push(request);
            }
            Event::Arrived { exchange, .. } => {
                if let Some(&i) = by_name.get(exchange.0.as_str()) {
                    wire.requests[i].arrived.push(at);
                }
            }
            Event::Answered { exchange, status, .. } => {
                if let Some(&i) = by_name.get(exchange.0.as_str())
                    && (200..300).contains(status)
                {
                    wire.requests[i].answered.push(at);
                }
            }
            Event::Delivered { exchange, status, replaced } => {
                wire.delivered.entry(&entry.host).or_default().push(at);
                let Some(&i) = by_name.get(exchange.0.as_str()) else { continue };
                wire.requests[i].closed = Some(at);
                if (200..300).contains(status) && replaced.is_none() {
                    wire.accept(i, at, entries, ids);
                }
            }
            Event::Failed { exchange, .. } => {
                if let Some(&i) = by_name.get(exchange.0.as_str()) {
                    wire.requests[i].closed = Some(at);
                }
            }
            _ => {}
        }
    }
    for (i, request) in wire.requests.iter().enumerate() {
        for &record in &request.records {
            wire.pushes.entry(request.device).or_default().entry(record).or_default().push(i);
        }
    }
    wire
}

impl<'t> Wire<'t> {
    /// A device has the server's own answer. Where there are several, to several copies of the
    /// request, it may be any of them.
    fn accept(&mut self, i: usize, at: usize, entries: &'t [Entry], ids: &BTreeMap<&RecordId, usize>) {
        let request = &mut self.requests[i];
        request.accepted = Some(at);
        let body = |&answer: &usize| match &entries[answer].event {
            Event::Answered { body, .. } => body.as_str(),
            _ => "",
        };
        let bodies: Vec<&str> = request.answered.iter().map(body).collect();
        let device = request.device;
        let mut told = Vec::new();
        if request.is_pull {
            let last =
                bodies.iter().filter_map(|body| answers::read_page(body, &mut told)).collect::<Vec<_>>();
            if !last.is_empty() && last.iter().all(|last| *last) {
                self.full_pulls.entry(device).or_default().push((request.sent, at));
            }
        } else if !request.records.is_empty() {
            request.done = answers::read_push(&request.records, &bodies, ids, &mut told);
        }
        for (id, state) in told {
            if let Some(&record) = ids.get(&id) {
                self.told.entry(record).or_default().push(Told { at, device, state });
            }
        }
    }

    fn read_push(&mut self, request: &mut Request<'t>, body: &str, ids: &BTreeMap<&RecordId, usize>) {
        let Ok(body) = serde_json::from_str::<Json>(body) else { return };
        let Some(mutations) = body.get("mutations").and_then(Json::as_array) else {
            named_in(&body, ids, &mut request.records);
            return;
        };
        for mutation in mutations {
            let Some(record) = record_of(mutation, ids) else { continue };
            request.records.insert(record);
            let stamp = mutation.get("stamp").and_then(stamp_of);
            let fields = mutation.get("fields").and_then(Json::as_object);
            for (field, op) in fields.into_iter().flatten() {
                let value = op.get("put").or_else(|| op.get("write")).and_then(|op| op.get("value"));
                if let (Some(value), Some(stamp)) = (value.and_then(value_of), &stamp) {
                    let known = self.stamps.entry(request.device).or_default();
                    known.entry((record, field.clone())).or_default().insert(value, stamp.clone());
                }
            }
        }
    }
}

/// In a body of another form, a record is whatever is called as one.
fn named_in(body: &Json, ids: &BTreeMap<&RecordId, usize>, found: &mut BTreeSet<usize>) {
    match body {
        Json::String(words) => found.extend(ids.get(&RecordId(words.clone()))),
        Json::Array(items) => items.iter().for_each(|item| named_in(item, ids, found)),
        Json::Object(members) => {
            for (name, member) in members {
                found.extend(ids.get(&RecordId(name.clone())));
                named_in(member, ids, found);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn record_of(object: &Json, ids: &BTreeMap<&RecordId, usize>) -> Option<usize> {
    let id = RecordId(object.get("record")?.as_str()?.to_owned());
    ids.get(&id).copied()
}

fn stamp_of(json: &Json) -> Option<Stamp> {
    Some(Stamp {
        ms: json.get("ms")?.as_u64()?,
        n: u32::try_from(json.get("n")?.as_u64()?).ok()?,
        device: json.get("device")?.as_str()?.to_owned(),
    })
}

fn value_of(json: &Json) -> Option<Value> {
    serde_json::from_value(json.clone()).ok()
}
