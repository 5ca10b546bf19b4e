//! Requests and answers: nothing in them that is not for the user of the device.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::PATH_HINTS;
use deadzone_trace::{Entry, Event};
use serde_json::Value as Json;

use super::canaries::{Canaries, Canary, Kind};
use super::{called, case, is_for, told};
use crate::findings::Findings;
use crate::history::History;

/// Judges every exchange.
pub(super) fn judge(history: &History<'_>, canaries: &Canaries<'_>, findings: &mut Findings) {
    let mut walk = Walk {
        history,
        canaries,
        sent: BTreeMap::new(),
        arrived: BTreeMap::new(),
        answered: BTreeSet::new(),
    };
    for (at, entry) in history.entries.iter().enumerate() {
        if let Event::Sent { path, .. } = &entry.event {
            walk.judge_path(at, &entry.host, path, findings);
        }
        if !canaries.is_idle() {
            walk.take(at, entry, findings);
        }
    }
}

/// A request that was sent.
struct Sent<'t> {
    at: usize,
    device: &'t str,
    path: &'t str,
    body: &'t str,
    users: BTreeSet<Option<&'t str>>,
    /// The mutations that it carries: the name that its device goes by, and their numbers.
    numbers: Vec<(&'t str, u64)>,
}

struct Walk<'h, 't> {
    history: &'h History<'t>,
    canaries: &'h Canaries<'h>,
    sent: BTreeMap<&'t str, Sent<'t>>,
    arrived: BTreeMap<(&'t str, u32), usize>,
    /// The mutations that were answered.
    answered: BTreeSet<(&'t str, u64)>,
}

/// What is judged of an exchange: some text, found at a moment.
struct Passage<'a, 't> {
    sent: &'a Sent<'t>,
    /// It may be for whoever was entitled at a moment between these.
    from: usize,
    to: usize,
    clause: &'static str,
    text: &'t str,
}

impl<'t> Walk<'_, 't> {
    fn take(&mut self, at: usize, entry: &'t Entry, findings: &mut Findings) {
        match &entry.event {
            Event::Sent { exchange, path, body, .. } => {
                // A transport may have had it for a while, but not for longer than an instant.
                let handed = self.history.entries.partition_point(|earlier| earlier.at_us < entry.at_us);
                let mut users = self.history.users.at(&entry.host, at);
                users.extend(self.history.users.at(&entry.host, handed));
                let numbers = self.numbers(at);
                let sent = Sent { at, device: &entry.host, path, body, users, numbers };
                self.judge_request(&sent, findings);
                self.sent.insert(&exchange.0, sent);
            }
            Event::Arrived { exchange, copy } => {
                self.arrived.insert((&exchange.0, *copy), at);
            }
            Event::Answered { exchange, copy, status, headers, body } => {
                let Some(sent) = self.sent.get(exchange.0.as_str()) else { return };
                let arrived = self.arrived.get(&(exchange.0.as_str(), *copy)).copied();
                let hints = sent.path.starts_with(PATH_HINTS);
                let replay = sent.numbers.iter().any(|number| self.answered.contains(number));
                let clause = match status {
                    400.. => "in-an-error",
                    _ if hints => "in-a-hint",
                    _ if replay => "in-a-replay",
                    _ => "on-the-wire",
                };
                let from = arrived.filter(|_| !hints).unwrap_or(at);
                let passage = |text| Passage { sent, from, to: at, clause, text };
                self.judge(&passage(body), findings);
                headers.iter().for_each(|(_, value)| self.judge(&passage(value), findings));
                if (200..300).contains(status) {
                    self.answered.extend(sent.numbers.iter().copied());
                }
            }
            Event::Delivered { exchange, replaced: Some(text), .. } => {
                let Some(sent) = self.sent.get(exchange.0.as_str()) else { return };
                let passage = Passage { sent, from: sent.at, to: at, clause: "from-a-cache", text };
                self.judge(&passage, findings);
            }
            _ => {}
        }
    }

    fn numbers(&self, at: usize) -> Vec<(&'t str, u64)> {
        let request = self.history.wire.request_at(at);
        let Some((request, device)) = request.and_then(|request| Some((request, request.device_id?))) else {
            return Vec::new();
        };
        request.mutations.iter().filter_map(|mutation| Some((device, mutation.number?))).collect()
    }

    /// No token stands where logs have it.
    fn judge_path(&self, at: usize, device: &str, path: &str, findings: &mut Findings) {
        let parts = path.split(['/', '?', '&', '=']).filter_map(|part| self.canaries.of(part));
        for token in parts.filter(|canary| canary.kind == Kind::Token) {
            let case = case(self.history, "on-the-wire", token, Some(device), None, at);
            findings.report(case.says(
                format!("{device} sends a token in the path of a request"),
                "tokens in headers and bodies only: paths stand in logs",
            ));
        }
    }

    /// A device sends nothing that none of its user's screens can ever have shown.
    fn judge_request(&self, sent: &Sent<'t>, findings: &mut Findings) {
        for text in [sent.path, sent.body] {
            for canary in self.canaries.in_text(text, false) {
                let own = sent.users.iter().any(|user| is_for(self.history, canary, *user, 0, sent.at));
                if own || canary.kind == Kind::Token {
                    continue;
                }
                let user = sent.users.first().copied().flatten();
                let case = case(self.history, "on-the-wire", canary, Some(sent.device), user, sent.at);
                findings.report(case.subject("request").says(
                    format!(
                        "{}, in the hands of {}, sends {}",
                        sent.device,
                        called(user),
                        told(self.history, canary),
                    ),
                    "nothing of a row to which its user was never entitled",
                ));
            }
        }
    }

    fn judge(&self, passage: &Passage<'_, 't>, findings: &mut Findings) {
        let sent = passage.sent;
        for canary in self.canaries.in_text(passage.text, passage.clause == "in-an-error") {
            let entitled =
                sent.users.iter().any(|user| is_for(self.history, canary, *user, passage.from, passage.to));
            if entitled || self.is_no_news(canary, passage) {
                continue;
            }
            let user = sent.users.first().copied().flatten();
            let case = case(self.history, passage.clause, canary, Some(sent.device), user, passage.to);
            findings.report(case.evidence([sent.at, passage.from]).says(
                format!(
                    "an answer to {}, in the hands of {}, has {} in it",
                    sent.device,
                    called(user),
                    told(self.history, canary),
                ),
                "nothing to which its user was entitled at no moment from the request to the answer",
            ));
            // One is enough to tell the story of an answer.
            return;
        }
    }

    /// Whether the device said it itself, or is only told that what its user once saw is gone.
    fn is_no_news(&self, canary: &Canary<'_>, passage: &Passage<'_, 't>) -> bool {
        let sent = passage.sent;
        if canary.kind == Kind::Token {
            // Its own answer hands it out.
            return canary.since == passage.to;
        }
        if sent.body.contains(canary.word) || sent.path.contains(canary.word) {
            return true;
        }
        let ever = sent.users.iter().any(|user| is_for(self.history, canary, *user, 0, passage.to));
        canary.kind == Kind::Id && ever && only_as_gone(passage.text, canary.word)
    }
}

/// Whether an identity stands nowhere in an answer but where it says what is gone.
fn only_as_gone(text: &str, id: &str) -> bool {
    fn outside(json: &Json, id: &str) -> bool {
        match json {
            Json::String(words) => words.contains(id),
            Json::Array(items) => items.iter().any(|item| outside(item, id)),
            Json::Object(members) => members.iter().any(|(name, member)| {
                let is_end = matches!(name.as_str(), "removed" | "tombstone");
                !is_end && (name.contains(id) || outside(member, id))
            }),
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }
    let fine = |document: &str| serde_json::from_str(document).is_ok_and(|json| !outside(&json, id));
    // A stream of events has one document in a line.
    let events = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let mut events = events.filter(|data| data.contains(id)).peekable();
    if events.peek().is_some() { events.all(fine) } else { fine(text) }
}
