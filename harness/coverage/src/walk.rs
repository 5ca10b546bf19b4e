//! One pass over a trace: each entry is read once, shown to every family, and then taken in.

use deadzone_trace::{Entry, Event, Trace};

use crate::families;
use crate::met::Met;
use crate::state::{
    Answer, Begun, Content, Device, DeviceNo, Outcome, Record, RecordNo, Request, Sent, State, What,
};

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

    /// Who pushed, and those of their mutations that were carried out just now and not before.
    pub(crate) fn carried_out(&self) -> impl Iterator<Item = (DeviceNo, Sent)> + use<'a, 't> {
        let sender = self.sender().map(|(no, _)| no);
        let fresh =
            self.results().filter(|(_, outcome)| matches!(outcome, Outcome::Done { fresh: true, .. }));
        fresh.filter_map(move |(mutation, _)| Some((sender?, mutation)))
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

    pub(crate) fn record_no(&mut self, id: &'t str) -> RecordNo {
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
}
